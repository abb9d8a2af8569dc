#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/thread.h"
#include "base/xalloc.h"

#include "tests/fuzz/peer.h"

struct peer {
	struct peer_part parts[PEER_PARTS_MAX];
	size_t n;
	struct sockaddr_un address;
	int listener;
	pthread_t thread;
	int told[PEER_PARTS_MAX];
	size_t ntold;
};

static void
say(int fd, const struct peer_part *part)
{
	size_t at = 0;

	while (at < part->len) {
		ssize_t sent = send(
		    fd, part->data + at, part->len - at, MSG_NOSIGNAL);

		if (sent <= 0)
			return; /* it heard enough */
		at += (size_t)sent;
	}
	shutdown(fd, SHUT_WR);
}

static void *
serve(void *arg)
{
	struct peer *p = arg;

	while (p->ntold < p->n) {
		int fd = accept(p->listener, NULL, NULL);

		if (fd < 0)
			break;
		say(fd, &p->parts[p->ntold]);
		p->told[p->ntold++] = fd;
	}
	return NULL;
}

struct peer *
peer_start(const struct peer_part *parts, size_t n)
{
	struct peer *p = xcalloc(1, sizeof(*p));
	struct sockaddr_un *a = &p->address;
	struct err err = {0};
	int rc;

	assert(n <= PEER_PARTS_MAX);
	memcpy(p->parts, parts, n * sizeof(*parts));
	p->n = n;
	a->sun_family = AF_UNIX;
	snprintf(a->sun_path, sizeof(a->sun_path), "/tmp/drsync-fuzz-%ld",
	    (long)getpid());
	unlink(a->sun_path);
	p->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	rc = bind(p->listener, (struct sockaddr *)a, sizeof(*a));
	assert(rc == 0);
	rc = listen(p->listener, PEER_PARTS_MAX);
	assert(rc == 0);
	rc = thread_start(&p->thread, "peer", serve, p, &err);
	assert(rc == 0);
	return p;
}

const char *
peer_path(const struct peer *p)
{
	return p->address.sun_path;
}

/* Not before: who is hung up on while it asks does not hear all of it. */
void
peer_stop(struct peer *p)
{
	shutdown(p->listener, SHUT_RDWR);
	pthread_join(p->thread, NULL);
	while (p->ntold > 0)
		close(p->told[--p->ntold]);
	close(p->listener);
	unlink(p->address.sun_path);
	free(p);
}

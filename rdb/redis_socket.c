#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/tls_stream.h"

#include "rdb/redis_socket.h"

/* So long bytes may lie in the kernel while a batch is not full. */
#define BATCH_MS 5

struct redis_socket {
	int fd;
	int batch;		/* bytes; 0: each one is worth waking for */
	struct tls_stream *tls; /* NULL: plain */
	int64_t stall_ms;
	redis_socket_hear_fn *hear; /* NULL: nothing comes while we write */
	void *hear_arg;
};

struct redis_socket *
redis_socket_new(int fd)
{
	struct redis_socket *s = xcalloc(1, sizeof(*s));
	int on = 1;

	s->fd = fd;
	/* Best effort: neither changes what is sent. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	return s;
}

void
redis_socket_free(struct redis_socket *s)
{
	if (s == NULL)
		return;
	tls_stream_free(s->tls);
	close(s->fd);
	free(s);
}

int
redis_socket_fd(const struct redis_socket *s)
{
	return s->fd;
}

void
redis_socket_set_stall(struct redis_socket *s, int64_t stall_ms)
{
	s->stall_ms = stall_ms;
}

static void
set_lowat(const struct redis_socket *s, int bytes)
{
	/* Best effort: where it fails, we are woken more often. */
	setsockopt(s->fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
}

void
redis_socket_set_batch(struct redis_socket *s, int bytes)
{
	s->batch = bytes;
	set_lowat(s, bytes > 0 ? bytes : 1);
}

void
redis_socket_set_hear(
    struct redis_socket *s, redis_socket_hear_fn *hear, void *arg)
{
	s->hear = hear;
	s->hear_arg = arg;
}

static int
wait_ready(struct redis_socket *s, const struct scope *scope, short events,
    struct err *err)
{
	struct scope brief = s->stall_ms > 0 ? scope_within(scope, s->stall_ms)
					     : *scope;

	if (scope_wait_fd(&brief, s->fd, events, err) == 0)
		return 0;
	if (err->kind == ERR_UNREACHABLE && scope_left_ms(scope) > 0)
		return err_set(err, ERR_TRANSIENT,
		    "stalled: no byte for %lld ms", (long long)s->stall_ms);
	return -1;
}

/* A full batch; else, when its moment is over, whatever comes. */
static int
wait_to_read(struct redis_socket *s, const struct scope *scope, short events,
    struct err *err)
{
	struct scope brief = scope_within(scope, BATCH_MS);
	struct err early = {0};
	int rc;

	if (s->batch == 0 || events != POLLIN)
		return wait_ready(s, scope, events, err);
	if (scope_wait_fd(&brief, s->fd, events, &early) == 0)
		return 0;
	if (early.kind != ERR_UNREACHABLE || scope_left_ms(scope) <= 0) {
		*err = early;
		return -1;
	}
	set_lowat(s, 1);
	rc = wait_ready(s, scope, events, err);
	set_lowat(s, s->batch);
	return rc;
}

int
redis_socket_start_tls(struct redis_socket *s, struct tls_stream *tls,
    const struct scope *scope, struct err *err)
{
	short events = 0;
	int rc;

	assert(s->tls == NULL);
	s->tls = tls;
	while ((rc = tls_stream_handshake(tls, &events, err)) == 0)
		if (wait_ready(s, scope, events, err) != 0)
			return err_in(err, "TLS handshake");
	return rc == 1 ? 0 : -1;
}

/* What recv() or send() came to, as tls_stream_read() has it. */
static int
plain_outcome(ssize_t n, size_t *done, struct err *err)
{
	*done = n > 0 ? (size_t)n : 0;
	if (n >= 0)
		return 1;
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	return err_set(
	    err, ERR_TRANSIENT, "connection lost: %s", strerror(errno));
}

static int
read_step(struct redis_socket *s, void *out, size_t size, size_t *got,
    short *events, struct err *err)
{
	assert(size > 0);
	if (s->tls != NULL)
		return tls_stream_read(s->tls, out, size, got, events, err);
	*events = POLLIN;
	return plain_outcome(recv(s->fd, out, size, 0), got, err);
}

static int
write_step(struct redis_socket *s, const void *data, size_t len, size_t *put,
    short *events, struct err *err)
{
	if (s->tls != NULL)
		return tls_stream_write(s->tls, data, len, put, events, err);
	*events = POLLOUT;
	return plain_outcome(send(s->fd, data, len, MSG_NOSIGNAL), put, err);
}

int
redis_socket_try_read(struct redis_socket *s, void *out, size_t size,
    size_t *got, struct err *err)
{
	short events;

	return read_step(s, out, size, got, &events, err);
}

int
redis_socket_read(struct redis_socket *s, const struct scope *scope, void *out,
    size_t size, size_t *got, struct err *err)
{
	short events = 0;
	int rc;

	for (;;) {
		/* A peer that never pauses must not outrun a cancel. */
		if (scope_check(scope, err) != 0)
			return -1;
		rc = read_step(s, out, size, got, &events, err);
		if (rc != 0)
			return rc == 1 ? 0 : -1;
		if (wait_to_read(s, scope, events, err) != 0)
			return -1;
	}
}

/* A peer that closes says so to a reader: a writer could wait for long. */
static int
wait_to_write(struct redis_socket *s, const struct scope *scope, short events,
    struct err *err)
{
	if (s->hear == NULL)
		return wait_ready(s, scope, events, err);
	if (s->hear(s->hear_arg, err) != 0)
		return -1;
	return wait_ready(s, scope, (short)(events | POLLIN), err);
}

int
redis_socket_write(struct redis_socket *s, const struct scope *scope,
    const void *data, size_t len, struct err *err)
{
	const unsigned char *p = data;

	while (len > 0) {
		short events = 0;
		size_t put;
		int rc;

		if (scope_check(scope, err) != 0)
			return -1;
		rc = write_step(s, p, len, &put, &events, err);
		if (rc < 0)
			return -1;
		p += put;
		len -= put;
		if (rc == 0 && wait_to_write(s, scope, events, err) != 0)
			return -1;
	}
	return 0;
}

static int
numeric(const struct sockaddr_storage *addr, socklen_t len, char out[64],
    struct err *err)
{
	int rc;

	out[0] = '\0';
	if (addr->ss_family == AF_UNIX)
		return 0;
	rc = getnameinfo((const struct sockaddr *)addr, len, out, 64, NULL, 0,
	    NI_NUMERICHOST);
	if (rc != 0)
		return err_set(err, ERR_SYSTEM, "the socket's address: %s",
		    gai_strerror(rc));
	return 0;
}

int
redis_socket_local_ip(
    const struct redis_socket *s, char out[64], struct err *err)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);

	if (getsockname(s->fd, (struct sockaddr *)&addr, &len) != 0)
		return err_sys(err, "getsockname");
	return numeric(&addr, len, out, err);
}

int
redis_socket_peer_ip(
    const struct redis_socket *s, char out[64], struct err *err)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);

	if (getpeername(s->fd, (struct sockaddr *)&addr, &len) != 0)
		return err_sys(err, "getpeername");
	return numeric(&addr, len, out, err);
}

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/scope.h"
#include "rdb/redis_target.h"
#include "rdb/redis_tls.h"

#include "rdb/redis_socket.h"

/* The socket's own word on a connect() that went on in the background. */
static int
connect_outcome(int fd)
{
	int why = 0;
	socklen_t len = sizeof(why);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &len) != 0)
		return errno;
	return why;
}

static int
connect_to(const struct sockaddr *addr, socklen_t len,
    const struct scope *scope, struct err *err)
{
	int fd = socket(
	    addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int why = 0;

	if (fd < 0)
		return err_sys(err, "socket");
	if (connect(fd, addr, len) != 0)
		why = errno;
	if (why == EINPROGRESS || why == EINTR) {
		if (scope_wait_fd(scope, fd, POLLOUT, err) != 0)
			goto fail;
		why = connect_outcome(fd);
	}
	if (why == 0)
		return fd;
	err_set(err, ERR_UNREACHABLE, "cannot connect: %s", strerror(why));
fail:
	close(fd);
	return -1;
}

static int
connect_unix(const char *path, const struct scope *scope, struct err *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(addr.sun_path))
		return err_set(err, ERR_USAGE, "the socket's path is too long");
	strcpy(addr.sun_path, path);
	return connect_to((struct sockaddr *)&addr, sizeof(addr), scope, err);
}

static int
resolve(const struct redis_address *a, struct addrinfo **list, struct err *err)
{
	struct addrinfo hints = {
	    .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
	};
	char port[16];
	int rc;

	snprintf(port, sizeof(port), "%d", a->port);
	rc = getaddrinfo(a->host, port, &hints, list);
	if (rc == EAI_NONAME) {
		hints.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG;
		rc = getaddrinfo(a->host, port, &hints, list);
	}
	if (rc != 0)
		return err_set(err, ERR_UNREACHABLE,
		    "the name does not resolve: %s",
		    rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
	return 0;
}

static int
connect_tcp(
    const struct redis_address *a, const struct scope *scope, struct err *err)
{
	struct addrinfo *list;
	int64_t left = 0;
	int fd = -1;

	if (resolve(a, &list, err) != 0)
		return -1;
	for (struct addrinfo *i = list; i != NULL; i = i->ai_next)
		left++;
	for (struct addrinfo *i = list; i != NULL && fd < 0; i = i->ai_next) {
		struct scope share = scope_within(
		    scope, scope_left_ms(scope) / left--);

		fd = connect_to(i->ai_addr, i->ai_addrlen, &share, err);
		if (fd < 0 && err->kind == ERR_CANCELLED)
			break;
	}
	freeaddrinfo(list);
	return fd;
}

static int
start_tls(struct redis_socket *s, const char *host,
    const struct redis_tls_opts *opts, const struct scope *scope,
    struct err *err)
{
	struct tls_stream *t = redis_tls_new(
	    redis_socket_fd(s), host, opts, err);

	return t != NULL ? redis_socket_start_tls(s, t, scope, err) : -1;
}

struct redis_socket *
redis_socket_open(const struct redis_address *a,
    const struct redis_tls_opts *tls, const struct scope *scope,
    struct err *err)
{
	struct redis_socket *s;
	int fd = a->port == 0 ? connect_unix(a->host, scope, err)
			      : connect_tcp(a, scope, err);

	if (fd < 0)
		return NULL;
	s = redis_socket_new(fd);
	if (a->tls && start_tls(s, a->host, tls, scope, err) != 0) {
		redis_socket_free(s);
		return NULL;
	}
	return s;
}

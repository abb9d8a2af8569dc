#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/redis_target.h"
#include "rdb/redis_tls.h"

#include "rdb/redis_socket.h"

struct redis_socket {
	int fd;
	struct redis_tls *tls; /* NULL: plain */
	int64_t stall_ms;
};

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
connect_to(struct redis_socket *s, const struct sockaddr *addr, socklen_t len,
    const struct scope *scope, struct err *err)
{
	int why = 0;

	s->fd = socket(
	    addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return err_sys(err, "socket");
	if (connect(s->fd, addr, len) != 0)
		why = errno;
	if (why == EINPROGRESS || why == EINTR) {
		if (wait_ready(s, scope, POLLOUT, err) != 0)
			goto fail;
		why = connect_outcome(s->fd);
	}
	if (why == 0)
		return 0;
	err_set(err, ERR_UNREACHABLE, "cannot connect: %s", strerror(why));
fail:
	close(s->fd);
	s->fd = -1;
	return -1;
}

static int
connect_unix(struct redis_socket *s, const char *path,
    const struct scope *scope, struct err *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(addr.sun_path))
		return err_set(err, ERR_USAGE, "the socket's path is too long");
	strcpy(addr.sun_path, path);
	return connect_to(
	    s, (struct sockaddr *)&addr, sizeof(addr), scope, err);
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
connect_tcp(struct redis_socket *s, const struct redis_address *a,
    const struct scope *scope, struct err *err)
{
	struct addrinfo *list;
	int64_t left = 0;
	int rc = -1;
	int on = 1;

	if (resolve(a, &list, err) != 0)
		return -1;
	for (struct addrinfo *i = list; i != NULL; i = i->ai_next)
		left++;
	for (struct addrinfo *i = list; i != NULL && rc != 0; i = i->ai_next) {
		struct scope share = scope_within(
		    scope, scope_left_ms(scope) / left--);

		rc = connect_to(s, i->ai_addr, i->ai_addrlen, &share, err);
		if (rc != 0 && err->kind == ERR_CANCELLED)
			break;
	}
	freeaddrinfo(list);
	if (rc != 0)
		return -1;
	/* Best effort: neither changes what is sent. */
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(s->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	return 0;
}

static int
start_tls(struct redis_socket *s, const char *host,
    const struct redis_tls_opts *opts, const struct scope *scope,
    struct err *err)
{
	short events = 0;
	int rc;

	s->tls = redis_tls_new(s->fd, host, opts, err);
	if (s->tls == NULL)
		return -1;
	while ((rc = redis_tls_handshake(s->tls, &events, err)) == 0)
		if (wait_ready(s, scope, events, err) != 0)
			return err_in(err, "TLS handshake");
	return rc == 1 ? 0 : -1;
}

struct redis_socket *
redis_socket_open(const struct redis_address *a,
    const struct redis_tls_opts *tls, const struct scope *scope,
    struct err *err)
{
	struct redis_socket *s = xcalloc(1, sizeof(*s));
	int rc;

	s->fd = -1;
	if (a->port == 0)
		rc = connect_unix(s, a->host, scope, err);
	else
		rc = connect_tcp(s, a, scope, err);
	if (rc == 0 && a->tls)
		rc = start_tls(s, a->host, tls, scope, err);
	if (rc != 0) {
		redis_socket_free(s);
		return NULL;
	}
	return s;
}

void
redis_socket_free(struct redis_socket *s)
{
	if (s == NULL)
		return;
	redis_tls_free(s->tls);
	if (s->fd >= 0)
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

/* As redis_tls_read(), without TLS. */
static int
plain_read(struct redis_socket *s, void *out, size_t size, size_t *got,
    short *events, struct err *err)
{
	ssize_t n = recv(s->fd, out, size, 0);

	*got = n > 0 ? (size_t)n : 0;
	if (n >= 0)
		return 1;
	*events = POLLIN;
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	return err_set(
	    err, ERR_TRANSIENT, "connection lost: %s", strerror(errno));
}

static int
plain_write(struct redis_socket *s, const void *data, size_t len, size_t *put,
    short *events, struct err *err)
{
	ssize_t n = send(s->fd, data, len, MSG_NOSIGNAL);

	*put = n > 0 ? (size_t)n : 0;
	if (n >= 0)
		return 1;
	*events = POLLOUT;
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
		return redis_tls_read(s->tls, out, size, got, events, err);
	return plain_read(s, out, size, got, events, err);
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
		if (wait_ready(s, scope, events, err) != 0)
			return -1;
	}
}

int
redis_socket_write(struct redis_socket *s, const struct scope *scope,
    const void *data, size_t len, struct err *err)
{
	const unsigned char *p = data;
	short events = 0;
	size_t put;
	int rc;

	while (len > 0) {
		if (scope_check(scope, err) != 0)
			return -1;
		if (s->tls != NULL)
			rc = redis_tls_write(
			    s->tls, p, len, &put, &events, err);
		else
			rc = plain_write(s, p, len, &put, &events, err);
		if (rc < 0)
			return -1;
		p += put;
		len -= put;
		if (rc == 0 && wait_ready(s, scope, events, err) != 0)
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

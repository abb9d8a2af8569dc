#include <arpa/inet.h>
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
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/resp_command.h"

#include "rdb/posing_link.h"

#define IN_SIZE ((size_t)16 << 10)

/* Of one that connected, to ask for its sync: it sends all at once. */
#define GREETING_MS INT64_C(10000)
#define STALL_MS    INT64_C(60000)

static const char PING[] = "*1\r\n$4\r\nPING\r\n";

struct posing_link {
	int listener; /* -1: closed */
	int port;
	char peer[64];
	const struct posing_tls_opts *tls_opts;
	struct secret password; /* data NULL: none is asked for */

	int fd; /* -1: nobody */
	struct posing_tls *tls;
	char in[IN_SIZE];
	size_t in_len;
	bool proved;  /* it gave the password, or none is needed */
	bool asked;   /* for its sync */
	bool offsets; /* by PSYNC */
	uint64_t offset;
};

static int
listen_at(const struct addrinfo *a, struct err *err)
{
	int on = 1;
	int fd = socket(
	    a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_sys(err, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, a->ai_addr, a->ai_addrlen) != 0 || listen(fd, 8) != 0) {
		err_sys(err, "listen");
		close(fd);
		return -1;
	}
	return fd;
}

static int
port_of(int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);

	if (getsockname(fd, (struct sockaddr *)&addr, &len) != 0)
		return 0;
	if (addr.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&addr)->sin6_port);
	return ntohs(((struct sockaddr_in *)&addr)->sin_port);
}

struct posing_link *
posing_link_open(const struct posing_link_opts *opts, struct err *err)
{
	struct addrinfo hints = {
	    .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *list;
	struct posing_link *l;
	char port[16];
	int rc, fd;

	snprintf(port, sizeof(port), "%d", opts->port);
	rc = getaddrinfo(opts->bind, port, &hints, &list);
	if (rc != 0) {
		err_set(err, ERR_USAGE, "address to bind to, '%s': %s",
		    opts->bind, gai_strerror(rc));
		return NULL;
	}
	fd = listen_at(list, err);
	freeaddrinfo(list);
	if (fd < 0) {
		err_in(
		    err, "as a master on '%s' port %d", opts->bind, opts->port);
		return NULL;
	}
	l = xcalloc(1, sizeof(*l));
	l->listener = fd;
	l->fd = -1;
	l->port = port_of(fd);
	l->tls_opts = opts->tls;
	snprintf(l->peer, sizeof(l->peer), "%s", opts->peer);
	return l;
}

static void
hang_up(struct posing_link *l)
{
	posing_tls_free(l->tls);
	l->tls = NULL;
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	l->in_len = 0;
	l->proved = false;
}

void
posing_link_free(struct posing_link *l)
{
	if (l == NULL)
		return;
	hang_up(l);
	if (l->listener >= 0)
		close(l->listener);
	secret_release(&l->password);
	free(l);
}

int
posing_link_port(const struct posing_link *l)
{
	return l->port;
}

void
posing_link_set_password(struct posing_link *l, const struct secret *password)
{
	secret_copy(&l->password, password);
}

uint64_t
posing_link_offset(const struct posing_link *l)
{
	return l->offset;
}

bool
posing_link_has_offset(const struct posing_link *l)
{
	return l->offsets;
}

int
posing_link_fd(const struct posing_link *l)
{
	return l->fd;
}

/* As posing_tls_read(), whether TLS or not. */
static int
read_step(struct posing_link *l, void *out, size_t size, size_t *got,
    short *events, struct err *err)
{
	ssize_t n;

	if (l->tls != NULL)
		return posing_tls_read(l->tls, out, size, got, events, err);
	n = recv(l->fd, out, size, 0);
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
write_step(struct posing_link *l, const void *data, size_t len, size_t *put,
    short *events, struct err *err)
{
	ssize_t n;

	if (l->tls != NULL)
		return posing_tls_write(l->tls, data, len, put, events, err);
	n = send(l->fd, data, len, MSG_NOSIGNAL);
	*put = n > 0 ? (size_t)n : 0;
	if (n >= 0)
		return 1;
	*events = POLLOUT;
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	return err_set(
	    err, ERR_TRANSIENT, "connection lost: %s", strerror(errno));
}

/* 1: bytes came; 0: it would have to wait; -1 also at the peer's end. */
static int
take_in(struct posing_link *l, short *events, struct err *err)
{
	size_t got;
	int rc;

	if (l->in_len == IN_SIZE)
		return err_set(err, ERR_CORRUPT, "it sent no Redis command");
	rc = read_step(
	    l, l->in + l->in_len, IN_SIZE - l->in_len, &got, events, err);
	if (rc == 1 && got == 0)
		return err_set(err, ERR_TRANSIENT, "it closed the connection");
	l->in_len += rc == 1 ? got : 0;
	return rc;
}

static int
send_all(struct posing_link *l, const struct scope *scope, const void *data,
    size_t len, struct err *err)
{
	const unsigned char *p = data;

	while (len > 0) {
		short events = 0;
		size_t put;
		int rc;

		if (scope_check(scope, err) != 0)
			return -1;
		rc = write_step(l, p, len, &put, &events, err);
		if (rc < 0)
			return -1;
		p += put;
		len -= put;
		if (rc == 0) {
			struct scope brief = scope_within(scope, STALL_MS);

			/* A target that closes says so by POLLIN. */
			if (l->asked && posing_link_listen(l, err) != 0)
				return -1;
			events |= l->asked ? POLLIN : 0;
			if (scope_wait_fd(&brief, l->fd, events, err) != 0)
				return -1;
		}
	}
	return 0;
}

static int
say(struct posing_link *l, const struct scope *scope, const char *line,
    struct err *err)
{
	return send_all(l, scope, line, strlen(line), err);
}

/* AUTH [user] password: the user is whatever its masteruser is. */
static int
answer_auth(struct posing_link *l, const struct scope *scope,
    const struct resp_command *cmd, struct err *err)
{
	const struct resp_arg *given = &cmd->args[cmd->n - 1];

	if (l->password.data == NULL)
		return say(l, scope, "+OK\r\n", err);
	if (cmd->n < 2 || given->len != l->password.len ||
	    CRYPTO_memcmp(given->data, l->password.data, given->len) != 0) {
		say(l, scope,
		    "-WRONGPASS invalid username-password pair or user is "
		    "disabled.\r\n",
		    err);
		return err_set(err, ERR_AUTH, "it gave a wrong masterauth");
	}
	l->proved = true;
	return say(l, scope, "+OK\r\n", err);
}

static int
answer_sync(struct posing_link *l, const struct scope *scope, bool psync,
    struct err *err)
{
	unsigned char id[20];
	char hex[2 * sizeof(id) + 1];
	char line[80];

	if (psync) {
		scope_random(scope, id, sizeof(id));
		hex_encode(id, sizeof(id), hex);
		snprintf(line, sizeof(line), "+FULLRESYNC %s 0\r\n", hex);
		if (say(l, scope, line, err) != 0)
			return -1;
	}
	l->offsets = psync;
	l->asked = true;
	return 0;
}

static int
answer(struct posing_link *l, const struct scope *scope,
    const struct resp_command *cmd, struct err *err)
{
	if (cmd->n == 0)
		return 0;
	if (resp_command_is(cmd, 0, "AUTH"))
		return answer_auth(l, scope, cmd, err);
	if (!l->proved) {
		if (say(l, scope, "-NOAUTH Authentication required.\r\n",
			err) != 0)
			return -1;
		/* A replica greets before it gives its password. */
		if (resp_command_is(cmd, 0, "PING"))
			return 0;
		return err_set(err, ERR_AUTH, "it gave no masterauth");
	}
	if (resp_command_is(cmd, 0, "PING"))
		return say(l, scope, "+PONG\r\n", err);
	if (resp_command_is(cmd, 0, "REPLCONF"))
		return say(l, scope, "+OK\r\n", err);
	if (resp_command_is(cmd, 0, "PSYNC"))
		return answer_sync(l, scope, true, err);
	if (resp_command_is(cmd, 0, "SYNC"))
		return answer_sync(l, scope, false, err);
	return say(l, scope, "-ERR unknown command\r\n", err);
}

/* The next command in the input, dropped once it was seen to: as
 * resp_command_parse(). */
static int
next_command(struct posing_link *l, const struct scope *scope, struct err *err)
{
	struct resp_command cmd;
	size_t taken = 0;
	int rc = resp_command_parse(l->in, l->in_len, &cmd, &taken, err);

	if (rc == 1 && scope != NULL && answer(l, scope, &cmd, err) != 0)
		rc = -1;
	if (rc == 1) {
		l->in_len -= taken;
		memmove(l->in, l->in + taken, l->in_len);
	}
	return rc;
}

static int
start_tls(struct posing_link *l, const struct scope *scope, struct err *err)
{
	short events = 0;
	int rc;

	l->tls = posing_tls_new(l->fd, l->tls_opts, err);
	if (l->tls == NULL)
		return -1;
	while ((rc = posing_tls_accept(l->tls, &events, err)) == 0)
		if (scope_wait_fd(scope, l->fd, events, err) != 0)
			return -1;
	return rc == 1 ? 0 : -1;
}

/* From the first byte to the answered PSYNC. */
static int
greet(struct posing_link *l, const struct scope *scope, struct err *err)
{
	if (l->tls_opts != NULL && start_tls(l, scope, err) != 0)
		return -1;
	l->proved = l->password.data == NULL;
	while (!l->asked) {
		short events = 0;
		int rc = next_command(l, scope, err);

		if (rc < 0)
			return -1;
		if (rc == 1)
			continue;
		rc = take_in(l, &events, err);
		if (rc < 0)
			return -1;
		if (rc == 0 && scope_wait_fd(scope, l->fd, events, err) != 0)
			return -1;
	}
	return 0;
}

/* Numeric; an IPv4 address stays one where it came over an IPv6 socket. */
static bool
is_peer(const struct posing_link *l, const struct sockaddr_storage *addr,
    socklen_t len)
{
	const char *ip;
	char text[64];

	if (getnameinfo((const struct sockaddr *)addr, len, text, sizeof(text),
		NULL, 0, NI_NUMERICHOST) != 0)
		return false;
	ip = strncmp(text, "::ffff:", 7) == 0 ? text + 7 : text;
	return strcmp(ip, l->peer) == 0;
}

/* A connection from the target's address, not blocking; -1: none yet. */
static int
accept_peer(struct posing_link *l)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	int on = 1;
	int fd = accept4(l->listener, (struct sockaddr *)&addr, &len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return -1;
	if (!is_peer(l, &addr, len)) {
		close(fd);
		return -1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	return fd;
}

int
posing_link_accept(
    struct posing_link *l, const struct scope *scope, struct err *err)
{
	struct err last = {0};

	assert(l->fd < 0 && l->listener >= 0);
	for (;;) {
		struct scope brief;

		if (scope_wait_fd(scope, l->listener, POLLIN, err) != 0)
			break;
		l->fd = accept_peer(l);
		if (l->fd < 0)
			continue;
		brief = scope_within(scope, GREETING_MS);
		if (greet(l, &brief, &last) == 0) {
			close(l->listener);
			l->listener = -1;
			return 0;
		}
		hang_up(l);
		if (last.kind == ERR_CANCELLED) {
			*err = last;
			return -1;
		}
	}
	if (err->kind == ERR_UNREACHABLE && last.kind != ERR_NONE)
		return err_set(err, ERR_UNREACHABLE,
		    "the target reached us, but %.300s", last.text);
	if (err->kind == ERR_UNREACHABLE)
		return err_set(err, ERR_UNREACHABLE,
		    "the target did not connect to us (port %d)", l->port);
	return -1;
}

int
posing_link_send(struct posing_link *l, const struct scope *scope,
    const void *data, size_t len, struct err *err)
{
	if (send_all(l, scope, data, len, err) == 0)
		return 0;
	if (err->kind == ERR_UNREACHABLE && scope_left_ms(scope) > 0)
		return err_set(
		    err, ERR_TRANSIENT, "the target took no byte for a minute");
	return err_in(err, "sending to the target");
}

int
posing_link_ping(
    struct posing_link *l, const struct scope *scope, struct err *err)
{
	if (posing_link_send(l, scope, PING, sizeof(PING) - 1, err) != 0)
		return -1;
	l->offset += sizeof(PING) - 1;
	return 0;
}

int
posing_link_listen(struct posing_link *l, struct err *err)
{
	short events;
	int rc;

	do {
		/* Nothing that a replica says now needs an answer. */
		while ((rc = next_command(l, NULL, err)) == 1)
			;
		if (rc == 0)
			rc = take_in(l, &events, err);
	} while (rc == 1);
	return rc;
}

#include <arpa/inet.h>
#include <assert.h>
#include <netdb.h>
#include <netinet/in.h>
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
#include "rdb/redis_socket.h"
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
	struct posing_tls_opts tls_opts; /* without a certificate: plain */
	struct secret password;		 /* data NULL: none is asked for */

	struct redis_socket *socket; /* NULL: nobody */
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
	l->port = port_of(fd);
	if (opts->tls != NULL)
		l->tls_opts = *opts->tls;
	snprintf(l->peer, sizeof(l->peer), "%s", opts->peer);
	return l;
}

static void
hang_up(struct posing_link *l)
{
	redis_socket_free(l->socket);
	l->socket = NULL;
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
	return redis_socket_fd(l->socket);
}

/* 1: bytes came; 0: it would have to wait, and there is no scope to do so in;
 * -1 also at the peer's end. */
static int
take_in(struct posing_link *l, const struct scope *scope, struct err *err)
{
	char *at = l->in + l->in_len;
	size_t room = IN_SIZE - l->in_len;
	size_t got;
	int rc;

	if (room == 0)
		return err_set(err, ERR_CORRUPT, "it sent no Redis command");
	if (scope == NULL)
		rc = redis_socket_try_read(l->socket, at, room, &got, err);
	else if (redis_socket_read(l->socket, scope, at, room, &got, err) == 0)
		rc = 1;
	else
		rc = -1;
	if (rc == 1 && got == 0)
		return err_set(err, ERR_TRANSIENT, "it closed the connection");
	l->in_len += rc == 1 ? got : 0;
	return rc;
}

static int
say(struct posing_link *l, const struct scope *scope, const char *line,
    struct err *err)
{
	return redis_socket_write(l->socket, scope, line, strlen(line), err);
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
	struct tls_stream *t = posing_tls_new(
	    redis_socket_fd(l->socket), &l->tls_opts, err);

	return t != NULL ? redis_socket_start_tls(l->socket, t, scope, err)
			 : -1;
}

static int
hear(void *arg, struct err *err)
{
	return posing_link_listen(arg, err);
}

/* From the first byte to the answered PSYNC. */
static int
greet(struct posing_link *l, const struct scope *scope, struct err *err)
{
	if (l->tls_opts.cert_file != NULL && start_tls(l, scope, err) != 0)
		return -1;
	l->proved = l->password.data == NULL;
	while (!l->asked) {
		int rc = next_command(l, scope, err);

		if (rc == 0)
			rc = take_in(l, scope, err);
		if (rc < 0)
			return -1;
	}
	redis_socket_set_stall(l->socket, STALL_MS);
	redis_socket_set_hear(l->socket, hear, l);
	return 0;
}

/* An IPv4 address is one also where it came by an IPv6 socket. */
static const char *
bare_ip(const char *ip)
{
	return strncmp(ip, "::ffff:", 7) == 0 ? ip + 7 : ip;
}

/* A connection from the target's address; NULL: none yet. */
static struct redis_socket *
accept_peer(struct posing_link *l)
{
	int fd = accept4(l->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct redis_socket *s;
	struct err err;
	char ip[64];

	if (fd < 0)
		return NULL;
	s = redis_socket_new(fd);
	if (redis_socket_peer_ip(s, ip, &err) == 0 &&
	    strcmp(bare_ip(ip), bare_ip(l->peer)) == 0)
		return s;
	redis_socket_free(s);
	return NULL;
}

int
posing_link_accept(
    struct posing_link *l, const struct scope *scope, struct err *err)
{
	struct err last = {0};

	assert(l->socket == NULL && l->listener >= 0);
	for (;;) {
		struct scope brief;

		if (scope_wait_fd(scope, l->listener, POLLIN, err) != 0)
			break;
		l->socket = accept_peer(l);
		if (l->socket == NULL)
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
	if (redis_socket_write(l->socket, scope, data, len, err) != 0)
		return err_in(err, "sending to the target");
	return 0;
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
	int rc;

	do {
		/* Nothing that a replica says now needs an answer. */
		while ((rc = next_command(l, NULL, err)) == 1)
			;
		if (rc == 0)
			rc = take_in(l, NULL, err);
	} while (rc == 1);
	return rc;
}

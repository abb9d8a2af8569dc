/*
 * All bytes come through one input buffer, whoever reads next: a reply, a
 * line or raw bytes.  The guard walks over what is in it, up to the end of one
 * reply, and only those bytes go on to hiredis; so nothing that follows a
 * reply is ever in hiredis' own buffer, out of reach for the replication
 * client.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/credential.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/redis_error.h"
#include "rdb/redis_login.h"
#include "rdb/redis_socket.h"
#include "rdb/resp_guard.h"

#include "rdb/redis_conn.h"

#define CONNECT_TIMEOUT_MS 10000
#define REPLY_TIMEOUT_MS   60000
#define IN_SIZE		   ((size_t)64 << 10)
#define OUT_MAX		   ((size_t)256 << 10)

struct redis_conn {
	char *name;
	struct redis_socket *socket;

	unsigned char *in;
	size_t in_start, in_end;
	struct resp_guard guard;
	redisReader *reader;
	redisReply *ready; /* parsed ahead by redis_conn_reply_ready() */

	unsigned char *out; /* OUT_MAX bytes, from the first queueing on */
	size_t out_len;
	struct err spent; /* kind is ERR_NONE until then */
};

static int
named(const struct redis_conn *c, struct err *err)
{
	return err_in(err, "'%s'", c->name);
}

static int
check_spent(const struct redis_conn *c, struct err *err)
{
	if (c->spent.kind == ERR_NONE)
		return 0;
	*err = c->spent;
	return -1;
}

/* After this failure nobody knows where in the dialogue we are. */
static int
spend(struct redis_conn *c, struct err *err)
{
	named(c, err);
	c->spent = *err;
	return -1;
}

static int
closed(struct err *err)
{
	return err_set(err, ERR_TRANSIENT, "the server closed the connection");
}

static char *
name_of(const struct redis_address *a)
{
	struct buf b;

	buf_init(&b, 4096);
	if (a->port == 0)
		buf_adds(&b, a->host);
	else if (strchr(a->host, ':') != NULL)
		buf_addf(&b, "[%s]:%d", a->host, a->port);
	else
		buf_addf(&b, "%s:%d", a->host, a->port);
	return buf_take(&b);
}

/* Into the empty room of the input buffer; *end at the peer's end. */
static int
fill(
    struct redis_conn *c, const struct scope *scope, bool *end, struct err *err)
{
	size_t got;

	if (c->in_start > 0) {
		memmove(c->in, c->in + c->in_start, c->in_end - c->in_start);
		c->in_end -= c->in_start;
		c->in_start = 0;
	}
	assert(c->in_end < IN_SIZE);
	if (redis_socket_read(c->socket, scope, c->in + c->in_end,
		IN_SIZE - c->in_end, &got, err) != 0)
		return -1;
	c->in_end += got;
	*end = got == 0;
	return 0;
}

/* What hiredis can make of the bytes we have: *out stays NULL when more are
 * needed. */
static int
parse(struct redis_conn *c, redisReply **out, struct err *err)
{
	void *reply = NULL;
	size_t taken;
	bool done;

	*out = NULL;
	if (c->in_start == c->in_end)
		return 0;
	if (resp_guard_scan(&c->guard, c->in + c->in_start,
		c->in_end - c->in_start, &taken, &done, err) != 0)
		return err_in(err, "bad reply");
	if (redisReaderFeed(c->reader, (char *)c->in + c->in_start, taken) !=
		REDIS_OK ||
	    redisReaderGetReply(c->reader, &reply) != REDIS_OK)
		return err_set(
		    err, ERR_CORRUPT, "bad reply: %s", c->reader->errstr);
	c->in_start += taken;
	/* The guard and hiredis must agree on where a reply ends. */
	if (done != (reply != NULL)) {
		if (reply != NULL)
			freeReplyObject(reply);
		return err_set(err, ERR_CORRUPT, "bad reply: ends oddly");
	}
	*out = reply;
	return 0;
}

redisReply *
redis_conn_reply(
    struct redis_conn *c, const struct scope *scope, struct err *err)
{
	redisReply *reply = c->ready;
	bool end = false;

	if (reply != NULL) {
		c->ready = NULL;
		return reply;
	}
	if (check_spent(c, err) != 0)
		return NULL;
	for (;;) {
		if (parse(c, &reply, err) != 0)
			goto spent;
		if (reply != NULL)
			return reply;
		if (fill(c, scope, &end, err) != 0) {
			named(c, err);
			return NULL;
		}
		if (end) {
			closed(err);
			goto spent;
		}
	}
spent:
	spend(c, err);
	return NULL;
}

bool
redis_conn_reply_ready(struct redis_conn *c)
{
	struct err err = {0};
	size_t got;
	int rc;

	while (c->ready == NULL && c->spent.kind == ERR_NONE) {
		if (parse(c, &c->ready, &err) != 0) {
			spend(c, &err);
			break;
		}
		if (c->ready != NULL)
			break;
		/* parse() took all there was. */
		c->in_start = c->in_end = 0;
		rc = redis_socket_try_read(
		    c->socket, c->in, IN_SIZE, &got, &err);
		if (rc == 0)
			return false;
		if (rc > 0 && got == 0)
			closed(&err);
		if (rc < 0 || got == 0)
			spend(c, &err);
		else
			c->in_end = got;
	}
	return true;
}

int
redis_conn_read(struct redis_conn *c, const struct scope *scope, void *out,
    size_t size, size_t *got, struct err *err)
{
	size_t have = c->in_end - c->in_start;

	assert(c->ready == NULL && !resp_guard_inside(&c->guard));
	if (check_spent(c, err) != 0)
		return -1;
	if (have > 0) {
		*got = have < size ? have : size;
		memcpy(out, c->in + c->in_start, *got);
		c->in_start += *got;
		return 0;
	}
	if (redis_socket_read(c->socket, scope, out, size, got, err) != 0)
		return named(c, err);
	return 0;
}

/* The line at the front of the input, if it is whole; 1 when it was. */
static int
take_line(struct redis_conn *c, char *out, size_t max, struct err *err)
{
	const unsigned char *line = c->in + c->in_start;
	size_t have = c->in_end - c->in_start;
	const unsigned char *nl = memchr(line, '\n', have);
	size_t len = nl != NULL ? (size_t)(nl - line) : have;

	if (nl != NULL && len > 0 && line[len - 1] == '\r')
		len--;
	if (len >= max && (nl != NULL || have > max))
		return err_set(err, ERR_CORRUPT,
		    "a line of the server is over %zu bytes", max - 1);
	if (nl == NULL)
		return 0;
	if (memchr(line, '\0', len) != NULL)
		return err_set(err, ERR_CORRUPT,
		    "a line of the server has a zero byte in it");
	memcpy(out, line, len);
	out[len] = '\0';
	c->in_start += (size_t)(nl - line) + 1;
	return 1;
}

int
redis_conn_line(struct redis_conn *c, const struct scope *scope, char *out,
    size_t max, struct err *err)
{
	bool end = false;
	int rc;

	assert(c->ready == NULL && !resp_guard_inside(&c->guard));
	assert(max > 1 && max < IN_SIZE - 2);
	if (check_spent(c, err) != 0)
		return -1;
	while ((rc = take_line(c, out, max, err)) == 0) {
		if (fill(c, scope, &end, err) != 0)
			return named(c, err);
		if (end) {
			closed(err);
			return spend(c, err);
		}
	}
	return rc == 1 ? 0 : spend(c, err);
}

int
redis_conn_flush(
    struct redis_conn *c, const struct scope *scope, struct err *err)
{
	size_t len = c->out_len;

	if (check_spent(c, err) != 0)
		return -1;
	c->out_len = 0;
	if (redis_socket_write(c->socket, scope, c->out, len, err) != 0)
		return spend(c, err);
	return 0;
}

int
redis_conn_write(struct redis_conn *c, const struct scope *scope,
    const void *data, size_t len, struct err *err)
{
	if (redis_conn_flush(c, scope, err) != 0)
		return -1;
	if (redis_socket_write(c->socket, scope, data, len, err) != 0)
		return spend(c, err);
	return 0;
}

int
redis_conn_queue(struct redis_conn *c, const struct scope *scope,
    const void *data, size_t len, struct err *err)
{
	if (len > OUT_MAX - c->out_len && redis_conn_flush(c, scope, err) != 0)
		return -1;
	if (len > OUT_MAX)
		return redis_conn_write(c, scope, data, len, err);
	if (check_spent(c, err) != 0)
		return -1;
	if (c->out == NULL)
		c->out = xmalloc(OUT_MAX);
	memcpy(c->out + c->out_len, data, len);
	c->out_len += len;
	return 0;
}

/* A whole request, then its reply. */
static redisReply *
ask(struct redis_conn *c, const struct scope *scope, const char *request,
    size_t len, struct err *err)
{
	redisReply *reply;

	if (redis_conn_write(c, scope, request, len, err) != 0)
		return NULL;
	reply = redis_conn_reply(c, scope, err);
	if (reply == NULL) {
		c->spent = *err;
		return NULL;
	}
	if (reply->type == REDIS_REPLY_ERROR) {
		redis_error_set(err, reply->str);
		named(c, err);
		freeReplyObject(reply);
		return NULL;
	}
	return reply;
}

redisReply *
redis_command(struct redis_conn *c, const struct scope *scope, struct err *err,
    const char *format, ...)
{
	char *request = NULL;
	redisReply *reply;
	long long len;
	va_list ap;

	va_start(ap, format);
	len = redisvFormatCommand(&request, format, ap);
	va_end(ap);
	assert(len > 0);
	reply = ask(c, scope, request, (size_t)len, err);
	redisFreeCommand(request);
	return reply;
}

redisReply *
redis_command_argv(struct redis_conn *c, const struct scope *scope, int argc,
    const char **argv, const size_t *lens, struct err *err)
{
	char *request = NULL;
	redisReply *reply;
	long long len;

	len = redisFormatCommandArgv(&request, argc, argv, lens);
	if (len < 0) {
		err_set(err, ERR_SYSTEM, "a command is too big to be built");
		named(c, err);
		return NULL;
	}
	reply = ask(c, scope, request, (size_t)len, err);
	/* It may have been an AUTH. */
	explicit_bzero(request, (size_t)len);
	redisFreeCommand(request);
	return reply;
}

static int64_t
or_default(int64_t given, int64_t fallback)
{
	return given > 0 ? given : fallback;
}

static int
open_conn(struct redis_conn *c, const struct redis_address *a,
    const struct redis_opts *opts, const struct scope *scope, struct err *err)
{
	c->name = name_of(a);
	c->socket = redis_socket_open(a, &opts->tls, scope, err);
	if (c->socket == NULL)
		return named(c, err);
	resp_guard_init(&c->guard, opts->reply_max);
	c->in = xmalloc(IN_SIZE);
	c->reader = redisReaderCreate();
	if (c->reader == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	return 0;
}

static int
greet(struct redis_conn *c, int db, const struct scope *scope, struct err *err)
{
	redisReply *reply = redis_command(c, scope, err, "PING");

	if (reply == NULL)
		return -1;
	freeReplyObject(reply);
	if (db == 0)
		return 0;
	reply = redis_command(c, scope, err, "SELECT %d", db);
	if (reply == NULL)
		return -1;
	freeReplyObject(reply);
	return 0;
}

struct redis_conn *
redis_connect(const struct redis_address *a, const char *url_user,
    const struct redis_opts *opts, const struct scope *scope, struct err *err)
{
	const char *user = opts->user != NULL ? opts->user : url_user;
	struct token token = {0};
	struct redis_conn *c;
	struct scope brief;

	if (user != NULL && opts->password == NULL) {
		err_set(err, ERR_USAGE, "user '%.64s' has no password", user);
		return NULL;
	}
	/* Fetching a token has timeouts of its own. */
	if (opts->password != NULL &&
	    redis_login_token(opts->password, scope, &token, err) != 0)
		return NULL;
	brief = scope_within(
	    scope, or_default(opts->connect_timeout_ms, CONNECT_TIMEOUT_MS));
	c = xcalloc(1, sizeof(*c));
	if (open_conn(c, a, opts, &brief, err) != 0)
		goto fail;
	if (opts->password != NULL &&
	    redis_login(c, user, opts->password, &token, &brief, err) != 0)
		goto fail;
	if (greet(c, a->db, &brief, err) != 0)
		goto fail;
	redis_socket_set_stall(
	    c->socket, or_default(opts->reply_timeout_ms, REPLY_TIMEOUT_MS));
	secret_release(&token.value);
	return c;
fail:
	secret_release(&token.value);
	redis_conn_free(c);
	return NULL;
}

void
redis_conn_free(struct redis_conn *c)
{
	if (c == NULL)
		return;
	if (c->ready != NULL)
		freeReplyObject(c->ready);
	if (c->reader != NULL)
		redisReaderFree(c->reader);
	redis_socket_free(c->socket);
	free(c->in);
	free(c->out);
	free(c->name);
	free(c);
}

const char *
redis_conn_name(const struct redis_conn *c)
{
	return c->name;
}

int
redis_conn_fd(const struct redis_conn *c)
{
	return redis_socket_fd(c->socket);
}

int
redis_conn_local_ip(const struct redis_conn *c, char out[64], struct err *err)
{
	return redis_socket_local_ip(c->socket, out, err);
}

int
redis_conn_peer_ip(const struct redis_conn *c, char out[64], struct err *err)
{
	return redis_socket_peer_ip(c->socket, out, err);
}

char *
redis_info_field(const char *info, const char *field)
{
	size_t len = strlen(field);

	for (const char *p = info; p != NULL; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, field, len) == 0 && p[len] == ':') {
			p += len + 1;
			return strndup(p, strcspn(p, "\r\n"));
		}
	}
	return NULL;
}

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "rdb/redis_error.h"

#include "rdb/redis_conn_private.h"

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
	if (redis_conn_check(c, err) != 0)
		return NULL;
	for (;;) {
		if (parse(c, &reply, err) != 0)
			goto spent;
		if (reply != NULL)
			return reply;
		if (redis_conn_fill(c, scope, &end, err) != 0) {
			redis_conn_named(c, err);
			return NULL;
		}
		if (end) {
			redis_conn_closed(err);
			goto spent;
		}
	}
spent:
	redis_conn_spend(c, err);
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
			redis_conn_spend(c, &err);
			break;
		}
		if (c->ready != NULL)
			break;
		/* parse() took all there was. */
		c->in_start = c->in_end = 0;
		rc = redis_socket_try_read(
		    c->socket, c->in, CONN_IN_SIZE, &got, &err);
		if (rc == 0)
			return false;
		if (rc > 0 && got == 0)
			redis_conn_closed(&err);
		if (rc < 0 || got == 0)
			redis_conn_spend(c, &err);
		else
			c->in_end = got;
	}
	return true;
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
		redis_conn_named(c, err);
		freeReplyObject(reply);
		return NULL;
	}
	return reply;
}

/* It may have held a password: AUTH, CONFIG SET masterauth. */
static void
forget(char *request, size_t len)
{
	explicit_bzero(request, len);
	redisFreeCommand(request);
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
	forget(request, (size_t)len);
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
		redis_conn_named(c, err);
		return NULL;
	}
	reply = ask(c, scope, request, (size_t)len, err);
	forget(request, (size_t)len);
	return reply;
}

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_error.h"
#include "rdb/redis_primaries.h"
#include "rdb/redis_primary.h"

#include "rdb/client_fence.h"

struct raising {
	const struct redis_opts *opts;
	const char *prefix;
	const struct scope *scope;
	struct client_fence *fence;
};

/* Where the value of a field of CLIENT LIST's line begins, and its length. */
static const char *
field_of(const char *line, size_t len, const char *field, size_t *out)
{
	size_t n = strlen(field);

	for (const char *p = line, *end = line + len; p < end;) {
		const char *space = memchr(p, ' ', (size_t)(end - p));
		const char *next = space != NULL ? space : end;

		if ((size_t)(next - p) >= n && memcmp(p, field, n) == 0) {
			*out = (size_t)(next - p) - n;
			return p + n;
		}
		p = next + 1;
	}
	return NULL;
}

static bool
is_left_over(const struct raising *r, const char *name, size_t len)
{
	const char *own = r->opts->client_name;
	size_t n = strlen(r->prefix);

	if (len < n || memcmp(name, r->prefix, n) != 0)
		return false;
	return own == NULL || strlen(own) != len || memcmp(own, name, len) != 0;
}

/* -1 is a failure; a refusal only makes blind. */
static int
refused(
    struct client_fence *fence, const struct redis_conn *conn, struct err *err)
{
	if (!redis_error_is_refusal(err))
		return -1;
	snprintf(fence->blind, sizeof(fence->blind), "'%.60s': %.120s",
	    redis_conn_name(conn), err->text);
	*err = (struct err){0};
	return 0;
}

/* One that has gone by itself is 0 in the answer. */
static int
end_client(const struct raising *r, struct redis_conn *conn, const char *id,
    size_t len, struct err *err)
{
	const char *argv[] = {"CLIENT", "KILL", "ID", id};
	const size_t lens[] = {6, 4, 2, len};
	redisReply *reply;

	reply = redis_command_argv(conn, r->scope, 4, argv, lens, err);
	if (reply == NULL)
		return refused(r->fence, conn, err);
	if (reply->type == REDIS_REPLY_INTEGER && reply->integer > 0)
		r->fence->ended++;
	freeReplyObject(reply);
	return 0;
}

static int
end_listed(const struct raising *r, struct redis_conn *conn, const char *list,
    size_t len, struct err *err)
{
	const char *end = list + len;

	for (const char *p = list; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t line = (size_t)((nl != NULL ? nl : end) - p);
		size_t name_len, id_len;
		const char *name = field_of(p, line, "name=", &name_len);
		const char *id = field_of(p, line, "id=", &id_len);

		if (name != NULL && id != NULL &&
		    is_left_over(r, name, name_len) &&
		    end_client(r, conn, id, id_len, err) != 0)
			return -1;
		p += line + 1;
	}
	return 0;
}

static int
raise_at(
    const struct raising *r, const struct redis_target *part, struct err *err)
{
	struct redis_conn *conn;
	redisReply *reply;
	int rc;

	conn = redis_primary_connect(part, r->opts, r->scope, NULL, NULL, err);
	if (conn == NULL)
		return -1;
	reply = redis_command(conn, r->scope, err, "CLIENT LIST");
	if (reply == NULL)
		rc = refused(r->fence, conn, err);
	else if (reply->type == REDIS_REPLY_STRING)
		rc = end_listed(r, conn, reply->str, reply->len, err);
	else
		rc = err_set(err, ERR_CORRUPT,
		    "'%s' answered CLIENT LIST by no text",
		    redis_conn_name(conn));
	freeReplyObject(reply);
	redis_conn_free(conn);
	return rc;
}

int
client_fence_raise(const struct redis_target *target,
    const struct redis_opts *opts, const char *prefix,
    const struct scope *scope, struct client_fence *fence, struct err *err)
{
	const struct raising r = {opts, prefix, scope, fence};
	struct redis_primaries all;
	int rc = 0;

	*fence = (struct client_fence){0};
	if (redis_primaries_find(target, opts, scope, &all, err) != 0)
		return -1;
	for (size_t i = 0; i < all.n && rc == 0; i++)
		rc = raise_at(&r, &all.parts[i], err);
	redis_primaries_release(&all);
	if (rc != 0)
		return err_in(
		    err, "looking for connections of an earlier load");
	return 0;
}

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_error.h"
#include "rdb/redis_info.h"

#include "rdb/redis_profile.h"

#define ACL_LINE_MAX 4096

/* Settings that decide whether the data fit and how they behave; none of them
 * is a secret. */
static const char *const settings[] = {"databases", "maxmemory",
    "maxmemory-policy", "appendonly", "save", "notify-keyspace-events",
    "lazyfree-lazy-expire", "hash-max-listpack-entries",
    "list-max-listpack-size", "set-max-intset-entries",
    "zset-max-listpack-entries", "proto-max-bulk-len", "timeout"};

/*
 * A refusal is an answer: out stays NULL then.  -1 is for a connection that
 * broke, or a scope that ended.
 */
static int
ask(redisReply *r, redisReply **out, struct err *err)
{
	*out = r;
	if (r != NULL)
		return 0;
	if (redis_error_is_refusal(err)) {
		*err = (struct err){0};
		return 0;
	}
	return -1;
}

static const char *
text_of(const redisReply *r)
{
	return r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_STATUS
	    ? r->str
	    : NULL;
}

static int
add_memory(struct redis_conn *conn, const struct scope *scope, cJSON *o,
    struct err *err)
{
	struct redis_info info;

	if (redis_info_get(conn, scope, &info, err) == 0) {
		json_add_int(o, "used_memory", (int64_t)info.used_memory);
		return 0;
	}
	if (!redis_error_is_refusal(err))
		return -1;
	*err = (struct err){0};
	return 0;
}

/* MODULE LIST answers a list of name-value lists. */
static void
add_module(cJSON *list, const redisReply *r)
{
	cJSON *o = cJSON_CreateObject();

	for (size_t i = 0; i + 1 < r->elements; i += 2) {
		const char *name = text_of(r->element[i]);
		const redisReply *value = r->element[i + 1];

		if (name != NULL && strcmp(name, "name") == 0 &&
		    text_of(value) != NULL)
			cJSON_AddStringToObject(o, "name", text_of(value));
		if (name != NULL && strcmp(name, "ver") == 0 &&
		    value->type == REDIS_REPLY_INTEGER)
			json_add_int(o, "version", value->integer);
	}
	cJSON_AddItemToArray(list, o);
}

static int
add_modules(struct redis_conn *conn, const struct scope *scope, cJSON *o,
    struct err *err)
{
	redisReply *r;
	cJSON *list;

	if (ask(redis_command(conn, scope, err, "MODULE LIST"), &r, err) != 0)
		return -1;
	if (r == NULL)
		return 0;
	list = cJSON_AddArrayToObject(o, "modules");
	for (size_t i = 0; i < r->elements && i < PROFILE_LINES_MAX; i++)
		if (r->element[i]->type == REDIS_REPLY_ARRAY)
			add_module(list, r->element[i]);
	freeReplyObject(r);
	return 0;
}

static int
add_config(struct redis_conn *conn, const struct scope *scope, cJSON *o,
    struct err *err)
{
	cJSON *config = cJSON_AddObjectToObject(o, "config");
	redisReply *r;

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		if (ask(redis_command(
			    conn, scope, err, "CONFIG GET %s", settings[i]),
			&r, err) != 0)
			return -1;
		if (r == NULL)
			break; /* refused for one, refused for all */
		if (r->elements == 2 && text_of(r->element[1]) != NULL)
			cJSON_AddStringToObject(
			    config, settings[i], text_of(r->element[1]));
		freeReplyObject(r);
	}
	return 0;
}

/* "#<hash>" and ">password" words hold what must not be kept. */
static void
add_rule(cJSON *list, const char *rule)
{
	struct buf b;

	buf_init(&b, ACL_LINE_MAX);
	while (*rule != '\0') {
		size_t n = strcspn(rule, " ");

		if (b.len > 0)
			buf_addc(&b, ' ');
		if (*rule == '#' || *rule == '>' || *rule == '<' ||
		    *rule == '!')
			buf_adds(&b, "[password]");
		else
			buf_add(&b, rule, n);
		rule += n + strspn(rule + n, " ");
	}
	cJSON_AddItemToArray(
	    list, cJSON_CreateString(b.overflowed ? "(too long)" : b.data));
	buf_release(&b);
}

static int
add_acl(struct redis_conn *conn, const struct scope *scope, cJSON *o,
    struct err *err)
{
	redisReply *r;
	cJSON *list;

	if (ask(redis_command(conn, scope, err, "ACL LIST"), &r, err) != 0)
		return -1;
	if (r == NULL)
		return 0;
	list = cJSON_AddArrayToObject(o, "acl");
	for (size_t i = 0; i < r->elements && i < PROFILE_LINES_MAX; i++)
		if (text_of(r->element[i]) != NULL)
			add_rule(list, text_of(r->element[i]));
	freeReplyObject(r);
	return 0;
}

cJSON *
redis_profile_take(
    struct redis_conn *conn, const struct scope *scope, struct err *err)
{
	cJSON *o = cJSON_CreateObject();

	if (add_memory(conn, scope, o, err) == 0 &&
	    add_modules(conn, scope, o, err) == 0 &&
	    add_config(conn, scope, o, err) == 0 &&
	    add_acl(conn, scope, o, err) == 0)
		return o;
	err_in(err, "what '%s' is", redis_conn_name(conn));
	cJSON_Delete(o);
	return NULL;
}

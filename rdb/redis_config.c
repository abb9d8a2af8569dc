#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "rdb/redis_conn.h"

#include "rdb/redis_config.h"

int
redis_config_get_secret(struct redis_conn *c, const struct scope *scope,
    const char *name, struct secret *value, struct err *err)
{
	redisReply *r = redis_command(c, scope, err, "CONFIG GET %s", name);

	secret_release(value);
	if (r == NULL)
		return err_in(err, "CONFIG GET %s", name);
	/* A name and its value: none when it does not know the name. */
	if (r->type == REDIS_REPLY_ARRAY && r->elements == 2 &&
	    r->element[1]->type == REDIS_REPLY_STRING) {
		redisReply *v = r->element[1];

		secret_set(value, v->str, (size_t)v->len);
		explicit_bzero(v->str, (size_t)v->len);
	}
	freeReplyObject(r);
	return 0;
}

int
redis_config_get(struct redis_conn *c, const struct scope *scope,
    const char *name, char **value, struct err *err)
{
	struct secret s = {0};

	*value = NULL;
	if (redis_config_get_secret(c, scope, name, &s, err) != 0)
		return -1;
	if (s.data != NULL)
		*value = xstrdup(s.data);
	secret_release(&s);
	return 0;
}

int
redis_config_set(struct redis_conn *c, const struct scope *scope,
    const char *name, const char *value, struct err *err)
{
	redisReply *r = redis_command(
	    c, scope, err, "CONFIG SET %s %s", name, value);

	if (r == NULL)
		return err_in(err, "CONFIG SET %s", name);
	freeReplyObject(r);
	return 0;
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/scope.h"
#include "rdb/redis_conn.h"
#include "tests/sim/redis_data.h"

#include "tests/sim/brief_token.h"

static int
brief_get(struct credential *c, const struct scope *scope, const char *resource,
    struct token *out, struct err *err)
{
	struct brief_token *b = (struct brief_token *)c;

	(void)resource;
	(void)err;
	secret_set(&out->value, b->gets < b->firsts ? "first" : "other", 5);
	out->expires_ms = scope_wall_ms(scope) + 60000 + b->gets++;
	return 0;
}

void
brief_token_init(struct brief_token *b, int firsts)
{
	static const struct credential_ops ops = {.get = brief_get};

	*b = (struct brief_token){.base.ops = &ops, .firsts = firsts};
}

void
brief_token_let_in(struct redis_conn *c)
{
	redis_data_do(c, "CONFIG SET requirepass first");
	redis_data_do(c, "ACL SETUSER default >other");
}

int
brief_token_logins(struct redis_conn *c)
{
	static const char calls[] = "cmdstat_auth:calls=";
	struct scope scope = scope_root(NULL);
	struct err err = {0};
	redisReply *r = redis_command(c, &scope, &err, "INFO commandstats");
	const char *at;
	int n;

	assert_non_null(r);
	at = strstr(r->str, calls);
	n = at != NULL ? atoi(at + strlen(calls)) : 0;
	freeReplyObject(r);
	return n;
}

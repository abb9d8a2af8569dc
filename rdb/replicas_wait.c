#include <stddef.h>
#include <string.h>

#include "base/err.h"
#include "base/scope.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_primaries.h"
#include "rdb/redis_primary.h"
#include "rdb/redis_target.h"

#include "rdb/replicas_wait.h"

#define ASK_MS	 1000	/* between two looks at who follows */
#define TOTAL_MS 600000 /* a replica may have to be sent all of it anew */

/* Those that WAIT can count: "slave0:ip=...,state=online,...". */
static int
count_followers(struct redis_conn *c, const struct scope *scope, long long *n,
    struct err *err)
{
	static const char word[] = ",state=online,";
	redisReply *r = redis_command(c, scope, err, "INFO replication");
	const char *p = r != NULL && r->type == REDIS_REPLY_STRING ? r->str
								   : NULL;

	if (r == NULL)
		return -1;
	*n = 0;
	while (p != NULL && (p = strstr(p, word)) != NULL) {
		p += sizeof(word) - 1;
		++*n;
	}
	freeReplyObject(r);
	return 0;
}

/* WAIT is for what this connection saw, or wrote, last: its login's PING came
 * after all that is meant (seen with Redis 7.0.15). */
static int
count_those_that_have_it(struct redis_conn *c, const struct scope *scope,
    long long n, long long *got, struct err *err)
{
	redisReply *r = redis_command(c, scope, err, "WAIT %lld %d", n, ASK_MS);

	/* "UNBLOCKED", or a replica by now, which has none: demoted. */
	if (r == NULL && err->kind == ERR_SERVER)
		err->kind = ERR_TRANSIENT;
	if (r == NULL)
		return -1;
	*got = r->type == REDIS_REPLY_INTEGER ? r->integer : 0;
	freeReplyObject(r);
	return 0;
}

static int
wait_for(struct redis_conn *c, const struct scope *scope, struct err *err)
{
	int64_t end_ms = scope_mono_ms(scope) + TOTAL_MS;
	long long n, got;

	do {
		if (count_followers(c, scope, &n, err) != 0)
			return -1;
		if (n == 0)
			return 0;
		if (count_those_that_have_it(c, scope, n, &got, err) != 0)
			return -1;
		if (got >= n)
			return 0;
	} while (scope_mono_ms(scope) < end_ms && scope_check(scope, err) == 0);
	if (scope_check(scope, err) != 0)
		return -1;
	return err_set(err, ERR_TRANSIENT,
	    "%lld of %lld replicas of '%s' have what was written there", got, n,
	    redis_conn_name(c));
}

int
replicas_wait(const struct redis_target *t, const struct redis_opts *opts,
    const struct scope *scope, struct err *err)
{
	struct redis_primaries p;
	int rc = 0;

	if (t->cluster == NULL)
		return 0;
	if (redis_primaries_find(t, opts, scope, &p, err) != 0)
		return -1;
	for (size_t i = 0; i < p.n && rc == 0; i++) {
		struct redis_conn *c = redis_primary_connect(
		    &p.parts[i], opts, scope, NULL, NULL, err);

		rc = c != NULL ? wait_for(c, scope, err) : -1;
		redis_conn_free(c);
	}
	redis_primaries_release(&p);
	return rc;
}

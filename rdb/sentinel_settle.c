#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_sentinel.h"

#include "rdb/sentinel_settle.h"

#define WAIT_MS	  1000 /* between two looks at the Sentinel */
#define PAUSE_MS  100
#define SETTLE_MS 600000 /* a replica may have to be sent all of it anew */

/*
 * WAIT is for all that the server had replicated when this connection last said
 * something, which was the PING of its login (seen with Redis 7.0.15).  It
 * counts those that follow, whatever Sentinel knows of them.
 */
static int
wait_replicas(const struct redis_target *t, const struct redis_opts *servers,
    unsigned n, const struct scope *scope, long long *got, struct err *err)
{
	struct redis_conn *c = redis_connect(
	    &t->hosts[0], t->user, servers, scope, err);
	redisReply *r = NULL;

	if (c != NULL)
		r = redis_command(c, scope, err, "WAIT %u %d", n, WAIT_MS);
	redis_conn_free(c);
	/* "UNBLOCKED", or a replica that is none to wait for: demoted. */
	if (r == NULL && err->kind == ERR_SERVER)
		err->kind = ERR_TRANSIENT;
	if (r == NULL)
		return -1;
	*got = r->type == REDIS_REPLY_INTEGER ? r->integer : 0;
	freeReplyObject(r);
	return 0;
}

static bool
same_host(const struct redis_address *a, const struct redis_address *b)
{
	return a->port == b->port && strcmp(a->host, b->host) == 0;
}

/* A look: 1 when all have it, 0 when that may come yet. */
static int
look(struct redis_target *now, const struct redis_target *t,
    const struct redis_opts *servers, const struct redis_opts *sentinels,
    const struct scope *scope, struct err *err)
{
	long long got = 0;
	unsigned n;

	if (redis_sentinel_find(
		now, SENTINEL_ALL, servers, sentinels, scope, err) != 0)
		return -1;
	if (!same_host(&now->hosts[0], &t->hosts[0]))
		return err_set(err, ERR_TRANSIENT,
		    "'%.100s:%d' is the primary of '%.100s' by now",
		    now->hosts[0].host, now->hosts[0].port, t->master);
	n = (unsigned)now->nhosts - 1;
	if (wait_replicas(t, servers, n, scope, &got, err) != 0)
		return -1;
	if (got >= (long long)n)
		return 1;
	err_set(err, ERR_TRANSIENT,
	    "%lld of %u replicas of '%.100s' have what was written to "
	    "'%.100s:%d'",
	    got, n, t->master, t->hosts[0].host, t->hosts[0].port);
	return 0;
}

int
sentinel_settle(const struct redis_target *t, const struct redis_opts *servers,
    const struct redis_opts *sentinels, const struct scope *scope,
    struct err *err)
{
	int64_t end_ms = scope_mono_ms(scope) + SETTLE_MS;
	struct redis_target now;
	int rc;

	if (t->master == NULL)
		return 0;
	now = redis_target_pin(t, 0);
	now.hosts = xreallocarray(
	    now.hosts, REDIS_HOSTS_MAX, sizeof(*now.hosts));
	/* WAIT takes its time, but a proxy may answer at once. */
	do
		rc = look(&now, t, servers, sentinels, scope, err);
	while (rc == 0 && scope_mono_ms(scope) < end_ms &&
	    scope_sleep(scope, PAUSE_MS, err) == 0);
	redis_target_release(&now);
	return rc == 1 ? 0 : -1;
}

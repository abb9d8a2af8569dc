#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_followers.h"
#include "rdb/redis_sentinel.h"

#include "rdb/sentinel_settle.h"

#define PAUSE_MS  100
#define SETTLE_MS 600000 /* a replica may have to be sent all of it anew */

struct settling {
	const struct redis_target *target;
	const struct redis_opts *servers, *sentinels;
	const struct scope *scope;
	struct redis_target now; /* as Sentinel has it */
	struct redis_conn *primary;
	struct redis_followers followers;
};

static bool
same_host(const struct redis_address *a, const struct redis_address *b)
{
	return a->port == b->port && strcmp(a->host, b->host) == 0;
}

static int
look_at_replicas(struct settling *s, struct err *err)
{
	const struct redis_target *t = s->target;

	if (s->primary == NULL)
		s->primary = redis_connect(
		    &t->hosts[0], t->user, s->servers, s->scope, err);
	if (s->primary == NULL)
		return -1;
	return redis_followers_look(s->primary, s->scope, &s->followers, err);
}

/* A look: 1 when all have it, 0 when that may come yet. */
static int
look(struct settling *s, struct err *err)
{
	const struct redis_target *t = s->target;
	const struct redis_address *at;

	if (redis_sentinel_find(&s->now, SENTINEL_ALL, s->servers, s->sentinels,
		s->scope, err) != 0)
		return -1;
	at = &s->now.hosts[0];
	if (!same_host(at, &t->hosts[0]))
		return err_set(err, ERR_TRANSIENT,
		    "'%.100s:%d' is the primary of '%.100s' by now", at->host,
		    at->port, t->master);
	if (look_at_replicas(s, err) != 0)
		return -1;
	/* As many as Sentinel says are up; one that is down may be told as
	 * online by the primary for a minute. */
	return s->followers.arrived >= s->now.nhosts - 1;
}

static void
late(const struct settling *s, struct err *err)
{
	const struct redis_target *t = s->target;

	err_in(err,
	    "%zu of %zu replicas of '%.100s' have what was written to "
	    "'%.100s:%d'",
	    s->followers.arrived, s->now.nhosts - 1, t->master,
	    t->hosts[0].host, t->hosts[0].port);
}

int
sentinel_settle(const struct redis_target *t, const struct redis_opts *servers,
    const struct redis_opts *sentinels, const struct scope *scope,
    struct err *err)
{
	struct settling s = {.target = t,
	    .servers = servers,
	    .sentinels = sentinels,
	    .scope = scope};
	int64_t end_ms = scope_mono_ms(scope) + SETTLE_MS;
	int rc;

	if (t->master == NULL)
		return 0;
	s.now = redis_target_pin(t, 0);
	s.now.hosts = xreallocarray(
	    s.now.hosts, REDIS_HOSTS_MAX, sizeof(*s.now.hosts));
	do {
		rc = look(&s, err);
		if (rc == 0 && scope_mono_ms(scope) >= end_ms)
			rc = err_set(err, ERR_TRANSIENT, "waited for %d min",
			    SETTLE_MS / 60000);
	} while (rc == 0 && scope_sleep(scope, PAUSE_MS, err) == 0);
	if (rc != 1 && s.followers.marked)
		late(&s, err);
	redis_conn_free(s.primary);
	redis_target_release(&s.now);
	return rc == 1 ? 0 : -1;
}

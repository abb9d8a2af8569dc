#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/cluster_map.h"
#include "rdb/rdb_reader.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_info.h"
#include "rdb/sync_host.h"

#include "agent/snapshot/slot_check.h"
#include "agent/snapshot/source_shard.h"

/* A replica that is so far behind is another one's turn. */
#define CATCH_UP_MS	 10000
#define CATCH_UP_POLL_MS 50

/* What a replica that has just come back held may be older than the look at
 * whose slots are whose. */
static int
check_age(const struct source_shard *s, const struct source_facts *facts,
    struct err *err)
{
	if (facts->offset < 0 || (uint64_t)facts->offset >= s->offset ||
	    strcmp(facts->replid, s->replid) != 0)
		return 0;
	return err_set(err, ERR_TRANSIENT,
	    "'%s': its dump is older than what its primary held when the "
	    "snapshot began",
	    facts->host);
}

/* A key that SCAN told of was another server's when it was asked for. */
static bool
was_sent_away(const struct err *err)
{
	return strcmp(err->code, "MOVED") == 0 || strcmp(err->code, "ASK") == 0;
}

static int
shard_dump(struct source *s, const struct scope *scope,
    const struct source_call *call, struct sink *sink,
    struct source_facts *facts, struct err *err)
{
	struct source_shard *shard = (struct source_shard *)s;
	struct slot_check check;
	int rc;

	slot_check_init(&check, shard->map, shard->index);
	rdb_reader_add(call->reader, &check.visitor);
	rc = shard->reads->ops->dump(
	    shard->reads, scope, call, sink, facts, err);
	shard->ops.way = shard->reads->ops->way;
	if (rc != 0 && was_sent_away(err))
		check.strayed = true;
	if (check.strayed) {
		atomic_store(shard->moved, true);
		err->kind = ERR_TRANSIENT;
	}
	return rc == 0 ? check_age(shard, facts, err) : rc;
}

static size_t
shard_cost(const struct source *s, const struct source_call *call)
{
	const struct source *reads = ((const struct source_shard *)s)->reads;

	return reads->ops->cost(reads, call);
}

static void
shard_free(struct source *s)
{
	struct source_shard *shard = (struct source_shard *)s;

	source_free(shard->reads);
	redis_target_release(&shard->hosts);
	redis_target_release(&shard->chosen);
	free(s->shown);
}

static const struct source_ops shard_ops = {
    .cost = shard_cost,
    .dump = shard_dump,
    .free = shard_free,
};

/* The nodes that can be asked: all, where none is in health. */
static struct redis_target
hosts_of(const struct redis_target *t, const struct cluster_shard *s)
{
	struct redis_target all = {
	    .hosts = xcalloc(s->nnodes, sizeof(*all.hosts)),
	    .user = t->user != NULL ? xstrdup(t->user) : NULL,
	    .shown = xstrdup(t->shown),
	    .shard = true,
	};
	bool none = true;

	for (size_t i = 0; i < s->nnodes; i++)
		none = none && s->nodes[i].health == CLUSTER_FAILED;
	for (size_t i = 0; i < s->nnodes; i++) {
		if (!none && s->nodes[i].health == CLUSTER_FAILED)
			continue;
		all.hosts[all.nhosts] = s->nodes[i].address;
		all.hosts[all.nhosts++].host = xstrdup(
		    s->nodes[i].address.host);
	}
	return all;
}

void
source_shard_init(struct source_shard *s)
{
	s->ops = shard_ops;
	s->ops.way = s->whole->ops->way;
	s->source.ops = &s->ops;
	s->source.shown = xstrdup(s->whole->shown);
	s->source.redis = s->whole->redis;
	s->hosts = hosts_of(s->whole->target, &s->map->shards[s->index]);
}

/*
 * A dump of a replica that lags may be of a time before the cluster was
 * opened, and lack what was moved to its shard then.
 */
static int
catch_up(const struct source_shard *s, struct sync_host *h,
    const struct scope *scope, struct err *err)
{
	struct scope brief = scope_within(scope, CATCH_UP_MS);

	while (h->info.is_replica && strcmp(h->info.replid, s->replid) == 0 &&
	    h->info.offset < s->offset) {
		if (scope_left_ms(&brief) == 0)
			return err_set(err, ERR_TRANSIENT,
			    "'%s': a replica that is far behind its primary",
			    redis_conn_name(h->conn));
		if (scope_sleep(scope, CATCH_UP_POLL_MS, err) != 0 ||
		    redis_info_get(h->conn, scope, &h->info, err) != 0)
			return -1;
	}
	return 0;
}

int
source_shard_choose(
    struct source_shard *s, const struct scope *scope, struct err *err)
{
	struct sync_host host;
	int rc;

	if (sync_host_choose(&s->hosts, s->source.redis, scope, &host, err) !=
	    0)
		return -1;
	rc = catch_up(s, &host, scope, err);
	redis_conn_free(host.conn);
	if (rc != 0)
		return -1;
	source_free(s->reads);
	redis_target_release(&s->chosen);
	s->chosen = redis_target_pin(&s->hosts, host.index);
	s->source.target = &s->chosen;
	s->reads = s->whole->ops->of_shard(s->whole, &s->chosen);
	return 0;
}

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/retry.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/cluster_map.h"
#include "rdb/cluster_self.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_info.h"
#include "rdb/sync_host.h"

#include "agent/snapshot/manifest.h"
#include "agent/snapshot/source.h"
#include "agent/snapshot/source_cluster.h"
#include "agent/snapshot/source_shard.h"

/* A failover takes some cluster-node-timeouts, of 15 seconds by default. */
#define SETTLE_MS 120000

struct source_cluster {
	const struct source *whole;
	struct cluster_map *map;
	struct source_shard *shards;
	atomic_bool moved;
};

static void
add_shards(struct source_cluster *c)
{
	c->shards = xcalloc(c->map->nshards, sizeof(*c->shards));
	for (size_t i = 0; i < c->map->nshards; i++) {
		struct source_shard *s = &c->shards[i];

		s->map = c->map;
		s->index = i;
		s->whole = c->whole;
		s->moved = &c->moved;
		source_shard_init(s);
	}
}

/* info: of the primary; NULL when it is not wanted. */
static int
ask_primary(const struct source_cluster *c, const struct cluster_map *map,
    size_t shard, struct cluster_self *self, struct redis_info *info,
    const struct scope *scope, struct err *err)
{
	struct redis_conn *conn;
	int rc;

	conn = redis_connect(&map->shards[shard].nodes[0].address,
	    c->whole->target->user, c->whole->redis, scope, err);
	if (conn == NULL)
		return -1;
	rc = cluster_self_ask(conn, scope, self, err);
	if (rc == 0 && cluster_self_agrees(self, map, shard, err) != 0)
		rc = err_in(err, "'%s'", redis_conn_name(conn));
	if (rc == 0 && info != NULL)
		rc = redis_info_get(conn, scope, info, err);
	redis_conn_free(conn);
	return rc;
}

/* A primary that has gone, and is not replaced yet. */
static int
may_come_back(const struct scope *scope, struct err *err)
{
	if (err->kind == ERR_UNREACHABLE && scope_left_ms(scope) > 0)
		err->kind = ERR_TRANSIENT;
	return -1;
}

static int
take_stock(struct source_cluster *c, const struct scope *scope, struct err *err)
{
	struct cluster_self self;
	struct redis_info info;

	for (size_t i = 0; i < c->map->nshards; i++) {
		struct source_shard *s = &c->shards[i];

		if (ask_primary(c, c->map, i, &self, &info, scope, err) != 0)
			return may_come_back(scope, err);
		memcpy(s->id, self.id, sizeof(s->id));
		s->epoch = self.epoch;
		snprintf(s->replid, sizeof(s->replid), "%s", info.replid);
		s->offset = info.offset;
	}
	return 0;
}

static int
check_covered(const struct cluster_map *map, struct err *err)
{
	if (map->nslots != CLUSTER_SLOTS)
		return err_set(err, ERR_TRANSIENT,
		    "only %u of the cluster's %d slots have a server",
		    map->nslots, CLUSTER_SLOTS);
	if (map->nshards > MANIFEST_SHARDS_MAX)
		return err_set(err, ERR_UNSUPPORTED,
		    "a cluster of %zu shards; %d can be", map->nshards,
		    MANIFEST_SHARDS_MAX);
	return 0;
}

/* *out is NULL where no map is to be had: check_whole() of sync_host tells. */
static int
ask_target(const struct redis_target *target, const struct redis_opts *redis,
    const struct scope *scope, struct cluster_map **out, struct err *err)
{
	struct redis_target any = *target;
	struct sync_host host;
	struct err ignored = {0};

	*out = NULL;
	any.shard = true;
	if (sync_host_choose(&any, redis, scope, &host, err) != 0)
		return -1;
	if (host.info.cluster)
		*out = cluster_map_ask(
		    host.conn, &target->hosts[host.index], scope, &ignored);
	redis_conn_free(host.conn);
	return scope_check(scope, err);
}

int
source_cluster_open(const struct source *whole, const struct scope *scope,
    struct source_cluster **out, struct err *err)
{
	struct source_cluster *c;
	struct cluster_map *map;

	if (whole->ops->of_shard == NULL || whole->target->master != NULL)
		return 0;
	if (ask_target(whole->target, whole->redis, scope, &map, err) != 0)
		return -1;
	if (map == NULL || map->nshards <= 1) {
		cluster_map_free(map);
		return 0;
	}
	c = xcalloc(1, sizeof(*c));
	c->whole = whole;
	c->map = map;
	add_shards(c);
	if (check_covered(map, err) == 0 && take_stock(c, scope, err) == 0) {
		*out = c;
		return 0;
	}
	source_cluster_free(c);
	return -1;
}

void
source_cluster_free(struct source_cluster *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->map->nshards; i++)
		source_free(&c->shards[i].source);
	free(c->shards);
	cluster_map_free(c->map);
	free(c);
}

const struct cluster_map *
source_cluster_map(const struct source_cluster *c)
{
	return c->map;
}

const struct redis_target *
source_cluster_hosts(const struct source_cluster *c, size_t shard)
{
	return &c->shards[shard].hosts;
}

struct source *
source_cluster_source(struct source_cluster *c, size_t shard)
{
	return &c->shards[shard].source;
}

int
source_cluster_choose(struct source_cluster *c, size_t shard,
    const struct scope *scope, char machine[MACHINE_SIZE], struct err *err)
{
	struct source_shard *s = &c->shards[shard];

	if (source_shard_choose(s, scope, err) != 0)
		return -1;
	snprintf(machine, MACHINE_SIZE, "%s", s->chosen.hosts[0].host);
	return 0;
}

bool
source_cluster_moved(const struct source_cluster *c)
{
	return atomic_load(&c->moved);
}

/* From the first server that tells it. */
static struct cluster_map *
ask_again(
    const struct source_cluster *c, const struct scope *scope, struct err *err)
{
	struct cluster_map *map = NULL;

	for (size_t i = 0; map == NULL && i < c->map->nshards; i++) {
		const struct redis_target *t = &c->shards[i].hosts;

		for (size_t k = 0; map == NULL && k < t->nhosts; k++) {
			struct redis_conn *conn;

			*err = (struct err){0};
			conn = redis_connect(
			    &t->hosts[k], t->user, c->whole->redis, scope, err);
			if (conn != NULL)
				map = cluster_map_ask(
				    conn, &t->hosts[k], scope, err);
			redis_conn_free(conn);
		}
	}
	return map;
}

static int
slots_moved(struct source_cluster *c, struct err *err)
{
	atomic_store(&c->moved, true);
	return err_set(err, ERR_TRANSIENT,
	    "slots were moved between servers while their dumps were taken");
}

/* Of slots that went and came back the map tells nothing: who is given one
 * takes a new epoch, unless it has the greatest; then the other one does. */
static bool
was_given_slots(
    const struct source_cluster *c, const struct cluster_self *primary)
{
	for (size_t i = 0; i < c->map->nshards; i++)
		if (strcmp(c->shards[i].id, primary->id) == 0)
			return c->shards[i].epoch != primary->epoch;
	return false;
}

static int
look_again(struct source_cluster *c, const struct scope *scope, struct err *err)
{
	struct cluster_map *map = ask_again(c, scope, err);
	struct cluster_self self;
	int rc = 0;

	if (map == NULL)
		return -1;
	if (memcmp(map->owner, c->map->owner, sizeof(map->owner)) != 0)
		rc = slots_moved(c, err);
	for (size_t i = 0; rc == 0 && i < map->nshards; i++) {
		rc = ask_primary(c, map, i, &self, NULL, scope, err);
		if (rc == 0 && was_given_slots(c, &self))
			rc = slots_moved(c, err);
	}
	cluster_map_free(map);
	return rc;
}

int
source_cluster_settled(
    struct source_cluster *c, const struct scope *scope, struct err *err)
{
	static const struct retry_opts opts = {
	    .total_ms = SETTLE_MS,
	    .first_ms = 200,
	    .most_ms = 2000,
	};
	struct retry retry;

	retry_init(&retry, scope, &opts);
	while (look_again(c, scope, err) != 0) {
		may_come_back(scope, err);
		if (source_cluster_moved(c) || retry_wait(&retry, err) != 0)
			return -1;
	}
	return 0;
}

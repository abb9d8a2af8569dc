/* The source: the host that a snapshot would be taken from, and the others. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "rdb/cluster_map.h"
#include "rdb/fork_check.h"
#include "rdb/redis_conn.h"
#include "rdb/sync_host.h"

#include "agent/job/agent.h"
#include "agent/job/check_private.h"
#include "agent/job/settings.h"
#include "agent/snapshot/source.h"
#include "agent/snapshot/source_cluster.h"
#include "agent/snapshot/source_guard.h"

#define REMARKS_MAX ((size_t)32 << 10) /* each has an err.text */

static const char *
user_of(const struct redis_target *target, const struct redis_opts *redis)
{
	if (redis->user != NULL)
		return redis->user;
	return target->user != NULL ? target->user : "default";
}

/* Those of which none would be taken, each with its reason. */
static void
tell_passed_over(struct checking *c, const struct redis_target *all,
    const struct redis_opts *redis, struct buf *out)
{
	for (size_t i = 0; i < all->nhosts && all->nhosts > 1; i++) {
		struct redis_target one = *all;
		struct sync_host host;
		struct err why = {0};

		one.hosts = &all->hosts[i];
		one.nhosts = 1;
		if (sync_host_choose(&one, redis, &c->scope, &host, &why) == 0)
			redis_conn_free(host.conn);
		else
			buf_addf(out, "; passed over: %s", why.text);
	}
}

static void
tell_risk(void *arg, enum fork_risk risk, const char *text)
{
	buf_addf(arg, "; %s: %s",
	    risk == FORK_WILL_HURT ? "it will be hurt" : "beware", text);
}

/* Refused as a run would be; else what there is to beware of. */
static int
judge_fork(struct checking *c, const struct sync_host *host,
    struct buf *remarks, struct err *err)
{
	struct source_guard guard;
	enum fork_target target;

	if (agent_source_guard(c->agent, &guard, err) != 0 ||
	    source_guard_admit(
		&guard, host->conn, &host->info, &c->scope, NULL, err) != 0 ||
	    fork_target_get(host->conn, &c->scope, &target, err) != 0)
		return -1;
	fork_check(&host->info, target, &guard.limits, tell_risk, remarks);
	return 0;
}

static void
describe(struct checking *c, const struct sync_host *host, const char *leave,
    const struct buf *remarks)
{
	const struct redis_info *info = &host->info;

	if (info->version[0] == '\0')
		snprintf(c->detail, sizeof(c->detail),
		    "%s: it hides INFO; %s%s", redis_conn_name(host->conn),
		    leave, remarks->data);
	else
		snprintf(c->detail, sizeof(c->detail),
		    "%s: %s %s, %s, %" PRIu64 " keys, %" PRIu64
		    " MiB used%s; %s%s",
		    redis_conn_name(host->conn),
		    info->valkey ? "valkey" : "redis", info->version,
		    info->is_replica ? "replica" : "primary", info->keys,
		    info->used_memory >> 20,
		    info->bgsave_running ? ", saving at the moment" : "", leave,
		    remarks->data);
}

/* The host is the caller's to close after success. */
static int
judge_host(struct checking *c, const struct redis_target *target,
    const struct redis_opts *redis, struct sync_host *host, const char **leave,
    struct buf *remarks, struct err *err)
{
	bool forks;

	if (sync_host_choose(target, redis, &c->scope, host, err) != 0)
		return -1;
	if (check_source_way(c, host->conn, user_of(target, redis), &forks,
		leave, err) == 0 &&
	    (!forks || judge_fork(c, host, remarks, err) == 0))
		return 0;
	redis_conn_free(host->conn);
	return -1;
}

static int
check_shards(struct checking *c, const struct source_cluster *cluster,
    const struct redis_opts *redis, struct buf *hosts, struct buf *remarks,
    struct err *err)
{
	size_t n = source_cluster_map(cluster)->nshards;
	struct redis_info all = {0};
	const char *leave = "";

	for (size_t i = 0; i < n; i++) {
		struct sync_host host;

		if (judge_host(c, source_cluster_hosts(cluster, i), redis,
			&host, &leave, remarks, err) != 0)
			return err_in(err, "shard %zu of %zu", i + 1, n);
		buf_addf(hosts, "%s%s", i > 0 ? ", " : "",
		    redis_conn_name(host.conn));
		host.info.keys += all.keys;
		host.info.used_memory += all.used_memory;
		all = host.info;
		redis_conn_free(host.conn);
	}
	c->source = all;
	c->shards = n;
	snprintf(c->detail, sizeof(c->detail),
	    "a cluster of %zu shards: %s %s, %" PRIu64 " keys, %" PRIu64
	    " MiB used, by %s; %s%s",
	    n, all.valkey ? "valkey" : "redis", all.version, all.keys,
	    all.used_memory >> 20, hosts->data, leave, remarks->data);
	return 0;
}

static int
check_cluster(struct checking *c, const struct source_cluster *cluster,
    const struct redis_opts *redis, struct err *err)
{
	struct buf hosts, remarks;
	int rc;

	buf_init(&hosts, REMARKS_MAX);
	buf_init(&remarks, REMARKS_MAX);
	rc = check_shards(c, cluster, redis, &hosts, &remarks, err);
	buf_release(&hosts);
	buf_release(&remarks);
	return rc;
}

static int
check_whole(struct checking *c, const struct redis_target *target,
    const struct redis_opts *redis, struct err *err)
{
	const char *leave = "";
	struct sync_host host;
	struct buf remarks;
	int rc;

	buf_init(&remarks, REMARKS_MAX);
	rc = judge_host(c, target, redis, &host, &leave, &remarks, err);
	if (rc == 0) {
		tell_passed_over(c, target, redis, &remarks);
		describe(c, &host, leave, &remarks);
		c->source = host.info;
		redis_conn_free(host.conn);
	}
	buf_release(&remarks);
	return rc;
}

int
check_source_redis(struct checking *c, struct err *err)
{
	struct source_cluster *cluster = NULL;
	const struct redis_opts *redis;
	const struct redis_target *target;
	struct source *source;
	int rc = -1;

	if (settings_str(c->settings, OPT_SOURCE_REDIS) == NULL)
		return check_skip(c, "not set");
	if (settings_source_by_arm(c->settings))
		return check_skip(c, "not needed: it exports itself");
	if (c->no_token && agent_redis_by_identity(c->agent, REGION_SOURCE))
		return check_skip(c, CHECK_NO_TOKEN);
	target = agent_redis(c->agent, REGION_SOURCE, &c->scope, &redis, err);
	if (target == NULL)
		return -1;
	source = source_sync_new(target, redis, NULL);
	if (source_cluster_open(source, &c->scope, &cluster, err) == 0)
		rc = cluster != NULL ? check_cluster(c, cluster, redis, err)
				     : check_whole(c, target, redis, err);
	source_cluster_free(cluster);
	source_free(source);
	return rc;
}

#include <stdbool.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "rdb/cluster_map.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_info.h"
#include "rdb/redis_primaries.h"

#include "rdb/redis_primary.h"

/* A primary's connection; NULL with err otherwise. */
static struct redis_conn *
try_host(const struct redis_target *t, size_t host,
    const struct redis_opts *opts, const struct scope *scope,
    struct redis_info *info, struct err *err)
{
	struct redis_conn *c = redis_connect(
	    &t->hosts[host], t->user, opts, scope, err);
	bool passing;

	/* Its cluster says that it is there, so it is gone by now. */
	if (c == NULL && t->shard && err->kind == ERR_UNREACHABLE)
		err->kind = ERR_TRANSIENT;
	if (c == NULL)
		return NULL;
	if (redis_info_get(c, scope, info, err) != 0)
		goto fail;
	if (!info->is_replica)
		return c;
	/* A Sentinel, or its cluster, named it a moment ago, and names another
	 * one soon. */
	passing = t->master != NULL || t->shard;
	err_set(err, passing ? ERR_TRANSIENT : ERR_REFUSED,
	    "'%s' is a replica of '%.200s:%d': %s", redis_conn_name(c),
	    info->master_host, info->master_port,
	    passing ? "a failover may be going on"
		    : "name its primary, or promote it first");
fail:
	redis_conn_free(c);
	return NULL;
}

struct redis_conn *
redis_primary_connect(const struct redis_target *t,
    const struct redis_opts *opts, const struct scope *scope,
    struct redis_info *info, size_t *host, struct err *err)
{
	struct redis_info unasked;
	struct err first = {0};

	if (info == NULL)
		info = &unasked;
	for (size_t i = 0; i < t->nhosts; i++) {
		struct redis_conn *c = try_host(t, i, opts, scope, info, err);

		if (c != NULL) {
			if (host != NULL)
				*host = i;
			return c;
		}
		if (err->kind == ERR_CANCELLED)
			return NULL;
		/* That a replica answered says more than that another host
		 * is down. */
		if (first.kind == ERR_NONE ||
		    (err->kind == ERR_REFUSED && first.kind != ERR_REFUSED))
			first = *err;
	}
	*err = first;
	return NULL;
}

/* All nodes, the primaries first: whoever is left tells of the others. */
static struct redis_target
pin_cluster(const struct redis_target *t, const struct cluster_map *m)
{
	struct redis_address *hosts = NULL;
	struct redis_target pinned;
	size_t n = m->nshards;

	for (size_t i = 0; i < m->nshards; i++) {
		const struct cluster_shard *s = &m->shards[i];

		hosts = xreallocarray(hosts, n + s->nnodes, sizeof(*hosts));
		hosts[i] = s->nodes[0].address;
		for (size_t k = 1; k < s->nnodes; k++)
			hosts[n++] = s->nodes[k].address;
	}
	pinned = redis_target_at(t, hosts, n);
	pinned.cluster = xstrdup(m->name);
	free(hosts);
	return pinned;
}

static int
pin_server(const struct redis_target *target, const struct redis_opts *opts,
    const struct scope *scope, struct redis_target *pinned, struct err *err)
{
	struct redis_conn *conn;
	size_t host;

	conn = redis_primary_connect(target, opts, scope, NULL, &host, err);
	if (conn == NULL)
		return -1;
	redis_conn_free(conn);
	*pinned = redis_target_pin(target, host);
	return 0;
}

int
redis_primary_pin(const struct redis_target *target,
    const struct redis_opts *opts, const struct scope *scope,
    struct redis_target *pinned, struct err *err)
{
	struct cluster_map *map;
	int rc = 0;

	if (redis_primaries_map(target, opts, scope, &map, err) != 0)
		return -1;
	if (map == NULL)
		return pin_server(target, opts, scope, pinned, err);
	if (map->nshards > 0)
		*pinned = pin_cluster(target, map);
	else
		rc = err_set(err, ERR_UNSUPPORTED,
		    "'%s' is in cluster mode, and no server there has slots",
		    target->shown);
	cluster_map_free(map);
	return rc;
}

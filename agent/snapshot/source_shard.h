/*
 * source_shard.h -- one shard of a cluster, as a source.
 *
 * Its dump is that of the host which was chosen last, it has no key of another
 * shard, and is not older than what its primary held when the cluster was
 * opened: else it is ERR_TRANSIENT.
 */
#ifndef AGENT_SNAPSHOT_SOURCE_SHARD_H
#define AGENT_SNAPSHOT_SOURCE_SHARD_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/snapshot/source.h"
#include "rdb/redis_target.h"

struct cluster_map;
struct err;
struct redis_opts;
struct scope;

struct source_shard {
	struct source source;

	/* Set before source_shard_init(), borrowed: */
	const struct cluster_map *map;
	size_t index;
	const struct redis_opts *redis;
	const struct source_sync_opts *opts;
	atomic_bool *moved; /* set when a key of another shard came */

	/* Where its primary was when the cluster was opened: */
	char replid[64];
	uint64_t offset;

	struct redis_target hosts;
	struct redis_target chosen; /* one of them, and its source */
	struct source *sync;
};

/* cluster: how it was named.  To be ended by source_free(), which leaves the
 * struct itself to its owner. */
void
source_shard_init(struct source_shard *, const struct redis_target *cluster);

/* Before each dump; waits for a replica that lags. */
int
source_shard_choose(struct source_shard *, const struct scope *, struct err *);

#endif

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
#include "rdb/cluster_self.h"
#include "rdb/redis_target.h"

struct cluster_map;
struct err;
struct scope;

struct source_shard {
	struct source source;

	/* Set before source_shard_init(), borrowed: */
	const struct cluster_map *map;
	size_t index;
	const struct source *whole;
	atomic_bool *moved; /* set when a key of another shard came, or one was
			     * another's */

	/* Its primary, and where that was, when the cluster was opened: */
	char id[CLUSTER_ID_MAX + 1];
	uint64_t epoch;
	char replid[64];
	uint64_t offset;

	struct redis_target hosts;
	struct redis_target chosen; /* one of them, and what reads it */
	struct source *reads;
	struct source_ops ops; /* way: of that */
};

/* To be ended by source_free(), which leaves the struct itself to its owner. */
void source_shard_init(struct source_shard *);

/* Before each dump; waits for a replica that lags. */
int
source_shard_choose(struct source_shard *, const struct scope *, struct err *);

#endif

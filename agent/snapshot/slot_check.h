/* slot_check.h -- a visitor that finds the keys which are another shard's. */
#ifndef AGENT_SNAPSHOT_SLOT_CHECK_H
#define AGENT_SNAPSHOT_SLOT_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "rdb/rdb_reader.h"

struct cluster_map;

struct slot_check {
	struct rdb_visitor visitor;
	const struct cluster_map *map;
	size_t shard;
	bool strayed; /* such a key came, which ended the reading */
};

void
slot_check_init(struct slot_check *, const struct cluster_map *, size_t shard);

#endif

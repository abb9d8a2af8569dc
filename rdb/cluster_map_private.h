/* cluster_map_private.h -- between a map's own files. */
#ifndef RDB_CLUSTER_MAP_PRIVATE_H
#define RDB_CLUSTER_MAP_PRIVATE_H

#include "rdb/cluster_map.h"

void cluster_shard_release(struct cluster_shard *);

#endif

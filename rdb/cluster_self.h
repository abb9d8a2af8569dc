/*
 * cluster_self.h -- what a server of a cluster says of itself.
 *
 * A map (cluster_map.h) may be out of date, and does not tell of slots whose
 * keys are on their way; the server that has or gets them does, in its own
 * line of CLUSTER NODES.
 */
#ifndef RDB_CLUSTER_SELF_H
#define RDB_CLUSTER_SELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rdb/cluster_slot.h"

struct cluster_map;
struct err;
struct redis_conn;
struct scope;

#define CLUSTER_ID_MAX 40

struct cluster_self {
	char id[CLUSTER_ID_MAX + 1];
	/* Of its configuration: another one once slots were moved to it, or it
	 * took over from its primary. */
	uint64_t epoch;
	bool is_primary;
	bool owns[CLUSTER_SLOTS];
	unsigned moving; /* slots that it is giving away or being given */
};

int cluster_self_ask(struct redis_conn *, const struct scope *,
    struct cluster_self *, struct err *);

/*
 * Whether it is the primary of that shard of the map, with the shard's slots
 * and none on its way: ERR_TRANSIENT tells what is otherwise.
 */
int cluster_self_agrees(const struct cluster_self *, const struct cluster_map *,
    size_t shard, struct err *);

/* Of the text of CLUSTER NODES. */
int cluster_self_parse(const char *, struct cluster_self *, struct err *);

#endif

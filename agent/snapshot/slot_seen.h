/* slot_seen.h -- a visitor that notes which hash slots a dump has keys of. */
#ifndef AGENT_SNAPSHOT_SLOT_SEEN_H
#define AGENT_SNAPSHOT_SLOT_SEEN_H

#include <stdbool.h>
#include <stddef.h>

#include "rdb/cluster_slot.h"
#include "rdb/rdb_reader.h"
#include "rdb/slot_set.h"

struct slot_seen {
	struct rdb_visitor visitor;
	bool slots[CLUSTER_SLOTS];
};

void slot_seen_init(struct slot_seen *);

/* Ascending, to be freed; NULL and 0 when there was no key. */
struct slot_range *slot_seen_ranges(const struct slot_seen *, size_t *n);

#endif

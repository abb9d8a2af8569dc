/*
 * shards_progress.h -- what several shards tell at once, as one step's.
 */
#ifndef AGENT_SNAPSHOT_SHARDS_PROGRESS_H
#define AGENT_SNAPSHOT_SHARDS_PROGRESS_H

#include <stddef.h>

#include "agent/snapshot/progress.h"

struct shards_progress;

/* to may be NULL. */
struct shards_progress *shards_progress_new(struct progress *to, size_t shards);
void shards_progress_free(struct shards_progress *);

/* For the one shard, whose notes then say which it is. */
struct progress *shards_progress_of(struct shards_progress *, size_t shard);

#endif

/*
 * shards_join.h -- what the whole says, when all dumps of it were taken.
 *
 * m comes with its shards; their sums, their memory in use, the earliest point
 * and how far the points lie apart are filled in.
 */
#ifndef AGENT_SNAPSHOT_SHARDS_JOIN_H
#define AGENT_SNAPSHOT_SHARDS_JOIN_H

struct err;
struct manifest;

int shards_join(struct manifest *m, struct err *);

#endif

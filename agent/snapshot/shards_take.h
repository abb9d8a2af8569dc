/*
 * shards_take.h -- the dumps of a cluster's shards, several at once.
 *
 * As many as memory allows, each with its share of it, and of one machine no
 * more than forks_per_machine.  A shard whose server is lost in the midst is
 * taken from another one of it.
 */
#ifndef AGENT_SNAPSHOT_SHARDS_TAKE_H
#define AGENT_SNAPSHOT_SHARDS_TAKE_H

struct err;
struct manifest;
struct scope;
struct snapshot_env;
struct snapshot_take_opts;
struct source_cluster;
struct store;

/*
 * m comes with id, job and started_ms; its shards are filled in, and what they
 * sum up to.  After a failure none of their parts is left in the store.
 */
int shards_take(struct source_cluster *, struct store *, const struct scope *,
    const struct snapshot_env *, const struct snapshot_take_opts *,
    struct manifest *m, struct err *);

#endif

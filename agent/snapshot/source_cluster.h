/*
 * source_cluster.h -- a cluster of several primaries: a source for each shard.
 *
 * Each shard's dump is a point in time of its own, or a scan.  That together they hold
 * each key once rests on this: no slot was on its way between servers when the
 * cluster was opened, nor when source_cluster_settled() looked again after the
 * last dump, as each primary says of itself; the slots were the same shards'
 * then, and whoever was a primary at both looks had been given none meanwhile;
 * no dump is older than the opening, which a replica that lags could give; and
 * no key of a dump was another shard's.  A failover in between changes none of
 * that.
 */
#ifndef AGENT_SNAPSHOT_SOURCE_CLUSTER_H
#define AGENT_SNAPSHOT_SOURCE_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>

struct cluster_map;
struct err;
struct redis_opts;
struct redis_target;
struct scope;
struct source;
struct source_cluster;

#define MACHINE_SIZE 256

/*
 * *out stays as it is when the source is no such cluster, or keeps it to itself,
 * which whoever asks it for a dump is told better.  ERR_TRANSIENT while slots
 * are being moved or have no server.  Borrows the source, which says how each
 * shard is read.
 */
int source_cluster_open(const struct source *, const struct scope *,
    struct source_cluster **out, struct err *);
void source_cluster_free(struct source_cluster *);

const struct cluster_map *source_cluster_map(const struct source_cluster *);

/* The servers of a shard, of which any may make its dump. */
const struct redis_target *
source_cluster_hosts(const struct source_cluster *, size_t shard);

/*
 * Which server of a shard is to make the dump, a replica if one can; its
 * machine is written out.  To be called before each try of the source.  Of
 * different shards both may be used on threads of their own.
 */
int source_cluster_choose(struct source_cluster *, size_t shard,
    const struct scope *, char machine[MACHINE_SIZE], struct err *);
struct source *source_cluster_source(struct source_cluster *, size_t shard);

/* A dump had a key of another shard: no further try of it will do. */
bool source_cluster_moved(const struct source_cluster *);

/* Waits, within bounds, for a failover to end; ERR_TRANSIENT when slots were
 * moved: all has to be taken again. */
int source_cluster_settled(
    struct source_cluster *, const struct scope *, struct err *);

#endif

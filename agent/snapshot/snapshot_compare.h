/*
 * snapshot_compare.h -- whether a Redis holds what a snapshot holds.
 */
#ifndef AGENT_SNAPSHOT_SNAPSHOT_COMPARE_H
#define AGENT_SNAPSHOT_SNAPSHOT_COMPARE_H

#include "rdb/fingerprint.h"

struct err;
struct manifest;
struct redis_opts;
struct redis_target;
struct scope;
struct snapshot_env;

/*
 * Take the dump of a Redis, or of each primary of a pinned cluster, by
 * replication, else by SCAN, keep nothing of it, and compare its fingerprint to the manifest's, which must be
 * verified.  *out is the Redis' fingerprint, to be freed, when out is not NULL.
 * 0 whether or not they are the same: see result.  ERR_TRANSIENT when they
 * differ and slots of the cluster were moving meanwhile.
 */
int snapshot_compare(const struct manifest *, const struct redis_target *,
    const struct redis_opts *, const struct scope *,
    const struct snapshot_env *, struct fp_comparison *result,
    struct fingerprint **out, struct err *);

/* The same of a part of a snapshot, by its fingerprint. */
int snapshot_compare_part(const struct fingerprint *,
    const struct redis_target *, const struct redis_opts *,
    const struct scope *, const struct snapshot_env *,
    struct fp_comparison *result, struct fingerprint **out, struct err *);

#endif

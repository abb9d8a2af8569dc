/*
 * sentinel_settle.h -- whether what was written to a primary will last.
 *
 * Replication is behind, and a Sentinel promotes a replica some moments before
 * anybody hears of it: what is written to the old primary meanwhile is lost,
 * though it took it (seen with Redis 7.0.15).
 */
#ifndef RDB_SENTINEL_SETTLE_H
#define RDB_SENTINEL_SETTLE_H

struct err;
struct redis_opts;
struct redis_target;
struct scope;

/*
 * Of a target that is pinned: it is the primary still, and all of its replicas
 * that are up acknowledge all within ten minutes.  So whichever is promoted
 * from now on holds it.  ERR_TRANSIENT when not; nothing to do for a target
 * without Sentinels.
 */
int
sentinel_settle(const struct redis_target *, const struct redis_opts *servers,
    const struct redis_opts *sentinels, const struct scope *, struct err *);

#endif

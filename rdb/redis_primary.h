/* redis_primary.h -- the one of a target's hosts that takes writes. */
#ifndef RDB_REDIS_PRIMARY_H
#define RDB_REDIS_PRIMARY_H

#include <stddef.h>

struct err;
struct redis_conn;
struct redis_info;
struct redis_opts;
struct redis_target;
struct scope;

/*
 * Tries the hosts in their order; info and host (its index) tell of the one
 * that was taken and may be NULL.  ERR_REFUSED when only replicas answer (a
 * Sentinel's: ERR_TRANSIENT): a replica is never detached or written to in
 * silence.
 */
struct redis_conn *
redis_primary_connect(const struct redis_target *, const struct redis_opts *,
    const struct scope *, struct redis_info *info, size_t *host, struct err *);

/*
 * The primary that answered as a target's only host, so that whatever follows
 * is asked of, and done to, that server alone; or the cluster that the hosts
 * are of, with its name and all of its nodes, for redis_primaries.h.  To be
 * released by redis_target_release().
 */
int redis_primary_pin(const struct redis_target *, const struct redis_opts *,
    const struct scope *, struct redis_target *pinned, struct err *);

#endif

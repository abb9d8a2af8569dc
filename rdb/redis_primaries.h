/*
 * redis_primaries.h -- the servers that together hold what a target holds.
 *
 * One, or each primary of a cluster.  Which those are is asked anew for each
 * thing to be done with all of them: after a failover they are others.
 */
#ifndef RDB_REDIS_PRIMARIES_H
#define RDB_REDIS_PRIMARIES_H

#include <stdbool.h>
#include <stddef.h>

struct cluster_map;
struct err;
struct redis_conn;
struct redis_opts;
struct redis_target;
struct scope;

struct redis_primaries {
	/* By the order of their slots, each a target of its own for
	 * redis_primary_connect() and sync_dump(). */
	struct redis_target *parts;
	size_t n;
	struct cluster_map *map; /* NULL: no cluster */
};

/*
 * Of a pinned target (redis_primary_pin()), which is asked nothing when it is
 * of no cluster.  ERR_TRANSIENT while slots are served by nobody, or a primary
 * has failed and no other one took its place: a failover may be going on.
 */
int redis_primaries_find(const struct redis_target *, const struct redis_opts *,
    const struct scope *, struct redis_primaries *, struct err *);
void redis_primaries_release(struct redis_primaries *);

/* The map, as the first of the hosts tells it that answers, whatever its role;
 * NULL when that is of no cluster. */
int redis_primaries_map(const struct redis_target *, const struct redis_opts *,
    const struct scope *, struct cluster_map **, struct err *);

/*
 * To the one that has a key's slot, whatever the key is there; of no cluster,
 * to the primary.
 */
struct redis_conn *
redis_primaries_connect(const struct redis_target *, const struct redis_opts *,
    const char *key, const struct scope *, struct err *);

/*
 * Whether each slot is where it was, and none is on its way: else keys may
 * have been read from two of them, or from none.
 */
int redis_primaries_still(const struct redis_target *,
    const struct redis_primaries *, const struct redis_opts *,
    const struct scope *, bool *still, struct err *);

/*
 * Whether all of them hold the same function libraries, as they should: a
 * comparison of the data counts each library once.  True below Redis 7.0.
 */
int redis_primaries_agree(const struct redis_primaries *,
    const struct redis_opts *, const struct scope *, bool *agree, struct err *);

#endif

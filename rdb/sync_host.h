/*
 * sync_host.h -- which of a target's hosts a snapshot is taken from.
 *
 * A replica spares the primary the fork.  Every host is asked once, one after
 * the other.
 */
#ifndef RDB_SYNC_HOST_H
#define RDB_SYNC_HOST_H

#include <stdbool.h>

#include "rdb/redis_info.h"

struct err;
struct redis_conn;
struct redis_opts;
struct redis_target;
struct scope;

struct sync_host {
	struct redis_conn *conn; /* the caller frees it */
	struct redis_info info;	 /* zeros when INFO is refused */
	size_t index;		 /* of the target's hosts */
};

/*
 * Never one of a cluster of several primaries (ERR_UNSUPPORTED), which has a
 * part of the keys only, unless the target is a shard.
 *
 * The replica whose link is up with the highest offset, else the primary,
 * else a host that does not say.  When no host will do the error has the
 * reason of each.
 */
int sync_host_choose(const struct redis_target *, const struct redis_opts *,
    const struct scope *, struct sync_host *, struct err *);

#endif

/*
 * redis_census.h -- how much a Redis holds, and how much it may: asked by INFO
 * of each of its primaries.
 */
#ifndef RDB_REDIS_CENSUS_H
#define RDB_REDIS_CENSUS_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct redis_opts;
struct redis_target;
struct scope;

struct redis_census {
	uint64_t keys;	     /* of all databases of all primaries */
	uint64_t keys_alike; /* all of several primaries told this; else 0 */
	uint64_t maxmemory;  /* of all; 0: one of them tells of no limit */
	size_t primaries;
};

/* Of any target, pinned or not. */
int redis_census_take(const struct redis_target *, const struct redis_opts *,
    const struct scope *, struct redis_census *, struct err *);

/*
 * The keys, where about that many are expected.  Redis Enterprise has a proxy
 * at each address, and nobody says whether one counts for its own shards or
 * for all: of several that told the same number, that or the sum is meant,
 * whichever is nearer.
 */
uint64_t redis_census_keys(const struct redis_census *, uint64_t expected);

#endif

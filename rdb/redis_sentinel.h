/*
 * redis_sentinel.h -- where the servers are that Sentinel watches.
 *
 * Each Sentinel of the target is asked in its turn, a few seconds at most,
 * until one gives an answer that holds.  To be asked again before each step
 * and each attempt at one: after a failover it is another server.
 */
#ifndef RDB_REDIS_SENTINEL_H
#define RDB_REDIS_SENTINEL_H

struct err;
struct redis_opts;
struct redis_target;
struct scope;

enum sentinel_want {
	/* The one that takes writes, which it must confirm itself. */
	SENTINEL_PRIMARY,
	/* It and its replicas, but for those that are down; which of them can
	 * be used is for sync_host.h. */
	SENTINEL_ALL,
};

/*
 * Puts the servers into the target's hosts, and leaves those alone when it
 * fails; nothing to do for one without Sentinels.  sentinels is how those are
 * logged in to, servers how they are.  ERR_MISSING when they know no such
 * name; ERR_TRANSIENT while a failover goes on; the text has what each said.
 */
int redis_sentinel_find(struct redis_target *, enum sentinel_want,
    const struct redis_opts *servers, const struct redis_opts *sentinels,
    const struct scope *, struct err *);

#endif

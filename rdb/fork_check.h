/*
 * fork_check.h -- what a snapshot may do to the server that forks for it.
 *
 * A fork stops the server while its page tables are copied, and while the
 * child lives each page that is written to is held twice.  How many those
 * will be nobody can know; so they are reckoned as the greater of a share of
 * the memory in use and what the last save cost.  One that does not fit once
 * will hurt: the system kills, or swaps.  One that does not fit three times
 * may.  The limit is the machine's memory: maxmemory is none, since the server
 * does not count copied pages.
 */
#ifndef RDB_FORK_CHECK_H
#define RDB_FORK_CHECK_H

#include <stdint.h>

struct err;
struct redis_conn;
struct redis_info;
struct scope;

enum fork_risk { FORK_MAY_HURT, FORK_WILL_HURT };

/* Where a server without a replica would write a dump for one. */
enum fork_target {
	FORK_TO_SOCKET,
	FORK_TO_FILE,	/* its own dump file, which is replaced */
	FORK_TO_EITHER, /* it does not say */
};

struct fork_limits {
	uint64_t memory; /* of its machine or container; 0: as it tells */
	unsigned cow_percent;
	int64_t stop_ms; /* a fork may stop it so long; 0: for ever */
};

/*
 * By CONFIG GET repl-diskless-sync.  There is no way to choose: REPLCONF
 * rdb-filter-only, which forces the socket, leaves all keys out (seen with
 * Redis 7.0.15).
 */
int fork_target_get(struct redis_conn *, const struct scope *,
    enum fork_target *, struct err *);

/*
 * Calls tell for each thing found, with the finding and what to do about it.
 * Of a server that hides INFO (its version is "") only that is found.
 */
void fork_check(const struct redis_info *, enum fork_target,
    const struct fork_limits *,
    void (*tell)(void *arg, enum fork_risk, const char *text), void *arg);

#endif

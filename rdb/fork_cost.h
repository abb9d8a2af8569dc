/*
 * fork_cost.h -- how much memory the child of a dump made its server copy.
 *
 * INFO tells it of the last save only, and when its child has ended; so it is
 * believed when the server forked once since, or when the dump was that of a
 * save which went on before.
 */
#ifndef RDB_FORK_COST_H
#define RDB_FORK_COST_H

#include <stdbool.h>
#include <stdint.h>

struct redis_conn;
struct redis_info;
struct scope;

/* What the server told before the dump. */
struct fork_mark {
	bool told; /* from Redis 6.2 */
	uint64_t forks;
	bool saving;
};

struct fork_mark fork_mark_of(const struct redis_info *);

/*
 * Bytes, once the child has ended, for which it waits a little; -1 when it is
 * not known, or not known to be that child's.
 */
int64_t fork_cost_get(
    struct redis_conn *, const struct fork_mark *, const struct scope *);

#endif

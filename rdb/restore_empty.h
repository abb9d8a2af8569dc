/* restore_empty.h -- empties a target before a load. */
#ifndef RDB_RESTORE_EMPTY_H
#define RDB_RESTORE_EMPTY_H

struct err;
struct redis_opts;
struct redis_target;
struct scope;

/*
 * FUNCTION FLUSH and FLUSHALL, of each primary: an import never makes a union.
 * The first is emptied when all are connected.
 * Waits for up to an hour, since freeing a large dataset takes long.
 */
int restore_empty_target(const struct redis_target *, const struct redis_opts *,
    const struct scope *, struct err *);

#endif

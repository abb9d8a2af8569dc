/* restore_empty.h -- empties a target before a load. */
#ifndef RDB_RESTORE_EMPTY_H
#define RDB_RESTORE_EMPTY_H

struct err;
struct redis_opts;
struct redis_target;
struct scope;

/*
 * FUNCTION FLUSH and FLUSHALL, of each primary: an import never makes a union.
 * All are asked at once when all are connected, so that what is written to one
 * while another is emptied is not lost behind the caller's last look at it.
 * Waits for up to an hour, since freeing a large dataset takes long.
 */
int restore_empty_target(const struct redis_target *, const struct redis_opts *,
    const struct scope *, struct err *);

#endif

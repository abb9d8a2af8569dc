/*
 * scan_walk.h -- the keys of a database as SCAN tells them, each of them once.
 *
 * The next answer is asked for when one was taken, so that it comes while the
 * values of that one's keys are fetched.  Each question is a probe of the pace.
 */
#ifndef RDB_SCAN_WALK_H
#define RDB_SCAN_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct key_filter;
struct key_set;
struct redis_conn;
struct scan_name;
struct scan_pace;
struct scan_walk;
struct scope;

/*
 * Borrows all; the connection is nobody else's until a walk ended.  Of a filter
 * (NULL: none) what names tell is seen to; type, or NULL, is told to SCAN, for
 * Redis 6.0 on.
 */
struct scan_walk *scan_walk_new(struct redis_conn *, struct key_set *seen,
    struct scan_pace *, const struct key_filter *, const char *type);
void scan_walk_free(struct scan_walk *);

/* Of the database that is selected on the connection. */
int scan_walk_begin(
    struct scan_walk *, const struct scope *, uint32_t db, struct err *);

/*
 * The new keys of one answer, good until the next call; there may be none.
 * ERR_AUTH or ERR_UNSUPPORTED when SCAN is refused.
 */
int scan_walk_next(struct scan_walk *, const struct scope *,
    const struct scan_name **, size_t *n, struct err *);

/* Whether there is a next answer. */
bool scan_walk_more(const struct scan_walk *);

/* The probe is over as soon as its answer is there, and not when its turn has
 * come to be read: to be called now and then. */
int scan_walk_watch(struct scan_walk *, struct err *);

/* Keys that were told again, and left out. */
uint64_t scan_walk_repeated(const struct scan_walk *);

/* Keys that were told, and whose names are not wanted. */
uint64_t scan_walk_unwanted(const struct scan_walk *);

#endif

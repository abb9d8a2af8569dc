/*
 * scan_hold.h -- a dump that is kept back until it is known what of it holds.
 *
 * In a file that nobody else can read (private_file.h).  A dump that passes the
 * ceiling, or for which the disk has no room, is kept back no longer: what was,
 * and all that comes, goes on to the next stage as it is.
 */
#ifndef RDB_SCAN_HOLD_H
#define RDB_SCAN_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct budget;
struct err;
struct rdb_visitor;
struct scope;
struct sink;

struct scan_hold_opts {
	const char *dir; /* NULL: TMPDIR, else /var/tmp */
	uint64_t max_bytes;
	struct budget *budget; /* of one chunk, and as many as next keeps */
};

/* All is borrowed, but for the opts, which are copied; finish is not for it,
 * and next is never finished. */
struct sink *scan_hold_new(struct sink *next, const struct scope *,
    const struct scan_hold_opts *, struct err *);

/* Whether it keeps back still; else err tells why not. */
bool scan_hold_holds(const struct sink *, struct err *);

/* Let what is kept back, and all that comes, go on to the next stage. */
int scan_hold_release(struct sink *, struct err *);

/* Or show it, a whole dump, to a visitor. */
int scan_hold_show(struct sink *, struct rdb_visitor *, struct err *);

#endif

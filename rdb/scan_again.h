/*
 * scan_again.h -- a second pass over what changed while a server was scanned.
 *
 * The first pass is kept back (scan_hold.h) while the source tells which keys
 * change (scan_changes.h).  Those are read again at its end, and what the
 * first pass has of them is left out.  So each key of the dump is as it was at
 * a moment of the second pass: one that did not change since it was read is
 * as it was when that began.
 */
#ifndef RDB_SCAN_AGAIN_H
#define RDB_SCAN_AGAIN_H

#include <stddef.h>
#include <stdint.h>

#include "rdb/scan_changes.h"
#include "rdb/scan_hold.h"

struct err;
struct rdb_writer;
struct redis_conn;
struct redis_info;
struct scan_again;
struct scope;
struct sink;

struct scan_again_opts {
	struct scan_hold_opts hold;
	struct scan_changes_opts changes;
};

/*
 * Takes events, a connection of its own, also when it fails: then err tells
 * why there can be no second pass.  ask is borrowed for the call, the rest for
 * as long as it lives.
 */
struct scan_again *scan_again_new(struct redis_conn *ask,
    struct redis_conn *events, const struct redis_info *, struct sink *next,
    const struct scope *, const struct scan_again_opts *, struct err *);
void scan_again_free(struct scan_again *);

/* Where the first pass is to be written. */
struct sink *scan_again_sink(struct scan_again *);
struct scan_changes *scan_again_changes(struct scan_again *);

/*
 * The first pass is at its end.  0: all that changed is known, and is to be
 * read again.  Fails when it is not, by err: then the first pass is the dump,
 * and is to be let go on by scan_again_give_up().
 */
int scan_again_begin(struct scan_again *, struct redis_conn *ask,
    const struct scope *, struct err *);
int scan_again_give_up(struct scan_again *, struct err *);

/* What did not change, into the dump of the second pass. */
int scan_again_copy(
    struct scan_again *, struct rdb_writer *, uint64_t *keys, struct err *);

#endif

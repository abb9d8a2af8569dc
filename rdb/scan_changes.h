/*
 * scan_changes.h -- which keys change while a live server is being read.
 *
 * Keyspace notifications, where the server's configuration sends all of them
 * already; nothing is configured.  That it does is asked of its CONFIG, where it
 * tells that, or seen by a key of ours, or vouched for (enum scan_trust).  What
 * changes without one is seen to: FLUSHALL, FLUSHDB and SWAPDB (and whatever
 * else makes the dataset another one) by counters that must stand where they
 * stood (scan_witness.h); streams, whose groups are read in silence, HyperLogLogs, which keep what they were last counted for, and module
 * values by the caller, who notes each of them as changed; and a replica, which
 * may load all anew, is not believed.
 *
 * Notifications are lost with their connection, and that is seen.  That all of
 * them came is told by an answer behind them, so the server must be one process
 * and no proxy.
 *
 * Facts: redis/src/notify.c, t_stream.c (XACK),
 * hyperloglog.c (PFCOUNT), db.c flushallCommand().
 */
#ifndef RDB_SCAN_CHANGES_H
#define RDB_SCAN_CHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rdb/scan_witness.h"

struct err;
struct key_filter;
struct redis_conn;
struct scan_changes;
struct scan_name;
struct scope;

/* Of memory for the keys that changed; more of them are too many. */
#define SCAN_CHANGED_BYTES ((size_t)6 << 20)

struct scan_changes_opts {
	/* What it would not take is not noted; NULL: none. */
	const struct key_filter *filter;
	enum scan_trust trust;
	bool cluster;	 /* it is a server of one */
	const char *dir; /* of a temporary file; NULL: TMPDIR, else /var/tmp */
};

/*
 * Takes events, a connection of its own, also when it fails; ask is borrowed
 * for the call.  ERR_UNSUPPORTED, ERR_AUTH when not all changes are told.
 */
struct scan_changes *
scan_changes_new(struct redis_conn *ask, struct redis_conn *events,
    const struct scan_changes_opts *, const struct scope *, struct err *);
void scan_changes_free(struct scan_changes *);

/* Take what was told meanwhile: to be called often, never waits. */
void scan_changes_drain(struct scan_changes *);

/* A key is to be taken for changed. */
void
scan_changes_note(struct scan_changes *, uint32_t db, const void *, size_t);

/*
 * All that changed before the call is known when it returns; nothing is noted
 * from then on.  Fails when something was lost, or changed in silence: then
 * what is known is not all.
 */
int scan_changes_settle(struct scan_changes *, struct redis_conn *ask,
    const struct scope *, struct err *);

/* How it is known that all of them were told. */
enum scan_trust scan_changes_known(const struct scan_changes *);

/* After that: whether a key changed, and how many did. */
int scan_changes_has(struct scan_changes *, uint32_t db, const void *, size_t,
    bool *has, struct err *);
uint64_t scan_changes_count(const struct scan_changes *);
uint32_t scan_changes_db_max(const struct scan_changes *);

/* The next few of a database, at most max; *at is 0 at the beginning.  Their
 * names are the module's own. */
size_t scan_changes_next(const struct scan_changes *, uint32_t db, size_t *at,
    struct scan_name *, size_t max);

#endif

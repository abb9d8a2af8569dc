/*
 * scan_client.h -- a dump of a live Redis that refuses replication: by SCAN.
 *
 * SCAN walks the keys on one connection, DUMP fetches their values on another
 * (scan_pipe.h), and what comes out is a valid RDB file.  It is no point in
 * time: each key is of the moment at which it was asked for, and what is
 * written meanwhile may be in the dump or not.  A key that is there from the
 * beginning to the end is in it, once.
 *
 * Where the server tells of each change (notify-keyspace-events, which is left
 * as it is), a second pass reads again what changed during the first, and the
 * time in which all of the dump was so is that of the second (scan_again.h).
 *
 * The source is spared: a ceiling of keys a second, and fewer requests under
 * way while its answers take longer than they may.  Nothing is changed in it,
 * but that a read key counts as used (from Redis 7.2 on not even that), and a
 * key of ours that comes and goes where that is asked for (scan_probe.h).
 */
#ifndef RDB_SCAN_CLIENT_H
#define RDB_SCAN_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/chunk.h"
#include "rdb/scan_changes.h"

struct budget;
struct err;
struct key_filter;
struct redis_opts;
struct redis_target;
struct scan_quota;
struct scope;
struct sink;

/* Of memory for the keys that were seen; beyond it they go to a file. */
#define SCAN_SEEN_BYTES ((size_t)24 << 20)

/* And for a second pass: the keys that changed, and a chunk. */
#define SCAN_AGAIN_BYTES (SCAN_CHANGED_BYTES + CHUNK_SIZE)

struct scan_opts {
	/* Of the chunks that are written: one, and as many as the sink keeps.
	 * SCAN_SEEN_BYTES are carved from it beside, and SCAN_AGAIN_BYTES
	 * taken unless hold_max is 0. */
	struct budget *budget;
	/* Where temporary files go (NULL: TMPDIR, else /var/tmp), and how much
	 * of the first pass may be kept back.  0: one pass. */
	const char *hold_dir;
	uint64_t hold_max;
	enum scan_trust trust;	  /* how changes are known to be told */
	struct scan_quota *quota; /* of keys a second; NULL: no limit */
	int64_t latency_most_ms;  /* of an answer; 0: 20 */
	/*
	 * What it would not take may be missing.  By database, name and, where
	 * it takes but one, type no value is asked for; the rest is there.
	 */
	const struct key_filter *filter; /* NULL: none */
	/* total is reckoned from the number of keys; 0 while too few came. */
	void (*progress)(void *arg, uint64_t done, uint64_t total);
	void *progress_arg;
};

struct scan_facts {
	char host[280];
	char version[32];
	bool valkey;
	char replid[64];  /* of its history, as INFO tells; "" unknown */
	int64_t first_ms; /* wall clock, when reading began */
	int64_t began_ms, ended_ms; /* the window: of the second pass, or all */
	bool again;		    /* there was a second pass */
	enum scan_trust known;	    /* how it is, that it missed no change */
	uint64_t changed;	    /* keys for it: changed, or they may have */
	char once[160]; /* why there was none, though hold_max is not 0 */
	uint64_t keys;
	uint64_t gone;	   /* deleted or expired before their turn came */
	uint64_t repeated; /* told more than once by SCAN, and written once */
	uint64_t unwanted; /* by the filter, and so not asked for */
	bool expiry_exact; /* else to within some milliseconds */
	bool functions_left_out; /* FUNCTION DUMP is refused */
};

/*
 * Chooses among hosts as sync_dump() does.  Writes the dump into sink, does
 * not finish it.  ERR_UNSUPPORTED for a server that has no SCAN or DUMP, or
 * does not tell its version, ERR_AUTH for a user who may not.  After a failure
 * the sink holds a part that must not be kept.
 */
int scan_dump(const struct redis_target *, const struct redis_opts *,
    const struct scope *, const struct scan_opts *, struct sink *,
    struct scan_facts *, struct err *);

#endif

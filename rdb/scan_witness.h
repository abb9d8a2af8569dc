/*
 * scan_witness.h -- what must have stood still while a server was scanned, for
 * its keyspace events to be all that changed.
 *
 * FLUSHALL, FLUSHDB, SWAPDB, a full sync, a restart and a change of what is
 * told are in no event; INFO has counters of them.
 */
#ifndef RDB_SCAN_WITNESS_H
#define RDB_SCAN_WITNESS_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct redis_conn;
struct scope;

/* How it is known that a server tells of every change. */
enum scan_trust {
	SCAN_ASK,   /* by its CONFIG; the others where that is refused: */
	SCAN_PROBE, /* by what it tells of a key of ours (scan_probe.h) */
	SCAN_TRUST, /* by the word of whoever runs it */
};

struct scan_witness {
	char *text;
	bool by_event, by_key; /* which channels tell */
	bool asked;	       /* CONFIG answered */
	uint64_t commands;     /* that were processed */
	uint64_t config_calls; /* of CONFIG: before 7.0 of any word of it */
	uint64_t dirty;	       /* changes since the last save */
};

/*
 * ERR_UNSUPPORTED, ERR_AUTH for a server of which it is known that it does not
 * tell of every change, or of which nothing tells that it does.
 */
int scan_witness_take(struct scan_witness *, struct redis_conn *,
    enum scan_trust, const struct scope *, struct err *);
void scan_witness_release(struct scan_witness *);

bool scan_witness_agrees(
    const struct scan_witness *now, const struct scan_witness *then);

#endif

/*
 * posing_master.h -- a native full sync into a target, by posing as its master.
 *
 * The target is told REPLICAOF us, connects, and is given one dump; then it
 * is released with REPLICAOF NO ONE.  Loading runs at native speed, every
 * type, functions and modules are kept, and keys do not expire meanwhile.
 *
 * One connection is served, from the target's address only, with mutual TLS
 * or with a one-time masterauth set on the target for the purpose.  The last
 * 64 KiB are withheld until the caller vouches for the whole dump, so that a
 * failure before that leaves the target's old data; one after it, while the
 * target loads, may not, and the error says so.  An empty target, which has
 * nothing to lose, may load while it receives (streamed, in less than half the
 * time): after a failure it drops what it got, and is empty again.  REPLICAOF
 * and every changed CONFIG (posing_hold.h) are journalled before they are
 * sent, and posing_undo() puts them back after a crash.
 *
 * It is a sink: the dump's raw bytes are written to it, blob_writer-like:
 * finish only ends the withheld part's collection; posing_release() lets it
 * go.  A sink that is freed without, or fails, puts the target back.
 */
#ifndef RDB_POSING_MASTER_H
#define RDB_POSING_MASTER_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct journal;
struct redis_conn;
struct redis_opts;
struct redis_target;
struct scope;
struct sink;

#define POSING_WITHHELD_BYTES ((uint64_t)64 << 10)

struct posing_opts {
	uint64_t size;	       /* exact bytes of the dump */
	bool streamed;	       /* the target is empty, and may load while it
				* receives: each byte must be proved before it
				* is written here, and nothing may follow the
				* dump's end */
	const char *bind;      /* address to listen on; NULL: the one by which
				 * we reach the target */
	const char *advertise; /* host told to the target; NULL: bind, or, when
				 * that is a wildcard, as bind's NULL */
	int port;	       /* 0: any free one */
	const char *tls_cert;  /* with these three: mutual TLS, which needs */
	const char *tls_key;   /* tls-replication yes on the target */
	const char *tls_ca;
	struct journal *journal;    /* borrowed */
	int64_t connect_timeout_ms; /* target to reach us; 0: 20,000 */
	int64_t load_timeout_ms;    /* after the last byte; 0: 1 hour */
};

/*
 * Notes, sets masterauth, listens, sends REPLICAOF, and waits for the
 * target's PSYNC.  What an earlier run left on this target is undone first.
 *
 * ERR_UNSUPPORTED when the target refuses CONFIG or REPLICAOF, does not reach
 * us in time, or would get in clear what we reach it for by TLS (it is put
 * back then): use RESTORE.  ERR_REFUSED for a replica: it is not detached from
 * its master in silence.  ERR_USAGE for TLS files that are missing or unfit.
 *
 * The target is copied; what the redis_opts point at, the scope's cancel, the
 * TLS file names and the journal live as long as the sink.
 */
struct sink *
posing_master_new(const struct redis_target *, const struct redis_opts *,
    const struct scope *, const struct posing_opts *, struct err *);

/*
 * The caller has proved the whole dump: send the withheld end, wait for the
 * target to have loaded it (master_link_status:up, and it follows our stream),
 * promote it with REPLICAOF NO ONE, put its CONFIG back and clear the journal.
 * After a failure the target may hold its old data, the dump, or nothing, and
 * may have stopped; load again.
 */
int posing_release(struct sink *, const struct scope *, struct err *);

/*
 * The caller has failed: puts the target back, and err, which says why, says
 * also how it is left.  Does nothing where the sink had failed, and said so.
 */
void posing_give_up(struct sink *, struct err *);

/*
 * Undo what a crashed run left: for each of the target's hosts that has a
 * journal entry of this module, REPLICAOF NO ONE if it still follows us, and
 * CONFIG put back where it is still ours.  Called at each start for the job's
 * target.  A host without an entry is not connected to.  On failure (a host
 * that does not answer) its entry stays; the others were still seen to.
 */
int posing_undo(struct journal *, const struct redis_target *,
    const struct redis_opts *, const struct scope *, struct err *);

#endif

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
 * target loads, may not, and the error says so.  REPLICAOF and every changed
 * CONFIG are journalled before they are sent, and posing_undo() puts them
 * back after a crash.
 *
 * It is a sink: the dump's raw bytes are written to it, blob_writer-like:
 * finish only ends the withheld part's collection; posing_release() lets it
 * go.
 */
#ifndef RDB_POSING_MASTER_H
#define RDB_POSING_MASTER_H

#include <stdint.h>

struct err;
struct journal;
struct redis_conn;
struct redis_opts;
struct redis_target;
struct scope;
struct sink;

struct posing_opts {
	uint64_t size;	       /* exact bytes of the dump */
	const char *bind;      /* address to listen on; NULL: the one by which
				 * we reach the target */
	const char *advertise; /* host told to the target; NULL: bind */
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
 * target's PSYNC.  ERR_UNSUPPORTED when the target refuses REPLICAOF or does
 * not reach us in time (it is put back then): use RESTORE.
 */
struct sink *
posing_master_new(const struct redis_target *, const struct redis_opts *,
    const struct scope *, const struct posing_opts *, struct err *);

/*
 * The caller has proved the whole dump: send the withheld end, wait for the
 * target to have loaded it (master_link_status:up), promote it with REPLICAOF
 * NO ONE, put its CONFIG back and clear the journal.
 */
int posing_release(struct sink *, const struct scope *, struct err *);

/*
 * Undo what a crashed run left: for every journal entry of this module whose
 * target answers, REPLICAOF NO ONE if it still follows us, and CONFIG put
 * back.  Called at each start for the job's target.
 */
int posing_undo(struct journal *, const struct redis_target *,
    const struct redis_opts *, const struct scope *, struct err *);

#endif

/*
 * sync_client.h -- takes a snapshot off a live Redis by replication.
 *
 * PSYNC with REPLCONF rdb-only 1, falling back to SYNC; $len and $EOF framing,
 * keepalive newlines; never pipelined (Redis 7.0.15 starts no sync then).  The
 * RDB reader sees the bytes as they arrive and finds the end; chunks go into
 * the sink after it accepted them.  With rdb-only (Redis 6.2) the server's
 * output buffers do not grow meanwhile; without, the connection is closed as
 * soon as the dump is here.
 */
#ifndef RDB_SYNC_CLIENT_H
#define RDB_SYNC_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rdb/fork_cost.h"

struct budget;
struct err;
struct rdb_compat;
struct rdb_reader;
struct redis_conn;
struct redis_info;
struct redis_opts;
struct redis_target;
struct scope;
struct sink;

struct sync_facts {
	char host[280];	  /* the one used, "host:port" */
	char version[32]; /* of the server; "" when INFO is refused */
	bool valkey;	  /* version is Valkey's */
	bool from_replica;
	char replid[41]; /* "" when taken by SYNC */
	int64_t offset;	 /* -1 when taken by SYNC */
	bool by_sync;	 /* the old command: no rdb-only */
	bool rdb_only;	 /* the server keeps no stream for us */
	bool negotiates; /* it took our REPLCONF version */
	/* $EOF framing; else the server wrote, and replaced, its dump file. */
	bool diskless;
	struct fork_mark before; /* as INFO told before */
	int64_t asked_ms;	 /* wall clock: PSYNC or SYNC sent */
	/*
	 * +FULLRESYNC came, which the server sends when it has forked; for
	 * SYNC, which is answered only when all is saved, the time it was
	 * asked.  A dump that was already being made is older: its own ctime
	 * tells.
	 */
	int64_t forked_ms;
	int64_t first_byte_ms; /* of the RDB */
	int64_t last_byte_ms;
	uint64_t bytes;
	uint64_t total;	      /* declared with $len, else 0 */
	uint64_t keys_before; /* as INFO told before; 0: unknown */
	/*
	 * An RDB version newer than the reader: all bytes are in the sink, and
	 * nothing but the framing proves them.
	 */
	bool unverified;
	char unverified_why[256];
};

struct sync_opts {
	/*
	 * Of the chunks read into: at least 4, and beyond that as many as the
	 * sink's stages keep before they let one go.
	 */
	struct budget *budget;
	int64_t stall_timeout_ms; /* without a byte or keepalive; 0: 60,000 */
	/*
	 * The reader that follows the stream; the client feeds it itself, so
	 * that the end is found by structure, and then requires the mark.
	 */
	struct rdb_reader *reader;
	const struct rdb_compat *compat; /* NULL: "auto" */
	/*
	 * Looks at the host that was chosen, before it is asked to fork; when
	 * it fails the host is left alone.  NULL: nobody looks.
	 */
	int (*admit)(void *arg, struct redis_conn *, const struct redis_info *,
	    const struct scope *, struct err *);
	void *admit_arg;
	/* total is what $len declared; for $EOF it is reckoned from the keys
	 * that INFO told and those that came (about), 0 while too few did. */
	void (*progress)(void *arg, uint64_t done, uint64_t total, bool about);
	void *progress_arg;
	/* What to do where no right can be had, for a refusal's text: "read
	 * a file instead"; NULL: nothing. */
	const char *instead;
};

/*
 * Chooses among the target's hosts: a replica whose link is up and which is
 * furthest, else the primary; none that loads.  Writes the dump into sink,
 * does not finish it.
 * Every key space is in a dump, whichever the URL names.  ERR_UNSUPPORTED when
 * the server refuses replication (managed services): the text says which
 * rights it takes, and what else to try; ERR_TRANSIENT for a server that cannot just now
 * (LOADING, NOMASTERLINK, a failed BGSAVE) and a connection that broke.
 * After a failure the sink holds a part that must not be kept; facts are
 * filled as far as things went.
 */
int sync_dump(const struct redis_target *, const struct redis_opts *,
    const struct scope *, const struct sync_opts *, struct sink *,
    struct sync_facts *, struct err *);

#endif

/*
 * sync_client.h -- takes a snapshot off a live Redis by replication.
 *
 * PSYNC with REPLCONF rdb-only 1, falling back to SYNC; $len and $EOF framing,
 * keepalive newlines; never pipelined (Redis 7.0.15 starts no sync then).  The
 * bytes go into a sink as chunks while the RDB reader, which the sink's chain
 * holds, finds the end.  The server's output buffers do not grow meanwhile.
 */
#ifndef RDB_SYNC_CLIENT_H
#define RDB_SYNC_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct budget;
struct err;
struct rdb_reader;
struct redis_address;
struct redis_opts;
struct redis_target;
struct scope;
struct sink;

struct sync_facts {
	char replid[41];       /* "" when taken by SYNC */
	int64_t offset;	       /* -1 when taken by SYNC */
	bool by_sync;	       /* the old command: no rdb-only */
	bool diskless;	       /* $EOF framing */
	int64_t asked_ms;      /* wall clock: PSYNC sent */
	int64_t forked_ms;     /* first byte of the answer's payload header */
	int64_t first_byte_ms; /* of the RDB */
	int64_t last_byte_ms;
	uint64_t bytes;
	uint64_t total; /* declared with $len, else 0 */
};

struct sync_opts {
	struct budget *budget;	  /* to read into; carved by 4 chunks */
	int64_t stall_timeout_ms; /* without a byte or keepalive; 0: 60,000 */
	/*
	 * The reader that follows the stream; the client feeds it itself, so
	 * that the end is found by structure, and then requires the mark.
	 */
	struct rdb_reader *reader;
	void (*progress)(void *arg, uint64_t done, uint64_t total);
	void *progress_arg;
};

/*
 * Chooses among the target's hosts: a replica whose link is up, else the
 * primary; none loading.  Writes the dump into sink, does not finish it.
 * ERR_UNSUPPORTED when the server refuses replication (managed services): the
 * text names the sources to try next.
 */
int sync_dump(const struct redis_target *, const struct redis_opts *,
    const struct scope *, const struct sync_opts *, struct sink *,
    struct sync_facts *, struct err *);

#endif

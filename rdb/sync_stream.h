/*
 * sync_stream.h -- the payload of a full sync: from the socket into a sink.
 *
 * The RDB reader is fed each read while its bytes are still in the cache, and
 * the chunk goes on when it is full or when the source pauses, so that what
 * follows works meanwhile.
 */
#ifndef RDB_SYNC_STREAM_H
#define RDB_SYNC_STREAM_H

#include <stdint.h>

struct err;
struct redis_conn;
struct scope;
struct sink;
struct sync_facts;
struct sync_opts;

#define SYNC_MARK_LEN 40

struct sync_framing {
	uint64_t len;		      /* of $len; 0: $EOF */
	char mark[SYNC_MARK_LEN + 1]; /* of $EOF */
};

/* Parse the payload header's line, "$..." without its line end. */
int sync_framing_parse(const char *line, struct sync_framing *, struct err *);

/* Fills in facts from first_byte_ms on. */
int sync_stream_run(struct redis_conn *, const struct scope *,
    const struct sync_framing *, const struct sync_opts *, struct sink *,
    struct sync_facts *, struct err *);

#endif

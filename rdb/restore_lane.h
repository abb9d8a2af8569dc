/*
 * restore_lane.h -- a connection to one primary of a cluster, with the
 * commands under way on it.
 *
 * Each command is kept until its answer came: it may have to go elsewhere, or
 * again.  RESTORE with REPLACE, and FUNCTION RESTORE with REPLACE, do the same
 * when they are done twice, as does a transaction that writes a value anew, so
 * after a connection that broke all that is unanswered is sent once more.
 */
#ifndef RDB_RESTORE_LANE_H
#define RDB_RESTORE_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hiredis/hiredis.h>

#include "rdb/restore_command.h"

struct err;
struct redis_address;
struct redis_conn;
struct redis_info;
struct redis_opts;
struct restore_lane;
struct scope;

struct restore_sent {
	struct restore_sent *next;
	struct restore_subject subject;
	uint16_t slot;
	bool asking;	    /* ASKING goes before it */
	uint32_t replies;   /* that its bytes bring */
	size_t lane;	    /* for the caller: where it goes */
	unsigned refusals;  /* and how often it was sent on, */
	int64_t refused_ms; /* since when */
	/* Instead of bytes: written from where it is, which must last until
	 * the answer. */
	const struct restore_command *large;
	size_t len;
	unsigned char bytes[];
};

/* A copy, unless it is over max bytes and so large; to be freed. */
struct restore_sent *
restore_sent_new(const struct restore_command *, size_t max);

/* Several commands that go together. */
struct restore_batch {
	struct restore_subject subject;
	uint16_t slot;
	uint32_t replies;
	const void *bytes;
	size_t len;
};

struct restore_sent *restore_sent_batch(const struct restore_batch *);

/* ERR_TRANSIENT for one that is no primary any more. */
struct restore_lane *
restore_lane_open(const struct redis_address *, const char *user,
    const struct redis_opts *, const struct scope *, struct err *);
void restore_lane_free(struct restore_lane *); /* and what is under way */

const struct redis_address *restore_lane_address(const struct restore_lane *);
const struct redis_info *restore_lane_info(const struct restore_lane *);
struct redis_conn *restore_lane_conn(struct restore_lane *);

/* It is the lane's from here on, sent or not. */
int restore_lane_send(struct restore_lane *, const struct scope *,
    struct restore_sent *take, struct err *);
int
restore_lane_flush(struct restore_lane *, const struct scope *, struct err *);

/* What unanswered commands take in memory, and bytes not yet flushed. */
size_t restore_lane_unanswered(const struct restore_lane *);
uint64_t restore_lane_unsent(const struct restore_lane *);

/* Flushed before: the next answer, and what it is for; both to be freed.  Of
 * several replies it is the first error, else the last of them. */
int restore_lane_answer(struct restore_lane *, const struct scope *,
    struct restore_sent **, redisReply **, struct err *);

/*
 * After a failure: connects anew and sends all again that is unanswered.
 * ERR_CONFLICT when it is another process by now, or no primary: that may lack
 * what was answered.
 */
int
restore_lane_again(struct restore_lane *, const struct scope *, struct err *);

/* While nothing is unanswered: ERR_CONFLICT as above, though the connection
 * stayed. */
int
restore_lane_still(struct restore_lane *, const struct scope *, struct err *);

#endif

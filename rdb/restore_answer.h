/*
 * restore_answer.h -- what a cluster's server says to a command that it did not
 * refuse.
 */
#ifndef RDB_RESTORE_ANSWER_H
#define RDB_RESTORE_ANSWER_H

#include <stdint.h>

#include <hiredis/hiredis.h>

struct err;
struct restore_sent;

struct restore_answer_sums {
	uint64_t keys;	    /* that are there now */
	uint64_t unclaimed; /* entries that it does not take for pending */
};

/* The answer as restore_lane_answer() gives it, and no error reply: adds to
 * sums, or ERR_CORRUPT. */
int restore_answer_judge(const struct restore_sent *, const redisReply *,
    struct restore_answer_sums *, struct err *);

#endif

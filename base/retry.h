/*
 * retry.h -- decides whether, and after how long, a failed call goes again.
 *
 * It knows kinds and clocks, not operations: the operation, which knows what
 * is safe twice, holds the loop, and reads an ambiguous commit back before it
 * goes round.
 *
 *	retry_init(&r, scope, NULL);
 *	while (attempt(..., err) != 0)
 *		if (retry_wait(&r, err) != 0)
 *			return -1;
 */
#ifndef BASE_RETRY_H
#define BASE_RETRY_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct scope;

struct retry_opts {
	int64_t total_ms; /* give up after; 0: five minutes */
	int64_t first_ms; /* first pause; 0: 500 */
	int64_t most_ms;  /* longest pause; 0: 30,000 */
	/* total_ms runs from the first failure on, not from the beginning: for
	 * an attempt that may take longer than that by itself. */
	bool from_failure;
};

struct retry {
	const struct scope *scope;
	struct retry_opts opts;
	int64_t started_ms;
	unsigned failures;
	char before[200]; /* what the attempt before the last failed by */
};

void
retry_init(struct retry *, const struct scope *, const struct retry_opts *);

/*
 * 0 after a pause: go again; err is empty.  -1: give up; err says why the
 * last attempt failed and how many there were (and by what the one before,
 * when the last only ran out of time), or that the scope was cancelled.  Only ERR_TRANSIENT goes again, with exponential backoff and full
 * jitter, and not before err->retry_after_ms; it becomes ERR_UNREACHABLE when
 * the next pause would pass the total or the scope's deadline, so that no
 * loop further out starts over.
 */
int retry_wait(struct retry *, struct err *);

/* 408, 429, 500, 502, 503, 504. */
bool retry_status(int http_status);

#endif

/*
 * buf.h -- bytes that grow up to a ceiling.
 *
 * Adding never fails: what would pass the ceiling is dropped and remembered,
 * and buf_check() tells it once, where the finished text is used.  While it
 * has not overflowed, data is NUL-terminated (not counted in len).
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct buf {
	char *data; /* "" while empty */
	size_t len;
	size_t size; /* allocated; 0: nothing to free */
	size_t max;
	bool overflowed;
};

/* max is the most bytes it may hold, without the NUL. */
void buf_init(struct buf *, size_t max);
void buf_release(struct buf *); /* back to as after buf_init() */

void buf_add(struct buf *, const void *, size_t);
void buf_adds(struct buf *, const char *);
void buf_addc(struct buf *, char);
void buf_addf(struct buf *, const char *fmt, ...) ERR_FMT(2, 3);

/* Drop the first n bytes, or all from len on. */
void buf_consume(struct buf *, size_t n);
void buf_truncate(struct buf *, size_t len);

/* Fails with ERR_CORRUPT when something did not fit; what names the thing. */
int buf_check(const struct buf *, const char *what, struct err *);

/* The bytes as a string for the caller to free; the buf is empty again. */
char *buf_take(struct buf *);

#endif

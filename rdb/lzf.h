/*
 * lzf.h -- LZF decompression as the bytes arrive, in bounded memory.
 *
 * A back reference reaches 8 KiB at most, so a window of that size is all
 * that is kept: a string of any size streams through.  One of up to 64 KiB
 * comes out as one piece, which its consumers read fastest.
 */
#ifndef RDB_LZF_H
#define RDB_LZF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct lzf;

/* Returns 0/-1 with err filled.  The last call of a string has last set. */
struct lzf_out {
	int (*piece)(void *arg, const unsigned char *, size_t len, bool last,
	    struct err *);
	void *arg;
};

struct lzf *lzf_new(const struct lzf_out *); /* copies it */
void lzf_free(struct lzf *);

/* Begin a string that shall decompress to exactly size bytes. */
void lzf_start(struct lzf *, uint64_t size);

/*
 * Fails with ERR_CORRUPT when a reference points before the beginning or the
 * output outgrows its size.
 */
int lzf_feed(struct lzf *, const void *, size_t, struct err *);

/* Hand out what is there already, without waiting for more. */
int lzf_flush(struct lzf *, struct err *);

/* The input is over: fails when it is cut or the output too short. */
int lzf_finish(struct lzf *, struct err *);

#endif

/*
 * resp_guard.h -- looks at RESP before hiredis does.
 *
 * hiredis reserves what a length declares before the bytes are there (0.14
 * takes 16 GiB of address space for "*2147483647").  The guard follows the
 * framing of one reply, refuses what passes a ceiling, and tells where the
 * reply ends, so that hiredis is never fed a byte that follows it.
 *
 * RESP2 alone: RESP3 comes only to a client that asked for it by HELLO.
 */
#ifndef RDB_RESP_GUARD_H
#define RDB_RESP_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

#define RESP_BULK_MAX	  ((size_t)512 << 20) /* proto-max-bulk-len */
#define RESP_ELEMENTS_MAX ((size_t)1 << 20)   /* of all arrays together */
#define RESP_REPLY_MAX	  ((size_t)64 << 20)  /* the default ceiling */
#define RESP_DEPTH_MAX	  7		      /* as deep as hiredis 0.14 */

struct resp_guard {
	size_t reply_max;
	size_t seen;	 /* bytes of this reply so far */
	size_t elements; /* declared in this reply so far */

	/* What the next byte belongs to. */
	enum { RESP_TYPE, RESP_LINE, RESP_BULK } state;
	char type;
	bool cr;		  /* the line's last byte was one */
	unsigned char digits[24]; /* of a number's line */
	size_t ndigits;
	size_t bulk_left; /* with its CRLF */

	uint32_t left[RESP_DEPTH_MAX + 1]; /* values open arrays still lack */
	unsigned depth;
};

/* reply_max 0: RESP_REPLY_MAX. */
void resp_guard_init(struct resp_guard *, size_t reply_max);

/*
 * Look at bytes, up to the end of the reply: taken tells how many belong to
 * it, done that it is complete (and the guard ready for the next).  Fails
 * with ERR_CORRUPT; then the guard is of no more use.
 */
int resp_guard_scan(struct resp_guard *, const void *, size_t, size_t *taken,
    bool *done, struct err *);

/* Whether a reply has begun and not ended. */
bool resp_guard_inside(const struct resp_guard *);

#endif

/*
 * packed.h -- ziplist, listpack, intset and zipmap, decoded as bytes arrive.
 *
 * Each is one string of the file that holds many elements.  Every claim in it
 * is proved: total bytes, element count, lengths backwards, the tail's place,
 * the terminator, an intset's order.  Nothing is kept but the element's head,
 * so a blob of any size needs the same memory.
 *
 * Facts: redis/src/{ziplist,listpack,intset,zipmap}.c.
 */
#ifndef RDB_PACKED_H
#define RDB_PACKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct packed;

enum packed_format {
	PACKED_ZIPLIST,
	PACKED_LISTPACK,
	PACKED_INTSET,
	PACKED_ZIPMAP, /* a key's element, then its value's */
};

/* An element, or a piece of one when it came in pieces. */
struct packed_item {
	const unsigned char *data; /* NULL: it is the integer */
	size_t len;
	int64_t integer;
	bool last;
};

/* Returns 0/-1 with err filled. */
struct packed_out {
	int (*item)(void *arg, const struct packed_item *, struct err *);
	void *arg;
};

struct packed *packed_new(const struct packed_out *); /* copies it */
void packed_free(struct packed *);

/* quiet: out is not called; for whom only wants the count. */
void packed_start(struct packed *, enum packed_format, bool quiet);

/* Fails with ERR_CORRUPT. */
int packed_feed(struct packed *, const void *, size_t, struct err *);

/* The blob is over: fails when it claims not to be. */
int packed_finish(struct packed *, struct err *);

/* Whether the head, once fed, told the number of elements. */
bool packed_claims(const struct packed *, uint64_t *count);

/* Elements seen so far. */
uint64_t packed_count(const struct packed *);

#endif

/* packed_private.h -- what the decoders of packed.h share. */
#ifndef RDB_PACKED_PRIVATE_H
#define RDB_PACKED_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "rdb/intake.h"
#include "rdb/packed.h"

#define PACKED_UNKNOWN UINT64_MAX

enum packed_state {
	PACKED_HEAD,
	PACKED_ENTRY,
	PACKED_BODY,	/* body bytes of a string to come */
	PACKED_BACKLEN, /* listpack: the length after an element */
	PACKED_VALUE,	/* zipmap: the value's length */
	PACKED_FREE,	/* zipmap: unused bytes after a value */
	PACKED_END,
};

struct packed {
	struct packed_out out;
	enum packed_format format;
	enum packed_state state;
	bool quiet;
	struct intake in;
	struct err *err; /* of the feed under way */

	uint64_t total;	  /* bytes as the head has it */
	uint64_t claimed; /* elements as the head has it, or PACKED_UNKNOWN */
	uint64_t count;
	uint64_t body;	  /* of the element under way: bytes to come */
	uint64_t entry;	  /* its bytes, without a listpack's backlen */
	uint64_t tail;	  /* ziplist: where the head says the last begins */
	uint64_t last_at; /* ziplist: where the last began */
	uint64_t free;	  /* zipmap: unused bytes after the value */
	int64_t previous; /* intset */
};

/* Each consumes what is there: the run of an intake. */
int packed_run_listpack(struct packed *);
int packed_run_ziplist(struct packed *);
int packed_run_intset(struct packed *);
int packed_run_zipmap(struct packed *);

static inline int
packed_bytes(struct packed *k, const unsigned char *p, size_t len, bool last)
{
	struct packed_item item = {.data = p, .len = len, .last = last};

	k->count += last;
	return k->quiet ? 0 : k->out.item(k->out.arg, &item, k->err);
}

static inline int
packed_integer(struct packed *k, int64_t integer)
{
	struct packed_item item = {.integer = integer, .last = true};

	k->count++;
	return k->quiet ? 0 : k->out.item(k->out.arg, &item, k->err);
}

/*
 * What has come of a string's body; after it comes then.  Returns 1 when the
 * body is whole, 0 when more must come, -1 for an error.
 */
int packed_body(struct packed *, enum packed_state then);

/* The terminator was read: do the head's claims hold? */
int packed_end(struct packed *);

static inline uint16_t
packed_u16(const unsigned char *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t
packed_u32(const unsigned char *p)
{
	return (uint32_t)packed_u16(p) | (uint32_t)packed_u16(p + 2) << 16;
}

/* A signed integer of n bytes, least significant first. */
static inline int64_t
packed_int(const unsigned char *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	if (n < 8 && (p[n - 1] & 0x80) != 0)
		v |= UINT64_MAX << (8 * n);
	return (int64_t)v;
}

#endif

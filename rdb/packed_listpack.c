#include <inttypes.h>

#include "rdb/packed_private.h"

/*
 * total:4 count:2, then entries, then 0xff.  An entry is its encoding, its
 * bytes, and the length of both once more, written to be read backwards.
 */
#define HEAD_SIZE    6
#define COUNT_UNSURE 65535
#define TERMINATOR   0xff
#define BACKLEN_MAX  5

/* An entry's head: a string of body bytes, or an integer. */
struct lp_entry {
	size_t head; /* bytes before the body; for an integer all of it */
	bool is_integer;
	uint32_t body;
	int64_t integer;
};

/* The bounds are those of redis' lpEncodeBacklen(), odd as they are. */
static inline size_t
backlen_size(uint64_t n)
{
	return n <= 127	    ? 1
	    : n < 16383	    ? 2
	    : n < 2097151   ? 3
	    : n < 268435455 ? 4
			    : 5;
}

static inline bool
backlen_right(const unsigned char *p, uint64_t n)
{
	size_t size = backlen_size(n);

	for (size_t i = size; i-- > 0; n >>= 7)
		if (p[i] != ((n & 127) | (i > 0 ? 128 : 0)))
			return false;
	return true;
}

static inline int64_t
sign_extend(uint32_t v, unsigned bits)
{
	return v >= 1u << (bits - 1) ? (int64_t)v - (1 << bits) : v;
}

/* Returns 1, 0 when more must come, -1 for what is no encoding. */
static int
wide_entry(const unsigned char *p, size_t left, struct lp_entry *e)
{
	static const unsigned char int_size[] = {2, 3, 4, 8};

	if (p[0] == 0xf0) {
		e->head = 5;
		if (left < e->head)
			return 0;
		e->body = packed_u32(p + 1);
		return 1;
	}
	if (p[0] < 0xf1 || p[0] > 0xf4)
		return -1;
	e->is_integer = true;
	e->head = 1u + int_size[p[0] - 0xf1];
	if (left < e->head)
		return 0;
	e->integer = packed_int(p + 1, e->head - 1);
	return 1;
}

static inline int
parse_entry(const unsigned char *p, size_t left, struct lp_entry *e)
{
	e->is_integer = false;
	e->head = 1;
	if ((p[0] & 0xc0) == 0x80) {
		e->body = p[0] & 0x3f;
		return 1;
	}
	if (p[0] < 0x80) {
		e->is_integer = true;
		e->integer = p[0];
		return 1;
	}
	if (p[0] >= 0xf0)
		return wide_entry(p, left, e);
	e->head = 2;
	if (left < 2)
		return 0;
	if (p[0] >= 0xe0) {
		e->body = (uint32_t)(p[0] & 0x0f) << 8 | p[1];
		return 1;
	}
	e->is_integer = true;
	e->integer = sign_extend((uint32_t)(p[0] & 0x1f) << 8 | p[1], 13);
	return 1;
}

static int
wrong_backlen(struct packed *k)
{
	return err_set(k->err, ERR_CORRUPT,
	    "listpack element %" PRIu64 " has a wrong length behind it",
	    k->count);
}

/*
 * One entry.  When it is all there with its backlen, as nearly always, it is
 * taken at once; a string that is cut goes on as body and backlen.
 */
static int
take_entry(struct packed *k)
{
	const unsigned char *p = k->in.p;
	size_t left = intake_left(&k->in);
	struct lp_entry e;
	size_t whole;
	int rc;

	if (left == 0)
		return 0;
	if (p[0] == TERMINATOR) {
		k->in.p++;
		return packed_end(k);
	}
	rc = parse_entry(p, left, &e);
	if (rc == 0)
		return 0;
	if (rc < 0)
		return err_set(k->err, ERR_CORRUPT,
		    "listpack element %" PRIu64 " has no encoding 0x%02x",
		    k->count, p[0]);
	k->entry = e.is_integer ? e.head : (uint64_t)e.head + e.body;
	whole = (size_t)k->entry + backlen_size(k->entry);
	if (left >= whole) {
		if (!backlen_right(p + k->entry, k->entry))
			return wrong_backlen(k);
		k->in.p += whole;
		rc = e.is_integer ? packed_integer(k, e.integer)
				  : packed_bytes(k, p + e.head, e.body, true);
		return rc == 0 ? 1 : -1;
	}
	if (e.is_integer)
		return 0;
	k->in.p += e.head;
	k->body = e.body;
	k->state = PACKED_BODY;
	return 1;
}

static int
take_backlen(struct packed *k)
{
	size_t n = backlen_size(k->entry);

	if (intake_left(&k->in) < n)
		return 0;
	if (!backlen_right(k->in.p, k->entry))
		return wrong_backlen(k);
	k->in.p += n;
	k->state = PACKED_ENTRY;
	return 1;
}

static int
take_head(struct packed *k)
{
	if (intake_left(&k->in) < HEAD_SIZE)
		return 0;
	k->total = packed_u32(k->in.p);
	k->claimed = packed_u16(k->in.p + 4);
	if (k->claimed == COUNT_UNSURE)
		k->claimed = PACKED_UNKNOWN;
	k->in.p += HEAD_SIZE;
	k->state = PACKED_ENTRY;
	return 1;
}

int
packed_run_listpack(struct packed *k)
{
	int rc = 1;

	while (rc > 0) {
		switch (k->state) {
		case PACKED_HEAD:
			rc = take_head(k);
			break;
		case PACKED_ENTRY:
			rc = take_entry(k);
			break;
		case PACKED_BODY:
			rc = packed_body(k, PACKED_BACKLEN);
			break;
		case PACKED_BACKLEN:
			rc = take_backlen(k);
			break;
		default:
			return 0;
		}
	}
	return rc;
}

#include <inttypes.h>

#include "rdb/packed_private.h"

/*
 * intset: width:4 count:4, then integers of that width, ascending.  It has no
 * terminator.
 */
#define INTSET_HEAD 8

static int
intset_head(struct packed *k)
{
	uint32_t width;

	if (intake_left(&k->in) < INTSET_HEAD)
		return 0;
	width = packed_u32(k->in.p);
	if (width != 2 && width != 4 && width != 8)
		return err_set(k->err, ERR_CORRUPT,
		    "intset of integers of %" PRIu32 " bytes", width);
	k->claimed = packed_u32(k->in.p + 4);
	k->entry = width;
	k->total = INTSET_HEAD + width * k->claimed;
	k->in.p += INTSET_HEAD;
	k->state = PACKED_ENTRY;
	return 1;
}

static int
intset_entry(struct packed *k)
{
	int64_t v;

	if (k->count == k->claimed)
		return packed_end(k);
	if (intake_left(&k->in) < k->entry)
		return 0;
	v = packed_int(k->in.p, (size_t)k->entry);
	if (k->count > 0 && v <= k->previous)
		return err_set(k->err, ERR_CORRUPT,
		    "intset is out of order at element %" PRIu64, k->count);
	k->previous = v;
	k->in.p += k->entry;
	return packed_integer(k, v) == 0 ? 1 : -1;
}

int
packed_run_intset(struct packed *k)
{
	int rc = 1;

	while (rc > 0 && k->state != PACKED_END)
		rc = k->state == PACKED_HEAD ? intset_head(k) : intset_entry(k);
	return rc < 0 ? -1 : 0;
}

/*
 * zipmap: count:1, then for each pair: a length and the key, a length, a byte
 * that counts unused bytes, the value, the unused bytes; then 0xff.  Lengths
 * are a byte, or 0xfe and four.
 */
#define ZIPMAP_LENGTH_WIDE  254
#define ZIPMAP_COUNT_UNSURE 254
#define ZIPMAP_TERMINATOR   255

static int
zipmap_length(struct packed *k, size_t extra)
{
	const unsigned char *p = k->in.p;
	size_t left = intake_left(&k->in);
	size_t n;

	if (left == 0)
		return 0;
	if (p[0] == ZIPMAP_TERMINATOR)
		return err_set(k->err, ERR_CORRUPT,
		    "zipmap ends between a key and its value");
	n = p[0] == ZIPMAP_LENGTH_WIDE ? 5 : 1;
	if (left < n + extra)
		return 0;
	k->body = n == 5 ? packed_u32(p + 1) : p[0];
	k->in.p += n;
	return 1;
}

static int
zipmap_key(struct packed *k)
{
	int rc;

	if (intake_left(&k->in) == 0)
		return 0;
	if (*k->in.p == ZIPMAP_TERMINATOR) {
		k->in.p++;
		return packed_end(k);
	}
	rc = zipmap_length(k, 0);
	if (rc > 0)
		k->state = PACKED_BODY;
	return rc;
}

static int
zipmap_value(struct packed *k)
{
	int rc = zipmap_length(k, 1);

	if (rc > 0) {
		k->free = *k->in.p++;
		k->state = PACKED_BODY;
	}
	return rc;
}

static int
zipmap_free(struct packed *k)
{
	size_t n = intake_left(&k->in);

	if (n > k->free)
		n = (size_t)k->free;
	k->in.p += n;
	k->free -= n;
	if (k->free > 0)
		return 0;
	k->state = PACKED_ENTRY;
	return 1;
}

static int
zipmap_head(struct packed *k)
{
	if (intake_left(&k->in) == 0)
		return 0;
	if (*k->in.p < ZIPMAP_COUNT_UNSURE)
		k->claimed = 2u * *k->in.p;
	k->in.p++;
	k->state = PACKED_ENTRY;
	return 1;
}

int
packed_run_zipmap(struct packed *k)
{
	int rc = 1;

	while (rc > 0) {
		switch (k->state) {
		case PACKED_HEAD:
			rc = zipmap_head(k);
			break;
		case PACKED_ENTRY:
			rc = zipmap_key(k);
			break;
		case PACKED_BODY:
			rc = packed_body(
			    k, k->count % 2 == 0 ? PACKED_VALUE : PACKED_FREE);
			break;
		case PACKED_VALUE:
			rc = zipmap_value(k);
			break;
		case PACKED_FREE:
			rc = zipmap_free(k);
			break;
		default:
			return 0;
		}
	}
	return rc;
}

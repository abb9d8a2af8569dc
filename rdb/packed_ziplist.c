#include <inttypes.h>

#include "rdb/packed_private.h"

/*
 * total:4 tail:4 count:2, then entries, then 0xff.  An entry is the length of
 * the one before (a byte, or 0xfe and four), its encoding, and its bytes.
 */
#define HEAD_SIZE    10
#define COUNT_UNSURE 65535
#define TERMINATOR   0xff
#define PREVLEN_WIDE 0xfe

struct zl_entry {
	size_t head; /* bytes before the body; for an integer all of it */
	bool is_integer;
	uint32_t body;
	int64_t integer;
};

static int
parse_integer(const unsigned char *p, size_t left, struct zl_entry *e)
{
	size_t n;

	e->is_integer = true;
	if (p[0] >= 0xf1 && p[0] <= 0xfd) {
		e->head += 1;
		e->integer = (p[0] & 0x0f) - 1;
		return 1;
	}
	switch (p[0]) {
	case 0xc0:
		n = 2;
		break;
	case 0xd0:
		n = 4;
		break;
	case 0xe0:
		n = 8;
		break;
	case 0xf0:
		n = 3;
		break;
	case 0xfe:
		n = 1;
		break;
	default:
		return -1;
	}
	e->head += 1 + n;
	if (left < 1 + n)
		return 0;
	e->integer = packed_int(p + 1, n);
	return 1;
}

/* Returns 1, 0 when more must come, -1 for what is no encoding. */
static int
parse_entry(const unsigned char *p, size_t left, struct zl_entry *e)
{
	if (left == 0)
		return 0;
	e->is_integer = false;
	switch (p[0] >> 6) {
	case 0:
		e->head += 1;
		e->body = p[0] & 0x3f;
		return 1;
	case 1:
		e->head += 2;
		if (left < 2)
			return 0;
		e->body = (uint32_t)(p[0] & 0x3f) << 8 | p[1];
		return 1;
	case 2:
		e->head += 5;
		if (left < 5)
			return 0;
		e->body = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 |
		    (uint32_t)p[3] << 8 | p[4];
		return 1;
	default:
		return parse_integer(p, left, e);
	}
}

/* Whether the length of the entry before is right; how long it is itself. */
static int
take_prevlen(struct packed *k, size_t *size)
{
	const unsigned char *p = k->in.p;
	uint32_t prevlen;

	*size = p[0] == PREVLEN_WIDE ? 5 : 1;
	if (intake_left(&k->in) < *size)
		return 0;
	prevlen = *size == 5 ? packed_u32(p + 1) : p[0];
	if (prevlen != k->entry)
		return err_set(k->err, ERR_CORRUPT,
		    "ziplist element %" PRIu64 " says %" PRIu32
		    " bytes for the one before, which has %" PRIu64,
		    k->count, prevlen, k->entry);
	return 1;
}

static int
take_end(struct packed *k)
{
	uint64_t tail = k->count > 0 ? k->last_at : HEAD_SIZE;

	k->in.p++;
	if (k->tail != tail)
		return err_set(k->err, ERR_CORRUPT,
		    "ziplist's tail is at %" PRIu64 ", its head says %" PRIu64,
		    tail, k->tail);
	return packed_end(k);
}

static int
take_entry(struct packed *k)
{
	const unsigned char *p = k->in.p;
	size_t left = intake_left(&k->in);
	struct zl_entry e = {0};
	int rc;

	if (left == 0)
		return 0;
	if (p[0] == TERMINATOR)
		return take_end(k);
	rc = take_prevlen(k, &e.head);
	if (rc <= 0)
		return rc;
	p += e.head;
	rc = parse_entry(p, left - e.head, &e);
	if (rc == 0)
		return 0;
	if (rc < 0)
		return err_set(k->err, ERR_CORRUPT,
		    "ziplist element %" PRIu64 " has no encoding 0x%02x",
		    k->count, p[0]);
	k->last_at = intake_offset(&k->in);
	k->in.p += e.head;
	k->entry = e.head;
	if (e.is_integer)
		return packed_integer(k, e.integer) == 0 ? 1 : -1;
	k->entry += e.body;
	k->body = e.body;
	k->state = PACKED_BODY;
	return packed_body(k, PACKED_ENTRY);
}

static int
take_head(struct packed *k)
{
	if (intake_left(&k->in) < HEAD_SIZE)
		return 0;
	k->total = packed_u32(k->in.p);
	k->tail = packed_u32(k->in.p + 4);
	k->claimed = packed_u16(k->in.p + 8);
	if (k->claimed == COUNT_UNSURE)
		k->claimed = PACKED_UNKNOWN;
	k->in.p += HEAD_SIZE;
	k->state = PACKED_ENTRY;
	return 1;
}

int
packed_run_ziplist(struct packed *k)
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
			rc = packed_body(k, PACKED_ENTRY);
			break;
		default:
			return 0;
		}
	}
	return rc;
}

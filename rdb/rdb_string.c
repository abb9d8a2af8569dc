#include <inttypes.h>
#include <string.h>

#include "rdb/lzf.h"
#include "rdb/packed.h"

#include "rdb/rdb_private.h"

/* Compressed bytes tried at a time to get at a packed string's head. */
#define PEEK_SIZE 32

enum {
	ENCODED_INT8 = 0,
	ENCODED_INT16 = 1,
	ENCODED_INT32 = 2,
	ENCODED_LZF = 3,
};

int
rdb_length(const unsigned char *p, size_t left, uint64_t *len, bool *special)
{
	size_t n;

	*special = false;
	if (left == 0)
		return 0;
	switch (p[0] >> 6) {
	case 0:
		*len = p[0];
		return 1;
	case 1:
		if (left < 2)
			return 0;
		*len = (uint64_t)(p[0] & 0x3f) << 8 | p[1];
		return 2;
	case 2:
		if (p[0] > 0x81)
			return -1;
		n = p[0] == 0x80 ? 4 : 8;
		if (left < 1 + n)
			return 0;
		*len = rdb_big_endian(p + 1, n);
		return (int)(1 + n);
	default:
		*special = true;
		*len = p[0] & 0x3f;
		return 1;
	}
}

void
rdb_string_start(struct rdb_reader *r, enum rdb_target target, uint8_t arg)
{
	r->str.phase = RDB_STRING_HEAD;
	r->str.target = target;
	r->str.arg = arg;
	r->str.block = false;
	switch (target) {
	case RDB_TO_NAME:
		r->key.name = r->name_head;
		r->key.name_len = 0;
		buf_truncate(&r->name, 0);
		break;
	case RDB_TO_KEPT:
		buf_truncate(&r->kept[arg], 0);
		break;
	case RDB_TO_NODE_ID:
		r->node.id_len = 0;
		break;
	default:
		break;
	}
}

static int
keep(struct rdb_reader *r, struct buf *b, const unsigned char *p, size_t n,
    const char *what)
{
	if (n > RDB_WHOLE_MAX - b->len)
		return rdb_unsupported(
		    r, "%s is longer than %zu MiB", what, RDB_WHOLE_MAX >> 20);
	buf_add(b, p, n);
	return 0;
}

/* A name that is all there is used where it lies. */
static int
take_name(struct rdb_reader *r, const unsigned char *p, size_t n, bool last)
{
	struct rdb_key *key = &r->key;

	if (last && key->name_len == 0) {
		key->name = p;
		key->name_len = n;
		return 0;
	}
	if (keep(r, &r->name, p, n, "the key's name") != 0)
		return -1;
	key->name = (unsigned char *)r->name.data;
	key->name_len = r->name.len;
	return 0;
}

static int
take_node_id(struct rdb_reader *r, const unsigned char *p, size_t n, bool last)
{
	struct rdb_node *node = &r->node;

	if (n > sizeof(node->id_bytes) - node->id_len ||
	    (last && n + node->id_len != sizeof(node->id_bytes)))
		return rdb_corrupt(r, "a stream node's id is not 16 bytes");
	memcpy(node->id_bytes + node->id_len, p, n);
	node->id_len += n;
	if (last) {
		node->id.ms = rdb_big_endian(node->id_bytes, 8);
		node->id.seq = rdb_big_endian(node->id_bytes + 8, 8);
	}
	return 0;
}

/*
 * Only the number of elements is wanted: the head has it, unless there are
 * too many for its two bytes, and then all of the blob is walked.
 */
static int
count_packed(struct rdb_reader *r, const unsigned char *p, size_t n, bool last)
{
	uint64_t claimed;

	if (packed_feed(r->packed, p, n, &r->err) != 0)
		return -1;
	if (packed_claims(r->packed, &claimed)) {
		r->elements += rdb_unpack_elements(r, claimed);
		r->str.target = RDB_TO_NOWHERE;
		return 0;
	}
	return last ? rdb_unpack_end(r) : 0;
}

/* How much to take now: not all of a packed string for its head alone. */
static size_t
next_piece(const struct rdb_reader *r)
{
	size_t n = intake_left(&r->in);

	if (n > r->str.left)
		n = (size_t)r->str.left;
	if (r->str.target == RDB_TO_COUNT && packed_count(r->packed) == 0 &&
	    n > PEEK_SIZE)
		n = PEEK_SIZE;
	return n;
}

/* The next bytes of the string, decoded. */
static int
take(struct rdb_reader *r, const unsigned char *p, size_t n, bool last)
{
	switch (r->str.target) {
	case RDB_TO_PART:
		return rdb_tell_piece(r, r->str.arg, p, n, last);
	case RDB_TO_PACKED:
		if (packed_feed(r->packed, p, n, &r->err) != 0)
			return -1;
		return last ? rdb_unpack_end(r) : 0;
	case RDB_TO_COUNT:
		return count_packed(r, p, n, last);
	case RDB_TO_NAME:
		return take_name(r, p, n, last);
	case RDB_TO_KEPT:
		return keep(r, &r->kept[r->str.arg], p, n, "a whole string");
	case RDB_TO_SCORE:
		return rdb_unpack_score(r, p, n, last);
	case RDB_TO_NODE_ID:
		return take_node_id(r, p, n, last);
	case RDB_TO_NOWHERE:
		break;
	}
	return 0;
}

/* The reader's lzf_out. */
int
rdb_string_lzf(
    void *arg, const unsigned char *p, size_t n, bool last, struct err *err)
{
	struct rdb_reader *r = arg;

	(void)err;
	return take(r, p, n, last);
}

static int
take_plain(struct rdb_reader *r)
{
	struct rdb_string *s = &r->str;
	const unsigned char *p = r->in.p;
	size_t n = next_piece(r);

	if (n == 0 && s->left > 0)
		return 0;
	r->in.p += n;
	s->left -= n;
	if (s->left == 0)
		s->phase = RDB_STRING_NONE;
	return take(r, p, n, s->left == 0) == 0 ? 1 : -1;
}

static int
take_lzf(struct rdb_reader *r)
{
	struct rdb_string *s = &r->str;
	const unsigned char *p = r->in.p;
	size_t n = next_piece(r);

	if (n == 0 && s->left > 0)
		return 0;
	r->in.p += n;
	s->left -= n;
	if (lzf_feed(r->lzf, p, n, &r->err) != 0)
		return -1;
	if (s->left == 0) {
		s->phase = RDB_STRING_NONE;
		return lzf_finish(r->lzf, &r->err) == 0 ? 1 : -1;
	}
	if (s->target == RDB_TO_COUNT && lzf_flush(r->lzf, &r->err) != 0)
		return -1;
	if (s->target == RDB_TO_NOWHERE)
		s->phase = RDB_STRING_LZF_SKIP;
	return 1;
}

static int
skip_lzf(struct rdb_reader *r)
{
	size_t n = intake_left(&r->in);

	if (n > r->str.left)
		n = (size_t)r->str.left;
	r->in.p += n;
	r->str.left -= n;
	if (r->str.left > 0)
		return 0;
	r->str.phase = RDB_STRING_NONE;
	return 1;
}

/* What a string of a value comes to, before it is read. */
static void
note_size(struct rdb_reader *r, uint64_t size)
{
	struct rdb_sizes *s = &r->sum.sizes;
	uint64_t *most = r->key.kind == RDB_STRING ? &s->string : &s->element;

	if (!r->in_value || r->key.kind == RDB_MODULE)
		return;
	if (size > *most)
		*most = size;
	if (r->key.kind == RDB_STREAM && size > s->label &&
	    (r->str.arg == RDB_PART_GROUP || r->str.arg == RDB_PART_CONSUMER))
		s->label = size;
}

static int
take_integer(struct rdb_reader *r, unsigned encoding)
{
	const unsigned char *p = r->in.p + 1;
	size_t size = (size_t)1 << encoding;
	int64_t v;
	size_t n;

	if (intake_left(&r->in) < 1 + size)
		return 0;
	v = (int64_t)rdb_little_endian(p, size);
	v = encoding == ENCODED_INT8	? (int8_t)v
	    : encoding == ENCODED_INT16 ? (int16_t)v
					: (int32_t)v;
	n = decimal_format(r->str.text, v);
	r->in.p += 1 + size;
	r->str.phase = RDB_STRING_NONE;
	if (r->str.block && rdb_tell_block(r, n) != 0)
		return -1;
	return take(r, (unsigned char *)r->str.text, n, true) == 0 ? 1 : -1;
}

/* Two lengths follow: compressed, and as it was. */
static int
start_lzf(struct rdb_reader *r)
{
	const unsigned char *p = r->in.p + 1;
	size_t left = intake_left(&r->in) - 1;
	uint64_t packed, size;
	bool special1, special2;
	int n, m;

	n = rdb_length(p, left, &packed, &special1);
	if (n == 0)
		return 0;
	if (n < 0 || special1)
		return rdb_corrupt(r, "a compressed string has no length");
	m = rdb_length(p + n, left - (size_t)n, &size, &special2);
	if (m == 0)
		return 0;
	if (m < 0 || special2 || packed == 0 || size == 0)
		return rdb_corrupt(r, "a compressed string has no size");
	note_size(r, size);
	if (r->str.block && rdb_tell_block(r, size) != 0)
		return -1;
	r->in.p += 1 + n + m;
	r->str.left = packed;
	if (r->str.target == RDB_TO_NOWHERE) {
		r->str.phase = RDB_STRING_LZF_SKIP;
	} else {
		r->str.phase = RDB_STRING_LZF;
		lzf_start(r->lzf, size);
	}
	return 1;
}

static int
take_head(struct rdb_reader *r)
{
	uint64_t len;
	bool special;
	int n = rdb_length(r->in.p, intake_left(&r->in), &len, &special);

	if (n == 0)
		return 0;
	if (n < 0)
		return rdb_corrupt(r, "a string has no length");
	if (special) {
		if (len == ENCODED_LZF)
			return start_lzf(r);
		if (len > ENCODED_LZF)
			return rdb_corrupt(
			    r, "a string has no encoding %" PRIu64, len);
		return take_integer(r, (unsigned)len);
	}
	note_size(r, len);
	if (r->str.block && rdb_tell_block(r, len) != 0)
		return -1;
	r->in.p += n;
	r->str.left = len;
	r->str.phase = RDB_STRING_PLAIN;
	return take_plain(r);
}

int
rdb_string_run(struct rdb_reader *r)
{
	int rc = 1;

	while (rc > 0 && r->str.phase != RDB_STRING_NONE) {
		switch (r->str.phase) {
		case RDB_STRING_HEAD:
			rc = take_head(r);
			break;
		case RDB_STRING_PLAIN:
			rc = take_plain(r);
			break;
		case RDB_STRING_LZF:
			rc = take_lzf(r);
			break;
		case RDB_STRING_LZF_SKIP:
			rc = skip_lzf(r);
			break;
		case RDB_STRING_NONE:
			break;
		}
	}
	return rc;
}

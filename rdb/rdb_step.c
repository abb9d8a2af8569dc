#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "rdb/packed.h"

#include "rdb/rdb_private.h"

/* Containers of a quicklist's node. */
#define NODE_PLAIN  1
#define NODE_PACKED 2

#define OLD_SCORE_NAN	    253
#define OLD_SCORE_INF	    254
#define OLD_SCORE_MINUS_INF 255

/* What a module wrote. */
enum {
	TAG_END,
	TAG_SIGNED,
	TAG_UNSIGNED,
	TAG_FLOAT,
	TAG_DOUBLE,
	TAG_STRING,
};

/* Like every step: 1 when it is done, 0 when more must come, -1. */
static int
length(struct rdb_reader *r, uint64_t *len)
{
	bool special;
	int n = rdb_length(r->in.p, intake_left(&r->in), len, &special);

	if (n == 0)
		return 0;
	if (n < 0 || special)
		return rdb_corrupt(r, "no length where one must be");
	r->in.p += n;
	return 1;
}

static int
step_len(struct rdb_reader *r, uint64_t *out)
{
	int rc = length(r, out);

	if (rc > 0)
		r->step++;
	return rc;
}

static int
step_fixed(struct rdb_reader *r, size_t size, uint64_t *out)
{
	if (intake_left(&r->in) < size)
		return 0;
	*out = rdb_little_endian(r->in.p, size);
	r->in.p += size;
	r->step++;
	return 1;
}

static int
step_loop(struct rdb_reader *r)
{
	uint64_t n;
	int rc = length(r, &n);

	if (rc <= 0)
		return rc;
	if (n == 0) {
		r->step += r->step->arg + 1;
		return 1;
	}
	assert(r->depth < RDB_LOOPS_MAX);
	r->step++;
	r->loops[r->depth].body = r->step;
	r->loops[r->depth].left = n;
	r->depth++;
	return 1;
}

static int
step_next(struct rdb_reader *r)
{
	struct rdb_loop *loop = &r->loops[r->depth - 1];

	if (--loop->left > 0) {
		r->step = loop->body;
	} else {
		r->depth--;
		r->step++;
	}
	return 1;
}

static int
step_string(struct rdb_reader *r, enum rdb_target target, uint8_t arg)
{
	r->step++;
	rdb_string_start(r, target, arg);
	return rdb_string_run(r);
}

static void
start_part(struct rdb_reader *r, enum rdb_part part)
{
	if (part == RDB_PART_STRING || part == RDB_PART_ITEM ||
	    part == RDB_PART_FIELD || part == RDB_PART_MEMBER)
		r->elements++;
	r->step++;
	rdb_string_start(
	    r, r->want_decoded ? RDB_TO_PART : RDB_TO_NOWHERE, (uint8_t)part);
}

static int
step_part(struct rdb_reader *r, enum rdb_part part)
{
	start_part(r, part);
	return rdb_string_run(r);
}

static int
step_packed(struct rdb_reader *r, uint8_t arg)
{
	r->step++;
	rdb_unpack_start(r, arg);
	return rdb_string_run(r);
}

static int
step_node(struct rdb_reader *r)
{
	uint64_t container;
	int rc = length(r, &container);

	if (rc <= 0)
		return rc;
	if (container == NODE_PLAIN) {
		start_part(r, RDB_PART_ITEM);
		r->str.block = r->want_blocks;
		return rdb_string_run(r);
	}
	if (container == NODE_PACKED)
		return step_packed(
		    r, RDB_PACKED(PACKED_LISTPACK, RDB_SHAPE_ITEMS));
	return rdb_corrupt(
	    r, "a list's node is in no container %" PRIu64, container);
}

static int
step_id(struct rdb_reader *r)
{
	const unsigned char *p = r->in.p;

	if (intake_left(&r->in) < 16)
		return 0;
	r->reg[RDB_REG_MS] = rdb_big_endian(p, 8);
	r->reg[RDB_REG_SEQ] = rdb_big_endian(p + 8, 8);
	r->in.p += 16;
	r->step++;
	return 1;
}

static int
step_score(struct rdb_reader *r)
{
	uint64_t bits;
	double score;

	if (step_fixed(r, sizeof(bits), &bits) == 0)
		return 0;
	memcpy(&score, &bits, sizeof(score));
	if (isnan(score))
		return rdb_corrupt(r, "a score is not a number");
	return rdb_tell_score(r, score) == 0 ? 1 : -1;
}

/* A byte tells the length of a text, or what no text can say. */
static int
step_old_score(struct rdb_reader *r)
{
	unsigned n;

	if (intake_left(&r->in) == 0)
		return 0;
	n = *r->in.p++;
	r->step++;
	if (n == OLD_SCORE_NAN)
		return rdb_corrupt(r, "a score is not a number");
	if (n == OLD_SCORE_INF || n == OLD_SCORE_MINUS_INF)
		return rdb_tell_score(
			   r, n == OLD_SCORE_INF ? INFINITY : -INFINITY) == 0
		    ? 1
		    : -1;
	rdb_string_start(r, RDB_TO_SCORE, 0);
	r->str.phase = RDB_STRING_PLAIN;
	r->str.left = n;
	return rdb_string_run(r);
}

static int
step_tagged(struct rdb_reader *r)
{
	const unsigned char *p = r->in.p;
	size_t left = intake_left(&r->in);
	uint64_t tag, number;
	bool special;
	int n = rdb_length(p, left, &tag, &special);
	int m = 0;

	if (n == 0)
		return 0;
	if (n < 0 || special || tag > TAG_STRING)
		return rdb_corrupt(r, "a module's value has no such part");
	if (tag == TAG_SIGNED || tag == TAG_UNSIGNED) {
		m = rdb_length(p + n, left - (size_t)n, &number, &special);
		if (m == 0)
			return 0;
		if (m < 0 || special)
			return rdb_corrupt(r, "a module's number is none");
	} else if (tag == TAG_FLOAT || tag == TAG_DOUBLE) {
		m = tag == TAG_FLOAT ? 4 : 8;
		if (left < (size_t)(n + m))
			return 0;
	}
	r->in.p += n + m;
	if (tag == TAG_END)
		r->step++;
	if (tag == TAG_STRING)
		rdb_string_start(r, RDB_TO_NOWHERE, 0);
	return 1;
}

static int
step_when(struct rdb_reader *r)
{
	uint64_t tag;
	int rc = step_len(r, &tag);

	if (rc > 0 && tag != TAG_UNSIGNED)
		return rdb_corrupt(r, "module data does not say when");
	return rc;
}

static int
take_step(struct rdb_reader *r)
{
	uint8_t arg = r->step->arg;

	switch ((enum rdb_do)r->step->what) {
	case RDB_DO_END:
		return rdb_frame_end(r);
	case RDB_DO_LOOP:
		return step_loop(r);
	case RDB_DO_NEXT:
		return step_next(r);
	case RDB_DO_PART:
		return step_part(r, arg);
	case RDB_DO_PACKED:
		return step_packed(r, arg);
	case RDB_DO_NODE:
		return step_node(r);
	case RDB_DO_SKIP:
		return step_string(r, RDB_TO_NOWHERE, 0);
	case RDB_DO_KEEP:
		return step_string(r, RDB_TO_KEPT, arg);
	case RDB_DO_NODE_ID:
		return step_string(r, RDB_TO_NODE_ID, 0);
	case RDB_DO_NAME:
		return step_string(r, RDB_TO_NAME, 0);
	case RDB_DO_LEN:
		return step_len(r, &r->reg[arg]);
	case RDB_DO_TIME:
		return step_fixed(r, 8, &r->reg[arg]);
	case RDB_DO_SECONDS:
		return step_fixed(r, 4, &r->reg[arg]);
	case RDB_DO_BYTE:
		return step_fixed(r, 1, &r->reg[arg]);
	case RDB_DO_ID:
		return step_id(r);
	case RDB_DO_SCORE:
		return step_score(r);
	case RDB_DO_OLD_SCORE:
		return step_old_score(r);
	case RDB_DO_TAGGED:
		return step_tagged(r);
	case RDB_DO_WHEN:
		return step_when(r);
	case RDB_DO_FACT:
		r->step++;
		return rdb_tell_fact(r, arg) == 0 ? 1 : -1;
	case RDB_DO_FIELD_EXPIRY:
		r->step++;
		return rdb_tell_field_expiry(r, arg, r->reg[RDB_REG_TIME]) == 0
		    ? 1
		    : -1;
	case RDB_DO_TELL:
		r->step++;
		return rdb_tell_opcode(r, arg) == 0 ? 1 : -1;
	case RDB_DO_HEADER:
		return rdb_frame_header(r);
	case RDB_DO_OPCODE:
		return rdb_frame_opcode(r);
	case RDB_DO_VALUE:
		return rdb_frame_key(r);
	case RDB_DO_TRAILER:
		return rdb_frame_trailer(r);
	}
	return -1;
}

/*
 * The name may lie in bytes that are gone with this feed; its head is kept
 * for errors in the value.
 */
static void
keep_name_head(struct rdb_reader *r)
{
	struct rdb_key *key = &r->key;
	size_t n = key->name_len;

	if (key->name == r->name_head)
		return;
	if (n > RDB_ERR_KEY_MAX)
		n = RDB_ERR_KEY_MAX;
	memcpy(r->name_head, key->name, n);
	key->name = r->name_head;
}

int
rdb_run(void *arg)
{
	struct rdb_reader *r = arg;
	int rc;

	r->raw_from = r->in.p;
	do {
		if (r->str.phase != RDB_STRING_NONE)
			rc = rdb_string_run(r);
		else
			rc = take_step(r);
	} while (rc > 0 && !r->sum.complete);
	if (rc == 0 && r->in_key)
		keep_name_head(r);
	if (rc == 0 && r->in_value)
		rc = rdb_tell_raw(r, false);
	return rc;
}

#include <string.h>

#include "rdb/packed.h"

#include "rdb/rdb_private.h"

/* Packed elements that make one for the user. */
static const unsigned tuple[] = {
    [RDB_SHAPE_ITEMS] = 1,
    [RDB_SHAPE_PAIRS] = 2,
    [RDB_SHAPE_SCORES] = 2,
    [RDB_SHAPE_TRIPLES] = 3,
    [RDB_SHAPE_STREAM] = 1,
};

static const enum rdb_part parts[][2] = {
    [RDB_SHAPE_ITEMS] = {RDB_PART_ITEM},
    [RDB_SHAPE_PAIRS] = {RDB_PART_FIELD, RDB_PART_VALUE},
    [RDB_SHAPE_SCORES] = {RDB_PART_MEMBER},
    [RDB_SHAPE_TRIPLES] = {RDB_PART_FIELD, RDB_PART_VALUE},
};

void
rdb_unpack_start(struct rdb_reader *r, uint8_t arg)
{
	enum rdb_target target = RDB_TO_PACKED;

	r->unpack.shape = arg & 15;
	r->unpack.at = 0;
	r->unpack.score_len = 0;
	if (r->want_decoded) {
		if (r->unpack.shape == RDB_SHAPE_STREAM)
			rdb_node_start(r);
	} else if (r->want_count && r->unpack.shape != RDB_SHAPE_STREAM) {
		target = RDB_TO_COUNT;
	} else {
		target = RDB_TO_NOWHERE;
	}
	packed_start(r->packed, arg >> 4, !r->want_decoded);
	rdb_string_start(r, target, 0);
	r->str.block = r->want_blocks;
}

int
rdb_unpack_score(
    struct rdb_reader *r, const unsigned char *p, size_t n, bool last)
{
	struct rdb_unpack *u = &r->unpack;
	double score;

	if (n > sizeof(u->score) - u->score_len)
		return rdb_corrupt(r, "a score is no number");
	memcpy(u->score + u->score_len, p, n);
	u->score_len += n;
	if (!last)
		return 0;
	n = u->score_len;
	u->score_len = 0;
	if (!decimal_score(u->score, n, &score))
		return rdb_corrupt(r, "a score is no number");
	return rdb_tell_score(r, score);
}

static int
item_score(struct rdb_reader *r, const struct packed_item *item)
{
	if (item->data == NULL)
		return rdb_tell_score(r, (double)item->integer);
	return rdb_unpack_score(r, item->data, item->len, item->last);
}

static int
expiry(struct rdb_reader *r, const struct packed_item *item)
{
	if (item->data != NULL || item->integer < 0)
		return rdb_corrupt(r, "a field's expiry is no time");
	return rdb_tell_field_expiry(
	    r, RDB_TTL_ABSOLUTE, (uint64_t)item->integer);
}

static int
part(struct rdb_reader *r, const struct packed_item *item)
{
	enum rdb_part which = parts[r->unpack.shape][r->unpack.at];

	if (item->data == NULL)
		return rdb_tell_integer(r, which, item->integer);
	return rdb_tell_piece(r, which, item->data, item->len, item->last);
}

int
rdb_unpack_item(void *arg, const struct packed_item *item, struct err *err)
{
	struct rdb_reader *r = arg;
	struct rdb_unpack *u = &r->unpack;
	int rc;

	(void)err;
	if (u->shape == RDB_SHAPE_STREAM)
		return rdb_node_item(r, item);
	if (u->shape == RDB_SHAPE_SCORES && u->at == 1)
		rc = item_score(r, item);
	else if (u->at == 2)
		rc = expiry(r, item);
	else
		rc = part(r, item);
	if (item->last && ++u->at == tuple[u->shape])
		u->at = 0;
	return rc;
}

uint64_t
rdb_unpack_elements(const struct rdb_reader *r, uint64_t n)
{
	return n / tuple[r->unpack.shape];
}

int
rdb_unpack_end(struct rdb_reader *r)
{
	uint64_t n = packed_count(r->packed);

	if (packed_finish(r->packed, &r->err) != 0)
		return -1;
	if (r->unpack.shape == RDB_SHAPE_STREAM)
		return rdb_node_end(r);
	if (n % tuple[r->unpack.shape] != 0)
		return rdb_corrupt(r, "a packed hash or zset ends in a pair");
	r->elements += rdb_unpack_elements(r, n);
	return 0;
}

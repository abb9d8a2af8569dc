#include <inttypes.h>
#include <string.h>

#include "rdb/packed.h"

#include "rdb/rdb_private.h"

/*
 * A stream is kept in nodes of many entries, each a listpack:
 *
 *	live deleted nfields field... 0			the head
 *	flags ms seq value... steps			an entry with the head's
 *	flags ms seq nfields (field value)... steps	fields, or its own
 *
 * ms and seq are relative to the node's id; steps counts the elements of the
 * entry before it, to walk backwards.  The head's fields are kept, since each
 * entry that has the same repeats them to the visitor.
 *
 * Facts: redis/src/t_stream.c, streamAppendItem().
 */
#define ENTRY_DELETED	  1
#define ENTRY_SAME_FIELDS 2

void
rdb_node_start(struct rdb_reader *r)
{
	r->node.at = RDB_NODE_COUNT;
	r->node.mid_item = false;
	buf_truncate(&r->node.fields, 0);
}

static int
add_bytes(struct rdb_node *n, struct rdb_reader *r, const void *p, size_t len)
{
	if (len > RDB_WHOLE_MAX - n->fields.len)
		return rdb_unsupported(r,
		    "the field names of a stream node are longer than %zu MiB",
		    RDB_WHOLE_MAX >> 20);
	buf_add(&n->fields, p, len);
	return 0;
}

/* Keeps a field name of the head behind its length. */
static int
add_field(struct rdb_reader *r, const struct packed_item *item)
{
	struct rdb_node *n = &r->node;
	char text[DECIMAL_INT_MAX];
	const void *p = item->data;
	size_t len = item->len;

	if (item->data == NULL) {
		len = decimal_format(text, item->integer);
		p = text;
	}
	if (!n->mid_item) {
		n->field_at = n->fields.len;
		if (add_bytes(n, r, &(size_t){0}, sizeof(len)) != 0)
			return -1;
	}
	if (add_bytes(n, r, p, len) != 0)
		return -1;
	len = n->fields.len - n->field_at - sizeof(len);
	memcpy(n->fields.data + n->field_at, &len, sizeof(len));
	return 0;
}

/* Tells the head's field that goes with the value to come. */
static int
tell_field(struct rdb_reader *r)
{
	struct rdb_node *n = &r->node;
	const char *p = n->fields.data + n->field_at;
	size_t len;

	memcpy(&len, p, sizeof(len));
	n->field_at += sizeof(len) + len;
	return rdb_tell_piece(r, RDB_PART_STREAM_FIELD,
	    (const unsigned char *)p + sizeof(len), len, true);
}

/* Fields and values of an entry; those of a deleted one are passed over. */
static int
take_bytes(struct rdb_reader *r, const struct packed_item *item)
{
	struct rdb_node *n = &r->node;
	enum rdb_part part = n->at == RDB_NODE_FIELD ? RDB_PART_STREAM_FIELD
						     : RDB_PART_STREAM_VALUE;

	if ((n->flags & ENTRY_DELETED) != 0)
		return 0;
	if ((n->flags & ENTRY_SAME_FIELDS) != 0 && !n->mid_item &&
	    tell_field(r) != 0)
		return -1;
	if (item->data == NULL)
		return rdb_tell_integer(r, part, item->integer);
	return rdb_tell_piece(r, part, item->data, item->len, item->last);
}

/* The entry's id and number of fields are known. */
static int
begin_entry(struct rdb_reader *r, uint64_t nfields)
{
	struct rdb_node *n = &r->node;
	bool dead = (n->flags & ENTRY_DELETED) != 0;
	uint64_t *left = dead ? &n->deleted : &n->live;

	if (*left == 0)
		return rdb_corrupt(
		    r, "a stream node has more entries than its head says");
	--*left;
	n->entry_nfields = nfields;
	n->left = nfields;
	n->field_at = 0;
	n->at = (n->flags & ENTRY_SAME_FIELDS) != 0 ? RDB_NODE_VALUE
						    : RDB_NODE_FIELD;
	if (nfields == 0)
		n->at = RDB_NODE_STEPS;
	return dead ? 0 : rdb_tell_entry(r, n->entry, nfields);
}

static int
end_entry(struct rdb_reader *r, uint64_t steps)
{
	struct rdb_node *n = &r->node;
	bool same = (n->flags & ENTRY_SAME_FIELDS) != 0;
	uint64_t right = same ? 3 + n->entry_nfields : 4 + 2 * n->entry_nfields;

	if (steps != right)
		return rdb_corrupt(r,
		    "a stream entry of %" PRIu64 " elements says %" PRIu64,
		    right, steps);
	n->at = RDB_NODE_FLAGS;
	return 0;
}

static int
take_number(struct rdb_reader *r, int64_t v)
{
	struct rdb_node *n = &r->node;

	if (v < 0 && n->at != RDB_NODE_MS && n->at != RDB_NODE_SEQ)
		return rdb_corrupt(r, "a stream node has a negative count");
	switch (n->at) {
	case RDB_NODE_COUNT:
		n->live = (uint64_t)v;
		n->at = RDB_NODE_DELETED;
		return 0;
	case RDB_NODE_DELETED:
		n->deleted = (uint64_t)v;
		n->at = RDB_NODE_NFIELDS;
		return 0;
	case RDB_NODE_NFIELDS:
		n->nfields = n->left = (uint64_t)v;
		n->at = v > 0 ? RDB_NODE_FIELDS : RDB_NODE_ZERO;
		return 0;
	case RDB_NODE_ZERO:
		n->at = RDB_NODE_FLAGS;
		return v == 0
		    ? 0
		    : rdb_corrupt(r, "a stream node's head lacks its end");
	case RDB_NODE_FLAGS:
		n->flags = v;
		n->at = RDB_NODE_MS;
		return 0;
	case RDB_NODE_MS:
		n->entry.ms = n->id.ms + (uint64_t)v;
		n->at = RDB_NODE_SEQ;
		return 0;
	case RDB_NODE_SEQ:
		n->entry.seq = n->id.seq + (uint64_t)v;
		if ((n->flags & ENTRY_SAME_FIELDS) != 0)
			return begin_entry(r, n->nfields);
		n->at = RDB_NODE_ENTRY_NFIELDS;
		return 0;
	case RDB_NODE_ENTRY_NFIELDS:
		return begin_entry(r, (uint64_t)v);
	default:
		return end_entry(r, (uint64_t)v);
	}
}

/* After a whole field or value. */
static void
step_on(struct rdb_node *n)
{
	bool same = (n->flags & ENTRY_SAME_FIELDS) != 0;

	switch (n->at) {
	case RDB_NODE_FIELDS:
		if (--n->left == 0)
			n->at = RDB_NODE_ZERO;
		break;
	case RDB_NODE_FIELD:
		n->at = RDB_NODE_VALUE;
		break;
	default:
		if (--n->left == 0)
			n->at = RDB_NODE_STEPS;
		else if (!same)
			n->at = RDB_NODE_FIELD;
	}
}

int
rdb_node_item(struct rdb_reader *r, const struct packed_item *item)
{
	struct rdb_node *n = &r->node;
	int rc;

	if (n->at != RDB_NODE_FIELDS && n->at != RDB_NODE_FIELD &&
	    n->at != RDB_NODE_VALUE) {
		if (item->data != NULL)
			return rdb_corrupt(
			    r, "a stream node has bytes for a number");
		return take_number(r, item->integer);
	}
	rc = n->at == RDB_NODE_FIELDS ? add_field(r, item)
				      : take_bytes(r, item);
	n->mid_item = !item->last;
	if (item->last)
		step_on(n);
	return rc;
}

int
rdb_node_end(struct rdb_reader *r)
{
	struct rdb_node *n = &r->node;

	if (n->at != RDB_NODE_FLAGS || n->live > 0 || n->deleted > 0)
		return rdb_corrupt(
		    r, "a stream node has fewer entries than its head says");
	return 0;
}

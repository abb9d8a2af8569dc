#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "rdb/decimal.h"
#include "rdb/mem_elements.h"
#include "rdb/mem_rax.h"
#include "rdb/mem_size.h"
#include "rdb/rdb_types.h"

#include "rdb/mem_estimate.h"

/* sizeof() on 64 bit. */
#define ROBJ		16
#define MODULE_VALUE	16
#define STREAM		80
#define STREAM_GROUP	40
#define STREAM_CONSUMER 24
#define STREAM_NACK	24
#define FIELD_EXPIRY	16 /* of 7.4: in front of the field's name */
#define FIELDS_EXPIRY	40 /* of 7.4: struct listpackEx */

#define EMBEDDED_MAX 44 /* bytes of a string in one block with its robj */
#define EMBEDDED_SDS 3	/* its header, whatever the length */

/* A hint beyond this is none. */
#define HINT_MAX (UINT64_C(1) << 48)

/* How the dump tells the value. */
enum way {
	WAY_STRING,
	WAY_BLOCK,    /* as it is in memory */
	WAY_NODES,    /* so, a list's */
	WAY_ELEMENTS, /* element by element */
	WAY_STREAM,
	WAY_MODULE,
};

static const uint8_t ways[RDB_TYPES] = {
    [RDB_TYPE_STRING] = WAY_STRING,
    [RDB_TYPE_LIST] = WAY_ELEMENTS,
    [RDB_TYPE_SET] = WAY_ELEMENTS,
    [RDB_TYPE_ZSET] = WAY_ELEMENTS,
    [RDB_TYPE_HASH] = WAY_ELEMENTS,
    [RDB_TYPE_ZSET_2] = WAY_ELEMENTS,
    [RDB_TYPE_MODULE_PRE_GA] = WAY_MODULE,
    [RDB_TYPE_MODULE_2] = WAY_MODULE,
    [RDB_TYPE_HASH_ZIPMAP] = WAY_BLOCK,
    [RDB_TYPE_LIST_ZIPLIST] = WAY_NODES,
    [RDB_TYPE_SET_INTSET] = WAY_BLOCK,
    [RDB_TYPE_ZSET_ZIPLIST] = WAY_BLOCK,
    [RDB_TYPE_HASH_ZIPLIST] = WAY_BLOCK,
    [RDB_TYPE_LIST_QUICKLIST] = WAY_NODES,
    [RDB_TYPE_STREAM_LISTPACKS] = WAY_STREAM,
    [RDB_TYPE_HASH_LISTPACK] = WAY_BLOCK,
    [RDB_TYPE_ZSET_LISTPACK] = WAY_BLOCK,
    [RDB_TYPE_LIST_QUICKLIST_2] = WAY_NODES,
    [RDB_TYPE_STREAM_LISTPACKS_2] = WAY_STREAM,
    [RDB_TYPE_SET_LISTPACK] = WAY_BLOCK,
    [RDB_TYPE_STREAM_LISTPACKS_3] = WAY_STREAM,
    [RDB_TYPE_HASH_METADATA_RC] = WAY_ELEMENTS, /* and Valkey's */
    [RDB_TYPE_HASH_LISTPACK_EX_RC] = WAY_BLOCK,
    [RDB_TYPE_HASH_METADATA] = WAY_ELEMENTS,
    [RDB_TYPE_HASH_LISTPACK_EX] = WAY_BLOCK,
};

struct mem_estimate {
	struct rdb_visitor visitor;
	unsigned quantum;

	/* In the tables of the database, by the dump's hints. */
	uint32_t db;
	uint64_t key_entry, expiry_entry;

	/* The key. */
	enum way way;
	uint64_t entries; /* in the tables */
	uint64_t bytes;	  /* of all that is final */
	bool expiring_fields;

	/* The element under way, which may come in pieces. */
	uint64_t len;
	char text[DECIMAL_INT_MAX];

	struct mem_elements elements;

	/* A stream: the tree of ids that goes on. */
	struct mem_rax ids;
	bool in_ids, grouped;
};

static inline void
add(struct mem_estimate *e, uint64_t asked)
{
	e->bytes += mem_given(e->quantum, asked);
}

/*
 * An entry of a table of so many keys, and its share of the slots: those are
 * as many as keys, or up to twice as many.  Without a hint, the middle.
 */
static uint64_t
entry(const struct mem_estimate *e, uint64_t keys)
{
	uint64_t slots = sizeof(void *) + sizeof(void *) / 2;

	if (keys > 0 && keys < HINT_MAX)
		slots = (mem_slots(keys) * sizeof(void *) + keys / 2) / keys;
	return mem_given(e->quantum, MEM_DICT_ENTRY) + slots;
}

static void
take_hints(struct mem_estimate *e, uint32_t db, uint64_t keys, uint64_t expires)
{
	e->db = db;
	e->key_entry = entry(e, keys);
	e->expiry_entry = entry(e, expires);
}

static int
on_resize_db(struct rdb_visitor *v, uint32_t db, uint64_t keys,
    uint64_t expires, struct err *err)
{
	(void)err;
	take_hints((struct mem_estimate *)v, db, keys, expires);
	return 0;
}

static int
on_key_begin(struct rdb_visitor *v, const struct rdb_key *key, struct err *err)
{
	struct mem_estimate *e = (struct mem_estimate *)v;

	(void)err;
	if (key->db != e->db)
		take_hints(e, key->db, 0, 0);
	e->way = ways[key->type];
	e->entries = e->key_entry;
	if (key->expires_ms != RDB_NO_EXPIRY)
		e->entries += e->expiry_entry;
	e->bytes = e->entries;
	add(e, mem_sds(key->name_len));
	e->expiring_fields = false;
	if (e->way == WAY_ELEMENTS)
		mem_elements_begin(&e->elements, key->kind);
	e->in_ids = e->way == WAY_STREAM;
	e->grouped = false;
	return 0;
}

static int
on_block(struct rdb_visitor *v, uint64_t size, struct rdb_stream_id id,
    struct err *err)
{
	struct mem_estimate *e = (struct mem_estimate *)v;

	(void)err;
	add(e, size);
	if (e->way == WAY_NODES)
		add(e, MEM_QUICKLIST_NODE);
	else if (e->way == WAY_STREAM)
		mem_rax_add(&e->ids, id);
	return 0;
}

static void
add_string(struct mem_estimate *e, const char *text, uint64_t len)
{
	int64_t n;

	if (text != NULL && decimal_integer(text, len, &n)) {
		add(e, ROBJ);
	} else if (len <= EMBEDDED_MAX) {
		add(e, ROBJ + EMBEDDED_SDS + len + 1);
	} else {
		add(e, ROBJ);
		add(e, mem_sds(len));
	}
}

static void
end_ids(struct mem_estimate *e)
{
	if (e->in_ids)
		e->bytes += mem_rax_take(&e->ids);
	e->in_ids = false;
}

/* What is pending is a tree of the group and one of each consumer. */
static void
add_stream_name(struct mem_estimate *e, enum rdb_part part, uint64_t len)
{
	end_ids(e);
	e->in_ids = true;
	e->bytes += mem_rax_name(e->quantum, len);
	if (part == RDB_PART_CONSUMER) {
		add(e, STREAM_CONSUMER);
		add(e, mem_sds(len));
		return;
	}
	add(e, STREAM_GROUP);
	add(e, MEM_RAX); /* of its consumers, and once of all groups: */
	if (!e->grouped)
		add(e, MEM_RAX);
	e->grouped = true;
}

/* text is NULL for what is too long for an integer. */
static void
take_element(
    struct mem_estimate *e, enum rdb_part part, const char *text, uint64_t len)
{
	if (e->way == WAY_STRING)
		add_string(e, text, len);
	else if (e->way == WAY_ELEMENTS)
		mem_elements_add(&e->elements, part, text, len);
	else if (part == RDB_PART_GROUP || part == RDB_PART_CONSUMER)
		add_stream_name(e, part, len);
}

static int
on_piece(struct rdb_visitor *v, enum rdb_part part, const unsigned char *p,
    size_t n, bool last, struct err *err)
{
	struct mem_estimate *e = (struct mem_estimate *)v;
	const char *text = (const char *)p;
	uint64_t len = e->len + n;

	(void)err;
	if (e->way == WAY_BLOCK || e->way == WAY_NODES || e->way == WAY_MODULE)
		return 0;
	if (len != n || !last) {
		if (n > 0 && len <= sizeof(e->text))
			memcpy(e->text + e->len, p, n);
		text = e->text;
	}
	e->len = last ? 0 : len;
	if (last)
		take_element(
		    e, part, len <= sizeof(e->text) ? text : NULL, len);
	return 0;
}

static int
on_score(struct rdb_visitor *v, double score, struct err *err)
{
	struct mem_estimate *e = (struct mem_estimate *)v;

	(void)err;
	if (e->way == WAY_ELEMENTS)
		mem_elements_score(&e->elements, score);
	return 0;
}

static int
on_field_expiry(struct rdb_visitor *v, int64_t expires_ms, struct err *err)
{
	struct mem_estimate *e = (struct mem_estimate *)v;

	(void)expires_ms;
	(void)err;
	if (!e->expiring_fields)
		add(e, FIELDS_EXPIRY);
	e->expiring_fields = true;
	if (e->way == WAY_ELEMENTS)
		e->bytes += FIELD_EXPIRY;
	return 0;
}

static int
on_stream_fact(struct rdb_visitor *v, enum rdb_stream_fact fact,
    struct rdb_stream_id id, uint64_t n, int64_t ms, struct err *err)
{
	struct mem_estimate *e = (struct mem_estimate *)v;

	(void)n;
	(void)ms;
	(void)err;
	if (fact == RDB_STREAM_PENDING)
		add(e, STREAM_NACK);
	if (fact == RDB_STREAM_PENDING || fact == RDB_STREAM_OWNED)
		mem_rax_add(&e->ids, id);
	return 0;
}

static int
on_key_end(struct rdb_visitor *v, uint64_t raw_bytes, uint64_t elements,
    struct err *err)
{
	struct mem_estimate *e = (struct mem_estimate *)v;

	(void)elements;
	(void)err;
	if (e->way != WAY_STRING)
		add(e, ROBJ);
	switch (e->way) {
	case WAY_STRING:
	case WAY_BLOCK:
		break;
	case WAY_NODES:
		add(e, MEM_QUICKLIST);
		break;
	case WAY_ELEMENTS:
		e->bytes += mem_elements_bytes(&e->elements);
		break;
	case WAY_STREAM:
		end_ids(e);
		add(e, STREAM);
		break;
	case WAY_MODULE:
		add(e, MODULE_VALUE);
		add(e, raw_bytes);
		break;
	}
	return 0;
}

struct mem_estimate *
mem_estimate_new(unsigned quantum)
{
	static const struct rdb_visitor_ops ops = {
	    .resize_db = on_resize_db,
	    .key_begin = on_key_begin,
	    .block = on_block,
	    .piece = on_piece,
	    .score = on_score,
	    .field_expiry = on_field_expiry,
	    .stream_fact = on_stream_fact,
	    .key_end = on_key_end,
	};
	struct mem_estimate *e = xcalloc(1, sizeof(*e));

	e->visitor.ops = &ops;
	e->quantum = quantum;
	mem_elements_init(&e->elements, quantum);
	mem_rax_init(&e->ids, quantum);
	take_hints(e, 0, 0, 0);
	return e;
}

void
mem_estimate_free(struct mem_estimate *e)
{
	free(e);
}

struct rdb_visitor *
mem_estimate_visitor(struct mem_estimate *e)
{
	return &e->visitor;
}

uint64_t
mem_estimate_bytes(const struct mem_estimate *e)
{
	return e->bytes;
}

uint64_t
mem_estimate_entries(const struct mem_estimate *e)
{
	return e->entries;
}

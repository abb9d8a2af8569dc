#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

#include "rdb/key_table.h"

/*
 * A record is referred to by its place: blocks and what is before it in its
 * block, in units of UNIT bytes, and one more, so that 0 is nobody.
 */
#define BLOCK_BYTES ((size_t)1 << 20)
#define UNIT	    8
#define BLOCK_UNITS (BLOCK_BYTES / UNIT)
#define BLOCKS_MAX  (UINT32_MAX / BLOCK_UNITS)

#define INDEX_LEAST 1024

struct block {
	size_t fill;
	unsigned char *bytes;
};

struct key_table {
	size_t max_bytes;
	struct block *blocks;
	size_t nblocks;
	uint32_t *index;   /* open addressing, linear */
	size_t index_size; /* a power of two */
	size_t count;
};

size_t
key_name_kept(size_t name_len)
{
	return name_len < KEY_NAME_KEPT ? name_len : KEY_NAME_KEPT;
}

const unsigned char *
key_record_name(const struct key_record *r)
{
	return (const unsigned char *)(r + 1);
}

static size_t
record_bytes(const struct key_record *r)
{
	size_t n = sizeof(*r) + key_name_kept(r->name_len);

	return (n + UNIT - 1) / UNIT * UNIT;
}

static struct key_record *
record_at(const struct key_table *t, size_t block, size_t at)
{
	return (struct key_record *)(void *)(t->blocks[block].bytes + at);
}

static struct key_record *
record_of(const struct key_table *t, uint32_t ref)
{
	return record_at(
	    t, (ref - 1) / BLOCK_UNITS, (ref - 1) % BLOCK_UNITS * UNIT);
}

/* Where in the index the search for a key begins. */
static size_t
home(const struct key_table *t, const struct key_record *r)
{
	uint64_t h;

	memcpy(&h, r->name_digest.b, sizeof(h));
	h ^= r->db * UINT64_C(0x9e3779b97f4a7c15);
	return (size_t)h & (t->index_size - 1);
}

static void
index_add(struct key_table *t, size_t block, size_t at)
{
	size_t i = home(t, record_at(t, block, at));

	while (t->index[i] != 0)
		i = (i + 1) & (t->index_size - 1);
	t->index[i] = (uint32_t)(block * BLOCK_UNITS + at / UNIT + 1);
}

/* The old index goes before the bigger one comes: the blocks have it all. */
static void
index_rebuild(struct key_table *t, size_t size)
{
	struct key_cursor c = {0};

	free(t->index);
	t->index = xcalloc(size, sizeof(*t->index));
	t->index_size = size;
	for (;;) {
		const struct key_record *r = key_table_next(t, &c);

		if (r == NULL)
			return;
		index_add(t, c.block, c.at - record_bytes(r));
	}
}

/* At most three quarters full. */
static bool
index_is_full(const struct key_table *t)
{
	return (t->count + 1) * 4 > t->index_size * 3;
}

struct key_table *
key_table_new(size_t max_bytes)
{
	struct key_table *t = xcalloc(1, sizeof(*t));

	assert(max_bytes >= KEY_TABLE_LEAST);
	t->max_bytes = max_bytes;
	index_rebuild(t, INDEX_LEAST);
	return t;
}

static void
drop_blocks(struct key_table *t, size_t from)
{
	while (t->nblocks > from)
		free(t->blocks[--t->nblocks].bytes);
}

void
key_table_free(struct key_table *t)
{
	if (t == NULL)
		return;
	drop_blocks(t, 0);
	free(t->blocks);
	free(t->index);
	free(t);
}

/* Room for a record of that size at the end of the last block. */
static bool
make_room(struct key_table *t, size_t size)
{
	bool more = t->nblocks == 0 ||
	    size > BLOCK_BYTES - t->blocks[t->nblocks - 1].fill;
	bool grow = index_is_full(t);
	size_t index_size = grow ? 2 * t->index_size : t->index_size;
	size_t nblocks = t->nblocks + more;

	if (nblocks > BLOCKS_MAX ||
	    nblocks * BLOCK_BYTES + index_size * sizeof(*t->index) >
		t->max_bytes)
		return false;
	if (grow)
		index_rebuild(t, index_size);
	if (more) {
		t->blocks = xreallocarray(
		    t->blocks, nblocks, sizeof(*t->blocks));
		t->blocks[t->nblocks].fill = 0;
		t->blocks[t->nblocks].bytes = xmalloc(BLOCK_BYTES);
		t->nblocks = nblocks;
	}
	return true;
}

bool
key_table_put(
    struct key_table *t, const struct key_record *r, const unsigned char *name)
{
	size_t size = record_bytes(r), kept = key_name_kept(r->name_len);
	struct block *b;

	if (!make_room(t, size))
		return false;
	b = &t->blocks[t->nblocks - 1];
	memcpy(b->bytes + b->fill, r, sizeof(*r));
	if (kept > 0)
		memcpy(b->bytes + b->fill + sizeof(*r), name, kept);
	index_add(t, t->nblocks - 1, b->fill);
	b->fill += size;
	t->count++;
	return true;
}

static bool
same_key(const struct key_record *a, const struct key_record *b,
    const unsigned char *name)
{
	return a->db == b->db && a->name_len == b->name_len &&
	    memcmp(a->name_digest.b, b->name_digest.b, DIGEST128_BYTES) == 0 &&
	    memcmp(key_record_name(a), name, key_name_kept(b->name_len)) == 0;
}

struct key_record *
key_table_find(const struct key_table *t, const struct key_record *r,
    const unsigned char *name)
{
	size_t i = home(t, r);

	for (; t->index[i] != 0; i = (i + 1) & (t->index_size - 1)) {
		struct key_record *found = record_of(t, t->index[i]);

		if (same_key(found, r, name))
			return found;
	}
	return NULL;
}

struct key_record *
key_table_next(const struct key_table *t, struct key_cursor *c)
{
	struct key_record *r;

	while (c->block < t->nblocks && c->at == t->blocks[c->block].fill) {
		c->block++;
		c->at = 0;
	}
	if (c->block == t->nblocks)
		return NULL;
	r = record_at(t, c->block, c->at);
	c->at += record_bytes(r);
	return r;
}

/*
 * Records move up in the order in which they lie, so that none is written
 * over before it was read: packed the same way, what is kept of them ends
 * nowhere later than all of them.
 */
void
key_table_keep(struct key_table *t,
    bool (*keep)(const struct key_record *, const void *arg), const void *arg)
{
	struct key_cursor from = {0}, to = {0};
	size_t size = INDEX_LEAST;
	struct key_record *r;

	t->count = 0;
	while (keep != NULL && (r = key_table_next(t, &from)) != NULL) {
		size_t n = record_bytes(r);

		if (!keep(r, arg))
			continue;
		if (n > BLOCK_BYTES - to.at) {
			t->blocks[to.block++].fill = to.at;
			to.at = 0;
		}
		memmove(t->blocks[to.block].bytes + to.at, r, n);
		to.at += n;
		t->count++;
	}
	if (to.at > 0)
		t->blocks[to.block++].fill = to.at;
	drop_blocks(t, to.block);
	while (t->count * 2 > size && size < t->index_size)
		size *= 2;
	index_rebuild(t, size);
}

size_t
key_table_count(const struct key_table *t)
{
	return t->count;
}

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "rdb/cluster_slot.h"
#include "rdb/db_map.h"
#include "rdb/key_digest.h"
#include "rdb/slot_set.h"

#include "rdb/slot_sums.h"

/* Small enough that a database of a few keys takes little. */
#define PAGE_SLOTS 64
#define PAGES	   (CLUSTER_SLOTS / PAGE_SLOTS)

struct db_sums {
	struct slot_sum *pages[PAGES]; /* NULL: no key in it */
};

struct slot_sums {
	struct digest_visitor visitor;
	struct key_digester *digester;
	int64_t gone_by_ms;
	size_t bytes, max_bytes;
	struct db_map dbs; /* of struct db_sums */
	struct slot_sums_facts facts;
	uint64_t function_sum[2];
	uint32_t stream_types; /* type bytes seen, as bits */
	uint16_t slot;	       /* of the key that is being read */
};

static const struct slot_sum empty;

static int
charge(struct slot_sums *s, size_t bytes, struct err *err)
{
	if (bytes > s->max_bytes - s->bytes)
		return err_set(err, ERR_USAGE,
		    "the sums of %zu databases by slot take more than %zu "
		    "bytes; give more with --memory",
		    s->dbs.n, s->max_bytes);
	s->bytes += bytes;
	return 0;
}

static struct db_sums *
open_db(struct slot_sums *s, uint32_t db, struct err *err)
{
	struct db_sums *d = db_map_get(&s->dbs, db);

	if (d != NULL)
		return d;
	if (charge(s, sizeof(*d), err) != 0)
		return NULL;
	d = xcalloc(1, sizeof(*d));
	db_map_put(&s->dbs, db, d);
	return d;
}

static struct slot_sum *
open_sum(struct slot_sums *s, uint32_t db, unsigned slot, struct err *err)
{
	struct db_sums *d = open_db(s, db, err);
	struct slot_sum **page;

	if (d == NULL)
		return NULL;
	page = &d->pages[slot / PAGE_SLOTS];
	if (*page == NULL) {
		if (charge(s, PAGE_SLOTS * sizeof(**page), err) != 0)
			return NULL;
		*page = xcalloc(PAGE_SLOTS, sizeof(**page));
	}
	return *page + slot % PAGE_SLOTS;
}

static const struct slot_sum *
find_sum(const struct slot_sums *s, uint32_t db, unsigned slot)
{
	const struct db_sums *d = db_map_get(&s->dbs, db);
	const struct slot_sum *page;

	if (d == NULL)
		return &empty;
	page = d->pages[slot / PAGE_SLOTS];
	return page != NULL ? page + slot % PAGE_SLOTS : &empty;
}

static int
on_begin(struct digest_visitor *v, const struct rdb_key *key, struct err *err)
{
	struct slot_sums *s = (struct slot_sums *)v;

	(void)err;
	s->slot = cluster_slot(key->name, key->name_len);
	return 0;
}

static bool
is_gone(const struct slot_sums *s, int64_t gone_ms)
{
	return gone_ms != RDB_NO_EXPIRY && gone_ms <= s->gone_by_ms;
}

static int
on_field(
    struct digest_visitor *v, const struct field_digest *field, struct err *err)
{
	struct slot_sums *s = (struct slot_sums *)v;
	struct slot_sum *sum;

	if (is_gone(s, field->expires_ms))
		return 0;
	sum = open_sum(s, field->db, s->slot, err);
	if (sum == NULL)
		return -1;
	digest128_add(sum->value, &field->digest);
	return 0;
}

static int
on_key(struct digest_visitor *v, const struct key_digest *key, struct err *err)
{
	struct slot_sums *s = (struct slot_sums *)v;
	struct slot_sum *sum;

	if (key->kind == RDB_STREAM)
		s->stream_types |= UINT32_C(1) << (key->type & 31);
	if (is_gone(s, key->gone_ms)) {
		s->facts.gone++;
		return 0;
	}
	sum = open_sum(s, key->db, s->slot, err);
	if (sum == NULL)
		return -1;
	sum->keys++;
	s->facts.keys++;
	digest128_add(sum->value, &key->key);
	if (key->kind == RDB_STREAM)
		digest128_add(sum->stream, &key->extra);
	else if (key->kind == RDB_MODULE)
		s->facts.modules++;
	return 0;
}

static int
on_function(
    struct digest_visitor *v, const struct digest128 *d, struct err *err)
{
	struct slot_sums *s = (struct slot_sums *)v;

	(void)err;
	s->facts.functions++;
	digest128_add(s->function_sum, d);
	return 0;
}

static const struct digest_visitor_ops visitor_ops = {
    .begin = on_begin,
    .field = on_field,
    .key = on_key,
    .function = on_function,
};

struct slot_sums *
slot_sums_new(int64_t gone_by_ms, size_t max_bytes)
{
	struct slot_sums *s = xcalloc(1, sizeof(*s));

	s->visitor.ops = &visitor_ops;
	s->digester = key_digester_new(&s->visitor);
	s->gone_by_ms = gone_by_ms;
	s->max_bytes = max_bytes;
	return s;
}

void
slot_sums_free(struct slot_sums *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->dbs.n; i++) {
		struct db_sums *d = s->dbs.list[i].value;

		for (size_t k = 0; k < PAGES; k++)
			free(d->pages[k]);
		free(d);
	}
	db_map_release(&s->dbs);
	key_digester_free(s->digester);
	free(s);
}

struct rdb_visitor *
slot_sums_visitor(struct slot_sums *s)
{
	return key_digester_visitor(s->digester);
}

void
slot_sums_facts(const struct slot_sums *s, struct slot_sums_facts *facts)
{
	*facts = s->facts;
}

size_t
slot_sums_bytes(const struct slot_sums *s)
{
	return s->bytes;
}

bool
slot_sums_db(const struct slot_sums *s, size_t i, uint32_t *db)
{
	if (i >= s->dbs.n)
		return false;
	*db = s->dbs.list[i].db;
	return true;
}

static void
add128(uint64_t sum[2], const uint64_t more[2])
{
	sum[0] += more[0];
	sum[1] += more[1] + (sum[0] < more[0]);
}

void
slot_sum_add(struct slot_sum *sum, const struct slot_sum *more)
{
	sum->keys += more->keys;
	add128(sum->value, more->value);
	add128(sum->stream, more->stream);
}

struct slot_sum
slot_sums_add_up(
    const struct slot_sums *s, uint32_t db, unsigned from, unsigned to)
{
	struct slot_sum all = {0};

	for (unsigned slot = from; slot <= to; slot++)
		slot_sum_add(&all, find_sum(s, db, slot));
	return all;
}

void
slot_sum_text(const struct slot_sum *sum, char out[33])
{
	snprintf(
	    out, 33, "%016" PRIx64 "%016" PRIx64, sum->value[1], sum->value[0]);
}

bool
slot_sums_same_streams(const struct slot_sums *a, const struct slot_sums *b)
{
	uint32_t types = a->stream_types;

	return types == b->stream_types && (types & (types - 1)) == 0;
}

bool
slot_sums_same_functions(const struct slot_sums *a, const struct slot_sums *b)
{
	return a->facts.functions == b->facts.functions &&
	    memcmp(a->function_sum, b->function_sum, sizeof(a->function_sum)) ==
	    0;
}

static bool
same_sum(const struct slot_sum *a, const struct slot_sum *b, bool streams)
{
	return a->keys == b->keys &&
	    memcmp(a->value, b->value, sizeof(a->value)) == 0 &&
	    (!streams || memcmp(a->stream, b->stream, sizeof(a->stream)) == 0);
}

/* The slots of the databases of a; what differs is found from either side. */
static void
compare_from(
    const struct slot_sums *a, const struct slot_sums *b, struct slot_set *out)
{
	bool streams = slot_sums_same_streams(a, b);

	for (size_t i = 0; i < a->dbs.n; i++) {
		uint32_t db = a->dbs.list[i].db;

		for (unsigned slot = 0; slot < CLUSTER_SLOTS; slot++)
			if (!same_sum(find_sum(a, db, slot),
				find_sum(b, db, slot), streams))
				slot_set_add(out, db, (uint16_t)slot);
	}
}

void
slot_sums_compare(
    const struct slot_sums *a, const struct slot_sums *b, struct slot_set *out)
{
	compare_from(a, b, out);
	compare_from(b, a, out);
}

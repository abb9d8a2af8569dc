#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/cluster_slot.h"
#include "rdb/key_table.h"
#include "rdb/slot_set.h"

#include "rdb/key_diff.h"

/* Clocks of servers and ours may differ by as much. */
#define CLOCK_SLACK_MS 5000

#define SHARE_BITS_MAX 32

/* The keys whose name's digest ends in these bits. */
struct share {
	unsigned bits; /* one key in 2^bits; 0: all of them */
	uint32_t pattern;
};

/* What reads one side; the other must not disturb it. */
struct side_reader {
	struct digest_visitor visitor;
	struct key_digester *digester;
	struct key_diff *diff;
};

struct key_diff {
	struct key_diff_opts opts;
	struct side_reader sides[2];
	struct key_table *table;   /* of the first side */
	struct share begun, share; /* of this round, and what fits of it */

	/* Not looked into yet, the smallest last; all differ in bits. */
	struct share left[SHARE_BITS_MAX + 1];
	size_t nleft;
	double looked_into;

	/* The key that is being read. */
	bool wanted;
	struct key_record record;
	unsigned char name[KEY_NAME_KEPT];

	struct key_changes *changes;
	uint64_t expiring;
};

static bool
in_share(const struct share *share, const struct digest128 *name)
{
	uint32_t mask = share->bits == SHARE_BITS_MAX
	    ? UINT32_MAX
	    : (UINT32_C(1) << share->bits) - 1;
	uint32_t low;

	/* The other half than the one that the table is indexed by. */
	memcpy(&low, name->b + 8, sizeof(low));
	return (low & mask) == share->pattern;
}

static bool
keep_in_share(const struct key_record *r, const void *share)
{
	return in_share(share, &r->name_digest);
}

static int
on_begin(struct digest_visitor *v, const struct rdb_key *key, struct err *err)
{
	struct key_diff *d = ((struct side_reader *)v)->diff;
	struct key_record *r = &d->record;
	XXH128_hash_t h;

	(void)err;
	r->slot = cluster_slot(key->name, key->name_len);
	d->wanted = slot_set_has(d->opts.slots, key->db, r->slot);
	if (!d->wanted)
		return 0;
	h = XXH3_128bits(key->name, key->name_len);
	memcpy(r->name_digest.b, &h.low64, 8);
	memcpy(r->name_digest.b + 8, &h.high64, 8);
	d->wanted = in_share(&d->share, &r->name_digest);
	r->name_len = (uint32_t)key->name_len;
	r->field_expires_ms = RDB_NO_EXPIRY;
	r->extra = 0;
	memcpy(d->name, key->name, key_name_kept(key->name_len));
	return 0;
}

static bool
has_passed(int64_t expires_ms, int64_t now_ms)
{
	return expires_ms != RDB_NO_EXPIRY && expires_ms <= now_ms;
}

static int
on_field(
    struct digest_visitor *v, const struct field_digest *field, struct err *err)
{
	struct key_diff *d = ((struct side_reader *)v)->diff;
	struct key_record *r = &d->record;
	uint64_t low;

	(void)err;
	if (!d->wanted || has_passed(field->expires_ms, d->opts.gone_by_ms))
		return 0;
	memcpy(&low, field->digest.b, sizeof(low));
	r->extra += low;
	if (r->field_expires_ms == RDB_NO_EXPIRY ||
	    field->expires_ms < r->field_expires_ms)
		r->field_expires_ms = field->expires_ms;
	return 0;
}

/* The rest of the record; false for a key that is not looked into. */
static bool
take_record(struct key_diff *d, const struct key_digest *key)
{
	struct key_record *r = &d->record;

	if (!d->wanted || has_passed(key->gone_ms, d->opts.gone_by_ms))
		return false;
	r->value = key->value;
	r->expires_ms = key->expires_ms;
	r->gone_ms = key->gone_ms;
	if (key->kind == RDB_STREAM)
		memcpy(&r->extra, key->extra.b, sizeof(r->extra));
	r->bytes = key->bytes;
	r->elements = key->elements < UINT32_MAX ? (uint32_t)key->elements
						 : UINT32_MAX;
	r->db = key->db;
	r->kind = (uint8_t)key->kind;
	r->seen = false;
	return true;
}

static int
on_first(
    struct digest_visitor *v, const struct key_digest *key, struct err *err)
{
	struct key_diff *d = ((struct side_reader *)v)->diff;

	if (!take_record(d, key))
		return 0;
	while (!key_table_put(d->table, &d->record, d->name)) {
		if (d->share.bits == SHARE_BITS_MAX)
			return err_set(err, ERR_USAGE,
			    "the records of keys do not fit into %zu bytes; "
			    "give more with --memory",
			    d->opts.max_bytes);
		d->share.bits++;
		key_table_keep(d->table, keep_in_share, &d->share);
		if (!in_share(&d->share, &d->record.name_digest))
			return 0;
	}
	return 0;
}

static int64_t
now(const struct key_diff *d)
{
	return scope_wall_ms(d->opts.scope) + CLOCK_SLACK_MS;
}

static void
only_on(struct key_diff *d, enum diff_side side, const struct key_record *r,
    const unsigned char *name)
{
	if (has_passed(r->gone_ms, now(d)))
		d->expiring++;
	else if (side == DIFF_FIRST)
		key_changes_add(
		    d->changes, 1u << KEY_ONLY_FIRST, r, NULL, name);
	else
		key_changes_add(
		    d->changes, 1u << KEY_ONLY_SECOND, NULL, r, name);
}

static unsigned
changes_of(const struct key_diff *d, const struct key_record *a,
    const struct key_record *b)
{
	unsigned changes = 0;

	if (a->kind != b->kind)
		changes |= 1u << KEY_TYPE;
	else if (memcmp(a->value.b, b->value.b, DIGEST128_BYTES) != 0 ||
	    (a->extra != b->extra &&
		(a->kind != RDB_STREAM || d->opts.streams)))
		changes |= 1u << KEY_VALUE;
	if (a->expires_ms != b->expires_ms)
		changes |= 1u << KEY_TTL;
	return changes;
}

/* They may differ in nothing but fields that have expired since. */
static bool
may_be_fields(const struct key_diff *d, unsigned changes,
    const struct key_record *a, const struct key_record *b)
{
	return changes == 1u << KEY_VALUE && a->kind == RDB_HASH &&
	    memcmp(a->value.b, b->value.b, DIGEST128_BYTES) == 0 &&
	    (has_passed(a->field_expires_ms, now(d)) ||
		has_passed(b->field_expires_ms, now(d)));
}

/* The key is on both sides, as far as they have not expired since. */
static void
compare(struct key_diff *d, const struct key_record *first,
    const struct key_record *second, const unsigned char *name)
{
	unsigned changes = changes_of(d, first, second);
	bool first_gone, second_gone;

	if (changes == 0)
		return;
	first_gone = has_passed(first->gone_ms, now(d));
	second_gone = has_passed(second->gone_ms, now(d));
	if (first_gone != second_gone)
		only_on(d, first_gone ? DIFF_SECOND : DIFF_FIRST,
		    first_gone ? second : first, name);
	else if (first_gone || may_be_fields(d, changes, first, second))
		d->expiring++;
	else
		key_changes_add(d->changes, changes, first, second, name);
}

static int
on_second(
    struct digest_visitor *v, const struct key_digest *key, struct err *err)
{
	struct key_diff *d = ((struct side_reader *)v)->diff;
	struct key_record *first;

	(void)err;
	if (!take_record(d, key))
		return 0;
	first = key_table_find(d->table, &d->record, d->name);
	if (first == NULL) {
		only_on(d, DIFF_SECOND, &d->record, d->name);
		return 0;
	}
	first->seen = true;
	compare(d, first, &d->record, d->name);
	return 0;
}

static const struct digest_visitor_ops reader_ops[2] = {
    [DIFF_FIRST] = {.begin = on_begin, .field = on_field, .key = on_first},
    [DIFF_SECOND] = {.begin = on_begin, .field = on_field, .key = on_second},
};

struct key_diff *
key_diff_new(const struct key_diff_opts *opts)
{
	struct key_diff *d = xcalloc(1, sizeof(*d));

	d->opts = *opts;
	d->nleft = 1;
	d->table = key_table_new(opts->max_bytes);
	d->changes = key_changes_new(opts->limit);
	for (int i = 0; i < 2; i++) {
		struct side_reader *r = &d->sides[i];

		r->visitor.ops = &reader_ops[i];
		r->digester = key_digester_new(&r->visitor);
		r->diff = d;
	}
	return d;
}

void
key_diff_free(struct key_diff *d)
{
	if (d == NULL)
		return;
	for (int i = 0; i < 2; i++)
		key_digester_free(d->sides[i].digester);
	key_table_free(d->table);
	key_changes_free(d->changes);
	free(d);
}

void
key_diff_begin(struct key_diff *d)
{
	assert(d->nleft > 0);
	d->share = d->begun = d->left[--d->nleft];
	key_table_keep(d->table, NULL, NULL);
}

struct rdb_visitor *
key_diff_visitor(struct key_diff *d, enum diff_side side)
{
	return key_digester_visitor(d->sides[side].digester);
}

void
key_diff_end(struct key_diff *d)
{
	struct key_cursor c = {0};
	const struct key_record *r;

	while ((r = key_table_next(d->table, &c)) != NULL)
		if (!r->seen)
			only_on(d, DIFF_FIRST, r, key_record_name(r));
	/* Of each bit that was added, the half that has it set is left. */
	for (unsigned bit = d->begun.bits; bit < d->share.bits; bit++)
		d->left[d->nleft++] = (struct share){
		    bit + 1, d->share.pattern | UINT32_C(1) << bit};
	d->looked_into += ldexp(1, -(int)d->share.bits);
}

double
key_diff_looked_into(const struct key_diff *d)
{
	return d->looked_into;
}

struct key_changes *
key_diff_changes(struct key_diff *d)
{
	return d->changes;
}

uint64_t
key_diff_expiring(const struct key_diff *d)
{
	return d->expiring;
}

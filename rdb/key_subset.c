#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "rdb/key_digest.h"

#include "rdb/key_subset.h"

/* Of room: ranges do not come out exactly as large as one another. */
#define SPARE(n) ((n) / 8 + 1024)

struct reading {
	struct digest_visitor visitor;
	struct key_subset *owner;
	struct key_digester *digester;
};

struct key_subset {
	struct reading part, whole;
	struct key_subset_opts opts;
	unsigned passes, pass;
	bool is_apart; /* the key that is being read */
	struct digest128 *kept;
	unsigned char *struck; /* a bit for each of kept */
	size_t n, room;
	uint64_t overflow; /* more than there should be */
	uint64_t nstruck;
	bool sorted;
};

/* The first bytes, of which all are equally likely, as a fraction. */
static bool
in_pass(const struct key_subset *s, const struct digest128 *d)
{
	uint32_t first = (uint32_t)d->b[0] << 24 | (uint32_t)d->b[1] << 16 |
	    (uint32_t)d->b[2] << 8 | d->b[3];

	return ((uint64_t)first * s->passes) >> 32 == s->pass;
}

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, DIGEST128_BYTES);
}

static void
keep(struct key_subset *s, const struct digest128 *d)
{
	assert(!s->sorted);
	if (!in_pass(s, d))
		return;
	if (s->n == s->room)
		s->overflow++;
	else
		s->kept[s->n++] = *d;
}

static void
strike(struct key_subset *s, const struct digest128 *d)
{
	const struct digest128 *found;
	unsigned char bit;
	size_t i;

	if (!in_pass(s, d) || s->n == 0)
		return;
	if (!s->sorted)
		qsort(s->kept, s->n, sizeof(*s->kept), compare);
	s->sorted = true;
	found = bsearch(d, s->kept, s->n, sizeof(*s->kept), compare);
	if (found == NULL)
		return;
	i = (size_t)(found - s->kept);
	bit = (unsigned char)(1u << (i & 7));
	s->nstruck += (s->struck[i / 8] & bit) == 0;
	s->struck[i / 8] |= bit;
}

static struct key_subset *
subset_of(struct digest_visitor *v)
{
	return ((struct reading *)v)->owner;
}

static int
part_begin(struct digest_visitor *v, const struct rdb_key *k, struct err *err)
{
	struct key_subset *s = subset_of(v);
	const char *apart = s->opts.apart;
	const char *prefix = s->opts.apart_prefix;

	(void)err;
	s->is_apart = (apart != NULL && k->db == 0 &&
			  k->name_len == strlen(apart) &&
			  memcmp(k->name, apart, k->name_len) == 0) ||
	    (prefix != NULL && k->name_len >= strlen(prefix) &&
		memcmp(k->name, prefix, strlen(prefix)) == 0);
	return 0;
}

/* A module's bytes count; a stream's counters where the whole has them. */
static int
part_key(struct digest_visitor *v, const struct key_digest *k, struct err *err)
{
	struct key_subset *s = subset_of(v);
	bool with_extra = k->kind == RDB_MODULE ||
	    (k->kind == RDB_STREAM &&
		(s->opts.types_seen >> (k->type & 31) & 1) != 0);

	(void)err;
	if (!s->is_apart)
		keep(s, with_extra ? &k->extra : &k->key);
	return 0;
}

static int
part_field(
    struct digest_visitor *v, const struct field_digest *f, struct err *err)
{
	struct key_subset *s = subset_of(v);

	(void)err;
	if (!s->is_apart)
		keep(s, &f->digest);
	return 0;
}

static int
part_function(
    struct digest_visitor *v, const struct digest128 *d, struct err *err)
{
	(void)err;
	keep(subset_of(v), d);
	return 0;
}

/* By which of them the part has kept it is not known here. */
static int
whole_key(struct digest_visitor *v, const struct key_digest *k, struct err *err)
{
	struct key_subset *s = subset_of(v);

	(void)err;
	if (k->kind != RDB_MODULE)
		strike(s, &k->key);
	if (k->kind == RDB_MODULE || k->kind == RDB_STREAM)
		strike(s, &k->extra);
	return 0;
}

static int
whole_field(
    struct digest_visitor *v, const struct field_digest *f, struct err *err)
{
	(void)err;
	strike(subset_of(v), &f->digest);
	return 0;
}

static int
whole_function(
    struct digest_visitor *v, const struct digest128 *d, struct err *err)
{
	(void)err;
	strike(subset_of(v), d);
	return 0;
}

static const struct digest_visitor_ops part_ops = {
    .begin = part_begin,
    .field = part_field,
    .key = part_key,
    .function = part_function,
};

static const struct digest_visitor_ops whole_ops = {
    .field = whole_field,
    .key = whole_key,
    .function = whole_function,
};

static void
reading_reset(struct reading *r, struct key_subset *owner,
    const struct digest_visitor_ops *ops)
{
	key_digester_free(r->digester);
	r->owner = owner;
	r->visitor.ops = ops;
	r->digester = key_digester_new(&r->visitor);
}

struct key_subset *
key_subset_new(const struct key_subset_opts *opts)
{
	struct key_subset *s = xcalloc(1, sizeof(*s));
	uint64_t items = opts->items, range = items;
	uint64_t most = opts->memory_max / sizeof(*s->kept);

	s->passes = 1;
	while (range + SPARE(range) > most && range > 1)
		range = items / ++s->passes + 1;
	s->room = range + SPARE(range);
	s->opts = *opts;
	s->kept = xcalloc(s->room, sizeof(*s->kept));
	s->struck = xcalloc(s->room / 8 + 1, 1);
	key_subset_begin(s, 0);
	return s;
}

void
key_subset_free(struct key_subset *s)
{
	if (s == NULL)
		return;
	key_digester_free(s->part.digester);
	key_digester_free(s->whole.digester);
	free(s->kept);
	free(s->struck);
	free(s);
}

unsigned
key_subset_passes(const struct key_subset *s)
{
	return s->passes;
}

void
key_subset_begin(struct key_subset *s, unsigned pass)
{
	assert(pass < s->passes);
	s->pass = pass;
	s->n = 0;
	s->overflow = s->nstruck = 0;
	s->sorted = false;
	memset(s->struck, 0, s->room / 8 + 1);
	reading_reset(&s->part, s, &part_ops);
	reading_reset(&s->whole, s, &whole_ops);
}

struct rdb_visitor *
key_subset_part(struct key_subset *s)
{
	return key_digester_visitor(s->part.digester);
}

struct rdb_visitor *
key_subset_whole(struct key_subset *s)
{
	return key_digester_visitor(s->whole.digester);
}

uint64_t
key_subset_strangers(const struct key_subset *s)
{
	return s->n + s->overflow - s->nstruck;
}

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "rdb/big_keys.h"
#include "rdb/key_show.h"
#include "rdb/mem_estimate.h"

#include "rdb/keystats.h"

/* A name beyond this is cut when it is shown, whatever it holds. */
#define NAME_KEPT (RDB_KEY_SHOWN_MAX + 4)

#define PREFIX_BYTES_MAX 128 /* longer ones are told by their beginning */
#define SLOTS		 (2 * 16384) /* a power of two over twice the prefixes */

struct db_count {
	uint32_t db;
	struct keystats_count count;
};

struct keystats {
	struct rdb_visitor visitor;
	struct keystats_opts opts;
	struct keystats_count total;
	struct keystats_count kinds[RDB_KINDS];
	struct db_count *dbs; /* ascending */
	size_t ndbs;
	uint64_t functions;
	char version[32];

	/* The key being read; what its end needs of it. */
	uint32_t db;
	enum rdb_kind kind;
	int64_t expires_ms;
	size_t name_len;
	unsigned char name[NAME_KEPT]; /* for when it is among the biggest */
	size_t name_kept;
	unsigned char head[PREFIX_BYTES_MAX];
	size_t head_len;

	struct big_keys *biggest; /* NULL: not asked for */

	struct keystats_prefix *prefixes; /* in the order they were seen */
	size_t nprefixes;
	uint64_t *hashes; /* of each prefix */
	uint32_t *slots;  /* index + 1 into prefixes; 0: free */
	struct keystats_count others;
	struct keystats_prefix *sorted; /* made when asked for */
};

static void
count_add(struct keystats_count *c, const struct keystats_count *more)
{
	c->keys += more->keys;
	c->expiring += more->expiring;
	c->bytes += more->bytes;
	c->memory += more->memory;
	c->elements += more->elements;
}

static int
on_aux(struct rdb_visitor *v, const unsigned char *name, size_t name_len,
    const unsigned char *value, size_t value_len, struct err *err)
{
	struct keystats *k = (struct keystats *)v;

	(void)err;
	if (value_len < sizeof(k->version) &&
	    ((name_len == 9 && memcmp(name, "redis-ver", 9) == 0) ||
		(name_len == 10 && memcmp(name, "valkey-ver", 10) == 0))) {
		memcpy(k->version, value, value_len);
		k->version[value_len] = '\0';
	}
	return 0;
}

static int
on_function(
    struct rdb_visitor *v, const unsigned char *p, size_t n, struct err *err)
{
	(void)p;
	(void)n;
	(void)err;
	((struct keystats *)v)->functions++;
	return 0;
}

static int
on_key_begin(struct rdb_visitor *v, const struct rdb_key *key, struct err *err)
{
	struct keystats *k = (struct keystats *)v;

	(void)err;
	k->db = key->db;
	k->kind = key->kind;
	k->expires_ms = key->expires_ms;
	k->name_len = key->name_len;
	if (k->opts.biggest > 0) {
		k->name_kept = key->name_len < NAME_KEPT ? key->name_len
							 : NAME_KEPT;
		if (k->name_kept > 0)
			memcpy(k->name, key->name, k->name_kept);
	}
	if (k->opts.prefixes > 0) {
		const unsigned char *end = key->name_len == 0
		    ? NULL
		    : memchr(key->name, k->opts.separator, key->name_len);
		size_t n = end == NULL ? 0 : (size_t)(end - key->name) + 1;

		k->head_len = n < sizeof(k->head) ? n : sizeof(k->head);
		if (k->head_len > 0)
			memcpy(k->head, key->name, k->head_len);
	}
	return 0;
}

static struct keystats_count *
count_of_db(struct keystats *k)
{
	size_t i = k->ndbs;

	while (i > 0 && k->dbs[i - 1].db > k->db)
		i--;
	if (i > 0 && k->dbs[i - 1].db == k->db)
		return &k->dbs[i - 1].count;
	if (k->ndbs == KEYSTATS_DBS_MAX)
		return &k->dbs[k->ndbs - 1].count;
	memmove(&k->dbs[i + 1], &k->dbs[i], (k->ndbs - i) * sizeof(*k->dbs));
	k->ndbs++;
	k->dbs[i] = (struct db_count){.db = k->db};
	return &k->dbs[i].count;
}

static void
note_big(struct keystats *k, const struct keystats_count *key)
{
	const struct big_key big = {
	    .db = k->db,
	    .kind = k->kind,
	    .bytes = key->bytes,
	    .memory = key->memory,
	    .elements = key->elements,
	    .expires_ms = k->expires_ms,
	};

	if (k->biggest != NULL)
		big_keys_note(k->biggest, &big, k->name, k->name_kept);
}

/*
 * Slots are found by hash alone: two prefixes in one slot would need equal
 * 64-bit hashes.
 */
static struct keystats_count *
count_of_prefix(struct keystats *k)
{
	uint64_t hash = XXH3_64bits(k->head, k->head_len);
	size_t i = hash & (SLOTS - 1);

	while (k->slots[i] != 0) {
		if (k->hashes[k->slots[i] - 1] == hash)
			return &k->prefixes[k->slots[i] - 1].count;
		i = (i + 1) & (SLOTS - 1);
	}
	if (k->nprefixes == KEYSTATS_PREFIXES_MAX)
		return &k->others;
	k->hashes[k->nprefixes] = hash;
	k->prefixes[k->nprefixes].prefix = key_shown(k->head, k->head_len);
	k->slots[i] = (uint32_t)++k->nprefixes;
	return &k->prefixes[k->nprefixes - 1].count;
}

static int
on_key_end(struct rdb_visitor *v, uint64_t raw_bytes, uint64_t elements,
    struct err *err)
{
	struct keystats *k = (struct keystats *)v;
	struct keystats_count key = {
	    .keys = 1,
	    .expiring = k->expires_ms != RDB_NO_EXPIRY,
	    .bytes = raw_bytes + k->name_len,
	    .elements = elements,
	};

	(void)err;
	if (k->opts.memory != NULL)
		key.memory = mem_estimate_bytes(k->opts.memory);
	count_add(&k->total, &key);
	count_add(&k->kinds[k->kind], &key);
	count_add(count_of_db(k), &key);
	note_big(k, &key);
	if (k->opts.prefixes > 0)
		count_add(count_of_prefix(k), &key);
	return 0;
}

struct keystats *
keystats_new(const struct keystats_opts *opts)
{
	static const struct rdb_visitor_ops ops = {
	    .aux = on_aux,
	    .function = on_function,
	    .key_begin = on_key_begin,
	    .key_end = on_key_end,
	};
	struct keystats *k = xcalloc(1, sizeof(*k));

	k->opts = *opts;
	if (k->opts.separator == '\0')
		k->opts.separator = ':';
	k->visitor.ops = &ops;
	k->dbs = xcalloc(KEYSTATS_DBS_MAX, sizeof(*k->dbs));
	if (opts->biggest > 0)
		k->biggest = big_keys_new(opts->biggest);
	if (opts->prefixes > 0) {
		k->prefixes = xcalloc(
		    KEYSTATS_PREFIXES_MAX, sizeof(*k->prefixes));
		k->hashes = xcalloc(KEYSTATS_PREFIXES_MAX, sizeof(*k->hashes));
		k->slots = xcalloc(SLOTS, sizeof(*k->slots));
	}
	return k;
}

void
keystats_free(struct keystats *k)
{
	if (k == NULL)
		return;
	for (size_t i = 0; i < k->nprefixes; i++)
		free(k->prefixes[i].prefix);
	big_keys_free(k->biggest);
	free(k->prefixes);
	free(k->hashes);
	free(k->slots);
	free(k->sorted);
	free(k->dbs);
	free(k);
}

struct rdb_visitor *
keystats_visitor(struct keystats *k)
{
	return &k->visitor;
}

void
keystats_total(const struct keystats *k, struct keystats_count *c)
{
	*c = k->total;
}

void
keystats_kind(
    const struct keystats *k, enum rdb_kind kind, struct keystats_count *c)
{
	*c = k->kinds[kind];
}

const struct keystats_count *
keystats_db(const struct keystats *k, size_t i, uint32_t *db)
{
	if (i >= k->ndbs)
		return NULL;
	*db = k->dbs[i].db;
	return &k->dbs[i].count;
}

const struct big_key *
keystats_biggest(struct keystats *k, size_t *n)
{
	*n = 0;
	return k->biggest != NULL ? big_keys_told(k->biggest, n) : NULL;
}

static int
by_count(const void *a, const void *b)
{
	const struct keystats_prefix *x = a, *y = b;
	int order = big_order(
	    y->count.memory, y->count.bytes, x->count.memory, x->count.bytes);

	return order != 0 ? order : strcmp(x->prefix, y->prefix);
}

const struct keystats_prefix *
keystats_prefixes(struct keystats *k, size_t *n)
{
	static char others[] = "(others)";
	struct keystats_count rest = k->others;
	size_t told;

	free(k->sorted);
	k->sorted = xcalloc(k->nprefixes + 1, sizeof(*k->sorted));
	if (k->nprefixes > 0)
		memcpy(
		    k->sorted, k->prefixes, k->nprefixes * sizeof(*k->sorted));
	qsort(k->sorted, k->nprefixes, sizeof(*k->sorted), by_count);
	told = k->nprefixes < k->opts.prefixes ? k->nprefixes
					       : k->opts.prefixes;
	for (size_t i = told; i < k->nprefixes; i++)
		count_add(&rest, &k->sorted[i].count);
	if (rest.keys > 0) {
		k->sorted[told].prefix = others;
		k->sorted[told++].count = rest;
	}
	*n = told;
	return k->sorted;
}

uint64_t
keystats_functions(const struct keystats *k)
{
	return k->functions;
}

const char *
keystats_version(const struct keystats *k)
{
	return k->version;
}

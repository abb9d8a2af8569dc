#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "rdb/fingerprint_private.h"

#include "rdb/fingerprint.h"

void
fp_put64(unsigned char *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

static struct fp_sum *
sum_of(struct fingerprint *f, int64_t gone_ms)
{
	struct fp_bucket *b;
	int64_t until_ms;
	size_t i;

	if (gone_ms == RDB_NO_EXPIRY)
		return &f->persistent;
	i = fp_bucket_of(f->anchor_ms, gone_ms, &until_ms);
	assert(i < FP_BUCKETS);
	b = &f->buckets[i];
	b->until_ms = until_ms;
	return &b->sum;
}

static int
on_field(
    struct digest_visitor *v, const struct field_digest *field, struct err *err)
{
	struct fp_sum *s = sum_of((struct fingerprint *)v, field->expires_ms);

	(void)err;
	s->fields++;
	digest128_add(s->value, &field->digest);
	return 0;
}

static int
on_key(struct digest_visitor *v, const struct key_digest *key, struct err *err)
{
	struct fingerprint *f = (struct fingerprint *)v;
	struct fp_sum *s = sum_of(f, key->gone_ms);

	(void)err;
	s->keys++;
	digest128_add(s->value, &key->key);
	if (key->kind == RDB_STREAM) {
		f->stream_types |= UINT32_C(1) << (key->type & 31);
		digest128_add(s->stream, &key->extra);
	} else if (key->kind == RDB_MODULE) {
		f->modules++;
		digest128_add(s->opaque, &key->extra);
	}
	return 0;
}

static int
add_library(
    struct fingerprint *f, const struct digest128 *source, struct err *err)
{
	bool is_new;

	if (library_set_add(&f->libraries, source, &is_new, err) != 0)
		return -1;
	if (is_new) {
		f->functions.keys++;
		digest128_add(f->functions.value, source);
	}
	return 0;
}

static int
on_function(
    struct digest_visitor *v, const struct digest128 *d, struct err *err)
{
	return add_library((struct fingerprint *)v, d, err);
}

static const struct digest_visitor_ops visitor_ops = {
    .field = on_field,
    .key = on_key,
    .function = on_function,
};

struct fingerprint *
fingerprint_new(int64_t anchor_ms)
{
	struct fingerprint *f = xcalloc(1, sizeof(*f));

	assert(anchor_ms >= 0);
	f->visitor.ops = &visitor_ops;
	f->anchor_ms = anchor_ms;
	f->buckets = xcalloc(FP_BUCKETS, sizeof(*f->buckets));
	f->used = xcalloc(FP_BUCKETS, sizeof(*f->used));
	f->digester = key_digester_new(&f->visitor);
	return f;
}

/* The first algorithm, which manifests of older versions have. */
void
fp_with_times(struct fingerprint *f)
{
	f->with_times = true;
	key_digester_with_times(f->digester);
}

struct fingerprint *
fingerprint_like(const struct fingerprint *like)
{
	struct fingerprint *f = fingerprint_new(like->anchor_ms);

	if (like->with_times)
		fp_with_times(f);
	return f;
}

void
fingerprint_free(struct fingerprint *f)
{
	if (f == NULL)
		return;
	key_digester_free(f->digester);
	library_set_release(&f->libraries);
	free(f->buckets);
	free(f->used);
	free(f);
}

struct rdb_visitor *
fingerprint_visitor(struct fingerprint *f)
{
	return key_digester_visitor(f->digester);
}

bool
fp_sum_is_empty(const struct fp_sum *s)
{
	return s->keys == 0 && s->fields == 0;
}

static void
add_sum128(uint64_t to[2], const uint64_t from[2])
{
	to[0] += from[0];
	to[1] += from[1] + (to[0] < from[0]);
}

static void
add_sum(struct fp_sum *to, const struct fp_sum *from)
{
	to->keys += from->keys;
	to->fields += from->fields;
	add_sum128(to->value, from->value);
	add_sum128(to->stream, from->stream);
	add_sum128(to->opaque, from->opaque);
}

int
fingerprint_add(
    struct fingerprint *f, const struct fingerprint *other, struct err *err)
{
	assert(f->anchor_ms == other->anchor_ms);
	if (other->with_times && !f->with_times)
		fp_with_times(f);
	for (size_t i = 0; i < other->libraries.n; i++)
		if (add_library(f, &other->libraries.sources[i], err) != 0)
			return -1;
	add_sum(&f->persistent, &other->persistent);
	for (size_t i = 0; i < FP_BUCKETS; i++) {
		if (fp_sum_is_empty(&other->buckets[i].sum))
			continue;
		f->buckets[i].until_ms = other->buckets[i].until_ms;
		add_sum(&f->buckets[i].sum, &other->buckets[i].sum);
	}
	f->modules += other->modules;
	f->stream_types |= other->stream_types;
	return 0;
}

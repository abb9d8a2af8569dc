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
sum_of_key(struct fingerprint *f, int64_t earliest_ms)
{
	struct fp_bucket *b;
	int64_t until_ms;
	size_t i;

	if (earliest_ms == RDB_NO_EXPIRY)
		return &f->persistent;
	i = fp_bucket_of(f->anchor_ms, earliest_ms, &until_ms);
	assert(i < FP_BUCKETS);
	b = &f->buckets[i];
	b->until_ms = until_ms;
	return &b->sum;
}

static int
on_key(struct digest_visitor *v, const struct key_digest *key, struct err *err)
{
	struct fingerprint *f = (struct fingerprint *)v;
	struct fp_sum *s = sum_of_key(f, key->earliest_ms);

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
on_function(
    struct digest_visitor *v, const struct digest128 *d, struct err *err)
{
	struct fingerprint *f = (struct fingerprint *)v;

	(void)err;
	f->functions.keys++;
	digest128_add(f->functions.value, d);
	return 0;
}

static const struct digest_visitor_ops visitor_ops = {
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

void
fingerprint_free(struct fingerprint *f)
{
	if (f == NULL)
		return;
	key_digester_free(f->digester);
	free(f->buckets);
	free(f->used);
	free(f);
}

struct rdb_visitor *
fingerprint_visitor(struct fingerprint *f)
{
	return key_digester_visitor(f->digester);
}

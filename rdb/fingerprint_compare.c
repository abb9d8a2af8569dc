#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "rdb/fingerprint_private.h"

#include "rdb/fingerprint.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS	  (60 * MINUTE_MS)
#define DAY_MS	  (24 * HOUR_MS)
#define BY_MINUTE (6 * HOUR_MS)
#define BY_HOUR	  (7 * DAY_MS)
#define BY_DAY	  (400 * DAY_MS)

static int64_t
round_up(int64_t ms, int64_t unit)
{
	return (ms + unit - 1) / unit * unit;
}

/*
 * The bucket of an expiry; see the header for where the bounds lie.  A bound
 * lies in the bucket that it ends, also where hours turn into days: a manifest
 * is read back by its bounds.
 */
size_t
fp_bucket_of(int64_t anchor_ms, int64_t at_ms, int64_t *until_ms)
{
	int64_t base = anchor_ms - anchor_ms % MINUTE_MS;
	int64_t hours_from = (base + BY_MINUTE) / HOUR_MS;
	int64_t days_from = (base + BY_HOUR) / DAY_MS;
	int64_t n;

	if (at_ms <= base) {
		*until_ms = base;
		return 0;
	}
	if (at_ms <= base + BY_MINUTE) {
		n = (at_ms - base + MINUTE_MS - 1) / MINUTE_MS;
		*until_ms = base + n * MINUTE_MS;
		return (size_t)n;
	}
	if (at_ms <= round_up(base + BY_HOUR, HOUR_MS)) {
		n = (at_ms + HOUR_MS - 1) / HOUR_MS;
		*until_ms = n * HOUR_MS;
		return (size_t)(FP_MINUTES + n - hours_from);
	}
	if (at_ms <= round_up(base + BY_DAY, DAY_MS)) {
		n = (at_ms + DAY_MS - 1) / DAY_MS;
		*until_ms = n * DAY_MS;
		return (size_t)(FP_MINUTES + FP_HOURS + n - days_from);
	}
	*until_ms = INT64_MAX;
	return FP_BUCKETS - 1;
}

int64_t
fingerprint_anchor_ms(const struct fingerprint *f)
{
	return f->anchor_ms;
}

struct fp_sum
fingerprint_persistent(const struct fingerprint *f)
{
	return f->persistent;
}

const struct fp_bucket *
fingerprint_buckets(const struct fingerprint *f, size_t *n)
{
	*n = 0;
	for (size_t i = 0; i < FP_BUCKETS; i++)
		if (!fp_sum_is_empty(&f->buckets[i].sum))
			f->used[(*n)++] = f->buckets[i];
	return f->used;
}

uint64_t
fingerprint_keys(const struct fingerprint *f)
{
	uint64_t keys = f->persistent.keys;

	for (size_t i = 0; i < FP_BUCKETS; i++)
		keys += f->buckets[i].sum.keys;
	return keys;
}

uint64_t
fingerprint_lasting(const struct fingerprint *f, int64_t then_ms)
{
	uint64_t keys = f->persistent.keys;
	int64_t until_ms;
	size_t i = fp_bucket_of(f->anchor_ms, then_ms, &until_ms);

	while (++i < FP_BUCKETS)
		keys += f->buckets[i].sum.keys;
	return keys;
}

uint64_t
fingerprint_fields(const struct fingerprint *f)
{
	uint64_t fields = 0;

	for (size_t i = 0; i < FP_BUCKETS; i++)
		fields += f->buckets[i].sum.fields;
	return fields;
}

uint64_t
fingerprint_functions(const struct fingerprint *f)
{
	return f->functions.keys;
}

static void
digest_sum(struct digest *d, int64_t until_ms, const struct fp_sum *s)
{
	unsigned char b[9 * 8];

	fp_put64(b, (uint64_t)until_ms);
	fp_put64(b + 8, s->keys);
	fp_put64(b + 16, s->fields);
	for (int i = 0; i < 2; i++) {
		fp_put64(b + 24 + 8 * i, s->value[i]);
		fp_put64(b + 40 + 8 * i, s->stream[i]);
		fp_put64(b + 56 + 8 * i, s->opaque[i]);
	}
	digest_update(d, b, sizeof(b));
}

void
fingerprint_text(const struct fingerprint *f, char out[33])
{
	struct digest *d = digest_new(DIGEST_SHA256);
	unsigned char sha[SHA256_BYTES];

	digest_sum(d, RDB_NO_EXPIRY, &f->persistent);
	digest_sum(d, RDB_NO_EXPIRY, &f->functions);
	for (size_t i = 0; i < FP_BUCKETS; i++)
		if (!fp_sum_is_empty(&f->buckets[i].sum))
			digest_sum(
			    d, f->buckets[i].until_ms, &f->buckets[i].sum);
	digest_final(d, sha);
	digest_free(d);
	hex_encode(sha, 16, out);
}

static bool
same_sum(const uint64_t a[2], const uint64_t b[2])
{
	return a[0] == b[0] && a[1] == b[1];
}

/* Compare one pair of sums; false when the datasets differ. */
static bool
compare_sums(const struct fp_sum *a, const struct fp_sum *b, const char *which,
    struct fp_comparison *c)
{
	if (a->keys != b->keys) {
		snprintf(c->why, sizeof(c->why),
		    "%s: %" PRIu64 " keys against %" PRIu64, which, a->keys,
		    b->keys);
		return false;
	}
	if (a->fields != b->fields) {
		snprintf(c->why, sizeof(c->why),
		    "%s: %" PRIu64 " fields of hashes against %" PRIu64, which,
		    a->fields, b->fields);
		return false;
	}
	if (!same_sum(a->value, b->value)) {
		snprintf(c->why, sizeof(c->why),
		    "%s: as many keys (%" PRIu64 "), but not the same values",
		    which, a->keys);
		return false;
	}
	if (c->stream_meta_compared && !same_sum(a->stream, b->stream)) {
		snprintf(c->why, sizeof(c->why),
		    "%s: streams differ in their counters or first ids", which);
		return false;
	}
	c->compared += a->keys;
	return true;
}

/* One encoding on both sides carries the same fields. */
static bool
same_stream_encoding(uint32_t a, uint32_t b)
{
	return a == b && (a & (a - 1)) == 0;
}

static bool
same_opaque(const struct fingerprint *a, const struct fingerprint *b)
{
	bool same = same_sum(a->persistent.opaque, b->persistent.opaque);

	for (size_t i = 0; i < FP_BUCKETS && same; i++)
		same = same_sum(
		    a->buckets[i].sum.opaque, b->buckets[i].sum.opaque);
	return same;
}

static bool
compare_functions(const struct fingerprint *a, const struct fingerprint *b,
    struct fp_comparison *c)
{
	if (a->functions.keys == b->functions.keys &&
	    same_sum(a->functions.value, b->functions.value))
		return true;
	snprintf(c->why, sizeof(c->why),
	    "function libraries: %" PRIu64 " against %" PRIu64
	    ", or not the same",
	    a->functions.keys, b->functions.keys);
	return false;
}

/*
 * The buckets up to the bound are left out, but for one thing: keys only go
 * from them, so more on the other side were written there.
 */
static bool
compare_buckets(const struct fingerprint *a, const struct fingerprint *b,
    int64_t dropped_until, struct fp_comparison *c)
{
	uint64_t keys = 0, fields = 0;
	char which[64];

	for (size_t i = 0; i < FP_BUCKETS; i++) {
		const struct fp_bucket *p = &a->buckets[i];
		const struct fp_bucket *q = &b->buckets[i];
		int64_t until = fp_sum_is_empty(&p->sum) ? q->until_ms
							 : p->until_ms;

		if (until <= dropped_until) {
			c->expiring += p->sum.keys;
			c->expiring_fields += p->sum.fields;
			keys += q->sum.keys;
			fields += q->sum.fields;
			continue;
		}
		snprintf(
		    which, sizeof(which), "what expires by %" PRId64, until);
		if (!compare_sums(&p->sum, &q->sum, which, c))
			return false;
	}
	if (keys <= c->expiring && fields <= c->expiring_fields)
		return true;
	snprintf(c->why, sizeof(c->why),
	    "what expires soon: %" PRIu64 " keys and %" PRIu64
	    " fields against %" PRIu64 " and %" PRIu64,
	    c->expiring, c->expiring_fields, keys, fields);
	return false;
}

void
fingerprint_compare(const struct fingerprint *a, const struct fingerprint *b,
    int64_t both_ended_ms, struct fp_comparison *c)
{
	int64_t dropped_until;

	memset(c, 0, sizeof(*c));
	if (a->anchor_ms != b->anchor_ms || a->with_times != b->with_times) {
		snprintf(c->why, sizeof(c->why),
		    "the fingerprints have different anchors or algorithms");
		return;
	}
	c->stream_meta_compared = same_stream_encoding(
	    a->stream_types, b->stream_types);
	fp_bucket_of(a->anchor_ms, both_ended_ms, &dropped_until);
	c->same = compare_sums(&a->persistent, &b->persistent,
		      "keys without expiry", c) &&
	    compare_functions(a, b, c) &&
	    compare_buckets(a, b, dropped_until, c);
	if (c->same && !same_opaque(a, b))
		c->not_compared = a->modules;
}

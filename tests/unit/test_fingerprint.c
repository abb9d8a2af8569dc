#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "rdb/fingerprint.h"
#include "rdb/key_digest.h"
#include "rdb/library_set.h"
#include "rdb/rdb_reader.h"
#include "tests/sim/rdb_bytes.h"

#define ANCHOR	  INT64_C(1795263537000) /* 3 s before a full minute */
#define MINUTE_MS INT64_C(60000)
#define HOUR_MS	  (60 * MINUTE_MS)
#define DAY_MS	  (24 * HOUR_MS)

/* One key of a dump under construction. */
static void
begin(struct buf *b)
{
	buf_init(b, 1 << 20);
	rdb_begin(b, "REDIS0011");
}

static void
select_db(struct buf *b, unsigned char db)
{
	buf_addc(b, (char)0xfe);
	buf_addc(b, (char)db);
}

static void
expire_at(struct buf *b, int64_t ms)
{
	buf_addc(b, (char)0xfc);
	rdb_put_le(b, (uint64_t)ms, 8);
}

static void
key(struct buf *b, int type, const char *name)
{
	buf_addc(b, (char)type);
	rdb_put_string(b, name);
}

static void
strings(struct buf *b, uint64_t count, const char *const *list)
{
	rdb_put_len(b, count);
	for (; *list != NULL; list++)
		rdb_put_string(b, *list);
}

/* Takes the dump, fed in pieces of step bytes. */
static struct fingerprint *
take_into(struct fingerprint *f, struct buf *b, size_t step)
{
	struct rdb_reader *r = rdb_reader_new();
	struct err err = {0};

	rdb_end(b);
	rdb_reader_add(r, fingerprint_visitor(f));
	for (size_t off = 0; off < b->len; off += step) {
		size_t n = b->len - off < step ? b->len - off : step;

		if (rdb_reader_feed(r, b->data + off, n, &err) != 0)
			fail_msg("%s", err.text);
	}
	assert_int_equal(rdb_reader_finish(r, &err), 0);
	rdb_reader_free(r);
	buf_release(b);
	return f;
}

static struct fingerprint *
take(struct buf *b, size_t step)
{
	return take_into(fingerprint_new(ANCHOR), b, step);
}

static bool
same(struct fingerprint *take_a, struct fingerprint *take_b)
{
	struct fp_comparison c;

	fingerprint_compare(take_a, take_b, ANCHOR, &c);
	assert_int_equal(c.same, c.why[0] == '\0');
	fingerprint_free(take_a);
	fingerprint_free(take_b);
	return c.same;
}

static struct fingerprint *
hash_plain(const char *const *words)
{
	struct buf b;

	begin(&b);
	key(&b, 4, "h");
	strings(&b, 2, words);
	return take(&b, SIZE_MAX);
}

static struct fingerprint *
packed(int type, bool listpack, const char *words)
{
	struct buf b;

	begin(&b);
	key(&b, type, "h");
	if (listpack)
		rdb_put_listpack(&b, words);
	else
		rdb_put_ziplist(&b, words);
	return take(&b, SIZE_MAX);
}

static void
a_hash_is_equal_in_every_encoding_and_order(void **state)
{
	static const char *const ab[] = {"a", "1", "b", "-70000", NULL};
	static const char *const ba[] = {"b", "-70000", "a", "1", NULL};
	static const char *const swapped[] = {"a", "-70000", "b", "1", NULL};

	(void)state;
	assert_true(same(hash_plain(ab), hash_plain(ba)));
	assert_true(same(hash_plain(ab), packed(13, false, "b -70000 a 1")));
	assert_true(same(hash_plain(ab), packed(16, true, "a 1 b -70000")));
	assert_false(same(hash_plain(ab), hash_plain(swapped)));
	assert_false(same(hash_plain(ab), packed(16, true, "a 1 b -70001")));
}

static struct fingerprint *
set_plain(const char *const *words)
{
	struct buf b;

	begin(&b);
	key(&b, 2, "h");
	strings(&b, 2, words);
	return take(&b, SIZE_MAX);
}

static struct fingerprint *
intset(uint64_t first, uint64_t second)
{
	struct buf b, set;

	begin(&b);
	key(&b, 11, "h");
	buf_init(&set, 64);
	rdb_put_le(&set, 4, 4);
	rdb_put_le(&set, 2, 4);
	rdb_put_le(&set, first, 4);
	rdb_put_le(&set, second, 4);
	rdb_put_blob(&b, &set);
	buf_release(&set);
	return take(&b, SIZE_MAX);
}

static void
a_set_is_equal_in_every_encoding_and_order(void **state)
{
	static const char *const up[] = {"7", "70000", NULL};
	static const char *const down[] = {"70000", "7", NULL};

	(void)state;
	assert_true(same(set_plain(up), set_plain(down)));
	assert_true(same(set_plain(up), intset(7, 70000)));
	assert_true(same(set_plain(up), packed(20, true, "70000 7")));
	assert_false(same(set_plain(up), intset(7, 70001)));
}

static struct fingerprint *
zset_ascii(const char *score)
{
	struct buf b;

	begin(&b);
	key(&b, 3, "h");
	rdb_put_len(&b, 1);
	rdb_put_string(&b, "m");
	buf_addc(&b, (char)strlen(score));
	buf_adds(&b, score);
	return take(&b, SIZE_MAX);
}

static struct fingerprint *
zset_binary(double score)
{
	uint64_t bits;
	struct buf b;

	memcpy(&bits, &score, sizeof(bits));
	begin(&b);
	key(&b, 5, "h");
	rdb_put_len(&b, 1);
	rdb_put_string(&b, "m");
	rdb_put_le(&b, bits, 8);
	return take(&b, SIZE_MAX);
}

static void
a_score_is_a_number_however_it_is_written(void **state)
{
	(void)state;
	assert_true(same(zset_ascii("17"), zset_binary(17)));
	assert_true(same(zset_binary(17), packed(17, true, "m 17")));
	assert_true(same(zset_binary(0.1), packed(12, false, "m 0.1")));
	assert_true(same(zset_binary(0), zset_binary(-0.0)));
	assert_false(same(zset_binary(0.1), zset_binary(0.2)));
}

static struct fingerprint *
list_plain(const char *const *words)
{
	struct buf b;

	begin(&b);
	key(&b, 1, "h");
	strings(&b, 2, words);
	return take(&b, SIZE_MAX);
}

static void
the_order_of_a_list_counts(void **state)
{
	static const char *const ab[] = {"a", "b", NULL};
	static const char *const ba[] = {"b", "a", NULL};

	(void)state;
	assert_true(same(list_plain(ab), packed(10, false, "a b")));
	assert_false(same(list_plain(ab), list_plain(ba)));
	assert_false(same(list_plain(ab), set_plain(ab)));
}

/* A string whose db, name, expiry and value can be told apart. */
static struct fingerprint *
string(
    unsigned char db, const char *name, int64_t expires_ms, const char *value)
{
	struct buf b;

	begin(&b);
	select_db(&b, db);
	if (expires_ms != RDB_NO_EXPIRY)
		expire_at(&b, expires_ms);
	key(&b, 0, name);
	rdb_put_string(&b, value);
	return take(&b, SIZE_MAX);
}

static void
database_name_value_and_expiry_count(void **state)
{
	int64_t far = ANCHOR + DAY_MS;

	(void)state;
	assert_true(same(string(0, "k", -1, "v"), string(0, "k", -1, "v")));
	assert_false(same(string(0, "k", -1, "v"), string(1, "k", -1, "v")));
	assert_false(same(string(0, "k", -1, "v"), string(0, "l", -1, "v")));
	assert_false(same(string(0, "k", -1, "v"), string(0, "k", -1, "w")));
	assert_false(same(string(0, "kv", -1, ""), string(0, "k", -1, "v")));
	assert_false(same(string(0, "k", -1, "v"), string(0, "k", far, "v")));
	assert_false(
	    same(string(0, "k", far, "v"), string(0, "k", far + 1, "v")));
	assert_true(same(string(0, "k", far, "v"), string(0, "k", far, "v")));
}

static void
an_integer_is_its_decimal_text(void **state)
{
	struct fingerprint *f;
	struct buf b;

	(void)state;
	begin(&b);
	select_db(&b, 0);
	key(&b, 0, "k");
	buf_addc(&b, (char)0xc1); /* 16 bits */
	rdb_put_le(&b, 0xff85, 2);
	f = take(&b, SIZE_MAX);
	assert_true(same(f, string(0, "k", -1, "-123")));
}

static void
big_values(struct buf *b)
{
	begin(b);
	key(b, 1, "list");
	rdb_put_len(b, 500);
	for (int i = 0; i < 500; i++)
		rdb_put_string(b, i % 7 == 0 ? "" : "an item of the list");
	key(b, 0, "string");
	rdb_put_len(b, 5000);
	for (int i = 0; i < 5000; i++)
		buf_addc(b, (char)(i % 251));
}

static void
the_cuts_of_the_stream_do_not_matter(void **state)
{
	static const size_t steps[] = {1, 7, 1000};
	struct buf whole, cut;

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		big_values(&whole);
		big_values(&cut);
		assert_true(same(take(&whole, SIZE_MAX), take(&cut, steps[i])));
	}
}

/* Keys that expire after so many ms. */
static struct fingerprint *
expiring(const int64_t *after, size_t n)
{
	struct buf b;

	begin(&b);
	key(&b, 0, "stays");
	rdb_put_string(&b, "v");
	for (size_t i = 0; i < n; i++) {
		expire_at(&b, ANCHOR + after[i]);
		buf_addc(&b, 0);
		rdb_put_len(&b, 1);
		buf_addc(&b, (char)('a' + i));
		rdb_put_string(&b, "v");
	}
	return take(&b, SIZE_MAX);
}

static void
buckets_grow_with_the_distance(void **state)
{
	static const int64_t after[] = {-DAY_MS, 1000, MINUTE_MS,
	    6 * HOUR_MS + MINUTE_MS, 3 * DAY_MS, 100 * DAY_MS, 3000 * DAY_MS};
	const struct fp_bucket *b;
	struct fingerprint *f = expiring(after, 7);
	size_t n;

	(void)state;
	b = fingerprint_buckets(f, &n);
	assert_int_equal(n, 7);
	assert_int_equal(fingerprint_keys(f), 8);
	assert_int_equal(fingerprint_persistent(f).keys, 1);
	assert_true(b[0].until_ms < ANCHOR);
	for (size_t i = 1; i < n; i++) {
		assert_true(b[i].until_ms >= ANCHOR + after[i]);
		assert_true(b[i].until_ms > b[i - 1].until_ms);
	}
	assert_true(b[2].until_ms - (ANCHOR + after[2]) < MINUTE_MS);
	assert_true(b[3].until_ms - (ANCHOR + after[3]) < HOUR_MS);
	assert_true(b[4].until_ms - (ANCHOR + after[4]) < HOUR_MS);
	assert_true(b[5].until_ms - (ANCHOR + after[5]) < DAY_MS);
	assert_true(b[6].until_ms == INT64_MAX);
	fingerprint_free(f);
}

static void
what_lasts_is_no_more_than_will_be_there(void **state)
{
	static const int64_t after[] = {
	    30000, 10 * MINUTE_MS, 2 * HOUR_MS, 2 * DAY_MS, 3000 * DAY_MS};
	struct fingerprint *f = expiring(after, 5);

	(void)state;
	assert_int_equal(fingerprint_lasting(f, ANCHOR - DAY_MS), 6);
	assert_int_equal(fingerprint_lasting(f, ANCHOR + 9 * MINUTE_MS), 5);
	/* Of that minute some may be gone. */
	assert_int_equal(
	    fingerprint_lasting(f, ANCHOR + 10 * MINUTE_MS - 1), 4);
	assert_int_equal(fingerprint_lasting(f, ANCHOR + DAY_MS), 3);
	assert_int_equal(fingerprint_lasting(f, ANCHOR + 10 * DAY_MS), 2);
	assert_int_equal(fingerprint_lasting(f, INT64_MAX), 1);
	fingerprint_free(f);
}

static void
what_may_have_expired_is_left_out_on_both_sides(void **state)
{
	static const int64_t after[] = {
	    30000, 10 * MINUTE_MS, 2 * HOUR_MS, 2 * DAY_MS};
	struct fingerprint *all = expiring(after, 4);
	struct fingerprint *some = expiring(after, 4);
	struct fp_comparison c;

	(void)state;
	fingerprint_compare(all, some, ANCHOR + 11 * MINUTE_MS, &c);
	assert_true(c.same);
	assert_int_equal(c.expiring, 2);
	assert_int_equal(c.compared, 3);
	fingerprint_free(some);

	/* A copy from which all that expire are gone. */
	some = expiring(after, 0);
	fingerprint_compare(all, some, ANCHOR + 3 * DAY_MS, &c);
	assert_true(c.same);
	assert_int_equal(c.expiring, 4);
	assert_int_equal(c.compared, 1);
	fingerprint_compare(all, some, ANCHOR + HOUR_MS, &c);
	assert_false(c.same);
	assert_non_null(strstr(c.why, "what expires by"));
	fingerprint_free(some);
	fingerprint_free(all);
}

static void
a_difference_is_told(void **state)
{
	struct fingerprint *a = string(0, "k", -1, "v");
	struct fingerprint *b = string(0, "k", -1, "w");
	struct fp_comparison c;

	(void)state;
	fingerprint_compare(a, b, ANCHOR, &c);
	assert_false(c.same);
	assert_non_null(strstr(c.why, "not the same values"));
	fingerprint_free(b);
	b = expiring(NULL, 0);
	fingerprint_free(a);
	a = fingerprint_new(ANCHOR);
	fingerprint_compare(a, b, ANCHOR, &c);
	assert_false(c.same);
	assert_string_equal(c.why, "keys without expiry: 0 keys against 1");
	fingerprint_free(a);
	a = fingerprint_new(ANCHOR + 1);
	fingerprint_compare(a, b, ANCHOR, &c);
	assert_false(c.same);
	fingerprint_free(a);
	fingerprint_free(b);
}

static void
survives_the_manifest(void **state)
{
	/* Those just before the bounds' distance grows are rounded past it. */
	static const int64_t after[] = {1000, HOUR_MS, 6 * HOUR_MS - 20000,
	    7 * DAY_MS - MINUTE_MS, 7 * DAY_MS + 2 * HOUR_MS,
	    400 * DAY_MS - MINUTE_MS, 402 * DAY_MS, 3000 * DAY_MS};
	struct fingerprint *f = expiring(after, 8), *back;
	char before[33], afterwards[33];
	struct fp_comparison c;
	struct err err = {0};
	cJSON *o = fingerprint_format(f);

	(void)state;
	back = fingerprint_parse(o, &err);
	assert_non_null(back);
	fingerprint_text(f, before);
	fingerprint_text(back, afterwards);
	assert_string_equal(before, afterwards);
	fingerprint_compare(f, back, ANCHOR, &c);
	assert_true(c.same);
	assert_int_equal(fingerprint_keys(back), 9);
	fingerprint_free(back);
	fingerprint_free(f);
	cJSON_Delete(o);
}

static struct fingerprint *sessions(const char *lasts, int gone, int of);

static void
fields_survive_the_manifest(void **state)
{
	struct fingerprint *f = sessions("v", 0, 2), *back;
	cJSON *o = fingerprint_format(f);
	struct err err = {0};

	(void)state;
	back = fingerprint_parse(o, &err);
	assert_non_null(back);
	assert_int_equal(fingerprint_fields(back), 2);
	assert_true(same(f, back));
	cJSON_Delete(o);
}

/* A stream's group and its consumer, seen at this time. */
static struct fingerprint *
seen_at(struct fingerprint *take_f, uint64_t ms)
{
	struct buf b;

	begin(&b);
	key(&b, 15, "x");
	for (int i = 0; i < 4; i++)
		rdb_put_len(&b, 0);
	rdb_put_len(&b, 1);
	rdb_put_string(&b, "group");
	for (int i = 0; i < 3; i++)
		rdb_put_len(&b, 0);
	rdb_put_len(&b, 1);
	rdb_put_string(&b, "consumer");
	rdb_put_le(&b, ms, 8);
	rdb_put_len(&b, 0);
	return take_into(take_f, &b, SIZE_MAX);
}

/* An empty one that a manifest of the first algorithm can be compared with. */
static struct fingerprint *
first_algorithm(void)
{
	struct fingerprint *now = fingerprint_new(ANCHOR), *was, *like;
	cJSON *o = fingerprint_format(now);
	struct err err = {0};

	cJSON_ReplaceItemInObject(
	    o, "algorithm", cJSON_CreateString("xxh3-128-sum/1"));
	was = fingerprint_parse(o, &err);
	assert_non_null(was);
	like = fingerprint_like(was);
	fingerprint_free(was);
	fingerprint_free(now);
	cJSON_Delete(o);
	return like;
}

static void
when_consumers_were_seen_counts_in_the_first_algorithm_alone(void **state)
{
	(void)state;
	assert_true(same(seen_at(fingerprint_new(ANCHOR), 1),
	    seen_at(fingerprint_new(ANCHOR), 2)));
	assert_true(
	    same(seen_at(first_algorithm(), 1), seen_at(first_algorithm(), 1)));
	assert_false(
	    same(seen_at(first_algorithm(), 1), seen_at(first_algorithm(), 2)));
	assert_false(same(seen_at(first_algorithm(), 1),
	    seen_at(fingerprint_new(ANCHOR), 1)));
}

static void
refuses_what_it_did_not_write(void **state)
{
	static const char *const bad[] = {
	    "{}",
	    "{\"algorithm\": \"md5\"}",
	    "{\"algorithm\": \"xxh3-128-sum/2\", \"anchor_ms\": -1}",
	    "{\"algorithm\": \"xxh3-128-sum/2\", \"anchor_ms\": 60000,"
	    " \"stream_types\": 0, \"module_keys\": 0,"
	    " \"persistent\": {\"keys\": 1, \"sum\": \"zz\"}, \"buckets\": []}",
	    "{\"algorithm\": \"xxh3-128-sum/2\", \"anchor_ms\": 60000,"
	    " \"stream_types\": 0, \"module_keys\": 0,"
	    " \"persistent\": {\"keys\": 1}, \"functions\": {\"keys\": 0},"
	    " \"buckets\":"
	    " [{\"until_ms\": 60001, \"keys\": 1}]}",
	    "{\"algorithm\": \"xxh3-128-sum/2\", \"anchor_ms\": 60000,"
	    " \"stream_types\": 0, \"module_keys\": 0,"
	    " \"persistent\": {\"keys\": 1}, \"functions\": {\"keys\": 0},"
	    " \"buckets\":"
	    " [{\"until_ms\": 120000, \"keys\": 0}]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = {0};
		cJSON *o = cJSON_Parse(bad[i]);

		assert_non_null(o);
		assert_null(fingerprint_parse(o, &err));
		assert_non_null(strstr(err.text, "fingerprint"));
		cJSON_Delete(o);
	}
}

/* A module's value, whose bytes only its module could compare. */
static struct fingerprint *
module(unsigned char content)
{
	struct buf b;

	begin(&b);
	key(&b, 7, "m");
	buf_addc(&b, (char)0x81);
	rdb_put_le(&b, 0x0102030405060708, 8);
	buf_addc(&b, 2); /* an unsigned integer */
	buf_addc(&b, (char)content);
	buf_addc(&b, 0);
	return take(&b, SIZE_MAX);
}

static void
opaque_module_values_are_told_and_not_judged(void **state)
{
	struct fingerprint *a = module(1), *b = module(1), *c = module(2);
	struct fp_comparison r;

	(void)state;
	fingerprint_compare(a, b, ANCHOR, &r);
	assert_true(r.same);
	assert_int_equal(r.not_compared, 0);
	fingerprint_compare(a, c, ANCHOR, &r);
	assert_true(r.same);
	assert_int_equal(r.not_compared, 1);
	fingerprint_free(a);
	fingerprint_free(b);
	fingerprint_free(c);
}

/* A session that somebody began on the copy must not pass for expired. */
static void
more_keys_in_what_is_left_out_are_told(void **state)
{
	static const int64_t after[] = {30000, 40000};
	struct fingerprint *one = expiring(after, 1), *two = expiring(after, 2);
	struct fp_comparison c;

	(void)state;
	fingerprint_compare(two, one, ANCHOR + 10000, &c);
	assert_true(c.same);
	fingerprint_compare(one, two, ANCHOR + 10000, &c);
	assert_false(c.same);
	assert_non_null(
	    strstr(c.why, "expires soon: 1 keys and 0 fields against 2 and 0"));
	fingerprint_free(one);
	fingerprint_free(two);
}

/* Hashes: of one field that lasts, unless it is NULL, and some that go by and
 * by, the first of them at ANCHOR + 30 s. */
static struct fingerprint *
sessions(const char *lasts, int gone, int of)
{
	struct buf b;

	begin(&b);
	if (lasts != NULL || gone < of) {
		key(&b, 24, "h");
		rdb_put_field_hash(&b, ANCHOR + 30000,
		    (uint64_t)(of - gone + (lasts != NULL)));
		if (lasts != NULL)
			rdb_put_field(&b, -1, "lasts", lasts);
		for (int i = gone; i < of; i++)
			rdb_put_field(&b, i * 10 * MINUTE_MS,
			    i == 0 ? "first" : "next", "x");
	}
	return take(&b, SIZE_MAX);
}

static bool
same_after(
    struct fingerprint *a, struct fingerprint *b, int64_t ms, const char *why)
{
	struct fp_comparison c;

	fingerprint_compare(a, b, ANCHOR + ms, &c);
	if (!c.same && strstr(c.why, why) == NULL)
		fail_msg("%s", c.why);
	fingerprint_free(a);
	fingerprint_free(b);
	return c.same;
}

static void
a_field_that_expired_leaves_its_hash_as_it_was(void **state)
{
	(void)state;
	assert_true(same_after(
	    sessions("v", 0, 2), sessions("v", 1, 2), MINUTE_MS, ""));
	assert_true(same_after(
	    sessions("v", 0, 2), sessions("v", 0, 2), MINUTE_MS, ""));
	/* With its last field goes the key. */
	assert_true(same_after(
	    sessions(NULL, 0, 2), sessions(NULL, 2, 2), HOUR_MS, ""));
	assert_true(same_after(
	    sessions(NULL, 0, 2), sessions(NULL, 1, 2), MINUTE_MS, ""));
}

static void
what_lasts_in_a_hash_of_expiring_fields_counts(void **state)
{
	(void)state;
	assert_false(same_after(sessions("v", 0, 1), sessions("w", 0, 1),
	    MINUTE_MS, "keys without expiry"));
	assert_false(same_after(sessions("v", 0, 1), sessions(NULL, 1, 1),
	    MINUTE_MS, "keys without expiry: 1 keys against 0"));
	/* A field that has time yet, and one that was made since. */
	assert_false(same_after(sessions("v", 0, 2), sessions("v", 2, 2),
	    MINUTE_MS, "1 fields of hashes against 0"));
	assert_false(same_after(sessions("v", 0, 0), sessions("v", 0, 1),
	    MINUTE_MS, "0 keys and 0 fields against 0 and 1"));
}

static struct fingerprint *
library(const char *source)
{
	struct buf b;

	begin(&b);
	if (source != NULL) {
		buf_addc(&b, (char)0xf5);
		rdb_put_string(&b, source);
	}
	return take(&b, SIZE_MAX);
}

static void
functions_count(void **state)
{
	(void)state;
	assert_true(same(library("#!lua name=a"), library("#!lua name=a")));
	assert_false(same(library("#!lua name=a"), library("#!lua name=b")));
	assert_false(same(library("#!lua name=a"), library(NULL)));
}

/* Keys that do and do not expire, of both halves of the bits. */
static struct fingerprint *
some(unsigned halves, const char *source)
{
	static const char *const names[] = {"a", "b", "c", "d"};
	struct buf b;

	begin(&b);
	if (source != NULL) {
		buf_addc(&b, (char)0xf5);
		rdb_put_string(&b, source);
	}
	for (unsigned i = 0; i < 4; i++) {
		if ((halves & 1U << i % 2) == 0)
			continue;
		if (i >= 2)
			expire_at(&b, ANCHOR + 1000 * 3600 * 24 * (i / 2));
		key(&b, 0, names[i]);
		rdb_put_string(&b, "value");
	}
	return take(&b, SIZE_MAX);
}

static void
the_shards_of_a_cluster_add_up_to_the_whole(void **state)
{
	struct fingerprint *sum = some(1, "#!lua name=a");
	struct fingerprint *other = some(2, "#!lua name=a");
	struct err err = {0};

	(void)state;
	assert_int_equal(fingerprint_add(sum, other, &err), 0);
	assert_int_equal(fingerprint_keys(sum), 4);
	assert_int_equal(fingerprint_functions(sum), 1);
	fingerprint_free(other);
	other = some(3, "#!lua name=a");
	assert_true(same(sum, other));
	sum = some(1, NULL);
	other = some(2, "#!lua name=a");
	assert_int_equal(fingerprint_add(sum, other, &err), 0);
	fingerprint_free(other);
	assert_true(same(sum, some(3, "#!lua name=a")));
}

static void
libraries_beyond_their_ceiling_are_refused(void **state)
{
	struct library_set set = {0};
	struct err err = {0};
	bool is_new;

	(void)state;
	for (uint32_t i = 0; i < LIBRARIES_MAX; i++) {
		struct digest128 d = digest128_of(&i, sizeof(i));

		assert_int_equal(library_set_add(&set, &d, &is_new, &err), 0);
		assert_true(is_new);
	}
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t n = i * LIBRARIES_MAX;
		struct digest128 d = digest128_of(&n, sizeof(n));

		assert_int_equal(
		    library_set_add(&set, &d, &is_new, &err), i == 0 ? 0 : -1);
		assert_false(is_new);
	}
	assert_int_equal(err.kind, ERR_UNSUPPORTED);
	library_set_release(&set);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_hash_is_equal_in_every_encoding_and_order),
	    cmocka_unit_test(a_set_is_equal_in_every_encoding_and_order),
	    cmocka_unit_test(a_score_is_a_number_however_it_is_written),
	    cmocka_unit_test(the_order_of_a_list_counts),
	    cmocka_unit_test(database_name_value_and_expiry_count),
	    cmocka_unit_test(an_integer_is_its_decimal_text),
	    cmocka_unit_test(the_cuts_of_the_stream_do_not_matter),
	    cmocka_unit_test(buckets_grow_with_the_distance),
	    cmocka_unit_test(what_lasts_is_no_more_than_will_be_there),
	    cmocka_unit_test(what_may_have_expired_is_left_out_on_both_sides),
	    cmocka_unit_test(more_keys_in_what_is_left_out_are_told),
	    cmocka_unit_test(a_field_that_expired_leaves_its_hash_as_it_was),
	    cmocka_unit_test(what_lasts_in_a_hash_of_expiring_fields_counts),
	    cmocka_unit_test(functions_count),
	    cmocka_unit_test(the_shards_of_a_cluster_add_up_to_the_whole),
	    cmocka_unit_test(libraries_beyond_their_ceiling_are_refused),
	    cmocka_unit_test(a_difference_is_told),
	    cmocka_unit_test(survives_the_manifest),
	    cmocka_unit_test(fields_survive_the_manifest),
	    cmocka_unit_test(
		when_consumers_were_seen_counts_in_the_first_algorithm_alone),
	    cmocka_unit_test(refuses_what_it_did_not_write),
	    cmocka_unit_test(opaque_module_values_are_told_and_not_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

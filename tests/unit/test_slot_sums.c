#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "rdb/cluster_slot.h"
#include "rdb/slot_set.h"
#include "rdb/slot_sums.h"
#include "tests/sim/rdb_bytes.h"
#include "tests/sim/rdb_keys.h"

#define NOW  INT64_C(1795263537000)
#define ROOM ((size_t)4 << 20)

/* Takes the dump. */
static struct slot_sums *
sum_up(struct buf *b)
{
	struct slot_sums *s = slot_sums_new(NOW, ROOM);

	rdb_keys_end(b);
	rdb_keys_show(b, slot_sums_visitor(s));
	buf_release(b);
	return s;
}

static struct slot_set *
differing(const struct slot_sums *a, const struct slot_sums *b)
{
	struct slot_set *slots = slot_set_new();

	slot_sums_compare(a, b, slots);
	return slots;
}

/* Takes both. */
static size_t
count_differing(struct slot_sums *a, struct slot_sums *b)
{
	struct slot_set *slots = differing(a, b);
	size_t n = slot_set_count(slots);

	slot_set_free(slots);
	slot_sums_free(a);
	slot_sums_free(b);
	return n;
}

static struct slot_sums *
some_keys(bool backwards, int changed)
{
	struct buf b;

	rdb_keys_begin(&b);
	for (int i = 0; i < 300; i++) {
		int k = backwards ? 299 - i : i;
		char name[32];

		snprintf(name, sizeof(name), "key:%d", k);
		rdb_keys_string(&b, name, k == changed ? "other" : "value");
	}
	return sum_up(&b);
}

static void
the_order_of_keys_does_not_matter(void **state)
{
	(void)state;
	assert_int_equal(
	    count_differing(some_keys(false, -1), some_keys(true, -1)), 0);
}

static void
a_key_that_differs_is_in_its_slot(void **state)
{
	struct slot_sums *a = some_keys(false, -1), *b = some_keys(false, 7);
	struct slot_set *slots = differing(a, b);

	(void)state;
	assert_int_equal(slot_set_count(slots), 1);
	assert_true(slot_set_has(slots, 0, cluster_slot("key:7", 5)));
	slot_set_free(slots);
	slot_sums_free(a);
	slot_sums_free(b);
}

static struct slot_sums *
one(unsigned char db, int64_t expires_ms, const char *name)
{
	struct buf b;

	rdb_keys_begin(&b);
	rdb_keys_select(&b, db);
	if (expires_ms >= 0)
		rdb_keys_expire(&b, expires_ms);
	rdb_keys_string(&b, name, "value");
	return sum_up(&b);
}

static void
database_name_and_expiry_count(void **state)
{
	(void)state;
	assert_int_equal(count_differing(one(0, -1, "a"), one(0, -1, "a")), 0);
	assert_int_equal(count_differing(one(0, -1, "a"), one(9, -1, "a")), 2);
	assert_int_equal(count_differing(one(0, -1, "a"), one(0, -1, "b")), 2);
	/* Names of one tag lie in one slot. */
	assert_int_equal(
	    count_differing(one(0, -1, "{t}a"), one(0, -1, "{t}b")), 1);
	assert_int_equal(
	    count_differing(one(0, -1, "a"), one(0, NOW + 1, "a")), 1);
}

static void
what_has_expired_is_left_out_and_counted(void **state)
{
	struct slot_sums *s = one(0, NOW, "a");
	struct slot_sums_facts facts;
	uint32_t db;

	(void)state;
	slot_sums_facts(s, &facts);
	assert_int_equal(facts.gone, 1);
	assert_int_equal(facts.keys, 0);
	assert_false(slot_sums_db(s, 0, &db));
	slot_sums_free(s);
}

static void
sums_add_up_by_database_and_range(void **state)
{
	struct slot_sums *s = some_keys(false, -1);
	unsigned slot = cluster_slot("key:7", 5);
	struct slot_sum all, parts;
	char all_text[33], parts_text[33];
	struct slot_sum right;
	uint32_t db;

	(void)state;
	all = slot_sums_add_up(s, 0, 0, CLUSTER_SLOTS - 1);
	assert_int_equal(all.keys, 300);
	parts = slot_sums_add_up(s, 0, 0, slot);
	right = slot_sums_add_up(s, 0, slot + 1, CLUSTER_SLOTS - 1);
	assert_int_not_equal(parts.keys, 0);
	slot_sum_add(&parts, &right);
	slot_sum_text(&all, all_text);
	slot_sum_text(&parts, parts_text);
	assert_string_equal(all_text, parts_text);
	assert_int_equal(slot_sums_add_up(s, 1, 0, 100).keys, 0);
	assert_true(slot_sums_db(s, 0, &db));
	assert_int_equal(db, 0);
	assert_false(slot_sums_db(s, 1, &db));
	slot_sums_free(s);
}

static void
more_than_the_memory_given_is_refused(void **state)
{
	struct slot_sums *s = slot_sums_new(NOW, 64 << 10);
	struct err err = {0};
	struct buf b;

	(void)state;
	rdb_keys_begin(&b);
	for (int i = 0; i < 255; i++) {
		rdb_keys_select(&b, (unsigned char)(i % 60));
		rdb_keys_string(&b, i % 2 ? "a" : "b", "v");
	}
	rdb_keys_end(&b);
	assert_int_equal(rdb_keys_read(&b, slot_sums_visitor(s), &err), -1);
	assert_int_equal(err.kind, ERR_USAGE);
	assert_non_null(strstr(err.text, "--memory"));
	assert_true(slot_sums_bytes(s) <= 64 << 10);
	buf_release(&b);
	slot_sums_free(s);
}

static struct slot_sums *
stream(int type, unsigned char added)
{
	struct buf b;

	rdb_keys_begin(&b);
	rdb_keys_key(&b, type, "s");
	rdb_put_stream_node(&b);
	RAW(&b, "\x02\x40\x6b\x02");
	if (type != 15) {
		RAW(&b, "\x40\x64\x05\x00\x00");
		buf_addc(&b, (char)added);
	}
	RAW(&b, "\x00");
	return sum_up(&b);
}

static void
counters_of_streams_count_where_both_write_them(void **state)
{
	(void)state;
	assert_int_equal(count_differing(stream(19, 3), stream(19, 3)), 0);
	assert_int_equal(count_differing(stream(19, 3), stream(19, 4)), 1);
	assert_int_equal(count_differing(stream(15, 0), stream(19, 4)), 0);
}

static struct slot_sums *
functions(const char *source)
{
	struct buf b;

	rdb_keys_begin(&b);
	buf_addc(&b, (char)0xf5);
	rdb_put_string(&b, source);
	return sum_up(&b);
}

static void
functions_are_compared_apart(void **state)
{
	struct slot_sums *a = functions("one"), *b = functions("one");
	struct slot_sums *c = functions("two"), *d = some_keys(false, -1);

	(void)state;
	assert_true(slot_sums_same_functions(a, b));
	assert_false(slot_sums_same_functions(a, c));
	assert_false(slot_sums_same_functions(a, d));
	slot_sums_free(a);
	slot_sums_free(b);
	slot_sums_free(c);
	slot_sums_free(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_order_of_keys_does_not_matter),
	    cmocka_unit_test(a_key_that_differs_is_in_its_slot),
	    cmocka_unit_test(database_name_and_expiry_count),
	    cmocka_unit_test(what_has_expired_is_left_out_and_counted),
	    cmocka_unit_test(sums_add_up_by_database_and_range),
	    cmocka_unit_test(more_than_the_memory_given_is_refused),
	    cmocka_unit_test(counters_of_streams_count_where_both_write_them),
	    cmocka_unit_test(functions_are_compared_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Where one encoding ends; test_mem_estimate.c has what a server takes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rdb/mem_elements.h"
#include "rdb/mem_size.h"

static struct mem_elements
value(enum rdb_kind kind)
{
	struct mem_elements m;

	mem_elements_init(&m, MEM_QUANTUM_REDIS);
	mem_elements_begin(&m, kind);
	return m;
}

static void
add(struct mem_elements *m, enum rdb_part part, const char *text)
{
	mem_elements_add(m, part, text, strlen(text));
}

static uint64_t
hash_of(unsigned n, const char *text)
{
	struct mem_elements m = value(RDB_HASH);

	for (unsigned i = 0; i < n; i++) {
		add(&m, RDB_PART_FIELD, "ff");
		add(&m, RDB_PART_VALUE, text);
	}
	return mem_elements_bytes(&m);
}

static uint64_t
table(uint64_t n, uint64_t slots, uint64_t strings)
{
	return 56 + 8 * slots + n * (24 + strings);
}

static void
a_hash_is_packed_up_to_512_fields_of_64_bytes(void **state)
{
	char text[66] = "";

	(void)state;
	assert_int_equal(hash_of(512, "v"), mem_given(8, 7 + 512 * (4 + 3)));
	assert_int_equal(hash_of(513, "v"), table(513, 1024, 8 + 8));
	memset(text, 'x', 64);
	assert_int_equal(hash_of(2, text), mem_given(8, 7 + 2 * (4 + 67)));
	text[64] = 'x';
	assert_int_equal(hash_of(2, text), table(2, 4, 8 + 80));
	/* A number takes less than its text. */
	assert_int_equal(hash_of(2, "70000"), mem_given(8, 7 + 2 * (4 + 5)));
}

static uint64_t
set_of(unsigned n, const char *last)
{
	struct mem_elements m = value(RDB_SET);
	char text[16];

	for (unsigned i = 1; i < n; i++) {
		snprintf(text, sizeof(text), "%u", i);
		add(&m, RDB_PART_ITEM, text);
	}
	add(&m, RDB_PART_ITEM, last);
	return mem_elements_bytes(&m);
}

static void
a_set_of_up_to_512_integers_is_an_intset(void **state)
{
	(void)state;
	assert_int_equal(set_of(512, "0"), mem_given(8, 8 + 512 * 2));
	assert_int_equal(set_of(512, "-70000"), mem_given(8, 8 + 512 * 4));
	assert_int_equal(set_of(5, "5000000000"), mem_given(8, 8 + 5 * 8));
	assert_int_equal(set_of(513, "0"), table(513, 1024, 8));
	assert_int_equal(set_of(5, "05"), table(5, 8, 8));
	assert_int_equal(set_of(5, ""), table(5, 8, 8));
}

static uint64_t
zset_of(unsigned n, double score)
{
	struct mem_elements m = value(RDB_ZSET);

	for (unsigned i = 0; i < n; i++) {
		add(&m, RDB_PART_MEMBER, "m");
		mem_elements_score(&m, score);
	}
	return mem_elements_bytes(&m);
}

static void
a_zset_is_packed_up_to_128_members(void **state)
{
	uint64_t list;

	(void)state;
	assert_int_equal(zset_of(128, 7), mem_given(8, 7 + 128 * (3 + 2)));
	/* The header has 32 levels, a node 1 1/3 on average. */
	list = zset_of(129, 7) - table(129, 256, 8) - 16 - 32 - 640;
	assert_in_range(list, 129 * 45, 129 * 47);
}

static void
a_score_is_packed_as_its_text(void **state)
{
	static const double scores[] = {0.5, -0.25, 1.5, 1234567.125, 0.1, -1.1,
	    3.14159, 1700000000.123456, -2, 1e16};

	(void)state;
	for (size_t i = 0; i < sizeof(scores) / sizeof(scores[0]); i++) {
		struct mem_elements m = value(RDB_ZSET);
		char text[64];
		int n = snprintf(text, sizeof(text), "%.17g", scores[i]);
		uint64_t want = scores[i] == trunc(scores[i])
		    ? mem_listpack_integer((int64_t)scores[i])
		    : mem_listpack_text((uint64_t)n);

		mem_elements_score(&m, scores[i]);
		/* The zero before the point is no digit of the 17. */
		assert_in_range(m.packed, want - 1, want + 1);
	}
}

static void
a_score_beyond_all_digits_is_one_element(void **state)
{
	static const double scores[] = {
	    INFINITY, -INFINITY, 1e300, -1e300, 1e-300, 5e-324};

	(void)state;
	for (size_t i = 0; i < sizeof(scores) / sizeof(scores[0]); i++) {
		struct mem_elements m = value(RDB_ZSET);

		mem_elements_score(&m, scores[i]);
		assert_in_range(m.packed, 2, 30);
	}
}

static void
a_list_is_cut_into_nodes(void **state)
{
	struct mem_elements m = value(RDB_LIST);

	(void)state;
	add(&m, RDB_PART_ITEM, "one");
	assert_int_equal(mem_elements_bytes(&m), 40 + 40 + 16);
	mem_elements_begin(&m, RDB_LIST);
	mem_elements_add(&m, RDB_PART_ITEM, NULL, 20000);
	mem_elements_add(&m, RDB_PART_ITEM, NULL, 20000);
	assert_int_equal(
	    mem_elements_bytes(&m), 40 + 2 * (40 + mem_given(8, 20015)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_hash_is_packed_up_to_512_fields_of_64_bytes),
	    cmocka_unit_test(a_set_of_up_to_512_integers_is_an_intset),
	    cmocka_unit_test(a_zset_is_packed_up_to_128_members),
	    cmocka_unit_test(a_score_is_packed_as_its_text),
	    cmocka_unit_test(a_score_beyond_all_digits_is_one_element),
	    cmocka_unit_test(a_list_is_cut_into_nodes),
	};

	return cmocka_run_group_tests_name("mem_elements", tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rdb/cluster_slot.h"
#include "rdb/slot_set.h"

static void
expect_ranges(const struct slot_set *s, const struct slot_range *want, size_t n)
{
	struct slot_range r;
	bool more = slot_set_next(s, NULL, &r);

	for (size_t i = 0; i < n; i++) {
		assert_true(more);
		assert_int_equal(r.db, want[i].db);
		assert_int_equal(r.from, want[i].from);
		assert_int_equal(r.to, want[i].to);
		more = slot_set_next(s, &r, &r);
	}
	assert_false(more);
}

static void
an_empty_one_has_no_ranges(void **state)
{
	struct slot_set *s = slot_set_new();

	(void)state;
	expect_ranges(s, NULL, 0);
	assert_int_equal(slot_set_count(s), 0);
	assert_false(slot_set_has(s, 0, 0));
	slot_set_free(s);
	slot_set_free(NULL);
}

static void
slots_in_a_row_are_one_range_of_one_database(void **state)
{
	static const struct slot_range want[] = {
	    {0, 0, 0}, {0, 63, 65}, {0, 16383, 16383}, {3, 0, 1}, {7, 9, 9}};
	struct slot_set *s = slot_set_new();

	(void)state;
	slot_set_add(s, 7, 9);
	for (unsigned i = 65; i >= 63; i--)
		slot_set_add(s, 0, (uint16_t)i);
	slot_set_add(s, 0, 16383);
	slot_set_add(s, 3, 0);
	slot_set_add(s, 3, 1);
	slot_set_add(s, 0, 0);
	slot_set_add(s, 0, 0);
	expect_ranges(s, want, 5);
	assert_int_equal(slot_set_count(s), 8);
	assert_true(slot_set_has(s, 3, 1));
	assert_false(slot_set_has(s, 3, 2));
	assert_false(slot_set_has(s, 4, 1));
	slot_set_free(s);
}

static void
all_slots_are_one_range(void **state)
{
	static const struct slot_range want[] = {{1, 0, CLUSTER_SLOTS - 1}};
	struct slot_set *s = slot_set_new();

	(void)state;
	for (unsigned i = 0; i < CLUSTER_SLOTS; i++)
		slot_set_add(s, 1, (uint16_t)i);
	expect_ranges(s, want, 1);
	slot_set_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_empty_one_has_no_ranges),
	    cmocka_unit_test(slots_in_a_row_are_one_range_of_one_database),
	    cmocka_unit_test(all_slots_are_one_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

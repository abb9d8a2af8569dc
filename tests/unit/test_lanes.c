#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/budget.h"
#include "base/err.h"
#include "storage/lanes.h"

#define MIB ((size_t)1 << 20)

static void
whatever_the_memory_all_fits_it(void **state)
{
	(void)state;
	for (size_t share = 2 * LANE_LEAST; share < 100 * MIB; share += 77777)
		for (unsigned n = 1; n <= 16; n++) {
			struct lanes l = lanes_fit(share, n, 0, 8 * MIB);

			assert_true(lanes_cost(&l) <= share);
			assert_in_range(l.n, 1, n);
			assert_in_range(l.size, LANE_LEAST, 8 * MIB);
			assert_int_equal(l.size % LANE_LEAST, 0);
			/* Fewer only when they cannot become smaller. */
			assert_true(l.n == n || l.size == LANE_LEAST);
		}
}

static void
with_enough_memory_they_are_as_big_as_they_may_be(void **state)
{
	struct lanes l = lanes_fit(40 * MIB, 4, 0, 8 * MIB);

	(void)state;
	assert_int_equal(l.n, 4);
	assert_int_equal(l.size, 8 * MIB);
}

static void
none_is_smaller_than_the_least_that_is_asked(void **state)
{
	struct lanes l = lanes_fit(80 * MIB, 16, 20 * MIB + 1, 8 * MIB);

	(void)state;
	assert_int_equal(l.size, 20 * MIB + LANE_LEAST);
	assert_int_equal(l.n, 2);
	/* It does not fit even once: the budget will say so. */
	l = lanes_fit(30 * MIB, 16, 20 * MIB, 8 * MIB);
	assert_int_equal(l.n, 1);
	assert_true(lanes_cost(&l) > 30 * MIB);
}

static void
a_share_is_a_part_of_all_and_what_is_left(void **state)
{
	struct budget *all = budget_new(100 * MIB), *taken;
	struct err err = {0};

	(void)state;
	assert_int_equal(lanes_share(all, 2), 50 * MIB);
	taken = budget_carve(all, 60 * MIB, &err);
	assert_int_equal(lanes_share(all, 2), 40 * MIB);
	assert_int_equal(lanes_share(all, 4), 25 * MIB);
	budget_free(taken);
	budget_free(all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whatever_the_memory_all_fits_it),
	    cmocka_unit_test(with_enough_memory_they_are_as_big_as_they_may_be),
	    cmocka_unit_test(none_is_smaller_than_the_least_that_is_asked),
	    cmocka_unit_test(a_share_is_a_part_of_all_and_what_is_left),
	};

	return cmocka_run_group_tests_name("lanes", tests, NULL, NULL);
}

/* A source's answers, early and late, and what is asked of it then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "rdb/scan_pace.h"
#include "rdb/scan_quota.h"
#include "tests/sim/fake_clock.h"

static void
answer_after(struct scan_pace *p, struct fake_clock *clock, int64_t ms)
{
	struct err err = {0};

	scan_pace_probe(p);
	assert_true(scan_pace_probing(p));
	fake_clock_pass(clock, ms);
	assert_int_equal(scan_pace_answered(p, &err), 0);
	assert_false(scan_pace_probing(p));
}

static void
early_answers_widen_the_window_up_to_its_most(void **state)
{
	struct fake_clock clock;
	struct scope s = fake_clock_init(&clock);
	struct scan_pace p;

	(void)state;
	scan_pace_init(&p, &s, NULL, 0, 3);
	assert_int_equal(p.window, 1);
	for (int i = 0; i < 5; i++)
		answer_after(&p, &clock, 20);
	assert_int_equal(p.window, 3);
	assert_int_equal(clock.slept_ms, 0);
}

static void
a_late_answer_halves_it_and_is_sat_out_as_long(void **state)
{
	struct fake_clock clock;
	struct scope s = fake_clock_init(&clock);
	struct scan_pace p;

	(void)state;
	scan_pace_init(&p, &s, NULL, 50, 16);
	for (int i = 0; i < 15; i++)
		answer_after(&p, &clock, 0);
	assert_int_equal(p.window, 16);
	answer_after(&p, &clock, 51);
	assert_int_equal(p.window, 8);
	assert_int_equal(clock.slept_ms, 51);
	for (int i = 0; i < 5; i++)
		answer_after(&p, &clock, 100);
	assert_int_equal(p.window, 1);
	assert_int_equal(clock.slept_ms, 551);
}

static void
a_pause_is_not_made_up_for_by_a_rush(void **state)
{
	struct fake_clock clock;
	struct scope s = fake_clock_init(&clock);
	struct err err = {0};
	struct scan_quota *quota = scan_quota_new(1000);
	struct scan_pace p;

	(void)state;
	scan_pace_init(&p, &s, quota, 0, 1);
	scan_pace_fetch(&p, 500);
	assert_int_equal(scan_pace_keep(&p, &err), 0);
	assert_int_equal(clock.slept_ms, 500);
	fake_clock_pass(&clock, 60000);
	assert_int_equal(scan_pace_keep(&p, &err), 0);
	assert_int_equal(clock.slept_ms, 500);
	scan_pace_fetch(&p, 2000);
	assert_int_equal(scan_pace_keep(&p, &err), 0);
	assert_int_equal(clock.slept_ms, 2500);
	scan_quota_free(quota);
}

/* Those of a cluster's shards. */
static void
several_share_a_ceiling(void **state)
{
	struct fake_clock clock;
	struct scope s = fake_clock_init(&clock);
	struct scan_quota *quota = scan_quota_new(1000);
	struct scan_pace a, b;
	struct err err = {0};

	(void)state;
	scan_pace_init(&a, &s, quota, 0, 1);
	scan_pace_init(&b, &s, quota, 0, 1);
	scan_pace_fetch(&a, 300);
	scan_pace_fetch(&b, 200);
	assert_int_equal(scan_pace_keep(&a, &err), 0);
	assert_int_equal(clock.slept_ms, 500);
	assert_int_equal(scan_pace_keep(&b, &err), 0);
	assert_int_equal(clock.slept_ms, 500);
	scan_quota_free(quota);
}

static void
without_a_ceiling_nothing_waits(void **state)
{
	struct fake_clock clock;
	struct scope s = fake_clock_init(&clock);
	struct err err = {0};
	struct scan_pace p;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct scan_quota *quota = i == 0 ? NULL : scan_quota_new(0);

		scan_pace_init(&p, &s, quota, 0, 1);
		scan_pace_fetch(&p, SIZE_MAX);
		assert_int_equal(scan_pace_keep(&p, &err), 0);
		assert_int_equal(clock.sleeps, 0);
		scan_quota_free(quota);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(early_answers_widen_the_window_up_to_its_most),
	    cmocka_unit_test(a_late_answer_halves_it_and_is_sat_out_as_long),
	    cmocka_unit_test(a_pause_is_not_made_up_for_by_a_rush),
	    cmocka_unit_test(several_share_a_ceiling),
	    cmocka_unit_test(without_a_ceiling_nothing_waits),
	};

	return cmocka_run_group_tests_name("scan_pace", tests, NULL, NULL);
}

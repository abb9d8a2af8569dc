#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/scope.h"
#include "storage/pace.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/runner.h"

static void
one_more_waits_until_one_has_ended(void **state)
{
	struct fake_clock clock;
	struct scope scope = fake_clock_init(&clock);
	struct pace *p = pace_new(&scope, NULL);
	int64_t wait_ms;

	(void)state;
	assert_int_equal(pace_limit(p), 4);
	for (int i = 0; i < 4; i++)
		assert_true(pace_try(p, 1, 0, &wait_ms));
	assert_false(pace_try(p, 1, 0, &wait_ms));
	assert_int_equal(wait_ms, -1);
	pace_end(p, false);
	assert_true(pace_try(p, 1, 0, &wait_ms));
	pace_free(p);
}

/* How many may begin in so long, each ending at once. */
static unsigned
count(struct pace *p, struct fake_clock *clock, int64_t ms, unsigned requests,
    uint64_t bytes)
{
	int64_t end_ms = clock->mono_ms + ms;
	unsigned n = 0;

	while (clock->mono_ms < end_ms) {
		int64_t wait_ms;

		if (pace_try(p, requests, bytes, &wait_ms)) {
			n++;
			pace_end(p, false);
			continue;
		}
		assert_true(wait_ms > 0);
		fake_clock_pass(clock, wait_ms);
	}
	return n;
}

static void
keeps_to_the_requests_a_second(void **state)
{
	static const struct pace_opts opts = {.requests_a_second = 3000};
	struct fake_clock clock;
	struct scope scope = fake_clock_init(&clock);
	struct pace *p = pace_new(&scope, &opts);

	(void)state;
	assert_in_range(count(p, &clock, 1000, 1, 0), 2990, 3151);
	assert_in_range(count(p, &clock, 1000, 1, 0), 2990, 3010);
	assert_in_range(count(p, &clock, 10000, 1, 0), 29900, 30010);
	assert_in_range(count(p, &clock, 10000, 3, 0), 9900, 10010);
	pace_free(p);
}

static void
keeps_to_the_bytes_a_second(void **state)
{
	static const struct pace_opts opts = {
	    .requests_a_second = 1000,
	    .bytes_a_second = 1 << 20,
	};
	struct fake_clock clock;
	struct scope scope = fake_clock_init(&clock);
	struct pace *p = pace_new(&scope, &opts);

	(void)state;
	assert_in_range(count(p, &clock, 10000, 1, 65536), 159, 162);
	/* What is small is held up by the other ceiling. */
	assert_in_range(count(p, &clock, 10000, 1, 16), 9900, 10060);
	pace_free(p);
}

static void
what_is_larger_than_a_second_is_paid_for_afterwards(void **state)
{
	static const struct pace_opts opts = {.bytes_a_second = 1000};
	struct fake_clock clock;
	struct scope scope = fake_clock_init(&clock);
	struct pace *p = pace_new(&scope, &opts);
	int64_t wait_ms;

	(void)state;
	assert_true(pace_try(p, 1, 60000, &wait_ms));
	assert_false(pace_try(p, 1, 1, &wait_ms));
	assert_in_range(wait_ms, 59900, 60000);
	fake_clock_pass(&clock, wait_ms);
	assert_true(pace_try(p, 1, 1, &wait_ms));
	/* Not longer than can be waited for, nor a number that no time is. */
	fake_clock_pass(&clock, 1);
	assert_true(pace_try(p, 1, UINT64_MAX, &wait_ms));
	assert_false(pace_try(p, 1, 1, &wait_ms));
	assert_in_range(wait_ms, 1, 3600 * 1000);
	pace_free(p);
}

/* Having had nothing to do gives no right to a crowd afterwards. */
static void
idle_time_is_not_saved_up(void **state)
{
	static const struct pace_opts opts = {.requests_a_second = 1000};
	struct fake_clock clock;
	struct scope scope = fake_clock_init(&clock);
	struct pace *p = pace_new(&scope, &opts);

	(void)state;
	fake_clock_pass(&clock, 3600 * 1000);
	assert_in_range(count(p, &clock, 100, 1, 0), 100, 152);
	pace_free(p);
}

static void
begin_sleeps_by_the_scopes_clock(void **state)
{
	static const struct pace_opts opts = {.requests_a_second = 1};
	struct fake_clock clock;
	struct scope all = fake_clock_init(&clock);
	struct scope scope = scope_within(&all, 2500);
	struct pace *p = pace_new(&scope, &opts);
	struct err err = {0};

	(void)state;
	assert_int_equal(pace_begin(p, 1, 0, &err), 0);
	assert_int_equal(pace_begin(p, 1, 0, &err), 0);
	assert_in_range(clock.slept_ms, 900, 1000);
	assert_int_equal(pace_begin(p, 1, 0, &err), 0);
	assert_int_equal(pace_begin(p, 1, 0, &err), -1);
	assert_int_equal(err.kind, ERR_UNREACHABLE);
	/* What did not begin takes no place: one is left of four. */
	pace_end(p, false);
	pace_end(p, false);
	pace_end(p, false);
	pace_free(p);
}

struct beginner {
	struct pace *pace;
	struct runner runner;
	struct err err;
	int rc;
};

static void
begin(void *arg)
{
	struct beginner *b = arg;

	b->rc = pace_begin(b->pace, 1, 0, &b->err);
}

static void
begin_waits_for_an_end_or_a_cancel(void **state)
{
	static const struct pace_opts opts = {.least = 1, .most = 1};
	struct cancel *cancel = cancel_new(NULL);
	struct scope scope = scope_root(cancel);
	struct beginner b = {.pace = pace_new(&scope, &opts)};

	(void)state;
	begin(&b);
	assert_int_equal(b.rc, 0);
	runner_start(&b.runner, begin, &b);
	runner_wait_blocked(&b.runner);
	pace_end(b.pace, false);
	runner_join(&b.runner);
	assert_int_equal(b.rc, 0);

	runner_start(&b.runner, begin, &b);
	runner_wait_blocked(&b.runner);
	cancel_trigger(cancel);
	runner_join(&b.runner);
	assert_int_equal(b.rc, -1);
	assert_int_equal(b.err.kind, ERR_CANCELLED);

	/* Also where there would be room. */
	pace_end(b.pace, false);
	begin(&b);
	assert_int_equal(b.rc, -1);
	pace_free(b.pace);
	cancel_free(cancel);
}

static void
the_limit_moves_by_what_ends(void **state)
{
	static const struct pace_opts opts = {.most = 32};
	struct fake_clock clock;
	struct scope scope = fake_clock_init(&clock);
	struct pace *p = pace_new(&scope, &opts);
	int64_t wait_ms;
	unsigned n = 0;

	(void)state;
	/* All that is under way ends after a ms. */
	for (int i = 0; i < 1000; i++) {
		while (pace_try(p, 1, 0, &wait_ms))
			n++;
		assert_int_equal(wait_ms, -1);
		fake_clock_pass(&clock, 1);
		for (; n > 0; n--)
			pace_end(p, false);
	}
	assert_int_equal(pace_limit(p), 32);
	assert_true(pace_try(p, 1, 0, &wait_ms));
	pace_end(p, true);
	assert_int_equal(pace_limit(p), 16);
	pace_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_more_waits_until_one_has_ended),
	    cmocka_unit_test(keeps_to_the_requests_a_second),
	    cmocka_unit_test(keeps_to_the_bytes_a_second),
	    cmocka_unit_test(
		what_is_larger_than_a_second_is_paid_for_afterwards),
	    cmocka_unit_test(idle_time_is_not_saved_up),
	    cmocka_unit_test(begin_sleeps_by_the_scopes_clock),
	    cmocka_unit_test(begin_waits_for_an_end_or_a_cancel),
	    cmocka_unit_test(the_limit_moves_by_what_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/retry.h"
#include "base/scope.h"
#include "tests/sim/fake_clock.h"

static void
be_busy(struct err *err)
{
	err_set(err, ERR_TRANSIENT, "busy");
}

/* The random bytes are all 0xff or all 0, so a pause is at the end or the
 * start of its range; 2^64 - 1 is a multiple of neither. */
static void
pauses_double_up_to_the_most(void **state)
{
	static const struct retry_opts opts = {
	    .first_ms = 255, .most_ms = 1023, .total_ms = 1000000};
	static const int64_t ranges[] = {256, 511, 1021, 1024, 1024};
	struct fake_clock clock;
	struct scope s = fake_clock_init(&clock);
	struct err err = {0};
	struct retry r;

	(void)state;
	clock.random = 0xff;
	retry_init(&r, &s, &opts);
	for (size_t i = 0; i < 5; i++) {
		int64_t before = clock.slept_ms;

		be_busy(&err);
		assert_int_equal(retry_wait(&r, &err), 0);
		assert_int_equal(clock.slept_ms - before,
		    (int64_t)(UINT64_MAX % (uint64_t)ranges[i]));
		assert_int_equal(err.kind, ERR_NONE);
	}
}

static void
a_pause_may_be_none(void **state)
{
	struct fake_clock clock;
	struct scope s = fake_clock_init(&clock);
	struct err err = {0};
	struct retry r;

	(void)state;
	retry_init(&r, &s, NULL);
	for (int i = 0; i < 10; i++) {
		be_busy(&err);
		assert_int_equal(retry_wait(&r, &err), 0);
	}
	assert_int_equal(clock.slept_ms, 0);
}

static void
what_the_service_asked_for_is_the_least(void **state)
{
	struct fake_clock clock;
	struct scope s = fake_clock_init(&clock);
	struct err err = {0};
	struct retry r;

	(void)state;
	retry_init(&r, &s, NULL);
	be_busy(&err);
	err.retry_after_ms = 7000;
	err.status = 503;
	strcpy(err.code, "ServerBusy");
	assert_int_equal(retry_wait(&r, &err), 0);
	assert_int_equal(clock.slept_ms, 7000);

	/* And holds for that answer alone. */
	assert_int_equal(err.retry_after_ms, 0);
	assert_int_equal(err.status, 0);
	assert_string_equal(err.code, "");
}

static void
only_the_transient_goes_again(void **state)
{
	struct fake_clock clock;
	struct scope s = fake_clock_init(&clock);

	(void)state;
	for (int kind = ERR_USAGE; kind <= ERR_UNSUPPORTED; kind++) {
		struct err err = {0};
		struct retry r;

		if (kind == ERR_TRANSIENT)
			continue;
		retry_init(&r, &s, NULL);
		err_set(&err, (enum err_kind)kind, "no");
		assert_int_equal(retry_wait(&r, &err), -1);
		assert_int_equal(err.kind, kind);
		assert_string_equal(err.text, "no");
	}
	assert_int_equal(clock.sleeps, 0);
}

static void
a_later_refusal_tells_the_attempt(void **state)
{
	struct fake_clock clock;
	struct scope s = fake_clock_init(&clock);
	struct err err = {0};
	struct retry r;

	(void)state;
	retry_init(&r, &s, NULL);
	be_busy(&err);
	assert_int_equal(retry_wait(&r, &err), 0);
	err_set(&err, ERR_AUTH, "no");
	assert_int_equal(retry_wait(&r, &err), -1);
	assert_int_equal(err.kind, ERR_AUTH);
	assert_string_equal(err.text, "attempt 2: no");
}

static void
an_attempt_that_ran_out_of_time_tells_what_used_it_up(void **state)
{
	struct fake_clock clock;
	struct scope s = fake_clock_init(&clock);
	struct err err = {0};
	struct retry r;

	(void)state;
	retry_init(&r, &s, NULL);
	be_busy(&err);
	assert_int_equal(retry_wait(&r, &err), 0);
	err_set(&err, ERR_UNREACHABLE, "timed out");
	assert_int_equal(retry_wait(&r, &err), -1);
	assert_int_equal(err.kind, ERR_UNREACHABLE);
	assert_string_equal(
	    err.text, "attempt 2: timed out; the attempt before: busy");
	/* The first one has none before it. */
	retry_init(&r, &s, NULL);
	err_set(&err, ERR_UNREACHABLE, "timed out");
	assert_int_equal(retry_wait(&r, &err), -1);
	assert_string_equal(err.text, "timed out");
}

static void
gives_up_before_a_pause_that_passes_the_total(void **state)
{
	static const struct retry_opts opts = {.total_ms = 10000};
	struct fake_clock clock;
	struct scope s = fake_clock_init(&clock);
	struct err err = {0};
	struct retry r;

	(void)state;
	retry_init(&r, &s, &opts);
	be_busy(&err);
	assert_int_equal(retry_wait(&r, &err), 0);
	fake_clock_pass(&clock, 4000);
	be_busy(&err);
	err.retry_after_ms = 6000;
	err.status = 503;
	assert_int_equal(retry_wait(&r, &err), -1);
	assert_int_equal(clock.slept_ms, 0);
	assert_int_equal(err.kind, ERR_UNREACHABLE);
	assert_int_equal(err.status, 503);
	assert_string_equal(err.text, "gave up after 2 attempts in 4 s: busy");
}

static void
a_long_attempt_does_not_use_up_the_total_where_that_is_meant(void **state)
{
	static const struct retry_opts opts[] = {
	    {.total_ms = 10000, .from_failure = true},
	    {.total_ms = 10000},
	};
	struct fake_clock clock;
	struct scope s = fake_clock_init(&clock);

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct err err = {0};
		struct retry r;

		retry_init(&r, &s, &opts[i]);
		fake_clock_pass(&clock, 60000);
		be_busy(&err);
		assert_int_equal(retry_wait(&r, &err), i == 0 ? 0 : -1);
	}
	/* The first failure is what counts, not the last. */
	for (int i = 0; i < 2; i++) {
		struct err err = {0};
		struct retry r;

		retry_init(&r, &s, &opts[0]);
		be_busy(&err);
		assert_int_equal(retry_wait(&r, &err), 0);
		fake_clock_pass(&clock, i == 0 ? 9000 : 10000);
		be_busy(&err);
		assert_int_equal(retry_wait(&r, &err), i == 0 ? 0 : -1);
	}
}

static void
gives_up_before_a_pause_that_passes_the_scope(void **state)
{
	struct fake_clock clock;
	struct scope root = fake_clock_init(&clock);
	struct scope s = scope_within(&root, 1000);
	struct err err = {0};
	struct retry r;

	(void)state;
	retry_init(&r, &s, NULL);
	be_busy(&err);
	err.retry_after_ms = 1000;
	assert_int_equal(retry_wait(&r, &err), -1);
	assert_int_equal(err.kind, ERR_UNREACHABLE);
	assert_int_equal(clock.sleeps, 0);
	assert_string_equal(err.text, "gave up after 1 attempt in 0 s: busy");
}

static void
the_default_total_is_five_minutes(void **state)
{
	struct fake_clock clock;
	struct scope s = fake_clock_init(&clock);
	struct err err = {0};
	struct retry r;

	(void)state;
	clock.random = 0x5a;
	retry_init(&r, &s, NULL);
	do
		be_busy(&err);
	while (retry_wait(&r, &err) == 0);
	assert_in_range(clock.slept_ms, 270000, 299999);
}

static void
a_cancel_ends_it_and_the_last_failure_is_told(void **state)
{
	struct fake_clock clock;
	struct scope root = fake_clock_init(&clock);
	struct cancel *cancel = cancel_new(NULL);
	struct scope s = scope_under(&root, cancel);
	struct err err = {0};
	struct retry r;

	(void)state;
	retry_init(&r, &s, NULL);
	cancel_trigger(cancel);
	be_busy(&err);
	assert_int_equal(retry_wait(&r, &err), -1);
	assert_int_equal(err.kind, ERR_CANCELLED);
	assert_string_equal(err.text, "after 'busy': cancelled");
	cancel_free(cancel);
}

static void
statuses_that_may_pass(void **state)
{
	static const int again[] = {408, 429, 500, 502, 503, 504};
	size_t n = 0;

	(void)state;
	for (int status = 0; status < 600; status++) {
		bool want = n < 6 && again[n] == status;

		assert_int_equal(retry_status(status), want);
		n += want;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pauses_double_up_to_the_most),
	    cmocka_unit_test(a_pause_may_be_none),
	    cmocka_unit_test(what_the_service_asked_for_is_the_least),
	    cmocka_unit_test(only_the_transient_goes_again),
	    cmocka_unit_test(a_later_refusal_tells_the_attempt),
	    cmocka_unit_test(
		an_attempt_that_ran_out_of_time_tells_what_used_it_up),
	    cmocka_unit_test(gives_up_before_a_pause_that_passes_the_total),
	    cmocka_unit_test(
		a_long_attempt_does_not_use_up_the_total_where_that_is_meant),
	    cmocka_unit_test(gives_up_before_a_pause_that_passes_the_scope),
	    cmocka_unit_test(the_default_total_is_five_minutes),
	    cmocka_unit_test(a_cancel_ends_it_and_the_last_failure_is_told),
	    cmocka_unit_test(statuses_that_may_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

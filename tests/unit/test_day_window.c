/* A window of the day is open when it says, over midnight too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/job/day_window.h"
#include "base/err.h"

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static int64_t
left(const char *text, int64_t of_day)
{
	struct day_window w;
	struct err err = {0};

	assert_int_equal(day_window_parse(&w, text, &err), 0);
	return day_window_left_ms(&w, 20000 * DAY + of_day);
}

static void
it_is_open_from_its_first_minute_to_its_last(void **state)
{
	(void)state;
	assert_int_equal(left("09:00-17:30", 9 * HOUR - 1), 0);
	assert_int_equal(left("09:00-17:30", 9 * HOUR), 8 * HOUR + 30 * MINUTE);
	assert_int_equal(left("09:00-17:30", 17 * HOUR + 30 * MINUTE - 1), 1);
	assert_int_equal(left("09:00-17:30", 17 * HOUR + 30 * MINUTE), 0);
}

static void
it_may_go_over_midnight(void **state)
{
	(void)state;
	assert_int_equal(left("22:00-06:00", 21 * HOUR), 0);
	assert_int_equal(left("22:00-06:00", 22 * HOUR), 8 * HOUR);
	assert_int_equal(left("22:00-06:00", 0), 6 * HOUR);
	assert_int_equal(left("22:00-06:00", 6 * HOUR - 1), 1);
	assert_int_equal(left("22:00-06:00", 6 * HOUR), 0);
	assert_int_equal(left("22:00-00:00", 23 * HOUR), HOUR);
}

static void
what_is_no_window_is_refused(void **state)
{
	static const char *const bad[] = {"", "22:00", "22:00-", "22:00-6:00",
	    "24:00-06:00", "22:60-06:00", "22:00-06:00 ", "-2:00-06:00",
	    "22:00-22:00", "22.00-06.00", " 22:00-06:00"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct day_window w;
		struct err err = {0};

		if (day_window_parse(&w, bad[i], &err) == 0)
			fail_msg("'%s' was taken", bad[i]);
		assert_int_equal(err.kind, ERR_USAGE);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_is_open_from_its_first_minute_to_its_last),
	    cmocka_unit_test(it_may_go_over_midnight),
	    cmocka_unit_test(what_is_no_window_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

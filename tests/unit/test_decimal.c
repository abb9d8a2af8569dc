#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rdb/decimal.h"

static void
formats_integers_as_printf_does(void **state)
{
	static const int64_t cases[] = {0, 1, -1, 9, 10, 99, 100, 101, -128,
	    1000, 65536, 999999999, INT64_MAX, INT64_MIN, INT64_MIN + 1};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char want[32], got[DECIMAL_INT_MAX + 1];
		size_t n = decimal_format(got, cases[i]);

		got[n] = '\0';
		snprintf(want, sizeof(want), "%" PRId64, cases[i]);
		assert_string_equal(got, want);
	}
}

static void
reads_integers_that_it_would_format_so(void **state)
{
	static const char *const none[] = {"", "-", "-0", "00", "01", "-01",
	    "+1", " 1", "1 ", "1.0", "1e3", "0x1", "9223372036854775808",
	    "-9223372036854775809", "99999999999999999999",
	    "18446744073709551617", "-123456789012345678901"};
	static const int64_t cases[] = {
	    0, 7, -7, 10, 1234567890123, INT64_MAX, INT64_MIN, INT64_MIN + 1};
	int64_t got;

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (decimal_integer(none[i], strlen(none[i]), &got))
			fail_msg("'%s' is read as %" PRId64, none[i], got);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[DECIMAL_INT_MAX];
		size_t n = decimal_format(text, cases[i]);

		assert_true(decimal_integer(text, n, &got));
		assert_true(got == cases[i]);
	}
}

static void
same_as_strtod(const char *text)
{
	double got, want = strtod(text, NULL);

	assert_true(decimal_score(text, strlen(text), &got));
	if (memcmp(&got, &want, sizeof(got)) != 0)
		fail_msg("%s is read as %.17g", text, got);
}

static void
reads_scores_to_the_last_bit(void **state)
{
	static const char *const cases[] = {"0", "-0", "1", "-1.5", "1e300",
	    "inf", "-inf", "1700000000.123456", "0.1", "0.3", "-9.99999",
	    "9007199254740993", "123456789012345678", "1e-320", "5.",
	    "0.0000000000000000000000012345", "3.0000000000000000000000001",
	    "179769313486231570000000000000", "+7"};
	uint64_t seed = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		same_as_strtod(cases[i]);
	for (int i = 0; i < 20000; i++) {
		char text[64];

		seed = seed * UINT64_C(6364136223846793005) + 1;
		snprintf(text, sizeof(text), "%.*g", 1 + i % 17,
		    (double)(int64_t)seed / (double)(1 + (seed >> 40)));
		same_as_strtod(text);
	}
}

static void
refuses_what_is_no_number(void **state)
{
	static const char *const cases[] = {
	    "", " 1", "1 ", "nan", "-nan", "x", "1.2.3", "-", ".", "1,5", "0x"};
	char longest[DECIMAL_SCORE_MAX + 2];
	double v;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (decimal_score(cases[i], strlen(cases[i]), &v))
			fail_msg("'%s' is read as %g", cases[i], v);
	assert_false(decimal_score("1\0", 2, &v));
	memset(longest, '1', sizeof(longest));
	assert_true(decimal_score(longest, DECIMAL_SCORE_MAX, &v));
	assert_false(decimal_score(longest, DECIMAL_SCORE_MAX + 1, &v));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(formats_integers_as_printf_does),
	    cmocka_unit_test(reads_integers_that_it_would_format_so),
	    cmocka_unit_test(reads_scores_to_the_last_bit),
	    cmocka_unit_test(refuses_what_is_no_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

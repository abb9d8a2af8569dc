#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/cmd/show.h"

static void
bytes_have_the_unit_that_fits(void **state)
{
	char b[32];

	(void)state;
	assert_string_equal(show_bytes(0, b), "0 bytes");
	assert_string_equal(show_bytes(1023, b), "1023 bytes");
	assert_string_equal(show_bytes(1024, b), "1.0 KiB");
	assert_string_equal(show_bytes(12900, b), "12.6 KiB");
	assert_string_equal(show_bytes(160 << 20, b), "160 MiB");
	assert_string_equal(show_bytes(UINT64_C(5) << 29, b), "2.5 GiB");
	assert_string_equal(show_bytes(UINT64_C(7) << 40, b), "7.0 TiB");
	assert_string_equal(show_bytes(UINT64_MAX, b), "16384 PiB");
}

static void
counts_are_grouped_by_three(void **state)
{
	char b[32];

	(void)state;
	assert_string_equal(show_count(0, b), "0");
	assert_string_equal(show_count(999, b), "999");
	assert_string_equal(show_count(1000, b), "1,000");
	assert_string_equal(show_count(1234567, b), "1,234,567");
	assert_string_equal(
	    show_count(UINT64_MAX, b), "18,446,744,073,709,551,615");
}

static void
times_are_as_exact_as_people_need(void **state)
{
	char b[32];

	(void)state;
	assert_string_equal(show_ms(0, b), "0 ms");
	assert_string_equal(show_ms(999, b), "999 ms");
	assert_string_equal(show_ms(1000, b), "1.0 s");
	assert_string_equal(show_ms(59900, b), "59.9 s");
	assert_string_equal(show_ms(60000, b), "1 m 00 s");
	assert_string_equal(show_ms(125999, b), "2 m 05 s");
	assert_string_equal(show_ms(3600000, b), "1 h 00 m");
	assert_string_equal(show_ms(INT64_C(90061000), b), "25 h 01 m");
	assert_string_equal(show_time(0, b), "1970-01-01 00:00:00Z");
	assert_string_equal(
	    show_time(INT64_C(1795242469999), b), "2026-11-21 06:27:49Z");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bytes_have_the_unit_that_fits),
	    cmocka_unit_test(counts_are_grouped_by_three),
	    cmocka_unit_test(times_are_as_exact_as_people_need),
	};

	return cmocka_run_group_tests_name("show", tests, NULL, NULL);
}

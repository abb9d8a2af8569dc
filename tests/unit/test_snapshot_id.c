#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/snapshot/snapshot_id.h"
#include "base/err.h"
#include "base/scope.h"
#include "tests/sim/fake_clock.h"

/* 2026-11-21 06:27:49 UTC */
#define AT_MS INT64_C(1795242469000)

static void
an_id_is_the_time_and_random_bits(void **state)
{
	struct fake_clock clock;
	struct scope scope = fake_clock_init(&clock);
	char id[SNAPSHOT_ID_SIZE];

	(void)state;
	clock.wall_ms = AT_MS + 999;
	clock.random = 0;
	snapshot_id_make(&scope, id);
	assert_string_equal(id, "20261121T062749Z-z70000");
	clock.random = 0xff;
	snapshot_id_make(&scope, id);
	assert_string_equal(id, "20261121T062749Z-z7zzzz");
	assert_true(snapshot_id_valid(id));
	assert_int_equal(snapshot_id_ms(id), AT_MS);
}

static void
ids_of_one_second_differ_and_sort_by_time(void **state)
{
	struct scope scope = scope_root(NULL);
	struct fake_clock clock;
	struct scope held = fake_clock_init(&clock);
	char a[SNAPSHOT_ID_SIZE], b[SNAPSHOT_ID_SIZE];

	(void)state;
	snapshot_id_make(&scope, a);
	snapshot_id_make(&scope, b);
	assert_true(snapshot_id_valid(a));
	assert_string_not_equal(a, b);
	/* The random part must not come before the millisecond. */
	clock.wall_ms = AT_MS + 30;
	clock.random = 0xff;
	snapshot_id_make(&held, a);
	for (int i = 0; i < 900; i++) {
		clock.wall_ms++;
		clock.random = (unsigned char)(255 - i);
		snapshot_id_make(&held, b);
		assert_true(strcmp(a, b) < 0);
		memcpy(a, b, sizeof(a));
	}
	assert_true(
	    strcmp("20261121T235959Z-zzzzzz", "20261122T000000Z-000000") < 0);
}

static void
what_is_no_id_is_refused(void **state)
{
	static const char *const bad[] = {
	    "",
	    "latest",
	    "20261121T062749Z-00000",
	    "20261121T062749Z-0000000",
	    "20261121T062749Z_000000",
	    "20261121T062749Z-00000i", /* not in the alphabet */
	    "20261121T062749Z-00000A",
	    "20261121T062749Z-0000/0",
	    "20261121T062749Z-00..00",
	    "20261321T062749Z-000000",
	    "20261132T062749Z-000000",
	    "20261121T242749Z-000000",
	    "20261121T066049Z-000000",
	    "2026112 T062749Z-000000",
	    "20261121Z062749T-000000",
	    "-0261121T062749Z-000000",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (snapshot_id_valid(bad[i]))
			fail_msg("'%s' is taken for an id", bad[i]);
}

static void
job_names_are_safe_as_folders(void **state)
{
	static const char *const good[] = {"a", "cache-1", "_", "A_b-9"};
	static const char *const bad[] = {"", "-a", "a/b", "..", "a b", ".a",
	    "a\n", "caf\xc3\xa9", "a%2f",
	    "0123456789012345678901234567890123456789012345678901234567890123"};
	char longest[JOB_NAME_MAX + 1];
	struct err err = {0};

	(void)state;
	memset(longest, 'x', JOB_NAME_MAX);
	longest[JOB_NAME_MAX] = '\0';
	assert_int_equal(job_name_check(longest, &err), 0);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(job_name_check(good[i], &err), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err.kind = ERR_NONE;
		if (job_name_check(bad[i], &err) == 0)
			fail_msg("'%s' is taken for a job", bad[i]);
		assert_int_equal(err.kind, ERR_USAGE);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_id_is_the_time_and_random_bits),
	    cmocka_unit_test(ids_of_one_second_differ_and_sort_by_time),
	    cmocka_unit_test(what_is_no_id_is_refused),
	    cmocka_unit_test(job_names_are_safe_as_folders),
	};

	return cmocka_run_group_tests_name("snapshot_id", tests, NULL, NULL);
}

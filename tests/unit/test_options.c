/* The table is sound, and every type takes what it should and no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/job/nearest_name.h"
#include "agent/job/option_value.h"
#include "agent/snapshot/memory_plan.h"
#include "base/err.h"
#include "base/quantity.h"

static void
must_take(enum option o, const char *value)
{
	struct err err = {0};

	if (option_check(o, value, &err) != 0)
		fail_msg("%s '%s': %s", options[o].key, value, err.text);
}

static void
must_refuse(enum option o, const char *value)
{
	struct err err = {0};

	if (option_check(o, value, &err) == 0)
		fail_msg("%s took '%s'", options[o].key, value);
	assert_int_equal(err.kind, ERR_USAGE);
	assert_true(err.text[0] != '\0');
}

static void
every_row_is_whole_and_its_names_are_its_own(void **state)
{
	char env[64], other[64];

	(void)state;
	for (int o = 0; o < OPTIONS; o++) {
		const struct option_row *row = &options[o];

		if (row->key == NULL)
			fail_msg("no row for option %d", o);
		assert_non_null(row->flag);
		assert_non_null(row->arg);
		assert_non_null(row->help);
		assert_int_equal(
		    row->type == OPTION_CHOICE, row->choices != NULL);
		if (row->fallback != NULL)
			must_take((enum option)o, row->fallback);
		assert_int_equal(option_by_key(row->key), o);
		assert_int_equal(option_by_flag(row->flag), o);
		option_env((enum option)o, env);
		assert_true(strlen(env) < 63);
		for (int k = 0; k < o; k++) {
			option_env((enum option)k, other);
			assert_string_not_equal(env, other);
		}
	}
	assert_int_equal(option_by_key("source"), -1);
	assert_int_equal(option_by_flag("--source"), -1);
	option_env(OPT_SOURCE_TLS_NAME, env);
	assert_string_equal(env, "DRSYNC_SOURCE_TLS_SERVER_NAME");
}

static void
texts_and_paths_are_not_empty(void **state)
{
	(void)state;
	must_take(OPT_SOURCE_USER, "drsync");
	must_refuse(OPT_SOURCE_USER, "");
	must_take(OPT_STATE_DIR, "/x y");
	must_refuse(OPT_STATE_DIR, "");
}

static void
urls_hold_no_secret(void **state)
{
	static const char *const good[] = {"redis://h", "rediss://u@h:1,k:2/3",
	    "unix:///tmp/s", "file:///dir",
	    "https://a.blob.core.windows.net/c/p", "redis://[::1]:6379"};
	static const char *const bad[] = {"", "h:6379", "://h",
	    "redis://u:hunter2@h", "redis://:hunter2@h:6379",
	    "rediss://u:hunter2@h,k", "https://a/c?sv=1&sig=hunter2",
	    "redis://u@x:hunter2@h", "redis://u:hun/hunter2@h"};
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		must_take(OPT_SOURCE_REDIS, good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		must_refuse(OPT_SOURCE_REDIS, bad[i]);
		option_check(OPT_SOURCE_REDIS, bad[i], &err);
		assert_null(strstr(err.text, "hunter2"));
	}
}

static void
secrets_come_by_reference_and_are_not_repeated(void **state)
{
	static const char *const bad[] = {
	    "", "hunter2", "env:", "file:", "ENV:hunter2", "keyvault:hunter2"};
	struct err err = {0};

	(void)state;
	must_take(OPT_SOURCE_PASSWORD, "env:CACHE_PASSWORD");
	must_take(OPT_SOURCE_PASSWORD, "file:/run/secrets/x");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		must_refuse(OPT_SOURCE_PASSWORD, bad[i]);
		option_check(OPT_SOURCE_PASSWORD, bad[i], &err);
		assert_null(strstr(err.text, "hunter2"));
	}
}

static void
choices_and_numbers_are_within_their_bounds(void **state)
{
	struct err err = {0};

	(void)state;
	must_take(OPT_CODEC, "zstd");
	must_refuse(OPT_CODEC, "GZIP");
	must_refuse(OPT_CODEC, "");
	option_check(OPT_CODEC, "lzma", &err);
	assert_non_null(strstr(err.text, "gzip, zstd, none"));
	must_take(OPT_IN_FLIGHT, "1");
	must_take(OPT_IN_FLIGHT, "16");
	must_refuse(OPT_IN_FLIGHT, "0");
	must_refuse(OPT_IN_FLIGHT, "17");
	must_refuse(OPT_IN_FLIGHT, "");
	must_refuse(OPT_IN_FLIGHT, "-1");
	must_refuse(OPT_IN_FLIGHT, "+1");
	must_refuse(OPT_IN_FLIGHT, " 1");
	must_refuse(OPT_IN_FLIGHT, "1 ");
	must_refuse(OPT_IN_FLIGHT, "0x1");
	must_refuse(OPT_IN_FLIGHT, "99999999999999999999");
}

static void
the_fast_level_has_a_name(void **state)
{
	struct err err = {0};

	(void)state;
	must_take(OPT_LEVEL, "fast");
	must_take(OPT_LEVEL, "0");
	must_take(OPT_LEVEL, "19");
	must_refuse(OPT_LEVEL, "20");
	must_refuse(OPT_LEVEL, "slow");
	option_check(OPT_LEVEL, "slow", &err);
	assert_non_null(strstr(err.text, "0 to 19, nor fast"));
	must_refuse(OPT_IN_FLIGHT, "fast");
}

/* The help says the least in words of its own. */
static void
too_little_memory_is_refused_by_its_name(void **state)
{
	struct err err = {0};
	char least[32];

	(void)state;
	snprintf(least, sizeof(least), "at least %zuMiB", MEMORY_LEAST >> 20);
	assert_non_null(strstr(options[OPT_MEMORY].help, least));
	must_take(OPT_MEMORY, "64MiB");
	must_take(OPT_MEMORY, "1TiB");
	must_refuse(OPT_MEMORY, "67108863");
	option_check(OPT_MEMORY, "16MiB", &err);
	assert_int_equal(err.kind, ERR_USAGE);
	assert_non_null(strstr(err.text, "64 MiB"));
}

static void
sizes_have_units(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
	    {"0", 0},
	    {"1", 1},
	    {"7B", 7},
	    {"512KiB", 512 << 10},
	    {"8mib", 8 << 20},
	    {"64GiB", UINT64_C(64) << 30},
	    {"1TiB", UINT64_C(1) << 40},
	    {"2k", 2048},
	    {"2M", 2 << 20},
	    {"3G", UINT64_C(3) << 30},
	    {"9223372036854775807", INT64_MAX},
	    {"8388607TiB", UINT64_C(8388607) << 40},
	};
	static const char *const bad[] = {"", "x", "-1", "1.5GiB", "8 MiB",
	    "8MB", "8MiBs", "MiB", "9223372036854775808", "8388608TiB",
	    "99999999999999999999"};
	struct err err = {0};
	uint64_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (quantity_bytes(good[i].text, &n, &err) != 0)
			fail_msg("%s", err.text);
		assert_true(n == good[i].bytes);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		must_refuse(OPT_PART_MAX, bad[i]);
}

static void
times_have_units(void **state)
{
	static const char *const bad[] = {
	    "", "5", "s", "-5s", "1.5h", "5 s", "5sec", "106751991168d"};
	struct err err = {0};
	int64_t ms;

	(void)state;
	assert_int_equal(quantity_ms("500ms", &ms, &err), 0);
	assert_int_equal(ms, 500);
	assert_int_equal(quantity_ms("90s", &ms, &err), 0);
	assert_int_equal(ms, 90000);
	assert_int_equal(quantity_ms("15m", &ms, &err), 0);
	assert_int_equal(ms, 900000);
	assert_int_equal(quantity_ms("2h", &ms, &err), 0);
	assert_int_equal(ms, 7200000);
	assert_int_equal(quantity_ms("1d", &ms, &err), 0);
	assert_int_equal(ms, 86400000);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		must_refuse(OPT_TIMEOUT, bad[i]);
}

static const char *
next(void *arg, size_t i)
{
	return ((const char *const *)arg)[i];
}

static void
the_nearest_name_is_near(void **state)
{
	static const char *names[] = {
	    "source", "source-file", "snapshot", "store", NULL};
	char longest[200];

	(void)state;
	assert_string_equal(nearest_name("sorce", next, names), "source");
	assert_string_equal(nearest_name("stroe", next, names), "store");
	assert_string_equal(
	    nearest_name("source-fiel", next, names), "source-file");
	assert_null(nearest_name("zebra", next, names));
	assert_null(nearest_name("", next, names));
	memset(longest, 's', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_null(nearest_name(longest, next, names));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_row_is_whole_and_its_names_are_its_own),
	    cmocka_unit_test(texts_and_paths_are_not_empty),
	    cmocka_unit_test(urls_hold_no_secret),
	    cmocka_unit_test(secrets_come_by_reference_and_are_not_repeated),
	    cmocka_unit_test(choices_and_numbers_are_within_their_bounds),
	    cmocka_unit_test(the_fast_level_has_a_name),
	    cmocka_unit_test(too_little_memory_is_refused_by_its_name),
	    cmocka_unit_test(sizes_have_units),
	    cmocka_unit_test(times_have_units),
	    cmocka_unit_test(the_nearest_name_is_near),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}

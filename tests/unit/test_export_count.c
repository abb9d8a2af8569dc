/* How many keys an export should have, by what its source had. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/snapshot/env.h"
#include "agent/snapshot/export_count.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/progress.h"
#include "agent/snapshot/source.h"
#include "arm/redis_resource.h"
#include "base/err.h"
#include "base/scope.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_target.h"
#include "tests/sim/real_redis.h"
#include "tests/sim/redis_data.h"

static char notes[1024];

static void
on_note(struct progress *p, enum step step, const char *text)
{
	(void)p;
	(void)step;
	snprintf(notes, sizeof(notes), "%s", text);
}

static struct progress progress = {.note = on_note};

static struct source_facts
facts(const char *complete, uint64_t before, uint64_t after)
{
	return (struct source_facts){
	    .complete = complete,
	    .before = {.keys = before, .primaries = 1},
	    .after = {.keys = after, .primaries = 1},
	};
}

static int
take(const char *complete, uint64_t has, uint64_t before, uint64_t after,
    struct err *err)
{
	struct source_facts f = facts(complete, before, after);
	struct manifest *m = manifest_new();
	int rc;

	*err = (struct err){0};
	notes[0] = '\0';
	m->verified = true;
	m->total.keys = has;
	rc = export_count_take(m, &f, &progress, err);
	assert_string_equal(m->complete, complete);
	assert_int_equal(m->keys_before, before);
	assert_int_equal(m->keys_after, after);
	manifest_free(m);
	return rc;
}

/* Of three files of 1,000 keys each. */
static void
a_file_that_is_missing_shows(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(take("seen", 2000, 3000, 3000, &err), -1);
	assert_int_equal(err.kind, ERR_CORRUPT);
	assert_non_null(strstr(err.text,
	    "holds 2000 keys, and the Redis had 3000 before it and 3000"));
	/* One that was told to be whole is believed, and the rest told. */
	assert_int_equal(take("told", 2000, 3000, 3000, &err), 0);
	assert_non_null(strstr(notes, "holds 2000 keys"));
}

static void
what_comes_and_goes_meanwhile_does_not(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(take("seen", 3000, 3000, 3000, &err), 0);
	assert_int_equal(take("seen", 2980, 3000, 3000, &err), 0);
	assert_int_equal(take("seen", 2700, 2800, 2900, &err), 0);
	assert_int_equal(take("seen", 2700, 2900, 2800, &err), 0);
	assert_int_equal(take("seen", 0, 5, 8, &err), 0);
	assert_string_equal(notes, "");
}

static void
more_than_there_were_is_told(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(take("seen", 4000, 3000, 3000, &err), 0);
	assert_non_null(strstr(notes, "holds 4000 keys"));
}

static void
what_nobody_counted_is_not_judged(void **state)
{
	struct source_facts f = facts("seen", 3000, 3000);
	struct manifest *m = manifest_new();
	struct err err = {0};

	(void)state;
	m->verified = true;
	f.after.primaries = 0;
	assert_int_equal(export_count_take(m, &f, &progress, &err), 0);
	assert_int_equal(m->keys_after, -1);
	manifest_free(m);
	/* Nor is what could not be parsed. */
	m = manifest_new();
	f.after.primaries = 1;
	assert_int_equal(export_count_take(m, &f, &progress, &err), 0);
	manifest_free(m);
}

/* A filter leaves keys out that the source has. */
static void
what_a_filter_left_out_counts(void **state)
{
	struct source_facts f = facts("seen", 3000, 3000);
	struct manifest *m = manifest_new();
	struct err err = {0};

	(void)state;
	m->verified = true;
	m->total.keys = 1000;
	m->left_out.keys = 2000;
	assert_int_equal(export_count_take(m, &f, &progress, &err), 0);
	manifest_free(m);
}

static void
another_redis_than_the_one_described_is_not_asked(void **state)
{
	static const struct redis_opts redis = {0};
	char name[] = "cache1/default", own[] = "127.0.0.1", other[] = "x.y";
	struct redis_description d = {.name = name, .host = other};
	struct scope root = scope_root(NULL);
	struct scope scope = scope_within(&root, 20000);
	struct snapshot_env env = {.progress = &progress};
	struct real_redis *server = real_redis_start(NULL);
	struct redis_conn *c = redis_data_connect(server, NULL);
	struct redis_target target;
	struct export_counted counted = {&target, &redis};
	struct redis_census census;
	struct err err = {0};
	char url[64];

	(void)state;
	redis_data_do(c, "SET k v");
	snprintf(
	    url, sizeof(url), "redis://127.0.0.1:%d", real_redis_port(server));
	assert_int_equal(redis_target_parse(url, &target, &err), 0);
	export_count_ask(&counted, &d, &scope, &env, &census);
	assert_int_equal(census.primaries, 0);
	assert_non_null(strstr(notes, "it answers at 'x.y'"));
	d.host = own;
	export_count_ask(&counted, &d, &scope, &env, &census);
	assert_int_equal(census.keys, 1);
	assert_int_equal(census.primaries, 1);

	/* That it does not answer is told, and no failure. */
	redis_conn_free(c);
	real_redis_stop(server);
	export_count_ask(&counted, &d, &scope, &env, &census);
	assert_int_equal(census.primaries, 0);
	assert_non_null(strstr(notes, "'cache1/default' are not counted"));
	redis_target_release(&target);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_file_that_is_missing_shows),
	    cmocka_unit_test(what_comes_and_goes_meanwhile_does_not),
	    cmocka_unit_test(more_than_there_were_is_told),
	    cmocka_unit_test(what_nobody_counted_is_not_judged),
	    cmocka_unit_test(what_a_filter_left_out_counts),
	    cmocka_unit_test(another_redis_than_the_one_described_is_not_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* JOB/state.json: what is noted, what is refused, who may write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/snapshot/job_state.h"
#include "base/err.h"
#include "base/json.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "storage/store.h"
#include "tests/sim/store_fault.h"
#include "tests/sim/temp_dir.h"

#define JOB    "cache"
#define BLOB   JOB "/state.json"
#define TARGET "10.0.0.5:6379"
#define ID     "20261121T062749Z-k3v9qa"

struct ground {
	struct temp_dir dir;
	struct store *store;
	struct scope scope;
	struct job_state state;
	struct err err;
};

static int
up(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	temp_dir_make(&g->dir);
	g->store = temp_dir_store(&g->dir);
	g->scope = scope_root(NULL);
	*state = g;
	return 0;
}

static int
down(void **state)
{
	struct ground *g = *state;

	job_state_release(&g->state);
	store_free(g->store);
	temp_dir_remove(&g->dir);
	free(g);
	return 0;
}

static int
read_state(struct ground *g)
{
	job_state_release(&g->state);
	g->err = (struct err){0};
	return job_state_read(g->store, &g->scope, JOB, &g->state, &g->err);
}

static void
put(struct ground *g, const char *text)
{
	assert_int_equal(store_put(g->store, &g->scope, BLOB, text,
			     strlen(text), NULL, NULL, &g->err),
	    0);
}

static int
write_state(struct ground *g, struct job_state *s)
{
	g->err = (struct err){0};
	return job_state_write(g->store, &g->scope, JOB, s, &g->err);
}

static void
a_job_without_state_is_at_its_beginning(void **state)
{
	struct ground *g = *state;

	assert_int_equal(read_state(g), 0);
	assert_int_equal(g->state.epoch, 0);
	assert_false(g->state.promoted);
	assert_string_equal(g->state.etag, "");
	assert_null(job_state_import(&g->state, TARGET));
	assert_false(job_state_import_begun(&g->state, TARGET));
}

static void
set_import(struct job_state *s, const char *target, bool ended, int64_t at_ms)
{
	job_state_set_import(s,
	    &(struct job_import){.target = target,
		.snapshot = ID,
		.ended = ended,
		.at_ms = at_ms});
}

static void
an_import_is_begun_and_then_ended(void **state)
{
	struct ground *g = *state;

	assert_int_equal(read_state(g), 0);
	set_import(&g->state, TARGET, false, 1000);
	assert_int_equal(write_state(g, &g->state), 0);
	assert_int_equal(read_state(g), 0);
	assert_true(job_state_import_begun(&g->state, TARGET));
	assert_null(job_state_import(&g->state, TARGET));
	assert_false(job_state_import_begun(&g->state, "10.0.0.6:6379"));

	set_import(&g->state, TARGET, true, 2000);
	assert_int_equal(write_state(g, &g->state), 0);
	assert_int_equal(read_state(g), 0);
	assert_false(job_state_import_begun(&g->state, TARGET));
	assert_string_equal(job_state_import(&g->state, TARGET), ID);
	assert_null(job_state_import(&g->state, "10.0.0.6:6379"));
}

static void
the_targets_remembered_are_limited_to_the_latest(void **state)
{
	struct ground *g = *state;
	char target[32];

	assert_int_equal(read_state(g), 0);
	for (int i = 0; i < JOB_IMPORTS_MAX + 3; i++) {
		snprintf(target, sizeof(target), "10.0.0.%d:6379", i);
		set_import(&g->state, target, true, i);
	}
	assert_null(job_state_import(&g->state, "10.0.0.2:6379"));
	assert_non_null(job_state_import(&g->state, "10.0.0.3:6379"));
	assert_non_null(job_state_import(&g->state, "10.0.0.66:6379"));
}

static void
what_is_not_known_is_kept(void **state)
{
	struct ground *g = *state;

	put(g,
	    "{\"format\": 1, \"epoch\": 7, \"direction\": \"forward\","
	    " \"note\": \"kept\", \"imports\": 5}");
	assert_int_equal(read_state(g), 0);
	assert_int_equal(g->state.epoch, 7);
	set_import(&g->state, TARGET, true, 1);
	assert_int_equal(write_state(g, &g->state), 0);
	assert_int_equal(read_state(g), 0);
	assert_string_equal(job_state_import(&g->state, TARGET), ID);
	assert_string_equal(
	    cJSON_GetStringValue(cJSON_GetObjectItem(g->state.doc, "note")),
	    "kept");
}

static void
any_other_direction_is_a_promotion(void **state)
{
	static const char *const words[] = {"reverse", "Forward", ""};
	struct ground *g = *state;
	char text[128];

	for (size_t i = 0; i < 3; i++) {
		snprintf(text, sizeof(text),
		    "{\"format\": 1, \"epoch\": 1, \"direction\": \"%s\"}",
		    words[i]);
		put(g, text);
		assert_int_equal(read_state(g), 0);
		assert_true(g->state.promoted);
	}
}

static void
state_that_cannot_be_read_is_an_error(void **state)
{
	static const char *const bad[] = {"", "{", "[]", "{}",
	    "{\"format\": 1}", "{\"format\": 1, \"epoch\": 1}",
	    "{\"format\": 1, \"epoch\": \"1\", \"direction\": \"forward\"}",
	    "{\"format\": 1, \"epoch\": 1, \"direction\": 1}"};
	struct ground *g = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put(g, bad[i]);
		assert_int_equal(read_state(g), -1);
		assert_int_equal(g->err.kind, ERR_CORRUPT);
		assert_non_null(strstr(g->err.text, BLOB));
		assert_null(g->state.doc);
	}
	put(g, "{\"format\": 2, \"epoch\": 1, \"direction\": \"forward\"}");
	assert_int_equal(read_state(g), -1);
	assert_int_equal(g->err.kind, ERR_REFUSED);
}

/* Absent is not the same as not to be had. */
static void
a_store_that_does_not_answer_is_no_empty_state(void **state)
{
	struct ground *g = *state;
	struct store *s = store_fault_new(temp_dir_store(&g->dir));

	store_fault_add(s, &(struct fault){.op = FAULT_STAT, .kind = ERR_AUTH});
	assert_int_equal(
	    job_state_read(s, &g->scope, JOB, &g->state, &g->err), -1);
	assert_int_equal(g->err.kind, ERR_AUTH);
	store_free(s);
}

static void
of_two_that_read_one_writes(void **state)
{
	struct ground *g = *state;
	struct job_state other;

	for (int round = 0; round < 2; round++) {
		assert_int_equal(read_state(g), 0);
		assert_int_equal(
		    job_state_read(g->store, &g->scope, JOB, &other, &g->err),
		    0);
		set_import(&other, TARGET, true, round);
		assert_int_equal(write_state(g, &other), 0);
		assert_int_equal(write_state(g, &g->state), -1);
		assert_int_equal(g->err.kind, ERR_CONFLICT);
		/* The winner may go on. */
		assert_int_equal(write_state(g, &other), 0);
		job_state_release(&other);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

static void
a_service_that_began_is_told_until_the_end(void **state)
{
	struct ground *g = *state;
	struct job_import i = {
	    .target = TARGET,
	    .snapshot = ID,
	    .by_service = true,
	    .begin_id = "b1",
	};

	assert_int_equal(read_state(g), 0);
	job_state_set_import(&g->state, &i);
	assert_true(job_state_service_begun(&g->state, TARGET));
	assert_false(job_state_service_begun(&g->state, "another"));
	assert_true(job_state_begun_by(&g->state, TARGET, "b1"));
	assert_false(job_state_begun_by(&g->state, TARGET, "b2"));
	assert_false(job_state_begun_by(&g->state, "another", "b1"));
	i.ended = true;
	job_state_set_import(&g->state, &i);
	assert_false(job_state_service_begun(&g->state, TARGET));
	assert_false(job_state_begun_by(&g->state, TARGET, "b1"));
	set_import(&g->state, TARGET, false, 3);
	assert_false(job_state_service_begun(&g->state, TARGET));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_job_without_state_is_at_its_beginning),
	    TEST(an_import_is_begun_and_then_ended),
	    TEST(a_service_that_began_is_told_until_the_end),
	    TEST(the_targets_remembered_are_limited_to_the_latest),
	    TEST(what_is_not_known_is_kept),
	    TEST(any_other_direction_is_a_promotion),
	    TEST(state_that_cannot_be_read_is_an_error),
	    TEST(a_store_that_does_not_answer_is_no_empty_state),
	    TEST(of_two_that_read_one_writes),
	};

	return cmocka_run_group_tests_name("job_state", tests, NULL, NULL);
}

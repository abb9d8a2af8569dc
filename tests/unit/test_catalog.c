/* What a store lists, and which of it a caller means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/snapshot/catalog.h"
#include "agent/snapshot/manifest.h"
#include "base/json.h"
#include "base/xalloc.h"
#include "rdb/key_filter.h"
#include "storage/store.h"
#include "tests/sim/snapshot_rig.h"
#include "tests/sim/store_fault.h"

#define ID_A "20261121T062749Z-aaaaaa"
#define ID_B "20261121T062749Z-abbbbb"
#define ID_C "20261122T000000Z-cccccc"

struct ground {
	struct snapshot_rig rig;
	struct store *store;
	struct manifest *m; /* a good one, to make others of */
};

static int
up(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));
	struct store *scratch;

	snapshot_rig_up(&g->rig);
	scratch = temp_dir_store(&g->rig.dr);
	g->m = snapshot_rig_must_take(&g->rig, scratch);
	store_free(scratch);
	g->store = temp_dir_store(&g->rig.source);
	*state = g;
	return 0;
}

static int
down(void **state)
{
	struct ground *g = *state;

	manifest_free(g->m);
	store_free(g->store);
	snapshot_rig_down(&g->rig);
	free(g);
	return 0;
}

static void
put(struct ground *g, const char *blob, const char *text)
{
	assert_int_equal(store_put(g->store, &g->rig.scope, blob, text,
			     strlen(text), NULL, NULL, &g->rig.err),
	    0);
}

/* Of the right sizes; what is in them nobody asks here. */
static void
put_parts(struct ground *g, const char *folder)
{
	char blob[BLOB_NAME_MAX + 1];

	for (size_t i = 0; i < g->m->nparts; i++) {
		const struct manifest_part *p = &g->m->parts[i];
		void *bytes = xcalloc(1, p->bytes);

		catalog_blob(blob, RIG_JOB, folder, p->name);
		assert_int_equal(store_put(g->store, &g->rig.scope, blob, bytes,
				     p->bytes, NULL, NULL, &g->rig.err),
		    0);
		free(bytes);
	}
}

/* A manifest that says it is of this job and id, at JOB/FOLDER. */
static void
put_manifest(struct ground *g, const char *job, const char *folder,
    const char *id, bool verified)
{
	char blob[BLOB_NAME_MAX + 1];
	cJSON *doc;
	char *text;

	strcpy(g->m->id, id);
	free(g->m->job);
	g->m->job = xstrdup(job);
	g->m->verified = verified;
	doc = manifest_format(g->m);
	text = json_format(doc);
	cJSON_Delete(doc);
	catalog_blob(blob, RIG_JOB, folder, MANIFEST_NAME);
	put(g, blob, text);
	free(text);
	put_parts(g, folder);
}

static void
expect_id(struct ground *g, const char *asked, const char *id)
{
	struct manifest *m = catalog_get(
	    g->store, &g->rig.scope, RIG_JOB, asked, &g->rig.err);

	if (m == NULL)
		fail_msg("%s", g->rig.err.text);
	assert_string_equal(m->id, id);
	manifest_free(m);
}

static void
expect_none(
    struct ground *g, const char *asked, enum err_kind kind, const char *why)
{
	memset(&g->rig.err, 0, sizeof(g->rig.err));
	assert_null(
	    catalog_get(g->store, &g->rig.scope, RIG_JOB, asked, &g->rig.err));
	if (g->rig.err.kind != kind || strstr(g->rig.err.text, why) == NULL)
		fail_msg("%s, and not '%s': %s", err_kind_name(g->rig.err.kind),
		    why, g->rig.err.text);
}

static void
nothing_is_missing_and_not_an_error_to_list(void **state)
{
	struct ground *g = *state;
	struct catalog c;
	char **jobs;
	size_t n;

	assert_int_equal(
	    catalog_read(g->store, &g->rig.scope, RIG_JOB, &c, &g->rig.err), 0);
	assert_int_equal(c.n, 0);
	catalog_release(&c);
	assert_int_equal(
	    catalog_jobs(g->store, &g->rig.scope, &jobs, &n, &g->rig.err), 0);
	assert_int_equal(n, 0);
	free(jobs);
	expect_none(g, NULL, ERR_MISSING, "has no snapshot");
	expect_none(g, ID_A, ERR_MISSING, ID_A);
}

static void
the_oldest_comes_first_and_broken_folders_are_counted(void **state)
{
	struct ground *g = *state;
	struct catalog c;

	put_manifest(g, RIG_JOB, ID_C, ID_C, true);
	put_manifest(g, RIG_JOB, ID_A, ID_A, true);
	put(g, RIG_JOB "/" ID_B "/part-0000.rdb", "bytes");
	assert_int_equal(
	    catalog_read(g->store, &g->rig.scope, RIG_JOB, &c, &g->rig.err), 0);
	assert_int_equal(c.n, 2);
	assert_string_equal(c.ids[0], ID_A);
	assert_string_equal(c.ids[1], ID_C);
	assert_int_equal(c.broken, 1);
	catalog_release(&c);
}

static void
foreign_names_are_not_listed(void **state)
{
	static const char *const foreign[] = {
	    RIG_JOB "/state.json",
	    RIG_JOB "/run.lock",
	    RIG_JOB "/notes/manifest.json",
	    RIG_JOB "/20261121T062749Z-aaaaa/manifest.json",
	    RIG_JOB "/20261121T062749Z-aaaaaaa/manifest.json",
	    RIG_JOB "/20261121T062749Z-AAAAAA/manifest.json",
	    RIG_JOB "/20261321T062749Z-aaaaaa/manifest.json",
	    RIG_JOB "/deep/" ID_A "/manifest.json",
	    RIG_JOB "2/" ID_A "/manifest.json",
	    "-x/" ID_A "/manifest.json",
	    "plain",
	};
	struct ground *g = *state;
	struct catalog c;
	char **jobs;
	size_t n;

	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		put(g, foreign[i], "{}");
	assert_int_equal(
	    catalog_read(g->store, &g->rig.scope, RIG_JOB, &c, &g->rig.err), 0);
	assert_int_equal(c.n, 0);
	assert_int_equal(c.broken, 0);
	catalog_release(&c);
	assert_int_equal(
	    catalog_jobs(g->store, &g->rig.scope, &jobs, &n, &g->rig.err), 0);
	assert_int_equal(n, 2);
	assert_string_equal(jobs[0], RIG_JOB);
	assert_string_equal(jobs[1], RIG_JOB "2");
	for (size_t i = 0; i < n; i++)
		free(jobs[i]);
	free(jobs);
}

static void
latest_is_the_newest_that_is_verified(void **state)
{
	struct ground *g = *state;

	put_manifest(g, RIG_JOB, ID_A, ID_A, false);
	expect_id(g, NULL, ID_A);
	put_manifest(g, RIG_JOB, ID_B, ID_B, true);
	put_manifest(g, RIG_JOB, ID_C, ID_C, false);
	expect_id(g, NULL, ID_B);
	expect_id(g, "latest", ID_B);
	expect_id(g, ID_C, ID_C);
}

static void
latest_is_the_newest_of_all_when_none_is_verified(void **state)
{
	struct ground *g = *state;

	put_manifest(g, RIG_JOB, ID_A, ID_A, false);
	put_manifest(g, RIG_JOB, ID_C, ID_C, false);
	put_manifest(g, RIG_JOB, ID_B, ID_B, false);
	expect_id(g, NULL, ID_C);
}

static struct key_filter *
filter_of(const char *globs)
{
	struct key_filter *f = key_filter_new();
	struct err err = {0};

	assert_int_equal(key_filter_add(f, KEY_RULE_KEYS, globs, &err), 0);
	return f;
}

/* A manifest of what this filter took; NULL: of all. */
static void
put_part(struct ground *g, const char *id, const char *globs)
{
	if (globs != NULL)
		g->m->filter = filter_of(globs);
	put_manifest(g, RIG_JOB, id, id, true);
	key_filter_free(g->m->filter);
	g->m->filter = NULL;
}

static void
expect_latest_of(struct ground *g, const char *globs, const char *id)
{
	struct key_filter *f = filter_of(globs);
	struct manifest *m = catalog_get_latest(
	    g->store, &g->rig.scope, RIG_JOB, f, &g->rig.err);

	if (id == NULL) {
		assert_null(m);
		assert_int_equal(g->rig.err.kind, ERR_MISSING);
		assert_non_null(strstr(g->rig.err.text, "its own filter"));
	} else {
		assert_non_null(m);
		assert_string_equal(m->id, id);
	}
	manifest_free(m);
	key_filter_free(f);
}

static void
a_part_is_the_latest_of_its_own_filter_alone(void **state)
{
	struct ground *g = *state;

	put_part(g, ID_A, "user:*");
	expect_none(g, NULL, ERR_MISSING, "no snapshot of all keys");
	expect_none(g, "latest", ERR_MISSING, ID_A);
	put_part(g, ID_B, NULL);
	put_part(g, ID_C, "cart:*");
	expect_id(g, NULL, ID_B);
	expect_id(g, ID_C, ID_C);
	expect_id(g, "20261122", ID_C);
	expect_latest_of(g, "user:*", ID_A);
	expect_latest_of(g, "cart:*", ID_C);
	expect_latest_of(g, "*", NULL);
}

static void
the_beginning_of_one_id_will_do(void **state)
{
	struct ground *g = *state;

	put_manifest(g, RIG_JOB, ID_A, ID_A, true);
	put_manifest(g, RIG_JOB, ID_B, ID_B, true);
	put_manifest(g, RIG_JOB, ID_C, ID_C, true);
	expect_id(g, "20261122", ID_C);
	expect_id(g, "20261121T062749Z-ab", ID_B);
	expect_none(g, "20261121", ERR_USAGE, "several");
	expect_none(g, "20261121T062749Z-a", ERR_USAGE, "several");
	expect_none(g, "2025", ERR_MISSING, "2025");
	expect_none(g, "../other", ERR_MISSING, "../other");
}

static void
a_manifest_that_was_copied_into_place_is_refused(void **state)
{
	struct ground *g = *state;

	put_manifest(g, "other", ID_A, ID_A, true);
	expect_none(g, ID_A, ERR_CORRUPT, "job 'other'");
	put_manifest(g, RIG_JOB, ID_B, ID_C, true);
	expect_none(g, ID_B, ERR_CORRUPT, ID_C);
}

static void
a_manifest_that_is_broken_is_told_of(void **state)
{
	struct ground *g = *state;

	put_manifest(g, RIG_JOB, ID_A, ID_A, true);
	put(g, RIG_JOB "/" ID_C "/manifest.json", "{\"format\": 1");
	expect_none(g, ID_C, ERR_CORRUPT, ID_C);
	/* The older one can still be had by its name. */
	expect_id(g, ID_A, ID_A);
}

static void
a_store_call_that_fails_lists_nothing(void **state)
{
	static const enum fault_op ops[] = {FAULT_LIST, FAULT_STAT};
	struct ground *g = *state;
	struct catalog c;

	put_manifest(g, RIG_JOB, ID_A, ID_A, true);
	put_manifest(g, RIG_JOB, ID_B, ID_B, true);
	for (size_t i = 0; i < 2; i++) {
		struct store *s = store_fault_new(
		    temp_dir_store(&g->rig.source));

		store_fault_add(s,
		    &(struct fault){.op = ops[i], .nth = 1, .kind = ERR_AUTH});
		assert_int_equal(
		    catalog_read(s, &g->rig.scope, RIG_JOB, &c, &g->rig.err),
		    -1);
		assert_int_equal(g->rig.err.kind, ERR_AUTH);
		assert_null(c.ids);
		assert_int_equal(c.n, 0);
		store_free(s);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(nothing_is_missing_and_not_an_error_to_list),
	    TEST(the_oldest_comes_first_and_broken_folders_are_counted),
	    TEST(foreign_names_are_not_listed),
	    TEST(latest_is_the_newest_that_is_verified),
	    TEST(latest_is_the_newest_of_all_when_none_is_verified),
	    TEST(a_part_is_the_latest_of_its_own_filter_alone),
	    TEST(the_beginning_of_one_id_will_do),
	    TEST(a_manifest_that_was_copied_into_place_is_refused),
	    TEST(a_manifest_that_is_broken_is_told_of),
	    TEST(a_store_call_that_fails_lists_nothing),
	};

	return cmocka_run_group_tests_name("catalog", tests, NULL, NULL);
}

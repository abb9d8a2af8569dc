/*
 * A copy is listed when its parts were read back, and not before: each call
 * failed once on either side, and the next run goes on from there.
 */
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
#include "agent/snapshot/snapshot_copy.h"
#include "base/xalloc.h"
#include "storage/store.h"
#include "tests/sim/snapshot_rig.h"
#include "tests/sim/store_copier.h"
#include "tests/sim/store_fault.h"

struct ground {
	struct snapshot_rig rig;
	struct store *from, *to; /* which do not fail */
	struct manifest *m;
	struct snapshot_copy_facts facts;
};

static int
up(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	snapshot_rig_up(&g->rig);
	g->from = temp_dir_store(&g->rig.source);
	g->to = temp_dir_store(&g->rig.dr);
	g->rig.take.codec = CODEC_NONE;
	g->rig.take.part_max = 25000;
	g->rig.env.in_flight = 1;
	g->m = snapshot_rig_must_take(&g->rig, g->from);
	assert_int_equal(g->m->nparts, 2);
	*state = g;
	return 0;
}

static int
down(void **state)
{
	struct ground *g = *state;

	manifest_free(g->m);
	store_free(g->from);
	store_free(g->to);
	snapshot_rig_down(&g->rig);
	free(g);
	return 0;
}

static int
copy(struct ground *g, struct store *from, struct store *to)
{
	struct snapshot_rig *r = &g->rig;

	memset(&r->err, 0, sizeof(r->err));
	return snapshot_copy(
	    from, to, g->m, &r->scope, &r->env, &g->facts, &r->err);
}

static void
must_copy(struct ground *g)
{
	if (copy(g, g->from, g->to) != 0)
		fail_msg("%s", g->rig.err.text);
	assert_int_equal(snapshot_rig_audit(&g->rig, g->to, NULL), 1);
}

static void
empty_dr(struct ground *g)
{
	store_free(g->to);
	temp_dir_remove(&g->rig.dr);
	temp_dir_make(&g->rig.dr);
	g->to = temp_dir_store(&g->rig.dr);
}

/* To be freed. */
static char *
read_text(const char *path)
{
	size_t size = (size_t)file_size(path);
	char *text = xmalloc(size + 1);
	FILE *f = fopen(path, "rb");

	assert_non_null(f);
	assert_int_equal(fread(text, 1, size, f), size);
	text[size] = '\0';
	fclose(f);
	return text;
}

static void
write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_not_equal(fputs(text, f), EOF);
	assert_int_equal(fclose(f), 0);
}

static void
a_copy_is_the_snapshot_to_the_byte(void **state)
{
	static const char *const names[] = {
	    "part-0000.rdb", "part-0001.rdb", MANIFEST_NAME};
	struct ground *g = *state;
	static char a[1 << 17], b[1 << 17];

	must_copy(g);
	assert_false(g->facts.there_already);
	assert_true(g->facts.streamed);
	assert_string_not_equal(g->facts.why, "");
	assert_int_equal(g->facts.bytes, manifest_stored_bytes(g->m));
	for (size_t i = 0; i < 3; i++) {
		char *x = snapshot_rig_path(&g->rig.source, g->m, names[i]);
		char *y = snapshot_rig_path(&g->rig.dr, g->m, names[i]);
		FILE *f = fopen(x, "rb"), *h = fopen(y, "rb");
		size_t n;

		assert_non_null(f);
		assert_non_null(h);
		n = fread(a, 1, sizeof(a), f);
		assert_int_equal(fread(b, 1, sizeof(b), h), n);
		assert_memory_equal(a, b, n);
		fclose(f);
		fclose(h);
		free(x);
		free(y);
	}
}

/* Into every object, however deep. */
static void
add_foreign(cJSON *at)
{
	cJSON *e;

	for (e = at->child; e != NULL; e = e->next)
		add_foreign(e);
	if (cJSON_IsObject(at)) {
		e = cJSON_AddObjectToObject(at, "of-a-later-version");
		cJSON_AddStringToObject(e, "deep", "er");
		cJSON_AddNumberToObject(e, "number", 1e300);
	}
}

/* A manifest is written once: copies carry its bytes, also those that say what
 * only a later version understands. */
static void
what_a_later_version_wrote_is_copied_to_the_byte(void **state)
{
	struct ground *g = *state;
	char *path = snapshot_rig_path(&g->rig.source, g->m, MANIFEST_NAME);
	char *copied = snapshot_rig_path(&g->rig.dr, g->m, MANIFEST_NAME);
	char *theirs, *text;
	cJSON *doc;

	text = read_text(path);
	doc = cJSON_Parse(text);
	free(text);
	add_foreign(doc);
	theirs = cJSON_Print(doc); /* and laid out as ours never are */
	cJSON_Delete(doc);
	write_text(path, theirs);

	manifest_free(g->m);
	g->m = catalog_get(g->from, &g->rig.scope, RIG_JOB, NULL, &g->rig.err);
	assert_non_null(g->m);
	must_copy(g);
	text = read_text(copied);
	assert_string_equal(text, theirs);
	free(text);
	/* Again, over what is there by now. */
	must_copy(g);
	assert_true(g->facts.there_already);
	cJSON_free(theirs);
	free(path);
	free(copied);
}

static void
a_store_that_can_copies_by_itself(void **state)
{
	struct ground *g = *state;
	struct store *from = store_copier_new(temp_dir_store(&g->rig.source));
	struct store *to = store_copier_new(temp_dir_store(&g->rig.dr));

	assert_int_equal(copy(g, from, to), 0);
	assert_false(g->facts.streamed);
	assert_int_equal(snapshot_rig_audit(&g->rig, g->to, NULL), 1);
	store_free(from);
	store_free(to);
}

static void
what_is_there_already_is_proved_and_left(void **state)
{
	struct ground *g = *state;
	struct store *watched;
	char *part;

	must_copy(g);
	watched = store_fault_new(temp_dir_store(&g->rig.dr));
	assert_int_equal(copy(g, g->from, watched), 0);
	assert_true(g->facts.there_already);
	assert_int_equal(store_fault_calls(watched, FAULT_STAGE), 0);
	assert_int_equal(store_fault_calls(watched, FAULT_COMMIT), 0);
	store_free(watched);

	part = snapshot_rig_path(&g->rig.dr, g->m, g->m->parts[1].name);
	file_flip(part, 77);
	assert_int_equal(copy(g, g->from, g->to), -1);
	assert_int_equal(g->rig.err.kind, ERR_CORRUPT);
	assert_int_equal(remove(part), 0);
	assert_int_equal(copy(g, g->from, g->to), -1);
	assert_int_equal(g->rig.err.kind, ERR_CORRUPT);
	free(part);
}

/* What was proved would be another document than the one that is listed. */
static void
another_manifest_that_is_there_already_is_found(void **state)
{
	struct ground *g = *state;
	char *path;

	must_copy(g);
	path = snapshot_rig_path(&g->rig.dr, g->m, MANIFEST_NAME);
	file_flip(path, 30);
	assert_int_equal(copy(g, g->from, g->to), -1);
	assert_int_equal(g->rig.err.kind, ERR_CORRUPT);
	file_cut(path, 30);
	assert_int_equal(copy(g, g->from, g->to), -1);
	assert_int_equal(g->rig.err.kind, ERR_CORRUPT);
	free(path);
}

static void
a_manifest_flipped_at_the_source_is_not_copied(void **state)
{
	struct ground *g = *state;
	char *path = snapshot_rig_path(&g->rig.source, g->m, MANIFEST_NAME);
	long size = file_size(path);

	/* Most of these bits leave it good JSON. */
	for (long at = 20; at < size; at += 41) {
		file_flip(path, at);
		if (copy(g, g->from, g->to) == 0) {
			/* A space that became another is no change. */
			assert_int_equal(
			    snapshot_rig_audit(&g->rig, g->to, NULL), 1);
			empty_dr(g);
		} else {
			assert_int_equal(
			    snapshot_rig_audit(&g->rig, g->to, NULL), 0);
		}
		file_flip(path, at);
	}
	must_copy(g);
	free(path);
}

/* One run with one call failed on a side; false when there was no such call. */
static bool
fail_call(struct ground *g, bool at_source, unsigned nth, enum fault_how how)
{
	struct snapshot_rig *r = &g->rig;
	struct store *s = store_fault_new(
	    temp_dir_store(at_source ? &r->source : &r->dr));
	unsigned calls;
	size_t listed;
	int rc;

	store_fault_add(s,
	    &(struct fault){
		.op = FAULT_ANY, .nth = nth, .how = how, .kind = ERR_SYSTEM});
	rc = copy(g, at_source ? s : g->from, at_source ? g->to : s);
	calls = store_fault_calls(s, FAULT_ANY);
	store_free(s);
	listed = snapshot_rig_audit(r, g->to, NULL);
	if (rc == 0)
		assert_int_equal(listed, 1);
	else if (how == FAULT_FAIL)
		assert_int_equal(listed, 0);
	/* What one run leaves the next one brings to its end. */
	must_copy(g);
	empty_dr(g);
	assert_int_equal(snapshot_rig_audit(r, g->from, NULL), 1);
	return nth <= calls;
}

static void
copy_with_every_call_failed(struct ground *g, bool at_source)
{
	static const enum fault_how hows[] = {FAULT_FAIL, FAULT_LOSE_ANSWER};

	for (size_t i = 0; i < 2; i++) {
		unsigned nth = 1;

		while (fail_call(g, at_source, nth, hows[i]))
			nth++;
		assert_true(nth > 5);
	}
}

static void
a_call_that_fails_at_the_source_lists_nothing(void **state)
{
	copy_with_every_call_failed(*state, true);
}

static void
a_call_that_fails_at_the_destination_lists_nothing(void **state)
{
	copy_with_every_call_failed(*state, false);
}

static void
a_flipped_read_on_either_side_lists_nothing(void **state)
{
	struct ground *g = *state;

	for (unsigned i = 0; i < 2; i++) {
		for (unsigned nth = 1;; nth++) {
			struct store *s = store_fault_new(temp_dir_store(
			    i == 0 ? &g->rig.source : &g->rig.dr));
			unsigned reads;
			int rc;

			store_fault_add(s,
			    &(struct fault){.op = FAULT_READ,
				.nth = nth,
				.how = FAULT_FLIP});
			rc = copy(g, i == 0 ? s : g->from, i == 0 ? g->to : s);
			reads = store_fault_calls(s, FAULT_READ);
			store_free(s);
			if (nth > reads)
				break;
			assert_int_equal(rc, -1);
			assert_int_equal(g->rig.err.kind, ERR_CORRUPT);
			assert_int_equal(
			    snapshot_rig_audit(&g->rig, g->to, NULL), 0);
		}
		assert_int_equal(snapshot_rig_audit(&g->rig, g->to, NULL), 1);
		empty_dr(g);
	}
}

/* The manifest is staged after every byte of the parts was read back. */
static void
the_manifest_comes_after_the_parts_were_read_back(void **state)
{
	struct ground *g = *state;
	struct store *s;

	s = store_fault_new(temp_dir_store(&g->rig.dr));
	store_fault_add(s,
	    &(struct fault){
		.op = FAULT_READ, .how = FAULT_FAIL, .kind = ERR_SYSTEM});
	assert_int_equal(copy(g, g->from, s), -1);
	/* A stage and a commit for each part, and none for the manifest. */
	assert_int_equal(store_fault_calls(s, FAULT_COMMIT), 2);
	assert_int_equal(snapshot_rig_audit(&g->rig, g->to, NULL), 0);
	store_free(s);
}

static void
what_an_early_end_left_is_replaced(void **state)
{
	struct ground *g = *state;
	char blob[BLOB_NAME_MAX + 1];

	catalog_blob(blob, RIG_JOB, g->m->id, g->m->parts[0].name);
	assert_int_equal(store_put(g->to, &g->rig.scope, blob, "half", 4, NULL,
			     NULL, &g->rig.err),
	    0);
	must_copy(g);
}

static void
a_source_that_is_not_what_its_manifest_says_lists_nothing(void **state)
{
	struct ground *g = *state;
	char *part = snapshot_rig_path(
	    &g->rig.source, g->m, g->m->parts[0].name);
	long size = file_size(part);

	file_flip(part, size / 2);
	assert_int_equal(copy(g, g->from, g->to), -1);
	assert_int_equal(g->rig.err.kind, ERR_CORRUPT);
	assert_int_equal(snapshot_rig_audit(&g->rig, g->to, NULL), 0);
	file_cut(part, size - 1);
	assert_int_equal(copy(g, g->from, g->to), -1);
	assert_int_equal(g->rig.err.kind, ERR_CORRUPT);
	assert_int_equal(remove(part), 0);
	assert_int_equal(copy(g, g->from, g->to), -1);
	assert_int_equal(g->rig.err.kind, ERR_MISSING);
	assert_int_equal(snapshot_rig_audit(&g->rig, g->to, NULL), 0);
	free(part);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_copy_is_the_snapshot_to_the_byte),
	    TEST(what_a_later_version_wrote_is_copied_to_the_byte),
	    TEST(a_store_that_can_copies_by_itself),
	    TEST(what_is_there_already_is_proved_and_left),
	    TEST(another_manifest_that_is_there_already_is_found),
	    TEST(a_manifest_flipped_at_the_source_is_not_copied),
	    TEST(a_call_that_fails_at_the_source_lists_nothing),
	    TEST(a_call_that_fails_at_the_destination_lists_nothing),
	    TEST(a_flipped_read_on_either_side_lists_nothing),
	    TEST(the_manifest_comes_after_the_parts_were_read_back),
	    TEST(what_an_early_end_left_is_replaced),
	    TEST(a_source_that_is_not_what_its_manifest_says_lists_nothing),
	};

	return cmocka_run_group_tests_name("snapshot_copy", tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "storage/replica_book.h"
#include "storage/replica_filter.h"

#include "tests/sim/replicate_rig.h"

#define HOUR_MS (INT64_C(3600) * 1000)

/* Ten blobs, and the copy of them; then two are gone at the source. */
static int
setup(void **state)
{
	struct replicate_rig *g;
	char name[2] = "a";

	replicate_rig_setup(state);
	g = *state;
	for (; name[0] <= 'j'; name[0]++)
		replicate_rig_put(g, name, name);
	if (replicate_rig_run(g) != 0)
		return -1;
	fake_store_drop(g->from, "c");
	fake_store_drop(g->from, "d");
	fake_store_calm(g->to);
	fake_store_calm(g->from);
	g->opts.del.mirror = true;
	g->opts.del.percent = 20;
	g->opts.run = 7;
	return 0;
}

static bool
has(struct replicate_rig *g, const char *name)
{
	return fake_store_see(g->to, name).there;
}

static int
count_gone(void *arg, const struct book_gone *gone, struct err *err)
{
	(void)err;
	assert_true(gone->name[0] == 'c' || gone->name[0] == 'd');
	++*(unsigned *)arg;
	return 0;
}

static unsigned
tombstones(struct replicate_rig *g, int64_t run)
{
	struct err err = {0};
	unsigned n = 0;

	assert_int_equal(
	    g->book->ops->each_deleted(g->book, run, count_gone, &n, &err), 0);
	return n;
}

static void
assert_kept_all(struct replicate_rig *g, enum err_kind kind, const char *why)
{
	assert_int_equal(replicate_rig_run(g), kind == ERR_NONE ? 0 : -1);
	assert_int_equal(g->err.kind, kind);
	if (strstr(g->events.data, why) == NULL)
		fail_msg("'%s' is not in '%s'", why, g->events.data);
	assert_int_equal(g->report.missing, 2);
	assert_int_equal(g->report.deleted, 0);
	assert_int_equal(fake_store_calls(g->to, FAKE_REMOVE), 0);
	assert_int_equal(fake_store_count(g->to), 10);
	assert_int_equal(tombstones(g, 7), 0);
}

static void
nothing_is_deleted_unasked(void **state)
{
	struct replicate_rig *g = *state;

	g->opts.del.mirror = false;
	assert_kept_all(g, ERR_NONE, "keep c (deletions are not asked for)");
}

static void
what_the_source_has_no_more_is_deleted_and_noted(void **state)
{
	struct replicate_rig *g = *state;

	assert_int_equal(replicate_rig_run(g), 0);
	assert_int_equal(g->report.deleted, 2);
	assert_int_equal(fake_store_count(g->to), 8);
	assert_false(has(g, "c") || has(g, "d"));
	assert_int_equal(tombstones(g, 7), 2);
}

static void
more_than_the_ceiling_is_refused_as_a_whole(void **state)
{
	struct replicate_rig *g = *state;

	g->opts.del.percent = 19;
	/* Two of ten: its share is rounded up. */
	g->opts.del.most = 1;
	assert_kept_all(g, ERR_REFUSED, "no more than 1");
	g->opts.del.most = 0;
	g->opts.del.percent = 10;
	assert_kept_all(g, ERR_REFUSED, "more than 10 %");
	assert_non_null(strstr(g->report.why_kept, "nothing is deleted"));
	g->opts.del.percent = 19;
	assert_int_equal(replicate_rig_run(g), 0);
	assert_int_equal(g->report.deleted, 2);
}

/* What was renamed would be there under neither name. */
static void
a_copy_that_failed_forbids_it(void **state)
{
	struct replicate_rig *g = *state;

	replicate_rig_put(g, "renamed", "what was c");
	fake_store_fail(g->to, FAKE_PUT, 0, ERR_LOCKED, FAKE_REFUSED);
	assert_int_equal(replicate_rig_run(g), -1);
	assert_int_equal(g->err.kind, ERR_LOCKED);
	assert_non_null(strstr(g->report.why_kept, "could not be copied"));
	assert_int_equal(fake_store_calls(g->to, FAKE_REMOVE), 0);
	assert_true(has(g, "c"));
}

static void
a_listing_out_of_order_forbids_it(void **state)
{
	struct replicate_rig *g = *state;

	fake_store_misorder(g->from, "f", "h");
	assert_int_equal(replicate_rig_run(g), -1);
	assert_int_equal(g->err.kind, ERR_REFUSED);
	assert_non_null(strstr(g->err.text, "out of order"));
	assert_int_equal(fake_store_calls(g->to, FAKE_REMOVE), 0);
	assert_int_equal(fake_store_count(g->to), 10);
}

static void
a_listing_that_did_not_end_forbids_it(void **state)
{
	struct replicate_rig *g = *state;

	fake_store_fail(g->from, FAKE_LIST, 1, ERR_SERVER, FAKE_LOST);
	assert_int_equal(replicate_rig_run(g), -1);
	assert_int_equal(g->err.kind, ERR_SERVER);
	assert_int_equal(fake_store_count(g->to), 10);
}

static void
it_waits_for_the_grace_period(void **state)
{
	struct replicate_rig *g = *state;

	g->opts.del.grace_ms = HOUR_MS;
	assert_kept_all(g, ERR_NONE, "keep c (not missing for long enough");
	fake_clock_pass(&g->clock, HOUR_MS - 1);
	assert_kept_all(g, ERR_NONE, "keep d (not missing for long enough");
	fake_clock_pass(&g->clock, 1);
	assert_int_equal(replicate_rig_run(g), 0);
	assert_int_equal(g->report.deleted, 2);
}

static void
what_was_back_meanwhile_begins_anew(void **state)
{
	struct replicate_rig *g = *state;

	g->opts.del.grace_ms = HOUR_MS;
	assert_kept_all(g, ERR_NONE, "keep c");
	replicate_rig_put(g, "c", "c");
	replicate_rig_put(g, "d", "d");
	assert_int_equal(replicate_rig_run(g), 0);
	fake_store_drop(g->from, "c");
	fake_store_drop(g->from, "d");
	fake_clock_pass(&g->clock, 2 * HOUR_MS);
	assert_kept_all(g, ERR_NONE, "keep c (not missing for long enough");
}

/* A page of the listing was told before the name was there. */
static int
put_again(
    void *arg, struct store *s, const struct fake_call *c, struct err *err)
{
	(void)err;
	(void)arg;
	if (c->op == FAKE_STAT && !c->done)
		fake_store_put(s, "c", BLOB_BLOCK, "c", 1, NULL);
	return 0;
}

static void
each_is_confirmed_at_the_source(void **state)
{
	struct replicate_rig *g = *state;

	fake_store_watch(g->from, put_again, NULL);
	assert_int_equal(replicate_rig_run(g), 0);
	assert_true(has(g, "c"));
	assert_non_null(
	    strstr(g->events.data, "keep c (the source has it again)"));
}

static void
a_source_that_does_not_answer_confirms_nothing(void **state)
{
	struct replicate_rig *g = *state;

	fake_store_fail(g->from, FAKE_STAT, 0, ERR_SERVER, FAKE_REFUSED);
	assert_int_equal(replicate_rig_run(g), -1);
	assert_int_equal(g->report.failed, 2);
	assert_int_equal(fake_store_calls(g->to, FAKE_REMOVE), 0);
	assert_int_equal(fake_store_count(g->to), 10);
}

static int
write_copy(
    void *arg, struct store *s, const struct fake_call *c, struct err *err)
{
	(void)arg;
	(void)err;
	if (c->op == FAKE_REMOVE && !c->done && strcmp(c->blob, "c") == 0)
		fake_store_put(s, "c", BLOB_BLOCK, "theirs", 6, NULL);
	return 0;
}

static void
what_another_wrote_meanwhile_stays(void **state)
{
	struct replicate_rig *g = *state;

	fake_store_watch(g->to, write_copy, NULL);
	assert_int_equal(replicate_rig_run(g), -1);
	assert_int_equal(g->err.kind, ERR_CONFLICT);
	assert_true(fake_store_holds(g->to, "c", "theirs", 6));
	assert_false(has(g, "d"));
	assert_int_equal(tombstones(g, 7), 1);
}

static void
what_the_filter_leaves_out_is_not_missing(void **state)
{
	struct replicate_rig *g = *state;
	static const char *const not_c[] = {"c", NULL};
	const struct replica_filter filter = {.exclude = not_c};

	g->opts.filter = &filter;
	assert_int_equal(replicate_rig_run(g), 0);
	assert_int_equal(g->report.missing, 1);
	assert_true(has(g, "c"));
	assert_false(has(g, "d"));
}

static void
earlier_versions_are_neither_missing_nor_sources(void **state)
{
	struct replicate_rig *g = *state;
	static const char kept[] = "a.drsync-20260101T000000Z";

	replicate_rig_put(g, "c", "c");
	replicate_rig_put(g, "d", "d");
	fake_store_put(g->to, kept, BLOB_BLOCK, "x", 1, NULL);
	assert_int_equal(replicate_rig_run(g), 0);
	assert_int_equal(g->report.missing, 0);
	assert_true(has(g, kept));
	fake_store_drop(g->to, kept);
	fake_store_put(g->from, kept, BLOB_BLOCK, "x", 1, NULL);
	assert_int_equal(replicate_rig_run(g), 0);
	assert_int_equal(g->report.skipped[SKIP_OURS], 1);
	assert_false(has(g, kept));
}

static unsigned
kept_versions(struct replicate_rig *g)
{
	return (unsigned)fake_store_count(g->to) - 8;
}

static void
replaced_ones_are_kept_and_pruned(void **state)
{
	struct replicate_rig *g = *state;
	char text[16];

	g->opts.history = 2;
	assert_int_equal(replicate_rig_run(g), 0);
	assert_int_equal(kept_versions(g), 0);
	for (unsigned i = 1; i <= 4; i++) {
		fake_clock_pass(&g->clock, 1000);
		snprintf(text, sizeof(text), "text %u", i);
		replicate_rig_put(g, "a", text);
		if (replicate_rig_run(g) != 0)
			fail_msg("%s", g->err.text);
		assert_true(replicate_rig_copied(g, "a"));
		assert_int_equal(kept_versions(g), i < 2 ? i : 2);
	}
	assert_int_equal(g->report.lossy, 0);
}

static void
two_of_one_second_are_kept_both(void **state)
{
	struct replicate_rig *g = *state;

	g->opts.history = 5;
	for (unsigned i = 1; i <= 3; i++) {
		char text[16];

		snprintf(text, sizeof(text), "text %u", i);
		replicate_rig_put(g, "a", text);
		if (replicate_rig_run(g) != 0)
			fail_msg("%s", g->err.text);
		assert_int_equal(kept_versions(g), i);
	}
}

static int
refuse_kept(
    void *arg, struct store *s, const struct fake_call *c, struct err *err)
{
	(void)arg;
	(void)s;
	if (c->blob != NULL && strstr(c->blob, ".drsync-") != NULL && !c->done)
		return err_set(err, ERR_AUTH, "not that name");
	return 0;
}

static void
what_cannot_be_kept_is_not_replaced(void **state)
{
	struct replicate_rig *g = *state;

	g->opts.history = 1;
	replicate_rig_put(g, "a", "other");
	fake_store_watch(g->to, refuse_kept, NULL);
	assert_int_equal(replicate_rig_run(g), -1);
	assert_non_null(strstr(g->err.text, "keeping the earlier 'a'"));
	assert_true(fake_store_holds(g->to, "a", "a", 1));
}

#define TEST(f) \
	cmocka_unit_test_setup_teardown(f, setup, replicate_rig_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(nothing_is_deleted_unasked),
	    TEST(what_the_source_has_no_more_is_deleted_and_noted),
	    TEST(more_than_the_ceiling_is_refused_as_a_whole),
	    TEST(a_copy_that_failed_forbids_it),
	    TEST(a_listing_out_of_order_forbids_it),
	    TEST(a_listing_that_did_not_end_forbids_it),
	    TEST(it_waits_for_the_grace_period),
	    TEST(what_was_back_meanwhile_begins_anew),
	    TEST(each_is_confirmed_at_the_source),
	    TEST(a_source_that_does_not_answer_confirms_nothing),
	    TEST(what_another_wrote_meanwhile_stays),
	    TEST(what_the_filter_leaves_out_is_not_missing),
	    TEST(earlier_versions_are_neither_missing_nor_sources),
	    TEST(replaced_ones_are_kept_and_pruned),
	    TEST(two_of_one_second_are_kept_both),
	    TEST(what_cannot_be_kept_is_not_replaced),
	};

	return cmocka_run_group_tests_name(
	    "replicate_delete", tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "storage/replica_filter.h"
#include "storage/blob_traits.h"

#include "tests/sim/replicate_rig.h"

static void
small_blobs_take_one_request_each(void **state)
{
	struct replicate_rig *g = *state;

	replicate_rig_put_some(g, 700);
	replicate_rig_run_well(g);
	replicate_rig_assert_copied(g, 700);
	assert_int_equal(g->report.copied[RUNG_PUT], 700);
	assert_int_equal(g->report.bytes[RUNG_PUT], 700 * strlen("dir/0000"));
	assert_int_equal(fake_store_calls(g->to, FAKE_PUT), 700);
	/* The probe, which is not a blob's. */
	assert_true(fake_store_calls(g->to, FAKE_STAGE_FROM) <= 1);
	assert_int_equal(fake_store_calls(g->to, FAKE_STAT), 0);
	assert_int_equal(fake_store_calls(g->to, FAKE_LOOK), 0);
}

static void
a_second_run_has_nothing_to_do(void **state)
{
	struct replicate_rig *g = *state;

	replicate_rig_put_some(g, 50);
	replicate_rig_run_well(g);
	fake_store_calm(g->to);
	fake_store_calm(g->from);
	replicate_rig_run_well(g);
	assert_int_equal(g->report.same, 50);
	assert_string_equal(g->events.data, "");
	assert_int_equal(fake_store_calls(g->to, FAKE_ANY), 1);
	assert_int_equal(fake_store_calls(g->from, FAKE_ANY), 1);
	assert_int_equal(g->report.requests, 2);
}

static void
what_carries_no_md5_is_looked_at_and_known_by_its_etag(void **state)
{
	struct replicate_rig *g = *state;

	static const char page[512] = "x";

	fake_store_put(g->from, "page", BLOB_PAGE, page, sizeof(page), NULL);
	replicate_rig_run_well(g);
	fake_store_calm(g->to);
	replicate_rig_run_well(g);
	assert_int_equal(g->report.same, 1);
	assert_int_equal(g->report.same_by_etag, 1);
	assert_int_equal(replicate_rig_writes(g), 0);
}

static void
what_a_blob_carries_goes_along_and_is_mended_alone(void **state)
{
	struct replicate_rig *g = *state;
	struct trait pairs[] = {{"k", "1"}};
	struct blob_traits traits = {
	    .content_type = "text/plain",
	    .metadata = {pairs, 1},
	    .sequence_number = -1,
	    .is_current_version = true,
	};
	struct fake_seen seen;

	fake_store_put(g->from, "a", BLOB_BLOCK, "x", 1, &traits);
	replicate_rig_run_well(g);
	seen = fake_store_see(g->to, "a");
	assert_string_equal(seen.traits->content_type, "text/plain");
	assert_string_equal(trait_get(&seen.traits->metadata, "k"), "1");
	pairs[0].value = "2";
	fake_store_put(g->from, "a", BLOB_BLOCK, "x", 1, &traits);
	fake_store_calm(g->to);
	replicate_rig_run_well(g);
	assert_int_equal(g->report.mended, 1);
	assert_int_equal(fake_store_calls(g->to, FAKE_SET), 1);
	assert_int_equal(replicate_rig_writes(g), 1);
	seen = fake_store_see(g->to, "a");
	assert_string_equal(trait_get(&seen.traits->metadata, "k"), "2");
	replicate_rig_run_well(g);
	assert_int_equal(g->report.same, 1);
}

static void
a_dry_run_writes_nothing_and_tells_all(void **state)
{
	struct replicate_rig *g = *state;

	replicate_rig_put(g, "a", "1");
	replicate_rig_put(g, "b", "2");
	replicate_rig_run_well(g);
	replicate_rig_put(g, "a", "one");
	replicate_rig_put(g, "c", "3");
	fake_store_drop(g->from, "b");
	fake_store_calm(g->to);
	fake_store_calm(g->from);
	g->opts.dry_run = true;
	g->opts.del.mirror = true;
	g->opts.del.percent = 100;
	replicate_rig_run_well(g);
	assert_string_equal(g->events.data, "copy a; copy c; delete b; ");
	assert_int_equal(g->report.copied[RUNG_PUT], 2);
	assert_int_equal(g->report.bytes[RUNG_PUT], 4);
	/* Two listings, two copies, a last look and a deletion. */
	assert_int_equal(g->report.requests, 6);
	assert_int_equal(fake_store_calls(g->to, FAKE_ANY), 1);
	assert_int_equal(fake_store_calls(g->from, FAKE_ANY), 1);
	assert_true(fake_store_holds(g->to, "a", "1", 1));
}

static void
a_service_that_knows_no_single_request_is_asked_a_few_times(void **state)
{
	struct replicate_rig *g = *state;

	replicate_rig_put_some(g, 400);
	fake_store_fail(g->to, FAKE_PUT, 0, ERR_UNSUPPORTED, FAKE_REFUSED);
	replicate_rig_run_well(g);
	replicate_rig_assert_copied(g, 400);
	/* Those that were under way when the first answer came. */
	assert_true(fake_store_calls(g->to, FAKE_PUT) < 20);
}

static void
what_can_be_reached_from_nowhere_else_streams(void **state)
{
	struct replicate_rig *g = *state;

	replicate_rig_put_some(g, 30);
	fake_store_wall(g->from, true);
	replicate_rig_run_well(g);
	replicate_rig_assert_copied(g, 30);
	assert_int_equal(g->report.copied[RUNG_STREAM], 30);
	assert_string_not_equal(g->report.why_streamed, "");
	assert_int_equal(fake_store_calls(g->to, FAKE_PUT), 0);
}

static void
tags_that_may_not_be_listed_are_done_without(void **state)
{
	struct replicate_rig *g = *state;

	replicate_rig_put_some(g, 3);
	fake_store_fail(g->from, FAKE_LIST, 1, ERR_AUTH, FAKE_REFUSED);
	replicate_rig_run_well(g);
	replicate_rig_assert_copied(g, 3);
}

/* A service that lists, and does not tell of tags. */
static void
by_tags_that_nobody_tells_nothing_is_called_done(void **state)
{
	static const char *const wanted[] = {"env=prod", NULL};
	const struct replica_filter filter = {.tags = wanted};
	struct replicate_rig *g = *state;
	struct blob_traits traits = {
	    .sequence_number = -1, .is_current_version = true};

	fake_store_put(g->from, "a", BLOB_BLOCK, "x", 1, &traits);
	fake_store_hide_tags(g->from);
	g->opts.filter = &filter;
	assert_int_equal(replicate_rig_run(g), -1);
	assert_int_equal(g->err.kind, ERR_AUTH);
	assert_non_null(strstr(g->err.text, "index tags"));
}

static void
archived_ones_are_skipped_and_counted(void **state)
{
	struct replicate_rig *g = *state;
	struct blob_traits traits = {
	    .tier = TIER_ARCHIVE,
	    .tier_name = "Archive",
	    .sequence_number = -1,
	    .is_current_version = true,
	};

	fake_store_put(g->from, "old", BLOB_BLOCK, "x", 1, &traits);
	replicate_rig_run_well(g);
	assert_int_equal(g->report.skipped[SKIP_ARCHIVED], 1);
	assert_string_equal(g->events.data, "skip old (archived); ");
	assert_int_equal(fake_store_count(g->to), 0);
}

static void
what_the_copy_cannot_hold_is_left_out_and_told(void **state)
{
	struct replicate_rig *g = *state;
	struct trait pairs[] = {{"bad-name", "1"}, {"good", "2"}};
	struct blob_traits traits = {
	    .metadata = {pairs, 2},
	    .sequence_number = -1,
	    .is_current_version = true,
	};
	struct fake_seen seen;

	fake_store_put(g->from, "a", BLOB_BLOCK, "x", 1, &traits);
	replicate_rig_run_well(g);
	assert_int_equal(g->report.lossy, 1);
	assert_non_null(strstr(
	    g->events.data, "loss a (metadata 'bad-name' cannot be held)"));
	seen = fake_store_see(g->to, "a");
	assert_null(trait_get(&seen.traits->metadata, "bad-name"));
	assert_string_equal(trait_get(&seen.traits->metadata, "good"), "2");
	replicate_rig_run_well(g);
	assert_int_equal(g->report.same, 1);
}

static void
a_disk_in_use_is_copied_from_a_snapshot(void **state)
{
	struct replicate_rig *g = *state;
	static const char disk[1024] = "boot";

	fake_store_put(g->from, "disk", BLOB_PAGE, disk, sizeof(disk), NULL);
	fake_store_lease(g->from, "disk", true);
	replicate_rig_run_well(g);
	assert_true(replicate_rig_copied(g, "disk"));
	assert_int_equal(fake_store_calls(g->from, FAKE_SNAPSHOT), 1);
	assert_int_equal(fake_store_see(g->from, "disk").snapshots, 0);
	fake_store_calm(g->from);
	replicate_rig_run_well(g);
	assert_int_equal(g->report.same, 1);
	assert_int_equal(fake_store_calls(g->from, FAKE_SNAPSHOT), 0);
}

static void
a_sample_is_the_first_and_one_in_a_hundred(void **state)
{
	struct replicate_rig *g = *state;

	replicate_rig_put_some(g, 201);
	g->opts.verify = VERIFY_SAMPLE;
	replicate_rig_run_well(g);
	assert_int_equal(g->report.verified, 3);
}

static void
a_place_within_the_other_is_refused(void **state)
{
	struct replicate_rig *g = *state;
	struct store *inner = fake_store_new("home/copy", 0);
	struct store *beside = fake_store_new("home2", 0);
	struct err err = {0};

	assert_int_equal(
	    replicate(g->from, inner, &g->opts, &g->scope, &g->report, &err),
	    -1);
	assert_int_equal(err.kind, ERR_USAGE);
	assert_int_equal(
	    replicate(inner, g->from, &g->opts, &g->scope, &g->report, &err),
	    -1);
	assert_int_equal(
	    replicate(g->from, g->from, &g->opts, &g->scope, &g->report, &err),
	    -1);
	assert_int_equal(
	    replicate(g->from, beside, &g->opts, &g->scope, &g->report, &err),
	    0);
	store_free(inner);
	store_free(beside);
}

#define TEST(f) \
	cmocka_unit_test_setup_teardown( \
	    f, replicate_rig_setup, replicate_rig_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(small_blobs_take_one_request_each),
	    TEST(a_second_run_has_nothing_to_do),
	    TEST(what_carries_no_md5_is_looked_at_and_known_by_its_etag),
	    TEST(what_a_blob_carries_goes_along_and_is_mended_alone),
	    TEST(a_dry_run_writes_nothing_and_tells_all),
	    TEST(a_service_that_knows_no_single_request_is_asked_a_few_times),
	    TEST(what_can_be_reached_from_nowhere_else_streams),
	    TEST(tags_that_may_not_be_listed_are_done_without),
	    TEST(by_tags_that_nobody_tells_nothing_is_called_done),
	    TEST(archived_ones_are_skipped_and_counted),
	    TEST(what_the_copy_cannot_hold_is_left_out_and_told),
	    TEST(a_disk_in_use_is_copied_from_a_snapshot),
	    TEST(a_sample_is_the_first_and_one_in_a_hundred),
	    TEST(a_place_within_the_other_is_refused),
	};

	return cmocka_run_group_tests_name("replicate", tests, NULL, NULL);
}

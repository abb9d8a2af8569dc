#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/cancel.h"
#include "storage/replica_book.h"

#include "tests/sim/replicate_rig.h"

static void
one_that_cannot_be_written_does_not_hold_up_the_others(void **state)
{
	struct replicate_rig *g = *state;

	replicate_rig_put_some(g, 20);
	replicate_rig_run_well(g);
	fake_store_lease(g->to, "dir/0007", true);
	for (unsigned i = 5; i < 10; i++) {
		char name[32];

		snprintf(name, sizeof(name), "dir/%04u", i);
		replicate_rig_put(g, name, "other");
	}
	fake_store_date(
	    g->from, "dir/0007", g->clock.wall_ms - INT64_C(3600) * 1000);
	assert_int_equal(replicate_rig_run(g), -1);
	assert_int_equal(g->err.kind, ERR_CONFLICT);
	assert_non_null(strstr(g->err.text, "another holds the lease"));
	assert_int_equal(g->report.failed, 1);
	assert_int_equal(g->report.lag_ms, INT64_C(3600) * 1000);
	assert_non_null(strstr(g->events.data, "fail dir/0007 (conflict)"));
	assert_true(fake_store_holds(g->to, "dir/0007", "dir/0007", 8));
	for (unsigned i = 5; i < 10; i++)
		if (i != 7) {
			char name[32];

			snprintf(name, sizeof(name), "dir/%04u", i);
			assert_true(replicate_rig_copied(g, name));
		}
	fake_store_lease(g->to, "dir/0007", false);
	replicate_rig_run_well(g);
	replicate_rig_assert_copied(g, 20);
}

/* Writes the source again right before it is copied, so many times. */
struct writer {
	struct store *store;
	const char *name;
	enum fake_op op;
	unsigned left;
};

static int
write_before(
    void *arg, struct store *s, const struct fake_call *c, struct err *err)
{
	struct writer *w = arg;
	char text[32];

	(void)s;
	(void)err;
	if (c->op != w->op || c->done || w->left == 0 || c->blob == NULL ||
	    strcmp(c->blob, w->name) != 0)
		return 0;
	w->left--;
	snprintf(text, sizeof(text), "written %u", w->left);
	fake_store_put(w->store, w->name, BLOB_BLOCK, text, strlen(text), NULL);
	return 0;
}

static void
a_source_that_changes_under_the_copy_is_taken_again(void **state)
{
	struct replicate_rig *g = *state;
	struct writer writer = {g->from, "a", FAKE_PUT, 1};

	replicate_rig_put(g, "a", "first");
	fake_store_watch(g->to, write_before, &writer);
	replicate_rig_run_well(g);
	assert_int_equal(writer.left, 0);
	assert_int_equal(g->report.changed, 1);
	assert_true(fake_store_holds(g->to, "a", "written 0", 9));
}

static void
a_destination_that_another_wrote_is_decided_about_anew(void **state)
{
	struct replicate_rig *g = *state;
	struct writer writer = {g->to, "a", FAKE_PUT, 1};

	replicate_rig_put(g, "a", "first");
	fake_store_watch(g->to, write_before, &writer);
	replicate_rig_run_well(g);
	assert_int_equal(writer.left, 0);
	assert_int_equal(g->report.changed, 0);
	/* Not written over unseen. */
	assert_int_equal(fake_store_calls(g->to, FAKE_LOOK), 1);
	assert_true(replicate_rig_copied(g, "a"));
}

static void
a_source_that_goes_away_under_the_copy_is_no_failure(void **state)
{
	struct replicate_rig *g = *state;

	replicate_rig_put(g, "a", "first");
	fake_store_fail(g->to, FAKE_PUT, 1, ERR_CONFLICT, FAKE_REFUSED);
	fake_store_fail(g->from, FAKE_LOOK, 1, ERR_MISSING, FAKE_REFUSED);
	replicate_rig_run_well(g);
	assert_int_equal(fake_store_count(g->to), 0);
}

static void
a_lost_answer_is_looked_into_and_not_written_twice(void **state)
{
	struct replicate_rig *g = *state;

	replicate_rig_put(g, "a", "first");
	fake_store_fail(g->to, FAKE_PUT, 1, ERR_TRANSIENT, FAKE_LOST);
	replicate_rig_run_well(g);
	assert_int_equal(fake_store_calls(g->to, FAKE_PUT), 1);
	assert_int_equal(fake_store_calls(g->to, FAKE_COMMIT), 0);
	assert_int_equal(g->report.copied[RUNG_PUT], 1);
}

static void
a_source_that_nobody_may_read_any_more_is_told_once(void **state)
{
	struct replicate_rig *g = *state;
	const char *first;

	replicate_rig_put_some(g, 30);
	fake_store_fail(g->from, FAKE_GRANT_ALL, 0, ERR_AUTH, FAKE_REFUSED);
	assert_int_equal(replicate_rig_run(g), -1);
	assert_int_equal(g->err.kind, ERR_AUTH);
	assert_int_equal(g->report.failed, 30);
	first = strstr(g->events.data, "fail ");
	assert_non_null(first);
	assert_null(strstr(first + 1, "fail "));
	assert_int_equal(fake_store_count(g->to), 0);
}

static void
a_listing_that_fails_ends_the_run_and_says_which(void **state)
{
	struct replicate_rig *g = *state;

	replicate_rig_put_some(g, 5);
	for (int at_copy = 0; at_copy < 2; at_copy++) {
		struct store *s = at_copy ? g->to : g->from;

		fake_store_fail(s, FAKE_LIST, 0, ERR_AUTH, FAKE_REFUSED);
		g->opts.del.mirror = true;
		assert_int_equal(replicate_rig_run(g), -1);
		assert_int_equal(g->err.kind, ERR_AUTH);
		assert_non_null(strstr(g->err.text,
		    at_copy ? "the copy (it takes the role Storage Blob Data "
			      "Contributor"
			    : "the source (it takes the role Storage Blob "
			      "Data Reader"));
		assert_int_equal(g->report.lag_ms, -1);
		assert_int_equal(replicate_rig_writes(g), 0);
		fake_store_calm(s);
	}
}

static int
count_open(void *arg, const struct book_copy *copy, struct err *err)
{
	(void)copy;
	(void)err;
	++*(unsigned *)arg;
	return 0;
}

static void
what_an_earlier_run_left_half_done_is_settled_first(void **state)
{
	struct replicate_rig *g = *state;
	const struct replica_book_ops *book = g->book->ops;
	struct book_copy left = {
	    .name = "b",
	    .way = "blocks",
	    .src_etag = "\"old\"",
	    .copy_id = "",
	    .undo = "",
	    .state = BOOK_COPYING,
	    .why = "",
	};
	struct err err = {0};
	unsigned open = 0;

	replicate_rig_put(g, "a", "1");
	replicate_rig_put(g, "b", "2");
	assert_int_equal(book->copy_put(g->book, &left, &err), 0);
	left.name = "gone";
	assert_int_equal(book->copy_put(g->book, &left, &err), 0);
	replicate_rig_run_well(g);
	assert_int_equal(
	    book->copies_open(g->book, count_open, &open, &err), 0);
	assert_int_equal(open, 0);
	assert_true(replicate_rig_copied(g, "b"));
	assert_int_equal(fake_store_count(g->to), 2);
}

static int
cancel_at(
    void *arg, struct store *s, const struct fake_call *c, struct err *err)
{
	(void)s;
	(void)err;
	if (c->op == FAKE_PUT && c->nth == 5 && !c->done)
		cancel_trigger(arg);
	return 0;
}

static void
a_run_that_is_stopped_says_so_and_not_that_blobs_failed(void **state)
{
	struct replicate_rig *g = *state;
	struct cancel *cancel = cancel_new(NULL);

	replicate_rig_put_some(g, 100);
	g->scope.cancel = cancel;
	fake_store_watch(g->to, cancel_at, cancel);
	assert_int_equal(replicate_rig_run(g), -1);
	assert_int_equal(g->err.kind, ERR_CANCELLED);
	assert_int_equal(g->report.failed, 0);
	assert_int_equal(g->report.lag_ms, -1);
	g->scope.cancel = NULL;
	cancel_free(cancel);
	fake_store_calm(g->to);
	replicate_rig_run_well(g);
	replicate_rig_assert_copied(g, 100);
}

/* The bytes of a copy turn after it was made, as on a bad disk. */
static int
spoil(void *arg, struct store *s, const struct fake_call *c, struct err *err)
{
	(void)arg;
	(void)err;
	if (c->op == FAKE_READ && !c->done) {
		struct fake_seen seen = fake_store_see(s, c->blob);

		((unsigned char *)seen.data)[0] ^= 1;
	}
	return 0;
}

static void
a_copy_that_reads_back_otherwise_is_not_believed(void **state)
{
	struct replicate_rig *g = *state;

	replicate_rig_put(g, "a", "first");
	g->opts.verify = VERIFY_ALL;
	fake_store_watch(g->to, spoil, NULL);
	assert_int_equal(replicate_rig_run(g), -1);
	assert_int_equal(g->err.kind, ERR_CORRUPT);
	assert_int_equal(g->report.verified, 1);
	fake_store_calm(g->to);
	g->opts.verify = VERIFY_BY_SERVICE;
	replicate_rig_run_well(g);
	assert_true(replicate_rig_copied(g, "a"));
	assert_int_equal(g->report.same, 0);
}

/* n fails once; false when there is no such call. */
static bool
fails_at(struct replicate_rig *g, bool at_source, unsigned n, enum fake_how how,
    enum err_kind kind)
{
	struct store *s = at_source ? g->from : g->to;
	bool reached;

	fake_store_put(g->to, "a", BLOB_BLOCK, "old", 3, NULL);
	replicate_rig_put(g, "a", "new");
	fake_store_drop(g->to, "b");
	fake_store_put(g->to, "z", BLOB_BLOCK, "gone", 4, NULL);
	fake_store_calm(s);
	fake_store_fail(s, FAKE_ANY, n, kind, how);
	replicate_rig_run(g);
	reached = fake_store_calls(s, FAKE_ANY) >= n;
	assert_true(fake_store_holds(g->to, "a", "old", 3) ||
	    fake_store_holds(g->to, "a", "new", 3));
	fake_store_calm(s);
	replicate_rig_run_well(g);
	assert_true(replicate_rig_copied(g, "a"));
	assert_true(replicate_rig_copied(g, "b"));
	assert_int_equal(fake_store_count(g->to), 2);
	return reached;
}

static void
any_call_may_fail_and_the_next_run_makes_up_for_it(void **state)
{
	struct replicate_rig *g = *state;

	replicate_rig_put(g, "b", "second");
	g->opts.del.mirror = true;
	g->opts.del.percent = 100;
	for (int i = 0; i < 8; i++) {
		enum fake_how how = i & 1 ? FAKE_LOST : FAKE_REFUSED;
		enum err_kind kind = i & 2 ? ERR_TRANSIENT : ERR_AUTH;
		unsigned n = 1;

		while (fails_at(g, i & 4, n, how, kind))
			n++;
		assert_true(n > 2);
	}
}

#define TEST(f) \
	cmocka_unit_test_setup_teardown( \
	    f, replicate_rig_setup, replicate_rig_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(one_that_cannot_be_written_does_not_hold_up_the_others),
	    TEST(a_source_that_changes_under_the_copy_is_taken_again),
	    TEST(a_destination_that_another_wrote_is_decided_about_anew),
	    TEST(a_source_that_goes_away_under_the_copy_is_no_failure),
	    TEST(a_lost_answer_is_looked_into_and_not_written_twice),
	    TEST(a_source_that_nobody_may_read_any_more_is_told_once),
	    TEST(a_listing_that_fails_ends_the_run_and_says_which),
	    TEST(what_an_earlier_run_left_half_done_is_settled_first),
	    TEST(a_run_that_is_stopped_says_so_and_not_that_blobs_failed),
	    TEST(a_copy_that_reads_back_otherwise_is_not_believed),
	    TEST(any_call_may_fail_and_the_next_run_makes_up_for_it),
	};

	return cmocka_run_group_tests_name(
	    "replicate_faults", tests, NULL, NULL);
}

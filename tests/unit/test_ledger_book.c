/* What a replication noted is in the ledger: of its own pair, after a close. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/job/ledger.h"
#include "agent/job/ledger_book.h"
#include "agent/job/ledger_db.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "tests/sim/temp_dir.h"

#define PAIR  "0123456789abcdef"
#define OTHER "fedcba9876543210"
#define MANY  1201 /* more than two batches */

struct ground {
	struct temp_dir dir;
	struct ledger *ledger;
	struct replica_book *book;
	int64_t run;
	struct err err;
};

static void
open_book(struct ground *g, const char *pair, int64_t run)
{
	ledger_book_free(g->book);
	g->book = ledger_book_new(ledger_db_of(g->ledger), pair, run);
}

static void
open_all(struct ground *g)
{
	g->ledger = ledger_open(g->dir.path, &g->err);
	if (g->ledger == NULL)
		fail_msg("%s", g->err.text);
	g->run = ledger_run_begin(g->ledger, "files", "copy", 1, &g->err);
	assert_true(g->run > 0);
	open_book(g, PAIR, g->run);
}

static void
close_all(struct ground *g)
{
	ledger_book_free(g->book);
	g->book = NULL;
	ledger_close(g->ledger);
}

static int
up(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	temp_dir_make(&g->dir);
	open_all(g);
	*state = g;
	return 0;
}

static int
down(void **state)
{
	struct ground *g = *state;

	close_all(g);
	temp_dir_remove(&g->dir);
	free(g);
	return 0;
}

static void
put_copy(struct ground *g, const char *name, enum book_state state)
{
	const struct book_copy c = {
	    .name = name,
	    .way = "copy",
	    .src_etag = "\"0x1\"",
	    .copy_id = "id-1",
	    .undo = "2026-11-22T00:00:00Z",
	    .state = state,
	    .done = 5,
	    .total = 7,
	    .since_ms = 42,
	};

	assert_int_equal(g->book->ops->copy_put(g->book, &c, &g->err), 0);
}

static int
tell_copy(void *arg, const struct book_copy *c, struct err *err)
{
	(void)err;
	buf_addf(arg, "%s %s %s %s %s %s %d/%d %d\n", c->name, c->way,
	    c->src_etag, c->copy_id, c->undo, book_state_name(c->state),
	    (int)c->done, (int)c->total, (int)c->since_ms);
	return 0;
}

static void
assert_open(struct ground *g, const char *want)
{
	struct buf got;

	buf_init(&got, 4096);
	assert_int_equal(
	    g->book->ops->copies_open(g->book, tell_copy, &got, &g->err), 0);
	assert_string_equal(got.data, want);
	buf_release(&got);
}

static void
copies_that_have_not_ended_are_found_after_a_close(void **state)
{
	struct ground *g = *state;

	put_copy(g, "a", BOOK_PENDING);
	put_copy(g, "b", BOOK_COPYING);
	put_copy(g, "c", BOOK_COMPLETE);
	put_copy(g, "d", BOOK_FAILED);
	put_copy(g, "e", BOOK_ABORTED);
	close_all(g);
	open_all(g);
	assert_open(g,
	    "a copy \"0x1\" id-1 2026-11-22T00:00:00Z pending 5/7 42\n"
	    "b copy \"0x1\" id-1 2026-11-22T00:00:00Z copying 5/7 42\n");
	put_copy(g, "a", BOOK_COMPLETE);
	put_copy(g, "b", BOOK_ABORTED);
	assert_open(g, "");
}

static void
a_pair_does_not_see_what_is_anothers(void **state)
{
	struct ground *g = *state;

	put_copy(g, "a", BOOK_PENDING);
	open_book(g, OTHER, g->run);
	assert_open(g, "");
}

static int
count_open(void *arg, const struct ledger_copy *c, struct err *err)
{
	(void)err;
	assert_string_equal(c->job, "files");
	assert_true(c->run > 0);
	*(int *)arg += 1;
	return 0;
}

static void
who_asks_for_all_sees_every_pair(void **state)
{
	struct ground *g = *state;
	int n = 0;

	put_copy(g, "a", BOOK_PENDING);
	open_book(g, OTHER, g->run);
	put_copy(g, "a", BOOK_COPYING);
	put_copy(g, "b", BOOK_COMPLETE);
	assert_int_equal(ledger_book_each_open(
			     ledger_db_of(g->ledger), count_open, &n, &g->err),
	    0);
	assert_int_equal(n, 2);
}

static int64_t
miss(struct ground *g, const char *name, int64_t now_ms)
{
	const struct book_gone gone = {
	    .name = name,
	    .etag = "\"0x2\"",
	    .size = 9,
	    .missing_ms = now_ms,
	};
	int64_t since_ms;

	assert_int_equal(
	    g->book->ops->missing(g->book, &gone, &since_ms, &g->err), 0);
	return since_ms;
}

static void
walked(struct ground *g)
{
	assert_int_equal(g->book->ops->walked(g->book, &g->err), 0);
}

static void
next_run(struct ground *g)
{
	g->run = ledger_run_begin(g->ledger, "files", "copy", 1, &g->err);
	open_book(g, PAIR, g->run);
}

static void
what_is_missing_is_so_since_it_was_first_missed(void **state)
{
	struct ground *g = *state;

	assert_int_equal(miss(g, "a", 1000), 1000);
	walked(g);
	next_run(g);
	assert_int_equal(miss(g, "a", 2000), 1000);
	assert_int_equal(miss(g, "b", 2000), 2000);
	walked(g);
}

static void
what_came_back_is_missing_anew(void **state)
{
	struct ground *g = *state;

	miss(g, "a", 1000);
	walked(g);
	next_run(g);
	walked(g);
	next_run(g);
	assert_int_equal(miss(g, "a", 3000), 3000);
}

static void
a_walk_that_did_not_end_forgets_nothing(void **state)
{
	struct ground *g = *state;

	miss(g, "a", 1000);
	walked(g);
	next_run(g);
	assert_int_equal(g->book->ops->flush(g->book, &g->err), 0);
	next_run(g);
	assert_int_equal(miss(g, "a", 3000), 1000);
}

static void
more_than_a_batch_is_kept(void **state)
{
	struct ground *g = *state;
	char name[32];

	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "blob-%d", i);
		miss(g, name, i);
	}
	walked(g);
	close_all(g);
	open_all(g);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "blob-%d", i);
		assert_int_equal(miss(g, name, 99999), i);
	}
}

static int
tell_gone(void *arg, const struct book_gone *g, struct err *err)
{
	(void)err;
	buf_addf(arg, "%s %s %d\n", g->name, g->etag, (int)g->deleted_ms);
	return 0;
}

static void
assert_deleted(struct ground *g, int64_t run, const char *want)
{
	struct buf got;

	buf_init(&got, 4096);
	assert_int_equal(
	    g->book->ops->each_deleted(g->book, run, tell_gone, &got, &g->err),
	    0);
	assert_string_equal(got.data, want);
	buf_release(&got);
}

static void
begin_deleting(struct ground *g, const char *name)
{
	const struct book_gone gone = {
	    .name = name,
	    .etag = "\"0x2\"",
	    .deleted_ms = 77,
	};

	miss(g, name, 1);
	assert_int_equal(g->book->ops->deleting(g->book, &gone, &g->err), 0);
}

static void
what_a_run_deleted_is_told_of_it(void **state)
{
	struct ground *g = *state;
	int64_t first = g->run;

	begin_deleting(g, "a");
	begin_deleting(g, "b"); /* and it was killed then: it may be gone */
	begin_deleting(g, "c");
	walked(g);
	assert_int_equal(g->book->ops->deleted(g->book, "a", true, &g->err), 0);
	assert_int_equal(
	    g->book->ops->deleted(g->book, "c", false, &g->err), 0);
	next_run(g);
	assert_deleted(g, first, "a \"0x2\" 77\nb \"0x2\" 77\n");
	assert_deleted(g, g->run, "");
	/* "a" is not missing any more: there is nothing left to delete. */
	assert_int_equal(miss(g, "a", 500), 500);
	assert_int_equal(miss(g, "c", 500), 1);
}

static void
a_ledger_of_before_gets_the_tables(void **state)
{
	struct ground *g = *state;
	char path[400];
	sqlite3 *db;

	close_all(g);
	snprintf(path, sizeof(path), "%s/ledger.db", g->dir.path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(db,
		"DROP TABLE copies; DROP TABLE gone; DROP TABLE tombstones;"
		"PRAGMA user_version = 1;",
		NULL, NULL, NULL),
	    SQLITE_OK);
	sqlite3_close(db);
	open_all(g);
	put_copy(g, "a", BOOK_PENDING);
	assert_true(g->run > 1); /* what was there is there */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		copies_that_have_not_ended_are_found_after_a_close, up, down),
	    cmocka_unit_test_setup_teardown(
		a_pair_does_not_see_what_is_anothers, up, down),
	    cmocka_unit_test_setup_teardown(
		who_asks_for_all_sees_every_pair, up, down),
	    cmocka_unit_test_setup_teardown(
		what_is_missing_is_so_since_it_was_first_missed, up, down),
	    cmocka_unit_test_setup_teardown(
		what_came_back_is_missing_anew, up, down),
	    cmocka_unit_test_setup_teardown(
		a_walk_that_did_not_end_forgets_nothing, up, down),
	    cmocka_unit_test_setup_teardown(
		more_than_a_batch_is_kept, up, down),
	    cmocka_unit_test_setup_teardown(
		what_a_run_deleted_is_told_of_it, up, down),
	    cmocka_unit_test_setup_teardown(
		a_ledger_of_before_gets_the_tables, up, down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

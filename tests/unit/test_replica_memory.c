/* What is put into the book is there, until it has come to its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "storage/replica_book.h"
#include "storage/replica_memory.h"

struct seen {
	unsigned n;
	char names[256];
	struct replica_book *book;
};

static int
see_copy(void *arg, const struct book_copy *c, struct err *err)
{
	struct seen *s = arg;
	struct book_copy closed = *c;

	s->n++;
	strcat(strcat(s->names, c->name), " ");
	if (s->book == NULL)
		return 0;
	/* Who walks it may write to it. */
	closed.state = BOOK_FAILED;
	return s->book->ops->copy_put(s->book, &closed, err);
}

static int
see_gone(void *arg, const struct book_gone *g, struct err *err)
{
	struct seen *s = arg;

	(void)err;
	s->n++;
	strcat(strcat(s->names, g->name), " ");
	return 0;
}

static void
put(struct replica_book *b, const char *name, enum book_state state)
{
	const struct book_copy row = {
	    .name = name,
	    .way = "copy",
	    .src_etag = "\"1\"",
	    .copy_id = "",
	    .undo = "",
	    .why = "",
	    .state = state,
	};
	struct err err = {0};

	assert_int_equal(b->ops->copy_put(b, &row, &err), 0);
}

static void
copies_are_open_until_they_have_ended(void **state)
{
	struct replica_book *b = replica_memory_new();
	struct seen s = {.n = 0};
	struct err err = {0};

	(void)state;
	put(b, "b", BOOK_PENDING);
	put(b, "a", BOOK_COPYING);
	put(b, "c", BOOK_PENDING);
	put(b, "c", BOOK_COMPLETE);
	put(b, "d", BOOK_ABORTED);
	assert_int_equal(b->ops->copies_open(b, see_copy, &s, &err), 0);
	assert_string_equal(s.names, "a b ");
	s = (struct seen){.book = b};
	assert_int_equal(b->ops->copies_open(b, see_copy, &s, &err), 0);
	assert_int_equal(s.n, 2);
	assert_int_equal(b->ops->copies_open(b, see_copy, &s, &err), 0);
	assert_int_equal(s.n, 2);
	replica_memory_free(b);
}

static int64_t
miss(struct replica_book *b, const char *name, int64_t now_ms)
{
	const struct book_gone g = {
	    .name = name, .etag = "\"1\"", .version = "", .missing_ms = now_ms};
	struct err err = {0};
	int64_t since_ms;

	assert_int_equal(b->ops->missing(b, &g, &since_ms, &err), 0);
	return since_ms;
}

static void
what_is_missing_is_so_since_it_was_first_missed(void **state)
{
	struct replica_book *b = replica_memory_new();
	struct err err = {0};

	(void)state;
	assert_int_equal(miss(b, "a", 1), 1);
	assert_int_equal(miss(b, "b", 1), 1);
	assert_int_equal(b->ops->walked(b, &err), 0);
	assert_int_equal(miss(b, "a", 2), 1);
	assert_int_equal(b->ops->walked(b, &err), 0);
	/* b was not missed by that walk: it was back. */
	assert_int_equal(miss(b, "b", 3), 3);
	replica_memory_free(b);
}

static void
what_a_run_deleted_is_told(void **state)
{
	struct replica_book *b = replica_memory_new();
	struct book_gone g = {
	    .etag = "\"1\"", .version = "", .missing_ms = 1, .run = 7};
	static const char *const names[] = {"a", "b", "c"};
	struct seen s = {.n = 0};
	struct err err = {0};

	(void)state;
	for (int i = 0; i < 3; i++) {
		g.name = names[i];
		g.run = 7 + i / 2;
		assert_int_equal(b->ops->deleting(b, &g, &err), 0);
		assert_int_equal(b->ops->deleted(b, names[i], i != 1, &err), 0);
	}
	assert_int_equal(b->ops->walked(b, &err), 0);
	assert_int_equal(b->ops->each_deleted(b, 7, see_gone, &s, &err), 0);
	assert_string_equal(s.names, "a ");
	/* Back, and missing anew. */
	assert_int_equal(miss(b, "a", 9), 9);
	assert_int_equal(b->ops->flush(b, &err), 0);
	replica_memory_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(copies_are_open_until_they_have_ended),
	    cmocka_unit_test(what_is_missing_is_so_since_it_was_first_missed),
	    cmocka_unit_test(what_a_run_deleted_is_told),
	};

	return cmocka_run_group_tests_name("replica_memory", tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/scope.h"
#include "storage/listing.h"
#include "storage/store.h"
#include "tests/sim/fake_store.h"
#include "tests/sim/named_pages.h"
#include "tests/sim/runner.h"

static const char *const letters[] = {"a", "b", "c", "d", "e", "f", "g"};
#define LETTERS (sizeof(letters) / sizeof(letters[0]))

static struct listing *
begin(struct store *s, const struct scope *scope)
{
	static const struct list_opts all;
	struct err err = {0};
	struct listing *l = listing_new(s, scope, &all, &err);

	assert_non_null(l);
	return l;
}

/* All that it tells, one after the other; what it ended with. */
static int
read_all(struct listing *l, char *names, size_t size, struct err *err)
{
	const struct list_item *item;
	int rc;

	*names = '\0';
	while ((rc = listing_next(l, &item, err)) == 1) {
		assert_true(strlen(names) + strlen(item->name) < size);
		strcat(names, item->name);
	}
	return rc;
}

static void
tells_every_name_whatever_the_pages(void **state)
{
	struct scope scope = scope_root(NULL);

	(void)state;
	for (size_t n = 0; n <= LETTERS; n++) {
		for (size_t size = 1; size < 9; size++) {
			struct named_pages pages;
			struct listing_facts facts;
			struct listing *l;
			char names[16];
			struct err err;

			named_pages_init(&pages, letters, n, size);
			l = begin(&pages.base, &scope);
			assert_int_equal(
			    read_all(l, names, sizeof(names), &err), 0);
			assert_int_equal(strlen(names), n);
			assert_memory_equal(names, "abcdefg", n);
			/* The end stays the end. */
			assert_int_equal(
			    read_all(l, names, sizeof(names), &err), 0);
			listing_facts(l, &facts);
			assert_int_equal(facts.names, n);
			assert_int_equal(
			    facts.pages, n == 0 ? 1 : (n + size - 1) / size);
			assert_true(facts.is_complete && facts.is_ascending);
			assert_string_equal(facts.out_of_order, "");
			listing_free(l);
			named_pages_release(&pages);
		}
	}
}

/* Each page of one name, so that nothing else keeps it. */
static void
an_item_is_good_until_the_call_after_the_next(void **state)
{
	struct scope scope = scope_root(NULL);
	const struct list_item *before = NULL, *item;
	struct named_pages pages;
	struct listing *l;
	struct err err;

	(void)state;
	named_pages_init(&pages, letters, LETTERS, 1);
	pages.empty_at = 3;
	l = begin(&pages.base, &scope);
	for (size_t i = 0; i < LETTERS; i++) {
		assert_int_equal(listing_next(l, &item, &err), 1);
		assert_string_equal(item->name, letters[i]);
		if (i > 0)
			assert_string_equal(before->name, letters[i - 1]);
		before = item;
	}
	assert_int_equal(listing_next(l, &item, &err), 0);
	assert_string_equal(before->name, letters[LETTERS - 1]);
	listing_free(l);
	named_pages_release(&pages);
}

static void
an_empty_page_is_not_the_end(void **state)
{
	struct scope scope = scope_root(NULL);

	(void)state;
	for (unsigned at = 1; at <= 3; at++) {
		struct named_pages pages;
		struct listing *l;
		char names[16];
		struct err err;

		named_pages_init(&pages, letters, LETTERS, 3);
		pages.empty_at = at;
		l = begin(&pages.base, &scope);
		assert_int_equal(read_all(l, names, sizeof(names), &err), 0);
		assert_string_equal(names, "abcdefg");
		listing_free(l);
		named_pages_release(&pages);
	}
}

static void
asks_for_one_page_ahead_and_no_more(void **state)
{
	struct scope scope = scope_root(NULL);
	const struct list_item *item;
	struct named_pages pages;
	struct listing *l;
	struct err err;

	(void)state;
	named_pages_init(&pages, letters, LETTERS, 2);
	named_pages_let(&pages, 1);
	l = begin(&pages.base, &scope);
	/* The second is asked for while the first is read... */
	assert_int_equal(listing_next(l, &item, &err), 1);
	named_pages_wait(&pages, 2);
	assert_int_equal(listing_next(l, &item, &err), 1);
	assert_string_equal(item->name, "b");
	named_pages_let(&pages, UINT_MAX);
	/* ... and the third when that was begun with, but not the fourth. */
	assert_int_equal(listing_next(l, &item, &err), 1);
	named_pages_wait(&pages, 3);
	assert_int_equal(listing_next(l, &item, &err), 1);
	assert_int_equal(pages.asked, 3);
	listing_free(l);
	named_pages_release(&pages);
}

static void
a_page_that_fails_ends_it_for_good(void **state)
{
	struct scope scope = scope_root(NULL);
	struct listing_facts facts;
	struct named_pages pages;
	struct listing *l;
	char names[16];
	struct err err;

	(void)state;
	named_pages_init(&pages, letters, LETTERS, 2);
	pages.fail_at = 3;
	l = begin(&pages.base, &scope);
	assert_int_equal(read_all(l, names, sizeof(names), &err), -1);
	assert_string_equal(names, "abcd");
	assert_int_equal(err.kind, ERR_SERVER);
	assert_string_equal(err.text, "page 3 of the listing: page refused");
	err = (struct err){0};
	assert_int_equal(read_all(l, names, sizeof(names), &err), -1);
	assert_string_equal(err.text, "page 3 of the listing: page refused");
	listing_facts(l, &facts);
	assert_false(facts.is_complete);
	assert_int_equal(facts.names, 4);
	assert_int_equal(facts.pages, 2);
	listing_free(l);
	named_pages_release(&pages);
}

static void
the_same_page_again_is_no_listing(void **state)
{
	struct scope scope = scope_root(NULL);
	struct named_pages pages;
	struct listing *l;
	char names[16];
	struct err err;

	(void)state;
	named_pages_init(&pages, letters, LETTERS, 2);
	pages.stuck_at = 2;
	l = begin(&pages.base, &scope);
	assert_int_equal(read_all(l, names, sizeof(names), &err), -1);
	assert_string_equal(names, "ab");
	assert_int_equal(err.kind, ERR_CORRUPT);
	listing_free(l);
	named_pages_release(&pages);
}

static void
what_is_out_of_order_is_noted_and_told(void **state)
{
	static const char *const mixed[] = {"a", "c", "b", "B", "d"};
	static const char *const twice[] = {"a", "b", "b"};
	struct scope scope = scope_root(NULL);
	struct listing_facts facts;
	struct named_pages pages;
	struct listing *l;
	char names[16];
	struct err err;

	(void)state;
	named_pages_init(&pages, mixed, 5, 2);
	l = begin(&pages.base, &scope);
	assert_int_equal(read_all(l, names, sizeof(names), &err), 0);
	assert_string_equal(names, "acbBd");
	listing_facts(l, &facts);
	assert_true(facts.is_complete);
	assert_false(facts.is_ascending);
	assert_string_equal(facts.out_of_order, "b");
	listing_free(l);
	named_pages_release(&pages);

	named_pages_init(&pages, twice, 3, 2);
	l = begin(&pages.base, &scope);
	assert_int_equal(read_all(l, names, sizeof(names), &err), 0);
	listing_facts(l, &facts);
	assert_false(facts.is_ascending);
	listing_free(l);

	/* A blob and its snapshots have one name. */
	l = listing_new(&pages.base, &scope,
	    &(struct list_opts){.with = LIST_SNAPSHOTS}, &err);
	assert_int_equal(read_all(l, names, sizeof(names), &err), 0);
	listing_facts(l, &facts);
	assert_true(facts.is_ascending);
	listing_free(l);
	named_pages_release(&pages);
}

struct reader {
	struct listing *listing;
	struct runner runner;
	struct err err;
	int rc;
};

static void
read_one(void *arg)
{
	struct reader *r = arg;
	const struct list_item *item;

	r->rc = listing_next(r->listing, &item, &r->err);
}

static void
a_cancel_ends_the_wait_for_a_slow_peer(void **state)
{
	struct cancel *cancel = cancel_new(NULL);
	struct scope scope = scope_root(cancel);
	struct named_pages pages;
	struct reader r = {0};

	(void)state;
	named_pages_init(&pages, letters, LETTERS, 2);
	named_pages_let(&pages, 0);
	r.listing = begin(&pages.base, &scope);
	runner_start(&r.runner, read_one, &r);
	named_pages_wait(&pages, 1);
	runner_wait_blocked(&r.runner);
	cancel_trigger(cancel);
	runner_join(&r.runner);
	assert_int_equal(r.rc, -1);
	assert_int_equal(r.err.kind, ERR_CANCELLED);
	listing_free(r.listing);
	cancel_free(cancel);
	named_pages_release(&pages);
}

/* The caller's scope goes on; only the listing is over. */
static void
freeing_it_stops_what_is_on_its_way(void **state)
{
	struct cancel *cancel = cancel_new(NULL);
	struct scope scope = scope_root(cancel);
	struct named_pages pages;
	struct listing *l;
	struct err err;

	(void)state;
	named_pages_init(&pages, letters, LETTERS, 2);
	named_pages_let(&pages, 0);
	l = begin(&pages.base, &scope);
	named_pages_wait(&pages, 1);
	listing_free(l);
	assert_int_equal(scope_check(&scope, &err), 0);

	/* Also with a page that nobody took. */
	named_pages_let(&pages, UINT_MAX);
	l = begin(&pages.base, &scope);
	named_pages_wait(&pages, 2);
	listing_free(l);
	listing_free(NULL);
	cancel_free(cancel);
	named_pages_release(&pages);
}

static void
a_deadline_ends_it(void **state)
{
	struct scope all = scope_root(NULL);
	struct scope scope = scope_within(&all, 20);
	const struct list_item *item;
	struct named_pages pages;
	struct listing *l;
	struct err err;

	(void)state;
	named_pages_init(&pages, letters, LETTERS, 2);
	named_pages_let(&pages, 0);
	l = begin(&pages.base, &scope);
	assert_int_equal(listing_next(l, &item, &err), -1);
	assert_int_equal(err.kind, ERR_UNREACHABLE);
	listing_free(l);
	named_pages_release(&pages);
}

/* After the first page was told: one name before its end, one behind. */
static int
add_two(
    void *arg, struct store *s, const struct fake_call *call, struct err *err)
{
	(void)arg;
	(void)err;
	if (call->op == FAKE_LIST && call->nth == 1 && call->done) {
		fake_store_put(s, "aa", BLOB_BLOCK, "x", 1, NULL);
		fake_store_put(s, "cc", BLOB_BLOCK, "x", 1, NULL);
	}
	return 0;
}

static void
what_is_added_behind_the_page_is_told_in_order(void **state)
{
	struct scope scope = scope_root(NULL);
	struct store *s = fake_store_new("s", 0);
	struct listing_facts facts;
	struct listing *l;
	char names[16];
	struct err err;

	(void)state;
	for (size_t i = 0; i < LETTERS; i++)
		fake_store_put(s, letters[i], BLOB_BLOCK, "x", 1, NULL);
	fake_store_watch(s, add_two, NULL);
	l = listing_new(s, &scope, &(struct list_opts){.page_size = 2}, &err);
	assert_int_equal(read_all(l, names, sizeof(names), &err), 0);
	assert_string_equal(names, "abcccdefg");
	listing_facts(l, &facts);
	assert_true(facts.is_complete && facts.is_ascending);
	listing_free(l);
	store_free(s);
}

static bool
begins_without_threads(void)
{
	struct scope scope = scope_root(NULL);
	struct named_pages pages;
	struct err err = {0};
	struct listing *l;

	named_pages_init(&pages, letters, LETTERS, 2);
	l = listing_new(&pages.base, &scope, &(struct list_opts){0}, &err);
	named_pages_release(&pages);
	return l == NULL && err.kind == ERR_SYSTEM;
}

static void
without_a_thread_it_does_not_begin(void **state)
{
	(void)state;
	assert_true(without_threads(begins_without_threads));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tells_every_name_whatever_the_pages),
	    cmocka_unit_test(an_item_is_good_until_the_call_after_the_next),
	    cmocka_unit_test(an_empty_page_is_not_the_end),
	    cmocka_unit_test(asks_for_one_page_ahead_and_no_more),
	    cmocka_unit_test(a_page_that_fails_ends_it_for_good),
	    cmocka_unit_test(the_same_page_again_is_no_listing),
	    cmocka_unit_test(what_is_out_of_order_is_noted_and_told),
	    cmocka_unit_test(a_cancel_ends_the_wait_for_a_slow_peer),
	    cmocka_unit_test(freeing_it_stops_what_is_on_its_way),
	    cmocka_unit_test(a_deadline_ends_it),
	    cmocka_unit_test(what_is_added_behind_the_page_is_told_in_order),
	    cmocka_unit_test(without_a_thread_it_does_not_begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

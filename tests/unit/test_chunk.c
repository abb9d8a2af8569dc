#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/budget.h"
#include "base/cancel.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/scope.h"
#include "tests/sim/runner.h"

static void
is_charged_until_the_last_reference_goes(void **state)
{
	struct scope s = scope_root(NULL);
	struct budget *b = budget_new(100);
	struct err err = {0};
	struct chunk *c = chunk_new(b, 80, &s, &err);

	(void)state;
	assert_int_equal(c->len, 0);
	memcpy(chunk_room(c), "hello", 5);
	chunk_set_len(c, 5);
	assert_int_equal(c->len, 5);
	assert_memory_equal(c->data, "hello", 5);
	assert_int_equal(budget_left(b), 20);
	assert_ptr_equal(chunk_ref(c), c);
	chunk_unref(c);
	assert_int_equal(budget_left(b), 20);
	chunk_unref(c);
	assert_int_equal(budget_left(b), 100);
	chunk_unref(NULL);
	budget_free(b);
}

static void
one_over_the_budget_is_refused(void **state)
{
	struct cancel *cancel = cancel_new(NULL);
	struct scope s = scope_root(cancel);
	struct budget *b = budget_new(100);
	struct err err = {0};
	struct chunk *c;

	(void)state;
	assert_null(chunk_new(b, 101, &s, &err));
	assert_int_equal(err.kind, ERR_USAGE);
	c = chunk_new(b, 100, &s, &err);
	cancel_trigger(cancel);
	assert_null(chunk_new(b, 1, &s, &err));
	assert_int_equal(err.kind, ERR_CANCELLED);
	chunk_unref(c);
	budget_free(b);
	cancel_free(cancel);
}

/* The share is back with the parent once the last chunk is. */
static void
chunks_outlive_a_freed_budget(void **state)
{
	struct scope s = scope_root(NULL);
	struct budget *root = budget_new(100);
	struct err err = {0};
	struct budget *b = budget_carve(root, 60, &err);
	struct chunk *c = chunk_new(b, 10, &s, &err);
	struct chunk *empty = chunk_new(b, 0, &s, &err);

	(void)state;
	budget_free(b);
	assert_int_equal(budget_left(root), 40);
	chunk_unref(c);
	assert_int_equal(budget_left(root), 100);
	chunk_unref(empty);
	budget_free(root);
}

static void
one_without_a_budget_needs_no_scope(void **state)
{
	struct err err = {0};
	struct chunk *c = chunk_new(NULL, 10, NULL, &err);

	(void)state;
	chunk_set_len(c, 10);
	chunk_unref(c);
}

static void
a_slice_of_a_slice_keeps_the_root(void **state)
{
	struct scope s = scope_root(NULL);
	struct budget *b = budget_new(100);
	struct err err = {0};
	struct chunk *c = chunk_new(b, 10, &s, &err), *mid, *inner;

	(void)state;
	memcpy(chunk_room(c), "0123456789", 10);
	chunk_set_len(c, 10);
	mid = chunk_slice(c, 2, 6);
	inner = chunk_slice(mid, 1, 3);
	chunk_unref(mid);
	chunk_unref(c);
	assert_int_equal(budget_left(b), 90);
	assert_int_equal(inner->len, 3);
	assert_memory_equal(inner->data, "345", 3);
	chunk_unref(inner);
	assert_int_equal(budget_left(b), 100);
	budget_free(b);
}

static void
a_view_and_an_empty_slice_stand_on_nothing(void **state)
{
	struct chunk *v = chunk_view("literal", 7), *part, *none;

	(void)state;
	part = chunk_slice(v, 3, 4);
	none = chunk_slice(v, 7, 0);
	chunk_unref(v);
	assert_memory_equal(part->data, "eral", 4);
	assert_int_equal(none->len, 0);
	chunk_unref(part);
	chunk_unref(none);
}

static void
ref_and_unref(void *arg)
{
	for (int i = 0; i < 10000; i++)
		chunk_unref(chunk_ref(arg));
	chunk_unref(arg);
}

static void
threads_may_share_it(void **state)
{
	struct scope s = scope_root(NULL);
	struct budget *b = budget_new(100);
	struct err err = {0};
	struct chunk *c = chunk_new(b, 10, &s, &err);
	struct runner r[2];

	(void)state;
	for (int i = 0; i < 2; i++)
		runner_start(&r[i], ref_and_unref, chunk_ref(c));
	chunk_unref(c);
	for (int i = 0; i < 2; i++)
		runner_join(&r[i]);
	assert_int_equal(budget_left(b), 100);
	budget_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(is_charged_until_the_last_reference_goes),
	    cmocka_unit_test(one_over_the_budget_is_refused),
	    cmocka_unit_test(chunks_outlive_a_freed_budget),
	    cmocka_unit_test(one_without_a_budget_needs_no_scope),
	    cmocka_unit_test(a_slice_of_a_slice_keeps_the_root),
	    cmocka_unit_test(a_view_and_an_empty_slice_stand_on_nothing),
	    cmocka_unit_test(threads_may_share_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

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
#include "base/err.h"
#include "base/scope.h"
#include "tests/sim/runner.h"

static void
what_is_charged_is_gone_until_it_returns(void **state)
{
	struct scope s = scope_root(NULL);
	struct budget *b = budget_new(100);
	struct err err = {0};

	(void)state;
	assert_int_equal(budget_charge(b, 60, &s, &err), 0);
	assert_int_equal(budget_charge(b, 40, &s, &err), 0);
	assert_int_equal(budget_charge(b, 0, &s, &err), 0);
	assert_int_equal(budget_left(b), 0);
	budget_return(b, 60);
	assert_int_equal(budget_left(b), 60);
	assert_int_equal(budget_size(b), 100);
	budget_return(b, 40);
	assert_int_equal(budget_peak(b), 100);
	budget_free(b);
	budget_free(NULL);
}

static void
more_than_the_whole_is_refused_at_once(void **state)
{
	struct scope s = scope_root(NULL);
	struct budget *b = budget_new(100 << 10);
	struct err err = {0};

	(void)state;
	assert_int_equal(budget_charge(b, 101 << 10, &s, &err), -1);
	assert_int_equal(err.kind, ERR_USAGE);
	assert_string_equal(err.text,
	    "101 KiB of memory are needed where 100 are allowed; "
	    "raise --memory");
	assert_int_equal(budget_charge(b, SIZE_MAX, &s, &err), -1);
	budget_free(b);
}

static void
a_child_holds_its_share_while_it_lives(void **state)
{
	struct budget *root = budget_new(100), *a, *b;
	struct err err = {0};

	(void)state;
	a = budget_carve(root, 70, &err);
	assert_int_equal(budget_left(root), 30);
	assert_int_equal(budget_peak(root), 70);
	assert_int_equal(budget_peak(a), 0);
	assert_int_equal(budget_left(a), 70);
	assert_null(budget_carve(root, 31, &err));
	assert_int_equal(err.kind, ERR_USAGE);
	b = budget_carve(root, 30, &err);
	assert_non_null(b);
	budget_free(a);
	assert_int_equal(budget_left(root), 70);
	budget_free(b);
	budget_free(root);
}

struct charge {
	struct budget *budget;
	struct scope scope;
	size_t bytes;
	int rc;
	struct err err;
};

static void
charge(void *arg)
{
	struct charge *c = arg;

	c->rc = budget_charge(c->budget, c->bytes, &c->scope, &c->err);
}

static void
a_charge_waits_for_room(void **state)
{
	struct charge c = {
	    .budget = budget_new(100), .scope = scope_root(NULL), .bytes = 50};
	struct err err = {0};
	struct runner r;

	(void)state;
	assert_int_equal(budget_charge(c.budget, 100, &c.scope, &err), 0);
	runner_start(&r, charge, &c);
	runner_wait_blocked(&r);
	budget_return(c.budget, 49);
	runner_wait_blocked(&r);
	budget_return(c.budget, 1);
	runner_join(&r);
	assert_int_equal(c.rc, 0);
	assert_int_equal(budget_left(c.budget), 0);
	budget_return(c.budget, 100);
	budget_free(c.budget);
}

static void
a_cancel_ends_the_wait_and_charges_nothing(void **state)
{
	struct cancel *cancel = cancel_new(NULL);
	struct charge c = {.budget = budget_new(100),
	    .scope = scope_root(cancel),
	    .bytes = 50};
	struct err err = {0};
	struct runner r;

	(void)state;
	assert_int_equal(budget_charge(c.budget, 60, &c.scope, &err), 0);
	runner_start(&r, charge, &c);
	runner_wait_blocked(&r);
	cancel_trigger(cancel);
	runner_join(&r);
	assert_int_equal(c.rc, -1);
	assert_int_equal(c.err.kind, ERR_CANCELLED);
	assert_int_equal(budget_left(c.budget), 40);
	budget_return(c.budget, 60);
	budget_free(c.budget);
	cancel_free(cancel);
}

static void
the_deadline_ends_the_wait(void **state)
{
	struct scope root = scope_root(NULL);
	struct charge c = {.budget = budget_new(100),
	    .scope = scope_within(&root, 10),
	    .bytes = 100};
	struct err err = {0};

	(void)state;
	assert_int_equal(budget_charge(c.budget, 1, &root, &err), 0);
	charge(&c);
	assert_int_equal(c.rc, -1);
	assert_int_equal(c.err.kind, ERR_UNREACHABLE);
	budget_return(c.budget, 1);
	budget_free(c.budget);
}

static void
charge_and_return(void *arg)
{
	struct charge *c = arg;

	for (int i = 0; i < 2000 && c->rc == 0; i++) {
		charge(c);
		if (c->rc == 0)
			budget_return(c->budget, c->bytes);
	}
}

static void
many_threads_share_one(void **state)
{
	struct budget *b = budget_new(100);
	struct charge c[3];
	struct runner r[3];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		c[i] = (struct charge){.budget = b,
		    .scope = scope_root(NULL),
		    .bytes = 40 + 10 * i};
		runner_start(&r[i], charge_and_return, &c[i]);
	}
	for (size_t i = 0; i < 3; i++) {
		runner_join(&r[i]);
		assert_int_equal(c[i].rc, 0);
	}
	assert_int_equal(budget_left(b), 100);
	budget_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_charged_is_gone_until_it_returns),
	    cmocka_unit_test(more_than_the_whole_is_refused_at_once),
	    cmocka_unit_test(a_child_holds_its_share_while_it_lives),
	    cmocka_unit_test(a_charge_waits_for_room),
	    cmocka_unit_test(a_cancel_ends_the_wait_and_charges_nothing),
	    cmocka_unit_test(the_deadline_ends_the_wait),
	    cmocka_unit_test(many_threads_share_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

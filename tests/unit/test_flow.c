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
#include "base/flow.h"
#include "base/handoff.h"
#include "base/scope.h"
#include "base/sink.h"
#include "tests/sim/probe.h"

static void
links_its_stages_and_frees_each_once(void **state)
{
	struct scope root = scope_root(NULL);
	struct flow *f = flow_new(&root);
	struct err err = {0};
	unsigned frees = 0;
	struct probe *probe = probe_new(&frees);

	(void)state;
	assert_null(flow_head(f));
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    flow_append(f, handoff_new(flow_scope(f), 2, &err)), 0);
	assert_int_equal(flow_append(f, &probe->base), 0);
	assert_int_equal(sink_write_bytes(flow_head(f), "abc", 3, &err), 0);
	assert_int_equal(sink_finish(flow_head(f), &err), 0);
	assert_string_equal(probe->bytes.data, "abc");
	assert_int_equal(probe->finishes, 1);
	flow_free(f);
	flow_free(NULL);
	assert_int_equal(frees, 1);
}

static void
a_constructors_failure_passes_through(void **state)
{
	struct scope root = scope_root(NULL);
	struct flow *f = flow_new(&root);

	(void)state;
	assert_int_equal(flow_append(f, NULL), -1);
	assert_null(flow_head(f));
	flow_free(f);
}

static void
freeing_half_way_cancels_and_finishes_nothing(void **state)
{
	struct cancel *cancel = cancel_new(NULL);
	struct scope root = scope_root(cancel);
	struct flow *f = flow_new(&root);
	struct err err = {0};
	struct probe *probe = probe_new(NULL);

	(void)state;
	assert_int_equal(
	    flow_append(f, handoff_new(flow_scope(f), 1, &err)), 0);
	assert_int_equal(flow_append(f, &probe->base), 0);
	assert_int_equal(sink_write_bytes(flow_head(f), "abc", 3, &err), 0);
	flow_free(f);
	assert_false(cancel_triggered(cancel));
	cancel_free(cancel);
}

/* A last stage that fails ends a producer's wait for something else, and
 * flow_failed() tells why. */
static void
a_failure_ends_the_producers_waits_and_is_told(void **state)
{
	struct scope root = scope_root(NULL);
	struct flow *f = flow_new(&root);
	struct budget *budget = budget_new(10);
	struct err err = {0};
	struct probe *probe = probe_new(NULL);

	(void)state;
	probe->fail_write = 1;
	for (int i = 0; i < 2; i++)
		assert_int_equal(
		    flow_append(f, handoff_new(flow_scope(f), 2, &err)), 0);
	assert_int_equal(flow_append(f, &probe->base), 0);
	assert_int_equal(budget_charge(budget, 10, flow_scope(f), &err), 0);

	assert_int_equal(sink_write_bytes(flow_head(f), "abc", 3, &err), 0);
	assert_int_equal(budget_charge(budget, 1, flow_scope(f), &err), -1);
	assert_int_equal(err.kind, ERR_CANCELLED);
	assert_int_equal(flow_failed(f, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_string_equal(err.text, "write 1 refused");
	flow_free(f);
	budget_return(budget, 10);
	budget_free(budget);
}

static void
a_cancel_from_above_stays_one(void **state)
{
	struct cancel *cancel = cancel_new(NULL);
	struct scope root = scope_root(cancel);
	struct flow *f = flow_new(&root);
	struct err err = {0};

	(void)state;
	assert_int_equal(
	    flow_append(f, handoff_new(flow_scope(f), 1, &err)), 0);
	assert_int_equal(flow_append(f, &probe_new(NULL)->base), 0);
	cancel_trigger(cancel);
	assert_int_equal(scope_check(flow_scope(f), &err), -1);
	assert_int_equal(flow_failed(f, &err), -1);
	assert_int_equal(err.kind, ERR_CANCELLED);

	/* An error of its own is left alone. */
	err_set(&err, ERR_CORRUPT, "mine");
	assert_int_equal(flow_failed(f, &err), -1);
	assert_string_equal(err.text, "mine");
	flow_free(f);
	cancel_free(cancel);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(links_its_stages_and_frees_each_once),
	    cmocka_unit_test(a_constructors_failure_passes_through),
	    cmocka_unit_test(freeing_half_way_cancels_and_finishes_nothing),
	    cmocka_unit_test(a_failure_ends_the_producers_waits_and_is_told),
	    cmocka_unit_test(a_cancel_from_above_stays_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

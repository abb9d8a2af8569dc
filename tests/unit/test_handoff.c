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
#include "base/flow.h"
#include "base/handoff.h"
#include "base/scope.h"
#include "base/sink.h"
#include "tests/sim/probe.h"
#include "tests/sim/runner.h"

/* A queue of two in front of a probe. */
struct rig {
	struct cancel *cancel;
	struct scope scope;
	struct sink *handoff;
	struct probe *probe;
	unsigned frees;
	struct err err;
};

static void
rig_init(struct rig *r)
{
	*r = (struct rig){.cancel = cancel_new(NULL)};
	r->scope = scope_root(r->cancel);
	r->probe = probe_new(&r->frees);
	r->handoff = handoff_new(&r->scope, 2, &r->err);
	assert_non_null(r->handoff);
	r->handoff->next = &r->probe->base;
}

static void
rig_release(struct rig *r)
{
	cancel_trigger(r->cancel);
	sink_free(r->handoff);
	sink_free(&r->probe->base);
	cancel_free(r->cancel);
}

static int
put(struct rig *r, const char *text)
{
	return sink_write_bytes(r->handoff, text, strlen(text), &r->err);
}

/* Writes until one fails, for a writer on a thread of its own. */
static void
write_on(void *arg)
{
	while (put(arg, "x") == 0)
		;
}

static void
finish_drains_in_order_and_finishes_next(void **state)
{
	struct rig r;
	char want[2001] = "";

	(void)state;
	rig_init(&r);
	for (int i = 0; i < 1000; i++) {
		char two[3] = {(char)('a' + i % 26), (char)('A' + i % 25), 0};

		strcat(want, two);
		assert_int_equal(put(&r, two), 0);
	}
	assert_int_equal(sink_finish(r.handoff, &r.err), 0);
	assert_string_equal(r.probe->bytes.data, want);
	assert_int_equal(r.probe->finishes, 1);
	rig_release(&r);
	assert_int_equal(r.frees, 1);
}

static void
finish_without_a_write_finishes_next(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r);
	assert_int_equal(sink_finish(r.handoff, &r.err), 0);
	assert_int_equal(r.probe->finishes, 1);
	rig_release(&r);
}

static void
a_later_write_reports_an_earlier_failure(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r);
	r.probe->fail_write = 1;
	write_on(&r);
	assert_int_equal(r.err.kind, ERR_TRANSIENT);
	assert_string_equal(r.err.text, "write 1 refused");

	/* And stays failed; the others' waits were ended. */
	assert_int_equal(put(&r, "x"), -1);
	assert_string_equal(r.err.text, "write 1 refused");
	assert_int_equal(r.probe->writes, 1);
	rig_release(&r);
}

static void
finish_reports_an_earlier_failure_and_finishes_nothing(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r);
	r.probe->fail_write = 1;
	assert_int_equal(put(&r, "x"), 0);
	assert_int_equal(sink_finish(r.handoff, &r.err), -1);
	assert_string_equal(r.err.text, "write 1 refused");
	assert_int_equal(r.probe->finishes, 0);
	rig_release(&r);
}

static void
finish_passes_on_the_failure_of_the_next_finish(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r);
	r.probe->fail_finish = true;
	assert_int_equal(put(&r, "x"), 0);
	assert_int_equal(sink_finish(r.handoff, &r.err), -1);
	assert_string_equal(r.err.text, "finish refused");
	rig_release(&r);
}

static void
a_full_queue_holds_the_writer_up(void **state)
{
	struct rig r;
	struct runner writer;

	(void)state;
	rig_init(&r);
	r.probe->held = true;
	runner_start(&writer, write_on, &r);
	probe_wait_held(r.probe);
	runner_wait_blocked(&writer);
	assert_int_equal(r.probe->writes, 1);

	/* The wait ends with the scope. */
	cancel_trigger(r.cancel);
	runner_join(&writer);
	assert_int_equal(r.err.kind, ERR_CANCELLED);
	probe_let_go(r.probe);
	rig_release(&r);
}

static void
the_deadline_ends_a_wait(void **state)
{
	struct scope root = scope_root(NULL);
	struct scope scope = scope_within(&root, 30);
	struct probe *probe = probe_new(NULL);
	struct err err = {0};
	struct sink *h = handoff_new(&scope, 1, &err);

	(void)state;
	h->next = &probe->base;
	probe->held = true;
	while (sink_write_bytes(h, "x", 1, &err) == 0)
		;
	assert_int_equal(err.kind, ERR_UNREACHABLE);
	probe_let_go(probe);
	sink_free(h);
	sink_free(&probe->base);
}

static void
free_drops_what_waits_and_never_finishes(void **state)
{
	struct rig r;
	struct budget *budget = budget_new(100);

	(void)state;
	rig_init(&r);
	r.probe->held = true;
	for (int i = 0; i < 3; i++) {
		struct chunk *c = chunk_new(budget, 10, &r.scope, &r.err);

		chunk_set_len(c, 10);
		assert_int_equal(sink_write(r.handoff, c, &r.err), 0);
		chunk_unref(c);
		if (i == 0)
			probe_wait_held(r.probe);
	}
	cancel_trigger(r.cancel);
	probe_let_go(r.probe);
	sink_free(r.handoff);
	assert_int_equal(r.probe->finishes, 0);
	assert_int_equal(budget_left(budget), 100);
	sink_free(&r.probe->base);
	cancel_free(r.cancel);
	budget_free(budget);
}

static void
free_needs_no_cancel_while_idle(void **state)
{
	struct scope scope = scope_root(NULL);
	struct err err = {0};

	(void)state;
	sink_free(handoff_new(&scope, 1, &err));
}

static bool
new_fails(void)
{
	struct scope scope = scope_root(NULL);
	struct err err = {0};

	return handoff_new(&scope, 1, &err) == NULL && err.kind == ERR_SYSTEM;
}

static void
without_a_thread_there_is_none(void **state)
{
	(void)state;
	assert_true(without_threads(new_fails));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finish_drains_in_order_and_finishes_next),
	    cmocka_unit_test(finish_without_a_write_finishes_next),
	    cmocka_unit_test(a_later_write_reports_an_earlier_failure),
	    cmocka_unit_test(
		finish_reports_an_earlier_failure_and_finishes_nothing),
	    cmocka_unit_test(finish_passes_on_the_failure_of_the_next_finish),
	    cmocka_unit_test(a_full_queue_holds_the_writer_up),
	    cmocka_unit_test(the_deadline_ends_a_wait),
	    cmocka_unit_test(free_drops_what_waits_and_never_finishes),
	    cmocka_unit_test(free_needs_no_cancel_while_idle),
	    cmocka_unit_test(without_a_thread_there_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdatomic.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/monitor.h"
#include "base/scope.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/runner.h"

struct waiter {
	struct monitor mon;
	struct scope scope;
	bool ready;
	int rc;
	struct err err;
	struct runner runner;
};

static void
wait_ready(void *arg)
{
	struct waiter *w = arg;
	int rc = 0;

	monitor_lock(&w->mon);
	while (rc == 0 && !w->ready)
		rc = monitor_wait(&w->mon, &w->scope, &w->err);
	w->rc = rc;
	monitor_unlock(&w->mon);
}

static void
start(struct waiter *w, struct scope scope)
{
	*w = (struct waiter){.scope = scope, .rc = 7};
	monitor_init(&w->mon);
	runner_start(&w->runner, wait_ready, w);
}

static void
end(struct waiter *w)
{
	runner_join(&w->runner);
	monitor_release(&w->mon);
}

static void
make_ready(struct waiter *w)
{
	monitor_lock(&w->mon);
	w->ready = true;
	monitor_broadcast(&w->mon);
	monitor_unlock(&w->mon);
}

static void
a_broadcast_ends_a_wait(void **state)
{
	struct cancel *cancel = cancel_new(NULL);
	struct waiter w;

	(void)state;
	start(&w, scope_root(cancel));
	runner_wait_blocked(&w.runner);
	monitor_lock(&w.mon);
	monitor_broadcast(&w.mon);
	monitor_unlock(&w.mon);
	runner_wait_blocked(&w.runner);
	make_ready(&w);
	end(&w);
	assert_int_equal(w.rc, 0);
	cancel_free(cancel);
}

/* Holds a tree of cancels up in one's wake. */
struct holder {
	struct cancel *cancel;
	struct cancel_watch watch;
	atomic_bool entered, released;
};

static void
hold(void *arg)
{
	struct holder *h = arg;

	h->entered = true;
	while (!h->released)
		;
}

static void
trigger_it(void *arg)
{
	cancel_trigger(((struct holder *)arg)->cancel);
}

/* The waiter stands where it adds its watch, with the lock open. */
static void
a_broadcast_before_the_wait_has_begun_is_not_missed(void **state)
{
	struct cancel *root = cancel_new(NULL), *mine = cancel_new(root);
	struct holder holder = {.cancel = cancel_new(root)};
	struct scope scope = scope_root(mine);
	struct runner triggerer;
	struct waiter w;

	(void)state;
	cancel_watch(holder.cancel, &holder.watch, hold, &holder);
	runner_start(&triggerer, trigger_it, &holder);
	while (!holder.entered)
		;
	start(&w, scope_within(&scope, 5000));
	runner_wait_blocked(&w.runner);
	make_ready(&w);
	holder.released = true;
	end(&w);
	assert_int_equal(w.rc, 0);
	runner_join(&triggerer);
	cancel_unwatch(holder.cancel, &holder.watch);
	cancel_free(holder.cancel);
	cancel_free(mine);
	cancel_free(root);
}

static void
a_cancel_ends_a_wait(void **state)
{
	(void)state;
	for (int i = 0; i < 500; i++) {
		struct cancel *cancel = cancel_new(NULL);
		struct waiter w;

		start(&w, scope_root(cancel));
		if (i % 2 == 0)
			runner_wait_blocked(&w.runner);
		cancel_trigger(cancel);
		end(&w);
		assert_int_equal(w.rc, -1);
		assert_int_equal(w.err.kind, ERR_CANCELLED);
		cancel_free(cancel);
	}
}

static void
a_deadline_ends_a_wait(void **state)
{
	struct scope root = scope_root(NULL);
	int64_t start_ms = scope_mono_ms(&root);
	struct waiter w;

	(void)state;
	start(&w, scope_within(&root, 20));
	end(&w);
	assert_int_equal(w.rc, -1);
	assert_int_equal(w.err.kind, ERR_UNREACHABLE);
	assert_true(scope_mono_ms(&root) - start_ms >= 19);
}

static void
a_clock_that_stands_still_does_not_make_a_wait_endless(void **state)
{
	struct fake_clock clock;
	struct scope root = fake_clock_init(&clock);
	struct waiter w;

	(void)state;
	start(&w, scope_within(&root, 10));
	end(&w);
	assert_int_equal(w.err.kind, ERR_UNREACHABLE);
}

static void
a_scope_that_has_ended_does_not_wait(void **state)
{
	struct fake_clock clock;
	struct scope root = fake_clock_init(&clock);
	struct monitor mon;
	struct err err = {0};

	(void)state;
	root = scope_within(&root, 0);
	monitor_init(&mon);
	monitor_lock(&mon);
	assert_int_equal(monitor_wait(&mon, &root, &err), -1);
	assert_int_equal(err.kind, ERR_UNREACHABLE);
	monitor_unlock(&mon);
	monitor_release(&mon);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_broadcast_ends_a_wait),
	    cmocka_unit_test(
		a_broadcast_before_the_wait_has_begun_is_not_missed),
	    cmocka_unit_test(a_cancel_ends_a_wait),
	    cmocka_unit_test(a_deadline_ends_a_wait),
	    cmocka_unit_test(
		a_clock_that_stands_still_does_not_make_a_wait_endless),
	    cmocka_unit_test(a_scope_that_has_ended_does_not_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

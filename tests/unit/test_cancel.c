#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>
#include <stdatomic.h>

#include "base/cancel.h"
#include "tests/sim/runner.h"

static bool
readable(const struct cancel *c)
{
	struct pollfd p = {.fd = cancel_fd(c), .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void
count(void *arg)
{
	++*(int *)arg;
}

static void
a_null_one_never_triggers(void **state)
{
	struct cancel_watch w;
	int calls = 0;

	(void)state;
	assert_false(cancel_triggered(NULL));
	assert_int_equal(cancel_fd(NULL), -1);
	cancel_watch(NULL, &w, count, &calls);
	cancel_unwatch(NULL, &w);
	cancel_free(NULL);
	assert_int_equal(calls, 0);
}

static void
triggering_reaches_all_below_and_none_above(void **state)
{
	struct cancel *root = cancel_new(NULL);
	struct cancel *a = cancel_new(root), *b = cancel_new(root);
	struct cancel *a1 = cancel_new(a), *a2 = cancel_new(a);

	(void)state;
	cancel_trigger(a);
	assert_true(cancel_triggered(a));
	assert_true(cancel_triggered(a1) && readable(a1));
	assert_true(cancel_triggered(a2) && readable(a2));
	assert_false(cancel_triggered(root) || readable(root));
	assert_false(cancel_triggered(b) || readable(b));

	cancel_trigger(root);
	assert_true(cancel_triggered(b) && readable(b));
	cancel_free(a1);
	cancel_free(a2);
	cancel_free(b);
	cancel_free(a);
	cancel_free(root);
}

static void
the_descriptor_stays_readable(void **state)
{
	struct cancel *c = cancel_new(NULL);

	(void)state;
	assert_false(readable(c));
	cancel_trigger(c);
	cancel_trigger(c);
	assert_true(readable(c));
	assert_true(readable(c));
	cancel_free(c);
}

static void
a_child_born_late_is_triggered(void **state)
{
	struct cancel *root = cancel_new(NULL), *child;

	(void)state;
	cancel_trigger(root);
	child = cancel_new(root);
	assert_true(cancel_triggered(child) && readable(child));
	cancel_free(child);
	cancel_free(root);
}

static void
siblings_leave_in_any_order(void **state)
{
	struct cancel *root = cancel_new(NULL), *c[3];

	(void)state;
	for (int first = 0; first < 3; first++) {
		for (int i = 0; i < 3; i++)
			c[i] = cancel_new(root);
		for (int i = 0; i < 3; i++)
			cancel_free(c[(first + i) % 3]);
	}
	c[0] = cancel_new(root);
	cancel_trigger(root);
	assert_true(cancel_triggered(c[0]));
	cancel_free(c[0]);
	cancel_free(root);
}

static void
each_watch_is_woken_once(void **state)
{
	struct cancel *root = cancel_new(NULL), *c = cancel_new(root);
	struct cancel_watch w[4];
	int calls[4] = {0};

	(void)state;
	for (int i = 0; i < 3; i++)
		cancel_watch(c, &w[i], count, &calls[i]);
	cancel_unwatch(c, &w[1]);
	cancel_trigger(root);
	cancel_trigger(root);
	cancel_watch(c, &w[3], count, &calls[3]);
	assert_int_equal(calls[0], 1);
	assert_int_equal(calls[1], 0);
	assert_int_equal(calls[2], 1);
	assert_int_equal(calls[3], 1);
	cancel_unwatch(c, &w[3]);
	cancel_unwatch(c, &w[0]);
	cancel_unwatch(c, &w[2]);
	cancel_free(c);
	cancel_free(root);
}

struct slow {
	atomic_bool entered, released, left;
	struct cancel *cancel;
	struct cancel_watch watch;
};

static void
slow_wake(void *arg)
{
	struct slow *s = arg;

	s->entered = true;
	while (!s->released)
		;
	s->left = true;
}

static void
trigger_it(void *arg)
{
	cancel_trigger(((struct slow *)arg)->cancel);
}

static void
unwatch_it(void *arg)
{
	struct slow *s = arg;

	cancel_unwatch(s->cancel, &s->watch);
	if (!s->left)
		abort();
}

static void
unwatching_waits_for_a_wake_that_runs(void **state)
{
	struct slow s = {.cancel = cancel_new(NULL)};
	struct runner triggerer, unwatcher;

	(void)state;
	cancel_watch(s.cancel, &s.watch, slow_wake, &s);
	runner_start(&triggerer, trigger_it, &s);
	while (!s.entered)
		;
	runner_start(&unwatcher, unwatch_it, &s);
	runner_wait_blocked(&unwatcher);
	assert_false(s.left);
	s.released = true;
	runner_join(&unwatcher);
	runner_join(&triggerer);
	cancel_free(s.cancel);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_null_one_never_triggers),
	    cmocka_unit_test(triggering_reaches_all_below_and_none_above),
	    cmocka_unit_test(the_descriptor_stays_readable),
	    cmocka_unit_test(a_child_born_late_is_triggered),
	    cmocka_unit_test(siblings_leave_in_any_order),
	    cmocka_unit_test(each_watch_is_woken_once),
	    cmocka_unit_test(unwatching_waits_for_a_wake_that_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sched.h>
#include <stdatomic.h>

#include "base/err.h"
#include "base/pool.h"
#include "tests/sim/runner.h"

struct square {
	struct task task;
	long in, out;
};

static void
square(struct task *t)
{
	struct square *s = (struct square *)t;

	s->out = s->in * s->in;
}

static void
a_ring_of_tasks_gives_results_in_order(void **state)
{
	struct err err = {0};
	struct pool *p = pool_new(3, &err);
	struct square ring[8];

	(void)state;
	assert_int_equal(pool_threads(p), 3);
	for (long i = 0; i < 2000; i++) {
		struct square *s = &ring[i % 8];

		if (i >= 8) {
			pool_wait(p, &s->task);
			assert_int_equal(s->out, (i - 8) * (i - 8));
		}
		*s = (struct square){.task.run = square, .in = i};
		pool_submit(p, &s->task);
	}
	for (long i = 2000; i < 2008; i++) {
		pool_wait(p, &ring[i % 8].task);
		assert_int_equal(ring[i % 8].out, (i - 8) * (i - 8));
	}
	pool_free(p);
}

struct meeting {
	struct task task;
	atomic_int *arrived;
};

static void
meet(struct task *t)
{
	struct meeting *m = (struct meeting *)t;

	++*m->arrived;
	while (*m->arrived < 2)
		sched_yield();
}

/* Each of the two ends only when the other runs at the same time. */
static void
tasks_run_side_by_side(void **state)
{
	struct err err = {0};
	struct pool *p = pool_new(2, &err);
	atomic_int arrived = 0;
	struct meeting m[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		m[i] = (struct meeting){.task.run = meet, .arrived = &arrived};
		pool_submit(p, &m[i].task);
	}
	for (int i = 0; i < 2; i++)
		pool_wait(p, &m[i].task);
	pool_free(p);
}

static void
freeing_waits_for_what_was_submitted(void **state)
{
	struct err err = {0};
	struct pool *p = pool_new(1, &err);
	struct square s[50];

	(void)state;
	for (long i = 0; i < 50; i++) {
		s[i] = (struct square){.task.run = square, .in = i};
		pool_submit(p, &s[i].task);
	}
	pool_free(p);
	for (long i = 0; i < 50; i++)
		assert_int_equal(s[i].out, i * i);
	pool_free(NULL);
}

static void
by_default_there_is_one_thread_a_processor(void **state)
{
	struct err err = {0};
	struct pool *p = pool_new(0, &err);
	cpu_set_t set;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	assert_int_equal(pool_threads(p), CPU_COUNT(&set));
	pool_free(p);
}

static bool
new_fails(void)
{
	struct err err = {0};

	return pool_new(2, &err) == NULL && err.kind == ERR_SYSTEM;
}

static void
without_threads_there_is_none(void **state)
{
	(void)state;
	assert_true(without_threads(new_fails));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_ring_of_tasks_gives_results_in_order),
	    cmocka_unit_test(tasks_run_side_by_side),
	    cmocka_unit_test(freeing_waits_for_what_was_submitted),
	    cmocka_unit_test(by_default_there_is_one_thread_a_processor),
	    cmocka_unit_test(without_threads_there_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

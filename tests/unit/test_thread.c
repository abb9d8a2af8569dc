#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>

#include "base/err.h"
#include "base/thread.h"
#include "tests/sim/runner.h"

static void *
blocked_signals(void *arg)
{
	sigset_t *set = arg;

	pthread_sigmask(SIG_SETMASK, NULL, set);
	return NULL;
}

static void
a_thread_takes_no_signals_and_ours_stay(void **state)
{
	sigset_t theirs, before, after;
	struct err err = {0};
	pthread_t t;

	(void)state;
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	assert_int_equal(
	    thread_start(&t, "test", blocked_signals, &theirs, &err), 0);
	pthread_join(t, NULL);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	assert_int_equal(sigismember(&theirs, SIGTERM), 1);
	assert_int_equal(sigismember(&theirs, SIGINT), 1);
	assert_int_equal(sigismember(&theirs, SIGCHLD), 1);
	assert_int_equal(
	    sigismember(&after, SIGTERM), sigismember(&before, SIGTERM));
	assert_int_equal(sigismember(&after, SIGTERM), 0);
}

static bool
start_fails(void)
{
	struct err err = {0};
	pthread_t t;

	return thread_start(&t, "test", blocked_signals, NULL, &err) == -1 &&
	    err.kind == ERR_SYSTEM && strstr(err.text, "'test'") != NULL;
}

static void
a_thread_that_cannot_start_is_an_error(void **state)
{
	(void)state;
	assert_true(without_threads(start_fails));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_thread_takes_no_signals_and_ours_stay),
	    cmocka_unit_test(a_thread_that_cannot_start_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

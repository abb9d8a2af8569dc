#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/scope.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/runner.h"

static void
a_root_has_no_end(void **state)
{
	struct scope s = scope_root(NULL);
	struct err err = {0};

	(void)state;
	assert_int_equal(scope_left_ms(&s), INT64_MAX);
	assert_int_equal(scope_check(&s, &err), 0);
}

static void
the_nearer_deadline_wins(void **state)
{
	struct fake_clock clock;
	struct scope root = fake_clock_init(&clock);
	struct scope outer = scope_within(&root, 1000);
	struct scope inner = scope_within(&outer, 5000);
	struct scope narrow = scope_within(&outer, 10);
	struct scope never = scope_within(&outer, INT64_MAX);

	(void)state;
	assert_int_equal(scope_left_ms(&outer), 1000);
	assert_int_equal(scope_left_ms(&inner), 1000);
	assert_int_equal(scope_left_ms(&narrow), 10);
	assert_int_equal(scope_left_ms(&never), 1000);
	never = scope_within(&root, INT64_MAX - 1);
	assert_int_equal(scope_left_ms(&never), INT64_MAX);
	fake_clock_pass(&clock, 2000);
	assert_int_equal(scope_left_ms(&inner), 0);
}

static void
past_its_deadline_it_is_unreachable(void **state)
{
	struct fake_clock clock;
	struct scope root = fake_clock_init(&clock);
	struct scope s = scope_within(&root, 1);
	struct scope gone = scope_within(&root, -5);
	struct err err = {0};

	(void)state;
	assert_int_equal(scope_check(&s, &err), 0);
	assert_int_equal(scope_check(&gone, &err), -1);
	fake_clock_pass(&clock, 1);
	err = (struct err){0};
	assert_int_equal(scope_check(&s, &err), -1);
	assert_int_equal(err.kind, ERR_UNREACHABLE);
}

static void
a_cancel_comes_before_a_deadline(void **state)
{
	struct fake_clock clock;
	struct scope root = fake_clock_init(&clock);
	struct scope late = scope_within(&root, 0);
	struct cancel *cancel = cancel_new(NULL);
	struct scope s = scope_under(&late, cancel);
	struct err err = {0};

	(void)state;
	cancel_trigger(cancel);
	assert_int_equal(scope_check(&s, &err), -1);
	assert_int_equal(err.kind, ERR_CANCELLED);
	cancel_free(cancel);
}

static void
the_systems_clocks_go_on(void **state)
{
	struct scope s = scope_root(NULL);
	struct timespec boot;
	unsigned char random[300] = {0}, zero[300] = {0};

	(void)state;
	clock_gettime(CLOCK_BOOTTIME, &boot);
	assert_true(scope_mono_ms(&s) >= boot.tv_sec * 1000);
	assert_true(scope_mono_ms(&s) < boot.tv_sec * 1000 + 60000);
	assert_true(scope_wall_ms(&s) > INT64_C(1700000000000));
	scope_random(&s, random, sizeof(random));
	assert_memory_not_equal(random, zero, 32);
	assert_memory_not_equal(random + 268, zero, 32);
}

static void
sleeps_no_longer_than_the_scope(void **state)
{
	struct fake_clock clock;
	struct scope root = fake_clock_init(&clock);
	struct scope s = scope_within(&root, 100);
	struct err err = {0};

	(void)state;
	assert_int_equal(scope_sleep(&s, 60, &err), 0);
	assert_int_equal(clock.slept_ms, 60);
	assert_int_equal(scope_sleep(&s, 60, &err), -1);
	assert_int_equal(err.kind, ERR_UNREACHABLE);
	assert_int_equal(clock.slept_ms, 100);
	assert_int_equal(scope_sleep(&s, 1, &err), -1);
	assert_int_equal(clock.slept_ms, 100);
}

static void
sleeps_for_real(void **state)
{
	struct scope s = scope_root(NULL);
	int64_t start_ms = scope_mono_ms(&s);
	struct err err = {0};

	(void)state;
	assert_int_equal(scope_sleep(&s, 0, &err), 0);
	assert_int_equal(scope_sleep(&s, 20, &err), 0);
	assert_true(scope_mono_ms(&s) - start_ms >= 19);
	s = scope_within(&s, 10);
	assert_int_equal(scope_sleep(&s, 1000000, &err), -1);
	assert_int_equal(err.kind, ERR_UNREACHABLE);
}

/* A call that blocks, its scope and what became of it. */
struct call {
	struct scope scope;
	int fd; /* -1: sleep */
	int rc;
	struct err err;
};

static void
block(void *arg)
{
	struct call *c = arg;

	c->rc = c->fd == -1 ? scope_sleep(&c->scope, INT64_MAX, &c->err)
			    : scope_wait_fd(&c->scope, c->fd, POLLIN, &c->err);
}

static void
a_cancel_ends_a_sleep_and_a_wait(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	for (int i = 0; i < 2; i++) {
		struct cancel *cancel = cancel_new(NULL);
		struct call call = {
		    .scope = scope_root(cancel), .fd = i == 0 ? -1 : fds[0]};
		struct runner r;

		runner_start(&r, block, &call);
		runner_wait_blocked(&r);
		cancel_trigger(cancel);
		runner_join(&r);
		assert_int_equal(call.rc, -1);
		assert_int_equal(call.err.kind, ERR_CANCELLED);
		cancel_free(cancel);
	}
	close(fds[0]);
	close(fds[1]);
}

static void
bytes_end_a_wait(void **state)
{
	struct call call = {.scope = scope_root(NULL)};
	struct runner r;
	int fds[2];
	char byte;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	call.fd = fds[0];
	runner_start(&r, block, &call);
	runner_wait_blocked(&r);
	assert_int_equal(write(fds[1], "x", 1), 1);
	runner_join(&r);
	assert_int_equal(call.rc, 0);

	/* Gone is an event too: the next read tells. */
	close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	block(&call);
	assert_int_equal(call.rc, 0);
	close(fds[0]);
}

static void
a_wait_ends_with_the_deadline(void **state)
{
	struct scope root = scope_root(NULL);
	struct call call = {.scope = scope_within(&root, 20)};
	int64_t start_ms = scope_mono_ms(&root);
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	call.fd = fds[0];
	block(&call);
	assert_int_equal(call.rc, -1);
	assert_int_equal(call.err.kind, ERR_UNREACHABLE);
	assert_true(scope_mono_ms(&root) - start_ms >= 19);

	/* Even when there is something to read: the time was over before. */
	assert_int_equal(write(fds[1], "x", 1), 1);
	block(&call);
	assert_int_equal(call.rc, -1);
	close(fds[0]);
	close(fds[1]);
}

static void
a_clock_that_stands_still_does_not_make_a_wait_endless(void **state)
{
	struct fake_clock clock;
	struct scope root = fake_clock_init(&clock);
	struct call call = {.scope = scope_within(&root, 10)};
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	call.fd = fds[0];
	block(&call);
	assert_int_equal(call.err.kind, ERR_UNREACHABLE);
	close(fds[0]);
	close(fds[1]);
}

static void
ignore(int sig)
{
	(void)sig;
}

static void
a_signal_does_not_end_a_wait(void **state)
{
	struct sigaction act = {.sa_handler = ignore}, old;
	struct call call = {.scope = scope_root(NULL)};
	struct runner r;
	int fds[2];

	(void)state;
	assert_int_equal(sigaction(SIGUSR1, &act, &old), 0);
	assert_int_equal(pipe(fds), 0);
	call.fd = fds[0];
	call.rc = 7;
	runner_start(&r, block, &call);
	for (int i = 0; i < 5; i++) {
		runner_wait_blocked(&r);
		pthread_kill(r.thread, SIGUSR1);
	}
	runner_wait_blocked(&r);
	assert_int_equal(write(fds[1], "x", 1), 1);
	runner_join(&r);
	assert_int_equal(call.rc, 0);
	sigaction(SIGUSR1, &old, NULL);
	close(fds[0]);
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_root_has_no_end),
	    cmocka_unit_test(the_nearer_deadline_wins),
	    cmocka_unit_test(past_its_deadline_it_is_unreachable),
	    cmocka_unit_test(a_cancel_comes_before_a_deadline),
	    cmocka_unit_test(the_systems_clocks_go_on),
	    cmocka_unit_test(sleeps_no_longer_than_the_scope),
	    cmocka_unit_test(sleeps_for_real),
	    cmocka_unit_test(a_cancel_ends_a_sleep_and_a_wait),
	    cmocka_unit_test(bytes_end_a_wait),
	    cmocka_unit_test(a_wait_ends_with_the_deadline),
	    cmocka_unit_test(
		a_clock_that_stands_still_does_not_make_a_wait_endless),
	    cmocka_unit_test(a_signal_does_not_end_a_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

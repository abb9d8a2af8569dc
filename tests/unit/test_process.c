#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/process.h"
#include "base/scope.h"
#include "tests/sim/runner.h"

/* What sh prints when it runs script, and its exit status. */
static int
run_sh(const char *script, const struct process_opts *given, char *out,
    size_t size)
{
	const char *const argv[] = {"sh", "-c", script, NULL};
	struct process_opts opts = *given;
	struct scope root = scope_root(NULL), s = scope_within(&root, 10000);
	struct err err = {0};
	size_t len = 0;
	int fds[2], status = -1;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	opts.stdout_fd = fds[1];
	assert_int_equal(process_start(&pid, argv, &opts, &err), 0);
	close(fds[1]);
	while ((n = read(fds[0], out + len, size - 1 - len)) > 0)
		len += (size_t)n;
	out[len] = '\0';
	close(fds[0]);
	assert_int_equal(process_wait(pid, &s, &status, &err), 0);
	return status;
}

static pid_t
start_sleeper(const char *script, int out_fd)
{
	const char *const argv[] = {"sh", "-c", script, NULL};
	struct process_opts opts = {.stdout_fd = out_fd};
	struct err err = {0};
	pid_t pid;

	assert_int_equal(process_start(&pid, argv, &opts, &err), 0);
	return pid;
}

static void
tells_the_exit_status_or_the_signal(void **state)
{
	static const struct process_opts opts;
	char out[100];

	(void)state;
	assert_int_equal(run_sh("echo hi; exit 3", &opts, out, 100), 3);
	assert_string_equal(out, "hi\n");
	assert_int_equal(run_sh("kill -9 $$", &opts, out, 100), 128 + 9);
}

static void
the_environment_is_scrubbed(void **state)
{
	static const char *const env[] = {"ONLY=this", NULL};
	struct process_opts opts = {0};
	char out[4096];

	(void)state;
	setenv("TEST_SECRET", "hunter2", 1);
	setenv("LANG", "C.UTF-8", 1);
	run_sh("env", &opts, out, sizeof(out));
	assert_null(strstr(out, "hunter2"));
	assert_non_null(strstr(out, "PATH="));
	assert_non_null(strstr(out, "LANG=C.UTF-8"));
	opts.env = env;
	run_sh("env", &opts, out, sizeof(out));
	assert_non_null(strstr(out, "ONLY=this"));
	assert_null(strstr(out, "LANG="));
	unsetenv("TEST_SECRET");
}

static void
descriptors_are_closed(void **state)
{
	static const struct process_opts opts;
	char out[100];
	int leak = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */
	int high = fcntl(leak, F_DUPFD, 100);

	(void)state;
	assert_true(high >= 100);
	run_sh("for f in 3 4 5 6 7 8 9 100 101; do "
	       "test -e /proc/$$/fd/$f && echo $f; done; echo end",
	    &opts, out, sizeof(out));
	assert_string_equal(out, "end\n");
	close(leak);
	close(high);
}

static void
signals_are_unblocked_and_at_their_defaults(void **state)
{
	static const struct process_opts opts;
	struct sigaction ignore = {.sa_handler = SIG_IGN}, old;
	sigset_t all, before;
	char out[100];
	uint64_t ignored;

	(void)state;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	sigaction(SIGPIPE, &ignore, &old);
	assert_int_equal(run_sh("grep -E '^Sig(Blk|Ign)' /proc/self/status",
			     &opts, out, sizeof(out)),
	    0);
	sigaction(SIGPIPE, &old, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	assert_ptr_equal(strstr(out, "SigBlk:\t0000000000000000\n"), out);

	/* glibc leaves its two internal ones, 32 and 33, ignored. */
	ignored = strtoull(strstr(out, "SigIgn:") + 7, NULL, 16);
	assert_int_equal(ignored & ~(UINT64_C(3) << 31), 0);
}

static void
input_and_errors_go_where_told(void **state)
{
	struct process_opts opts = {0};
	char out[100], text[20] = "";
	int in[2], errors[2];

	(void)state;
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(errors), 0);
	assert_int_equal(write(in[1], "input\n", 6), 6);
	close(in[1]);
	opts.stdin_fd = in[0];
	opts.stderr_fd = errors[1];
	run_sh("cat; echo oops >&2", &opts, out, sizeof(out));
	assert_string_equal(out, "input\n");
	assert_int_equal(read(errors[0], text, sizeof(text)), 5);
	assert_string_equal(text, "oops\n");
	close(in[0]);
	close(errors[0]);
	close(errors[1]);

	/* Else input is empty and does not wait. */
	opts = (struct process_opts){0};
	assert_int_equal(run_sh("cat; echo $?", &opts, out, sizeof(out)), 0);
	assert_string_equal(out, "0\n");
}

static void
a_program_that_is_not_there_is_an_error(void **state)
{
	const char *const argv[] = {"no-such-program-here", NULL};
	struct err err = {0};
	pid_t pid;

	(void)state;
	assert_int_equal(process_start(&pid, argv, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_SYSTEM);
	assert_string_equal(err.text,
	    "starting 'no-such-program-here': No such file or directory");
}

static void
waiting_ends_with_the_scope_and_leaves_it_running(void **state)
{
	struct cancel *cancel = cancel_new(NULL);
	struct scope root = scope_root(cancel), s = scope_within(&root, 10);
	struct err err = {0};
	pid_t pid = start_sleeper("exec sleep 100", 0);
	int status;

	(void)state;
	assert_int_equal(process_wait(pid, &s, &status, &err), -1);
	assert_int_equal(err.kind, ERR_UNREACHABLE);
	cancel_trigger(cancel);
	assert_int_equal(process_wait(pid, &root, &status, &err), -1);
	assert_int_equal(err.kind, ERR_CANCELLED);
	assert_int_equal(kill(pid, 0), 0);

	/* Also under a scope that has ended. */
	process_stop(pid, &root, 10000);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
	assert_int_equal(process_wait(pid, &root, &status, &err), -1);
	cancel_free(cancel);
}

static void
stopping_kills_what_does_not_listen(void **state)
{
	struct scope s = scope_root(NULL);
	int64_t start_ms = scope_mono_ms(&s);
	int fds[2];
	char byte;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid = start_sleeper(
	    "trap '' TERM; echo; while :; do sleep 0.1; done", fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	process_stop(pid, &s, 50);
	assert_true(scope_mono_ms(&s) - start_ms >= 49);
	assert_int_equal(kill(pid, 0), -1);
	close(fds[0]);
	close(fds[1]);
}

/* A shell's own children, which hold on to its output. */
static void
stopping_ends_what_it_has_started_too(void **state)
{
	static const char *const scripts[] = {
	    "trap '' TERM; echo; sleep 100 & sleep 100",
	    "trap 'exit 0' TERM; (trap '' TERM; echo; sleep 100) & wait",
	};
	struct scope s = scope_root(NULL);
	char byte;
	int fds[2];
	pid_t pid;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(pipe(fds), 0);
		pid = start_sleeper(scripts[i], fds[1]);
		close(fds[1]);
		assert_int_equal(read(fds[0], &byte, 1), 1);
		process_stop(pid, &s, 50);
		assert_int_equal(read(fds[0], &byte, 1), 0);
		close(fds[0]);
	}
}

static void
a_child_leads_a_group_of_its_own(void **state)
{
	struct scope s = scope_root(NULL);
	pid_t pid = start_sleeper("exec sleep 100", 0);

	(void)state;
	assert_int_equal(getpgid(pid), pid);
	process_stop(pid, &s, 10000);
}

static void
waiting_for_what_is_no_child_is_an_error(void **state)
{
	struct scope root = scope_root(NULL), s = scope_within(&root, 1000);
	struct err err = {0};
	int status;

	(void)state;
	assert_int_equal(process_wait(-5, &s, &status, &err), -1);
	assert_int_equal(err.kind, ERR_SYSTEM);
}

static void
no_file_gets_a_number_of_stdio(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		close(STDIN_FILENO);
		close(STDERR_FILENO);
		process_fill_stdio();
		if (open("/dev/zero", O_RDONLY) <= STDERR_FILENO)
			_exit(1);
		_exit(write(STDERR_FILENO, "x", 1) == -1 ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* A pid alone may be a later process; one that waits to be reaped has ended. */
static void
the_start_tells_processes_apart(void **state)
{
	int64_t mine = process_started(getpid());
	struct scope root = scope_root(NULL);
	struct err err = {0};
	int status;
	pid_t pid;

	(void)state;
	assert_true(mine > 0);
	assert_int_equal(process_started(getpid()), mine);
	pid = start_sleeper("exec sleep 60", 0);
	assert_true(process_started(pid) >= mine);
	assert_int_equal(kill(pid, SIGKILL), 0);
	while (process_started(pid) != 0)
		assert_int_equal(scope_sleep(&root, 1, &err), 0);
	assert_int_equal(process_wait(pid, &root, &status, &err), 0);
	assert_int_equal(process_started(pid), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tells_the_exit_status_or_the_signal),
	    cmocka_unit_test(the_environment_is_scrubbed),
	    cmocka_unit_test(descriptors_are_closed),
	    cmocka_unit_test(signals_are_unblocked_and_at_their_defaults),
	    cmocka_unit_test(input_and_errors_go_where_told),
	    cmocka_unit_test(a_program_that_is_not_there_is_an_error),
	    cmocka_unit_test(waiting_ends_with_the_scope_and_leaves_it_running),
	    cmocka_unit_test(stopping_kills_what_does_not_listen),
	    cmocka_unit_test(stopping_ends_what_it_has_started_too),
	    cmocka_unit_test(a_child_leads_a_group_of_its_own),
	    cmocka_unit_test(waiting_for_what_is_no_child_is_an_error),
	    cmocka_unit_test(no_file_gets_a_number_of_stdio),
	    cmocka_unit_test(the_start_tells_processes_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

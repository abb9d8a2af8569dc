#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/sim/runner.h"

#define NOBODY 65534

static void *
runner_main(void *arg)
{
	struct runner *r = arg;

	r->tid = gettid();
	r->run(r->arg);
	return NULL;
}

void
runner_start(struct runner *r, void (*run)(void *), void *arg)
{
	r->run = run;
	r->arg = arg;
	r->tid = 0;
	if (pthread_create(&r->thread, NULL, runner_main, r) != 0)
		abort();
}

void
runner_join(struct runner *r)
{
	pthread_join(r->thread, NULL);
}

/* The letter in /proc, 0 when the thread is gone. */
static char
thread_state(int tid)
{
	char path[64], line[256] = "";
	const char *paren;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	if (fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	fclose(f);
	paren = strrchr(line, ')');
	return paren != NULL ? paren[2] : 0;
}

void
runner_wait_blocked(struct runner *r)
{
	char state;

	while (r->tid == 0)
		sched_yield();
	while ((state = thread_state(r->tid)) != 'S' && state != 0)
		sched_yield();
}

bool
without_threads(bool (*body)(void))
{
	struct rlimit none = {0, 0};
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		/* The limit does not hold for root. */
		if (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) != 0)
			_exit(2);
		if (setrlimit(RLIMIT_NPROC, &none) != 0)
			_exit(2);
		_exit(body() ? 0 : 1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

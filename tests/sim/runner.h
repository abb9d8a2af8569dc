/*
 * runner.h -- a thread whose blocking a test can wait for, and a process in
 * which no thread can be started.
 */
#ifndef TESTS_RUNNER_H
#define TESTS_RUNNER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct runner {
	void (*run)(void *);
	void *arg;
	pthread_t thread;
	atomic_int tid;
};

void runner_start(struct runner *, void (*run)(void *), void *arg);
void runner_join(struct runner *);

/* Until the kernel says that the thread sleeps (or that it has ended). */
void runner_wait_blocked(struct runner *);

/* What body returns in a process that may not start a thread. */
bool without_threads(bool (*body)(void));

#endif

/*
 * pool.h -- threads for work that is all CPU.
 *
 * Whoever wants results in order keeps the tasks in a ring and waits for the
 * oldest.  A task must not wait for another task of the same pool.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stdbool.h>

struct err;
struct pool;

/* Embedded in the work; the fields below run are the pool's. */
struct task {
	void (*run)(struct task *);
	struct task *next;
	bool done;
};

/* nthreads 0: one for each processor we may run on. */
struct pool *pool_new(unsigned nthreads, struct err *);

/* Waits for what was submitted. */
void pool_free(struct pool *);

unsigned pool_threads(const struct pool *);

void pool_submit(struct pool *, struct task *);

/* Always ends: tasks do not block.  The task may then be used again. */
void pool_wait(struct pool *, struct task *);

#endif

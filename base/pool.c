#include <sched.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/monitor.h"
#include "base/thread.h"
#include "base/xalloc.h"

#include "base/pool.h"

struct pool {
	pthread_t *threads;
	unsigned nthreads;

	struct monitor mon; /* guards what follows, and every task's done */
	struct task *first;
	struct task **last; /* where the next one is linked */
	bool closed;
};

/* Waits for the oldest task; NULL when the pool is closed and empty. */
static struct task *
take_first(struct pool *p)
{
	struct task *t;

	monitor_lock(&p->mon);
	while (p->first == NULL && !p->closed)
		monitor_wait(&p->mon, NULL, NULL);
	t = p->first;
	if (t != NULL) {
		p->first = t->next;
		if (p->first == NULL)
			p->last = &p->first;
	}
	monitor_unlock(&p->mon);
	return t;
}

static void *
work(void *arg)
{
	struct pool *p = arg;
	struct task *t;

	while ((t = take_first(p)) != NULL) {
		t->run(t);
		monitor_lock(&p->mon);
		t->done = true; /* its owner may free it from here on */
		monitor_broadcast(&p->mon);
		monitor_unlock(&p->mon);
	}
	return NULL;
}

static unsigned
processors(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set)
							     : 1;

	return n > 0 ? (unsigned)n : 1;
}

struct pool *
pool_new(unsigned nthreads, struct err *err)
{
	struct pool *p = xcalloc(1, sizeof(*p));
	unsigned n = nthreads > 0 ? nthreads : processors();

	monitor_init(&p->mon);
	p->last = &p->first;
	p->threads = xcalloc(n, sizeof(*p->threads));
	for (; p->nthreads < n; p->nthreads++) {
		if (thread_start(
			&p->threads[p->nthreads], "pool", work, p, err) != 0) {
			pool_free(p);
			return NULL;
		}
	}
	return p;
}

void
pool_free(struct pool *p)
{
	if (p == NULL)
		return;
	monitor_lock(&p->mon);
	p->closed = true;
	monitor_broadcast(&p->mon);
	monitor_unlock(&p->mon);
	for (unsigned i = 0; i < p->nthreads; i++)
		pthread_join(p->threads[i], NULL);
	monitor_release(&p->mon);
	free(p->threads);
	free(p);
}

unsigned
pool_threads(const struct pool *p)
{
	return p->nthreads;
}

void
pool_submit(struct pool *p, struct task *t)
{
	t->next = NULL;
	t->done = false;
	monitor_lock(&p->mon);
	*p->last = t;
	p->last = &t->next;
	monitor_broadcast(&p->mon);
	monitor_unlock(&p->mon);
}

void
pool_wait(struct pool *p, struct task *t)
{
	monitor_lock(&p->mon);
	while (!t->done)
		monitor_wait(&p->mon, NULL, NULL);
	monitor_unlock(&p->mon);
}

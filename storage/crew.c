#include <pthread.h>
#include <stdlib.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/monitor.h"
#include "base/scope.h"
#include "base/thread.h"
#include "base/xalloc.h"

#include "storage/crew.h"

struct crew {
	struct cancel *cancel;
	struct scope scope;
	unsigned max;
	pthread_t *threads;

	struct monitor mon; /* guards what follows */
	unsigned nthreads;
	unsigned idle;
	struct crew_job *oldest, *newest; /* not begun */
	unsigned queued;
	unsigned unfinished; /* queued or running */
	bool stop;
	struct err err; /* kind ERR_NONE until the first failure */
};

struct crew *
crew_new(const struct scope *scope, unsigned threads)
{
	struct crew *c = xcalloc(1, sizeof(*c));

	c->cancel = cancel_new(scope->cancel);
	c->scope = scope_under(scope, c->cancel);
	c->max = threads;
	c->threads = xcalloc(threads, sizeof(*c->threads));
	monitor_init(&c->mon);
	return c;
}

/* The lock is held. */
static void
drop_queue(struct crew *c)
{
	for (struct crew_job *j = c->oldest; j != NULL; j = j->next)
		j->busy = false;
	c->unfinished -= c->queued;
	c->queued = 0;
	c->oldest = c->newest = NULL;
}

void
crew_free(struct crew *c)
{
	if (c == NULL)
		return;
	cancel_trigger(c->cancel);
	monitor_lock(&c->mon);
	c->stop = true;
	drop_queue(c);
	monitor_broadcast(&c->mon);
	monitor_unlock(&c->mon);
	for (unsigned i = 0; i < c->nthreads; i++)
		pthread_join(c->threads[i], NULL);
	monitor_release(&c->mon);
	cancel_free(c->cancel);
	free(c->threads);
	free(c);
}

/* The lock is held.  NULL when there will be none any more. */
static struct crew_job *
next_job(struct crew *c)
{
	struct crew_job *j;

	while (c->oldest == NULL && !c->stop) {
		c->idle++;
		monitor_wait(&c->mon, NULL, NULL);
		c->idle--;
	}
	j = c->oldest;
	if (j == NULL)
		return NULL;
	c->oldest = j->next;
	c->queued--;
	return j;
}

/* The lock is held. */
static void
fail(struct crew *c, const struct err *err)
{
	if (c->err.kind != ERR_NONE)
		return;
	c->err = *err;
	drop_queue(c);
}

static void *
work(void *arg)
{
	struct crew *c = arg;
	struct crew_job *j;

	monitor_lock(&c->mon);
	while ((j = next_job(c)) != NULL) {
		struct err err = {0};
		int rc;

		monitor_unlock(&c->mon);
		rc = j->run(j, &c->scope, &err);
		monitor_lock(&c->mon);
		if (rc != 0)
			fail(c, &err);
		j->busy = false;
		c->unfinished--;
		monitor_broadcast(&c->mon);
	}
	monitor_unlock(&c->mon);
	return NULL;
}

/* The lock is held. */
static int
check(const struct crew *c, struct err *err)
{
	if (c->err.kind == ERR_NONE)
		return 0;
	*err = c->err;
	return -1;
}

/* The lock is held.  With a thread at work already, one more is a luxury. */
static int
more_hands(struct crew *c, struct err *err)
{
	if (c->idle > c->queued || c->nthreads == c->max)
		return 0;
	if (thread_start(&c->threads[c->nthreads], "crew", work, c, err) == 0)
		c->nthreads++;
	else if (c->nthreads == 0)
		return -1;
	return 0;
}

int
crew_submit(struct crew *c, struct crew_job *j, struct err *err)
{
	struct err ignored = {0};
	int rc;

	monitor_lock(&c->mon);
	rc = check(c, err);
	if (rc == 0)
		rc = more_hands(c, c->nthreads == 0 ? err : &ignored);
	if (rc == 0) {
		j->busy = true;
		j->next = NULL;
		if (c->oldest == NULL)
			c->oldest = j;
		else
			c->newest->next = j;
		c->newest = j;
		c->queued++;
		c->unfinished++;
		monitor_broadcast(&c->mon);
	}
	monitor_unlock(&c->mon);
	return rc;
}

int
crew_wait(struct crew *c, const struct crew_job *j, struct err *err)
{
	int rc;

	monitor_lock(&c->mon);
	while ((rc = check(c, err)) == 0 && j->busy)
		monitor_wait(&c->mon, NULL, NULL);
	monitor_unlock(&c->mon);
	return rc;
}

int
crew_wait_below(struct crew *c, unsigned n, struct err *err)
{
	int rc;

	monitor_lock(&c->mon);
	while ((rc = check(c, err)) == 0 && c->unfinished >= n)
		monitor_wait(&c->mon, NULL, NULL);
	monitor_unlock(&c->mon);
	return rc;
}

bool
crew_busy(struct crew *c, const struct crew_job *j)
{
	bool busy;

	monitor_lock(&c->mon);
	busy = j->busy;
	monitor_unlock(&c->mon);
	return busy;
}

bool
crew_failed(struct crew *c, struct err *err)
{
	int rc;

	monitor_lock(&c->mon);
	rc = check(c, err);
	monitor_unlock(&c->mon);
	return rc != 0;
}

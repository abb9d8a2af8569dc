#include <assert.h>
#include <stdlib.h>

#include "base/cancel.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/monitor.h"
#include "base/scope.h"
#include "base/sink.h"
#include "base/thread.h"
#include "base/xalloc.h"

#include "base/handoff.h"

struct handoff {
	struct sink base;
	const struct scope *scope;
	pthread_t thread;
	bool joined;

	struct monitor mon; /* guards what follows */
	struct chunk **ring;
	size_t depth, first, n;
	bool ended;	/* by finish: nothing more comes */
	bool abandoned; /* by free: what waits is dropped */
	struct err err; /* kind is ERR_NONE until next has failed */
};

/* Waits for the oldest chunk; NULL when there will be none. */
static struct chunk *
take_first(struct handoff *h)
{
	struct chunk *c = NULL;

	monitor_lock(&h->mon);
	while (h->n == 0 && !h->ended && !h->abandoned)
		if (monitor_wait(&h->mon, h->scope, &h->err) != 0)
			break;
	if (h->n > 0 && !h->abandoned && h->err.kind == ERR_NONE) {
		c = h->ring[h->first];
		h->first = (h->first + 1) % h->depth;
		h->n--;
		monitor_broadcast(&h->mon);
	}
	monitor_unlock(&h->mon);
	return c;
}

static void
fail(struct handoff *h, const struct err *err)
{
	monitor_lock(&h->mon);
	h->err = *err;
	monitor_broadcast(&h->mon);
	monitor_unlock(&h->mon);

	/* The others may be waiting for anything, not just for this queue. */
	if (h->scope->cancel != NULL)
		cancel_trigger(h->scope->cancel);
}

static void *
run(void *arg)
{
	struct handoff *h = arg;
	struct err err = {0};
	struct chunk *c;
	int rc = 0;

	while (rc == 0 && (c = take_first(h)) != NULL) {
		rc = sink_write(h->base.next, c, &err);
		chunk_unref(c);
	}
	if (rc != 0)
		fail(h, &err);
	return NULL;
}

static int
handoff_write(struct sink *s, struct chunk *c, struct err *err)
{
	struct handoff *h = (struct handoff *)s;
	int rc = 0;

	assert(!h->ended);
	monitor_lock(&h->mon);
	while (rc == 0 && h->n == h->depth && h->err.kind == ERR_NONE)
		rc = monitor_wait(&h->mon, h->scope, err);
	if (h->err.kind != ERR_NONE) {
		*err = h->err;
		rc = -1;
	} else if (rc == 0) {
		h->ring[(h->first + h->n) % h->depth] = chunk_ref(c);
		h->n++;
		monitor_broadcast(&h->mon);
	}
	monitor_unlock(&h->mon);
	return rc;
}

static void
join(struct handoff *h)
{
	if (!h->joined)
		pthread_join(h->thread, NULL);
	h->joined = true;
}

static int
handoff_finish(struct sink *s, struct err *err)
{
	struct handoff *h = (struct handoff *)s;

	monitor_lock(&h->mon);
	h->ended = true;
	monitor_broadcast(&h->mon);
	monitor_unlock(&h->mon);
	join(h);
	if (h->err.kind != ERR_NONE) {
		*err = h->err;
		return -1;
	}
	return sink_finish(h->base.next, err);
}

static bool
handoff_failure(struct sink *s, struct err *err)
{
	struct handoff *h = (struct handoff *)s;
	bool failed;

	monitor_lock(&h->mon);
	failed = h->err.kind != ERR_NONE;
	if (failed)
		*err = h->err;
	monitor_unlock(&h->mon);
	return failed;
}

static void
handoff_free(struct sink *s)
{
	struct handoff *h = (struct handoff *)s;

	monitor_lock(&h->mon);
	h->abandoned = true;
	monitor_broadcast(&h->mon);
	monitor_unlock(&h->mon);
	join(h);
	for (; h->n > 0; h->n--) {
		chunk_unref(h->ring[h->first]);
		h->first = (h->first + 1) % h->depth;
	}
	monitor_release(&h->mon);
	free(h->ring);
	free(h);
}

static const struct sink_ops handoff_ops = {
    .name = "handoff",
    .write = handoff_write,
    .finish = handoff_finish,
    .free = handoff_free,
    .failure = handoff_failure,
};

struct sink *
handoff_new(const struct scope *scope, size_t depth, struct err *err)
{
	struct handoff *h = xcalloc(1, sizeof(*h));

	assert(depth > 0);
	h->base.ops = &handoff_ops;
	h->scope = scope;
	h->depth = depth;
	h->ring = xcalloc(depth, sizeof(*h->ring));
	monitor_init(&h->mon);
	if (thread_start(&h->thread, "handoff", run, h, err) == 0)
		return &h->base;

	monitor_release(&h->mon);
	free(h->ring);
	free(h);
	return NULL;
}

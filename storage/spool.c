/*
 * Chunks wait first in a short ring in memory, then, once that is full, as
 * bytes in the file; while bytes are in the file all that comes joins them
 * there, so that what is in memory is always older.
 *
 * The file is a queue: the writer appends at tail, the thread reads at head,
 * each without the lock, and moves its end under it.  What was read is given
 * back to the file system at once; where that cannot be, it stays counted
 * against the ceiling until the file runs empty and begins anew.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/budget.h"
#include "base/cancel.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/monitor.h"
#include "base/scope.h"
#include "base/sink.h"
#include "base/thread.h"
#include "base/xalloc.h"
#include "storage/spool_file.h"

#include "storage/spool.h"

#define DIR_DEFAULT	  "/var/tmp"
#define MAX_BYTES_DEFAULT ((uint64_t)64 << 30)
#define IN_MEMORY_DEFAULT 16

struct spool {
	struct sink base;
	const struct scope *scope;
	struct budget *budget;
	struct spool_file *file;
	char *dir;
	uint64_t max_bytes;
	pthread_t thread;
	bool started;

	struct monitor mon; /* guards all below */
	struct chunk **ring;
	unsigned size, first, count;
	uint64_t head, tail; /* of the file's live bytes */
	uint64_t freed;	     /* below it the file takes no room */
	uint64_t peak;
	bool ended;  /* finish was called */
	bool stop;   /* free was */
	bool done;   /* the thread has nothing more to do */
	bool failed; /* and err says why */
	struct err err;
};

static unsigned
in_memory(const struct spool_opts *opts)
{
	return opts->in_memory ? opts->in_memory : IN_MEMORY_DEFAULT;
}

size_t
spool_cost(const struct spool_opts *opts)
{
	return (opts->held + (size_t)1) * CHUNK_SIZE;
}

unsigned
spool_held(const struct spool_opts *opts)
{
	/* The thread has one more in its hands. */
	return in_memory(opts) + 1 + opts->held;
}

static int
full(const struct spool *s, struct err *err)
{
	return err_set(err, ERR_SYSTEM,
	    "the spool in '%s' is full at %" PRIu64
	    " bytes: the store is slower than the source; raise "
	    "spool.max_bytes",
	    s->dir, s->max_bytes);
}

/* Append to the file.  Only the writer moves tail, so it reads it freely. */
static int
spill(struct spool *s, struct chunk *c, struct err *err)
{
	uint64_t live;
	int rc = 0;

	monitor_lock(&s->mon);
	if (s->head == s->tail && s->tail > 0) {
		/* Nothing is being read either: begin anew. */
		rc = spool_file_clear(s->file, err);
		s->head = s->tail = s->freed = 0;
	}
	live = s->tail - s->freed + c->len;
	monitor_unlock(&s->mon);
	if (rc != 0)
		return -1;
	if (live > s->max_bytes)
		return full(s, err);
	if (spool_file_write(s->file, c->data, c->len, s->tail, err) != 0)
		return -1;

	monitor_lock(&s->mon);
	s->tail += c->len;
	if (live > s->peak)
		s->peak = live;
	monitor_broadcast(&s->mon);
	monitor_unlock(&s->mon);
	return 0;
}

/* Under the lock: what the thread has failed with, if it has. */
static int
check_thread(const struct spool *s, struct err *err)
{
	if (!s->failed)
		return 0;
	*err = s->err;
	return -1;
}

static int
spool_write(struct sink *sink, struct chunk *c, struct err *err)
{
	struct spool *s = (struct spool *)sink;
	bool keep;
	int rc;

	monitor_lock(&s->mon);
	rc = check_thread(s, err);
	if (rc == 0)
		rc = scope_check(s->scope, err);
	keep = s->head == s->tail && s->count < s->size;
	if (rc == 0 && keep) {
		s->ring[(s->first + s->count++) % s->size] = chunk_ref(c);
		monitor_broadcast(&s->mon);
	}
	monitor_unlock(&s->mon);
	return rc == 0 && !keep ? spill(s, c, err) : rc;
}

static int
spool_finish(struct sink *sink, struct err *err)
{
	struct spool *s = (struct spool *)sink;
	int rc = 0;

	monitor_lock(&s->mon);
	s->ended = true;
	monitor_broadcast(&s->mon);
	while (rc == 0 && !s->done)
		rc = monitor_wait(&s->mon, s->scope, err);
	/* Its failure says more than that the wait was cancelled for it. */
	if (check_thread(s, err) != 0)
		rc = -1;
	monitor_unlock(&s->mon);
	return rc;
}

/* What the thread finds to do. */
enum job { JOB_STOP, JOB_CHUNK, JOB_READ, JOB_FINISH };

/* Wait for something; *c is a chunk from memory, or *len bytes are at head. */
static enum job
next_job(struct spool *s, struct chunk **c, size_t *len)
{
	enum job job;

	monitor_lock(&s->mon);
	while (!s->stop && !s->ended && s->count == 0 && s->head == s->tail)
		monitor_wait(&s->mon, NULL, NULL);
	if (s->stop) {
		job = JOB_STOP;
	} else if (s->count > 0) {
		*c = s->ring[s->first];
		s->first = (s->first + 1) % s->size;
		s->count--;
		job = JOB_CHUNK;
	} else if (s->head < s->tail) {
		uint64_t n = s->tail - s->head;

		*len = n < CHUNK_SIZE ? (size_t)n : CHUNK_SIZE;
		job = JOB_READ;
	} else {
		job = JOB_FINISH;
	}
	monitor_unlock(&s->mon);
	return job;
}

/* The first len bytes of the file as a chunk, and their room given back. */
static struct chunk *
read_back(struct spool *s, size_t len, struct err *err)
{
	struct chunk *c = chunk_new(s->budget, len, s->scope, err);
	uint64_t freed;

	if (c == NULL)
		return NULL;
	/* As long as bytes are left only this thread moves head and freed. */
	if (spool_file_read(s->file, chunk_room(c), len, s->head, err) != 0) {
		chunk_unref(c);
		return NULL;
	}
	chunk_set_len(c, len);
	freed = spool_file_drop(s->file, s->freed, s->head + len);
	monitor_lock(&s->mon);
	s->head += len;
	s->freed = freed;
	monitor_unlock(&s->mon);
	return c;
}

/* Do one job; *more becomes false when it was the last. */
static int
work(struct spool *s, bool *more, struct err *err)
{
	struct chunk *c = NULL;
	size_t len = 0;
	int rc;

	switch (next_job(s, &c, &len)) {
	case JOB_STOP:
		*more = false;
		return 0;
	case JOB_FINISH:
		*more = false;
		return sink_finish(s->base.next, err);
	case JOB_READ:
		c = read_back(s, len, err);
		break;
	case JOB_CHUNK:
		break;
	}
	if (c == NULL)
		return -1;
	rc = scope_check(s->scope, err);
	if (rc == 0)
		rc = sink_write(s->base.next, c, err);
	chunk_unref(c);
	return rc;
}

/* Keep why, then end the others' waits: they may be for anything. */
static void
fail(struct spool *s, const struct err *err)
{
	monitor_lock(&s->mon);
	s->failed = true;
	s->err = *err;
	monitor_unlock(&s->mon);
	if (s->scope->cancel != NULL)
		cancel_trigger(s->scope->cancel);
}

static void *
spool_run(void *arg)
{
	struct spool *s = arg;
	struct err err = {0};
	bool more = true;
	int rc = 0;

	while (rc == 0 && more)
		rc = work(s, &more, &err);
	if (rc != 0)
		fail(s, &err);
	monitor_lock(&s->mon);
	s->done = true;
	monitor_broadcast(&s->mon);
	monitor_unlock(&s->mon);
	return NULL;
}

static bool
spool_failure(struct sink *sink, struct err *err)
{
	struct spool *s = (struct spool *)sink;
	bool failed;

	monitor_lock(&s->mon);
	failed = check_thread(s, err) != 0;
	monitor_unlock(&s->mon);
	return failed;
}

static void
spool_free(struct sink *sink)
{
	struct spool *s = (struct spool *)sink;

	if (s->started) {
		monitor_lock(&s->mon);
		s->stop = true;
		monitor_broadcast(&s->mon);
		monitor_unlock(&s->mon);
		pthread_join(s->thread, NULL);
	}
	for (; s->count > 0; s->count--) {
		chunk_unref(s->ring[s->first]);
		s->first = (s->first + 1) % s->size;
	}
	spool_file_close(s->file);
	monitor_release(&s->mon);
	budget_free(s->budget);
	free(s->ring);
	free(s->dir);
	free(s);
}

static const struct sink_ops spool_ops = {
    .name = "spool",
    .write = spool_write,
    .finish = spool_finish,
    .free = spool_free,
    .failure = spool_failure,
};

static const char *
choose_dir(const struct spool_opts *opts)
{
	const char *dir = opts->dir ? opts->dir : getenv("TMPDIR");

	return dir != NULL && *dir != '\0' ? dir : DIR_DEFAULT;
}

struct sink *
spool_new(
    const struct scope *scope, const struct spool_opts *opts, struct err *err)
{
	struct spool *s = xcalloc(1, sizeof(*s));

	s->base.ops = &spool_ops;
	s->scope = scope;
	s->dir = xstrdup(choose_dir(opts));
	s->max_bytes = opts->max_bytes ? opts->max_bytes : MAX_BYTES_DEFAULT;
	s->size = in_memory(opts);
	s->ring = xcalloc(s->size, sizeof(struct chunk *));
	monitor_init(&s->mon);
	s->file = spool_file_open(s->dir, err);
	if (s->file == NULL)
		goto fail;
	s->budget = budget_carve(opts->budget, spool_cost(opts), err);
	if (s->budget == NULL)
		goto fail;
	if (thread_start(&s->thread, "spool", spool_run, s, err) != 0)
		goto fail;
	s->started = true;
	return &s->base;
fail:
	spool_free(&s->base);
	return NULL;
}

uint64_t
spool_peak(const struct sink *sink)
{
	struct spool *s = (struct spool *)sink;
	uint64_t peak;

	monitor_lock(&s->mon);
	peak = s->peak;
	monitor_unlock(&s->mon);
	return peak;
}

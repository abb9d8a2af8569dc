#include <pthread.h>
#include <stdlib.h>

#include "base/xalloc.h"

#include "agent/snapshot/shards_progress.h"

struct one {
	struct progress progress;
	struct shards_progress *all;
	uint64_t done, total;
	bool about;
};

struct shards_progress {
	struct progress *to;
	pthread_mutex_t lock;
	struct one *shards;
	size_t n;
};

/* The total is known when that of each shard is. */
static void
tell(struct shards_progress *p, enum step step)
{
	uint64_t done = 0, total = 0;
	bool about = false, known = true;

	for (size_t i = 0; i < p->n; i++) {
		const struct one *o = &p->shards[i];

		done += o->done;
		total += o->total;
		about = about || o->about;
		known = known && o->total > 0;
	}
	if (!known)
		total = 0;
	if (about)
		progress_about(p->to, step, done, total);
	else
		progress_advance(p->to, step, done, total);
}

static void
on_advance(struct progress *progress, enum step step, uint64_t done,
    uint64_t total, bool about)
{
	struct one *o = (struct one *)progress;
	struct shards_progress *p = o->all;

	pthread_mutex_lock(&p->lock);
	o->done = done;
	o->total = total;
	o->about = about;
	tell(p, step);
	pthread_mutex_unlock(&p->lock);
}

static void
on_note(struct progress *progress, enum step step, const char *text)
{
	struct one *o = (struct one *)progress;
	struct shards_progress *p = o->all;

	progress_note(p->to, step, "shard %zu of %zu: %s",
	    (size_t)(o - p->shards) + 1, p->n, text);
}

struct shards_progress *
shards_progress_new(struct progress *to, size_t shards)
{
	struct shards_progress *p = xcalloc(1, sizeof(*p));

	p->to = to;
	p->n = shards;
	p->shards = xcalloc(shards, sizeof(*p->shards));
	pthread_mutex_init(&p->lock, NULL);
	for (size_t i = 0; i < shards; i++)
		p->shards[i] = (struct one){
		    .progress = {.advance = on_advance, .note = on_note},
		    .all = p,
		};
	return p;
}

void
shards_progress_free(struct shards_progress *p)
{
	if (p == NULL)
		return;
	pthread_mutex_destroy(&p->lock);
	free(p->shards);
	free(p);
}

struct progress *
shards_progress_of(struct shards_progress *p, size_t shard)
{
	return &p->shards[shard].progress;
}

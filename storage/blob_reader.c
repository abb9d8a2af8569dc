#include <stdbool.h>
#include <stdlib.h>

#include "base/budget.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "storage/crew.h"
#include "storage/lanes.h"
#include "storage/store.h"

#include "storage/blob_reader.h"

#define RANGE_SIZE_MOST	  ((size_t)4 << 20)
#define IN_FLIGHT_DEFAULT 4

/* A quarter of all memory: a copy that streams writes as well. */
#define MEMORY_PART 4

struct fetch {
	struct crew_job job;
	struct reader *r;
	struct chunk *chunk; /* NULL when idle */
	uint64_t off;
	size_t len;
};

struct reader {
	struct store *store;
	const char *name;
	const char *etag;
	const struct scope *scope;
	struct budget *share;
	struct crew *crew;
	size_t range_size;
	uint64_t next, end; /* what is still to be asked for */
	struct fetch *ring; /* the oldest at first, in stream order */
	unsigned size, first, n;
};

static int
fetch_range(struct crew_job *job, const struct scope *scope, struct err *err)
{
	struct fetch *f = (struct fetch *)job;
	struct reader *r = f->r;

	return r->store->ops->read(r->store, scope, r->name, r->etag, f->off,
	    chunk_room(f->chunk), f->len, err);
}

static struct fetch *
at(struct reader *r, unsigned i)
{
	return &r->ring[(r->first + i) % r->size];
}

/*
 * Ask for one range more.  Only this thread takes memory, in the order of the
 * stream: were each fetch to take its own, those ahead could hold it all
 * while the one that is waited for gets none.
 */
static int
ask(struct reader *r, struct err *err)
{
	struct fetch *f = at(r, r->n);
	uint64_t left = r->end - r->next;

	f->len = left < r->range_size ? (size_t)left : r->range_size;
	f->off = r->next;
	f->chunk = chunk_new(r->share, f->len, r->scope, err);
	if (f->chunk == NULL)
		return -1;
	r->n++;
	r->next += f->len;
	return crew_submit(r->crew, &f->job, err);
}

/*
 * Keep as many in flight as allowed.  Stages further on may hold chunks that
 * were delivered, until they get the next: so memory is waited for only when
 * there is nothing else left to deliver.
 */
static int
ask_ahead(struct reader *r, bool may_wait, struct err *err)
{
	while (r->next < r->end && r->n < r->size &&
	    ((may_wait && r->n == 0) || budget_left(r->share) >= r->range_size))
		if (ask(r, err) != 0)
			return -1;
	return 0;
}

static struct chunk *
take_oldest(struct reader *r, struct err *err)
{
	struct fetch *f = at(r, 0);
	struct chunk *c = f->chunk;

	if (crew_wait(r->crew, &f->job, err) != 0)
		return NULL;
	chunk_set_len(c, f->len);
	f->chunk = NULL;
	r->first = (r->first + 1) % r->size;
	r->n--;
	return c;
}

static int
pump(struct reader *r, const struct blob_reader_opts *opts, struct sink *sink,
    struct err *err)
{
	uint64_t done = 0;
	int rc = ask_ahead(r, true, err);

	while (rc == 0 && r->n > 0) {
		struct chunk *c = take_oldest(r, err);

		if (c == NULL)
			return -1;
		done += c->len;
		/* Others are fetched while the sink has this one. */
		rc = ask_ahead(r, false, err);
		if (rc == 0)
			rc = sink_write(sink, c, err);
		chunk_unref(c);
		if (rc == 0 && opts->progress != NULL)
			opts->progress(opts->progress_arg, done);
		if (rc == 0)
			rc = ask_ahead(r, true, err);
	}
	return rc;
}

static void
reader_release(struct reader *r)
{
	crew_free(r->crew);
	for (unsigned i = 0; i < r->size; i++)
		chunk_unref(r->ring[i].chunk);
	free(r->ring);
	budget_free(r->share);
}

static struct lanes
choose_lanes(const struct blob_reader_opts *opts, uint64_t len)
{
	struct lanes l = {
	    .n = opts->in_flight != 0 ? opts->in_flight : IN_FLIGHT_DEFAULT,
	    .size = opts->range_size,
	};

	if (l.size == 0)
		l = lanes_fit(lanes_share(opts->budget, MEMORY_PART), l.n, 0,
		    RANGE_SIZE_MOST);
	if (l.size > len)
		l.size = (size_t)len;
	if (l.n > (len - 1) / l.size + 1)
		l.n = (unsigned)((len - 1) / l.size + 1);
	return l;
}

int
blob_read(struct store *store, const char *name, const char *etag, uint64_t off,
    uint64_t len, const struct scope *scope,
    const struct blob_reader_opts *opts, struct sink *sink, struct err *err)
{
	struct reader r = {
	    .store = store,
	    .name = name,
	    .etag = etag,
	    .scope = scope,
	    .next = off,
	    .end = off + len,
	};
	struct lanes lanes;
	int rc;

	if (len == 0)
		return 0;
	lanes = choose_lanes(opts, len);
	r.range_size = lanes.size;
	r.size = lanes.n;
	r.share = budget_carve(opts->budget, lanes_cost(&lanes), err);
	if (r.share == NULL)
		return err_in(err, "reading '%s'", name);
	r.crew = crew_new(scope, r.size);
	r.ring = xcalloc(r.size, sizeof(*r.ring));
	for (unsigned i = 0; i < r.size; i++)
		r.ring[i] = (struct fetch){.job.run = fetch_range, .r = &r};
	rc = pump(&r, opts, sink, err);
	reader_release(&r);
	return rc;
}

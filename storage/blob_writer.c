#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "storage/crew.h"
#include "storage/lanes.h"
#include "storage/store.h"
#include "storage/store_commit.h"

#include "storage/blob_writer.h"

#define BLOCK_SIZE_MOST	  ((size_t)8 << 20)
#define IN_FLIGHT_DEFAULT 4

/* Half of all memory: the rest is for the stages before. */
#define MEMORY_PART 2

/*
 * A block being filled or staged.  It is a copy: a block of references would
 * hold on to the memory of the stages before, which might then wait for it
 * while we wait for the rest of the block.
 */
struct slot {
	struct crew_job job;
	struct blob_writer *w;
	struct block_id id;
	size_t index;
	unsigned char *data; /* NULL until first used */
	size_t len;
};

struct blob_writer {
	struct sink base;
	struct store *store;
	char *name;
	uint64_t nonce;
	size_t block_size;
	struct budget *share;
	struct crew *crew;

	struct slot *slots;
	unsigned nslots;
	struct slot *filling; /* NULL: none */

	struct block_id *ids; /* given to the crew so far, in order */
	size_t nids, ids_alloc;
	atomic_uint_fast64_t size;
	bool committed;
};

static struct blob_writer *
writer_of(const struct sink *s)
{
	return (struct blob_writer *)s;
}

static int
stage_slot(struct crew_job *job, const struct scope *scope, struct err *err)
{
	struct slot *slot = (struct slot *)job;
	struct blob_writer *w = slot->w;
	struct chunk *c = chunk_view(slot->data, slot->len);
	int rc = w->store->ops->stage(
	    w->store, scope, w->name, &slot->id, &c, 1, err);

	chunk_unref(c);
	if (rc != 0)
		return err_in(err, "block %zu", slot->index);
	return 0;
}

static unsigned char *
alloc_block(size_t size)
{
	void *p;

	errno = posix_memalign(&p, CHUNK_ALIGN, size);
	return errno == 0 ? p : NULL;
}

/* Wait until one is free, and make it the one that is being filled. */
static int
next_slot(struct blob_writer *w, struct err *err)
{
	unsigned i = 0;

	if (w->nids == BLOCKS_MAX)
		return err_set(err, ERR_USAGE,
		    "over %d blocks of %zu bytes; raise the block size",
		    BLOCKS_MAX, w->block_size);
	if (crew_wait_below(w->crew, w->nslots, err) != 0)
		return -1;
	while (crew_busy(w->crew, &w->slots[i].job))
		i++;
	w->filling = &w->slots[i];
	w->filling->len = 0;
	if (w->filling->data != NULL)
		return 0;
	w->filling->data = alloc_block(w->block_size);
	if (w->filling->data == NULL)
		return err_sys(err, "a block of %zu bytes", w->block_size);
	return 0;
}

static int
send_block(struct blob_writer *w, struct err *err)
{
	struct slot *slot = w->filling;

	if (w->nids == w->ids_alloc) {
		w->ids_alloc = w->ids_alloc ? 2 * w->ids_alloc : 64;
		w->ids = xreallocarray(w->ids, w->ids_alloc, sizeof(*w->ids));
	}
	/*
	 * The nonce keeps two agents that write one name at once from
	 * replacing each other's blocks, so no blob is ever a mix of the two.
	 */
	snprintf(slot->id.hex, sizeof(slot->id.hex), "%016" PRIx64 "%08x",
	    w->nonce, (unsigned)w->nids);
	slot->index = w->nids;
	w->ids[w->nids++] = slot->id;
	w->filling = NULL;
	return crew_submit(w->crew, &slot->job, err);
}

/* As much as the block being filled takes; what was taken. */
static size_t
fill(struct blob_writer *w, const unsigned char *data, size_t len)
{
	struct slot *slot = w->filling;
	size_t room = w->block_size - slot->len;
	size_t n = len < room ? len : room;

	memcpy(slot->data + slot->len, data, n);
	slot->len += n;
	atomic_fetch_add(&w->size, n);
	return n;
}

static int
writer_write(struct sink *s, struct chunk *c, struct err *err)
{
	struct blob_writer *w = writer_of(s);
	size_t done = 0;

	if (crew_failed(w->crew, err))
		goto fail;
	while (done < c->len) {
		if (w->filling == NULL && next_slot(w, err) != 0)
			goto fail;
		done += fill(w, c->data + done, c->len - done);
		if (w->filling->len == w->block_size && send_block(w, err) != 0)
			goto fail;
	}
	return 0;
fail:
	return err_in(err, "writing '%s'", w->name);
}

static int
writer_finish(struct sink *s, struct err *err)
{
	struct blob_writer *w = writer_of(s);

	if (w->filling != NULL && send_block(w, err) != 0)
		return err_in(err, "writing '%s'", w->name);
	if (crew_wait_below(w->crew, 1, err) != 0)
		return err_in(err, "writing '%s'", w->name);
	return 0;
}

static bool
writer_failure(struct sink *s, struct err *err)
{
	struct blob_writer *w = writer_of(s);

	if (!crew_failed(w->crew, err))
		return false;
	err_in(err, "writing '%s'", w->name);
	return true;
}

static void
writer_free(struct sink *s)
{
	struct blob_writer *w = writer_of(s);

	crew_free(w->crew);
	if (!w->committed && w->nids > 0)
		w->store->ops->discard(w->store, w->name, w->ids, w->nids);
	for (unsigned i = 0; i < w->nslots; i++)
		free(w->slots[i].data);
	free(w->slots);
	budget_free(w->share);
	free(w->ids);
	free(w->name);
	free(w);
}

static const struct sink_ops writer_ops = {
    .name = "blob writer",
    .write = writer_write,
    .finish = writer_finish,
    .free = writer_free,
    .failure = writer_failure,
};

static struct lanes
choose_lanes(const struct blob_writer_opts *opts)
{
	unsigned n = opts->in_flight != 0 ? opts->in_flight : IN_FLIGHT_DEFAULT;
	uint64_t least = (opts->size + BLOCKS_MAX - 1) / BLOCKS_MAX;

	if (opts->block_size != 0)
		return (struct lanes){.n = n,
		    .size = opts->block_size > least ? opts->block_size
						     : (size_t)least};
	return lanes_fit(
	    lanes_share(opts->budget, MEMORY_PART), n, least, BLOCK_SIZE_MOST);
}

struct sink *
blob_writer_new(struct store *store, const char *name,
    const struct scope *scope, const struct blob_writer_opts *opts,
    struct err *err)
{
	const struct lanes lanes = choose_lanes(opts);
	struct blob_writer *w;
	struct budget *share;

	if (lanes.size > BLOCK_BYTES_MAX) {
		err_set(err, ERR_USAGE,
		    "a block size of %zu bytes; at most %" PRIu64
		    " are possible",
		    lanes.size, BLOCK_BYTES_MAX);
		return NULL;
	}
	share = budget_carve(opts->budget, lanes_cost(&lanes), err);
	if (share == NULL) {
		err_in(err, "writing '%s'", name);
		return NULL;
	}
	w = xcalloc(1, sizeof(*w));
	w->base.ops = &writer_ops;
	w->store = store;
	w->name = xstrdup(name);
	w->block_size = lanes.size;
	w->share = share;
	scope_random(scope, &w->nonce, sizeof(w->nonce));
	w->crew = crew_new(scope, lanes.n);
	w->nslots = lanes.n + 1;
	w->slots = xcalloc(w->nslots, sizeof(*w->slots));
	for (unsigned i = 0; i < w->nslots; i++)
		w->slots[i] = (struct slot){.job.run = stage_slot, .w = w};
	return &w->base;
}

uint64_t
blob_writer_room(const struct sink *s)
{
	const struct blob_writer *w = writer_of(s);

	return (uint64_t)BLOCKS_MAX * w->block_size - blob_writer_size(s);
}

uint64_t
blob_writer_size(const struct sink *s)
{
	return atomic_load(&writer_of(s)->size);
}

int
blob_writer_commit(struct sink *s, const struct scope *scope,
    const struct commit_opts *given, struct blob_props *props, struct err *err)
{
	static const struct commit_opts none;
	struct blob_writer *w = writer_of(s);
	struct commit_plan plan = {
	    .ids = w->ids,
	    .n = w->nids,
	    .size = blob_writer_size(s),
	    .opts = given != NULL ? given : &none,
	};

	assert(!w->committed && w->filling == NULL);
	if (store_commit(w->store, scope, w->name, &plan, props, err) != 0)
		return err_in(err, "committing '%s'", w->name);
	w->committed = true;
	return 0;
}

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/chunk.h"
#include "base/err.h"
#include "base/flow.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "storage/blob_writer.h"
#include "storage/cipher.h"
#include "storage/digest_tap.h"
#include "storage/spool.h"
#include "storage/store.h"

#include "agent/snapshot/catalog.h"
#include "agent/snapshot/env.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/part_writer.h"

/* The chain of one part, while it is being written. */
struct part {
	struct flow *flow;
	struct sink *digest;
	struct sink *spool;
	struct sink *writer;
	uint64_t taken; /* bytes, before sealing */
	uint64_t most;
};

struct part_writer {
	struct sink sink;
	struct store *store;
	const struct scope *scope;
	const struct snapshot_env *env;
	struct part_writer_opts opts;

	struct part part; /* flow NULL: none open */
	struct manifest_part *parts;
	size_t nparts; /* begun */
	atomic_uint *begun;
	uint64_t spooled;
};

#define PART_NAME_SIZE sizeof(((struct manifest_part *)NULL)->name)

static void
part_name(const struct part_writer_opts *opts, unsigned i, char *out)
{
	snprintf(
	    out, PART_NAME_SIZE, "%s%04u%s", opts->prefix, i, opts->suffix);
}

static void
blob_of(const struct part_writer *w, size_t i, char out[BLOB_NAME_MAX + 1])
{
	catalog_blob(out, w->opts.job, w->opts.id, w->parts[i].name);
}

static struct sink *
new_spool(struct part_writer *w, const struct scope *scope, struct err *err)
{
	struct spool_opts opts = {
	    .dir = w->env->spool_dir,
	    .max_bytes = w->env->spool_max,
	    .in_memory = w->opts.spool_chunks,
	    .budget = w->env->budget,
	};

	return spool_new(scope, &opts, err);
}

static struct sink *
new_seal(struct part_writer *w, const struct scope *scope, struct err *err)
{
	struct cipher_opts opts = {
	    .key = w->env->cipher_key,
	    .snapshot = w->opts.id,
	    .part = manifest_part_number(w->opts.shard, w->nparts - 1),
	    .budget = w->env->budget,
	};
	const struct spool_opts spool = {.in_memory = w->opts.spool_chunks};

	opts.held = spool_held(&spool);
	return cipher_seal_new(scope, &opts, err);
}

static int
assemble(struct part_writer *w, struct err *err)
{
	struct blob_writer_opts opts = {
	    .block_size = w->opts.block_size,
	    .in_flight = w->env->in_flight,
	    .budget = w->env->budget,
	};
	struct part *p = &w->part;
	const struct scope *scope;
	char blob[BLOB_NAME_MAX + 1];

	p->flow = flow_new(w->scope);
	scope = flow_scope(p->flow);
	if (w->opts.seal && flow_append(p->flow, new_seal(w, scope, err)) != 0)
		return -1;
	p->digest = digest_tap_new();
	if (flow_append(p->flow, p->digest) != 0)
		return -1;
	p->spool = new_spool(w, scope, err);
	if (flow_append(p->flow, p->spool) != 0)
		return -1;
	blob_of(w, w->nparts - 1, blob);
	p->writer = blob_writer_new(w->store, blob, scope, &opts, err);
	return flow_append(p->flow, p->writer);
}

/* Bytes before sealing that a blob can take. */
static uint64_t
most_of(const struct part_writer *w)
{
	uint64_t room = blob_writer_room(w->part.writer);

	/* The seal adds a tag of 16 bytes to each MiB, and a header. */
	if (w->opts.seal)
		room -= room / 60000 + 4096;
	if (w->opts.part_max > 0 && w->opts.part_max < room)
		return w->opts.part_max;
	return room;
}

static int
open_part(struct part_writer *w, struct err *err)
{
	struct manifest_part *p;

	if (w->nparts == MANIFEST_PARTS_MAX)
		return err_set(err, ERR_USAGE, "over %d parts; raise part_max",
		    MANIFEST_PARTS_MAX);
	w->parts = xreallocarray(w->parts, w->nparts + 1, sizeof(*w->parts));
	p = &w->parts[w->nparts];
	memset(p, 0, sizeof(*p));
	part_name(&w->opts, (unsigned)w->nparts, p->name);
	w->nparts++;
	atomic_store(w->begun, (unsigned)w->nparts);
	memset(&w->part, 0, sizeof(w->part));
	if (assemble(w, err) != 0)
		return err_in(err, "'%s'", p->name);
	w->part.most = most_of(w);
	return 0;
}

static int
finish_part(struct part_writer *w, struct err *err)
{
	struct manifest_part *p = &w->parts[w->nparts - 1];
	uint64_t peak;

	if (sink_finish(flow_head(w->part.flow), err) != 0)
		return flow_failed(w->part.flow, err);
	digest_tap_get(w->part.digest, p->sha256, &p->bytes);
	peak = spool_peak(w->part.spool);
	if (peak > w->spooled)
		w->spooled = peak;
	return 0;
}

static int
commit_part(struct part_writer *w, const struct scope *scope, struct err *err)
{
	struct commit_opts opts = {.cond = {.if_absent = true}};
	struct manifest_part *p = &w->parts[w->nparts - 1];

	if (blob_writer_commit(w->part.writer, scope, &opts, NULL, err) != 0)
		return err_in(err, "'%s'", p->name);
	flow_free(w->part.flow);
	w->part.flow = NULL;
	return 0;
}

/* Write what still fits into the open part. */
static int
write_some(struct part_writer *w, struct chunk *c, size_t *off, struct err *err)
{
	struct part *p = &w->part;
	uint64_t room = p->most - p->taken;
	size_t n = c->len - *off;
	struct chunk *piece;
	int rc;

	if (n > room)
		n = (size_t)room;
	piece = chunk_slice(c, *off, n);
	rc = sink_write(flow_head(p->flow), piece, err);
	chunk_unref(piece);
	if (rc != 0)
		return flow_failed(p->flow, err);
	p->taken += n;
	*off += n;
	return 0;
}

static int
part_write(struct sink *s, struct chunk *c, struct err *err)
{
	struct part_writer *w = (struct part_writer *)s;
	size_t off = 0;

	while (off < c->len) {
		if (w->part.flow != NULL && w->part.taken == w->part.most &&
		    (finish_part(w, err) != 0 ||
			commit_part(w, w->scope, err) != 0))
			return -1;
		if (w->part.flow == NULL && open_part(w, err) != 0)
			return -1;
		if (write_some(w, c, &off, err) != 0)
			return -1;
	}
	return 0;
}

static int
part_finish(struct sink *s, struct err *err)
{
	struct part_writer *w = (struct part_writer *)s;

	if (w->part.flow == NULL && open_part(w, err) != 0)
		return -1;
	return finish_part(w, err);
}

static void
part_free(struct sink *s)
{
	struct part_writer *w = (struct part_writer *)s;

	flow_free(w->part.flow);
	free(w->parts);
	free(w);
}

static const struct sink_ops part_ops = {
    .name = "part writer",
    .write = part_write,
    .finish = part_finish,
    .free = part_free,
};

unsigned
part_writer_held(const struct part_writer_opts *opts)
{
	const struct spool_opts spool = {.in_memory = opts->spool_chunks};

	/* A seal makes chunks of its own. */
	return 1 + (opts->seal ? 0 : spool_held(&spool));
}

struct sink *
part_writer_new(struct store *store, const struct scope *scope,
    const struct snapshot_env *env, const struct part_writer_opts *opts,
    atomic_uint *begun, struct err *err)
{
	struct part_writer *w = xcalloc(1, sizeof(*w));

	w->sink.ops = &part_ops;
	w->store = store;
	w->scope = scope;
	w->env = env;
	w->opts = *opts;
	w->begun = begun;
	if (open_part(w, err) == 0)
		return &w->sink;
	part_free(&w->sink);
	return NULL;
}

int
part_writer_commit(struct sink *s, const struct scope *scope,
    struct manifest *m, struct err *err)
{
	struct part_writer *w = (struct part_writer *)s;

	assert(w->part.flow != NULL && m->parts == NULL);
	if (commit_part(w, scope, err) != 0)
		return -1;
	m->parts = w->parts;
	m->nparts = w->nparts;
	w->parts = xcalloc(m->nparts, sizeof(*w->parts));
	memcpy(w->parts, m->parts, m->nparts * sizeof(*w->parts));
	return 0;
}

void
part_writer_abandon(struct store *store, const struct part_writer_opts *opts,
    unsigned begun, const struct scope *scope)
{
	char blob[BLOB_NAME_MAX + 1], name[PART_NAME_SIZE];

	for (unsigned i = 0; i < begun; i++) {
		struct err ignored = {0};

		part_name(opts, i, name);
		catalog_blob(blob, opts->job, opts->id, name);
		store->ops->remove(store, scope, blob, NULL, &ignored);
	}
}

uint64_t
part_writer_spooled(const struct sink *s)
{
	return ((const struct part_writer *)s)->spooled;
}

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/err.h"
#include "base/flow.h"
#include "base/handoff.h"
#include "base/scope.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "storage/store.h"

#include "agent/snapshot/catalog.h"
#include "agent/snapshot/dump_proof.h"
#include "agent/snapshot/dump_take.h"
#include "agent/snapshot/env.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/memory_plan.h"
#include "agent/snapshot/part_writer.h"
#include "agent/snapshot/progress.h"
#include "agent/snapshot/snapshot_take.h"
#include "agent/snapshot/source.h"
#include "agent/snapshot/source_filtered.h"

/* Chunks between the source's thread and the one that digests and codes. */
#define HANDOFF_DEPTH 4

/* Taking back what a failed run has committed must not wait for ever. */
#define ABANDON_MS 30000

struct taking {
	const struct snapshot_take_opts *opts;
	const struct snapshot_env *env;
	const struct dump_name *name;
	struct manifest *m;

	struct dump_proof proof;
	struct flow *flow;
	struct sink *encoder;
	struct sink *parts;
	unsigned held; /* chunks of the source that the chain keeps */
	struct codec_opts codec;
	struct part_writer_opts part_opts;
	atomic_uint begun; /* parts that may stand */
	char suffix[16];
};

static void
plan_memory(struct taking *t)
{
	unsigned chunks = memory_plan_chunks(budget_size(t->env->budget));
	struct codec_opts *codec = &t->codec;

	*codec = (struct codec_opts){
	    .level = t->opts->level,
	    .pool = t->env->pool,
	    .budget = t->env->budget,
	    .units = chunks,
	};

	snprintf(t->suffix, sizeof(t->suffix), ".rdb%s%s",
	    codec_suffix(t->opts->codec), t->opts->seal ? ".enc" : "");
	t->part_opts = (struct part_writer_opts){
	    .job = t->m->job,
	    .id = t->m->id,
	    .prefix = t->name->prefix,
	    .shard = t->name->shard,
	    .suffix = t->suffix,
	    .seal = t->opts->seal,
	    .part_max = t->opts->part_max,
	    .spool_chunks = chunks,
	};
	codec->held = part_writer_held(&t->part_opts);
	t->held = HANDOFF_DEPTH + 1 +
	    (t->opts->codec == CODEC_NONE
		    ? codec->held
		    : encoder_held(t->opts->codec, codec));
}

static int
assemble(struct taking *t, struct store *store, const struct scope *scope,
    struct err *err)
{
	const struct scope *inner;

	t->flow = flow_new(scope);
	inner = flow_scope(t->flow);
	if (flow_append(t->flow, handoff_new(inner, HANDOFF_DEPTH, err)) != 0)
		return -1;
	dump_proof_append(&t->proof, t->flow);
	t->encoder = encoder_new(t->opts->codec, inner, &t->codec, err);
	if (flow_append(t->flow, t->encoder) != 0)
		return -1;
	t->parts = part_writer_new(
	    store, inner, t->env, &t->part_opts, &t->begun, err);
	return flow_append(t->flow, t->parts);
}

static size_t
source_cost(const struct taking *t, const struct source *source,
    const struct source_call *call)
{
	return t->opts->filter != NULL ? source_filtered_cost(source, call)
				       : source->ops->cost(source, call);
}

/*
 * The source takes its share when it is asked to dump; until then it is kept
 * for it, since the writer takes what is left.
 */
static int
assemble_beside(struct taking *t, const struct source *source,
    struct store *store, const struct scope *scope, struct err *err)
{
	struct source_call call;
	struct budget *kept;
	int rc;

	plan_memory(t);
	call = (struct source_call){
	    .env = t->env, .reader = t->proof.reader, .held = t->held};
	kept = budget_carve(t->env->budget, source_cost(t, source, &call), err);
	if (kept == NULL)
		return -1;
	rc = assemble(t, store, scope, err);
	budget_free(kept);
	return rc;
}

void
dump_describe_source(struct manifest *m, const char *way, const char *shown,
    const struct source_facts *f)
{
	m->way = xstrdup(way);
	m->source = xstrdup(shown);
	m->server = xstrdup(f->server);
	m->host = xstrdup(f->host);
	memcpy(m->replid, f->replid, sizeof(m->replid));
	m->offset = f->offset;
	m->consistent = f->consistent;
	m->window_ms = f->window_ms;
	if (f->changes != NULL)
		m->changes = xstrdup(f->changes);
	m->point_ms = f->point_ms;
	m->child_ms = f->child_ms;
	m->cow_bytes = f->cow_bytes;
	m->diskless = f->diskless;
	m->profile = f->profile;
}

static void
describe_coding(struct taking *t)
{
	struct manifest *m = t->m;
	const struct seek_point *seek;
	size_t n;

	m->codec = t->opts->codec;
	m->sealed = t->opts->seal;
	seek = encoder_seek_points(t->encoder, &n);
	if (n > 0) {
		m->seek = xcalloc(n, sizeof(*m->seek));
		memcpy(m->seek, seek, n * sizeof(*m->seek));
		m->nseek = n;
	}
}

static int
dump(struct taking *t, struct source *source, struct source_facts *facts,
    struct err *err)
{
	struct source_call call = {
	    .env = t->env, .reader = t->proof.reader, .held = t->held};
	const struct scope *scope = flow_scope(t->flow);
	struct sink *sink = flow_head(t->flow);

	if (t->opts->filter == NULL)
		return source->ops->dump(
		    source, scope, &call, sink, facts, err);
	return source_filtered_dump(source, t->opts->filter, scope, &call, sink,
	    facts, &t->m->left_out, err);
}

static int
run(struct taking *t, struct source *source, const struct scope *scope,
    struct err *err)
{
	struct source_facts facts = {.offset = -1};

	if (dump(t, source, &facts, err) != 0) {
		cJSON_Delete(facts.profile);
		return flow_failed(t->flow, err);
	}
	dump_describe_source(t->m, source->ops->way, source->shown, &facts);
	if (sink_finish(flow_head(t->flow), err) != 0)
		return flow_failed(t->flow, err);
	/* Every proof of it, before the last of it is committed. */
	if (dump_proof_finish(&t->proof, facts.unverified, t->m, err) != 0)
		return -1;
	describe_coding(t);
	if (facts.note[0] != '\0')
		progress_note(
		    t->env->progress, STEP_SNAPSHOT, "%s", facts.note);
	return part_writer_commit(t->parts, scope, t->m, err);
}

struct scope
dump_afterwards(void)
{
	struct scope root = scope_root(NULL);

	return scope_within(&root, ABANDON_MS);
}

int
dump_take(struct source *source, struct store *store, const struct scope *scope,
    const struct snapshot_env *env, const struct snapshot_take_opts *opts,
    const struct dump_name *name, struct manifest *m, struct err *err)
{
	struct taking t = {.opts = opts, .env = env, .name = name, .m = m};
	struct scope afterwards;
	int rc;

	dump_proof_init(&t.proof, m->started_ms);
	rc = assemble_beside(&t, source, store, scope, err);
	if (rc == 0)
		rc = run(&t, source, scope, err);
	flow_free(t.flow);
	if (rc != 0) {
		afterwards = dump_afterwards();
		part_writer_abandon(
		    store, &t.part_opts, atomic_load(&t.begun), &afterwards);
	}
	dump_proof_release(&t.proof);
	return rc;
}

void
dump_abandon(
    struct store *store, const struct scope *scope, const struct manifest *m)
{
	char blob[BLOB_NAME_MAX + 1];

	for (size_t i = 0; i < m->nparts; i++) {
		struct err ignored = {0};

		catalog_blob(blob, m->job, m->id, m->parts[i].name);
		store->ops->remove(store, scope, blob, NULL, &ignored);
	}
}

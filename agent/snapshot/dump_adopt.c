#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/flow.h"
#include "base/handoff.h"
#include "base/relay.h"
#include "base/scope.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "rdb/rdb_reader.h"
#include "storage/blob_ladder.h"
#include "storage/blob_reader.h"
#include "storage/digest_tap.h"
#include "storage/store.h"

#include "agent/snapshot/catalog.h"
#include "agent/snapshot/detour.h"
#include "agent/snapshot/dump_adopt.h"
#include "agent/snapshot/dump_aux.h"
#include "agent/snapshot/dump_proof.h"
#include "agent/snapshot/dump_take.h"
#include "agent/snapshot/env.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/progress.h"
#include "agent/snapshot/reader_tap.h"
#include "agent/snapshot/snapshot_take.h"
#include "agent/snapshot/source_blob.h"

#define HANDOFF_DEPTH 4

struct adopting {
	const struct dump_blob *blob;
	struct store *to;
	const struct snapshot_env *env;
	struct manifest *m;
	struct dump_proof proof;
	struct dump_aux aux;
	struct flow *flow;
	struct sink *digest; /* of the bytes as stored */
	char place[BLOB_NAME_MAX + 1];
};

bool
dump_adopt_fits(
    const struct dump_blob *b, const struct snapshot_take_opts *opts)
{
	return b->codec == CODEC_GZIP && b->props.type != BLOB_PAGE &&
	    opts->codec == CODEC_GZIP && !opts->seal && opts->filter == NULL &&
	    (opts->part_max == 0 || b->props.size <= opts->part_max);
}

static void
start_proofs(struct adopting *a)
{
	dump_proof_init(&a->proof, a->m->started_ms);
	dump_aux_init(&a->aux);
	rdb_reader_add(a->proof.reader, &a->aux.visitor);
	if (a->blob->visitor != NULL)
		rdb_reader_add(a->proof.reader, a->blob->visitor);
}

static int
assemble(struct adopting *a, const struct scope *scope, struct err *err)
{
	const struct codec_opts codec = {
	    .pool = a->env->pool,
	    .budget = a->env->budget,
	    .held = HANDOFF_DEPTH + 1,
	};
	const struct scope *inner;

	a->flow = flow_new(scope);
	inner = flow_scope(a->flow);
	a->digest = digest_tap_new();
	flow_append(a->flow, a->digest);
	if (flow_append(a->flow, handoff_new(inner, HANDOFF_DEPTH, err)) != 0 ||
	    flow_append(a->flow,
		decoder_new(a->blob->codec, inner, &codec, err)) != 0 ||
	    flow_append(a->flow, handoff_new(inner, HANDOFF_DEPTH, err)) != 0)
		return -1;
	dump_proof_append(&a->proof, a->flow);
	return flow_append(a->flow, reader_tap_new(a->proof.reader, true));
}

/* Reading is the first half of the way, copying the second. */
static void
advance_read(void *arg, uint64_t done)
{
	const struct adopting *a = arg;

	progress_advance(
	    a->env->progress, STEP_SNAPSHOT, done, 2 * a->blob->props.size);
}

static void
advance_copy(void *arg, uint64_t done, uint64_t total)
{
	const struct adopting *a = arg;

	progress_advance(
	    a->env->progress, STEP_SNAPSHOT, total + done, 2 * total);
}

static int
read_whole(struct adopting *a, struct err *err)
{
	const struct dump_blob *b = a->blob;
	const struct scope *scope = flow_scope(a->flow);
	const struct blob_reader_opts opts = {
	    .in_flight = a->env->in_flight,
	    .budget = a->env->budget,
	    .progress = advance_read,
	    .progress_arg = a,
	};

	if (blob_read(b->store, b->name, b->props.etag, 0, b->props.size, scope,
		&opts, flow_head(a->flow), err) != 0 ||
	    sink_finish(flow_head(a->flow), err) != 0)
		return flow_failed(a->flow, err);
	return 0;
}

static int
prove(struct adopting *a, const struct scope *scope, struct err *err)
{
	bool newer = reader_newer(a->proof.reader);
	struct manifest *m = a->m;
	struct source_facts facts;

	if (dump_proof_finish(&a->proof, newer, m, err) != 0)
		return -1;
	dump_blob_facts(a->blob, &a->aux, newer, scope_wall_ms(scope), &facts);
	dump_describe_source(m, SOURCE_BLOB_WAY, a->blob->shown, &facts);
	m->codec = a->blob->codec;
	return 0;
}

static void
name_part(struct adopting *a, const struct dump_name *name)
{
	struct manifest *m = a->m;

	m->parts = xcalloc(1, sizeof(*m->parts));
	snprintf(m->parts->name, sizeof(m->parts->name), "%s%04u.rdb%s",
	    name->prefix, 0U, codec_suffix(a->blob->codec));
	digest_tap_get(a->digest, m->parts->sha256, &m->parts->bytes);
	catalog_blob(a->place, m->job, m->id, m->parts->name);
}

static int
copy(struct adopting *a, const struct scope *scope, struct err *err)
{
	const struct dump_blob *b = a->blob;
	const struct ladder l = {
	    .first = RUNG_BLOCKS,
	    .from = b->store,
	    .to = a->to,
	    .in_flight = a->env->in_flight,
	    .budget = a->env->budget,
	};
	const struct ladder_job job = {
	    .src_name = b->name,
	    .dst_name = a->place,
	    .src = &b->props,
	    .progress = advance_copy,
	    .progress_arg = a,
	};
	struct ladder_result result;

	a->m->nparts = 1; /* may stand from here on */
	if (ladder_copy(&l, &job, scope, &result, err) != 0)
		return -1;
	if (result.rung == RUNG_STREAM)
		detour_add(a->env->adopted, b->props.size, result.why);
	return 0;
}

int
dump_adopt(const struct dump_blob *blob, struct store *to,
    const struct scope *scope, const struct snapshot_env *env,
    const struct dump_name *name, struct manifest *m, struct err *err)
{
	struct adopting a = {.blob = blob, .to = to, .env = env, .m = m};
	struct scope afterwards;
	int rc;

	start_proofs(&a);
	rc = assemble(&a, scope, err);
	if (rc == 0)
		rc = read_whole(&a, err);
	if (rc == 0)
		rc = prove(&a, scope, err);
	if (rc == 0)
		name_part(&a, name);
	flow_free(a.flow);
	dump_proof_release(&a.proof);
	if (rc == 0)
		rc = copy(&a, scope, err);
	if (rc == 0)
		return 0;
	afterwards = dump_afterwards();
	dump_abandon(to, &afterwards, m);
	return err_in(err, "'%.200s'", blob->name);
}

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/err.h"
#include "base/flow.h"
#include "base/handoff.h"
#include "base/json.h"
#include "base/scope.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "rdb/fingerprint.h"
#include "rdb/keystats.h"
#include "rdb/rdb_reader.h"
#include "storage/digest_tap.h"
#include "storage/pieces.h"
#include "storage/store.h"

#include "agent/snapshot/catalog.h"
#include "agent/snapshot/env.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/memory_plan.h"
#include "agent/snapshot/part_writer.h"
#include "agent/snapshot/progress.h"
#include "agent/snapshot/snapshot_take.h"
#include "agent/snapshot/source.h"

/* Chunks between the source's thread and the one that digests and codes. */
#define HANDOFF_DEPTH 4

/* Taking back what a failed run has committed must not wait for ever. */
#define ABANDON_MS 30000

struct taking {
	const struct snapshot_take_opts *opts;
	const struct snapshot_env *env;
	struct manifest *m;

	struct rdb_reader *reader;
	struct keystats *stats;
	struct fingerprint *fingerprint;

	struct flow *flow;
	struct sink *raw_digest;
	struct pieces *pieces;
	struct sink *encoder;
	struct sink *parts;
	unsigned held; /* chunks of the source that the chain keeps */
	struct codec_opts codec;
	struct part_writer_opts part_opts;
	atomic_uint begun;  /* parts that may stand */
	bool manifest_sent; /* it may stand, though no answer came */
	char suffix[16];
};

static void
start_proofs(struct taking *t)
{
	static const struct keystats_opts counts_only;

	t->reader = rdb_reader_new();
	t->stats = keystats_new(&counts_only);
	t->fingerprint = fingerprint_new(t->m->started_ms);
	rdb_reader_add(t->reader, keystats_visitor(t->stats));
	rdb_reader_add(t->reader, fingerprint_visitor(t->fingerprint));
}

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
	    .job = t->opts->job,
	    .id = t->m->id,
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
	t->raw_digest = digest_tap_new();
	t->pieces = pieces_new();
	flow_append(t->flow, t->raw_digest);
	flow_append(t->flow, pieces_tap_new(t->pieces));
	t->encoder = encoder_new(t->opts->codec, inner, &t->codec, err);
	if (flow_append(t->flow, t->encoder) != 0)
		return -1;
	t->parts = part_writer_new(
	    store, inner, t->env, &t->part_opts, &t->begun, err);
	return flow_append(t->flow, t->parts);
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
	call = (struct source_call){t->env, t->reader, t->held};
	kept = budget_carve(
	    t->env->budget, source->ops->cost(source, &call), err);
	if (kept == NULL)
		return -1;
	rc = assemble(t, store, scope, err);
	budget_free(kept);
	return rc;
}

static void
describe_source(
    struct manifest *m, const struct source *s, const struct source_facts *f)
{
	m->way = xstrdup(s->ops->way);
	m->source = xstrdup(s->shown);
	m->server = xstrdup(f->server);
	m->host = xstrdup(f->host);
	memcpy(m->replid, f->replid, sizeof(m->replid));
	m->offset = f->offset;
	m->consistent = f->consistent;
	m->window_ms = f->window_ms;
	m->point_ms = f->point_ms;
	m->child_ms = f->child_ms;
	m->cow_bytes = f->cow_bytes;
	m->diskless = f->diskless;
	m->profile = f->profile;
}

static void
describe_dump(struct taking *t, const struct rdb_summary *sum)
{
	struct manifest *m = t->m;
	const struct seek_point *seek;
	size_t n;

	digest_tap_get(t->raw_digest, m->raw_sha256, &m->raw_bytes);
	m->padding = sum->padding;
	if (pieces_digests(t->pieces, &n) != NULL) {
		m->pieces = t->pieces;
		t->pieces = NULL;
	}
	m->codec = t->opts->codec;
	m->sealed = t->opts->seal;
	m->rdb_version = sum->version;
	m->valkey = sum->valkey;
	m->has_crc = sum->has_crc;
	m->crc64 = sum->crc64;
	seek = encoder_seek_points(t->encoder, &n);
	if (n > 0) {
		m->seek = xcalloc(n, sizeof(*m->seek));
		memcpy(m->seek, seek, n * sizeof(*m->seek));
		m->nseek = n;
	}
}

static void
describe_data(struct taking *t, const struct rdb_summary *sum)
{
	const struct keystats_count *c;
	struct manifest *m = t->m;
	uint32_t db;

	keystats_total(t->stats, &m->total);
	for (int i = 0; i < RDB_KINDS; i++)
		keystats_kind(t->stats, (enum rdb_kind)i, &m->kinds[i]);
	m->dbs = xcalloc(MANIFEST_DBS_MAX, sizeof(*m->dbs));
	while ((c = keystats_db(t->stats, m->ndbs, &db)) != NULL)
		m->dbs[m->ndbs++] = (struct manifest_db){db, *c};
	m->types_seen = sum->types_seen;
	m->db_max = sum->db_max;
	m->value_max = sum->value_max;
	m->functions = keystats_functions(t->stats);
	m->has_modules = sum->has_modules;
	m->fingerprint = t->fingerprint;
	t->fingerprint = NULL;
	m->verified = true;
}

/* The source's end, and every proof of it, before anything is committed. */
static int
prove(struct taking *t, const struct source_facts *facts, struct err *err)
{
	struct rdb_summary sum;

	rdb_reader_summary(t->reader, &sum);
	if (!facts->unverified && rdb_reader_finish(t->reader, err) != 0)
		return -1;
	rdb_reader_summary(t->reader, &sum);
	describe_dump(t, &sum);
	if (facts->unverified)
		return 0;
	describe_data(t, &sum);
	if (sum.keys != t->m->total.keys ||
	    sum.keys != fingerprint_keys(t->m->fingerprint))
		return err_set(err, ERR_CORRUPT,
		    "the proofs disagree on the number of keys");
	return 0;
}

static int
put_manifest(struct taking *t, struct store *store, const struct scope *scope,
    struct err *err)
{
	struct commit_opts opts = {
	    .cond = {.if_absent = true},
	    .content_type = "application/json",
	};
	char blob[BLOB_NAME_MAX + 1];
	cJSON *doc;
	char *text;
	int rc;

	t->m->finished_ms = scope_wall_ms(scope);
	doc = manifest_format(t->m);
	text = json_format(doc);
	catalog_blob(blob, t->m->job, t->m->id, MANIFEST_NAME);
	rc = store_put(
	    store, scope, blob, text, strlen(text), &opts, NULL, err);
	free(text);
	cJSON_Delete(doc);
	return rc;
}

/*
 * Parts that were committed for a snapshot that came to nothing.  They stay
 * when the manifest may stand, or may still arrive: an answer was lost.
 */
static void
take_back(struct taking *t, struct store *store, enum err_kind why)
{
	struct scope root = scope_root(NULL);
	struct scope scope = scope_within(&root, ABANDON_MS);
	bool ambiguous = why == ERR_TRANSIENT || why == ERR_UNREACHABLE ||
	    why == ERR_CANCELLED;
	char blob[BLOB_NAME_MAX + 1];
	struct blob_props props;
	struct err err = {0};

	if (t->manifest_sent && ambiguous)
		return;
	catalog_blob(blob, t->m->job, t->m->id, MANIFEST_NAME);
	if (store->ops->stat(store, &scope, blob, &props, &err) != 0 &&
	    err.kind == ERR_MISSING)
		part_writer_abandon(
		    store, &t->part_opts, atomic_load(&t->begun), &scope);
}

static int
run(struct taking *t, struct source *source, struct store *store,
    const struct scope *scope, struct err *err)
{
	struct source_facts facts = {.offset = -1};
	struct source_call call = {t->env, t->reader, t->held};

	if (source->ops->dump(source, flow_scope(t->flow), &call,
		flow_head(t->flow), &facts, err) != 0)
		return flow_failed(t->flow, err);
	describe_source(t->m, source, &facts);
	if (sink_finish(flow_head(t->flow), err) != 0)
		return flow_failed(t->flow, err);
	if (prove(t, &facts, err) != 0)
		return -1;
	if (facts.note[0] != '\0')
		progress_note(
		    t->env->progress, STEP_SNAPSHOT, "%s", facts.note);
	if (part_writer_commit(t->parts, scope, t->m, err) != 0)
		return -1;
	t->manifest_sent = true;
	return put_manifest(t, store, scope, err);
}

struct manifest *
snapshot_take(struct source *source, struct store *store,
    const struct scope *scope, const struct snapshot_env *env,
    const struct snapshot_take_opts *opts, struct err *err)
{
	struct taking t = {.opts = opts, .env = env, .m = manifest_new()};
	int rc;

	assert(!opts->seal || env->cipher_key != NULL);
	snapshot_id_make(scope, t.m->id);
	t.m->job = xstrdup(opts->job);
	t.m->tool = xstrdup(DRSYNC_VERSION);
	t.m->started_ms = scope_wall_ms(scope);
	start_proofs(&t);
	rc = assemble_beside(&t, source, store, scope, err);
	if (rc == 0)
		rc = run(&t, source, store, scope, err);
	flow_free(t.flow);
	if (rc != 0)
		take_back(&t, store, err->kind);
	rdb_reader_free(t.reader);
	keystats_free(t.stats);
	fingerprint_free(t.fingerprint);
	pieces_free(t.pieces);
	if (rc == 0)
		return t.m;
	manifest_free(t.m);
	err_in(err, "snapshot of '%s'", source->shown);
	return NULL;
}

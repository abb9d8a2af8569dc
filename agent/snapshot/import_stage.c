#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/err.h"
#include "base/flow.h"
#include "base/scope.h"
#include "base/secret.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "storage/blob_writer.h"
#include "storage/codec.h"
#include "storage/store.h"

#include "agent/snapshot/catalog.h"
#include "agent/snapshot/dump_take.h"
#include "agent/snapshot/env.h"
#include "agent/snapshot/import_stage.h"
#include "agent/snapshot/lent_place.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/memory_plan.h"
#include "agent/snapshot/progress.h"
#include "agent/snapshot/snapshot_read.h"

#define FILE_NAME_SIZE 32

static const struct manifest *
dump_at(const struct manifest *m, size_t i)
{
	return m->nshards > 0 ? m->shards[i] : m;
}

static bool
are_files(const struct import_stage *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct manifest *d = dump_at(s->m, i);

		if (!s->gzip || d->codec != CODEC_GZIP || d->sealed ||
		    d->nparts != 1)
			return false;
	}
	return true;
}

/* Each URL is a secret, of that blob alone. */
static int
add_url(const struct import_stage *s, struct store *store, const char *blob,
    const struct scope *scope, struct import_files *files, struct err *err)
{
	const struct lent_right right = {
	    .valid_ms = lent_place_valid_ms(s->work_ms),
	    .none = s->by_identity,
	};
	char *url = NULL;

	if (store->ops->lend->url(store, scope, blob, &right, &url, err) != 0)
		return -1;
	secret_set(&files->urls[files->n++], url, strlen(url));
	store_lent_url_free(url);
	return 0;
}

static int
give(const struct import_stage *s, size_t n, const struct scope *scope,
    const struct snapshot_env *env, struct import_files *files, struct err *err)
{
	const struct snapshot_read_opts opts = {.step = STEP_IMPORT};
	char blob[BLOB_NAME_MAX + 1];

	progress_note(env->progress, STEP_IMPORT,
	    "its files are given as they lie in the store");
	if (snapshot_read(s->store, s->m, scope, env, &opts, err) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		catalog_blob(
		    blob, s->m->job, s->m->id, dump_at(s->m, i)->parts->name);
		if (add_url(s, s->store, blob, scope, files, err) != 0)
			return -1;
	}
	return 0;
}

static void
name_file(const struct import_stage *s, size_t i, char out[FILE_NAME_SIZE])
{
	snprintf(out, FILE_NAME_SIZE, "%04zu.rdb%s", i + 1,
	    s->gzip ? codec_suffix(CODEC_GZIP) : "");
}

/* One dump on its way into a file of the place. */
struct staging {
	const struct import_stage *stage;
	struct store *place;
	char name[FILE_NAME_SIZE];
	struct flow *flow;
	struct sink *writer;
	struct budget *write, *read; /* halves of the memory */
};

static int
assemble(struct staging *w, const struct snapshot_env *env, struct err *err)
{
	const struct scope *scope = flow_scope(w->flow);
	bool gzip = w->stage->gzip;
	const struct codec_opts codec = {
	    .pool = env->pool,
	    .budget = w->write,
	    .units = memory_plan_chunks(budget_size(w->write)),
	    .held = 1,
	};
	const struct blob_writer_opts opts = {
	    .in_flight = env->in_flight, .budget = w->write};

	if (flow_append(w->flow,
		encoder_new(
		    gzip ? CODEC_GZIP : CODEC_NONE, scope, &codec, err)) != 0)
		return -1;
	w->writer = blob_writer_new(w->place, w->name, scope, &opts, err);
	return flow_append(w->flow, w->writer);
}

/* It is committed when every proof of it agreed. */
static int
write_dump(struct staging *w, size_t shard, const struct snapshot_env *env,
    struct err *err)
{
	const struct scope *scope = flow_scope(w->flow);
	const struct snapshot_read_opts opts = {
	    .step = STEP_IMPORT, .out = flow_head(w->flow), .shard = shard};
	const struct commit_opts commit = {.cond = {.if_absent = true}};
	struct snapshot_env half = *env;

	half.budget = w->read;
	if (snapshot_read(
		w->stage->store, w->stage->m, scope, &half, &opts, err) != 0 ||
	    sink_finish(flow_head(w->flow), err) != 0)
		return flow_failed(w->flow, err);
	return blob_writer_commit(w->writer, scope, &commit, NULL, err);
}

static int
stage_dump(const struct import_stage *s, struct store *place, size_t i,
    const struct scope *scope, const struct snapshot_env *env, struct err *err)
{
	struct staging w = {.stage = s, .place = place};
	size_t half = budget_left(env->budget) / 2;
	int rc = -1;

	name_file(s, i, w.name);
	w.flow = flow_new(scope);
	w.write = budget_carve(env->budget, half, err);
	w.read = w.write != NULL ? budget_carve(env->budget, half, err) : NULL;
	if (w.read != NULL && assemble(&w, env, err) == 0)
		rc = write_dump(&w, s->m->nshards > 0 ? i + 1 : 0, env, err);
	flow_free(w.flow);
	budget_free(w.write);
	budget_free(w.read);
	return rc;
}

static int
stage_all(const struct import_stage *s, size_t n, const struct scope *scope,
    const struct snapshot_env *env, struct import_files *files, struct err *err)
{
	char name[FILE_NAME_SIZE];

	files->place = lent_place_make(s->places, s->m->id, scope, err);
	if (files->place == NULL)
		return -1;
	progress_note(env->progress, STEP_IMPORT,
	    "its dumps are written as %s into container '%s'",
	    s->gzip ? "gzip" : "plain RDB", lent_place_name(files->place));
	for (size_t i = 0; i < n; i++) {
		if (stage_dump(s, files->place, i, scope, env, err) != 0)
			return -1;
	}
	/* Their time begins when all are there. */
	for (size_t i = 0; i < n; i++) {
		name_file(s, i, name);
		if (add_url(s, files->place, name, scope, files, err) != 0)
			return -1;
	}
	return 0;
}

static void
abandon(const struct import_stage *s, struct import_files *files)
{
	struct scope scope = dump_afterwards();
	struct err ignored = {0};

	if (files->place != NULL)
		lent_place_remove(s->places, files->place, &scope, &ignored);
	import_files_release(files);
}

int
import_stage(const struct import_stage *s, const struct scope *scope,
    const struct snapshot_env *env, struct import_files *files, struct err *err)
{
	size_t n = s->m->nshards > 0 ? s->m->nshards : 1;
	int rc;

	*files = (struct import_files){
	    .urls = xcalloc(n, sizeof(*files->urls))};
	rc = are_files(s, n) ? give(s, n, scope, env, files, err)
			     : stage_all(s, n, scope, env, files, err);
	if (rc != 0)
		abandon(s, files);
	return rc;
}

void
import_files_release(struct import_files *files)
{
	for (size_t i = 0; i < files->n; i++)
		secret_release(&files->urls[i]);
	free(files->urls);
	store_free(files->place);
	*files = (struct import_files){0};
}

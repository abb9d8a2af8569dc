#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/key_filter.h"
#include "storage/store.h"

#include "agent/snapshot/catalog.h"
#include "agent/snapshot/dump_take.h"
#include "agent/snapshot/env.h"
#include "agent/snapshot/export_set.h"
#include "agent/snapshot/export_take.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/shards_take.h"
#include "agent/snapshot/snapshot_take.h"
#include "agent/snapshot/source.h"
#include "agent/snapshot/source_cluster.h"

/* Asking whether a manifest stands must not wait for ever. */
#define AFTERWARDS_MS 30000

struct taking {
	struct source *source;
	struct store *store;
	const struct scope *scope;
	const struct snapshot_env *env;
	const struct snapshot_take_opts *opts;
	struct manifest *m;
	bool manifest_sent; /* it may stand, though no answer came */
};

static int
take_whole(struct taking *t, struct err *err)
{
	static const struct dump_name name = {.prefix = "part-"};

	return dump_take(
	    t->source, t->store, t->scope, t->env, t->opts, &name, t->m, err);
}

static int
take_shards(struct taking *t, struct source_cluster *cluster, struct err *err)
{
	t->m->way = xstrdup(t->source->ops->way);
	t->m->source = xstrdup(t->source->shown);
	return shards_take(
	    cluster, t->store, t->scope, t->env, t->opts, t->m, err);
}

static int
take_export(struct taking *t, struct err *err)
{
	struct source_facts facts = {.offset = -1};
	const struct export_from from = {t->source->shown, &facts};
	struct export_set set = {0};
	int rc;

	rc = t->source->ops->export(
	    t->source, t->store, t->scope, t->env, t->m, &set, &facts, err);
	if (rc == 0)
		rc = export_take(&set, &from, t->store, t->scope, t->env,
		    t->opts, t->m, err);
	export_set_release(&set);
	cJSON_Delete(facts.profile);
	return rc;
}

static int
take_dumps(struct taking *t, struct err *err)
{
	struct source_cluster *cluster = NULL;
	int rc;

	if (t->source->ops->export != NULL)
		return take_export(t, err);
	if (source_cluster_open(t->source, t->scope, &cluster, err) != 0)
		return -1;
	rc = cluster != NULL ? take_shards(t, cluster, err)
			     : take_whole(t, err);
	source_cluster_free(cluster);
	return rc;
}

static int
put_manifest(struct taking *t, struct err *err)
{
	struct commit_opts opts = {
	    .cond = {.if_absent = true},
	    .content_type = "application/json",
	};
	char blob[BLOB_NAME_MAX + 1];
	cJSON *doc;
	char *text;
	int rc;

	t->m->finished_ms = scope_wall_ms(t->scope);
	t->manifest_sent = true;
	doc = manifest_format(t->m);
	text = json_format(doc);
	catalog_blob(blob, t->m->job, t->m->id, MANIFEST_NAME);
	rc = store_put(
	    t->store, t->scope, blob, text, strlen(text), &opts, NULL, err);
	free(text);
	cJSON_Delete(doc);
	return rc;
}

/*
 * Parts that were committed for a snapshot that came to nothing.  They stay
 * when the manifest may stand, or may still arrive: an answer was lost.
 */
static void
take_back(struct taking *t, enum err_kind why)
{
	struct scope root = scope_root(NULL);
	struct scope scope = scope_within(&root, AFTERWARDS_MS);
	bool ambiguous = why == ERR_TRANSIENT || why == ERR_UNREACHABLE ||
	    why == ERR_CANCELLED;
	char blob[BLOB_NAME_MAX + 1];
	struct blob_props props;
	struct err err = {0};

	if (!t->manifest_sent || ambiguous)
		return;
	catalog_blob(blob, t->m->job, t->m->id, MANIFEST_NAME);
	if (t->store->ops->stat(t->store, &scope, blob, &props, &err) != 0 &&
	    err.kind == ERR_MISSING)
		dump_abandon(t->store, &scope, t->m);
}

struct manifest *
snapshot_take(struct source *source, struct store *store,
    const struct scope *scope, const struct snapshot_env *env,
    const struct snapshot_take_opts *opts, struct err *err)
{
	struct taking t = {
	    .source = source,
	    .store = store,
	    .scope = scope,
	    .env = env,
	    .opts = opts,
	    .m = manifest_new(),
	};
	int rc;

	assert(!opts->seal || env->cipher_key != NULL);
	snapshot_id_make(scope, t.m->id);
	t.m->job = xstrdup(opts->job);
	t.m->tool = xstrdup(DRSYNC_VERSION);
	if (opts->filter != NULL)
		t.m->filter = key_filter_copy(opts->filter);
	t.m->started_ms = scope_wall_ms(scope);
	rc = take_dumps(&t, err);
	if (rc == 0)
		rc = put_manifest(&t, err);
	if (rc != 0)
		take_back(&t, err->kind);
	if (source->ops->left_off != NULL)
		source->ops->left_off(source, env, rc == 0, err->kind);
	if (rc == 0)
		return t.m;
	manifest_free(t.m);
	/* One that exports itself is named by whoever asked it, and shorter. */
	if (source->ops->export != NULL)
		err_in(err, "snapshot");
	else
		err_in(err, "snapshot of '%s'", source->shown);
	return NULL;
}

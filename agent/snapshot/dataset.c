#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/relay.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "rdb/cluster_map.h"
#include "rdb/library_set.h"
#include "rdb/rdb_reader.h"
#include "rdb/redis_primaries.h"
#include "rdb/redis_target.h"

#include "agent/snapshot/dataset.h"
#include "agent/snapshot/env.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/progress.h"
#include "agent/snapshot/snapshot_read.h"
#include "agent/snapshot/source.h"
#include "agent/snapshot/source_cluster.h"

#define SHOWN_MAX 4096

struct dataset {
	char *shown;
	struct source *source; /* NULL: a snapshot, or a cluster: */
	const struct redis_target *cluster;
	const struct redis_opts *redis;
	struct source_sync_opts opts;
	struct store *store;
	struct manifest *m;
};

/* What a source tells of a snapshot that it makes, as a comparison's. */
struct retold {
	struct progress progress;
	struct progress *to;
};

static void
retell_advance(struct progress *p, enum step step, uint64_t done,
    uint64_t total, bool about)
{
	struct progress *to = ((struct retold *)p)->to;

	(void)step;
	if (about)
		progress_about(to, STEP_COMPARE, done, total);
	else
		progress_advance(to, STEP_COMPARE, done, total);
}

static void
retell_note(struct progress *p, enum step step, const char *text)
{
	(void)step;
	progress_note(((struct retold *)p)->to, STEP_COMPARE, "%s", text);
}

static struct dataset *
new_source(struct source *source)
{
	struct dataset *d = xcalloc(1, sizeof(*d));

	d->source = source;
	d->shown = xstrdup(source->shown);
	return d;
}

static struct dataset *
new_cluster(const struct redis_target *target, const struct redis_opts *redis,
    const struct source_sync_opts *opts)
{
	struct dataset *d = xcalloc(1, sizeof(*d));

	d->cluster = target;
	d->redis = redis;
	d->opts = *opts;
	d->shown = xstrdup(target->shown);
	return d;
}

struct dataset *
dataset_redis_new(const struct redis_target *target,
    const struct redis_opts *redis, const struct source_sync_opts *opts)
{
	struct source_sync_opts ours = {.guard = {.policy = PROTECT_OFF}};

	if (opts != NULL)
		ours = *opts;
	ours.instead = "let it export an RDB file and compare that";
	return target->cluster != NULL
	    ? new_cluster(target, redis, &ours)
	    : new_source(source_sync_new(target, redis, &ours));
}

struct dataset *
dataset_file_new(const char *path)
{
	return new_source(source_file_new(path));
}

struct dataset *
dataset_snapshot_new(struct store *store, struct manifest *m)
{
	struct dataset *d = xcalloc(1, sizeof(*d));
	struct buf b;

	buf_init(&b, SHOWN_MAX);
	buf_addf(&b, "snapshot %s/%s", m->job, m->id);
	d->shown = buf_take(&b);
	d->store = store;
	d->m = m;
	return d;
}

void
dataset_free(struct dataset *d)
{
	if (d == NULL)
		return;
	source_free(d->source);
	manifest_free(d->m);
	free(d->shown);
	free(d);
}

const char *
dataset_shown(const struct dataset *d)
{
	return d->shown;
}

static int
newer(struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED,
	    "its RDB version is newer than this drsync reads");
}

/* libraries: those that other servers of a cluster told; or NULL. */
static int
read_source(struct source *source, struct rdb_visitor *visitor,
    struct library_set *libraries, const struct scope *scope,
    const struct snapshot_env *env, struct dataset_facts *facts,
    struct err *err)
{
	struct rdb_reader *reader = rdb_reader_new();
	struct source_facts told = {.offset = -1};
	struct sink *nowhere = null_sink_new();
	struct source_call call = {.env = env, .reader = reader};
	int rc;

	rdb_reader_libraries(reader, libraries);
	rdb_reader_add(reader, visitor);
	rc = source->ops->dump(source, scope, &call, nowhere, &told, err);
	if (rc == 0 && told.unverified)
		rc = newer(err);
	snprintf(facts->server, sizeof(facts->server), "%s", told.server);
	facts->point_ms = told.point_ms;
	cJSON_Delete(told.profile);
	sink_free(nowhere);
	rdb_reader_free(reader);
	return rc;
}

/* One primary after the other; the point in time is the first one's. */
static int
read_cluster(struct dataset *d, struct rdb_visitor *visitor,
    const struct scope *scope, const struct snapshot_env *env,
    struct dataset_facts *facts, struct err *err)
{
	struct library_set libraries = {0};
	struct dataset_facts one;
	struct redis_primaries p;
	int rc = 0;

	if (redis_primaries_find(d->cluster, d->redis, scope, &p, err) != 0)
		return -1;
	for (size_t i = 0; i < p.n && rc == 0; i++) {
		struct source *s = source_sync_new(
		    &p.parts[i], d->redis, &d->opts);

		rc = read_source(s, visitor, &libraries, scope, env, &one, err);
		if (i == 0)
			*facts = one;
		source_free(s);
	}
	library_set_release(&libraries);
	redis_primaries_release(&p);
	return rc;
}

/* Each key once, as a snapshot of the cluster would have it. */
static int
read_shards(struct source_cluster *cluster, struct rdb_visitor *visitor,
    const struct scope *scope, const struct snapshot_env *env,
    struct dataset_facts *facts, struct err *err)
{
	struct library_set libraries = {0};
	size_t n = source_cluster_map(cluster)->nshards;
	char machine[MACHINE_SIZE];
	struct dataset_facts one = {0};
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		rc = source_cluster_choose(cluster, i, scope, machine, err);
		if (rc == 0)
			rc = read_source(source_cluster_source(cluster, i),
			    visitor, &libraries, scope, env, &one, err);
		if (i == 0)
			*facts = one;
	}
	library_set_release(&libraries);
	return rc == 0 ? source_cluster_settled(cluster, scope, err) : -1;
}

static int
read_live(struct source *source, struct rdb_visitor *visitor,
    const struct scope *scope, const struct snapshot_env *env,
    struct dataset_facts *facts, struct err *err)
{
	struct source_cluster *cluster = NULL;
	int rc;

	if (source_cluster_open(source, scope, &cluster, err) != 0)
		return -1;
	rc = cluster != NULL
	    ? read_shards(cluster, visitor, scope, env, facts, err)
	    : read_source(source, visitor, NULL, scope, env, facts, err);
	source_cluster_free(cluster);
	return rc;
}

static int
read_snapshot(struct dataset *d, struct rdb_visitor *visitor,
    const struct scope *scope, const struct snapshot_env *env,
    struct dataset_facts *facts, struct err *err)
{
	struct snapshot_read_opts opts = {
	    .step = STEP_COMPARE,
	    .visitors = {visitor},
	};

	if (!d->m->verified)
		return newer(err);
	snprintf(facts->server, sizeof(facts->server), "%s", d->m->server);
	facts->point_ms = d->m->point_ms;
	facts->part = d->m->filter != NULL;
	return snapshot_read(d->store, d->m, scope, env, &opts, err);
}

int
dataset_read(struct dataset *d, struct rdb_visitor *visitor,
    const struct scope *scope, const struct snapshot_env *env,
    struct dataset_facts *facts, struct err *err)
{
	struct retold retold = {{retell_advance, retell_note}, env->progress};
	struct snapshot_env ours = *env;
	int rc;

	ours.progress = &retold.progress;
	progress_note(env->progress, STEP_COMPARE, "reading %s", d->shown);
	progress_advance(env->progress, STEP_COMPARE, 0, 0);
	if (d->source != NULL)
		rc = read_live(d->source, visitor, scope, &ours, facts, err);
	else if (d->cluster != NULL)
		rc = read_cluster(d, visitor, scope, &ours, facts, err);
	else
		rc = read_snapshot(d, visitor, scope, &ours, facts, err);
	return rc == 0 ? 0 : err_in(err, "reading '%s' as a dump", d->shown);
}

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/err.h"
#include "base/retry.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/cluster_map.h"
#include "storage/crew.h"

#include "agent/snapshot/dump_take.h"
#include "agent/snapshot/env.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/memory_plan.h"
#include "agent/snapshot/shards_join.h"
#include "agent/snapshot/shards_progress.h"
#include "agent/snapshot/shards_take.h"
#include "agent/snapshot/snapshot_take.h"
#include "agent/snapshot/source_cluster.h"

#define AT_ONCE_MAX 16

/* "part-s1000r4294967295." */
#define PREFIX_SIZE 40

enum state { WAITING, RUNNING, TAKEN };

struct shard_job {
	struct crew_job job;
	struct shards *all;
	size_t index;
	enum state state;
	char machine[MACHINE_SIZE];
	struct manifest *m;
	struct retry retry; /* from its first failure on */
	bool failed;	    /* the last try, which may go again */
	struct err err;
};

struct shards {
	struct source_cluster *cluster;
	struct store *store;
	const struct scope *scope;
	const struct snapshot_env *env;
	const struct snapshot_take_opts *opts;
	struct manifest *m;
	struct shards_progress *progress;
	struct crew *crew;
	struct shard_job *jobs;
	size_t n;
	unsigned at_once;
	size_t share; /* of the memory, for each */
};

static struct manifest *
new_shard(const struct manifest *whole, const struct cluster_map *map, size_t i)
{
	struct manifest *m = manifest_new();
	struct slot_range r;

	memcpy(m->id, whole->id, sizeof(m->id));
	m->job = xstrdup(whole->job);
	m->started_ms = whole->started_ms;
	for (bool more = cluster_map_next(map, i, NULL, &r); more;
	     more = cluster_map_next(map, i, &r, &r)) {
		m->slots = xreallocarray(
		    m->slots, m->nslots + 1, sizeof(*m->slots));
		m->slots[m->nslots++] = r;
	}
	return m;
}

static int
take_shard(struct shard_job *j, const struct snapshot_env *env,
    const struct scope *scope, struct err *err)
{
	struct shards *t = j->all;
	char prefix[PREFIX_SIZE];
	struct dump_name name = {.prefix = prefix, .shard = j->index};

	/* Of a try that failed a part may have been left. */
	if (j->retry.failures == 0)
		snprintf(prefix, sizeof(prefix), "part-s%03zu.", j->index + 1);
	else
		snprintf(prefix, sizeof(prefix), "part-s%03zur%u.",
		    j->index + 1, j->retry.failures);
	manifest_free(j->m);
	j->m = new_shard(t->m, source_cluster_map(t->cluster), j->index);
	return dump_take(source_cluster_source(t->cluster, j->index), t->store,
	    scope, env, t->opts, &name, j->m, err);
}

static int
run_shard(struct crew_job *job, const struct scope *scope, struct err *err)
{
	struct shard_job *j = (struct shard_job *)job;
	struct shards *t = j->all;
	struct snapshot_env env = *t->env;
	int rc;

	env.progress = shards_progress_of(t->progress, j->index);
	env.spool_max = t->env->spool_max / t->at_once;
	env.budget = budget_carve(t->env->budget, t->share, err);
	if (env.budget == NULL)
		return -1;
	rc = take_shard(j, &env, scope, err);
	budget_free(env.budget);
	if (rc == 0)
		return 0;
	err_in(err, "shard %zu of %zu", j->index + 1, t->n);
	if (err->kind != ERR_TRANSIENT || source_cluster_moved(t->cluster))
		return -1;
	j->failed = true;
	j->err = *err;
	return 0;
}

/* Whether, and when, a shard whose server was lost goes again. */
static int
try_later(struct shard_job *j, struct err *err)
{
	static const struct retry_opts opts = {
	    .total_ms = 120000,
	    .first_ms = 500,
	    .most_ms = 5000,
	};

	if (j->retry.failures == 0)
		retry_init(&j->retry, j->all->scope, &opts);
	*err = j->err;
	j->failed = false;
	j->state = WAITING;
	progress_note(j->all->env->progress, STEP_SNAPSHOT,
	    "%.300s; it is taken again", err->text);
	return retry_wait(&j->retry, err);
}

/* Those that have ended since; how many still run. */
static int
collect(struct shards *t, size_t *taken, unsigned *running, struct err *err)
{
	*taken = 0;
	*running = 0;
	for (size_t i = 0; i < t->n; i++) {
		struct shard_job *j = &t->jobs[i];

		if (j->state == RUNNING && !crew_busy(t->crew, &j->job)) {
			if (crew_failed(t->crew, err))
				return -1;
			if (j->failed && try_later(j, err) != 0)
				return -1;
			if (j->state == RUNNING)
				j->state = TAKEN;
		}
		*taken += j->state == TAKEN;
		*running += j->state == RUNNING;
	}
	return 0;
}

static bool
has_room(const struct shards *t, const char *machine)
{
	unsigned most = t->opts->forks_per_host, n = 0;

	for (size_t i = 0; i < t->n; i++)
		n += t->jobs[i].state == RUNNING &&
		    strcmp(t->jobs[i].machine, machine) == 0;
	return n < (most > 0 ? most : 1);
}

static struct shard_job *
next_job(struct shards *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->jobs[i].state == WAITING &&
		    has_room(t, t->jobs[i].machine))
			return &t->jobs[i];
	return NULL;
}

/* Which server it is may have changed while others were taken. */
static int
begin(struct shard_job *j, struct err *err)
{
	struct shards *t = j->all;
	char planned[MACHINE_SIZE];

	memcpy(planned, j->machine, sizeof(planned));
	if (source_cluster_choose(
		t->cluster, j->index, t->scope, j->machine, err) != 0) {
		err_in(err, "shard %zu of %zu", j->index + 1, t->n);
		j->err = *err;
		return err->kind == ERR_TRANSIENT ? try_later(j, err) : -1;
	}
	if (strcmp(planned, j->machine) != 0 && !has_room(t, j->machine))
		return 0;
	j->state = RUNNING;
	return crew_submit(t->crew, &j->job, err);
}

static int
take_all(struct shards *t, struct err *err)
{
	struct shard_job *j;
	unsigned running;
	size_t taken;

	for (;;) {
		if (collect(t, &taken, &running, err) != 0)
			return -1;
		if (taken == t->n)
			return 0;
		j = running < t->at_once ? next_job(t) : NULL;
		if (j != NULL ? begin(j, err) != 0
			      : crew_wait_below(t->crew, running, err) != 0)
			return -1;
	}
}

static void
plan(struct shards *t)
{
	size_t left = budget_left(t->env->budget);
	size_t fit = left / MEMORY_LEAST;

	if (fit > AT_ONCE_MAX)
		fit = AT_ONCE_MAX;
	if (fit > t->n)
		fit = t->n;
	t->at_once = fit > 0 ? (unsigned)fit : 1;
	t->share = left / t->at_once;
	t->jobs = xcalloc(t->n, sizeof(*t->jobs));
	for (size_t i = 0; i < t->n; i++)
		t->jobs[i] = (struct shard_job){
		    .job = {.run = run_shard},
		    .all = t,
		    .index = i,
		};
}

/* One that had to be scanned makes the whole no better than a scan. */
static void
take_way(struct manifest *m)
{
	for (size_t i = 0; i < m->nshards; i++)
		if (manifest_was_scanned(m->shards[i])) {
			free(m->way);
			m->way = xstrdup(MANIFEST_WAY_SCAN);
			return;
		}
}

/* The jobs' manifests are the whole's from here on. */
static int
put_together(struct shards *t, struct err *err)
{
	struct manifest *m = t->m;

	m->shards = xcalloc(t->n, sizeof(*m->shards));
	for (; m->nshards < t->n; m->nshards++) {
		m->shards[m->nshards] = t->jobs[m->nshards].m;
		t->jobs[m->nshards].m = NULL;
	}
	take_way(m);
	return shards_join(m, err);
}

static void
abandon(struct shards *t)
{
	struct scope scope = dump_afterwards();

	for (size_t i = 0; i < t->m->nshards; i++)
		dump_abandon(t->store, &scope, t->m->shards[i]);
	for (size_t i = 0; i < t->n; i++)
		if (t->jobs[i].m != NULL)
			dump_abandon(t->store, &scope, t->jobs[i].m);
}

int
shards_take(struct source_cluster *cluster, struct store *store,
    const struct scope *scope, const struct snapshot_env *env,
    const struct snapshot_take_opts *opts, struct manifest *m, struct err *err)
{
	struct shards t = {
	    .cluster = cluster,
	    .store = store,
	    .scope = scope,
	    .env = env,
	    .opts = opts,
	    .m = m,
	    .n = source_cluster_map(cluster)->nshards,
	};
	int rc;

	plan(&t);
	t.progress = shards_progress_new(env->progress, t.n);
	t.crew = crew_new(scope, t.at_once);
	progress_note(env->progress, STEP_SNAPSHOT,
	    "a cluster of %zu shards, each by a dump of its own; at most %u at "
	    "once",
	    t.n, t.at_once);
	rc = take_all(&t, err);
	crew_free(t.crew);
	if (rc == 0)
		rc = source_cluster_settled(cluster, scope, err);
	if (rc == 0)
		rc = put_together(&t, err);
	if (rc != 0 && source_cluster_moved(cluster))
		progress_note(env->progress, STEP_SNAPSHOT,
		    "%.300s; all has to be taken again", err->text);
	if (rc != 0)
		abandon(&t);
	shards_progress_free(t.progress);
	for (size_t i = 0; i < t.n; i++)
		manifest_free(t.jobs[i].m);
	free(t.jobs);
	return rc;
}

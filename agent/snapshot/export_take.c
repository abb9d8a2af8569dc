#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "storage/crew.h"

#include "agent/snapshot/dump_adopt.h"
#include "agent/snapshot/dump_take.h"
#include "agent/snapshot/env.h"
#include "agent/snapshot/export_count.h"
#include "agent/snapshot/export_set.h"
#include "agent/snapshot/export_take.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/memory_plan.h"
#include "agent/snapshot/progress.h"
#include "agent/snapshot/shards_join.h"
#include "agent/snapshot/shards_progress.h"
#include "agent/snapshot/slot_seen.h"
#include "agent/snapshot/snapshot_take.h"
#include "agent/snapshot/source_blob.h"

#define AT_ONCE_MAX 16

/* "part-s1000." */
#define PREFIX_SIZE 24

struct file_job {
	struct crew_job job;
	struct files *all;
	size_t index;
	struct manifest *m;
};

struct files {
	const struct export_set *set;
	const struct export_from *from;
	struct store *store;
	const struct snapshot_env *env;
	const struct snapshot_take_opts *opts;
	struct manifest *m;
	struct shards_progress *progress;
	struct file_job *jobs;
	unsigned at_once;
	size_t share; /* of the memory, for each */
};

static int
take_anew(struct files *t, const struct dump_blob *blob,
    const struct scope *scope, const struct snapshot_env *env,
    const struct dump_name *name, struct manifest *m, struct err *err)
{
	struct source *source = source_blob_new(blob);
	int rc = dump_take(source, t->store, scope, env, t->opts, name, m, err);

	source_free(source);
	return rc;
}

static int
take_file(struct files *t, size_t i, const struct scope *scope,
    const struct snapshot_env *env, const struct dump_name *name,
    struct manifest *m, struct err *err)
{
	const struct export_file *f = &t->set->files[i];
	struct slot_seen *seen = xcalloc(1, sizeof(*seen));
	struct dump_blob blob = {
	    .store = t->set->store,
	    .name = f->name,
	    .props = f->props,
	    .shown = t->from->shown,
	    .facts = *t->from->facts,
	    .visitor = &seen->visitor,
	};
	int rc;

	slot_seen_init(seen);
	rc = dump_blob_sniff(&blob, scope, err);
	if (rc == 0)
		rc = dump_adopt_fits(&blob, t->opts)
		    ? dump_adopt(&blob, t->store, scope, env, name, m, err)
		    : take_anew(t, &blob, scope, env, name, m, err);
	if (rc == 0)
		m->slots = slot_seen_ranges(seen, &m->nslots);
	free(seen);
	return rc;
}

static struct manifest *
new_shard(const struct manifest *whole)
{
	struct manifest *m = manifest_new();

	memcpy(m->id, whole->id, sizeof(m->id));
	m->job = xstrdup(whole->job);
	m->started_ms = whole->started_ms;
	return m;
}

static int
run_file(struct crew_job *job, const struct scope *scope, struct err *err)
{
	struct file_job *j = (struct file_job *)job;
	struct files *t = j->all;
	struct snapshot_env env = *t->env;
	char prefix[PREFIX_SIZE];
	const struct dump_name name = {.prefix = prefix, .shard = j->index};
	int rc;

	snprintf(prefix, sizeof(prefix), "part-s%03zu.", j->index + 1);
	env.progress = shards_progress_of(t->progress, j->index);
	env.spool_max = t->env->spool_max / t->at_once;
	env.budget = budget_carve(t->env->budget, t->share, err);
	if (env.budget == NULL)
		return -1;
	j->m = new_shard(t->m);
	rc = take_file(t, j->index, scope, &env, &name, j->m, err);
	budget_free(env.budget);
	return rc != 0 ? err_in(err, "file %zu of %zu", j->index + 1, t->set->n)
		       : 0;
}

static void
plan(struct files *t)
{
	size_t left = budget_left(t->env->budget);
	size_t fit = left / MEMORY_LEAST;

	if (fit > AT_ONCE_MAX)
		fit = AT_ONCE_MAX;
	if (fit > t->set->n)
		fit = t->set->n;
	t->at_once = fit > 0 ? (unsigned)fit : 1;
	t->share = left / t->at_once;
	t->jobs = xcalloc(t->set->n, sizeof(*t->jobs));
	for (size_t i = 0; i < t->set->n; i++)
		t->jobs[i] = (struct file_job){
		    .job = {.run = run_file}, .all = t, .index = i};
}

static int
run_all(struct files *t, const struct scope *scope, struct err *err)
{
	struct crew *crew = crew_new(scope, t->at_once);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < t->set->n; i++)
		rc = crew_submit(crew, &t->jobs[i].job, err);
	if (rc == 0)
		rc = crew_wait_below(crew, 1, err);
	crew_free(crew);
	return rc;
}

/* Keys of one slot in two files are no keys that are there twice; but whether
 * one is, nobody looked. */
static void
count_shared(struct manifest *m)
{
	uint16_t *times = xcalloc(CLUSTER_SLOTS, sizeof(*times));

	for (size_t i = 0; i < m->nshards; i++)
		for (size_t k = 0; k < m->shards[i]->nslots; k++)
			for (unsigned s = m->shards[i]->slots[k].from;
			     s <= m->shards[i]->slots[k].to; s++)
				m->shared_slots += ++times[s] == 2;
	free(times);
}

static int
put_together(struct files *t, struct err *err)
{
	struct manifest *m = t->m;

	m->way = xstrdup(SOURCE_BLOB_WAY);
	m->source = xstrdup(t->from->shown);
	m->shards = xcalloc(t->set->n, sizeof(*m->shards));
	for (; m->nshards < t->set->n; m->nshards++) {
		m->shards[m->nshards] = t->jobs[m->nshards].m;
		t->jobs[m->nshards].m = NULL;
	}
	count_shared(m);
	if (m->shared_slots > 0)
		progress_note(t->env->progress, STEP_SNAPSHOT,
		    "keys of %zu hash slots are in more than one file of the "
		    "export: whether a key is there twice is not known",
		    m->shared_slots);
	return shards_join(m, err);
}

static void
abandon(struct files *t)
{
	struct scope scope = dump_afterwards();

	for (size_t i = 0; i < t->m->nshards; i++)
		dump_abandon(t->store, &scope, t->m->shards[i]);
	for (size_t i = 0; i < t->set->n; i++)
		if (t->jobs[i].m != NULL)
			dump_abandon(t->store, &scope, t->jobs[i].m);
}

static int
judge(struct files *t, struct err *err)
{
	return export_count_take(t->m, t->from->facts, t->env->progress, err);
}

static int
take_one(struct files *t, const struct scope *scope, struct err *err)
{
	static const struct dump_name name = {.prefix = "part-"};
	struct scope afterwards;

	if (take_file(t, 0, scope, t->env, &name, t->m, err) != 0)
		return -1;
	if (judge(t, err) == 0)
		return 0;
	afterwards = dump_afterwards();
	dump_abandon(t->store, &afterwards, t->m);
	return -1;
}

static int
take_several(struct files *t, const struct scope *scope, struct err *err)
{
	int rc;

	plan(t);
	t->progress = shards_progress_new(t->env->progress, t->set->n);
	progress_note(t->env->progress, STEP_SNAPSHOT,
	    "an export of %zu files, at most %u of them at once", t->set->n,
	    t->at_once);
	rc = run_all(t, scope, err);
	if (rc == 0)
		rc = put_together(t, err);
	if (rc == 0)
		rc = judge(t, err);
	if (rc != 0)
		abandon(t);
	shards_progress_free(t->progress);
	for (size_t i = 0; i < t->set->n; i++)
		manifest_free(t->jobs[i].m);
	free(t->jobs);
	return rc;
}

int
export_take(const struct export_set *set, const struct export_from *from,
    struct store *store, const struct scope *scope,
    const struct snapshot_env *env, const struct snapshot_take_opts *opts,
    struct manifest *m, struct err *err)
{
	struct files t = {
	    .set = set,
	    .from = from,
	    .store = store,
	    .env = env,
	    .opts = opts,
	    .m = m,
	};

	return set->n > 1 ? take_several(&t, scope, err)
			  : take_one(&t, scope, err);
}

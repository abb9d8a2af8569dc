#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/budget.h"
#include "base/err.h"
#include "rdb/fingerprint.h"
#include "rdb/key_subset.h"
#include "rdb/redis_error.h"
#include "rdb/restore_loader.h"

#include "agent/snapshot/catalog.h"
#include "agent/snapshot/dataset.h"
#include "agent/snapshot/env.h"
#include "agent/snapshot/import_half.h"
#include "agent/snapshot/import_marker.h"
#include "agent/snapshot/manifest.h"

/* Beside what reading takes: four million keys a pass. */
#define DIGESTS_BYTES ((size_t)72 << 20)

static int no(struct import_half_answer *a, const char *fmt, ...) ERR_FMT(2, 3);

static int
no(struct import_half_answer *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(a->why, sizeof(a->why), fmt, ap);
	va_end(ap);
	return 0;
}

/* 0 for what a later try would fail with, too. */
static int
untold_target(struct import_half_answer *a, const struct err *err)
{
	/* It let us in before: a right that is missing. */
	if (!redis_error_is_refusal(err))
		return -1;
	return no(a, "it cannot be read: %.160s", err->text);
}

static int
untold_snapshot(struct import_half_answer *a, const struct err *err)
{
	if (err->kind != ERR_MISSING && err->kind != ERR_CORRUPT)
		return -1;
	return no(a, "that snapshot cannot be read: %.160s", err->text);
}

struct two {
	struct dataset *target, *snapshot;
};

/* One range of the digests; why is set when the answer is no. */
static int
pass(const struct two *two, struct key_subset *set, const struct scope *scope,
    const struct snapshot_env *env, struct import_half_answer *a,
    struct err *err)
{
	struct dataset_facts facts;
	uint64_t strangers;

	if (dataset_read(two->target, key_subset_part(set), scope, env, &facts,
		err) != 0)
		return untold_target(a, err);
	if (dataset_read(two->snapshot, key_subset_whole(set), scope, env,
		&facts, err) != 0)
		return untold_snapshot(a, err);
	strangers = key_subset_strangers(set);
	if (strangers > 0)
		return no(a,
		    "at least %" PRIu64 " of its keys (or libraries) are not "
		    "that snapshot's, or not with its values",
		    strangers);
	return 0;
}

static int
all_passes(const struct two *two, const struct key_subset_opts *opts,
    const struct scope *scope, const struct snapshot_env *env,
    struct import_half_answer *a, struct err *err)
{
	struct budget *share = budget_carve(env->budget, opts->memory_max, err);
	struct key_subset *set;
	int rc = 0;

	if (share == NULL)
		return -1;
	set = key_subset_new(opts);
	for (unsigned i = 0; i < key_subset_passes(set); i++) {
		key_subset_begin(set, i);
		rc = pass(two, set, scope, env, a, err);
		if (rc != 0 || a->why[0] != '\0')
			break;
	}
	key_subset_free(set);
	budget_free(share);
	return rc;
}

static int
compare(const struct import_half *q, const struct manifest *m,
    const struct two *two, const struct scope *scope,
    const struct snapshot_env *env, struct import_half_answer *a,
    struct err *err)
{
	char mark[IMPORT_MARKER_SIZE], values[IMPORT_MARKER_SIZE];
	/* More fields than the snapshot has are not all of it. */
	struct key_subset_opts opts = {
	    .items = q->keys + q->functions,
	    .memory_max = budget_left(env->budget) / 2,
	    .types_seen = m->types_seen,
	    .apart = mark,
	    .apart_prefix = values,
	};

	if (!m->verified)
		return no(a, "that snapshot could not be parsed");
	if (q->keys > m->total.keys + 1 + RESTORE_TEMPS_MAX)
		return no(a,
		    "it holds %" PRIu64 " keys, that snapshot %" PRIu64,
		    q->keys - 1, m->total.keys);
	import_marker_key(q->job, mark);
	import_marker_values(q->job, values);
	opts.items += fingerprint_fields(m->fingerprint);
	if (opts.memory_max > DIGESTS_BYTES)
		opts.memory_max = DIGESTS_BYTES;
	return all_passes(two, &opts, scope, env, a, err);
}

int
import_half_ask(const struct import_half *q, const struct scope *scope,
    const struct snapshot_env *env, struct import_half_answer *a,
    struct err *err)
{
	struct manifest *m;
	struct two two;
	int rc;

	*a = (struct import_half_answer){0};
	m = catalog_get(q->store, scope, q->job, q->snapshot, err);
	if (m == NULL)
		return untold_snapshot(a, err);
	two.target = dataset_redis_new(q->target, q->redis, NULL);
	two.snapshot = dataset_snapshot_new(q->store, m);
	rc = compare(q, m, &two, scope, env, a, err);
	dataset_free(two.target);
	dataset_free(two.snapshot);
	a->ours = rc == 0 && a->why[0] == '\0';
	return rc == 0 ? 0 : err_in(err, "looking what it holds");
}

#include <assert.h>
#include <stdio.h>

#include "base/budget.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/relay.h"
#include "base/scope.h"
#include "base/sink.h"
#include "rdb/library_set.h"
#include "rdb/rdb_reader.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_primaries.h"
#include "rdb/sync_client.h"

#include "agent/snapshot/env.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/progress.h"
#include "agent/snapshot/snapshot_compare.h"

/* Nothing is kept, so two chunks in turn would do; the client asks for 4. */
#define READ_CHUNKS 4

static void
advance(void *arg, uint64_t done, uint64_t total, bool about)
{
	if (about)
		progress_about(arg, STEP_COMPARE, done, total);
	else
		progress_advance(arg, STEP_COMPARE, done, total);
}

/* One server's dump into the fingerprint; each library once. */
static int
read_server(const struct redis_target *part, const struct redis_opts *redis,
    struct fingerprint *into, struct library_set *libraries,
    const struct scope *scope, struct sync_opts *opts, struct err *err)
{
	struct sink *nowhere = null_sink_new();
	struct sync_facts facts = {0};
	int rc;

	opts->reader = rdb_reader_new();
	rdb_reader_libraries(opts->reader, libraries);
	rdb_reader_add(opts->reader, fingerprint_visitor(into));
	rc = sync_dump(part, redis, scope, opts, nowhere, &facts, err);
	if (rc == 0 && facts.unverified)
		rc = err_set(err, ERR_UNSUPPORTED,
		    "the target writes an RDB version that this drsync cannot "
		    "read: %s",
		    facts.unverified_why);
	rdb_reader_free(opts->reader);
	sink_free(nowhere);
	return rc;
}

/* One after the other, so that no two of them fork at once. */
static int
read_all(const struct redis_primaries *p, const struct redis_opts *redis,
    struct fingerprint *into, const struct scope *scope, struct sync_opts *opts,
    struct err *err)
{
	struct library_set libraries = {0};
	int rc = 0;

	for (size_t i = 0; i < p->n && rc == 0; i++)
		rc = read_server(
		    &p->parts[i], redis, into, &libraries, scope, opts, err);
	library_set_release(&libraries);
	return rc;
}

/* What a comparison of sums does not see in a cluster. */
static int
judge_cluster(const struct redis_target *target,
    const struct redis_primaries *p, const struct redis_opts *redis,
    const struct scope *scope, struct fp_comparison *result, struct err *err)
{
	bool yes;

	if (!result->same) {
		if (redis_primaries_still(target, p, redis, scope, &yes, err) !=
		    0)
			return -1;
		return yes ? 0
			   : err_set(err, ERR_TRANSIENT,
				 "slots were on their way from server to "
				 "server while it was read, so keys may have "
				 "been seen twice, or not");
	}
	if (redis_primaries_agree(p, redis, scope, &yes, err) != 0)
		return -1;
	if (yes)
		return 0;
	result->same = false;
	snprintf(result->why, sizeof(result->why),
	    "its primaries do not all hold the same function libraries");
	return 0;
}

int
snapshot_compare(const struct manifest *m, const struct redis_target *target,
    const struct redis_opts *redis, const struct scope *scope,
    const struct snapshot_env *env, struct fp_comparison *result,
    struct fingerprint **out, struct err *err)
{
	assert(m->fingerprint != NULL);
	return snapshot_compare_part(
	    m->fingerprint, target, redis, scope, env, result, out, err);
}

int
snapshot_compare_part(const struct fingerprint *ours,
    const struct redis_target *target, const struct redis_opts *redis,
    const struct scope *scope, const struct snapshot_env *env,
    struct fp_comparison *result, struct fingerprint **out, struct err *err)
{
	struct sync_opts opts = {
	    .progress = advance,
	    .progress_arg = env->progress,
	};
	struct fingerprint *theirs;
	struct redis_primaries p;
	int rc = -1;

	if (redis_primaries_find(target, redis, scope, &p, err) != 0)
		return err_in(err, "comparing with '%s'", target->shown);
	theirs = fingerprint_like(ours);
	opts.budget = budget_carve(env->budget, READ_CHUNKS * CHUNK_SIZE, err);
	if (opts.budget == NULL)
		goto out;
	if (read_all(&p, redis, theirs, scope, &opts, err) != 0)
		goto out;
	fingerprint_compare(ours, theirs, scope_wall_ms(scope), result);
	if (p.map != NULL &&
	    judge_cluster(target, &p, redis, scope, result, err) != 0)
		goto out;
	if (out != NULL) {
		*out = theirs;
		theirs = NULL;
	}
	rc = 0;
out:
	budget_free(opts.budget);
	fingerprint_free(theirs);
	redis_primaries_release(&p);
	return rc == 0 ? 0 : err_in(err, "comparing with '%s'", target->shown);
}

#include <assert.h>

#include "base/budget.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/relay.h"
#include "base/scope.h"
#include "base/sink.h"
#include "rdb/rdb_reader.h"
#include "rdb/redis_conn.h"
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

int
snapshot_compare(const struct manifest *m, const struct redis_target *target,
    const struct redis_opts *redis, const struct scope *scope,
    const struct snapshot_env *env, struct fp_comparison *result,
    struct fingerprint **out, struct err *err)
{
	struct rdb_reader *reader = rdb_reader_new();
	struct sync_facts facts = {0};
	struct sync_opts opts = {
	    .reader = reader,
	    .progress = advance,
	    .progress_arg = env->progress,
	};
	struct sink *nowhere = null_sink_new();
	struct fingerprint *theirs;
	int rc = -1;

	assert(m->fingerprint != NULL);
	theirs = fingerprint_new(fingerprint_anchor_ms(m->fingerprint));
	rdb_reader_add(reader, fingerprint_visitor(theirs));
	opts.budget = budget_carve(env->budget, READ_CHUNKS * CHUNK_SIZE, err);
	if (opts.budget == NULL)
		goto out;
	if (sync_dump(target, redis, scope, &opts, nowhere, &facts, err) != 0)
		goto out;
	if (facts.unverified) {
		err_set(err, ERR_UNSUPPORTED,
		    "the target writes an RDB version that this drsync cannot "
		    "read: %s",
		    facts.unverified_why);
		goto out;
	}
	fingerprint_compare(
	    m->fingerprint, theirs, scope_wall_ms(scope), result);
	if (out != NULL) {
		*out = theirs;
		theirs = NULL;
	}
	rc = 0;
out:
	sink_free(nowhere);
	budget_free(opts.budget);
	rdb_reader_free(reader);
	fingerprint_free(theirs);
	return rc == 0 ? 0 : err_in(err, "comparing with '%s'", target->shown);
}

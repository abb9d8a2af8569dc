#include <assert.h>
#include <stdio.h>

#include "base/budget.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/flow.h"
#include "base/relay.h"
#include "base/scope.h"
#include "base/sink.h"
#include "rdb/library_set.h"
#include "rdb/rdb_reader.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_primaries.h"
#include "rdb/scan_client.h"
#include "rdb/sync_client.h"

#include "agent/snapshot/env.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/progress.h"
#include "agent/snapshot/reader_tap.h"
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

/* What a server is read with, and what for. */
struct reading {
	const struct redis_opts *redis;
	const struct scope *scope;
	const struct snapshot_env *env;
	const struct fingerprint *ours; /* of the snapshot */
	struct fingerprint *into;
	struct library_set libraries; /* each once */
	bool scanned;
};

static struct rdb_reader *
new_reader(struct reading *r)
{
	struct rdb_reader *reader = rdb_reader_new();

	rdb_reader_libraries(reader, &r->libraries);
	rdb_reader_add(reader, fingerprint_visitor(r->into));
	return reader;
}

static int
read_by_sync(
    struct reading *r, const struct redis_target *part, struct err *err)
{
	struct sync_opts opts = {
	    .reader = new_reader(r),
	    .progress = advance,
	    .progress_arg = r->env->progress,
	};
	struct sink *nowhere = null_sink_new();
	struct sync_facts facts = {0};
	int rc = -1;

	opts.budget = budget_carve(
	    r->env->budget, READ_CHUNKS * CHUNK_SIZE, err);
	if (opts.budget != NULL)
		rc = sync_dump(
		    part, r->redis, r->scope, &opts, nowhere, &facts, err);
	if (rc == 0 && facts.unverified)
		rc = err_set(err, ERR_UNSUPPORTED,
		    "the target writes an RDB version that this drsync cannot "
		    "read: %s",
		    facts.unverified_why);
	budget_free(opts.budget);
	rdb_reader_free(opts.reader);
	sink_free(nowhere);
	return rc;
}

static void
advance_scan(void *arg, uint64_t done, uint64_t total)
{
	progress_about(arg, STEP_COMPARE, done, total);
}

/* What was read must be exact, or nothing is said. */
static int
check_scan(
    const struct reading *r, const struct scan_facts *facts, struct err *err)
{
	if (!facts->expiry_exact)
		return err_set(err, ERR_UNSUPPORTED,
		    "it refuses replication, and by 'scan' a Redis %s tells "
		    "when keys expire to some milliseconds only",
		    facts->version);
	if (facts->functions_left_out && fingerprint_functions(r->ours) > 0)
		return err_set(err, ERR_UNSUPPORTED,
		    "it refuses replication, and FUNCTION DUMP");
	return 0;
}

static int
scan_into(struct reading *r, const struct redis_target *part,
    const struct scan_opts *opts, struct rdb_reader *reader, struct err *err)
{
	struct flow *flow = flow_new(r->scope);
	struct scan_facts facts;
	int rc = -1;

	if (flow_append(flow, reader_tap_new(reader, false)) == 0 &&
	    flow_append(flow, null_sink_new()) == 0)
		rc = scan_dump(part, r->redis, flow_scope(flow), opts,
		    flow_head(flow), &facts, err);
	if (rc == 0)
		rc = sink_finish(flow_head(flow), err);
	flow_free(flow);
	return rc == 0 ? check_scan(r, &facts, err) : -1;
}

/* For a managed service that refuses replication: as far as it is quiet. */
static int
read_by_scan(
    struct reading *r, const struct redis_target *part, struct err *err)
{
	struct scan_opts opts = {
	    .progress = advance_scan,
	    .progress_arg = r->env->progress,
	};
	struct rdb_reader *reader = new_reader(r);
	int rc = -1;

	opts.budget = budget_carve(
	    r->env->budget, CHUNK_SIZE + SCAN_SEEN_BYTES, err);
	if (opts.budget != NULL)
		rc = scan_into(r, part, &opts, reader, err);
	budget_free(opts.budget);
	rdb_reader_free(reader);
	return rc;
}

/* One server's dump into the fingerprint. */
static int
read_server(struct reading *r, const struct redis_target *part, struct err *err)
{
	struct err scan = {0};

	if (read_by_sync(r, part, err) == 0)
		return 0;
	if (err->kind != ERR_UNSUPPORTED && err->kind != ERR_AUTH)
		return -1;
	if (!r->scanned)
		progress_note(r->env->progress, STEP_COMPARE,
		    "the target refuses replication: it is read by 'scan', "
		    "which finds what it should as far as nobody writes");
	r->scanned = true;
	if (read_by_scan(r, part, &scan) == 0) {
		*err = (struct err){0};
		return 0;
	}
	/* What neither allows is told as replication has it. */
	if (scan.kind != ERR_UNSUPPORTED && scan.kind != ERR_AUTH)
		*err = scan;
	return -1;
}

/* One after the other, so that no two of them fork at once. */
static int
read_all(struct reading *r, const struct redis_primaries *p, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < p->n && rc == 0; i++)
		rc = read_server(r, &p->parts[i], err);
	library_set_release(&r->libraries);
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
	struct reading r = {
	    .redis = redis, .scope = scope, .env = env, .ours = ours};
	struct fingerprint *theirs;
	struct redis_primaries p;
	int rc = -1;

	if (redis_primaries_find(target, redis, scope, &p, err) != 0)
		return err_in(err, "comparing with '%s'", target->shown);
	r.into = theirs = fingerprint_like(ours);
	if (read_all(&r, &p, err) != 0)
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
	fingerprint_free(theirs);
	redis_primaries_release(&p);
	return rc == 0 ? 0 : err_in(err, "comparing with '%s'", target->shown);
}

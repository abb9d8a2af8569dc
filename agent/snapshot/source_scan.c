#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/budget.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/flow.h"
#include "base/relay.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_profile.h"
#include "rdb/scan_client.h"
#include "rdb/scan_quota.h"

#include "agent/snapshot/env.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/progress.h"
#include "agent/snapshot/reader_tap.h"
#include "agent/snapshot/source.h"
#include "agent/snapshot/source_again.h"

#define PROFILE_MS 10000

/* What a spool takes, too, where no ceiling is set. */
#define SPOOL_DEFAULT ((uint64_t)64 << 30)

struct source_scan {
	struct source source;
	struct source_scan_opts opts;
	struct scan_quota *quota;
	bool owns_quota; /* of a cluster all shards share it */
};

static void
advance(void *arg, uint64_t done, uint64_t total)
{
	progress_about(arg, STEP_SNAPSHOT, done, total);
}

/* "1.2 s" */
static void
add_seconds(struct buf *b, int64_t ms)
{
	buf_addf(b, "%" PRId64 ".%" PRId64 " s", ms / 1000, ms % 1000 / 100);
}

static void
tell_once(const struct scan_facts *scan, struct buf *note)
{
	buf_addf(note, "%" PRIu64 " keys were read one after another in ",
	    scan->keys);
	add_seconds(note, scan->ended_ms - scan->began_ms);
	buf_addf(note, ", and %" PRIu64 " went meanwhile", scan->gone);
	if (scan->once[0] != '\0')
		buf_addf(note, "; changes were not read again: %s", scan->once);
}

static void
tell_again(const struct scan_facts *scan, struct buf *note)
{
	buf_addf(note, "%" PRIu64 " keys as they were within ", scan->keys);
	add_seconds(note, scan->ended_ms - scan->began_ms);
	buf_addf(note, "; what changed in the ");
	add_seconds(note, scan->began_ms - scan->first_ms);
	buf_addf(
	    note, " before was read again (%" PRIu64 " keys)", scan->changed);
	if (scan->known == SCAN_PROBE)
		buf_adds(note, "; that it is told was seen by a key of ours");
	if (scan->known == SCAN_TRUST)
		buf_adds(note, "; that it is all is vouched for, NOT verified");
}

static const char *const changes_known[] = {
    [SCAN_ASK] = MANIFEST_CHANGES_TOLD,
    [SCAN_PROBE] = MANIFEST_CHANGES_SEEN,
    [SCAN_TRUST] = MANIFEST_CHANGES_VOUCHED,
};

static void
describe(const struct scan_facts *scan, struct source_facts *facts)
{
	struct buf note;

	memset(facts, 0, sizeof(*facts));
	snprintf(facts->server, sizeof(facts->server), "%s %s",
	    scan->valkey ? "valkey" : "redis", scan->version);
	snprintf(facts->host, sizeof(facts->host), "%s", scan->host);
	if (strlen(scan->replid) < sizeof(facts->replid))
		strcpy(facts->replid, scan->replid);
	facts->offset = -1;
	facts->cow_bytes = -1;
	facts->diskless = true;
	facts->left_out = scan->unwanted;
	facts->changes = scan->again ? changes_known[scan->known] : NULL;
	/* No key is older than the beginning, which is what counts for the
	 * age of the data. */
	facts->point_ms = scan->began_ms;
	facts->window_ms = scan->ended_ms - scan->began_ms;
	buf_init(&note, sizeof(facts->note) - 1);
	buf_adds(&note, "by 'scan', NOT a point in time: ");
	if (scan->again)
		tell_again(scan, &note);
	else
		tell_once(scan, &note);
	if (scan->functions_left_out)
		buf_adds(&note, "; functions were refused");
	if (!scan->expiry_exact)
		buf_adds(&note, "; expiry to some milliseconds");
	memcpy(facts->note, note.data, note.len + 1);
	buf_release(&note);
}

static cJSON *
profile_of(
    const struct source_scan *ss, const char *host, const struct scope *scope)
{
	struct scope brief = scope_within(scope, PROFILE_MS);
	struct redis_conn *conn = source_connect_again(
	    ss->source.target, ss->source.redis, host, &brief);
	struct err ignored = {0};
	cJSON *profile = NULL;

	if (conn != NULL)
		profile = redis_profile_take(conn, &brief, &ignored);
	redis_conn_free(conn);
	return profile;
}

static uint64_t
hold_max(const struct snapshot_env *env)
{
	return env->spool_max > 0 ? env->spool_max : SPOOL_DEFAULT;
}

static size_t
scan_source_cost(const struct source *s, const struct source_call *call)
{
	(void)s;
	return (1 + call->held) * CHUNK_SIZE + SCAN_SEEN_BYTES +
	    SCAN_AGAIN_BYTES;
}

static int
scan_source_dump(struct source *s, const struct scope *scope,
    const struct source_call *call, struct sink *sink,
    struct source_facts *facts, struct err *err)
{
	struct source_scan *ss = (struct source_scan *)s;
	struct scan_opts opts = {
	    .quota = ss->quota,
	    .latency_most_ms = ss->opts.latency_most_ms,
	    .filter = call->filter,
	    .hold_dir = call->env->spool_dir,
	    .hold_max = hold_max(call->env),
	    .trust = ss->opts.trust,
	    .progress = advance,
	    .progress_arg = call->env->progress,
	};
	struct flow *flow = flow_new(scope);
	struct scan_facts scan;
	int rc = -1;

	opts.budget = budget_carve(
	    call->env->budget, scan_source_cost(s, call), err);
	if (opts.budget == NULL ||
	    flow_append(flow, reader_tap_new(call->reader, true)) != 0 ||
	    flow_append(flow, relay_new(sink)) != 0)
		goto out;
	rc = scan_dump(s->target, s->redis, flow_scope(flow), &opts,
	    flow_head(flow), &scan, err);
	if (rc != 0) {
		flow_failed(flow, err);
		goto out;
	}
	describe(&scan, facts);
	facts->unverified = reader_newer(call->reader);
	facts->profile = profile_of(ss, facts->host, scope);
out:
	flow_free(flow);
	budget_free(opts.budget);
	return rc;
}

static void
scan_source_free(struct source *s)
{
	struct source_scan *ss = (struct source_scan *)s;

	if (ss->owns_quota)
		scan_quota_free(ss->quota);
	free(s->shown);
	free(s);
}

static struct source *
scan_source_of_shard(const struct source *s, const struct redis_target *server)
{
	struct source_scan *ss = xcalloc(1, sizeof(*ss));

	*ss = *(const struct source_scan *)s;
	ss->source.shown = xstrdup(server->shown);
	ss->source.target = server;
	ss->owns_quota = false;
	return &ss->source;
}

static const struct source_ops scan_source_ops = {
    .way = MANIFEST_WAY_SCAN,
    .cost = scan_source_cost,
    .dump = scan_source_dump,
    .of_shard = scan_source_of_shard,
    .free = scan_source_free,
};

struct source *
source_scan_new(const struct redis_target *target,
    const struct redis_opts *redis, const struct source_scan_opts *opts)
{
	struct source_scan *ss = xcalloc(1, sizeof(*ss));

	ss->source.ops = &scan_source_ops;
	ss->source.shown = xstrdup(target->shown);
	ss->source.target = target;
	ss->source.redis = redis;
	ss->opts = *opts;
	ss->quota = scan_quota_new(opts->keys_per_second);
	ss->owns_quota = true;
	return &ss->source;
}

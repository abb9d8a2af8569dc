#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "rdb/key_filter.h"
#include "rdb/rdb_compat.h"
#include "rdb/replicas_wait.h"
#include "storage/blob_ladder.h"
#include "storage/blob_same.h"
#include "storage/store.h"

#include "agent/job/agent.h"
#include "agent/job/run_private.h"
#include "agent/job/settings.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/snapshot_compare.h"
#include "agent/snapshot/snapshot_take.h"
#include "agent/snapshot/source.h"
#include "agent/snapshot/source_arm.h"

static bool
is_set_to(const struct settings *s, enum option o, const char *value)
{
	return strcmp(settings_str(s, o), value) == 0;
}

/* What is no point in time comes last, and not of itself. */
static struct source *
redis_source(const struct settings *s, const struct redis_target *target,
    const struct redis_opts *redis, const struct source_sync_opts *sync)
{
	struct source_scan_opts scan = {
	    .keys_per_second = (uint64_t)settings_int(s, OPT_KEYS_PER_SECOND),
	    .latency_most_ms = settings_ms(s, OPT_LATENCY_MOST),
	    .trust = is_set_to(s, OPT_SOURCE_CHANGES, "probe") ? SCAN_PROBE
		: is_set_to(s, OPT_SOURCE_CHANGES, "trust")    ? SCAN_TRUST
							       : SCAN_ASK,
	};

	if (is_set_to(s, OPT_SOURCE_WAY, "scan"))
		return source_scan_new(target, redis, &scan);
	if (is_set_to(s, OPT_SOURCE_WAY, "sync") ||
	    !is_set_to(s, OPT_ALLOW_INCONSISTENT, "yes"))
		return source_sync_new(target, redis, sync);
	return source_either_new(source_sync_new(target, redis, sync),
	    source_scan_new(target, redis, &scan));
}

static struct source *
arm_source(struct run *r, struct err *err)
{
	const struct settings *s = r->settings;
	struct source_arm_opts opts = {
	    .resource = agent_resource(r->agent, REGION_SOURCE, err),
	    .timeout_ms = settings_ms(s, OPT_ARM_TIMEOUT),
	    .still_ms = settings_ms(s, OPT_ARM_SETTLE),
	    .permissions = settings_str(s, OPT_EXPORT_PERMISSIONS),
	    .by_identity = is_set_to(s, OPT_SOURCE_RESOURCE_AUTH, "identity"),
	    .storage_subscription = settings_str(
		s, OPT_SOURCE_STORE_SUBSCRIPTION),
	};

	if (opts.resource == NULL)
		return NULL;
	if (settings_str(s, OPT_SOURCE_REDIS) != NULL) {
		opts.counted.target = agent_redis(r->agent, REGION_SOURCE,
		    &r->scope, &opts.counted.redis, err);
		if (opts.counted.target == NULL)
			return NULL;
	}
	return source_arm_new(&opts);
}

static struct source *
new_source(struct run *r, struct err *err)
{
	const char *file = settings_str(r->settings, OPT_SOURCE_FILE);
	const struct redis_target *target;
	const struct redis_opts *redis;
	struct source_sync_opts opts = {0};

	if (file != NULL)
		return source_file_new(file);
	if (settings_source_by_arm(r->settings))
		return arm_source(r, err);
	target = agent_redis(r->agent, REGION_SOURCE, &r->scope, &redis, err);
	if (target == NULL ||
	    agent_source_guard(r->agent, &opts.guard, err) != 0)
		return NULL;
	opts.compat = rdb_compat_find(
	    settings_str(r->settings, OPT_RDB_COMPAT));
	return redis_source(r->settings, target, redis, &opts);
}

int
run_step_snapshot(struct run *r, struct err *err)
{
	struct snapshot_take_opts opts = {
	    .job = r->opts->job,
	    .level = (int)settings_int(r->settings, OPT_LEVEL),
	    .seal = r->env->cipher_key != NULL,
	    .part_max = settings_size(r->settings, OPT_PART_MAX),
	    .forks_per_host = (unsigned)settings_int(
		r->settings, OPT_FORKS_PER_HOST),
	    .filter = r->filter,
	};
	struct store *store = agent_store(r->agent, REGION_SOURCE, err);
	struct source *source;

	if (store == NULL ||
	    codec_parse(
		settings_str(r->settings, OPT_CODEC), &opts.codec, err) != 0)
		return -1;
	source = new_source(r, err);
	if (source == NULL)
		return -1;
	r->report->m = snapshot_take(
	    source, store, &r->scope, r->env, &opts, err);
	source_free(source);
	return r->report->m != NULL ? 0 : -1;
}

int
run_step_copy(struct run *r, struct err *err)
{
	struct store *from = agent_store(r->agent, REGION_SOURCE, err);
	struct store *to = from != NULL ? agent_store(r->agent, REGION_DR, err)
					: NULL;

	if (to == NULL)
		return -1;
	return snapshot_copy(
	    from, to, r->report->m, &r->scope, r->env, &r->report->copy, err);
}

static int
settle(void *arg, const struct scope *scope, struct err *err)
{
	struct run *r = arg;

	if (agent_redis_settle(r->agent, REGION_DR, &r->pinned, scope, err) !=
	    0)
		return -1;
	return replicas_wait(&r->pinned, r->pinned_opts, scope, err);
}

const struct key_filter *
run_filter_at_load(const struct run *r)
{
	return key_filter_same(r->filter, r->report->m->filter) ? NULL
								: r->filter;
}

int
run_await_import(struct run *r, struct err *err)
{
	struct redis_resource *resource;

	if (!settings_dr_by_arm(r->settings))
		return 0;
	resource = agent_resource(r->agent, REGION_DR, err);
	return resource != NULL
	    ? snapshot_load_await(resource, &r->scope, r->env, err)
	    : -1;
}

static int
load_by_resource(
    struct run *r, struct snapshot_load_opts *opts, struct err *err)
{
	const struct redis_opts *redis;

	const struct settings *s = r->settings;

	opts->by_identity = is_set_to(s, OPT_DR_RESOURCE_AUTH, "identity");
	opts->storage_subscription = settings_str(s, OPT_DR_STORE_SUBSCRIPTION);
	opts->resource = agent_resource(r->agent, REGION_DR, err);
	opts->named = agent_redis(r->agent, REGION_DR, &r->scope, &redis, err);
	return opts->resource != NULL && opts->named != NULL ? 0 : -1;
}

int
run_step_import(struct run *r, struct err *err)
{
	const struct settings *s = r->settings;
	struct snapshot_load_opts opts = {
	    .overwrite = r->opts->overwrite,
	    .unverified = r->opts->unverified,
	    .filter = run_filter_at_load(r),
	    .connections = (unsigned)settings_int(s, OPT_CONNECTIONS),
	    .bind = settings_str(s, OPT_BIND),
	    .advertise = settings_str(s, OPT_ADVERTISE),
	    .port = (int)settings_int(s, OPT_REPLICATION_PORT),
	    .tls_cert = settings_str(s, OPT_REPLICATION_CERT),
	    .tls_key = settings_str(s, OPT_REPLICATION_KEY),
	    .tls_ca = settings_str(s, OPT_REPLICATION_CA),
	    .settle = settle,
	    .settle_arg = r,
	};
	struct store *store = agent_store(r->agent, REGION_DR, err);

	if (store == NULL ||
	    restorer_parse(settings_str(s, OPT_RESTORER), &opts.way, err) != 0)
		return -1;
	if (settings_str(s, OPT_DR_RESOURCE) != NULL &&
	    load_by_resource(r, &opts, err) != 0)
		return -1;
	opts.import_ms = settings_ms(s, OPT_ARM_TIMEOUT);
	opts.target = &r->pinned;
	opts.redis = r->pinned_opts;
	return snapshot_load(store, r->report->m, &r->scope, r->env, &opts,
	    &r->report->load, err);
}

int
run_step_compare(struct run *r, struct err *err)
{
	struct run_report *report = r->report;
	struct fingerprint *theirs = NULL;
	int rc;

	rc = snapshot_compare_part(report->load.part != NULL
		? report->load.part
		: report->m->fingerprint,
	    &r->pinned, r->pinned_opts, &r->scope, r->env, &report->comparison,
	    &theirs, err);
	if (rc == 0)
		fingerprint_text(theirs, report->target_fingerprint);
	fingerprint_free(theirs);
	if (rc != 0)
		return -1;
	if (!report->comparison.same)
		return err_set(err, ERR_CORRUPT,
		    "the DR Redis does not hold what the snapshot holds: %s",
		    report->comparison.why);
	return 0;
}

static void
advance_blob(void *arg, uint64_t done, uint64_t total)
{
	progress_advance(arg, STEP_COPY, done, total);
}

/* Sets replace_etag when the destination may be, and has to be, replaced. */
static int
look_at_destination(struct run *r, struct blob_side *from, struct blob_side *to,
    struct blob_props *old, struct ladder_job *job, struct err *err)
{
	bool *same = &r->report->copy.there_already;

	if (to->store->ops->stat(to->store, &r->scope, to->name, old, err) != 0)
		return err->kind == ERR_MISSING ? 0 : -1;
	if (blob_same(from, to, r->env->budget, &r->scope, same, err) != 0)
		return -1;
	if (*same)
		return 0;
	if (!r->opts->replace)
		return err_set(err, ERR_REFUSED,
		    "'%s' is in '%s' already, with another content; to "
		    "replace it give --replace",
		    to->name, to->store->url);
	job->replace_etag = old->etag;
	return 0;
}

/* Its MD5 proves nothing of what a service copied: it is the one we told. */
static int
prove_blob(struct run *r, const struct blob_side *from,
    const struct blob_side *made, struct err *err)
{
	bool same = true;

	if (from->props->has_md5 &&
	    blob_same(from, made, r->env->budget, &r->scope, &same, err) != 0)
		return -1;
	if (!same)
		return err_set(err, ERR_CORRUPT,
		    "'%s' in '%s' does not hold what the source's MD5 says; "
		    "to copy it again give --replace",
		    made->name, made->store->url);
	return 0;
}

int
run_step_copy_blob(struct run *r, struct err *err)
{
	struct snapshot_copy_facts *facts = &r->report->copy;
	struct store *from = agent_store(r->agent, REGION_SOURCE, err);
	struct store *to = from != NULL ? agent_store(r->agent, REGION_DR, err)
					: NULL;
	const struct ladder l = {
	    .first = RUNG_BLOCKS,
	    .from = from,
	    .to = to,
	    .in_flight = r->env->in_flight,
	    .budget = r->env->budget,
	};
	const char *name = r->opts->blob;
	struct blob_props src, old;
	struct ladder_job job = {
	    .src_name = name,
	    .dst_name = name,
	    .src = &src,
	    .progress = advance_blob,
	    .progress_arg = r->env->progress,
	};
	struct ladder_result result;
	struct blob_side a = {from, name, &src}, b = {to, name, &old};

	if (to == NULL ||
	    from->ops->stat(from, &r->scope, name, &src, err) != 0 ||
	    look_at_destination(r, &a, &b, &old, &job, err) != 0)
		return -1;
	if (facts->there_already)
		return 0;
	if (ladder_copy(&l, &job, &r->scope, &result, err) != 0)
		return -1;
	b.props = &result.props;
	if (result.rung != RUNG_STREAM && prove_blob(r, &a, &b, err) != 0)
		return -1;
	facts->bytes = src.size;
	facts->streamed = result.rung == RUNG_STREAM;
	snprintf(facts->why, sizeof(facts->why), "%s", result.why);
	return 0;
}

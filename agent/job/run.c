#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/log.h"
#include "base/retry.h"
#include "base/scope.h"
#include "rdb/fingerprint.h"
#include "rdb/key_filter.h"
#include "rdb/posing_master.h"
#include "rdb/redis_primary.h"
#include "storage/store.h"

#include "agent/job/agent.h"
#include "agent/job/filter_settings.h"
#include "agent/job/ledger.h"
#include "agent/job/run_left.h"
#include "agent/job/run_private.h"
#include "agent/job/settings.h"
#include "agent/job/settings_check.h"
#include "agent/job/snapshot_find.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/progress.h"

#define UNDO_MS 180000

void
run_report_release(struct run_report *r)
{
	manifest_free(r->m);
	r->m = NULL;
	fingerprint_free(r->load.part);
	r->load.part = NULL;
	detour_release(&r->adopted);
}

/*
 * A Redis that loads, or has just failed over, may answer a moment later.
 * Each step is safe to begin again: a snapshot has a new name, a copy is
 * bound to ETags, and an import that began is the job's own.
 */
static int
try_again(struct run *r, step_fn *fn, struct err *err)
{
	static const struct retry_opts opts = {
	    .total_ms = 120000,
	    .first_ms = 1000,
	    .from_failure = true, /* loading a large one takes long */
	};
	struct err first = {0};
	struct retry retry;

	retry_init(&retry, &r->scope, &opts);
	while (fn(r, err) != 0) {
		if (first.kind == ERR_NONE)
			first = *err;
		if (retry_wait(&retry, err) == 0)
			continue;
		/* What began it says more than what ended it. */
		if (retry.failures > 1)
			err_in(err, "%.300s; then", first.text);
		return -1;
	}
	return 0;
}

/* A step in the ledger: what it did is written when it has ended. */
static int
do_step(struct run *r, enum step step, step_fn *fn, struct err *err)
{
	int64_t from = scope_mono_ms(&r->scope);
	struct err later = {0};
	int rc;

	if (scope_check(&r->scope, err) != 0 ||
	    ledger_step_begin(
		r->ledger, r->id, step, scope_wall_ms(&r->scope), err) != 0)
		return -1;
	rc = try_again(r, fn, err);
	r->report->step_ms[step] = scope_mono_ms(&r->scope) - from;
	if (ledger_step_end(r->ledger, r->id, step, NULL, rc == 0 ? NULL : err,
		scope_wall_ms(&r->scope), &later) != 0 &&
	    rc == 0) {
		*err = later;
		rc = -1;
	}
	r->report->step_done[step] = rc == 0;
	return rc;
}

/* The target of a crashed run must be nobody's replica. */
static int
undo_leftovers(struct run *r, struct err *err)
{
	struct scope scope = scope_within(&r->scope, UNDO_MS);
	const struct redis_target *target;
	const struct redis_opts *redis;

	target = agent_redis(r->agent, REGION_DR, &r->scope, &redis, err);
	if (target == NULL || run_locks_take(&r->locks, LOCK_DR, err) != 0 ||
	    run_locks_take_target(&r->locks, target, err) != 0)
		return -1;
	return posing_undo(r->env->journal, target, redis, &scope, err);
}

/* Early, whatever becomes of this run; a snapshot must not wait for it. */
static void
try_undo(struct run *r)
{
	struct log_line line;
	struct err err = {0};

	if (settings_str(r->settings, OPT_DR_REDIS) == NULL ||
	    undo_leftovers(r, &err) == 0)
		return;
	log_begin(&line, LOG_WARN, "what a crashed run left is not undone yet");
	log_err(&line, &err);
	log_end(&line);
}

static void
unpin(struct run *r)
{
	if (r->pinned_opts != NULL)
		redis_target_release(&r->pinned);
	r->pinned_opts = NULL;
}

static int
pin_target(struct run *r, struct err *err)
{
	const struct redis_target *target;
	const struct redis_opts *redis;

	unpin(r);
	target = agent_redis(r->agent, REGION_DR, &r->scope, &redis, err);
	if (target == NULL ||
	    redis_primary_pin(target, redis, &r->scope, &r->pinned, err) != 0)
		return -1;
	r->pinned_opts = redis;
	/* Now that it is known which of them is meant, or what the cluster is
	 * called. */
	return run_locks_take_target(&r->locks, &r->pinned, err);
}

/* One that Sentinel watches may have failed over since; its import goes to, and
 * its data are asked of, the primary that there is. */
static int
pin_again(struct run *r, struct err *err)
{
	if (r->pinned_opts != NULL && r->pinned.master == NULL)
		return 0;
	return pin_target(r, err);
}

static int
import(struct run *r, struct err *err)
{
	if (pin_again(r, err) != 0)
		return -1;
	if (run_step_import(r, err) == 0)
		return 0;
	/* Demoted while it was loaded; Sentinel tells who is promoted. */
	if (r->pinned.master != NULL && strcmp(err->code, "READONLY") == 0)
		err->kind = ERR_TRANSIENT;
	return -1;
}

static int
compare(struct run *r, struct err *err)
{
	return pin_again(r, err) == 0 ? run_step_compare(r, err) : -1;
}

static int
import_and_compare(struct run *r, struct err *err)
{
	if (run_await_import(r, err) != 0 ||
	    try_again(r, undo_leftovers, err) != 0 ||
	    try_again(r, pin_target, err) != 0 ||
	    do_step(r, STEP_IMPORT, import, err) != 0)
		return -1;
	if (r->report->m->verified)
		return do_step(r, STEP_COMPARE, compare, err);
	snprintf(r->report->import_skipped, sizeof(r->report->import_skipped),
	    "NOT compared, since the snapshot is unverified");
	return 0;
}

static int
run_sync(struct run *r, struct err *err)
{
	const char *import = settings_str(r->settings, OPT_IMPORT);

	if (run_locks_take(&r->locks, LOCK_SOURCE, err) != 0 ||
	    run_locks_take(&r->locks, LOCK_DR, err) != 0)
		return -1;
	try_undo(r);
	if (do_step(r, STEP_SNAPSHOT, run_step_snapshot, err) != 0 ||
	    do_step(r, STEP_COPY, run_step_copy, err) != 0)
		return -1;
	if (strcmp(import, "after-each-sync") == 0 && r->report->m->verified)
		return import_and_compare(r, err);
	snprintf(r->report->import_skipped, sizeof(r->report->import_skipped),
	    r->report->m->verified
		? "'import' is '%s'"
		: "the snapshot is unverified ('import' is '%s')",
	    import);
	return 0;
}

static int
run_snapshot(struct run *r, struct err *err)
{
	if (run_locks_take(&r->locks, LOCK_SOURCE, err) != 0)
		return -1;
	return do_step(r, STEP_SNAPSHOT, run_step_snapshot, err);
}

static int
find_snapshot(struct run *r, enum region region, struct err *err)
{
	struct store *store = agent_store(r->agent, region, err);

	if (store == NULL)
		return -1;
	r->report->m = snapshot_find(store, &r->scope, r->settings,
	    r->opts->job, r->opts->snapshot, err);
	return r->report->m != NULL ? 0 : -1;
}

/* Who names it may not have read all that it says of itself. */
static void
tell_part(const struct run *r, enum step step)
{
	const struct manifest *m = r->report->m;

	if (m->filter != NULL && !key_filter_same(m->filter, r->filter))
		progress_note(r->env->progress, step,
		    "snapshot '%s' holds a PART of the keys only: %" PRIu64
		    " were left out",
		    m->id, m->left_out.keys);
}

/*
 * Who copies the latest wants the DR region safe by it, and an unverified one
 * does not make it so: it is copied when it is named.
 */
static int
check_latest(const struct run *r, struct err *err)
{
	const struct manifest *m = r->report->m;
	const char *named = r->opts->snapshot;

	if (m->verified || (named != NULL && strcmp(named, "latest") != 0))
		return 0;
	return err_set(err, ERR_REFUSED,
	    "job '%s' has no verified snapshot at the source; the newest was "
	    "kept unverified, since its RDB version %d is newer than the "
	    "drsync that took it reads; to copy it all the same name it: "
	    "drsync copy %s",
	    m->job, m->rdb_version, m->id);
}

static int
run_copy(struct run *r, struct err *err)
{
	if (run_locks_take(&r->locks, LOCK_DR, err) != 0)
		return -1;
	if (r->opts->blob != NULL)
		return do_step(r, STEP_COPY, run_step_copy_blob, err);
	if (find_snapshot(r, REGION_SOURCE, err) != 0 ||
	    check_latest(r, err) != 0)
		return -1;
	tell_part(r, STEP_COPY);
	return do_step(r, STEP_COPY, run_step_copy, err);
}

static int
run_restore(struct run *r, struct err *err)
{
	/* Who wrote it down meant it. */
	if (settings_origin(r->settings, OPT_IMPORT) != ORIGIN_DEFAULT &&
	    strcmp(settings_str(r->settings, OPT_IMPORT), "never") == 0 &&
	    r->opts->overwrite == NULL)
		return err_set(err, ERR_REFUSED,
		    "job '%s' has 'import' set to 'never'; set it to "
		    "'on-failover', or name the target by --overwrite-target",
		    r->opts->job);
	if (find_snapshot(r, REGION_DR, err) != 0)
		return -1;
	tell_part(r, STEP_IMPORT);
	if (run_filter_at_load(r) != NULL)
		progress_note(r->env->progress, STEP_IMPORT,
		    "of snapshot '%s' only what the filter takes is loaded",
		    r->report->m->id);
	return import_and_compare(r, err);
}

struct command {
	const char *name;
	step_fn *run;
};

static const struct command commands[] = {
    [RUN_SYNC] = {"sync", run_sync},
    [RUN_SNAPSHOT] = {"snapshot", run_snapshot},
    [RUN_COPY] = {"copy", run_copy},
    [RUN_RESTORE] = {"restore", run_restore},
};

static int
still_ours(void *locks, struct err *err)
{
	return run_locks_still_ours(locks, err);
}

static int
begin(struct run *r, const struct command *c, struct err *err)
{
	struct log_line line;
	int lost;

	r->settings = agent_settings(r->agent);
	if (settings_check(r->settings, err) != 0 ||
	    filter_settings(r->settings, &r->filter, err) != 0)
		return -1;
	r->ledger = agent_ledger(r->agent, err);
	r->env = r->ledger != NULL ? agent_env(r->agent, err) : NULL;
	if (r->env == NULL)
		return -1;
	r->own_env = *r->env;
	r->own_env.adopted = &r->report->adopted;
	r->own_env.still_ours = still_ours;
	r->own_env.still_ours_arg = &r->locks;
	r->env = &r->own_env;
	r->locks = (struct run_locks){
	    .agent = r->agent,
	    .journal = r->env->journal,
	    .scope = &r->scope,
	    .cancel = r->cancel,
	    .job = r->opts->job,
	};
	if (ledger_close_lost(r->ledger, r->opts->job, scope_wall_ms(&r->scope),
		&lost, err) != 0)
		return -1;
	if (lost > 0) {
		log_begin(&line, LOG_WARN, "closed runs that ended early");
		log_int(&line, "runs", lost);
		log_end(&line);
	}
	r->id = ledger_run_begin(
	    r->ledger, r->opts->job, c->name, scope_wall_ms(&r->scope), err);
	return r->id >= 0 ? 0 : -1;
}

static int
end(struct run *r, int rc, struct err *err)
{
	const struct manifest *m = r->report->m;
	struct err later = {0};

	if (rc != 0)
		run_locks_blame(&r->locks, err);
	if (rc != 0)
		run_left_tell(r->agent, err);
	run_locks_release(&r->locks);
	unpin(r);
	key_filter_free(r->filter);
	if (r->id < 0)
		return rc;
	if (ledger_run_end(r->ledger, r->id, m != NULL ? m->id : NULL,
		rc == 0 ? NULL : err, scope_wall_ms(&r->scope), &later) == 0 ||
	    rc != 0)
		return rc;
	*err = later;
	return -1;
}

int
run_job(struct agent *agent, enum run_command command,
    const struct run_opts *opts, const struct scope *scope,
    struct run_report *report, struct err *err)
{
	struct run r = {
	    .agent = agent,
	    .opts = opts,
	    .report = report,
	    .id = -1,
	    .cancel = cancel_new(scope->cancel),
	};
	struct scope bounded;
	int rc;

	memset(report, 0, sizeof(*report));
	detour_init(&report->adopted);
	for (int i = 0; i < STEPS; i++)
		report->step_ms[i] = -1;
	bounded = scope_within(
	    scope, settings_ms(agent_settings(agent), OPT_TIMEOUT));
	r.scope = scope_under(&bounded, r.cancel);
	rc = begin(&r, &commands[command], err);
	if (rc == 0)
		rc = commands[command].run(&r, err);
	rc = end(&r, rc, err);
	cancel_free(r.cancel);
	return rc;
}

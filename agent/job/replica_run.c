#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "storage/store.h"

#include "agent/job/agent.h"
#include "agent/job/ledger.h"
#include "agent/job/ledger_book.h"
#include "agent/job/replica_run.h"
#include "agent/job/replica_settings.h"
#include "agent/job/run_locks.h"
#include "agent/job/settings.h"
#include "agent/job/settings_check.h"
#include "agent/snapshot/env.h"
#include "agent/snapshot/progress.h"

#define PAIR_SIZE 17

struct replica_job {
	struct agent *agent;
	const struct settings *settings;
	const struct replica_run_opts *opts;
	struct replica_run_report *report;
	struct store *from, *to;
	char pair[PAIR_SIZE];
	char lock[sizeof(REPLICA_OWN_PREFIX) + PAIR_SIZE];
	struct replica_settings wanted;
	const struct snapshot_env *env;
	struct ledger *ledger;
	struct replica_book *book;
	struct cancel *cancel;
	struct scope scope;
	struct run_locks locks;
};

static int
open_stores(struct replica_job *j, struct err *err)
{
	j->from = agent_store(j->agent, REGION_SOURCE, err);
	j->to = j->from != NULL ? agent_store(j->agent, REGION_DR, err) : NULL;
	if (j->to == NULL)
		return -1;
	replicate_pair_id(j->from, j->to, j->pair);
	snprintf(j->lock, sizeof(j->lock), REPLICA_OWN_PREFIX "%s", j->pair);
	return 0;
}

/* The destination's place, which a lease needs too. */
static int
see_to_destination(struct replica_job *j, struct err *err)
{
	const struct store_trait_ops *t = j->to->ops->traits;

	if (t->exists(j->to, &j->scope, err) == 0)
		return 0;
	if (err->kind != ERR_MISSING)
		return -1;
	if (!j->wanted.create)
		return err_in(err,
		    "the destination is not there; make it, or give "
		    "--create yes");
	*err = (struct err){0};
	return t->create(j->to, &j->scope, err);
}

static int
open_book(struct replica_job *j, struct err *err)
{
	int64_t now_ms = scope_wall_ms(&j->scope);
	int lost;

	if (ledger_close_lost(j->ledger, j->opts->job, now_ms, &lost, err) != 0)
		return -1;
	j->report->run = ledger_run_begin(
	    j->ledger, j->opts->job, j->opts->command, now_ms, err);
	if (j->report->run < 0) {
		j->report->run = 0;
		return -1;
	}
	j->book = ledger_book_new(
	    ledger_db_of(j->ledger), j->pair, j->report->run);
	return 0;
}

static int
begin(struct replica_job *j, struct err *err)
{
	j->settings = agent_settings(j->agent);
	if (settings_check(j->settings, err) != 0 ||
	    replica_settings_read(&j->wanted, j->settings, err) != 0 ||
	    open_stores(j, err) != 0)
		return -1;
	j->ledger = agent_ledger(j->agent, err);
	j->env = j->ledger != NULL ? agent_env(j->agent, err) : NULL;
	if (j->env == NULL)
		return -1;
	j->locks = (struct run_locks){
	    .agent = j->agent,
	    .journal = j->env->journal,
	    .scope = &j->scope,
	    .cancel = j->cancel,
	    .job = j->lock,
	};
	if (j->opts->dry_run)
		return 0;
	return open_book(j, err);
}

static void
on_progress(void *arg, const struct replicate_report *r)
{
	const struct replica_job *j = arg;
	uint64_t bytes = 0;

	for (int i = 0; i < RUNGS; i++)
		bytes += r->bytes[i];
	progress_advance(j->env->progress, STEP_COPY, bytes, 0);
}

/* The run's scope ends with the window, if there is one. */
static int
heed_window(struct replica_job *j, struct err *err)
{
	int64_t left_ms;

	if (!j->wanted.has_window)
		return 0;
	left_ms = day_window_left_ms(
	    &j->wanted.window, scope_wall_ms(&j->scope));
	if (left_ms == 0)
		return err_set(err, ERR_REFUSED,
		    "outside of the hours that '%s' allows, %s (UTC)",
		    options[OPT_COPY_WINDOW].key,
		    settings_str(j->settings, OPT_COPY_WINDOW));
	j->scope = scope_within(&j->scope, left_ms);
	return 0;
}

static int
work(struct replica_job *j, struct err *err)
{
	struct replicate_opts *opts = &j->wanted.opts;

	if (!j->opts->dry_run && heed_window(j, err) != 0)
		return -1;
	if (!j->opts->dry_run &&
	    (see_to_destination(j, err) != 0 ||
		run_locks_take(&j->locks, LOCK_DR, err) != 0))
		return -1;
	opts->dry_run = j->opts->dry_run;
	opts->budget = j->env->budget;
	opts->book = j->book;
	opts->run = j->report->run;
	opts->event = j->opts->event;
	opts->event_arg = j->opts->event_arg;
	opts->progress = on_progress;
	opts->progress_arg = j;
	return replicate(
	    j->from, j->to, opts, &j->scope, &j->report->copied, err);
}

static int
end(struct replica_job *j, int rc, struct err *err)
{
	struct err later = {0};

	if (rc != 0)
		run_locks_blame(&j->locks, err);
	run_locks_release(&j->locks);
	ledger_book_free(j->book);
	replica_settings_release(&j->wanted);
	if (j->report->run == 0 ||
	    ledger_run_end(j->ledger, j->report->run, NULL,
		rc == 0 ? NULL : err, scope_wall_ms(&j->scope), &later) == 0 ||
	    rc != 0)
		return rc;
	*err = later;
	return -1;
}

int
replica_run(struct agent *agent, const struct replica_run_opts *opts,
    const struct scope *scope, struct replica_run_report *report,
    struct err *err)
{
	struct replica_job j = {
	    .agent = agent,
	    .opts = opts,
	    .report = report,
	    .cancel = cancel_new(scope->cancel),
	};
	struct scope bounded = scope_within(
	    scope, settings_ms(agent_settings(agent), OPT_TIMEOUT));
	int rc;

	*report = (struct replica_run_report){0};
	j.scope = scope_under(&bounded, j.cancel);
	rc = begin(&j, err);
	if (rc == 0)
		rc = work(&j, err);
	rc = end(&j, rc, err);
	cancel_free(j.cancel);
	return rc;
}

/* Names first: what is asked of the store takes long. */
struct names {
	char **list;
	size_t n;
};

static int
collect_name(void *arg, const struct book_gone *g, struct err *err)
{
	struct names *names = arg;

	(void)err;
	names->list = xreallocarray(
	    names->list, names->n + 1, sizeof(*names->list));
	names->list[names->n++] = xstrdup(g->name);
	return 0;
}

static void
release_names(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->list[i]);
	free(names->list);
}

/* 0 also for one that cannot be had any more, which is told. */
static int
undelete_one(struct replica_job *j, const char *name,
    struct undelete_report *report, struct err *why)
{
	struct store *to = j->to;
	struct blob_props props;

	if (to->ops->stat(to, &j->scope, name, &props, why) == 0) {
		report->there++;
		return 0;
	}
	if (why->kind != ERR_MISSING)
		return -1;
	*why = (struct err){0};
	if (to->ops->undo->undelete(to, &j->scope, name, why) == 0) {
		report->restored++;
		return 0;
	}
	if (why->kind != ERR_MISSING)
		return -1;
	report->lost++;
	return 0;
}

/* Each is tried; the first that failed is what the command failed by. */
static int
undelete_all(struct replica_job *j, const struct names *names,
    void (*each)(void *arg, const char *name, const struct err *why), void *arg,
    struct undelete_report *report, struct err *err)
{
	for (size_t i = 0; i < names->n; i++) {
		struct err why = {0};

		if (scope_check(&j->scope, err) != 0)
			return -1;
		if (undelete_one(j, names->list[i], report, &why) != 0) {
			if (err->kind == ERR_NONE)
				*err = why;
		} else if (why.kind == ERR_NONE &&
		    j->book->ops->deleted(
			j->book, names->list[i], false, err) != 0) {
			return -1;
		}
		each(arg, names->list[i], &why);
	}
	if (err->kind == ERR_NONE && report->lost > 0)
		return err_set(err, ERR_MISSING,
		    "the service has %" PRIu64 " of them no more (soft delete "
		    "off, or its time was over)",
		    report->lost);
	return err->kind == ERR_NONE ? 0 : -1;
}

static int
undelete(struct replica_job *j, int64_t run,
    void (*each)(void *arg, const char *name, const struct err *why), void *arg,
    struct undelete_report *report, struct err *err)
{
	struct names names = {0};
	int rc;

	if (begin(j, err) != 0)
		return -1;
	if (j->to->ops->undo == NULL)
		return err_set(err, ERR_UNSUPPORTED,
		    "'%s' keeps nothing that was deleted", j->to->url);
	j->book = ledger_book_new(ledger_db_of(j->ledger), j->pair, run);
	rc = j->book->ops->each_deleted(
	    j->book, run, collect_name, &names, err);
	if (rc == 0 && names.n == 0)
		rc = err_set(err, ERR_MISSING,
		    "run %" PRId64 " deleted nothing in '%s'", run, j->to->url);
	if (rc == 0)
		rc = run_locks_take(&j->locks, LOCK_DR, err);
	if (rc == 0)
		rc = undelete_all(j, &names, each, arg, report, err);
	release_names(&names);
	return rc;
}

int
replica_undelete(struct agent *agent, int64_t run, const struct scope *scope,
    void (*each)(void *arg, const char *name, const struct err *why), void *arg,
    struct undelete_report *report, struct err *err)
{
	const struct replica_run_opts opts = {.dry_run = true};
	struct replica_run_report unused = {0};
	struct replica_job j = {
	    .agent = agent,
	    .opts = &opts,
	    .report = &unused,
	    .cancel = cancel_new(scope->cancel),
	};
	int rc;

	*report = (struct undelete_report){0};
	j.scope = scope_under(scope, j.cancel);
	rc = end(&j, undelete(&j, run, each, arg, report, err), err);
	cancel_free(j.cancel);
	return rc;
}

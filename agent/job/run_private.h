/* run_private.h -- what a run and its steps share; see run.h. */
#ifndef AGENT_JOB_RUN_PRIVATE_H
#define AGENT_JOB_RUN_PRIVATE_H

#include <stdint.h>

#include "base/scope.h"
#include "rdb/redis_target.h"

#include "agent/job/run.h"
#include "agent/job/run_locks.h"
#include "agent/snapshot/env.h"

struct key_filter;
struct ledger;
struct redis_opts;
struct settings;

struct run {
	struct agent *agent;
	const struct settings *settings;
	const struct snapshot_env *env;
	const struct run_opts *opts;
	struct run_report *report;
	struct key_filter *filter; /* that the settings ask for; or NULL */
	struct ledger *ledger;
	int64_t id;

	struct cancel *cancel; /* triggered too when a lease is lost */
	struct scope scope;
	struct run_locks locks;

	/* The host of the DR Redis that answered as its primary: all that is
	 * asked, destroyed, loaded and compared is asked of it alone. */
	struct redis_target pinned;
	const struct redis_opts *pinned_opts; /* NULL: not yet */
	struct snapshot_env own_env;
};

typedef int step_fn(struct run *, struct err *);

/* What is to be loaded of the snapshot; NULL: all of it, since it is just what
 * the settings' filter takes, or there is none. */
const struct key_filter *run_filter_at_load(const struct run *);

/* Until the DR Redis can be asked: see snapshot_load_await(). */
int run_await_import(struct run *, struct err *);

/* Each is safe to begin again; what it did is in the report. */
step_fn run_step_snapshot, run_step_copy, run_step_copy_blob, run_step_import,
    run_step_compare;

#endif

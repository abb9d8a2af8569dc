/*
 * run.h -- one execution of a job: its steps, in order, in the ledger.
 *
 * A run holds the job's lease in the store that it changes, undoes first what
 * a crashed run left at the DR Redis, and is closed in the ledger however it
 * ends.
 */
#ifndef AGENT_JOB_RUN_H
#define AGENT_JOB_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/snapshot/detour.h"
#include "agent/snapshot/progress.h"
#include "agent/snapshot/snapshot_copy.h"
#include "agent/snapshot/snapshot_load.h"
#include "rdb/fingerprint.h"

struct agent;
struct err;
struct manifest;
struct scope;

enum run_command { RUN_SYNC, RUN_SNAPSHOT, RUN_COPY, RUN_RESTORE };

struct run_opts {
	const char *job;
	const char *snapshot;  /* for copy and restore; NULL: the newest */
	const char *overwrite; /* the target's name, see import_guard.h */
	bool unverified;       /* load what could not be parsed */
	const char *blob;      /* copy: this blob instead of a snapshot */
	bool replace;	       /* copy: over another blob of that name */
};

/* What the steps did, for whoever tells it. */
struct run_report {
	struct manifest *m;	/* NULL: it did not come so far */
	int64_t step_ms[STEPS]; /* -1: not begun */
	bool step_done[STEPS];	/* it succeeded; else what follows is void */
	struct detour adopted;	/* exported files, on their way to the store */
	struct snapshot_copy_facts copy;
	struct snapshot_load_facts load;
	struct fp_comparison comparison;
	char target_fingerprint[33];
	char import_skipped[120]; /* why there was none; "" else */
};

void run_report_release(struct run_report *);

/*
 * The report is filled as far as the run came, also on failure.  A comparison
 * that finds a difference fails with ERR_CORRUPT.
 */
int run_job(struct agent *, enum run_command, const struct run_opts *,
    const struct scope *, struct run_report *, struct err *);

#endif

/*
 * replica_run.h -- one run of a job of kind container (storage/replicate.h).
 *
 * From the job's source store to its DR store, under a lease of the pair in the
 * latter, closed in the ledger however it ends.  A dry run takes no lease,
 * writes to neither store, and is not in the ledger.
 */
#ifndef AGENT_JOB_REPLICA_RUN_H
#define AGENT_JOB_REPLICA_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/replicate.h"

struct agent;
struct err;
struct scope;

struct replica_run_opts {
	const char *job;
	const char *command; /* for the ledger: "sync", "copy" */
	bool dry_run;
	/* On the run's thread; see replicate.h. */
	void (*event)(void *arg, const struct replicate_event *);
	void *event_arg;
};

struct replica_run_report {
	int64_t run; /* its number in the ledger; 0: none */
	struct replicate_report copied;
};

int replica_run(struct agent *, const struct replica_run_opts *,
    const struct scope *, struct replica_run_report *, struct err *);

/* What became of the blobs that a run deleted. */
struct undelete_report {
	uint64_t restored;
	uint64_t there; /* in the store again already */
	uint64_t lost;	/* the service has them no more */
};

/*
 * Brings back what that run of this pair of stores deleted, as far as the
 * service still has it; ERR_MISSING when it deleted nothing.
 */
int replica_undelete(struct agent *, int64_t run, const struct scope *,
    void (*each)(void *arg, const char *name, const struct err *why), void *arg,
    struct undelete_report *, struct err *);

#endif

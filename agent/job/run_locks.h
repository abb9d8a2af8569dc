/*
 * run_locks.h -- the leases that a run holds while it works.
 *
 * One of the job in each region's store, and in the DR store those of the DR
 * Redis, so that two jobs do not import into one at once: one for each server
 * that its URL names, since another job may name that one alone.  The journal
 * notes them (lock_note.h), so that a crash does not hold up the next run.
 */
#ifndef AGENT_JOB_RUN_LOCKS_H
#define AGENT_JOB_RUN_LOCKS_H

#include "rdb/redis_target.h"

#include "agent/job/job_lock.h"

struct agent;
struct cancel;
struct err;
struct journal;
struct scope;

/* Its hosts, and what a Sentinel or a cluster calls them all. */
#define TARGET_LOCKS	 (REDIS_HOSTS_MAX + 1)
#define TARGET_LOCK_SIZE 24 /* "import-" and 16 digits */

enum lock {
	LOCK_SOURCE,
	LOCK_DR,
	LOCK_TARGETS,
	LOCKS = LOCK_TARGETS + TARGET_LOCKS
};

struct run_locks {
	struct agent *agent;
	struct journal *journal;
	const struct scope *scope;
	struct cancel *cancel; /* triggered when a lease is lost */
	const char *job;
	struct job_lock *held[LOCKS];
	/* Job names from LOCK_TARGETS on. */
	char targets[TARGET_LOCKS][TARGET_LOCK_SIZE];
};

/* LOCK_SOURCE or LOCK_DR.  One that is held is no error; ERR_LOCKED when
 * another run has it. */
int run_locks_take(struct run_locks *, enum lock, struct err *);
/*
 * By each of its names: of a cluster that alone which its nodes tell, else
 * each host's, and a Sentinel's NAME.  Leases on other names (of hosts that
 * turned out not to be the primary) are given back.
 */
int run_locks_take_target(
    struct run_locks *, const struct redis_target *, struct err *);

/*
 * Asked before each request that destroys: the leases must last well beyond
 * it, so that a run which was stopped and woke late does nothing.
 */
int run_locks_still_ours(const struct run_locks *, struct err *);

/* A run that was cancelled because a lease was lost failed by that. */
void run_locks_blame(const struct run_locks *, struct err *);

void run_locks_release(struct run_locks *);

#endif

/*
 * run_locks.h -- the leases that a run holds while it works.
 *
 * One of the job in each region's store, and one of the DR Redis in the DR
 * store, so that two jobs do not import into one Redis at once.  The journal
 * notes them (lock_note.h), so that a crash does not hold up the next run.
 */
#ifndef AGENT_JOB_RUN_LOCKS_H
#define AGENT_JOB_RUN_LOCKS_H

#include "agent/job/job_lock.h"
#include "agent/snapshot/snapshot_id.h"

struct agent;
struct cancel;
struct err;
struct journal;
struct redis_target;
struct scope;

enum lock { LOCK_SOURCE, LOCK_DR, LOCK_TARGET, LOCKS };

struct run_locks {
	struct agent *agent;
	struct journal *journal;
	const struct scope *scope;
	struct cancel *cancel; /* triggered when a lease is lost */
	const char *job;
	struct job_lock *held[LOCKS];
	char target[JOB_NAME_MAX + 1]; /* job name of LOCK_TARGET */
};

/* LOCK_SOURCE or LOCK_DR.  One that is held is no error; ERR_LOCKED when
 * another run has it. */
int run_locks_take(struct run_locks *, enum lock, struct err *);
/* By its name; when it has another one by now (a cluster's, which its nodes
 * tell), that lease takes the place of the first. */
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

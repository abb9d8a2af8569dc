/*
 * job_lock.h -- two agents on one job do one run's work.
 *
 * A lease on a blob of the job's store, renewed by a thread of its own; the
 * blob is JOB/run.lock, in the store that the work changes.  When the lease
 * is lost the run's cancel is triggered.
 */
#ifndef AGENT_JOB_JOB_LOCK_H
#define AGENT_JOB_JOB_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#define JOB_LEASE_SECONDS 60

struct cancel;
struct err;
struct job_lock;
struct scope;
struct store;

/*
 * ERR_LOCKED when another run holds it; after any other failure the id, of
 * lease_id_make(), may hold it all the same.  cancel is triggered on loss; it
 * and the store are borrowed until job_unlock().
 */
struct job_lock *job_lock(struct store *, const char *job, const char *id,
    const struct scope *, struct cancel *, struct err *);

/* Time left of the lease as last renewed, by CLOCK_BOOTTIME; at least 0. */
int64_t job_lock_left_ms(const struct job_lock *);

/* The lease's id, and the blob it is on. */
const char *job_lock_id(const struct job_lock *);
void job_lock_blob(const char *job, char *out, int size);

/* Why it was lost, if it was; then the run's cancel is triggered. */
bool job_lock_lost(const struct job_lock *, struct err *why);

/* Releases it; NULL is fine.  False when it may go on to stand. */
bool job_unlock(struct job_lock *);

#endif

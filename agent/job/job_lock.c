#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/log.h"
#include "base/scope.h"
#include "base/thread.h"
#include "base/xalloc.h"
#include "storage/store.h"

#include "agent/job/job_lock.h"
#include "agent/snapshot/snapshot_id.h"

#define RENEW_MS     20000
#define ATTEMPT_MS   10000 /* so that one that stalls leaves time for another */
#define AGAIN_MS     5000
#define ACQUIRES_MAX 3
#define RELEASE_MS   10000

struct job_lock {
	struct store *store;
	char blob[JOB_NAME_MAX + 16];
	char id[LEASE_ID_MAX];
	struct cancel *run;  /* triggered when the lease is lost */
	struct cancel *stop; /* ends the thread's waits */
	struct scope scope;
	pthread_t thread;
	_Atomic int64_t until_ms; /* of the monotonic clock */
	struct err why;		  /* once lost is set */
	atomic_bool lost;
};

static int
renew(struct job_lock *l, struct err *err)
{
	int64_t asked = scope_mono_ms(&l->scope);
	int64_t left = job_lock_left_ms(l);
	struct scope s = scope_within(
	    &l->scope, left < ATTEMPT_MS ? left : ATTEMPT_MS);

	if (l->store->ops->lease->renew(l->store, &s, l->blob, l->id, err) != 0)
		return -1;
	atomic_store(&l->until_ms, asked + JOB_LEASE_SECONDS * 1000);
	return 0;
}

static void
lost(struct job_lock *l, const struct err *err)
{
	struct log_line line;

	log_begin(&line, LOG_ERROR, "lease lost, ending the run");
	log_str(&line, "blob", l->blob);
	log_err(&line, err);
	log_end(&line);
	l->why = *err;
	atomic_store(&l->lost, true);
	cancel_trigger(l->run);
}

/*
 * A failed renewal is repeated while the lease lasts; losing it to another,
 * or running out of time, ends the run.
 */
static void *
keep(void *arg)
{
	struct job_lock *l = arg;
	int64_t pause_ms = RENEW_MS;
	struct err err = {0};

	while (scope_sleep(&l->scope, pause_ms, &err) == 0) {
		pause_ms = RENEW_MS;
		if (renew(l, &err) == 0)
			continue;
		if (scope_check(&l->scope, &err) != 0)
			break;
		if (err.kind == ERR_LOCKED || job_lock_left_ms(l) <= RENEW_MS) {
			lost(l, &err);
			break;
		}
		pause_ms = AGAIN_MS;
	}
	return NULL;
}

void
job_lock_blob(const char *job, char *out, int size)
{
	snprintf(out, (size_t)size, "%s/run.lock", job);
}

/*
 * An answer that was long in coming leaves little of the lease: whoever holds
 * it may ask for it again.  A store that is always so slow gives too little to
 * run under, which is found out before anything is destroyed.
 */
static int
acquire(struct job_lock *l, const struct scope *scope, struct err *err)
{
	int64_t asked;
	int tries = 0;

	do {
		asked = scope_mono_ms(scope);
		if (l->store->ops->lease->acquire(l->store, scope, l->blob,
			JOB_LEASE_SECONDS, l->id, err) != 0)
			return -1;
	} while (
	    scope_mono_ms(scope) - asked > RENEW_MS && ++tries < ACQUIRES_MAX);
	atomic_init(&l->until_ms, asked + JOB_LEASE_SECONDS * 1000);
	return 0;
}

struct job_lock *
job_lock(struct store *store, const char *job, const char *id,
    const struct scope *scope, struct cancel *run, struct err *err)
{
	struct job_lock *l = xcalloc(1, sizeof(*l));

	l->store = store;
	l->run = run;
	job_lock_blob(job, l->blob, sizeof(l->blob));
	snprintf(l->id, sizeof(l->id), "%s", id);
	if (acquire(l, scope, err) != 0) {
		if (err->kind == ERR_LOCKED)
			err_in(err,
			    "another run of job '%s' is going on, or ended "
			    "less than %d s ago without releasing its lease",
			    job, JOB_LEASE_SECONDS);
		free(l);
		return NULL;
	}
	l->stop = cancel_new(NULL);
	l->scope = scope_root(l->stop);
	l->scope.clock = scope->clock;
	if (thread_start(&l->thread, "lease", keep, l, err) == 0)
		return l;
	cancel_free(l->stop);
	free(l);
	return NULL;
}

const char *
job_lock_id(const struct job_lock *l)
{
	return l->id;
}

int64_t
job_lock_left_ms(const struct job_lock *l)
{
	int64_t left = atomic_load(&l->until_ms) - scope_mono_ms(&l->scope);

	return left > 0 ? left : 0;
}

bool
job_lock_lost(const struct job_lock *l, struct err *why)
{
	if (!atomic_load(&l->lost))
		return false;
	*why = l->why;
	return true;
}

bool
job_unlock(struct job_lock *l)
{
	struct err err = {0};
	struct scope root, s;
	bool released;

	if (l == NULL)
		return true;
	cancel_trigger(l->stop);
	pthread_join(l->thread, NULL);
	/* A release that fails leaves a lease that ends by itself. */
	root = scope_root(NULL);
	s = scope_within(&root, RELEASE_MS);
	released = l->store->ops->lease->release(
		       l->store, &s, l->blob, l->id, &err) == 0 ||
	    err.kind == ERR_LOCKED;
	cancel_free(l->stop);
	free(l);
	return released;
}

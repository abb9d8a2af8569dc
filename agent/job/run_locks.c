#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cancel.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/scope.h"
#include "storage/lease.h"

#include "agent/job/agent.h"
#include "agent/job/lock_note.h"
#include "agent/job/run_locks.h"
#include "agent/snapshot/import_guard.h"

/* Beyond what a request that destroys takes to be sent; leases last 60 s. */
#define LEASE_LEAST_MS 15000
#define SETTLE_MS      5000

static enum region
region_of(enum lock which)
{
	return which == LOCK_SOURCE ? REGION_SOURCE : REGION_DR;
}

static const char *
name_of(const struct run_locks *r, enum lock which)
{
	return which >= LOCK_TARGETS ? r->targets[which - LOCK_TARGETS]
				     : r->job;
}

/* What was asked for may be ours although the answer was lost. */
static void
not_taken(struct run_locks *r, struct store *store, const char *name,
    const char *id, const struct err *why)
{
	struct scope root = scope_root(NULL);
	struct scope s = scope_within(&root, SETTLE_MS);
	struct err ignored = {0};

	if (why->kind == ERR_LOCKED)
		lock_note_remove(r->journal, store, name, id, &ignored);
	else
		lock_note_settle(r->journal, store, name, id, &s, &ignored);
}

/* A lease that a crashed run of this host left is given back first. */
static struct job_lock *
take_lock(
    struct run_locks *r, struct store *store, const char *name, struct err *err)
{
	char id[LEASE_ID_MAX];
	struct job_lock *lock;

	lease_id_make(r->scope, id);
	if (lock_note_recover(r->journal, store, name, r->scope, err) != 0 ||
	    lock_note_put(r->journal, store, name, id, err) != 0)
		return NULL;
	lock = job_lock(store, name, id, r->scope, r->cancel, err);
	if (lock == NULL)
		not_taken(r, store, name, id, err);
	return lock;
}

int
run_locks_take(struct run_locks *r, enum lock which, struct err *err)
{
	struct store *store = agent_lease_store(
	    r->agent, region_of(which), err);
	const char *name = name_of(r, which);

	if (store == NULL)
		return -1;
	if (r->held[which] != NULL || !(store->ops->caps & STORE_CAP_LEASE))
		return 0;
	r->held[which] = take_lock(r, store, name, err);
	return r->held[which] != NULL ? 0 : -1;
}

/* The note stays with a lease that may stand, so that the next run on this
 * host releases it. */
static void
let_go(struct run_locks *r, enum lock which)
{
	struct err ignored = {0};
	char id[LEASE_ID_MAX];

	if (r->held[which] == NULL)
		return;
	snprintf(id, sizeof(id), "%s", job_lock_id(r->held[which]));
	if (job_unlock(r->held[which]))
		lock_note_remove(r->journal,
		    agent_lease_store(r->agent, region_of(which), &ignored),
		    name_of(r, which), id, &ignored);
	r->held[which] = NULL;
}

/* The i-th of the names by which another job may mean it. */
static bool
name_at(const struct redis_target *t, size_t i, char *out, size_t size)
{
	bool as_one = t->cluster != NULL || t->master != NULL;
	struct redis_target host = {.nhosts = 1};

	if (as_one && i-- == 0) {
		redis_target_name(t, out, size);
		return true;
	}
	if (t->cluster != NULL || i >= t->nhosts)
		return false;
	host.hosts = &t->hosts[i];
	redis_target_name(&host, out, size);
	return true;
}

static void
lock_at(const char *name, char lock[TARGET_LOCK_SIZE])
{
	unsigned char sha[SHA256_BYTES];
	char hex[17];

	sha256(name, strlen(name), sha);
	hex_encode(sha, 8, hex);
	snprintf(lock, TARGET_LOCK_SIZE, "import-%s", hex);
}

static bool
is_of(const char *lock, const struct redis_target *target)
{
	char name[600], other[TARGET_LOCK_SIZE];

	for (size_t i = 0; name_at(target, i, name, sizeof(name)); i++) {
		lock_at(name, other);
		if (strcmp(lock, other) == 0)
			return true;
	}
	return false;
}

static int
take_name(struct run_locks *r, const char *name, struct err *err)
{
	char lock[TARGET_LOCK_SIZE];
	int spare = LOCKS;

	lock_at(name, lock);
	for (int i = LOCKS; i-- > LOCK_TARGETS;) {
		if (r->held[i] == NULL)
			spare = i;
		else if (strcmp(name_of(r, (enum lock)i), lock) == 0)
			return 0;
	}
	assert(spare < LOCKS);
	memcpy(r->targets[spare - LOCK_TARGETS], lock, sizeof(lock));
	if (run_locks_take(r, (enum lock)spare, err) == 0)
		return 0;
	return err_in(err, "target '%s'", name);
}

/* Two jobs of one DR store must not import into one Redis at once. */
int
run_locks_take_target(
    struct run_locks *r, const struct redis_target *target, struct err *err)
{
	char name[600];

	for (int i = LOCK_TARGETS; i < LOCKS; i++)
		if (!is_of(name_of(r, (enum lock)i), target))
			let_go(r, (enum lock)i);
	for (size_t i = 0; name_at(target, i, name, sizeof(name)); i++)
		if (take_name(r, name, err) != 0)
			return -1;
	return 0;
}

int
run_locks_still_ours(const struct run_locks *r, struct err *err)
{
	for (int i = 0; i < LOCKS; i++)
		if (r->held[i] != NULL &&
		    job_lock_left_ms(r->held[i]) < LEASE_LEAST_MS)
			return err_set(err, ERR_LOCKED,
			    "the lease on '%s' is about to end",
			    name_of(r, (enum lock)i));
	return scope_check(r->scope, err);
}

void
run_locks_blame(const struct run_locks *r, struct err *err)
{
	struct err why;

	for (int i = 0; i < LOCKS && err->kind == ERR_CANCELLED; i++) {
		if (r->held[i] == NULL || !job_lock_lost(r->held[i], &why))
			continue;
		*err = why;
		err_in(err, "the lease on '%s' was lost, and the run ended",
		    name_of(r, (enum lock)i));
	}
}

void
run_locks_release(struct run_locks *r)
{
	for (int i = LOCKS; i-- > 0;)
		let_go(r, (enum lock)i);
}

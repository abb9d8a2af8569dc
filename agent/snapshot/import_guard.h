/*
 * import_guard.h -- may this Redis be overwritten?
 *
 * An import destroys what the target holds.  It is allowed when the target is
 * empty, or still holds exactly what this job imported last (by fingerprint),
 * or a part of what an import that was cut short brought and nothing beside it
 * (import_half.h), or when the user repeats the target's name.  It is never
 * allowed into the server that the snapshot was taken from, nor into one that
 * shares its history: a replica, also when it was promoted since.
 *
 * The job's state lives in the DR store as JOB/state.json, changed by
 * conditional writes: its direction and epoch, and what was imported where.
 * State that is unreadable, or says that the DR side was promoted, refuses
 * everything.
 */
#ifndef AGENT_SNAPSHOT_IMPORT_GUARD_H
#define AGENT_SNAPSHOT_IMPORT_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"

#include "agent/snapshot/snapshot_id.h"

struct err;
struct manifest;
struct redis_opts;
struct redis_target;
struct scope;
struct snapshot_env;
struct store;

/*
 * By what a write to the target since would be noticed: over each server's run
 * id and history, changes since the last save, time of that, and number of
 * keys.
 */
struct guard_mark {
	unsigned char sha256[SHA256_BYTES];
};

struct guard_answer {
	bool empty;  /* the target holds no keys and no functions */
	bool ours;   /* it holds our last import, or a part of one, unchanged */
	bool forced; /* by its name */
	uint64_t keys;
	/* Of which of the job's snapshots it is an exact copy; "" of none, or
	 * that was not looked into. */
	char copy_of[SNAPSHOT_ID_SIZE];
	int64_t epoch;
	struct guard_mark mark;
};

struct guard_request {
	struct store *store; /* the DR region's */
	const char *job;
	const char *snapshot; /* to be imported; for the note only */
	const struct redis_target *target;
	const struct redis_opts *redis;
	const char *overwrite;	  /* redis_target_name(), or NULL */
	const struct manifest *m; /* whose source is no target; or NULL */
	/* A service carries it out, which goes on when nobody is there: noted
	 * so when it begins. */
	bool by_service;
	/* By which the caller knows again what it noted so, and what it has no
	 * operation of (import_begin.h); NULL: it knows of none. */
	const char *begin_id;
	/* What such a note tells of was followed to its end by the caller.
	 * Else it refuses, whoever imports: the journal of that import is on
	 * another host, or is lost, and it may still go on. */
	bool followed;
};

/* ERR_REFUSED with what stands in the way and how to allow it. */
int import_guard_ask(const struct guard_request *, const struct scope *,
    const struct snapshot_env *, struct guard_answer *, struct err *);

/*
 * Right before the target's data go: whether it was written since the answer,
 * and if so everything is asked again.
 */
int import_guard_again(const struct guard_request *, const struct scope *,
    const struct snapshot_env *, struct guard_answer *, struct err *);

enum guard_likeness {
	GUARD_UNTOLD, /* the snapshot is gone or unverified, or of some of it
		       * nothing tells */
	GUARD_SAME,
	GUARD_OTHER,
};

/* Whether the target is an exact copy of that snapshot of the job. */
int import_guard_compare(const struct guard_request *, const char *snapshot,
    const struct scope *, const struct snapshot_env *, enum guard_likeness *,
    struct err *);

/*
 * Into the job's state: that an import of this snapshot into the target begins
 * (after which nothing there is ours until it ends), or has ended.
 * ERR_REFUSED when the job was promoted, or its epoch is another, since.
 */
int import_guard_note(const struct guard_request *, const struct guard_answer *,
    bool ended, const struct scope *, struct err *);

#endif

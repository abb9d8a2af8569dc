/*
 * import_guard.h -- may this Redis be overwritten?
 *
 * An import destroys what the target holds.  It is allowed when the target is
 * empty, or still holds exactly what this job imported last (by fingerprint),
 * or when the user repeats the target's name.  The job's state lives in the
 * DR store as JOB/state.json, changed by conditional writes: its direction
 * and epoch, and what was imported where.  State that is unreadable, or says
 * that the DR side was promoted, refuses everything.
 */
#ifndef AGENT_SNAPSHOT_IMPORT_GUARD_H
#define AGENT_SNAPSHOT_IMPORT_GUARD_H

#include <stdbool.h>

struct err;
struct manifest;
struct redis_opts;
struct redis_target;
struct scope;
struct snapshot_env;
struct store;

struct guard_answer {
	bool empty;  /* the target holds no keys and functions */
	bool ours;   /* it holds our last import, unchanged */
	bool forced; /* by its name */
};

/* ERR_REFUSED with what stands in the way and how to allow it. */
int
import_guard_ask(struct store *, const char *job, const struct redis_target *,
    const struct redis_opts *, const char *overwrite, const struct scope *,
    const struct snapshot_env *, struct guard_answer *, struct err *);

/* Note that the target now holds (begins to receive: done false) this
 * snapshot. */
int import_guard_note(struct store *, const struct manifest *,
    const char *target, bool done, const struct scope *, struct err *);

#endif

/*
 * lock_note.h -- whose lease it is, so that a crash does not hold up the next.
 *
 * A lease outlives the process that took it by up to a minute.  The journal
 * notes which process takes it, and its id: when that process is gone, the
 * next run on this host releases what is left instead of being refused.
 */
#ifndef AGENT_JOB_LOCK_NOTE_H
#define AGENT_JOB_LOCK_NOTE_H

struct err;
struct journal;
struct scope;
struct store;

/* Before the lease is asked for (id NULL), and when it is ours. */
int lock_note_put(struct journal *, const struct store *, const char *job,
    const char *id, struct err *);
int lock_note_remove(
    struct journal *, const struct store *, const char *job, struct err *);

enum lock_note {
	LOCK_NOTE_NONE,
	LOCK_NOTE_ALIVE, /* its process runs: the note is not ours to change */
	LOCK_NOTE_RELEASED, /* its process is gone, and so is its lease now */
	LOCK_NOTE_LOST,	    /* its process died before it knew the id */
};

/* What an earlier run left, and what was done about it. */
int lock_note_recover(struct journal *, struct store *, const char *job,
    const char *blob, const struct scope *, enum lock_note *, struct err *);

#endif

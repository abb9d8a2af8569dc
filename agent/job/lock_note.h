/*
 * lock_note.h -- whose lease it is, so that a crash does not hold up the next.
 *
 * A lease outlives the process that took it by up to a minute.  Before one is
 * asked for, the journal notes its id and the process that will hold it: when
 * that process is gone, the next run on this host releases what is left
 * instead of being refused.  Each lease has a note of its own, and a release
 * by an id that does not hold harms nobody, so that no run touches another's.
 */
#ifndef AGENT_JOB_LOCK_NOTE_H
#define AGENT_JOB_LOCK_NOTE_H

struct err;
struct journal;
struct scope;
struct store;

/* Before the lease is asked for by that id. */
int lock_note_put(struct journal *, const struct store *, const char *job,
    const char *id, struct err *);

/* When that id holds nothing: it was refused, or released. */
int lock_note_remove(struct journal *, const struct store *, const char *job,
    const char *id, struct err *);

/* When it is not known whether that id holds: released, and the note removed.
 * The note stays when the store gives no answer. */
int lock_note_settle(struct journal *, struct store *, const char *job,
    const char *id, const struct scope *, struct err *);

/* Settle what processes that are gone have left. */
int lock_note_recover(struct journal *, struct store *, const char *job,
    const struct scope *, struct err *);

#endif

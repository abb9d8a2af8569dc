/*
 * import_begin.h -- by which an agent knows again that it began an import.
 *
 * That a service's import begins is noted in the job's state, for other agents
 * to see, before it is asked for, and taken back when nothing came of it.  A
 * run that ends in between, or cannot reach the store any more, leaves it
 * there.  The id is in this agent's journal before it is in the state: who
 * finds the same in both, and no operation in the journal, did not ask for it.
 */
#ifndef AGENT_SNAPSHOT_IMPORT_BEGIN_H
#define AGENT_SNAPSHOT_IMPORT_BEGIN_H

struct err;
struct journal;
struct scope;

#define IMPORT_BEGIN_SIZE 33 /* with the NUL */

/* Another one, noted in place of the last. */
int import_begin_make(struct journal *, const char *job, const char *target,
    const struct scope *, char id[IMPORT_BEGIN_SIZE], struct err *);

/* The last one; "" when there is none. */
int import_begin_get(struct journal *, const char *job, const char *target,
    char id[IMPORT_BEGIN_SIZE], struct err *);

/* Before the operation leaves the journal, or when the state says nothing any
 * more. */
int import_begin_remove(
    struct journal *, const char *job, const char *target, struct err *);

#endif

/*
 * ledger.h -- the agent's own durable record: runs, their steps, the journal.
 *
 * SQLite in the state directory (WAL, synchronous=FULL), owned by one thread
 * at a time behind a lock of its own; several processes may open it.  What
 * must survive a crash is in it before the call returns.
 */
#ifndef AGENT_JOB_LEDGER_H
#define AGENT_JOB_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/snapshot/progress.h"

struct err;
struct journal;
struct ledger;
struct ledger_db;
struct scope;

/* Makes the directory (mode 0700) and the tables; migrates older ones;
 * ERR_UNSUPPORTED when a newer version wrote it. */
struct ledger *ledger_open(const char *state_dir, struct err *);
void ledger_close(struct ledger *);

/* The journal that base/journal.h describes; valid as long as the ledger. */
struct journal *ledger_journal(struct ledger *);

/* For what else is kept in it (ledger_book.h). */
struct ledger_db *ledger_db_of(struct ledger *);

/* A run begins; its number is the answer, -1 the failure. */
int64_t ledger_run_begin(struct ledger *, const char *job, const char *command,
    int64_t now_ms, struct err *);

/* err NULL: it succeeded.  snapshot may be NULL. */
int ledger_run_end(struct ledger *, int64_t run, const char *snapshot,
    const struct err *why, int64_t now_ms, struct err *);

int ledger_step_begin(
    struct ledger *, int64_t run, enum step, int64_t now_ms, struct err *);
int ledger_step_end(struct ledger *, int64_t run, enum step, const char *detail,
    const struct err *why, int64_t now_ms, struct err *);

/* Close what a process that is gone left open; how many there were. */
int ledger_close_lost(
    struct ledger *, const char *job, int64_t now_ms, int *lost, struct err *);

struct ledger_run {
	int64_t id;
	const char *job, *command, *snapshot, *state, *error;
	int64_t started_ms, ended_ms; /* ended 0: still running */
};

/* The newest first, at most n, of one job or, with NULL, of all; each failing ends it. */
int ledger_each_run(struct ledger *, const char *job, int n,
    int (*each)(void *arg, const struct ledger_run *, struct err *), void *arg,
    struct err *);

#endif

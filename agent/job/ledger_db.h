/*
 * ledger_db.h -- the ledger's database: its tables, and how it is asked.
 *
 * One statement at a time, of all threads, behind a lock of its own; what it
 * wrote is durable when it returns.
 */
#ifndef AGENT_JOB_LEDGER_DB_H
#define AGENT_JOB_LEDGER_DB_H

#include <sqlite3.h>

struct err;
struct ledger_db;

/* Makes the directory (mode 0700) and the tables; migrates older ones;
 * ERR_UNSUPPORTED when a newer version wrote it. */
struct ledger_db *ledger_db_open(const char *state_dir, struct err *);
void ledger_db_close(struct ledger_db *);

struct ledger_query {
	struct ledger_db *db;
	const char *sql;
	/* Called for each row, with the lock held; NULL: none is wanted. */
	int (*row)(void *arg, sqlite3_stmt *, struct err *);
	void *arg;
};

/* The parameters by their types: 'i' an int64_t, 's' a string or NULL. */
int
ledger_query(const struct ledger_query *, struct err *, const char *types, ...);

/* All that work asks for, or none of it: one commit, the lock held. */
int ledger_batch(struct ledger_db *, int (*work)(void *arg, struct err *),
    void *arg, struct err *);

/* A row function: its first column, into the int64_t at arg. */
int ledger_read_number(void *arg, sqlite3_stmt *, struct err *);

#endif

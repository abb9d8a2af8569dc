/*
 * ledger_journal.h -- the journal that base/journal.h describes, in a table of
 * the ledger.
 */
#ifndef AGENT_JOB_LEDGER_JOURNAL_H
#define AGENT_JOB_LEDGER_JOURNAL_H

struct journal;
struct ledger_db;

/* The database is borrowed, and must outlive it. */
struct journal *ledger_journal_new(struct ledger_db *);
void ledger_journal_free(struct journal *);

#endif

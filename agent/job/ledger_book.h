/*
 * ledger_book.h -- the ledger as the book of a replication (replica_book.h).
 *
 * A book is of one source and one destination, by their pair's id, whichever
 * job replicates them.
 */
#ifndef AGENT_JOB_LEDGER_BOOK_H
#define AGENT_JOB_LEDGER_BOOK_H

#include <stdint.h>

#include "storage/replica_book.h"

struct err;
struct ledger_db;

/* Borrows the ledger's database (ledger_db_of()). */
struct replica_book *
ledger_book_new(struct ledger_db *, const char *pair, int64_t run);

/* What was not flushed is not kept. */
void ledger_book_free(struct replica_book *);

/* A copy that has not ended, of any pair. */
struct ledger_copy {
	const char *job;
	int64_t run;
	struct book_copy copy;
};

/* The oldest first; each failing ends it. */
int ledger_book_each_open(struct ledger_db *,
    int (*each)(void *arg, const struct ledger_copy *, struct err *), void *arg,
    struct err *);

#endif

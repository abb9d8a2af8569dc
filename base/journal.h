/*
 * journal.h -- what must survive a crash, written before it is needed.
 *
 * The interface by which the lower floors note an intent (REPLICAOF about to
 * be sent, a CONFIG about to be changed) or an address (a poll URL, a copy
 * id); the agent's ledger implements it.  Keys are short paths such as
 * "replicaof/10.0.0.5:6379", values are JSON or plain text without secrets (the
 * address at which Azure tells of an operation may be signed; it is good for
 * nothing without our token).
 */
#ifndef BASE_JOURNAL_H
#define BASE_JOURNAL_H

struct buf;
struct err;
struct journal;

struct journal_ops {
	/* Durable when it returns; replaces an earlier value of the key. */
	int (*put)(
	    struct journal *, const char *key, const char *value, struct err *);

	/* ERR_MISSING when there is none. */
	int (*get)(
	    struct journal *, const char *key, struct buf *value, struct err *);

	/* Removing what is not there succeeds. */
	int (*remove)(struct journal *, const char *key, struct err *);

	/* In the order of the keys; each failing ends the walk with -1. */
	int (*each)(struct journal *, const char *prefix,
	    int (*each)(
		void *arg, const char *key, const char *value, struct err *),
	    void *arg, struct err *);
};

struct journal {
	const struct journal_ops *ops;
};

/* Keeps entries in memory, for tests and ad hoc commands that change nothing
 * which would have to be undone. */
struct journal *journal_memory_new(void);
void journal_memory_free(struct journal *);

#endif

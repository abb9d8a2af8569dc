/*
 * replica_book.h -- what a replication must not forget, whoever keeps it.
 *
 * The interface by which the engine notes copies that outlive a request, and
 * what was deleted; the agent's ledger implements it, storage/replica_memory
 * keeps it for a command that has none.  Each call is durable when it returns
 * unless it says otherwise.  Names are the destination's.
 */
#ifndef STORAGE_REPLICA_BOOK_H
#define STORAGE_REPLICA_BOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/store.h"

struct err;
struct replica_book;

enum book_state {
	BOOK_PENDING, /* about to begin */
	BOOK_COPYING,
	BOOK_COMPLETE,
	BOOK_FAILED,
	BOOK_ABORTED,
};

const char *book_state_name(enum book_state);

/* A copy that takes more than one request. */
struct book_copy {
	const char *name;
	const char *way;      /* rung_name() */
	const char *src_etag; /* it is bound to */
	const char *copy_id;  /* of a Copy Blob; "" else, or not known yet */
	const char *undo;     /* the snapshot taken before; "" none */
	enum book_state state;
	uint64_t done, total; /* bytes */
	int64_t since_ms;     /* Unix time it began */
	const char *why;      /* of what failed; "" else */
};

/* A blob that the source has no more. */
struct book_gone {
	const char *name;
	const char *etag;    /* the destination's when it was last seen */
	const char *version; /* that the deletion left; "" none */
	uint64_t size;
	int64_t missing_ms; /* Unix time it was first missed */
	int64_t deleted_ms; /* 0: not yet */
	int64_t run;	    /* that deleted it */
};

struct replica_book_ops {
	/* Replaces what is noted of the name. */
	int (*copy_put)(
	    struct replica_book *, const struct book_copy *, struct err *);
	/* Each that did not end well or ill, of any run. */
	int (*copies_open)(struct replica_book *,
	    int (*each)(void *arg, const struct book_copy *, struct err *),
	    void *arg, struct err *);

	/* Notes that this run misses it, and tells since when it is missing.  May
	 * be durable at flush() alone. */
	int (*missing)(struct replica_book *, const struct book_gone *,
	    int64_t *since_ms, struct err *);
	/* Both listings came to their end: what was missing before, and this run
	 * did not miss, is back, and forgotten. */
	int (*walked)(struct replica_book *, struct err *);
	/* Before the request, and what came of it afterwards. */
	int (*deleting)(
	    struct replica_book *, const struct book_gone *, struct err *);
	int (*deleted)(
	    struct replica_book *, const char *name, bool done, struct err *);
	/* What that run deleted. */
	int (*each_deleted)(struct replica_book *, int64_t run,
	    int (*each)(void *arg, const struct book_gone *, struct err *),
	    void *arg, struct err *);

	int (*flush)(struct replica_book *, struct err *);
};

/* Calls may come from several threads. */
struct replica_book {
	const struct replica_book_ops *ops;
};

#endif

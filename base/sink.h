/*
 * sink.h -- a stage of a stream: chunks are pushed in, in order, to an end.
 *
 * A stage embeds struct sink as its first member and hands what it makes to
 * next.  Stages are inline, or have a thread of their own behind a bounded
 * queue; then a write may report what failed in an earlier one.
 */
#ifndef BASE_SINK_H
#define BASE_SINK_H

#include <stdbool.h>
#include <stddef.h>

struct chunk;
struct err;
struct sink;

struct sink_ops {
	const char *name;

	/* Takes all of the chunk or fails.  Borrows it: ref it to keep it. */
	int (*write)(struct sink *, struct chunk *, struct err *);

	/* Nothing more comes: flush, and finish next. */
	int (*finish)(struct sink *, struct err *);

	/*
	 * Frees this stage alone.  Joins its thread, which the flow's cancel
	 * has told to stop unless finish succeeded; never commits anything.
	 */
	void (*free)(struct sink *);

	/*
	 * NULL for stages without a thread.  False, or true and err: what
	 * failed there, though no write has reported it yet.
	 */
	bool (*failure)(struct sink *, struct err *);
};

struct sink {
	const struct sink_ops *ops;
	struct sink *next; /* NULL at the end of the chain */
};

/* After a failure, of either, only sink_free() is allowed. */
int sink_write(struct sink *, struct chunk *, struct err *);
int sink_finish(struct sink *, struct err *);

/* Copies bytes that are in no chunk; they need not outlive the call.  For
 * headers and trailers: the copy is charged to no budget. */
int sink_write_bytes(struct sink *, const void *, size_t, struct err *);

void sink_free(struct sink *); /* NULL is fine */

#endif

/*
 * snapshot_copy.h -- a snapshot from its store to another, manifest last.
 */
#ifndef AGENT_SNAPSHOT_SNAPSHOT_COPY_H
#define AGENT_SNAPSHOT_SNAPSHOT_COPY_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct manifest;
struct scope;
struct snapshot_env;
struct store;

struct snapshot_copy_facts {
	uint64_t bytes;
	bool streamed;	    /* at least one part went through us */
	bool there_already; /* the whole snapshot was */
	char why[160];	    /* why it was streamed */
};

/*
 * A part that is there already with the right size and SHA-256 (by reading)
 * is left.  Each part is bound to the source's ETag, and its size and, where
 * the store tells one, MD5 compared afterwards.
 */
int snapshot_copy(struct store *from, struct store *to, const struct manifest *,
    const struct scope *, const struct snapshot_env *,
    struct snapshot_copy_facts *, struct err *);

#endif

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
 * Each part is bound to the source's ETag, and read back at the destination
 * against the manifest's SHA-256 before the manifest is written there.  A
 * snapshot whose manifest is there already is proved in the same way, and
 * left.
 */
int snapshot_copy(struct store *from, struct store *to, const struct manifest *,
    const struct scope *, const struct snapshot_env *,
    struct snapshot_copy_facts *, struct err *);

#endif

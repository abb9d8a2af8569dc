/*
 * part_writer.h -- the end of the chain: the coded dump, cut into parts.
 *
 *	-> [seal] -> SHA-256 -> spool -> blob "JOB/ID/part-NNNN..."
 *
 * A part ends where the next byte would pass part_max or what a blob can
 * hold; it is committed then, which lists nothing, since the manifest comes
 * last.  The last part is committed by part_writer_commit(), when the caller
 * has seen every proof.
 */
#ifndef AGENT_SNAPSHOT_PART_WRITER_H
#define AGENT_SNAPSHOT_PART_WRITER_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct manifest;
struct scope;
struct sink;
struct snapshot_env;
struct store;

struct part_writer_opts {
	const char *job, *id;
	const char *suffix; /* ".rdb.gz" */
	bool seal;
	uint64_t part_max; /* bytes before sealing; 0: the blob's limit */
};

/* Borrows all but copies opts; scope is a flow's. */
struct sink *part_writer_new(struct store *, const struct scope *,
    const struct snapshot_env *, const struct part_writer_opts *);

/* Chunks of the stage before it that it keeps at once. */
unsigned part_writer_held(const struct part_writer_opts *);

/* After sink_finish(): the parts into the manifest.  The next commits. */
int part_writer_commit(
    struct sink *, const struct scope *, struct manifest *, struct err *);

/* Remove the parts that were committed, when the snapshot came to nothing. */
void part_writer_abandon(struct sink *, const struct scope *);

/* The most bytes that lay in the spool at once. */
uint64_t part_writer_spooled(const struct sink *);

#endif

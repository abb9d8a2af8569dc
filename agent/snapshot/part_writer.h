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

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct manifest;
struct scope;
struct sink;
struct snapshot_env;
struct store;

struct part_writer_opts {
	const char *job, *id;
	const char *prefix; /* "part-"; with the next, */
	size_t shard;	    /* none is for another shard's part */
	const char *suffix; /* ".rdb.gz" */
	bool seal;
	uint64_t part_max;     /* bytes before sealing; 0: the blob's limit */
	unsigned spool_chunks; /* in memory, before it spills; 0: 16 */
	size_t block_size;     /* 0: as memory allows */
};

/*
 * Borrows all but copies opts; scope is a flow's.  The first part is opened
 * here, so that memory which does not suffice is told before a source forks.
 * begun counts the parts opened so far, for part_writer_abandon().
 */
struct sink *part_writer_new(struct store *, const struct scope *,
    const struct snapshot_env *, const struct part_writer_opts *,
    atomic_uint *begun, struct err *);

/* Chunks of the stage before it that it keeps at once. */
unsigned part_writer_held(const struct part_writer_opts *);

/* After sink_finish(): the parts into the manifest.  The next commits. */
int part_writer_commit(
    struct sink *, const struct scope *, struct manifest *, struct err *);

/* Remove what was committed of so many parts, when the snapshot came to
 * nothing and its writer is freed. */
void part_writer_abandon(struct store *, const struct part_writer_opts *,
    unsigned begun, const struct scope *);

/* The most bytes that lay in the spool at once. */
uint64_t part_writer_spooled(const struct sink *);

#endif

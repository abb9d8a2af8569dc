/*
 * blob_writer.h -- the end of a stream: write it as one block blob.
 *
 * Bytes are gathered into blocks, and several blocks are staged at once on
 * threads of the writer's own, so the stream is held up only when all of them
 * are busy.  Readers see nothing until blob_writer_commit(), and the whole
 * blob after it; finish only waits for the blocks, so that the caller can
 * look at every proof before it commits.  A writer freed before that discards
 * its staged blocks.
 */
#ifndef STORAGE_BLOB_WRITER_H
#define STORAGE_BLOB_WRITER_H

#include <stddef.h>
#include <stdint.h>

struct blob_props;
struct budget;
struct commit_opts;
struct err;
struct scope;
struct sink;
struct store;

struct blob_writer_opts {
	size_t block_size;  /* bytes; 0: at most 8 MiB, see lanes.h */
	unsigned in_flight; /* blocks staged at once; 0: 4 */
	uint64_t size; /* of the blob, so that 50,000 blocks hold it; 0: not
			* known */
	/* What the blocks take is carved from it: in all at most half of it,
	 * fewer of them if need be, unless block_size is given. */
	struct budget *budget;
};

/* Borrows store, scope (a flow's) and budget; copies name. */
struct sink *blob_writer_new(struct store *, const char *name,
    const struct scope *, const struct blob_writer_opts *, struct err *);

/* Bytes that still fit before the blob would pass 50,000 blocks; the write
 * that would fails with ERR_USAGE. */
uint64_t blob_writer_room(const struct sink *);

/* Bytes taken so far. */
uint64_t blob_writer_size(const struct sink *);

/*
 * After sink_finish().  An answer that was lost is read back before it is
 * asked again.  props may be NULL.
 */
int blob_writer_commit(struct sink *, const struct scope *,
    const struct commit_opts *, struct blob_props *, struct err *);

#endif

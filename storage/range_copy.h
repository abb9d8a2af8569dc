/*
 * range_copy.h -- the blocks of a server-side copy: stage all ranges.
 *
 * Block ids are made from the source's URL, name, ETag, size and the block
 * size, so a copy that is tried again after a crash replaces the blocks of
 * the first try instead of adding to them, or finds them, and two agents that
 * copy the same stage the same.
 */
#ifndef STORAGE_RANGE_COPY_H
#define STORAGE_RANGE_COPY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blob_props;
struct block_id;
struct err;
struct ladder_grants;
struct scope;
struct store;

struct range_copy {
	struct store *from;
	const char *src_name;
	const char *src_snapshot; /* NULL: the blob itself */
	const struct blob_props *src;
	struct store *to;
	const char *dst_name;
	struct ladder_grants *grants;
	atomic_uint *requests; /* counts them */
	size_t block_size;
	unsigned in_flight;
	void (*progress)(void *arg, uint64_t done, uint64_t total);
	void *progress_arg;
};

/* How many blocks it takes. */
size_t range_copy_blocks(const struct range_copy *);

/* ids has room for all of them. */
void range_copy_ids(const struct range_copy *, struct block_id *ids);

/*
 * Those that are not there: the first of them alone, then the others in
 * parallel.  ERR_UNSUPPORTED when the bytes must be streamed, ERR_CONFLICT when
 * the source has changed.
 */
int range_copy_stage(const struct range_copy *, const struct block_id *ids,
    const bool *there, const struct scope *, struct err *);

#endif

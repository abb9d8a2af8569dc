/*
 * azure_commit.h -- Put Block List, asked until it is known what became of it.
 *
 * When an answer is lost, the commit may have taken effect; asked again with
 * its condition it would then fail on its own result.  So the committed block
 * list is read back first: block ids are unique to a writer, so a list that is
 * ours was put there by us.
 */
#ifndef STORAGE_AZURE_COMMIT_H
#define STORAGE_AZURE_COMMIT_H

#include <stddef.h>

#include "storage/store.h"

struct azure_container;

struct azure_commit {
	const char *blob;
	const struct block_id *ids;
	size_t n;
	const struct commit_opts *opts;
};

/*
 * As store_ops.commit; etag is the new blob's.  After ERR_UNREACHABLE or
 * ERR_CANCELLED the blob may stand, or may come yet.
 */
int azure_commit(const struct azure_container *, const struct azure_commit *,
    const struct scope *, char etag[ETAG_MAX], struct err *);

/*
 * Whether the committed blocks in an answer to Get Block List are those ids.
 * ERR_CORRUPT for what is no such answer.
 */
int azure_commit_compare(const char *xml, size_t len,
    const struct block_id *ids, size_t n, bool *same, struct err *);

#endif

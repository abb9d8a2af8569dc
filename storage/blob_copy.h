/*
 * blob_copy.h -- one blob from a store to another, by the server if it can.
 *
 * Ranges in parallel by Put Block From URL, each bound to the source's ETag;
 * where the destination's service cannot read the source (the first range
 * shows, the result says why), the bytes stream through us.  The destination
 * is committed only if it is absent, or still has the ETag that the caller
 * expects; a failed copy leaves it as it was.  Afterwards size and, where
 * both sides know one, MD5 are compared with the source's, ERR_CORRUPT.  The
 * copy of what the server copies carries the source's MD5, or none; what is
 * streamed gets one.
 */
#ifndef STORAGE_BLOB_COPY_H
#define STORAGE_BLOB_COPY_H

#include <stddef.h>
#include <stdint.h>

#include "storage/store.h"

struct budget;

enum copy_way { COPY_WAY_SERVER, COPY_WAY_STREAMED };

struct blob_copy_opts {
	size_t block_size;	  /* 0: 8 MiB, more for what needs it,
				   * less where memory is short */
	unsigned in_flight;	  /* 0: 4 */
	struct budget *budget;	  /* what streaming needs is carved from it */
	const char *replace_etag; /* destination must be this; NULL: absent */
	void (*progress)(void *arg, uint64_t done, uint64_t total);
	void *progress_arg; /* may be called from several threads */
};

struct blob_copy_result {
	enum copy_way way;
	char why[160];		 /* why it was streamed; "" else */
	struct blob_props props; /* of the destination, asked afterwards */
};

/* src holds the ETag and size the copy is bound to (from stat). */
int blob_copy(struct store *from, const char *src_name,
    const struct blob_props *src, struct store *to, const char *dst_name,
    const struct scope *, const struct blob_copy_opts *,
    struct blob_copy_result *, struct err *);

#endif

/*
 * blob_diff.h -- what a source blob and its copy ask to be done.
 *
 * Decided by the two listings alone, without a request.  The same content: both
 * sizes and, of block blobs, both MD5s, where both have one (that of a page or
 * append blob stays as it is when the blob is written to); else the source's
 * ETag as the copy recorded it (TRAIT_SOURCE_NAME, of this pair).  Clocks are
 * never compared.  Two that cannot be told apart so are copied.
 *
 * A source that the back pair wrote has what the copy had then.  While the
 * copy's ETag is still the one recorded, they are the same; where it is not,
 * the copy is the newer one, and not gone over (SKIP_OURS).  Without a copy it
 * is a source like any other: that is how a region which was lost is filled
 * again.
 *
 * Nothing is skipped that is the same: an archived blob that was copied before
 * it was archived only lacks the tier.
 */
#ifndef STORAGE_BLOB_DIFF_H
#define STORAGE_BLOB_DIFF_H

#include <stdbool.h>

struct list_item;

enum diff_verdict {
	DIFF_SAME,
	DIFF_COPY,
	DIFF_MEND, /* the content is the same, `traits` are not */
	DIFF_SKIP, /* `skip` says why */
};

enum diff_skip {
	SKIP_NOT,
	SKIP_FILTERED,
	SKIP_ARCHIVED,	   /* cannot be read */
	SKIP_REHYDRATING,  /* the source's tier is on its way */
	SKIP_PENDING_COPY, /* the source is itself being written by a copy */
	SKIP_DIRECTORY,	   /* or the stub of one; the copy has none */
	SKIP_NAME,	   /* the destination cannot hold it */
	SKIP_OURS,	   /* we copied it from there, and there it changed */
	SKIPS
};

/* One word, "archived", "ours"; and what it means and what to do about it,
 * NULL: nothing. */
const char *diff_skip_name(enum diff_skip);
const char *diff_skip_advice(enum diff_skip);

struct diff_opts {
	const char *pair;      /* the id of this source and destination */
	const char *back_pair; /* of the same two the other way round; NULL */
	unsigned traits;       /* enum trait_kind to be kept equal */
	bool take_archived;    /* Copy Blob will rehydrate them */
	bool to_has_directories;
};

struct diff {
	enum diff_verdict verdict;
	enum diff_skip skip;
	unsigned traits;
	bool content_known; /* DIFF_SAME, MEND: by hash, or having none; not
			     * by ETag alone */
};

/* copy NULL: there is none. */
void blob_diff(const struct diff_opts *, const struct list_item *source,
    const struct list_item *copy, struct diff *);

#endif

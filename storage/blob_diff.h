/*
 * blob_diff.h -- what a source blob and its copy ask to be done.
 *
 * Decided by the two listings alone, without a request.  The same content: both
 * sizes and both MD5s, where both have one; else the source's ETag as the copy
 * recorded it (TRAIT_SOURCE_NAME, of this pair).  Clocks are never compared.
 * Two that cannot be told apart so are copied.
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
	SKIP_DIRECTORY,	   /* of a hierarchical namespace; the copy has none */
	SKIP_NAME,	   /* the destination cannot hold it */
	SKIP_OURS,	   /* we copied it from where it would go to */
	SKIPS
};

/* "archived", "directory", ... and what to do about it. */
const char *diff_skip_name(enum diff_skip);
const char *diff_skip_advice(enum diff_skip);

struct diff_opts {
	const char *pair;      /* the id of this source and destination */
	const char *back_pair; /* of the same two the other way round */
	unsigned traits;       /* enum trait_kind to be kept equal */
	bool take_archived;    /* Copy Blob will rehydrate them */
	bool to_has_directories;
};

struct diff {
	enum diff_verdict verdict;
	enum diff_skip skip;
	unsigned traits;
	bool content_known; /* DIFF_SAME, MEND: by hash, not by ETag alone */
};

/* copy NULL: there is none. */
void blob_diff(const struct diff_opts *, const struct list_item *source,
    const struct list_item *copy, struct diff *);

#endif

/* ladder_private.h -- what the files of blob_ladder share. */
#ifndef STORAGE_LADDER_PRIVATE_H
#define STORAGE_LADDER_PRIVATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "storage/blob_ladder.h"
#include "storage/replica_book.h"

/* Each to be used once for every request; of several threads. */
#define COUNT(c) atomic_fetch_add(&(c)->requests, 1)

/* One blob on its way up, or rather down. */
struct climb {
	const struct ladder *l;
	const struct ladder_job *job;
	const struct scope *scope;
	struct ladder_grants *grants;
	struct ladder_result *result;
	atomic_uint requests;

	/* What has to be there: NULL, or the ETag, which becomes another when
	 * a rung that failed brought back what was there. */
	const char *replace_etag;
	char etag[ETAG_MAX];
};

/* For a blob of that store alone, by the narrowest grant there is. */
struct ladder_grants *
ladder_grants_new_for(struct store *from, const char *blob);

/* The rungs: 0, with the result's props as verified; ERR_UNSUPPORTED when the
 * next may do.  Whatever failed, the destination is as it was. */
int ladder_put(struct climb *, struct err *);
int ladder_blocks(struct climb *, struct err *);
int ladder_ranges(struct climb *, struct err *);
int ladder_copy_job(struct climb *, struct err *);
int ladder_stream(struct climb *, struct err *);

/* Of page and append blobs. */
int ladder_stream_kind(struct climb *, struct err *);

/* NULL, or why the server cannot be asked at all. */
const char *ladder_no_server(const struct ladder *);

/* Conditions, and what the blob is to carry. */
void ladder_commit_opts(const struct climb *, struct commit_opts *);

/* The source of a server-side write, by grant. */
void ladder_put_from(
    const struct climb *, const struct store_grant *, struct put_from *);

/*
 * Whether the destination has what it is to have, and that is still what made
 * tells; then made is what was seen.
 */
int ladder_verify(struct climb *, struct blob_props *made, struct err *);

void ladder_progress(const struct climb *, uint64_t done);

/* A scope for putting things right after the run's own has ended. */
struct scope ladder_afterwards(const struct scope *);

/*
 * What to do when a write in place does not come to its end.  The writes make
 * themselves known by `mark`, the value of TRAIT_SOURCE_NAME until all is
 * verified, or by the id of the Copy Blob.
 */
struct ladder_undo {
	struct store *to;
	struct replica_book *book; /* or NULL */
	struct book_copy row;
	char was[ETAG_MAX]; /* of what is replaced; "" nothing */
	char snapshot[64];  /* of it */
	char copy_id[64];   /* "" none, or not known */
	bool asked;	    /* a Copy Blob may have begun */
	bool left;	    /* the snapshot could not be removed */
	bool undone;	    /* what was there is there again */
	char mark[ETAG_MAX + 16];
	char etag[ETAG_MAX]; /* of what is there after an undoing; "" nothing */
};

/* Snapshots what is to be replaced, and notes the write. */
int ladder_undo_begin(struct ladder_undo *, struct climb *, struct err *);

/* Of one that another run began.  The row is borrowed. */
int ladder_undo_resume(struct ladder_undo *, const struct ladder *,
    const struct book_copy *, const struct scope *, struct err *);

/* Notes how far the Copy Blob is. */
int ladder_undo_copying(
    struct ladder_undo *, const struct copy_job *, struct err *);

/* Whether that is what we wrote, in this state or another. */
bool ladder_undo_is_ours(const struct ladder_undo *, const struct blob_view *);

/*
 * rc tells how it went.  0: the snapshot is removed.  -1: what was there is
 * there again, or err tells besides why not, and what the book holds stays
 * open.  Returns rc, or -1 when the book failed.
 */
int ladder_undo_end(
    struct ladder_undo *, const struct scope *, int rc, struct err *);

/* The same, and what it means for the climb and its result. */
int
ladder_undo_climb(struct ladder_undo *, struct climb *, int rc, struct err *);

/*
 * Follows the Copy Blob to its end: 0 when that is success.  *late when the
 * ladder's time for it was over first, and it is to go on.
 */
int
ladder_follow(const struct ladder *, const struct scope *, struct ladder_undo *,
    struct copy_job *, const struct ladder_job *, bool *late, struct err *);

/*
 * A page or append blob made at the destination: created with a mark, filled,
 * given what it is to carry, verified; else undone.
 */
int ladder_in_place(
    struct climb *, int (*fill)(struct climb *, struct err *), struct err *);

/* What of the source there is to write, ascending; to be freed. */
int ladder_in_place_ranges(
    struct climb *, struct blob_range **, size_t *n, struct err *);

/* Bytes of one write. */
uint64_t ladder_in_place_step(const struct climb *);

/* What the book is to hold of it; its text is borrowed. */
void ladder_book_row(const struct climb *, struct book_copy *);

/* Of copies that write nothing in place.  No book: nothing. */
int ladder_book_begin(const struct climb *, struct err *);

/* How it went: rc and err, which are returned, unless the book failed.  What
 * was only interrupted stays open. */
int ladder_book_end(const struct climb *, int rc, struct err *);

#endif

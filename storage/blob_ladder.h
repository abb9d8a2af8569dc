/*
 * blob_ladder.h -- one blob from a store to another, by the best way there is.
 *
 * From the top, each rung tried when the one above is not for this blob, or
 * when the service answered ERR_UNSUPPORTED to it:
 *
 *	PUT	Put Blob From URL: block blobs of up to `put_max` bytes
 *	BLOCKS	Put Block From URL in parallel, Put Block List: block blobs
 *	RANGES	Put Page / Append Block From URL: page and append blobs
 *	COPY	Copy Blob, followed to its end: page and append blobs, an
 *		archived source, or when asked for
 *	STREAM	read and written through us
 *
 * The source is bound to its ETag; ERR_CONFLICT, when it changed or the
 * destination is not as expected, is for the caller to look anew and ask
 * again.  What the destination holds is kept whatever happens: block blobs by
 * nature; before a way that writes in place (RANGES, COPY, and STREAM of
 * those kinds) goes over a blob it is snapshotted, and brought back unless
 * the copy verified; what was made anew and failed is removed if it is still
 * ours by its ETag.  Each such write is in the book (replica_book.h) before
 * it begins.
 *
 * Success is said when the service's answer, or a look at the destination
 * afterwards, shows the source's size and, where both sides know one, MD5.
 */
#ifndef STORAGE_BLOB_LADDER_H
#define STORAGE_BLOB_LADDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/blob_traits.h"
#include "storage/store.h"

struct book_copy;
struct budget;
struct replica_book;

enum rung { RUNG_PUT, RUNG_BLOCKS, RUNG_RANGES, RUNG_COPY, RUNG_STREAM, RUNGS };

const char *rung_name(enum rung); /* "put", "blocks", ... */

/* What holds for all blobs of a run. */
struct ladder {
	struct store *from, *to;
	struct ladder_grants *grants; /* NULL: fetched for each blob alone */
	struct budget *budget;	   /* what streaming needs is carved from it */
	struct replica_book *book; /* NULL: none, ad hoc */
	size_t block_size;	   /* 0: 8 MiB, more for what needs it */
	unsigned in_flight;	   /* blocks of one blob at once; 0: 4 */
	uint64_t put_max;	   /* 0: 256 MiB */
	int64_t copy_timeout_ms;   /* of a Copy Blob; 0: an hour */
	bool abort_late;	   /* past that, abort it; else leave it */
	enum rung first;	   /* RUNG_PUT: from the top */
	char why_streamed[160];	   /* set by ladder_probe(); "" else */
};

/*
 * The source's grants for the run, fetched when they are needed and renewed
 * before they end, one fetch however many wait.
 */
struct ladder_grants *ladder_grants_new(struct store *from);
void ladder_grants_free(struct ladder_grants *);

/*
 * To read any blob, or one whose URL is then complete; the caller releases it.
 * ERR_AUTH when what authorizes the source has come to its end.
 */
int ladder_grants_get(struct ladder_grants *, const struct scope *,
    bool by_url_alone, struct store_grant *, struct err *);
int ladder_grants_blob(struct ladder_grants *, const struct scope *,
    bool by_url_alone, const char *blob, const char *snapshot,
    struct store_grant *, struct err *);

/*
 * Whether to's service can read from: one byte of `blob` of the source (a blob
 * that is not empty) staged under a name of ours, never committed.  Where it
 * cannot, `first` becomes RUNG_STREAM and why_streamed says what was answered,
 * and that is success.
 */
int ladder_probe(struct ladder *, const struct scope *, const char *blob,
    const struct blob_props *, struct err *);

struct ladder_job {
	const char *src_name, *dst_name;
	const char *src_snapshot; /* NULL: the blob itself */
	const struct blob_props *src;
	const struct blob_traits *traits; /* as they are to be; NULL: no more
					   * than props tell */
	const char *replace_etag;	  /* NULL: absent */
	void (*progress)(void *arg, uint64_t done, uint64_t total);
	void *progress_arg; /* may be called from several threads */
};

struct ladder_result {
	enum rung rung;
	char why[160];	   /* why no rung further up; "" when none was tried */
	unsigned requests; /* as far as we made them, retries aside */
	uint64_t streamed; /* bytes that went through us */
	struct blob_props props; /* of the destination, as it was seen */
	/* The snapshot of what was there before, when it could not be removed
	 * after all had gone well; "" else. */
	char left[64];
};

/* Which rung would be taken first; for dry runs too. */
enum rung ladder_choose(const struct ladder *, const struct blob_props *,
    const struct blob_traits *);

int ladder_copy(const struct ladder *, const struct ladder_job *,
    const struct scope *, struct ladder_result *, struct err *);

/*
 * What a run that was killed left half done, as the book tells it: a Copy Blob
 * that goes on is followed, one that ended well stays, and what was written in
 * place and is not whole is undone.  Then the book holds it as ended.  To be
 * called before anything is copied to that name.
 */
int ladder_settle(const struct ladder *, const struct book_copy *,
    const struct scope *, struct err *);

#endif

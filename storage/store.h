/*
 * store.h -- what every place that keeps blobs can do.
 *
 * A driver embeds struct store as its first member and points ops at a
 * static const table.  Names are '/'-separated paths below the store's own
 * prefix, UTF-8, at most 1,024 bytes.  Every operation retries what is safe
 * until its scope ends (base/retry), returns 0, or -1 with err filled, and
 * may be called from several threads at once.
 *
 * Readers of a blob see the old one or the new one, whole: staged blocks are
 * invisible until commit, and a failed commit leaves the old blob in place.
 */
#ifndef STORAGE_STORE_H
#define STORAGE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/digest.h"

struct blob_traits;
struct blob_view;
struct buf;
struct chunk;
struct err;
struct put_call;
struct scope;
struct store;

#define BLOB_NAME_MAX 1024
#define ETAG_MAX      128
#define LEASE_ID_MAX  64

/* Azure's limits; the file driver keeps them too. */
#define BLOCKS_MAX	50000
#define BLOCK_BYTES_MAX ((uint64_t)4000 << 20)

enum store_cap {
	STORE_CAP_LEASE = 1 << 0,	  /* ops->lease is there */
	STORE_CAP_COPY_FROM_URL = 1 << 1, /* ops->copy is there */
	STORE_CAP_GRANT = 1 << 2,	  /* ops->grant is there */
	STORE_CAP_LEND = 1 << 3,	  /* ops->lend is there */
	STORE_CAP_TRAITS = 1 << 4,	  /* ops->traits is there */
	STORE_CAP_UNDO = 1 << 5,	  /* ops->undo is there */
	STORE_CAP_KINDS = 1 << 6,	  /* ops->kinds is there */
};

/*
 * Fixed length, since the service wants all ids of one blob alike.  24 hex
 * digits are also valid base64 as they stand, so no encoding is needed.
 */
struct block_id {
	char hex[24 + 1];
};

/* Those that we write are block blobs; other services write all three. */
enum blob_type { BLOB_BLOCK, BLOB_PAGE, BLOB_APPEND };

struct blob_props {
	uint64_t size;
	enum blob_type type;
	char etag[ETAG_MAX];	      /* opaque, with its quotes if any */
	int64_t modified_ms;	      /* Unix time */
	unsigned char md5[MD5_BYTES]; /* of the content, when has_md5 */
	bool has_md5;
	char content_type[64];
};

/* Zeros: no condition. */
struct store_cond {
	const char *if_match; /* an ETag */
	bool if_absent;	      /* If-None-Match: * */
	const char *lease_id;
};

struct commit_opts {
	struct store_cond cond;
	const char *content_type;     /* NULL: application/octet-stream */
	const char *content_encoding; /* NULL: none */
	const unsigned char *md5;     /* of the whole content; NULL: none */
	/* All that it is to carry, in place of the two above; NULL: those. */
	const struct blob_traits *traits;
};

struct list_item {
	const char *name;
	bool is_prefix;		    /* with a delimiter: a "directory" */
	struct blob_props props;    /* not for prefixes */
	struct blob_traits *traits; /* NULL unless list_opts.with asks */
};

struct list_page {
	struct list_item *items; /* ascending by blob_name_compare(), or as
					 * the service orders them */
	size_t n, alloc;
	char *next;	    /* marker of the next page; NULL: end */
	struct arena arena; /* of the items' names and traits */
};

/* What to list beside names and properties; what a store has not is left out. */
enum list_with {
	LIST_TRAITS = 1 << 0, /* without tags */
	LIST_TAGS = 1 << 1,
	LIST_DIRECTORIES = 1 << 2, /* of hierarchical namespaces */
	LIST_SNAPSHOTS = 1 << 3,
	LIST_VERSIONS = 1 << 4,
	LIST_DELETED = 1 << 5,
};

struct list_opts {
	const char *prefix; /* NULL: all */
	bool by_directory;  /* '/' as the delimiter */
	unsigned page_size; /* 0: 5,000 */
	unsigned with;	    /* enum list_with */
};

void list_page_release(struct list_page *);

/* What a copy needs to read a source; see store_grant_ops. */
struct store_grant {
	char *url;	     /* may hold a SAS: a secret */
	char *authorization; /* for x-ms-copy-source-authorization;
					 * NULL: the URL says it all */
	int64_t expires_ms;
};

void store_grant_release(struct store_grant *);

/*
 * Leases (STORE_CAP_LEASE).  seconds is 15 to 60; the id is the caller's, a
 * UUID of its own for each lease (storage/lease.h).
 */
struct store_lease_ops {
	/*
	 * Makes the blob, empty, when it is absent.  ERR_LOCKED when another
	 * id holds it: then this one does not.  With the id that holds it the
	 * lease begins anew, so it is safe to repeat.  After any other failure
	 * it may have been taken.
	 */
	int (*acquire)(struct store *, const struct scope *, const char *blob,
	    int seconds, const char *id, struct err *);
	/* ERR_LOCKED when it was lost to another. */
	int (*renew)(struct store *, const struct scope *, const char *blob,
	    const char *id, struct err *);
	int (*release)(struct store *, const struct scope *, const char *blob,
	    const char *id, struct err *);
};

/* A blob made of another in one request, of which the service reads all. */
struct put_from {
	const char *blob;
	const char *src_url;	       /* may hold a SAS: a secret */
	const char *src_authorization; /* NULL: the URL says it all */
	const char *src_etag;
	const unsigned char *src_md5; /* NULL: not known */
	const struct blob_traits *traits;
	struct store_cond cond;
};

#define PUT_FROM_BYTES_MAX ((uint64_t)5000 << 20)

/* A Copy Blob, as the destination tells of it. */
enum copy_state { COPY_PENDING, COPY_SUCCESS, COPY_FAILED, COPY_ABORTED };

struct copy_job {
	char id[64];
	enum copy_state state;
	uint64_t done, total; /* bytes; 0 and 0: not told */
	char why[160];	      /* of a failure, the service's words; "" else */
	struct blob_props props; /* of the destination, by now */
};

/* Server-side copy into this store (STORE_CAP_COPY_FROM_URL). */
struct store_copy_ops {
	/*
	 * Put Blob From URL, one attempt, in two halves, for who has many under
	 * way: block blobs of up to PUT_FROM_BYTES_MAX.  ended() runs on
	 * another thread, maybe before put_begin() has returned, and must not
	 * block; then put_end(), on any thread, tells what came of it and frees
	 * the call.  It asks again only where a token was refused.
	 *
	 * Kinds of errors are those of stage_from(); ERR_CORRUPT when the
	 * source has not the MD5 given.  After one that is ambiguous
	 * (ERR_TRANSIENT) the blob may stand, and libcurl may have repeated the
	 * request by itself: so what ERR_CONFLICT stands for may be this
	 * copy's own doing.  props tell the ETag, the time and, with has_md5,
	 * the MD5 that the service told of what it wrote; not the size, which
	 * is the source's.  props may be NULL.
	 *
	 * All that `what` points to is used before put_begin() returns; scope
	 * lives until put_end().
	 */
	struct put_call *(*put_begin)(struct store *, const struct scope *,
	    const struct put_from *what, void (*ended)(void *arg), void *arg,
	    struct err *);
	int (*put_end)(
	    struct put_call *, struct blob_props *props, struct err *);

	/*
	 * Copy Blob: begins one into blob, which the service then works at, for
	 * two weeks at most.  The source is told by URL alone: with a bearer's
	 * token it is ERR_UNSUPPORTED.  The content headers are the source's;
	 * so is the metadata, unless traits have some.  ERR_LOCKED when another
	 * copy into it is pending.  One attempt, and not safe twice: after a
	 * lost answer poll() tells.  Of job's props the ETag and the time are
	 * told.
	 */
	int (*start)(struct store *, const struct scope *, const char *blob,
	    const struct put_from *what, struct copy_job *, struct err *);

	/* Of the last copy into blob; with an id "", and COPY_ABORTED, when
	 * what stands there was made by none. */
	int (*poll)(struct store *, const struct scope *, const char *blob,
	    struct copy_job *, struct err *);

	/* What is not pending any more is no failure.  It leaves an empty
	 * blob. */
	int (*abort)(struct store *, const struct scope *, const char *blob,
	    const char *id, struct err *);

	/*
	 * Which of the blocks are staged and not committed yet: sets there[i]
	 * for ids[i], and no other to false.  A blob that has none sets none.
	 */
	int (*staged)(struct store *, const struct scope *, const char *blob,
	    const struct block_id *ids, size_t n, bool *there, struct err *);

	/*
	 * Stage the source's bytes [off, off + len) as block id, only if the
	 * source still has that ETag.  ERR_CONFLICT when it changed;
	 * ERR_UNSUPPORTED when the service cannot reach or read the source,
	 * or does not know the call: then the bytes must be streamed, and the
	 * text is no more than the reason.
	 */
	int (*stage_from)(struct store *, const struct scope *,
	    const char *blob, const struct block_id *id,
	    const struct store_grant *src, const char *src_etag, uint64_t off,
	    uint64_t len, struct err *);
};

/* Giving a server-side copy the right to read (STORE_CAP_GRANT). */
struct store_grant_ops {
	int (*read)(struct store *, const struct scope *, const char *blob,
	    int64_t valid_ms, struct store_grant *, struct err *);

	/* The same for every blob of the store: see store_grant_url().  With
	 * by_url_alone for Copy Blob, which takes no bearer: ERR_UNSUPPORTED
	 * where nothing but a token is at hand and no user delegation key can
	 * be had by it. */
	int (*read_all)(struct store *, const struct scope *, int64_t valid_ms,
	    bool by_url_alone, struct store_grant *, struct err *);
};

/* The URL of one blob (and a snapshot of it, or NULL) by read_all()'s grant,
 * appended; a secret.  ERR_USAGE as blob_name_check(). */
int store_grant_url(const struct store_grant *, const char *blob,
    const char *snapshot, struct buf *, struct err *);

/*
 * What blobs carry beside their bytes (STORE_CAP_TRAITS).  Nothing here
 * touches content or copies it.
 */
struct store_trait_ops {
	/* snapshot NULL: the blob itself.  with: LIST_TAGS asks for tags too,
	 * which takes a request and a right of its own: where that is refused,
	 * tags_told is false. */
	int (*look)(struct store *, const struct scope *, const char *blob,
	    const char *snapshot, unsigned with, struct blob_view *,
	    struct err *);

	/*
	 * Makes `which` (enum trait_kind) of the blob those of traits, bound to
	 * etag, one request each; props as they are afterwards.  md5 goes along
	 * with the headers, which would lose it.  ERR_CONFLICT when the blob is
	 * another, or after a lost answer to this very call.  Of a failure some
	 * may be set.  Tags that are not told and a tier that is not the blob's
	 * own are left as they are.
	 */
	int (*set)(struct store *, const struct scope *, const char *blob,
	    const char *etag, unsigned which, const struct blob_traits *,
	    const unsigned char *md5, struct blob_props *, struct err *);

	/* The container: ERR_MISSING, or 0; made when it was not there. */
	int (*exists)(struct store *, const struct scope *, struct err *);
	int (*create)(struct store *, const struct scope *, struct err *);
};

/* What brings back an earlier state (STORE_CAP_UNDO). */
struct store_undo_ops {
	int (*snapshot)(struct store *, const struct scope *, const char *blob,
	    const char *etag, char id[64], struct err *);
	/* Removing what is not there succeeds. */
	int (*snapshot_remove)(struct store *, const struct scope *,
	    const char *blob, const char *id, struct err *);
	/* The blob is the snapshot again; blocks until that is so. */
	int (*promote)(struct store *, const struct scope *, const char *blob,
	    const char *id, struct blob_props *, struct err *);

	/* What soft delete keeps, or else the newest version of a blob that is
	 * gone; ERR_MISSING when there is none to bring back. */
	int (*undelete)(struct store *, const struct scope *, const char *blob,
	    struct err *);
	/* How long the service keeps what was deleted: days, 0 not, -1 it does
	 * not tell us. */
	int (*keeps_deleted)(
	    struct store *, const struct scope *, int *days, struct err *);
};

/* Writing page and append blobs (STORE_CAP_KINDS), which are visible as they
 * are written. */
struct blob_range {
	uint64_t off, len;
};

struct store_kind_ops {
	/* Empty, of that size for pages; replaces what cond says. */
	int (*create)(struct store *, const struct scope *, const char *blob,
	    enum blob_type, uint64_t size, const struct commit_opts *,
	    struct blob_props *, struct err *);
	/* Pages: off and len in 512s, up to 4 MiB.  Append: off is the blob's
	 * length, or ERR_CONFLICT.  Safe twice. */
	int (*write)(struct store *, const struct scope *, const char *blob,
	    enum blob_type, uint64_t off, struct chunk *, struct err *);
	/* The same, of another blob's bytes, by the service. */
	int (*write_from)(struct store *, const struct scope *,
	    const char *blob, enum blob_type, uint64_t off, uint64_t len,
	    const struct put_from *, struct err *);
	/* Of a page blob what is not zeros, ascending; to be freed. */
	int (*ranges)(struct store *, const struct scope *, const char *blob,
	    const char *etag, struct blob_range **, size_t *n, struct err *);
	int (*seal)(struct store *, const struct scope *, const char *blob,
	    const char *etag, struct err *);
};

/*
 * Lending a place in the account to a service of the same cloud, which takes
 * nothing but a URL that says it all (STORE_CAP_LEND).  What is lent to be
 * written to is a container of its own beside the store's.
 */
/* What a URL that is lent is good for. */
struct lent_right {
	int64_t valid_ms;
	/* Letters, in the order that a signature wants; NULL: to read a blob,
	 * or what an Azure Redis asks for to export into a container. */
	const char *permissions;
	bool none; /* the URL alone, for who has rights of its own */
};

struct store_lend_ops {
	/* ERR_UNSUPPORTED, with what to do, when the right that the store was
	 * opened by cannot make such a URL. */
	int (*check)(const struct store *, struct err *);

	/* The container of that name in the account, by the same right; it
	 * need not exist. */
	struct store *(*open)(
	    const struct store *, const char *container, struct err *);

	/* Of a store that open() gave, and of no other: its container made,
	 * and destroyed with all that is in it.  Both succeed when that is so
	 * already. */
	int (*create)(struct store *, const struct scope *, struct err *);
	int (*destroy)(struct store *, const struct scope *, struct err *);

	/* A secret, to be freed by store_lent_url_free(): to read that blob, or
	 * with NULL to write into the store's whole container. */
	int (*url)(struct store *, const struct scope *, const char *blob,
	    const struct lent_right *, char **url, struct err *);
};

void store_lent_url_free(char *);

struct store_ops {
	const char *scheme; /* "azure", "file" */
	unsigned caps;	    /* enum store_cap */

	/*
	 * Keep the chunks' bytes under id, invisible to readers until commit.
	 * Staging an id again replaces it.  len is their sum.
	 */
	int (*stage)(struct store *, const struct scope *, const char *blob,
	    const struct block_id *id, struct chunk *const *chunks, size_t n,
	    struct err *);

	/*
	 * Make blob exactly the n staged blocks, in order, all or nothing;
	 * durable when it returns.  n 0 makes an empty blob.  props may be
	 * NULL.  ERR_CONFLICT when a condition fails; ERR_LOCKED, here and in
	 * all that writes, when it is leased and no lease's id was given.
	 */
	int (*commit)(struct store *, const struct scope *, const char *blob,
	    const struct block_id *ids, size_t n, const struct commit_opts *,
	    struct blob_props *, struct err *);

	/* Drop what was staged for blob and not committed, where the driver
	 * keeps it (the service drops it by itself after a week). */
	void (*discard)(struct store *, const char *blob,
	    const struct block_id *ids, size_t n);

	/* ERR_MISSING when there is none. */
	int (*stat)(struct store *, const struct scope *, const char *blob,
	    struct blob_props *, struct err *);

	/*
	 * Exactly len bytes from off into out.  With an etag, ERR_CONFLICT
	 * when the blob is another by now.  Past its end: ERR_CORRUPT.
	 */
	int (*read)(struct store *, const struct scope *, const char *blob,
	    const char *etag, uint64_t off, void *out, size_t len,
	    struct err *);

	/* One page from marker on (NULL: the first). */
	int (*list)(struct store *, const struct scope *,
	    const struct list_opts *, const char *marker, struct list_page *,
	    struct err *);

	/* ERR_MISSING when there is none. */
	int (*remove)(struct store *, const struct scope *, const char *blob,
	    const struct store_cond *, struct err *);

	const struct store_lease_ops *lease; /* NULL without the cap */
	const struct store_copy_ops *copy;
	const struct store_grant_ops *grant;
	const struct store_lend_ops *lend;
	const struct store_trait_ops *traits;
	const struct store_undo_ops *undo;
	const struct store_kind_ops *kinds;

	void (*free)(struct store *);
};

struct store {
	const struct store_ops *ops;
	char *url; /* as it may be shown: no secrets */
};

void store_free(struct store *);

/* lend->check(), also for a store that lends nothing. */
int store_lend_check(const struct store *, struct err *);

/* One small blob, in one piece: staged, committed; a manifest, a report.  Its
 * MD5 is computed where opts give none. */
int
store_put(struct store *, const struct scope *, const char *blob, const void *,
    size_t, const struct commit_opts *, struct blob_props *, struct err *);

/* A blob of at most max bytes (more: ERR_CORRUPT), read whole and bound to one
 * ETag; read anew when it is replaced meanwhile.  props may be NULL. */
int store_get(struct store *, const struct scope *, const char *blob,
    size_t max, struct buf *, struct blob_props *, struct err *);

/* Walk every name below the prefix, page by page; each failing ends it. */
int store_each(struct store *, const struct scope *, const struct list_opts *,
    int (*each)(void *arg, const struct list_item *, struct err *), void *arg,
    struct err *);

#endif

/*
 * fake_store.h -- a store in memory that does all that a store can.
 *
 * A plain model of the service: blobs of the three types with ETags, traits,
 * snapshots, soft deletion and uncommitted blocks, and copies that it makes by
 * itself of what another fake store grants.  It checks what the service would
 * check, so that a caller who forgets a condition or a grant sees it here.
 * What Copy Blob makes is an empty blob until it has ended well.
 *
 *	struct store *s = fake_store_new("dr", 0);
 *	fake_store_fail(s, FAKE_COMMIT, 1, ERR_TRANSIENT, FAKE_LOST);
 *
 * Calls may come from several threads; what a test sets up comes before them.
 */
#ifndef TESTS_FAKE_STORE_H
#define TESTS_FAKE_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "storage/blob_traits.h"
#include "storage/store.h"

enum fake_op {
	FAKE_ANY, /* all but discard and what put_begin() only hands over */
	FAKE_STAGE,
	FAKE_COMMIT,
	FAKE_STAT,
	FAKE_READ,
	FAKE_LIST,
	FAKE_REMOVE,
	FAKE_PUT_BEGIN,
	FAKE_PUT, /* carried out on a thread of the store, told by put_end() */
	FAKE_START,
	FAKE_POLL,
	FAKE_ABORT,
	FAKE_STAGED,
	FAKE_STAGE_FROM,
	FAKE_GRANT,
	FAKE_GRANT_ALL,
	FAKE_LOOK,
	FAKE_SET,
	FAKE_EXISTS,
	FAKE_CREATE_CONTAINER,
	FAKE_SNAPSHOT,
	FAKE_SNAPSHOT_REMOVE,
	FAKE_PROMOTE,
	FAKE_UNDELETE,
	FAKE_KEEPS_DELETED,
	FAKE_CREATE,
	FAKE_WRITE,
	FAKE_WRITE_FROM,
	FAKE_RANGES,
	FAKE_SEAL,
	FAKE_OPS, /* how many there are */
};

enum fake_how {
	FAKE_REFUSED, /* and nothing was done */
	FAKE_LOST,    /* done, and reported as failed */
};

/* without: the enum store_cap that it is not to have.  No leases, no lending.
 */
struct store *fake_store_new(const char *name, unsigned without);

/* The nth call of op, from 1; 0: each.  At most 8 of them. */
void fake_store_fail(
    struct store *, enum fake_op, unsigned nth, enum err_kind, enum fake_how);

/* A call that is about to be carried out, or was. */
struct fake_call {
	enum fake_op op;
	const char *blob; /* NULL: of none */
	unsigned nth;	  /* of op's */
	unsigned nth_any;
	bool done;
};

/*
 * Called around each call, from its thread, with no lock held: it may change
 * any store, as another writer would.  -1 fails the call; where it was done,
 * the answer is what is lost.
 */
void fake_store_watch(struct store *,
    int (*watch)(
	void *arg, struct store *, const struct fake_call *, struct err *),
    void *arg);

unsigned fake_store_calls(struct store *, enum fake_op);

/* No failures, no watch, no calls counted; the blobs stay. */
void fake_store_calm(struct store *);

/* Copies begun from now on are pending for so many polls (UINT_MAX: until
 * they are aborted), and end like this. */
void fake_store_copies(struct store *, unsigned polls, enum copy_state end);

/* Whether other stores can read this one by its grants: ERR_UNSUPPORTED. */
void fake_store_wall(struct store *, bool up);

/* Lists from now on without telling of tags, which it was asked for. */
void fake_store_hide_tags(struct store *);

/* Grants end so long after they are made, whatever was asked; 0: as asked. */
void fake_store_grants_last(struct store *, int64_t ms);

/* Days for which what was removed is kept; 0 is what a new store does. */
void fake_store_soft_delete(struct store *, int days);

/* Listings tell these two names in the other order. */
void fake_store_misorder(struct store *, const char *, const char *);

/*
 * What is there, put and seen by no call that counts.  Replaces what was
 * there; traits may be NULL; an MD5 is kept for block blobs.  A page blob's
 * runs of 512 zeros are holes.
 */
struct blob_props fake_store_put(struct store *, const char *blob,
    enum blob_type, const void *, size_t, const struct blob_traits *);
void fake_store_drop(struct store *, const char *blob);

/* The service drops the oldest of its uncommitted blocks. */
void fake_store_lose_block(struct store *, const char *blob);

/* When it was modified; its ETag stays. */
void fake_store_date(struct store *, const char *blob, int64_t modified_ms);

/* Leased by somebody: writes fail. */
void fake_store_lease(struct store *, const char *blob, bool);

struct fake_seen {
	bool there;
	const unsigned char *data; /* good until the blob is changed */
	struct blob_props props;
	const struct blob_traits *traits;
	unsigned snapshots;
	unsigned blocks; /* uncommitted */
	bool is_pending; /* a Copy Blob into it */
};

struct fake_seen fake_store_see(struct store *, const char *blob);

/* Is there, with exactly these bytes. */
bool fake_store_holds(struct store *, const char *blob, const void *, size_t);

size_t fake_store_count(struct store *); /* blobs */

#endif

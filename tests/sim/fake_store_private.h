/* fake_store_private.h -- what the files of fake_store share. */
#ifndef TESTS_FAKE_STORE_PRIVATE_H
#define TESTS_FAKE_STORE_PRIVATE_H

#include <pthread.h>

#include "base/monitor.h"
#include "tests/sim/fake_store.h"

#define FAKE_FAILURES_MAX 8

/* What a blob is at one time; never changed but in place by its writers. */
struct fake_state {
	unsigned char *data; /* props.size bytes */
	struct blob_props props;
	struct blob_traits traits;
	struct arena arena;
	bool is_pending;
};

struct fake_snapshot {
	char id[64];
	struct fake_state *state;
	struct fake_snapshot *next;
};

struct fake_block {
	struct block_id id;
	unsigned char *data;
	size_t len;
	struct fake_block *next;
};

struct fake_blob {
	char *name;
	struct fake_state *now;	 /* NULL: not there */
	struct fake_state *gone; /* soft-deleted; NULL: none */
	struct fake_snapshot *snapshots;
	struct fake_block *blocks;

	/* The last Copy Blob into it. */
	struct copy_job job;
	struct fake_state *coming; /* what it will be; NULL: none */
	unsigned polls_left;
};

struct fake_failure {
	enum fake_op op;
	unsigned nth;
	enum err_kind kind;
	enum fake_how how;
};

struct put_call {
	struct fake_store *store;
	const struct scope *scope;
	char *blob;
	char *url, *etag, *if_match;
	bool if_absent;
	unsigned char md5[MD5_BYTES];
	bool has_md5;
	struct fake_state *traits; /* its traits alone */
	void (*ended)(void *arg);
	void *arg;
	int rc;
	struct blob_props props;
	struct err err;
	struct put_call *next;
};

struct fake_store {
	struct store base;
	struct store_ops ops; /* without what it is not to have */

	struct monitor mon; /* guards what follows */
	struct fake_blob **blobs;
	size_t nblobs, alloc;
	unsigned etags;	 /* given out so far */
	int64_t wall_ms; /* by the clock of the last call */
	unsigned calls[FAKE_OPS];
	struct fake_failure failures[FAKE_FAILURES_MAX];
	unsigned nfailures;
	int (*watch)(
	    void *arg, struct store *, const struct fake_call *, struct err *);
	void *watch_arg;
	unsigned copy_polls;
	enum copy_state copy_end;
	bool wall, no_container, tags_hidden;
	int64_t grants_last_ms;
	int soft_days;
	char *swap[2]; /* told in the other order; NULL: none */

	pthread_t putter; /* carries out what put_begin() took */
	bool has_putter, stop;
	struct put_call *first, *last;
};

struct fake_store *fake_of(struct store *);

/* Counts the call and lets it fail; 0 with the lock held. */
int fake_begin(struct store *, enum fake_op, const struct scope *,
    const char *blob, struct err *);

/* Gives the lock up.  rc, or -1 when the answer is lost. */
int
fake_end(struct store *, enum fake_op, const char *blob, int rc, struct err *);

/* The lock is held from here on. */

/* NULL when it was never heard of. */
struct fake_blob *fake_find(struct fake_store *, const char *);
struct fake_blob *fake_make(struct fake_store *, const char *);

/* The blob, or ERR_MISSING. */
struct fake_blob *fake_there(struct fake_store *, const char *, struct err *);

/* Whether it may be written: leases, pending copies, the conditions. */
int fake_may_write(
    struct fake_store *, const char *, const struct store_cond *, struct err *);

/* A state of that many bytes, zeros, with those traits (NULL: none). */
struct fake_state *
fake_state_new(enum blob_type, size_t, const struct blob_traits *);
struct fake_state *fake_state_copy(const struct fake_state *);
void fake_state_free(struct fake_state *);

/* Deep, into the arena. */
void fake_traits_copy(
    struct arena *, struct blob_traits *, const struct blob_traits *);

/* A new ETag and time. */
void fake_touch(struct fake_store *, struct fake_state *);

/* The blob is that now, which is taken. */
struct fake_blob *
fake_replace(struct fake_store *, const char *, struct fake_state *take);

/* The one with that id, or NULL. */
struct fake_snapshot *fake_snapshot_find(struct fake_blob *, const char *id);

/*
 * Another store's bytes by a URL of its grant, without the lock: a copy of the
 * blob, or NULL.
 */
struct fake_state *fake_fetch(
    const struct scope *, const char *url, const char *etag, struct err *);

/* What is queued is done, and the thread joined. */
void fake_putter_stop(struct fake_store *);

extern const struct store_copy_ops fake_copy_ops;
extern const struct store_grant_ops fake_grant_ops;
extern const struct store_trait_ops fake_trait_ops;
extern const struct store_undo_ops fake_undo_ops;
extern const struct store_kind_ops fake_kind_ops;

/* With everything. */
extern const struct store_ops fake_ops;

#endif

/*
 * store_commit.h -- commit, when the answer to a commit may be lost.
 *
 * A commit that was carried out and whose answer never came must not be asked
 * again blindly: with a condition it would now fail.  So after an ambiguous
 * failure the blob is looked at first.  It is taken for ours when its size,
 * and its MD5 where both sides know one, are what we committed, and a
 * condition tells it from what stood there before.  An unconditional commit
 * without an MD5 proves nothing that way and is asked again.
 */
#ifndef STORAGE_STORE_COMMIT_H
#define STORAGE_STORE_COMMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blob_props;
struct block_id;
struct commit_opts;
struct err;
struct scope;
struct store;

struct commit_plan {
	const struct block_id *ids;
	size_t n;
	uint64_t size; /* of the whole */
	const struct commit_opts *opts;
};

/* props may be NULL. */
int store_commit(struct store *, const struct scope *, const char *blob,
    const struct commit_plan *, struct blob_props *, struct err *);

/* For who makes a blob in another way (plan's ids do not matter): whether it
 * shows, by the same signs, that it was made; then props are set. */
bool store_commit_seen(struct store *, const struct scope *, const char *blob,
    const struct commit_plan *, struct blob_props *);

#endif

/*
 * snapshot_rig.h -- what tests of snapshots stand on: two stores, a dump, and
 * the things that an operation borrows.
 */
#ifndef TESTS_SIM_SNAPSHOT_RIG_H
#define TESTS_SIM_SNAPSHOT_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/snapshot/env.h"
#include "agent/snapshot/snapshot_take.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/secret.h"
#include "tests/sim/temp_dir.h"

struct manifest;
struct store;

#define RIG_JOB	 "cache"
#define RIG_KEYS 200

struct snapshot_rig {
	struct temp_dir source, dr; /* of the stores */
	struct temp_dir files;	    /* of the dump */
	char dump[300];		    /* path of an RDB file */
	struct secret key, other_key;
	struct snapshot_env env; /* without a cipher key */
	struct scope scope;	 /* ends after a minute */
	struct snapshot_take_opts take;
	struct err err;
};

/* With a dump of RIG_KEYS keys in databases 0 and 2, some that expire, with
 * values that hardly compress; take is set to gzip. */
void snapshot_rig_up(struct snapshot_rig *);
void snapshot_rig_down(struct snapshot_rig *);

/* The bytes of that dump; to be released. */
void snapshot_rig_dump(struct buf *);
void snapshot_rig_write(struct snapshot_rig *, const void *, size_t);

/* From the dump file into the store; NULL and rig->err when it failed.  The
 * second form fails the test then. */
struct manifest *snapshot_rig_take(struct snapshot_rig *, struct store *);
struct manifest *snapshot_rig_must_take(struct snapshot_rig *, struct store *);

/* Read and proved whole. */
int snapshot_rig_verify(
    struct snapshot_rig *, struct store *, const struct manifest *);

/*
 * Every snapshot that the store lists reads back and is proved; how many there
 * are.  With the number of blobs below the job when blobs is not NULL.
 */
size_t snapshot_rig_audit(struct snapshot_rig *, struct store *, size_t *blobs);

/* The path of a blob of the store in dir; to be freed. */
char *snapshot_rig_path(
    const struct temp_dir *, const struct manifest *, const char *name);

/* Change a file: one bit at an offset; its length. */
void file_flip(const char *path, long off);
void file_cut(const char *path, long len);
long file_size(const char *path);

#endif

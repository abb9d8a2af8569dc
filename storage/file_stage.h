/*
 * file_stage.h -- where a file: store keeps staged blocks until commit.
 *
 * Writing everything twice would cost as much as the snapshot itself, so a
 * commit is a rename wherever it can be.  The blocks of one blob whose ids
 * begin with the same 16 digits (one writer's) share a file: block i, as the
 * last 8 digits count, lies at i times the length of the block that came
 * first.  When all blocks but the last are alike, as a writer's are, the file
 * then is the blob, in whatever order they arrived.  A block that does not
 * fit that (longer, staged twice, an id that does not count) goes to a second
 * file, and the commit copies.
 *
 * Which block lies where is known in memory only: what a process staged ends
 * with it.  A living process holds a flock on each of its files; the next one
 * that stages removes those which nobody holds.
 */
#ifndef STORAGE_FILE_STAGE_H
#define STORAGE_FILE_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/stage_file.h"

struct block_id;
struct chunk;
struct err;
struct file_dir;
struct file_stages;
struct scope;
struct stage;

/* Borrows dir. */
struct file_stages *file_stages_new(const struct file_dir *);

/* Removes what was not committed. */
void file_stages_free(struct file_stages *);

int file_stages_put(struct file_stages *, const struct scope *,
    const char *blob, const struct block_id *, struct chunk *const *chunks,
    size_t n, struct err *);

/* A file in the staging directory that is exactly what is to be committed,
 * not synced yet.  The caller may rename it away. */
struct staged_file {
	int fd;
	const char *path;
	uint64_t size;
	/* file_stage's own: the file is whole's main one, or was made for it */
	struct stage *whole;
	struct stage_file made;
};

/* ERR_CONFLICT when an id was not staged (or was dropped). */
int
file_stages_take(struct file_stages *, const struct scope *, const char *blob,
    const struct block_id *, size_t n, struct staged_file *, struct err *);

/* After a take, whether it was renamed or not; when not, the blocks are
 * still staged. */
void
file_stages_give_back(struct file_stages *, struct staged_file *, bool renamed);

/* Drop these blocks, and what else their writers staged for blob. */
void file_stages_drop(
    struct file_stages *, const char *blob, const struct block_id *, size_t n);

#endif

/*
 * stage_file.h -- one temporary file in .drsync/stage, held by a flock.
 *
 * The lock tells a living process's files from those of one that was killed.
 */
#ifndef STORAGE_STAGE_FILE_H
#define STORAGE_STAGE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chunk;
struct err;
struct file_dir;
struct scope;

struct stage_file {
	int fd;	    /* -1: none */
	int direct; /* as direct_open() gave it */
	char *path;
};

#define STAGE_FILE_NONE ((struct stage_file){.fd = -1, .direct = -1})

/* Prepares the directory; with sweep, removes what nobody holds first. */
int stage_file_open(struct stage_file *, const struct file_dir *,
    const struct scope *, bool sweep, struct err *);

/* The file goes too, unless it was renamed. */
void stage_file_close(struct stage_file *, bool renamed);

/* All the chunks from off on, one alone past the page cache where that can be;
 * -1 and errno. */
int stage_file_write(
    const struct stage_file *, uint64_t off, struct chunk *const *, size_t n);

/* Copy len bytes between files, inside the kernel where it can; -1 and
 * errno. */
int stage_file_copy(
    int from, uint64_t from_off, int to, uint64_t to_off, uint64_t len);

#endif

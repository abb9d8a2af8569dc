/*
 * file_dir.h -- the directory behind a file: store: paths, errors, its lock.
 *
 * Blobs are the regular files below it.  What drsync keeps for itself is in
 * .drsync: lock, stage/ and lease/.  Every function goes by path, so that the
 * directory may be mounted, unmounted or replaced under a running agent.
 */
#ifndef STORAGE_FILE_DIR_H
#define STORAGE_FILE_DIR_H

#include <limits.h>
#include <stdbool.h>

#define FILE_DIR_OWN  ".drsync"
#define FILE_DIR_MODE 0750
#define FILE_MODE     0640

struct err;
struct scope;

struct file_dir {
	char *path; /* absolute, without a slash at the end */
};

struct file_path {
	char s[PATH_MAX];
};

/* file:///DIR; nothing is touched. */
int file_dir_init(struct file_dir *, const char *url, struct err *);
void file_dir_release(struct file_dir *);

/*
 * ERR_USAGE unless blob is a relative path of at most BLOB_NAME_MAX bytes in
 * segments of 1 to 255, none of them "." or "..", and outside of .drsync.
 */
int file_name_check(const char *blob, struct err *);

/* DIR/sub/name, or DIR/name with a NULL sub. */
void file_path_make(struct file_path *, const struct file_dir *,
    const char *sub, const char *name);

/* By errno, with what to do about it; always -1.  doing: "writing". */
int file_err(
    const struct file_dir *, const char *doing, const char *blob, struct err *);

/*
 * Make DIR (but not its parent, which may be a mount that is missing) and
 * DIR/.drsync/sub.
 */
int file_dir_prepare(const struct file_dir *, const char *sub, struct err *);

/*
 * One at a time, of all threads and processes: held for moments, while a
 * condition is checked and acted upon.  The lock's descriptor, or -1.
 */
int file_dir_lock(const struct file_dir *, const struct scope *, struct err *);
void file_dir_unlock(int lock);

/* Make the directories that lead to blob; durable.  The lock is held. */
int
file_dir_make_parents(const struct file_dir *, const char *blob, struct err *);

/* Make the directory entry of blob durable. */
int
file_dir_sync_parent(const struct file_dir *, const char *blob, struct err *);

/* Remove the directories that blob's removal left empty.  The lock is held. */
void file_dir_prune(const struct file_dir *, const char *blob);

#endif

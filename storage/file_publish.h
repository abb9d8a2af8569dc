/*
 * file_publish.h -- the last step of a commit: check, rename, make durable.
 *
 * The file's bytes and attributes are on the disk before its name changes,
 * the name before it returns.  Conditions are checked under the store's lock.
 */
#ifndef STORAGE_FILE_PUBLISH_H
#define STORAGE_FILE_PUBLISH_H

#include <sys/stat.h>

struct blob_props;
struct commit_opts;
struct err;
struct file_dir;
struct scope;
struct staged_file;
struct store_cond;

enum published {
	PUBLISH_STOPPED, /* the staged file is as it was */
	PUBLISH_LOST,	 /* what the kernel could not write it may have
			  * forgotten: another fsync would succeed over lost
			  * bytes, so they are not to be used again */
	PUBLISHED,	 /* renamed, though what followed may have failed */
};

/* state is told on failure too; props may be NULL. */
int file_publish(const struct file_dir *, const struct scope *,
    const char *blob, const struct staged_file *, const struct commit_opts *,
    struct blob_props *, enum published *state, struct err *);

/* By errno, of file_props_set() and file_props_keep(); always -1. */
int file_keep_err(const struct file_dir *, const char *blob,
    const struct commit_opts *, struct err *);

/* ERR_CONFLICT unless what is there (old; NULL: nothing) is as expected.
 * The lock is held. */
int
file_check_cond(const struct file_dir *, const struct scope *, const char *blob,
    const struct store_cond *, const struct stat *old, struct err *);

#endif

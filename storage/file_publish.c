#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/scope.h"
#include "storage/file_dir.h"
#include "storage/file_lease.h"
#include "storage/file_props.h"
#include "storage/file_stage.h"
#include "storage/store.h"

#include "storage/file_publish.h"

#define NS_PER_MS 1000000

/* What stands under the name now; *there is false when nothing does. */
static int
stat_old(const struct file_dir *d, const char *blob, struct stat *st,
    bool *there, struct err *err)
{
	struct file_path p;

	file_path_make(&p, d, NULL, blob);
	*there = lstat(p.s, st) == 0;
	if (!*there)
		return errno == ENOENT || errno == ENOTDIR
		    ? 0
		    : file_err(d, "looking for", blob, err);
	if (!S_ISDIR(st->st_mode))
		return 0;
	/* A commit that was killed may have left an empty one. */
	if (rmdir(p.s) == 0)
		*there = false;
	else
		return err_set(err, ERR_UNSUPPORTED,
		    "'%.200s' cannot be a blob: there are others below it, "
		    "and a file: store cannot hold both",
		    blob);
	return 0;
}

int
file_check_cond(const struct file_dir *d, const struct scope *scope,
    const char *blob, const struct store_cond *cond, const struct stat *old,
    struct err *err)
{
	char etag[ETAG_MAX];

	if (cond->if_absent && old != NULL)
		return err_set(
		    err, ERR_CONFLICT, "'%.200s' is there already", blob);
	if (old != NULL)
		file_etag(old, etag);
	if (cond->if_match != NULL &&
	    (old == NULL || strcmp(etag, cond->if_match) != 0))
		return err_set(
		    err, ERR_CONFLICT, "'%.200s' was changed by another", blob);
	return file_lease_check(d, scope, blob, cond->lease_id, err);
}

int
file_keep_err(const struct file_dir *d, const char *blob,
    const struct commit_opts *opts, struct err *err)
{
	if (opts->traits != NULL && (errno == ENOSPC || errno == E2BIG))
		return err_set(err, ERR_UNSUPPORTED,
		    "'%.200s' carries more metadata and tags than the file "
		    "system of '%.200s' keeps beside a file (ext4: 4 KiB); or "
		    "it is full",
		    blob, d->path);
	return file_err(d, "committing", blob, err);
}

/* Later than old's, however the clock stands. */
static int
later_than(const struct file_dir *d, const char *blob, int fd,
    const struct stat *old, const struct commit_opts *opts, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return file_err(d, "committing", blob, err);
	if (old == NULL || file_mtime_ns(&st) > file_mtime_ns(old))
		return 0;
	if (file_props_set(fd, file_mtime_ns(old) + 1, opts) != 0)
		return file_keep_err(d, blob, opts, err);
	if (fsync(fd) != 0)
		return file_err(d, "committing", blob, err);
	return 0;
}

static int
move_in(const struct file_dir *d, const char *from, const char *blob,
    bool if_absent, struct err *err)
{
	struct file_path to;
	int rc;

	file_path_make(&to, d, NULL, blob);
	/* Our own lock keeps other agents out; this, other programs. */
	rc = renameat2(
	    AT_FDCWD, from, AT_FDCWD, to.s, if_absent ? RENAME_NOREPLACE : 0);
	if (rc != 0 && (errno == EINVAL || errno == ENOSYS))
		rc = rename(from, to.s);
	if (rc == 0)
		return 0;
	if (if_absent && errno == EEXIST)
		return err_set(
		    err, ERR_CONFLICT, "'%.200s' is there already", blob);
	return file_err(d, "committing", blob, err);
}

/* The lock is held: check the conditions and put the file in its place. */
static int
put_in_place(const struct file_dir *d, const struct scope *scope,
    const char *blob, const struct staged_file *staged,
    const struct commit_opts *opts, struct err *err)
{
	struct stat old;
	bool there;

	if (stat_old(d, blob, &old, &there, err) != 0 ||
	    file_check_cond(
		d, scope, blob, &opts->cond, there ? &old : NULL, err) != 0 ||
	    later_than(d, blob, staged->fd, there ? &old : NULL, opts, err) !=
		0 ||
	    file_dir_make_parents(d, blob, err) != 0)
		return -1;
	if (move_in(d, staged->path, blob, opts->cond.if_absent, err) != 0) {
		file_dir_prune(d, blob);
		return -1;
	}
	return 0;
}

/* The part below a millisecond is drawn, so that a blob removed and made
 * anew within one does not get its old ETag. */
static uint64_t
draw_mtime_ns(const struct scope *scope)
{
	uint32_t part;

	scope_random(scope, &part, sizeof(part));
	return (uint64_t)scope_wall_ms(scope) * NS_PER_MS + part % NS_PER_MS;
}

static int
dress(const struct file_dir *d, const struct scope *scope, const char *blob,
    int fd, const struct commit_opts *opts, struct err *err)
{
	if (opts->traits == NULL && opts->content_type != NULL &&
	    strlen(opts->content_type) >=
		sizeof(((struct blob_props *)0)->content_type))
		return err_set(err, ERR_USAGE,
		    "the content type of '%.200s' is too long", blob);
	if (file_props_set(fd, draw_mtime_ns(scope), opts) != 0)
		return file_keep_err(d, blob, opts, err);
	return 0;
}

/* The lock is held. */
static int
move_and_sync(const struct file_dir *d, const struct scope *scope,
    const char *blob, const struct staged_file *staged,
    const struct commit_opts *opts, enum published *state, struct err *err)
{
	if (put_in_place(d, scope, blob, staged, opts, err) != 0)
		return -1;
	*state = PUBLISHED;
	return file_dir_sync_parent(d, blob, err);
}

int
file_publish(const struct file_dir *d, const struct scope *scope,
    const char *blob, const struct staged_file *staged,
    const struct commit_opts *opts, struct blob_props *props,
    enum published *state, struct err *err)
{
	struct stat st;
	int lock;
	int rc;

	*state = PUBLISH_STOPPED;
	if (dress(d, scope, blob, staged->fd, opts, err) != 0)
		return -1;
	if (fsync(staged->fd) != 0) {
		*state = PUBLISH_LOST;
		return file_err(d, "syncing", blob, err);
	}
	lock = file_dir_lock(d, scope, err);
	if (lock == -1)
		return -1;
	rc = move_and_sync(d, scope, blob, staged, opts, state, err);
	if (rc == 0 && fstat(staged->fd, &st) != 0)
		rc = file_err(d, "committing", blob, err);
	if (rc == 0 && props != NULL)
		file_props_get(staged->fd, NULL, &st, props);
	file_dir_unlock(lock);
	return rc;
}

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/scope.h"
#include "base/url.h"
#include "base/xalloc.h"
#include "storage/store.h"

#include "storage/file_dir.h"

/* Leaves room for the longest blob name and for .drsync/stage/. */
#define DIR_MAX (PATH_MAX - BLOB_NAME_MAX - 64)

/* flock(2) has no timed form; the lock is held for milliseconds. */
#define LOCK_PAUSE_MS 2

static int
check_url(const char *text, const struct url *u, struct err *err)
{
	bool local = u->host[0] == '\0' || strcmp(u->host, "localhost") == 0;

	if (strcmp(u->scheme, "file") != 0 || !local || u->query != NULL)
		return err_set(err, ERR_USAGE,
		    "'%.200s' is not of the form file:///DIR", text);
	return 0;
}

static int
check_dir(const char *text, const char *path, struct err *err)
{
	if (path[0] != '/')
		return err_set(err, ERR_USAGE,
		    "'%.200s' is not of the form file:///DIR", text);
	if (strlen(path) > DIR_MAX)
		return err_set(err, ERR_USAGE,
		    "the directory of '%.200s' is longer than %d bytes", text,
		    DIR_MAX);
	return 0;
}

int
file_dir_init(struct file_dir *d, const char *url, struct err *err)
{
	struct url u;
	size_t len;
	int rc;

	if (url_parse(&u, url, err) != 0)
		return -1;
	rc = check_url(url, &u, err);
	if (rc == 0)
		rc = url_decode(u.path, err);
	if (rc == 0)
		rc = check_dir(url, u.path, err);
	if (rc == 0) {
		d->path = xstrdup(u.path);
		len = strlen(d->path);
		while (len > 0 && d->path[len - 1] == '/')
			d->path[--len] = '\0';
	}
	url_release(&u);
	return rc;
}

void
file_dir_release(struct file_dir *d)
{
	free(d->path);
	d->path = NULL;
}

static bool
segment_ok(const char *s, size_t len)
{
	bool dots = len <= 2 && strncmp(s, "..", len) == 0;

	return len > 0 && len <= NAME_MAX && !dots;
}

int
file_name_check(const char *blob, struct err *err)
{
	const char *s = blob;
	bool first = true;

	if (strlen(blob) > BLOB_NAME_MAX)
		return err_set(err, ERR_USAGE,
		    "the name '%.60s...' is longer than %d bytes", blob,
		    BLOB_NAME_MAX);
	for (;;) {
		size_t len = strcspn(s, "/");

		if (!segment_ok(s, len))
			return err_set(err, ERR_USAGE,
			    "'%.300s' cannot be a blob's name: '%.60s' cannot "
			    "be a file's",
			    blob, s);
		if (first && len == strlen(FILE_DIR_OWN) &&
		    strncmp(s, FILE_DIR_OWN, len) == 0)
			return err_set(err, ERR_USAGE,
			    "'%.300s' is reserved for drsync itself", blob);
		if (s[len] == '\0')
			return 0;
		s += len + 1;
		first = false;
	}
}

void
file_path_make(struct file_path *p, const struct file_dir *d, const char *sub,
    const char *name)
{
	if (sub == NULL)
		snprintf(p->s, sizeof(p->s), "%s/%s", d->path, name);
	else
		snprintf(p->s, sizeof(p->s), "%s/" FILE_DIR_OWN "/%s/%s",
		    d->path, sub, name);
}

int
file_err(const struct file_dir *d, const char *doing, const char *blob,
    struct err *err)
{
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
		return err_set(err, ERR_MISSING,
		    "%s '%.200s': it is not in '%.200s'", doing, blob, d->path);
	case ENOSPC:
	case EDQUOT:
		return err_set(err, ERR_SYSTEM,
		    "%s '%.200s': no space left in '%.200s'; make room there "
		    "and run again",
		    doing, blob, d->path);
	case EROFS:
		return err_set(err, ERR_SYSTEM,
		    "%s '%.200s': '%.200s' is on a read-only file system",
		    doing, blob, d->path);
	case EACCES:
	case EPERM:
		return err_set(err, ERR_AUTH,
		    "%s '%.200s': no permission in '%.200s'; see its owner "
		    "and mode",
		    doing, blob, d->path);
	default:
		return err_sys(
		    err, "%s '%.200s' in '%.200s'", doing, blob, d->path);
	}
}

/* A directory's entries are durable once it was synced itself. */
static int
sync_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (fd == -1)
		return -1;
	rc = fsync(fd);
	/* Some file systems cannot, and say so with EINVAL. */
	if (rc == -1 && errno == EINVAL)
		rc = 0;
	close(fd);
	return rc;
}

/* Sync the directory that path is an entry of; path is put back. */
static int
sync_parent(char *path)
{
	char *slash = strrchr(path, '/');
	int rc;

	if (slash == path)
		return sync_dir("/");
	*slash = '\0';
	rc = sync_dir(path);
	*slash = '/';
	return rc;
}

static int
make_dir(char *path)
{
	if (mkdir(path, FILE_DIR_MODE) == 0)
		return sync_parent(path);
	return errno == EEXIST ? 0 : -1;
}

int
file_dir_prepare(const struct file_dir *d, const char *sub, struct err *err)
{
	struct file_path p;

	file_path_make(&p, d, sub, "");
	p.s[strlen(p.s) - 1] = '\0';
	if (access(p.s, W_OK | X_OK) == 0)
		return 0;
	snprintf(p.s, sizeof(p.s), "%s", d->path);
	if (p.s[0] != '\0' && make_dir(p.s) != 0)
		goto fail;
	snprintf(p.s, sizeof(p.s), "%s/" FILE_DIR_OWN, d->path);
	if (make_dir(p.s) != 0)
		goto fail;
	file_path_make(&p, d, sub, "");
	p.s[strlen(p.s) - 1] = '\0';
	if (make_dir(p.s) != 0 || access(p.s, W_OK | X_OK) != 0)
		goto fail;
	return 0;
fail:
	if (errno == ENOENT)
		return err_set(err, ERR_MISSING,
		    "the directory above '%.300s' does not exist; is its disk "
		    "mounted?",
		    d->path);
	return file_err(d, "making", FILE_DIR_OWN, err);
}

int
file_dir_lock(
    const struct file_dir *d, const struct scope *scope, struct err *err)
{
	struct file_path p;
	int fd;

	snprintf(p.s, sizeof(p.s), "%s/" FILE_DIR_OWN "/lock", d->path);
	fd = open(p.s, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
	if (fd == -1)
		return file_err(d, "locking", FILE_DIR_OWN "/lock", err);
	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR) {
			file_err(d, "locking", FILE_DIR_OWN "/lock", err);
			close(fd);
			return -1;
		}
		if (scope_sleep(scope, LOCK_PAUSE_MS, err) != 0) {
			close(fd);
			return -1;
		}
	}
	return fd;
}

void
file_dir_unlock(int lock)
{
	if (lock != -1)
		close(lock);
}

int
file_dir_make_parents(
    const struct file_dir *d, const char *blob, struct err *err)
{
	struct file_path p;
	char *at;

	file_path_make(&p, d, NULL, blob);
	at = p.s + strlen(d->path) + 1;
	while ((at = strchr(at, '/')) != NULL) {
		struct stat st;
		int rc;

		*at = '\0';
		rc = make_dir(p.s);
		if (rc == 0 && stat(p.s, &st) == 0 && !S_ISDIR(st.st_mode))
			return err_set(err, ERR_UNSUPPORTED,
			    "'%.200s' cannot be made: '%.200s' is a blob, and "
			    "a file: store cannot hold both",
			    blob, p.s + strlen(d->path) + 1);
		if (rc != 0)
			return file_err(
			    d, "making the directory of", blob, err);
		*at++ = '/';
	}
	return 0;
}

int
file_dir_sync_parent(
    const struct file_dir *d, const char *blob, struct err *err)
{
	struct file_path p;

	file_path_make(&p, d, NULL, blob);
	if (sync_parent(p.s) != 0)
		return file_err(d, "syncing the directory of", blob, err);
	return 0;
}

void
file_dir_prune(const struct file_dir *d, const char *blob)
{
	struct file_path p;
	char *slash;

	file_path_make(&p, d, NULL, blob);
	while ((slash = strrchr(p.s + strlen(d->path) + 1, '/')) != NULL) {
		*slash = '\0';
		if (rmdir(p.s) != 0)
			return;
	}
}

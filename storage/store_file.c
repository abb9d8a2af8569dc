#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "storage/direct_io.h"
#include "storage/file_dir.h"
#include "storage/file_lease.h"
#include "storage/file_list.h"
#include "storage/file_props.h"
#include "storage/file_publish.h"
#include "storage/file_stage.h"
#include "storage/store.h"
#include "storage/store_file_lease.h"
#include "storage/store_file_traits.h"

#include "storage/store_file.h"

/* Below this, opening the file twice costs more than the page cache. */
#define DIRECT_LEAST ((size_t)256 << 10)

struct store_file {
	struct store base;
	struct file_dir dir;
	struct file_stages *stages;
};

static struct store_file *
file_of(struct store *s)
{
	return (struct store_file *)s;
}

struct file_dir *
store_file_dir(struct store *s)
{
	return &file_of(s)->dir;
}

/* What every operation begins with. */
static int
enter(const struct scope *scope, const char *blob, struct err *err)
{
	if (scope_check(scope, err) != 0)
		return -1;
	return file_name_check(blob, err);
}

int
store_file_open_blob(const struct file_dir *d, const char *blob,
    struct stat *st, struct err *err)
{
	struct file_path p;
	int fd;

	file_path_make(&p, d, NULL, blob);
	/* O_NONBLOCK: a FIFO put there must not hold us up. */
	fd = open(p.s, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1 || fstat(fd, st) != 0) {
		file_err(d, "opening", blob, err);
		goto fail;
	}
	if (!S_ISREG(st->st_mode)) {
		err_set(err, ERR_MISSING,
		    "'%.200s' is not in '%.200s': it is no regular file", blob,
		    d->path);
		goto fail;
	}
	return fd;
fail:
	if (fd != -1)
		close(fd);
	return -1;
}

static int
file_stage_blocks(struct store *s, const struct scope *scope, const char *blob,
    const struct block_id *id, struct chunk *const *chunks, size_t n,
    struct err *err)
{
	if (enter(scope, blob, err) != 0)
		return -1;
	return file_stages_put(
	    file_of(s)->stages, scope, blob, id, chunks, n, err);
}

static int
file_commit(struct store *s, const struct scope *scope, const char *blob,
    const struct block_id *ids, size_t n, const struct commit_opts *given,
    struct blob_props *props, struct err *err)
{
	static const struct commit_opts none;
	const struct commit_opts *opts = given != NULL ? given : &none;
	struct store_file *f = file_of(s);
	struct staged_file staged;
	enum published state;
	int rc;

	if (enter(scope, blob, err) != 0)
		return -1;
	if (n > BLOCKS_MAX)
		return err_set(err, ERR_USAGE,
		    "'%.200s' of %zu blocks; it may have %d", blob, n,
		    BLOCKS_MAX);
	if (file_stages_take(f->stages, scope, blob, ids, n, &staged, err) != 0)
		return -1;
	rc = file_publish(
	    &f->dir, scope, blob, &staged, opts, props, &state, err);
	/* Not under the store's lock: staging takes the two locks the other
	 * way round. */
	file_stages_give_back(f->stages, &staged, state == PUBLISHED);
	if (state != PUBLISH_STOPPED)
		file_stages_drop(f->stages, blob, ids, n);
	return rc;
}

static void
file_discard(
    struct store *s, const char *blob, const struct block_id *ids, size_t n)
{
	file_stages_drop(file_of(s)->stages, blob, ids, n);
}

static int
file_stat(struct store *s, const struct scope *scope, const char *blob,
    struct blob_props *props, struct err *err)
{
	struct stat st;
	int fd;

	if (enter(scope, blob, err) != 0)
		return -1;
	fd = store_file_open_blob(&file_of(s)->dir, blob, &st, err);
	if (fd == -1)
		return -1;
	file_props_get(fd, NULL, &st, props);
	close(fd);
	return 0;
}

static size_t
read_direct(int fd, uint64_t off, void *out, size_t len)
{
	int direct = len >= DIRECT_LEAST ? direct_open(fd, O_RDONLY) : -1;
	size_t n = direct_read(direct, off, out, len);

	if (direct != -1)
		close(direct);
	return n;
}

static int
read_range(const struct store_file *f, const struct scope *scope,
    const char *blob, int fd, uint64_t off, char *out, size_t len,
    struct err *err)
{
	size_t direct = read_direct(fd, off, out, len);

	off += direct;
	out += direct;
	len -= direct;
	while (len > 0) {
		ssize_t n = pread(fd, out, len, (off_t)off);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return file_err(&f->dir, "reading", blob, err);
		if (n == 0)
			return err_set(err, ERR_CORRUPT,
			    "'%.200s' ends at %" PRIu64 ", %zu bytes short",
			    blob, off, len);
		off += (uint64_t)n;
		out += n;
		len -= (size_t)n;
		if (scope_check(scope, err) != 0)
			return -1;
	}
	return 0;
}

/* A commit never touches a file in place, but an editor may. */
static int
check_same(const struct store_file *f, const char *blob, int fd,
    const char *etag, struct err *err)
{
	char now[ETAG_MAX];
	struct stat st;

	if (fstat(fd, &st) != 0)
		return file_err(&f->dir, "reading", blob, err);
	file_etag(&st, now);
	if (strcmp(now, etag) != 0)
		return err_set(
		    err, ERR_CONFLICT, "'%.200s' was changed by another", blob);
	return 0;
}

static int
file_read(struct store *s, const struct scope *scope, const char *blob,
    const char *etag, uint64_t off, void *out, size_t len, struct err *err)
{
	struct store_file *f = file_of(s);
	char before[ETAG_MAX];
	struct stat st;
	int fd;
	int rc = 0;

	if (enter(scope, blob, err) != 0)
		return -1;
	fd = store_file_open_blob(&f->dir, blob, &st, err);
	if (fd == -1)
		return -1;
	file_etag(&st, before);
	if (etag != NULL)
		rc = check_same(f, blob, fd, etag, err);
	if (rc == 0)
		rc = read_range(f, scope, blob, fd, off, out, len, err);
	if (rc == 0)
		rc = check_same(f, blob, fd, before, err);
	close(fd);
	return rc;
}

static int
file_list_page(struct store *s, const struct scope *scope,
    const struct list_opts *given, const char *marker, struct list_page *page,
    struct err *err)
{
	static const struct list_opts all;

	return file_list(&file_of(s)->dir, scope, given != NULL ? given : &all,
	    marker, page, err);
}

/* The lock is held. */
static int
unlink_blob(struct store_file *f, const struct scope *scope, const char *blob,
    const struct store_cond *cond, struct err *err)
{
	struct file_path p;
	struct stat st;
	int fd = store_file_open_blob(&f->dir, blob, &st, err);

	if (fd == -1)
		return -1;
	close(fd);
	if (file_check_cond(&f->dir, scope, blob, cond, &st, err) != 0)
		return -1;
	file_path_make(&p, &f->dir, NULL, blob);
	if (unlink(p.s) != 0)
		return file_err(&f->dir, "removing", blob, err);
	file_lease_forget(&f->dir, blob);
	if (file_dir_sync_parent(&f->dir, blob, err) != 0)
		return -1;
	file_dir_prune(&f->dir, blob);
	return 0;
}

static int
file_remove(struct store *s, const struct scope *scope, const char *blob,
    const struct store_cond *given, struct err *err)
{
	static const struct store_cond none;
	struct store_file *f = file_of(s);
	struct blob_props props;
	int lock;
	int rc;

	/* A store that holds nothing gets no .drsync from a removal. */
	if (file_stat(s, scope, blob, &props, err) != 0 ||
	    file_dir_prepare(&f->dir, "stage", err) != 0)
		return -1;
	lock = file_dir_lock(&f->dir, scope, err);
	if (lock == -1)
		return -1;
	rc = unlink_blob(f, scope, blob, given != NULL ? given : &none, err);
	file_dir_unlock(lock);
	return rc;
}

static void
file_free(struct store *s)
{
	struct store_file *f = file_of(s);

	file_stages_free(f->stages);
	file_dir_release(&f->dir);
	free(f->base.url);
	free(f);
}

static const struct store_ops file_ops = {
    .scheme = "file",
    .caps = STORE_CAP_LEASE | STORE_CAP_TRAITS,
    .stage = file_stage_blocks,
    .commit = file_commit,
    .discard = file_discard,
    .stat = file_stat,
    .read = file_read,
    .list = file_list_page,
    .remove = file_remove,
    .lease = &store_file_lease_ops,
    .traits = &store_file_trait_ops,
    .free = file_free,
};

struct store *
store_file_open(const char *dir_url, struct err *err)
{
	struct store_file *f = xcalloc(1, sizeof(*f));

	if (file_dir_init(&f->dir, dir_url, err) != 0) {
		free(f);
		return NULL;
	}
	f->base.ops = &file_ops;
	f->base.url = xstrdup(dir_url);
	f->stages = file_stages_new(&f->dir);
	return &f->base;
}

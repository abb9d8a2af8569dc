#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/scope.h"
#include "storage/blob_traits.h"
#include "storage/file_dir.h"
#include "storage/file_props.h"
#include "storage/file_publish.h"
#include "storage/store_file.h"

#include "storage/store_file_traits.h"

static int
file_look(struct store *s, const struct scope *scope, const char *blob,
    const char *snapshot, unsigned with, struct blob_view *view,
    struct err *err)
{
	struct stat st;
	int fd;

	(void)with; /* all is in one place */
	*view = (struct blob_view){0};
	if (scope_check(scope, err) != 0 || file_name_check(blob, err) != 0)
		return -1;
	if (snapshot != NULL)
		return err_set(err, ERR_MISSING,
		    "'%.200s' has no snapshot '%.64s': a file: store has none",
		    blob, snapshot);
	fd = store_file_open_blob(store_file_dir(s), blob, &st, err);
	if (fd == -1)
		return -1;
	file_props_look(
	    fd, NULL, &st, &view->arena, &view->props, &view->traits);
	close(fd);
	return 0;
}

static void
take(struct blob_traits *t, const struct blob_traits *from, unsigned which)
{
	if ((which & TRAIT_HEADERS) != 0) {
		t->content_type = from->content_type;
		t->content_encoding = from->content_encoding;
		t->content_language = from->content_language;
		t->content_disposition = from->content_disposition;
		t->cache_control = from->cache_control;
	}
	if ((which & TRAIT_METADATA) != 0)
		t->metadata = from->metadata;
	if ((which & TRAIT_TAGS) != 0 && from->tags_told)
		t->tags = from->tags;
}

struct change {
	const char *blob, *etag;
	unsigned which;
	const struct blob_traits *traits;
	const unsigned char *md5;
};

/* The lock is held.  One attribute has it all, so that it changes at once. */
static int
keep(const struct file_dir *d, const struct scope *scope, int fd,
    const struct stat *st, const struct change *c, struct err *err)
{
	const struct store_cond cond = {.if_match = c->etag};
	struct blob_view v = {.arena = {0}};
	struct commit_opts opts = {.traits = &v.traits};
	int rc = 0;

	if (file_check_cond(d, scope, c->blob, &cond, st, err) != 0)
		return -1;
	file_props_look(fd, NULL, st, &v.arena, &v.props, &v.traits);
	take(&v.traits, c->traits, c->which);
	opts.md5 = v.props.has_md5 ? v.props.md5 : c->md5;
	if (file_props_keep(fd, st, &opts) != 0)
		rc = file_keep_err(d, c->blob, &opts, err);
	else if (fsync(fd) != 0)
		rc = file_err(d, "syncing", c->blob, err);
	blob_view_release(&v);
	return rc;
}

static int
file_set(struct store *s, const struct scope *scope, const char *blob,
    const char *etag, unsigned which, const struct blob_traits *traits,
    const unsigned char *md5_of, struct blob_props *props, struct err *err)
{
	const struct change change = {blob, etag, which, traits, md5_of};
	const struct file_dir *d = store_file_dir(s);
	int lock, fd;
	struct stat st;
	int rc = -1;

	if (scope_check(scope, err) != 0 || file_name_check(blob, err) != 0)
		return -1;
	fd = store_file_open_blob(d, blob, &st, err);
	if (fd == -1)
		return -1;
	close(fd);
	if (file_dir_prepare(d, "stage", err) != 0)
		return -1;
	lock = file_dir_lock(d, scope, err);
	if (lock == -1)
		return -1;
	fd = store_file_open_blob(d, blob, &st, err);
	if (fd != -1) {
		rc = keep(d, scope, fd, &st, &change, err);
		if (rc == 0)
			file_props_get(fd, NULL, &st, props);
		close(fd);
	}
	file_dir_unlock(lock);
	return rc;
}

static int
file_exists(struct store *s, const struct scope *scope, struct err *err)
{
	const struct file_dir *d = store_file_dir(s);
	struct stat st;

	if (scope_check(scope, err) != 0)
		return -1;
	if (stat(*d->path != '\0' ? d->path : "/", &st) != 0)
		return errno == ENOENT
		    ? err_set(err, ERR_MISSING,
			  "the store's directory '%.300s' does not exist",
			  d->path)
		    : err_sys(err, "looking for '%.300s'", d->path);
	if (!S_ISDIR(st.st_mode))
		return err_set(
		    err, ERR_USAGE, "'%.300s' is no directory", d->path);
	return 0;
}

static int
file_create(struct store *s, const struct scope *scope, struct err *err)
{
	if (scope_check(scope, err) != 0)
		return -1;
	return file_dir_prepare(store_file_dir(s), "stage", err);
}

const struct store_trait_ops store_file_trait_ops = {
    .look = file_look,
    .set = file_set,
    .exists = file_exists,
    .create = file_create,
};

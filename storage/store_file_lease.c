#include <stddef.h>

#include "base/err.h"
#include "storage/file_dir.h"
#include "storage/file_lease.h"
#include "storage/lease.h"
#include "storage/store.h"
#include "storage/store_file.h"

#include "storage/store_file_lease.h"

/* A lease is on a blob, so one that is absent is made. */
static int
make_empty(struct store *s, const struct scope *scope, const char *blob,
    struct err *err)
{
	static const struct commit_opts absent = {.cond.if_absent = true};
	struct blob_props props;

	if (s->ops->stat(s, scope, blob, &props, err) == 0)
		return 0;
	if (err->kind != ERR_MISSING)
		return -1;
	*err = (struct err){0};
	if (s->ops->commit(s, scope, blob, NULL, 0, &absent, NULL, err) == 0)
		return 0;
	if (err->kind != ERR_CONFLICT)
		return -1;
	*err = (struct err){0};
	return 0;
}

static int
lease_acquire(struct store *s, const struct scope *scope, const char *blob,
    int seconds, const char *id, struct err *err)
{
	struct file_dir *d = store_file_dir(s);
	int lock;
	int rc;

	if (lease_check(seconds, id, err) != 0 ||
	    make_empty(s, scope, blob, err) != 0 ||
	    file_dir_prepare(d, "lease", err) != 0)
		return -1;
	lock = file_dir_lock(d, scope, err);
	if (lock == -1)
		return -1;
	rc = file_lease_acquire(d, scope, blob, seconds, id, err);
	file_dir_unlock(lock);
	return rc;
}

typedef int change_fn(const struct file_dir *, const struct scope *,
    const char *blob, const char *id, struct err *);

static int
lease_change(struct store *s, const struct scope *scope, const char *blob,
    const char *id, change_fn *change, struct err *err)
{
	struct file_dir *d = store_file_dir(s);
	struct blob_props props;
	int lock;
	int rc;

	if (s->ops->stat(s, scope, blob, &props, err) != 0 ||
	    file_dir_prepare(d, "lease", err) != 0)
		return -1;
	lock = file_dir_lock(d, scope, err);
	if (lock == -1)
		return -1;
	rc = change(d, scope, blob, id, err);
	file_dir_unlock(lock);
	return rc;
}

static int
lease_renew(struct store *s, const struct scope *scope, const char *blob,
    const char *id, struct err *err)
{
	return lease_change(s, scope, blob, id, file_lease_renew, err);
}

static int
lease_release(struct store *s, const struct scope *scope, const char *blob,
    const char *id, struct err *err)
{
	return lease_change(s, scope, blob, id, file_lease_release, err);
}

const struct store_lease_ops store_file_lease_ops = {
    .acquire = lease_acquire,
    .renew = lease_renew,
    .release = lease_release,
};

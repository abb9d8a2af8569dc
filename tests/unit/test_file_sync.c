/*
 * A blob of the file store is on the disk before it can be seen, and its name
 * is when the commit returns.  fsync is ours here: the linker wraps it.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/scope.h"
#include "storage/store.h"
#include "tests/sim/temp_dir.h"

#define BLOB	  "a/b/blob"
#define SYNCS_MAX 64

struct sync {
	dev_t dev;
	ino_t ino;
	bool seen; /* the blob had its name by then */
};

static struct {
	pthread_mutex_t lock;
	struct sync all[SYNCS_MAX];
	size_t n;
	char blob[512]; /* its path */
	bool fail_files, fail_dirs;
} watch = {.lock = PTHREAD_MUTEX_INITIALIZER};

int __real_fsync(int fd);
int __wrap_fsync(int fd);

int
__wrap_fsync(int fd)
{
	struct stat st;
	bool fail;

	if (fstat(fd, &st) != 0)
		return -1;
	pthread_mutex_lock(&watch.lock);
	if (watch.n < SYNCS_MAX)
		watch.all[watch.n++] = (struct sync){
		    st.st_dev, st.st_ino, access(watch.blob, F_OK) == 0};
	fail = S_ISDIR(st.st_mode) ? watch.fail_dirs : watch.fail_files;
	pthread_mutex_unlock(&watch.lock);
	if (!fail)
		return __real_fsync(fd);
	errno = EIO;
	return -1;
}

static bool
synced(const char *path, bool seen)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	for (size_t i = 0; i < watch.n; i++)
		if (watch.all[i].dev == st.st_dev &&
		    watch.all[i].ino == st.st_ino && watch.all[i].seen == seen)
			return true;
	return false;
}

static int
put(const struct temp_dir *dir, struct err *err)
{
	struct scope scope = scope_root(NULL);
	struct store *s = temp_dir_store(dir);
	int rc;

	watch.n = 0;
	snprintf(watch.blob, sizeof(watch.blob), "%s/" BLOB, dir->path);
	rc = store_put(s, &scope, BLOB, "bytes", 5, NULL, NULL, err);
	store_free(s);
	return rc;
}

static void
a_blob_is_synced_before_its_name_and_its_directories_after(void **state)
{
	struct temp_dir dir;
	struct err err = {0};
	char path[512];

	(void)state;
	temp_dir_make(&dir);
	if (put(&dir, &err) != 0)
		fail_msg("%s", err.text);
	assert_true(synced(watch.blob, false));
	snprintf(path, sizeof(path), "%s/a/b", dir.path);
	assert_true(synced(path, true));
	/* The new directories' own entries. */
	snprintf(path, sizeof(path), "%s/a", dir.path);
	assert_true(synced(path, false));
	assert_true(synced(dir.path, false));
	temp_dir_remove(&dir);
}

static void
a_blob_that_cannot_be_synced_is_not_there(void **state)
{
	struct temp_dir dir;
	struct err err = {0};

	(void)state;
	temp_dir_make(&dir);
	watch.fail_files = true;
	assert_int_equal(put(&dir, &err), -1);
	watch.fail_files = false;
	assert_int_equal(err.kind, ERR_SYSTEM);
	assert_int_not_equal(access(watch.blob, F_OK), 0);
	assert_int_equal(put(&dir, &err), 0);
	temp_dir_remove(&dir);
}

static void
a_name_that_cannot_be_synced_is_no_success(void **state)
{
	struct temp_dir dir;
	struct err err = {0};

	(void)state;
	temp_dir_make(&dir);
	assert_int_equal(put(&dir, &err), 0);
	watch.fail_dirs = true;
	assert_int_equal(put(&dir, &err), -1);
	watch.fail_dirs = false;
	assert_int_equal(err.kind, ERR_SYSTEM);
	temp_dir_remove(&dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		a_blob_is_synced_before_its_name_and_its_directories_after),
	    cmocka_unit_test(a_blob_that_cannot_be_synced_is_not_there),
	    cmocka_unit_test(a_name_that_cannot_be_synced_is_no_success),
	};

	return cmocka_run_group_tests_name("file_sync", tests, NULL, NULL);
}

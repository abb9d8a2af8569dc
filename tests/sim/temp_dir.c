#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <ftw.h>

#include <cmocka.h>

#include "base/err.h"
#include "storage/store_file.h"

#include "tests/sim/temp_dir.h"

void
temp_dir_make(struct temp_dir *d)
{
	const char *base = getenv("TMPDIR");

	snprintf(d->path, sizeof(d->path), "%s/drsync-test-XXXXXX",
	    base != NULL ? base : "/tmp");
	assert_non_null(mkdtemp(d->path));
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *walk)
{
	(void)st;
	(void)flag;
	(void)walk;
	return remove(path);
}

void
temp_dir_remove(const struct temp_dir *d)
{
	nftw(d->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

struct store *
temp_dir_store(const struct temp_dir *d)
{
	struct err err = {0};
	struct store *s;
	char url[300];

	snprintf(url, sizeof(url), "file://%s", d->path);
	s = store_file_open(url, &err);
	assert_non_null(s);
	return s;
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/journal.h"
#include "base/xalloc.h"
#include "storage/store.h"
#include "storage/store_open.h"
#include "tests/sim/temp_dir.h"

#include "tests/sim/lending_store.h"

#define OWN "store"

static atomic_bool held;

static struct store *lend(const struct store *, const char *, struct err *);

static int
check(const struct store *s, struct err *err)
{
	(void)s;
	(void)err;
	return 0;
}

static const char *
path_of(const struct store *s)
{
	return s->url + strlen("file://");
}

static int
create(struct store *s, const struct scope *scope, struct err *err)
{
	(void)scope;
	return mkdir(path_of(s), 0700) == 0 || errno == EEXIST
	    ? 0
	    : err_sys(err, "mkdir");
}

static int
destroy(struct store *s, const struct scope *scope, struct err *err)
{
	struct temp_dir dir;

	(void)scope;
	assert_null(strstr(s->url, "/" OWN));
	if (atomic_load(&held))
		return err_set(err, ERR_AUTH, "it may not be destroyed");
	snprintf(dir.path, sizeof(dir.path), "%s", path_of(s));
	temp_dir_remove(&dir);
	return 0;
}

static int
url(struct store *s, const struct scope *scope, const char *blob,
    const struct lent_right *right, char **out, struct err *err)
{
	char text[512];

	(void)scope;
	(void)err;
	assert_true(right->none || right->valid_ms > 3600000);
	snprintf(text, sizeof(text), "https://acct.blob.example/%s%s%s%s",
	    strrchr(s->url, '/') + 1, blob != NULL ? "/" : "",
	    blob != NULL ? blob : "",
	    right->none ? "" : "?sig=" LENDING_STORE_SIG);
	*out = xstrdup(text);
	return 0;
}

static const struct store_lend_ops lend_ops = {
    .check = check,
    .open = lend,
    .create = create,
    .destroy = destroy,
    .url = url,
};

/* The file store's own operations, and these. */
static struct store *
open_at(const char *text)
{
	static struct store_ops ops;
	struct err err = {0};
	struct store *s = store_open(text, &(struct store_opts){0}, &err);

	if (s == NULL)
		fail_msg("%s", err.text);
	if (ops.scheme == NULL) {
		ops = *s->ops;
		ops.caps |= STORE_CAP_LEND;
		ops.lend = &lend_ops;
	}
	s->ops = &ops;
	return s;
}

static struct store *
lend(const struct store *s, const char *container, struct err *err)
{
	const char *slash = strrchr(s->url, '/');
	char text[512];

	(void)err;
	snprintf(text, sizeof(text), "%.*s/%s", (int)(slash - s->url), s->url,
	    container);
	return open_at(text);
}

struct store *
lending_store_open(const struct temp_dir *dir)
{
	char text[512];

	snprintf(text, sizeof(text), "file://%s/" OWN, dir->path);
	mkdir(text + strlen("file://"), 0700);
	return open_at(text);
}

size_t
lending_store_lent(const struct temp_dir *dir, char name[64])
{
	DIR *d = opendir(dir->path);
	struct dirent *e;
	size_t n = 0;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		if (*e->d_name != '.' && strcmp(e->d_name, OWN) != 0) {
			n++;
			if (name != NULL)
				snprintf(name, 64, "%.63s", e->d_name);
		}
	closedir(d);
	return n;
}

void
lending_store_hold(bool hold)
{
	atomic_store(&held, hold);
}

static int
count_entry(void *arg, const char *key, const char *value, struct err *err)
{
	(void)key;
	(void)err;
	assert_null(strstr(value, LENDING_STORE_SIG));
	++*(size_t *)arg;
	return 0;
}

size_t
lending_store_noted(struct journal *j)
{
	struct err err = {0};
	size_t n = 0;

	assert_int_equal(j->ops->each(j, "", count_entry, &n, &err), 0);
	return n;
}

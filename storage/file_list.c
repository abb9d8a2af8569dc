#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "storage/blob_name.h"
#include "storage/blob_traits.h"
#include "storage/file_dir.h"
#include "storage/file_props.h"
#include "storage/store.h"

#include "storage/file_list.h"

#define PAGE_DEFAULT 5000

/* Made by mkfs, and closed to all but root: not worth an error. */
#define LOST_AND_FOUND "lost+found/"

/* The entries of one directory; those that are directories end in '/', which
 * is how they sort among full names. */
struct level {
	char **names;
	size_t n, alloc;
};

struct walk {
	const struct file_dir *dir;
	const struct scope *scope;
	const char *prefix;
	const char *marker; /* NULL: from the start */
	bool by_directory;
	unsigned with; /* enum list_with */
	size_t max;
	struct list_page *page;
	bool more; /* the page is full and something follows */
	char name[BLOB_NAME_MAX + NAME_MAX + 3]; /* where the walk is */
};

static void
level_release(struct level *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->names[i]);
	free(l->names);
}

static void
level_add(struct level *l, const char *name, bool is_dir)
{
	size_t len = strlen(name);
	char *s = xmalloc(len + 2);

	memcpy(s, name, len + 1);
	if (is_dir)
		memcpy(s + len, "/", 2);
	if (l->n == l->alloc) {
		l->alloc = l->alloc ? 2 * l->alloc : 64;
		l->names = xreallocarray(l->names, l->alloc, sizeof(*l->names));
	}
	l->names[l->n++] = s;
}

static int
by_name(const void *a, const void *b)
{
	return blob_name_compare(*(char *const *)a, *(char *const *)b);
}

static bool
starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* Whether anything at or below full may belong to the page. */
static bool
wanted(const struct walk *w, const char *full, bool is_dir)
{
	if (!starts_with(full, w->prefix) &&
	    !(is_dir && starts_with(w->prefix, full)))
		return false;
	if (w->marker == NULL || blob_name_compare(full, w->marker) > 0)
		return true;
	/* A directory at or before the marker may hold names behind it,
	 * unless the marker stands for all of it. */
	return is_dir && starts_with(w->marker, full) &&
	    !(w->by_directory && strcmp(w->marker, full) == 0);
}

/* 1: a directory; 0: a regular file; -1: neither, or gone by now. */
static int
kind_of(const struct walk *w, const struct dirent *e)
{
	struct file_path p;
	struct stat st;
	char name[sizeof(w->name) + NAME_MAX];

	if (e->d_type == DT_DIR)
		return 1;
	if (e->d_type == DT_REG)
		return 0;
	if (e->d_type != DT_UNKNOWN)
		return -1;
	snprintf(name, sizeof(name), "%s%s", w->name, e->d_name);
	file_path_make(&p, w->dir, NULL, name);
	if (lstat(p.s, &st) != 0)
		return -1;
	return S_ISDIR(st.st_mode) ? 1 : S_ISREG(st.st_mode) ? 0 : -1;
}

static bool
hidden(const char *full)
{
	return strcmp(full, FILE_DIR_OWN "/") == 0 ||
	    strcmp(full, FILE_DIR_OWN) == 0 ||
	    strcmp(full, LOST_AND_FOUND) == 0;
}

static void
consider(struct walk *w, const struct dirent *e, struct level *l)
{
	char full[sizeof(w->name) + NAME_MAX + 2];
	int kind = kind_of(w, e);

	if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
	    kind == -1)
		return;
	snprintf(full, sizeof(full), "%s%s%s", w->name, e->d_name,
	    kind == 1 ? "/" : "");
	if (strlen(full) <= BLOB_NAME_MAX && !hidden(full) &&
	    wanted(w, full, kind == 1))
		level_add(l, e->d_name, kind == 1);
}

/* What is wanted of the directory that the walk is in, sorted. */
static int
level_read(struct walk *w, struct level *l, struct err *err)
{
	struct file_path p;
	struct dirent *e;
	DIR *dir;
	int rc = 0;

	*l = (struct level){.n = 0};
	if (scope_check(w->scope, err) != 0)
		return -1;
	file_path_make(&p, w->dir, NULL, w->name);
	dir = opendir(p.s);
	if (dir == NULL && errno == ENOENT && w->name[0] != '\0')
		return 0; /* emptied and removed since we saw it */
	if (dir == NULL && errno == ENOENT)
		return err_set(err, ERR_MISSING,
		    "the store's directory '%.300s' does not exist",
		    w->dir->path);
	if (dir == NULL)
		return file_err(w->dir, "listing", w->name, err);
	while (rc == 0 && (errno = 0, e = readdir(dir)) != NULL) {
		consider(w, e, l);
		if (l->n > FILE_LIST_WIDTH_MAX)
			rc = err_set(err, ERR_SYSTEM,
			    "'%.300s' has more than %d entries", p.s,
			    FILE_LIST_WIDTH_MAX);
	}
	if (rc == 0 && errno != 0)
		rc = file_err(w->dir, "listing", w->name, err);
	closedir(dir);
	if (rc != 0)
		level_release(l);
	else if (l->n > 0)
		qsort(l->names, l->n, sizeof(*l->names), by_name);
	return rc;
}

static struct list_item *
item_add(struct walk *w)
{
	struct list_page *page = w->page;
	struct list_item *item;

	if (page->n == w->max) {
		w->more = true;
		return NULL;
	}
	if (page->n == page->alloc) {
		page->alloc = page->alloc ? 2 * page->alloc : 64;
		page->items = xreallocarray(
		    page->items, page->alloc, sizeof(*page->items));
	}
	item = &page->items[page->n++];
	*item = (struct list_item){.name = arena_strdup(&page->arena, w->name)};
	return item;
}

static int
visit_file(struct walk *w, struct err *err)
{
	struct list_item *item;
	struct file_path p;
	struct stat st;

	file_path_make(&p, w->dir, NULL, w->name);
	if (lstat(p.s, &st) != 0)
		return errno == ENOENT
		    ? 0
		    : file_err(w->dir, "listing", w->name, err);
	item = item_add(w);
	if (item == NULL)
		return 0;
	if (w->with == 0) {
		file_props_get(-1, p.s, &st, &item->props);
		return 0;
	}
	item->traits = arena_alloc(&w->page->arena, sizeof(*item->traits));
	file_props_look(
	    -1, p.s, &st, &w->page->arena, &item->props, item->traits);
	return 0;
}

static int walk_into(struct walk *w, struct err *err);

/* Whether the directory that the walk is in holds any blob. */
static int
has_blob(const struct walk *w, bool *any, struct err *err)
{
	struct list_page page = {0};
	struct walk probe = {
	    .dir = w->dir,
	    .scope = w->scope,
	    .prefix = w->name,
	    .max = 1,
	    .page = &page,
	};
	int rc;

	memcpy(probe.name, w->name, sizeof(probe.name));
	rc = walk_into(&probe, err);
	*any = page.n > 0;
	list_page_release(&page);
	return rc;
}

static int
visit_directory(struct walk *w, struct err *err)
{
	struct list_item *item;
	bool any;

	/* The prefix is looked for before the delimiter. */
	if (!w->by_directory || strlen(w->name) <= strlen(w->prefix))
		return walk_into(w, err);
	if (has_blob(w, &any, err) != 0)
		return -1;
	item = any ? item_add(w) : NULL;
	if (item != NULL)
		item->is_prefix = true;
	return 0;
}

/* All below w->name, which is as it was afterwards. */
static int
walk_into(struct walk *w, struct err *err)
{
	size_t len = strlen(w->name);
	struct level l;
	int rc = 0;

	if (level_read(w, &l, err) != 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < l.n && !w->more; i++) {
		size_t n = strlen(l.names[i]);

		memcpy(w->name + len, l.names[i], n + 1);
		rc = l.names[i][n - 1] == '/' ? visit_directory(w, err)
					      : visit_file(w, err);
	}
	w->name[len] = '\0';
	level_release(&l);
	return rc;
}

int
file_list(const struct file_dir *d, const struct scope *scope,
    const struct list_opts *opts, const char *marker, struct list_page *page,
    struct err *err)
{
	struct walk w = {
	    .dir = d,
	    .scope = scope,
	    .prefix = opts->prefix != NULL ? opts->prefix : "",
	    .marker = marker,
	    .by_directory = opts->by_directory,
	    .with = opts->with,
	    .max = opts->page_size != 0 ? opts->page_size : PAGE_DEFAULT,
	    .page = page,
	};

	*page = (struct list_page){0};
	if (walk_into(&w, err) != 0) {
		list_page_release(page);
		return -1;
	}
	if (w.more)
		page->next = xstrdup(page->items[page->n - 1].name);
	return 0;
}

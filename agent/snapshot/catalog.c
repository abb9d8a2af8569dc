#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "rdb/key_filter.h"
#include "storage/store.h"

#include "agent/snapshot/catalog.h"
#include "agent/snapshot/manifest.h"

void
catalog_release(struct catalog *c)
{
	free(c->ids);
	memset(c, 0, sizeof(*c));
}

void
catalog_blob(char *out, const char *job, const char *id, const char *name)
{
	snprintf(out, BLOB_NAME_MAX + 1, "%s/%s/%s", job, id, name);
}

/* The last segment of "a/b/c/". */
static bool
last_segment(const char *prefix, char *out, size_t size)
{
	size_t n = strlen(prefix);
	const char *from;

	if (n == 0 || prefix[n - 1] != '/')
		return false;
	from = prefix + n - 1;
	while (from > prefix && from[-1] != '/')
		from--;
	n = (size_t)(prefix + n - 1 - from);
	if (n == 0 || n >= size)
		return false;
	memcpy(out, from, n);
	out[n] = '\0';
	return true;
}

struct walk {
	struct catalog *catalog;
	size_t alloc;
};

static int
add_folder(void *arg, const struct list_item *item, struct err *err)
{
	struct walk *w = arg;
	struct catalog *c = w->catalog;
	char id[SNAPSHOT_ID_SIZE];

	if (!item->is_prefix || !last_segment(item->name, id, sizeof(id)) ||
	    !snapshot_id_valid(id))
		return 0;
	if (c->n == CATALOG_MAX)
		return err_set(err, ERR_SYSTEM,
		    "over %d snapshots; prune some first", CATALOG_MAX);
	if (c->n == w->alloc) {
		w->alloc = w->alloc > 0 ? 2 * w->alloc : 64;
		c->ids = xreallocarray(c->ids, w->alloc, sizeof(*c->ids));
	}
	memcpy(c->ids[c->n++], id, sizeof(id));
	return 0;
}

/* Keep the folders that have a manifest. */
static int
drop_broken(struct store *store, const struct scope *scope, const char *job,
    struct catalog *c, struct err *err)
{
	char blob[BLOB_NAME_MAX + 1];
	struct blob_props props;
	size_t kept = 0;

	for (size_t i = 0; i < c->n; i++) {
		catalog_blob(blob, job, c->ids[i], MANIFEST_NAME);
		if (store->ops->stat(store, scope, blob, &props, err) == 0)
			memmove(c->ids[kept++], c->ids[i], SNAPSHOT_ID_SIZE);
		else if (err->kind == ERR_MISSING)
			c->broken++;
		else
			return -1;
	}
	c->n = kept;
	return 0;
}

static int
by_id(const void *a, const void *b)
{
	return strcmp(a, b);
}

int
catalog_read(struct store *store, const struct scope *scope, const char *job,
    struct catalog *c, struct err *err)
{
	char prefix[JOB_NAME_MAX + 2];
	struct list_opts opts = {.prefix = prefix, .by_directory = true};
	struct walk walk = {.catalog = c};

	memset(c, 0, sizeof(*c));
	snprintf(prefix, sizeof(prefix), "%s/", job);
	if (store_each(store, scope, &opts, add_folder, &walk, err) != 0)
		goto fail;
	if (c->n > 0)
		qsort(c->ids, c->n, sizeof(*c->ids), by_id);
	if (drop_broken(store, scope, job, c, err) != 0)
		goto fail;
	return 0;
fail:
	catalog_release(c);
	return err_in(err, "reading the catalog of '%s'", job);
}

struct names {
	char **list;
	size_t n, alloc;
};

static int
add_job(void *arg, const struct list_item *item, struct err *err)
{
	struct names *names = arg;
	char name[JOB_NAME_MAX + 1];
	struct err ignored = {0};

	if (!item->is_prefix || !last_segment(item->name, name, sizeof(name)) ||
	    job_name_check(name, &ignored) != 0)
		return 0;
	if (names->n == CATALOG_MAX)
		return err_set(err, ERR_SYSTEM, "over %d jobs", CATALOG_MAX);
	if (names->n == names->alloc) {
		names->alloc = names->alloc > 0 ? 2 * names->alloc : 16;
		names->list = xreallocarray(
		    names->list, names->alloc, sizeof(*names->list));
	}
	names->list[names->n++] = xstrdup(name);
	return 0;
}

int
catalog_jobs(struct store *store, const struct scope *scope, char ***list,
    size_t *n, struct err *err)
{
	struct list_opts opts = {.by_directory = true};
	struct names names = {0};

	if (store_each(store, scope, &opts, add_job, &names, err) != 0) {
		for (size_t i = 0; i < names.n; i++)
			free(names.list[i]);
		free(names.list);
		return err_in(err, "listing the jobs");
	}
	*list = names.list;
	*n = names.n;
	return 0;
}

static struct manifest *
get_manifest(struct store *store, const struct scope *scope, const char *job,
    const char *id, struct err *err)
{
	char blob[BLOB_NAME_MAX + 1];
	struct manifest *m = NULL;
	struct buf text;

	buf_init(&text, MANIFEST_BYTES_MAX);
	catalog_blob(blob, job, id, MANIFEST_NAME);
	if (store_get(
		store, scope, blob, MANIFEST_BYTES_MAX, &text, NULL, err) != 0)
		goto out;
	m = manifest_parse(text.data, text.len, err);
	if (m == NULL)
		goto out;
	if (strcmp(m->id, id) != 0 || strcmp(m->job, job) != 0) {
		err_set(err, ERR_CORRUPT,
		    "its manifest is of snapshot '%s' of job '%s'", m->id,
		    m->job);
		manifest_free(m);
		m = NULL;
	}
out:
	if (m == NULL)
		err_in(err, "snapshot '%s/%s'", job, id);
	buf_release(&text);
	return m;
}

/* Every part is there, with its size. */
static int
check_parts(struct store *store, const struct scope *scope,
    const struct manifest *m, struct err *err)
{
	char blob[BLOB_NAME_MAX + 1];
	struct blob_props props;

	for (size_t i = 0; i < m->nparts; i++) {
		catalog_blob(blob, m->job, m->id, m->parts[i].name);
		if (store->ops->stat(store, scope, blob, &props, err) != 0) {
			if (err->kind == ERR_MISSING)
				err->kind = ERR_CORRUPT;
			return err_in(err, "'%s'", blob);
		}
		if (props.size != m->parts[i].bytes)
			return err_set(err, ERR_CORRUPT,
			    "'%s' has not the size that its manifest says",
			    blob);
	}
	return 0;
}

static void
passed_over(const char *id, const struct err *err)
{
	struct log_line line;

	log_begin(&line, LOG_ERROR, "snapshot passed over");
	log_str(&line, "snapshot", id);
	log_err(&line, err);
	log_end(&line);
}

/* A newer one holds newer data, and who asks for the latest may want them. */
static void
tell_unverified(const struct manifest *m)
{
	struct log_line line;

	log_begin(&line, LOG_WARN,
	    "a newer snapshot is unverified and passed over; name it to have "
	    "it");
	log_str(&line, "snapshot", m->id);
	log_end(&line);
}

/* What "latest" passed over since another filter took it, or none did. */
struct others {
	const struct key_filter *filter; /* asked for */
	char newest[SNAPSHOT_ID_SIZE];
	bool part;
};

static bool
is_other(struct others *o, const struct manifest *m)
{
	if (key_filter_same(m->filter, o->filter))
		return false;
	if (o->newest[0] == '\0') {
		memcpy(o->newest, m->id, sizeof(o->newest));
		o->part = m->filter != NULL;
	}
	return true;
}

static void
tell_other(const struct others *o)
{
	struct log_line line;

	if (o->newest[0] == '\0')
		return;
	log_begin(&line, LOG_WARN,
	    o->part ? "a newer snapshot holds another part of the keys and is "
		      "passed over; name it to have it"
		    : "a newer snapshot holds more than the filter takes and "
		      "is passed over; name it to have it");
	log_str(&line, "snapshot", o->newest);
	log_end(&line);
}

static int
none_of_filter(const char *job, const struct others *o, struct err *err)
{
	return err_set(err, ERR_MISSING,
	    o->filter == NULL
		? "job '%s' has no snapshot of all keys; the newest of a part "
		  "of them is '%s': name it to have it"
		: "job '%s' has no snapshot by its own filter; the newest "
		  "other one is '%s': name it to have it",
	    job, o->newest);
}

/*
 * The newest that is verified and whole; the newest of all when none is.  A
 * damaged one does not hide the older ones: it is told and passed over.
 */
static struct manifest *
get_latest(struct store *store, const struct scope *scope, const char *job,
    const struct catalog *c, struct others *others, struct err *err)
{
	struct manifest *newest = NULL, *m;
	struct err first = {0};

	for (size_t i = c->n; i-- > 0;) {
		*err = (struct err){0};
		m = get_manifest(store, scope, job, c->ids[i], err);
		if (m != NULL && is_other(others, m)) {
			manifest_free(m);
			continue;
		}
		if (m != NULL && check_parts(store, scope, m, err) == 0) {
			if (m->verified) {
				if (newest != NULL)
					tell_unverified(newest);
				manifest_free(newest);
				return m;
			}
			if (newest == NULL)
				newest = m;
			else
				manifest_free(m);
			continue;
		}
		manifest_free(m);
		if (err->kind != ERR_CORRUPT && err->kind != ERR_UNSUPPORTED) {
			manifest_free(newest);
			return NULL;
		}
		passed_over(c->ids[i], err);
		if (first.kind == ERR_NONE)
			first = *err;
	}
	if (newest == NULL && first.kind == ERR_NONE)
		none_of_filter(job, others, err);
	else if (newest == NULL)
		*err = first;
	return newest;
}

/* The one id that begins so. */
static const char *
find_id(const struct catalog *c, const char *job, const char *begin,
    struct err *err)
{
	const char *found = NULL;

	for (size_t i = 0; i < c->n; i++) {
		if (strncmp(c->ids[i], begin, strlen(begin)) != 0)
			continue;
		if (found != NULL) {
			err_set(err, ERR_USAGE,
			    "several snapshots begin with '%s'; give more of "
			    "the id",
			    begin);
			return NULL;
		}
		found = c->ids[i];
	}
	if (found == NULL)
		err_set(err, ERR_MISSING,
		    "job '%s' has no snapshot '%s'; see drsync list", job,
		    begin);
	return found;
}

bool
catalog_is_latest(const char *id)
{
	return id == NULL || strcmp(id, "latest") == 0;
}

static int
read_some(struct store *store, const struct scope *scope, const char *job,
    struct catalog *c, struct err *err)
{
	if (catalog_read(store, scope, job, c, err) != 0)
		return -1;
	if (c->n > 0)
		return 0;
	catalog_release(c);
	return err_set(err, ERR_MISSING, "job '%s' has no snapshot in '%s'",
	    job, store->url);
}

struct manifest *
catalog_get_latest(struct store *store, const struct scope *scope,
    const char *job, const struct key_filter *filter, struct err *err)
{
	struct others others = {.filter = filter};
	struct manifest *m;
	struct catalog c;

	if (read_some(store, scope, job, &c, err) != 0)
		return NULL;
	m = get_latest(store, scope, job, &c, &others, err);
	if (m != NULL)
		tell_other(&others);
	catalog_release(&c);
	return m;
}

struct manifest *
catalog_get(struct store *store, const struct scope *scope, const char *job,
    const char *id, struct err *err)
{
	struct manifest *m = NULL;
	struct catalog c;
	const char *found;

	if (catalog_is_latest(id))
		return catalog_get_latest(store, scope, job, NULL, err);
	if (snapshot_id_valid(id))
		return get_manifest(store, scope, job, id, err);
	if (read_some(store, scope, job, &c, err) != 0)
		return NULL;
	found = find_id(&c, job, id, err);
	if (found != NULL)
		m = get_manifest(store, scope, job, found, err);
	catalog_release(&c);
	return m;
}

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"

#include "storage/replicate_history.h"
#include "storage/replicate_private.h"

/* 'd' is a digit, all else itself. */
static const char suffix[] = ".drsync-ddddddddTddddddZ";

#define SUFFIX_LEN (sizeof(suffix) - 1)

/* Earlier blobs of one name that were written in one second. */
#define SECONDS_MOST 8

static bool
is_suffix(const char *text)
{
	for (size_t i = 0; i < SUFFIX_LEN; i++) {
		bool is_digit = text[i] >= '0' && text[i] <= '9';

		/* ".drsync-" has a 'd' of its own. */
		if (suffix[i] == 'd' && i > 1 ? !is_digit
					      : text[i] != suffix[i])
			return false;
	}
	return true;
}

bool
history_is_name(const char *name)
{
	size_t len = strlen(name);

	return len > SUFFIX_LEN && is_suffix(name + len - SUFFIX_LEN);
}

void
history_name(struct buf *out, const char *name, int64_t modified_ms)
{
	time_t at = (time_t)(modified_ms / 1000);
	char when[32];
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
	buf_addf(out, "%s.drsync-%s", name, when);
}

/* What has that name already is the same blob, kept by a run that was cut. */
static bool
is_kept(struct work *w, const char *name, const struct scope *scope)
{
	struct store *to = w->run->to;
	struct blob_props props;
	struct err ignored = {0};

	w->requests++;
	if (to->ops->stat(to, scope, name, &props, &ignored) != 0)
		return false;
	return props.size == w->copy.size && props.has_md5 && w->copy.has_md5 &&
	    memcmp(props.md5, w->copy.md5, MD5_BYTES) == 0;
}

static int
keep_as(struct work *w, const char *name, const struct scope *scope,
    struct err *err)
{
	struct ladder_result result = {0};
	struct ladder l = w->run->history;
	const struct ladder_job job = {
	    .src_name = w->name,
	    .dst_name = name,
	    .src = &w->copy,
	    .traits = &w->copy_traits,
	};
	int rc;

	l.budget = w->budget;
	rc = ladder_copy(&l, &job, scope, &result, err);
	w->requests += result.requests;
	return rc;
}

/* A name that is taken by another is left for that of the next second. */
int
history_keep(struct work *w, const struct scope *scope, struct err *err)
{
	int64_t at_ms = w->copy.modified_ms;
	struct buf name;
	int rc = -1;

	buf_init(&name, BLOB_NAME_MAX + SUFFIX_LEN);
	for (int i = 0; rc != 0 && i < SECONDS_MOST; i++, at_ms += 1000) {
		buf_truncate(&name, 0);
		history_name(&name, w->name, at_ms);
		*err = (struct err){0};
		rc = keep_as(w, name.data, scope, err);
		if (rc == 0 || err->kind != ERR_CONFLICT)
			break;
		if (is_kept(w, name.data, scope))
			rc = 0;
	}
	buf_release(&name);
	return rc == 0 ? 0 : err_in(err, "keeping the earlier '%s'", w->name);
}

static int
remove_earliest(struct work *w, const struct list_page *page, size_t n,
    const struct scope *scope, struct err *err)
{
	struct store *to = w->run->to;

	for (size_t i = 0; n > 0 && i < page->n; i++) {
		const struct list_item *item = &page->items[i];
		const struct store_cond cond = {.if_match = item->props.etag};

		if (!history_is_name(item->name))
			continue;
		n--;
		w->requests++;
		if (to->ops->remove(to, scope, item->name, &cond, err) != 0 &&
		    err->kind != ERR_MISSING)
			return err_in(err, "removing '%s'", item->name);
	}
	return 0;
}

/* They ascend by their time, as the listing does.  More than a page of them is
 * left for the next time. */
int
history_prune(struct work *w, const struct scope *scope, struct err *err)
{
	struct store *to = w->run->to;
	struct list_page page = {0};
	struct list_opts opts = {0};
	size_t n = 0, keep = w->run->o->history;
	struct buf prefix;
	int rc;

	buf_init(&prefix, BLOB_NAME_MAX + SUFFIX_LEN);
	buf_addf(&prefix, "%s.drsync-", w->name);
	opts.prefix = prefix.data;
	w->requests++;
	rc = to->ops->list(to, scope, &opts, NULL, &page, err);
	for (size_t i = 0; rc == 0 && i < page.n; i++)
		n += history_is_name(page.items[i].name);
	if (rc == 0 && n > keep)
		rc = remove_earliest(w, &page, n - keep, scope, err);
	list_page_release(&page);
	buf_release(&prefix);
	return rc;
}

/*
 * What takes more than one request, or did not work by one: on a thread of
 * the crew, which waits for it.  A conflict means that one of the two blobs is
 * another than was thought: both are looked at, and it is decided anew.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "storage/pace.h"
#include "storage/replica_filter.h"
#include "storage/replicate_history.h"

#include "storage/replicate_private.h"

/* What is put right after a run was stopped takes no longer. */
#define AFTERWARDS_MS (INT64_C(30) * 1000)

/* 1 when it is there, 0 when not. */
static int
look_at(struct work *w, struct store *s, const struct scope *scope,
    struct blob_view *view, struct list_item *item)
{
	const struct store_trait_ops *traits = s->ops->traits;
	struct blob_props *props = &view->props;
	int rc;

	w->requests++;
	if (traits != NULL)
		rc = traits->look(s, scope, w->name, NULL,
		    w->run->with & LIST_TAGS, view, &w->err);
	else
		rc = s->ops->stat(s, scope, w->name, props, &w->err);
	*item = (struct list_item){
	    .name = (char *)w->name,
	    .props = *props,
	    .traits = traits != NULL ? &view->traits : NULL,
	};
	if (rc == 0)
		return 1;
	return w->err.kind == ERR_MISSING ? 0 : -1;
}

/* Nothing has changed on either side: who refused will refuse again. */
static bool
is_as_it_was(const struct work *w, const struct list_item *source,
    const struct list_item *copy)
{
	if (strcmp(source->props.etag, w->src.etag) != 0)
		return false;
	if (copy == NULL || !w->replaces)
		return copy == NULL && !w->replaces;
	return strcmp(copy->props.etag, w->copy.etag) == 0;
}

/* Of what was seen of both now.  True: it is to be done still. */
static bool
decide_anew(struct work *w, const struct list_item *source,
    const struct list_item *copy)
{
	struct run *r = w->run;
	struct list_item wanted;
	struct blob_traits traits;
	struct diff diff;

	work_wanted(r, &w->arena, source, &wanted, &traits, w->loss);
	blob_diff(&r->diff, &wanted, copy, &diff);
	if (diff.verdict == DIFF_SAME) {
		/* The put whose answer was lost did it. */
		w->end = w->was_sent ? WORK_COPIED : WORK_SAME;
		w->src = source->props;
		w->result.props = copy->props;
		return false;
	}
	if (diff.verdict == DIFF_SKIP) {
		w->end = WORK_SKIPPED;
		w->skip = diff.skip;
		return false;
	}
	w->what = diff.verdict == DIFF_MEND ? WORK_MEND : WORK_COPY;
	work_set(w, source, copy, diff.traits);
	return true;
}

/* False: it has ended, and w->end says how. */
static bool
look_anew(struct work *w, const struct scope *scope)
{
	struct err before = w->err;
	struct blob_view source = {0}, copy = {0};
	struct list_item s, c;
	int is_there = look_at(w, w->run->from, scope, &source, &s);
	int copy_is_there = -1;
	bool go_on = false;

	w->end = is_there == 0 ? WORK_GONE : WORK_FAILED;
	if (is_there == 1)
		copy_is_there = look_at(w, w->run->to, scope, &copy, &c);
	if (copy_is_there >= 0) {
		const struct list_item *seen = copy_is_there ? &c : NULL;

		if (strcmp(s.props.etag, w->src.etag) != 0)
			w->changed++;
		w->err = before;
		if (before.kind != ERR_CONFLICT || !is_as_it_was(w, &s, seen))
			go_on = decide_anew(w, &s, seen);
	}
	blob_view_release(&source);
	blob_view_release(&copy);
	return go_on;
}

/* A disk in use by a machine that runs: its bytes change under any copy, so a
 * snapshot is what is copied. */
static int
copy_snapshot(struct work *w, const struct ladder *l,
    const struct ladder_job *job, const struct scope *scope)
{
	struct store *from = w->run->from;
	struct ladder_job mine = *job;
	struct blob_view view = {0};
	struct err ignored = {0};
	struct scope afterwards = scope_root(NULL);
	char id[64];
	int rc;

	if (from->ops->undo->snapshot(
		from, scope, w->name, w->src.etag, id, &w->err) != 0)
		return err_in(&w->err, "a snapshot of '%s'", w->name);
	rc = from->ops->traits->look(
	    from, scope, w->name, id, 0, &view, &w->err);
	if (rc == 0) {
		mine.src_snapshot = id;
		mine.src = &view.props;
		rc = ladder_copy(l, &mine, scope, &w->result, &w->err);
	}
	blob_view_release(&view);
	/* Also when the run was stopped: it costs its owner money. */
	afterwards.clock = scope->clock;
	afterwards = scope_within(&afterwards, AFTERWARDS_MS);
	if (from->ops->undo->snapshot_remove(
		from, &afterwards, w->name, id, &ignored) != 0 &&
	    rc == 0)
		snprintf(w->left, sizeof(w->left),
		    "its snapshot %.40s could not be removed", id);
	w->requests += 3;
	return rc;
}

static int
climb(struct work *w, const struct scope *scope)
{
	const struct store_ops *from = w->run->from->ops;
	struct ladder l = *w->ladder;
	const struct ladder_job job = {
	    .src_name = w->name,
	    .dst_name = w->name,
	    .src = &w->src,
	    .traits = &w->traits,
	    .replace_etag = w->replaces ? w->copy.etag : NULL,
	};
	bool is_disk = w->src.type == BLOB_PAGE && w->traits.is_leased &&
	    from->undo != NULL && from->traits != NULL;
	int rc;

	l.budget = w->budget;
	if (w->replaces && w->run->o->history > 0 &&
	    history_keep(w, scope, &w->err) != 0)
		return -1;
	if (is_disk)
		rc = copy_snapshot(w, &l, &job, scope);
	else
		rc = ladder_copy(&l, &job, scope, &w->result, &w->err);
	w->requests += w->result.requests;
	if (rc != 0)
		return -1;
	if (w->result.left[0] != '\0')
		snprintf(w->left, sizeof(w->left),
		    "the snapshot %.60s of what was there stays",
		    w->result.left);
	w->end = WORK_COPIED;
	return 0;
}

static int
mend(struct work *w, const struct scope *scope)
{
	struct store *to = w->run->to;
	const unsigned char *md5 = w->copy.has_md5 ? w->copy.md5 : NULL;

	for (unsigned kinds = w->mend; kinds != 0; kinds &= kinds - 1)
		w->requests++;
	if (to->ops->traits->set(to, scope, w->name, w->copy.etag, w->mend,
		&w->traits, md5, &w->result.props, &w->err) != 0)
		return err_in(&w->err, "mending '%s'", w->name);
	w->end = WORK_MENDED;
	return 0;
}

/* The answer to a single request told less than we want to know. */
static int
see_put(struct work *w, const struct scope *scope)
{
	struct store *to = w->run->to;
	struct blob_props *props = &w->result.props;

	w->requests++;
	if (to->ops->stat(to, scope, w->name, props, &w->err) != 0)
		return err_in(&w->err, "looking at the copy of '%s'", w->name);
	if (props->size != w->src.size)
		return err_set(&w->err, ERR_CONFLICT,
		    "the copy of '%s' is not what was written", w->name);
	if (props->has_md5 && w->src.has_md5 &&
	    memcmp(props->md5, w->src.md5, MD5_BYTES) != 0)
		return err_set(&w->err, ERR_CORRUPT,
		    "the copy of '%s' has another MD5", w->name);
	w->end = WORK_COPIED;
	return 0;
}

static int
attempt(struct work *w, const struct scope *scope)
{
	bool was_put = w->was_put;

	w->err = (struct err){0};
	w->was_put = false;
	if (was_put)
		return see_put(w, scope);
	return w->what == WORK_MEND ? mend(w, scope) : climb(w, scope);
}

static void
copy_or_mend(struct work *w, const struct scope *scope)
{
	if (w->settle != NULL && work_settle(w, scope) != 0)
		return;
	for (unsigned looks = 0;; w->look_first = true) {
		if (w->look_first && looks++ == LOOKS_MOST)
			return;
		if (w->look_first && !look_anew(w, scope))
			return;
		w->end = WORK_FAILED;
		if (attempt(w, scope) == 0 || w->err.kind != ERR_CONFLICT)
			return;
	}
}

static void
after_copy(struct work *w, const struct scope *scope)
{
	struct err err = {0};

	if (w->end != WORK_COPIED)
		return;
	if (w->read_back && work_verify(w, scope, &w->err) != 0) {
		w->end = WORK_FAILED;
		return;
	}
	if (w->replaces && w->run->o->history > 0 &&
	    history_prune(w, scope, &err) != 0)
		snprintf(w->left, sizeof(w->left),
		    "its earlier versions stay: %.100s", err.text);
}

int
crew_copy(struct crew_job *job, const struct scope *scope, struct err *ignored)
{
	struct work *w = (struct work *)job;

	(void)ignored;
	w->end = WORK_FAILED;
	if (w->what == WORK_DELETE) {
		work_delete(w, scope);
	} else {
		copy_or_mend(w, scope);
		after_copy(w, scope);
	}
	if (w->end != WORK_FAILED)
		w->err = (struct err){0};
	work_ended(w);
	return 0;
}

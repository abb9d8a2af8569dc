#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/scope.h"

#include "storage/ladder_private.h"

/*
 * A blob that is written in place is half written in between.  The order of
 * things makes that good after a failure, a cancellation or a kill:
 *
 *	snapshot of what is there -> row in the book -> writes, marked as ours
 *	-> verified -> the snapshot removed -> the row closed
 *
 * Undoing touches nothing that is not marked as ours: the mark is metadata
 * that the create carries, or the id of the Copy Blob.
 */

static int
note(struct ladder_undo *u, enum book_state state, struct err *err)
{
	u->row.state = state;
	u->row.undo = u->snapshot;
	u->row.copy_id = u->copy_id;
	if (u->book == NULL)
		return 0;
	return u->book->ops->copy_put(u->book, &u->row, err);
}

/* An ETag's quotes are nothing for metadata. */
static void
set_mark(struct ladder_undo *u)
{
	size_t n = 0;

	n = (size_t)snprintf(u->mark, sizeof(u->mark), "unfinished:");
	for (const char *p = u->row.src_etag; *p != '\0'; p++)
		if (*p != '"' && n + 1 < sizeof(u->mark))
			u->mark[n++] = *p;
	u->mark[n] = '\0';
}

static void
drop_snapshot(struct ladder_undo *u, const struct scope *scope)
{
	struct err ignored = {0};

	if (u->snapshot[0] != '\0')
		u->left = u->to->ops->undo->snapshot_remove(u->to, scope,
			      u->row.name, u->snapshot, &ignored) != 0;
}

int
ladder_undo_begin(struct ladder_undo *u, struct climb *c, struct err *err)
{
	struct store *to = c->l->to;
	struct scope afterwards;

	*u = (struct ladder_undo){.to = to, .book = c->l->book};
	ladder_book_row(c, &u->row);
	set_mark(u);
	if (c->replace_etag != NULL) {
		snprintf(u->was, sizeof(u->was), "%s", c->replace_etag);
		COUNT(c);
		if (to->ops->undo->snapshot(to, c->scope, u->row.name, u->was,
			u->snapshot, err) != 0)
			return err_in(err, "keeping what is there");
	}
	if (note(u, BOOK_PENDING, err) == 0)
		return 0;
	afterwards = ladder_afterwards(c->scope);
	drop_snapshot(u, &afterwards);
	return -1;
}

/* A snapshot has the ETag of what it was made of. */
static int
read_was(struct ladder_undo *u, const struct scope *scope, struct err *err)
{
	struct blob_view view;

	if (u->to->ops->traits->look(
		u->to, scope, u->row.name, u->snapshot, 0, &view, err) != 0) {
		if (err->kind != ERR_MISSING)
			return -1;
		*err = (struct err){0};
		u->snapshot[0] = '\0';
		return 0;
	}
	snprintf(u->was, sizeof(u->was), "%s", view.props.etag);
	blob_view_release(&view);
	return 0;
}

int
ladder_undo_resume(struct ladder_undo *u, const struct ladder *l,
    const struct book_copy *row, const struct scope *scope, struct err *err)
{
	*u = (struct ladder_undo){.to = l->to, .book = l->book, .row = *row};
	set_mark(u);
	snprintf(u->snapshot, sizeof(u->snapshot), "%s", row->undo);
	snprintf(u->copy_id, sizeof(u->copy_id), "%s", row->copy_id);
	u->asked = strcmp(row->way, rung_name(RUNG_COPY)) == 0;
	return u->snapshot[0] != '\0' ? read_was(u, scope, err) : 0;
}

int
ladder_undo_copying(
    struct ladder_undo *u, const struct copy_job *job, struct err *err)
{
	snprintf(u->copy_id, sizeof(u->copy_id), "%s", job->id);
	u->row.done = job->done;
	return note(u, BOOK_COPYING, err);
}

/*
 * Where the answer to our Copy Blob was lost its id is not known; but the blob
 * was bound to be `was` then, and is the work of a Copy Blob now.
 */
bool
ladder_undo_is_ours(const struct ladder_undo *u, const struct blob_view *v)
{
	const char *mark = trait_get(&v->traits.metadata, TRAIT_SOURCE_NAME);
	const char *id = v->traits.copy_id;

	if (strcmp(v->props.etag, u->was) == 0)
		return false;
	if (mark != NULL && strcmp(mark, u->mark) == 0)
		return true;
	if (id == NULL || id[0] == '\0')
		return false;
	return u->copy_id[0] != '\0' ? strcmp(id, u->copy_id) == 0 : u->asked;
}

static bool
is_pending(const struct blob_view *v)
{
	return v->traits.copy_status != NULL &&
	    strcmp(v->traits.copy_status, "pending") == 0;
}

/* It is ours, and nothing writes to it any more. */
static int
take_back(struct ladder_undo *u, const struct scope *scope, const char *etag,
    struct err *err)
{
	const struct store_cond cond = {.if_match = etag};
	struct store *to = u->to;
	struct blob_props props;

	if (u->snapshot[0] == '\0')
		return to->ops->remove(to, scope, u->row.name, &cond, err);
	if (to->ops->undo->promote(
		to, scope, u->row.name, u->snapshot, &props, err) != 0)
		return -1;
	snprintf(u->etag, sizeof(u->etag), "%s", props.etag);
	drop_snapshot(u, scope);
	return 0;
}

static int
abort_copy(struct ladder_undo *u, const struct scope *scope,
    struct blob_view *v, struct err *err)
{
	struct store *to = u->to;
	int rc = to->ops->copy->abort(
	    to, scope, u->row.name, v->traits.copy_id, err);

	blob_view_release(v);
	if (rc == 0)
		rc = to->ops->traits->look(
		    to, scope, u->row.name, NULL, 0, v, err);
	return rc;
}

static int
judge(struct ladder_undo *u, const struct scope *scope, struct blob_view *v,
    struct err *err)
{
	if (strcmp(v->props.etag, u->was) == 0) {
		snprintf(u->etag, sizeof(u->etag), "%s", u->was);
		drop_snapshot(u, scope);
		return 0;
	}
	if (!ladder_undo_is_ours(u, v))
		return err_set(err, ERR_CONFLICT, "another has written it%s%s",
		    u->snapshot[0] != '\0' ? "; what it was before is its "
					     "snapshot "
					   : "",
		    u->snapshot);
	if (is_pending(v) && abort_copy(u, scope, v, err) != 0)
		return -1;
	return take_back(u, scope, v->props.etag, err);
}

static int
bring_back(struct ladder_undo *u, const struct scope *scope, struct err *err)
{
	struct blob_view view;
	int rc;

	u->etag[0] = '\0';
	if (u->to->ops->traits->look(
		u->to, scope, u->row.name, NULL, 0, &view, err) != 0) {
		if (err->kind != ERR_MISSING)
			return -1;
		*err = (struct err){0};
		return 0;
	}
	rc = judge(u, scope, &view, err);
	blob_view_release(&view);
	return rc;
}

/* The cause first, and that it is no case for another rung. */
static void
add_failure(struct err *err, const struct err *undo)
{
	size_t len = strlen(err->text);

	if (err->kind == ERR_UNSUPPORTED)
		err->kind = ERR_SERVER;
	snprintf(err->text + len, sizeof(err->text) - len,
	    "; and what was there before could not be brought back: %.300s",
	    undo->text);
}

int
ladder_undo_end(
    struct ladder_undo *u, const struct scope *scope, int rc, struct err *err)
{
	struct scope afterwards = ladder_afterwards(scope);
	struct err undo = {0}, ignored = {0};

	u->row.why = rc != 0 ? err->text : "";
	if (rc == 0) {
		drop_snapshot(u, &afterwards);
		u->row.done = u->row.total;
		return note(u, BOOK_COMPLETE, err);
	}
	u->undone = bring_back(u, &afterwards, &undo) == 0;
	if (!u->undone)
		add_failure(err, &undo);
	if (u->undone || undo.kind == ERR_CONFLICT)
		note(u, err->kind == ERR_CANCELLED ? BOOK_ABORTED : BOOK_FAILED,
		    &ignored);
	return rc;
}

int
ladder_undo_climb(
    struct ladder_undo *u, struct climb *c, int rc, struct err *err)
{
	rc = ladder_undo_end(u, c->scope, rc, err);
	if (u->left)
		snprintf(c->result->left, sizeof(c->result->left), "%s",
		    u->snapshot);
	if (rc != 0 && u->undone) {
		memcpy(c->etag, u->etag, sizeof(c->etag));
		c->replace_etag = c->etag[0] != '\0' ? c->etag : NULL;
	}
	return rc;
}

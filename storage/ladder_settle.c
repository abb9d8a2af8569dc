#include <stdbool.h>
#include <string.h>

#include "base/err.h"

#include "storage/ladder_private.h"

static bool
is_way(const struct book_copy *row, enum rung r)
{
	return strcmp(row->way, rung_name(r)) == 0;
}

/* It says of itself that it is a copy of what the row tells. */
static bool
is_finished(const struct book_copy *row, const struct blob_view *v)
{
	const char *of = trait_get(&v->traits.metadata, TRAIT_SOURCE_NAME);
	const char *etag = row->src_etag;
	size_t n = strlen(etag), len;

	if (of == NULL || strncmp(of, "unfinished:", 11) == 0)
		return false;
	if (n >= 2 && etag[0] == '"') {
		etag++;
		n -= 2;
	}
	len = strlen(of);
	return len > n && of[len - n - 1] == ':' &&
	    strncmp(of + len - n, etag, n) == 0;
}

/* The service's own copy, which goes on without us. */
static int
follow(const struct ladder *l, struct ladder_undo *u, const struct scope *scope,
    bool *late, struct err *err)
{
	struct copy_job job;
	struct store *to = l->to;

	if (to->ops->copy->poll(to, scope, u->row.name, &job, err) != 0 ||
	    ladder_undo_copying(u, &job, err) != 0 ||
	    ladder_follow(l, scope, u, &job, NULL, late, err) != 0)
		return -1;
	if (job.props.size != u->row.total)
		return err_set(err, ERR_CORRUPT,
		    "the service's copy has another size than its source");
	return 0;
}

static int
interrupted(struct err *err)
{
	return err_set(err, ERR_CANCELLED, "the run that copied it was ended");
}

/* 0: it is whole. */
static int
judge(const struct ladder *l, struct ladder_undo *u, const struct scope *scope,
    bool *late, struct err *err)
{
	struct blob_view view;
	bool whole, ours;

	if (l->to->ops->traits->look(
		l->to, scope, u->row.name, NULL, 0, &view, err) != 0)
		return -1;
	ours = ladder_undo_is_ours(u, &view);
	whole = !ours && is_finished(&u->row, &view);
	blob_view_release(&view);
	if (ours && is_way(&u->row, RUNG_COPY))
		return follow(l, u, scope, late, err);
	return whole ? 0 : interrupted(err);
}

static int
settle_in_place(const struct ladder *l, const struct book_copy *row,
    const struct scope *scope, struct err *err)
{
	struct ladder_undo undo;
	bool late = false;
	int rc;

	if (ladder_undo_resume(&undo, l, row, scope, err) != 0)
		return -1;
	rc = judge(l, &undo, scope, &late, err);
	if (late)
		return -1;
	rc = ladder_undo_end(&undo, scope, rc, err);
	if (rc != 0 && undo.undone) {
		*err = (struct err){0};
		return 0;
	}
	return rc;
}

/* Nothing of it is seen before its commit. */
static int
close_row(const struct ladder *l, const struct book_copy *row, struct err *err)
{
	struct book_copy closed = *row;

	closed.state = BOOK_ABORTED;
	closed.why = "the run that copied it was ended";
	return l->book->ops->copy_put(l->book, &closed, err);
}

int
ladder_settle(const struct ladder *l, const struct book_copy *row,
    const struct scope *scope, struct err *err)
{
	int rc;

	if (is_way(row, RUNG_PUT) || is_way(row, RUNG_BLOCKS))
		rc = close_row(l, row, err);
	else
		rc = settle_in_place(l, row, scope, err);
	if (rc != 0)
		return err_in(err, "'%.200s', half copied earlier", row->name);
	return 0;
}

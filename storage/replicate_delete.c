/*
 * What the source has no more.  A walk that came to its end in order on both
 * sides tells of it; the book, since when; and right before each deletion the
 * source is asked once more.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"
#include "base/scope.h"
#include "storage/gone_spool.h"
#include "storage/listing.h"
#include "storage/replica_book.h"
#include "storage/replica_filter.h"
#include "storage/replicate_history.h"

#include "storage/replicate_private.h"

#define MOST_DEFAULT	1000
#define PERCENT_DEFAULT 10

static void
tell(struct run *r, enum replicate_what what, const struct book_gone *gone,
    const char *why)
{
	run_tell(r,
	    &(struct replicate_event){
		.what = what,
		.name = gone->name,
		.bytes = gone->size,
		.why = why,
	    });
}

int
run_miss(struct run *r, const struct list_item *copy, struct err *err)
{
	const struct blob_traits *traits = copy->traits;
	const char *version = NULL;
	struct book_gone gone = {
	    .name = copy->name,
	    .etag = copy->props.etag,
	    .size = copy->props.size,
	};

	if (history_is_name(copy->name) ||
	    (traits != NULL && traits->is_directory) ||
	    !replica_filter_takes(r->o->filter, copy, r->began_ms))
		return 0;
	r->report->missing++;
	if (traits != NULL)
		version = traits->version;
	gone.version = version != NULL ? version : "";
	if (!r->o->del.mirror) {
		tell(r, REPLICATE_KEEP, &gone, "deletions are not asked for");
		return 0;
	}
	if (r->missing == NULL && (r->missing = gone_spool_new(err)) == NULL)
		return -1;
	return gone_spool_add(r->missing, &gone, err);
}

static int
forbid_disorder(
    const char *side, const struct listing_facts *facts, struct err *err)
{
	if (facts->is_complete && facts->is_ascending)
		return 0;
	if (!facts->is_complete)
		return err_set(err, ERR_REFUSED,
		    "nothing is deleted: the listing of the %s did not come "
		    "to its end",
		    side);
	return err_set(err, ERR_REFUSED,
	    "nothing is deleted: the listing of the %s is out of order at "
	    "'%.60s', so what is missing cannot be told",
	    side, facts->out_of_order);
}

/* A blob that was renamed would be there under neither name. */
static int
forbid_after_failures(const struct run *r, struct err *err)
{
	if (r->report->failed == 0)
		return 0;
	return err_set(err, ERR_REFUSED,
	    "nothing is deleted: %" PRIu64 " blob%s could not be copied",
	    r->report->failed, r->report->failed == 1 ? "" : "s");
}

static int
forbid_many(struct run *r, uint64_t due, struct err *err)
{
	const struct replicate_delete *del = &r->o->del;
	uint64_t most = del->most != 0 ? del->most : MOST_DEFAULT;
	unsigned percent = del->percent != 0 ? del->percent : PERCENT_DEFAULT;
	uint64_t all = r->report->copy.names;
	uint64_t share = all / 100 * percent + (all % 100 * percent + 99) / 100;

	if (due > most)
		return err_set(err, ERR_REFUSED,
		    "nothing is deleted: %" PRIu64
		    " blobs are missing at the source, and one run deletes no "
		    "more than %" PRIu64 ": raise that if it is meant",
		    due, most);
	if (due > share)
		return err_set(err, ERR_REFUSED,
		    "nothing is deleted: %" PRIu64
		    " blobs are missing at the source, more than %u %% of the "
		    "copy's %" PRIu64 ": raise that if it is meant",
		    due, percent, all);
	return 0;
}

/* Each is told as kept, for that reason. */
static int
keep_all(struct run *r, struct gone_spool *spool, const struct err *why,
    struct err *err)
{
	struct book_gone gone;
	int n;

	snprintf(r->report->why_kept, sizeof(r->report->why_kept), "%.159s",
	    why->text);
	if (gone_spool_rewind(spool, err) != 0)
		return -1;
	while ((n = gone_spool_next(spool, &gone, err)) == 1)
		tell(r, REPLICATE_KEEP, &gone, why->text);
	if (n == 0)
		*err = *why;
	return -1;
}

static int
missing_since(
    struct run *r, struct book_gone *gone, int64_t *since_ms, struct err *err)
{
	gone->missing_ms = r->began_ms;
	gone->run = r->o->run;
	return r->book->ops->missing(r->book, gone, since_ms, err);
}

/* Those that have been missing for long enough. */
static int
sift(struct run *r, struct gone_spool *due, struct err *err)
{
	struct book_gone gone;
	int n;

	if (gone_spool_rewind(r->missing, err) != 0)
		return -1;
	while ((n = gone_spool_next(r->missing, &gone, err)) == 1) {
		int64_t since_ms;

		if (missing_since(r, &gone, &since_ms, err) != 0)
			return -1;
		if (r->began_ms - since_ms >= r->o->del.grace_ms) {
			if (gone_spool_add(due, &gone, err) != 0)
				return -1;
		} else {
			tell(r, REPLICATE_KEEP, &gone,
			    "not missing for long enough yet");
		}
	}
	return n;
}

/* What was missed before and is there again is forgotten. */
static int
end_walk(struct run *r, struct err *err)
{
	if (r->o->dry_run)
		return 0;
	if (r->book->ops->walked(r->book, err) != 0 ||
	    r->book->ops->flush(r->book, err) != 0)
		return err_in(err, "noting what is missing at the source");
	return 0;
}

static int
hand_out_deletions(struct run *r, struct gone_spool *due, struct err *err)
{
	struct book_gone gone;
	int n;

	if (gone_spool_rewind(due, err) != 0)
		return -1;
	while ((n = gone_spool_next(due, &gone, err)) == 1) {
		struct work *w;

		if (r->o->dry_run) {
			tell(r, REPLICATE_DELETE, &gone,
			    r->o->del.grace_ms > 0
				? "once it was missing for long enough"
				: NULL);
			r->report->requests += 2;
			continue;
		}
		w = work_new(r, WORK_DELETE, gone.name);
		snprintf(w->copy.etag, sizeof(w->copy.etag), "%s", gone.etag);
		w->copy.size = gone.size;
		w->version = arena_strdup(&w->arena, gone.version);
		if (run_hand_out(r, w, err) != 0)
			return -1;
	}
	return n == 0 ? run_await_all(r, err) : -1;
}

static int
delete_due(struct run *r, struct gone_spool *due, struct err *err)
{
	struct err why = {0};

	if (end_walk(r, err) != 0)
		return -1;
	if (forbid_many(r, gone_spool_count(due), &why) != 0)
		return keep_all(r, due, &why, err);
	return hand_out_deletions(r, due, err);
}

int
run_delete(struct run *r, struct err *err)
{
	struct gone_spool *due;
	struct err why = {0};
	int rc;

	if (!r->o->del.mirror)
		return 0;
	if (forbid_disorder("source", &r->report->source, &why) != 0 ||
	    forbid_disorder("copy", &r->report->copy, &why) != 0 ||
	    forbid_after_failures(r, &why) != 0) {
		if (r->missing != NULL)
			return keep_all(r, r->missing, &why, err);
		return 0;
	}
	if (r->missing == NULL)
		return end_walk(r, err);
	/* A dry run notes nothing, so it shows what is missing as it is. */
	if (r->o->del.grace_ms == 0 || r->o->dry_run)
		return delete_due(r, r->missing, err);
	due = gone_spool_new(err);
	if (due == NULL)
		return -1;
	rc = sift(r, due, err);
	if (rc == 0)
		rc = delete_due(r, due, err);
	gone_spool_free(due);
	return rc;
}

/* The service's own word, as of now, that the source has it not. */
static int
confirm(struct work *w, const struct scope *scope)
{
	struct store *from = w->run->from;
	struct blob_props props;

	w->requests++;
	if (from->ops->stat(from, scope, w->name, &props, &w->err) == 0) {
		w->end = WORK_KEPT;
		return -1;
	}
	if (w->err.kind == ERR_MISSING)
		return 0;
	return err_in(
	    &w->err, "asking the source whether '%s' is gone", w->name);
}

static int
note_and_remove(struct work *w, const struct scope *scope)
{
	const struct run *r = w->run;
	const struct store_cond cond = {.if_match = w->copy.etag};
	const struct book_gone gone = {
	    .name = w->name,
	    .etag = w->copy.etag,
	    .version = w->version,
	    .size = w->copy.size,
	    .missing_ms = r->began_ms,
	    .deleted_ms = scope_wall_ms(scope),
	    .run = r->o->run,
	};
	struct err err = {0};
	bool is_gone, is_known;

	if (r->book->ops->deleting(r->book, &gone, &w->err) != 0)
		return err_in(&w->err, "noting what is deleted");
	w->requests++;
	is_gone = r->to->ops->remove(r->to, scope, w->name, &cond, &err) == 0;
	/* Another has done so: it is no more there. */
	is_gone = is_gone || err.kind == ERR_MISSING;
	/* Where the answer was lost, the book says that it may be gone. */
	is_known = is_gone ||
	    (err.kind != ERR_TRANSIENT && err.kind != ERR_UNREACHABLE &&
		err.kind != ERR_CANCELLED);
	if (is_known &&
	    r->book->ops->deleted(r->book, w->name, is_gone, &w->err) != 0)
		return err_in(&w->err, "noting what was deleted");
	if (is_gone)
		return 0;
	w->err = err;
	return err_in(&w->err, "deleting '%s'", w->name);
}

void
work_delete(struct work *w, const struct scope *scope)
{
	if (confirm(w, scope) != 0)
		return;
	w->err = (struct err){0};
	if (note_and_remove(w, scope) == 0)
		w->end = WORK_DELETED;
}

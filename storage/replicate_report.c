#include <stdio.h>

#include "base/err.h"
#include "base/scope.h"
#include "storage/listing.h"
#include "storage/pace.h"

#include "storage/replicate_private.h"

#define PROGRESS_EVERY_MS 200

const char *
replicate_what_name(enum replicate_what what)
{
	static const char *const names[] = {
	    [REPLICATE_COPY] = "copy",
	    [REPLICATE_MEND] = "mend",
	    [REPLICATE_SKIP] = "skip",
	    [REPLICATE_DELETE] = "delete",
	    [REPLICATE_KEEP] = "keep",
	    [REPLICATE_LOSS] = "loss",
	    [REPLICATE_FAIL] = "fail",
	};

	return names[what];
}

void
run_tell(struct run *r, const struct replicate_event *event)
{
	if (r->o->event != NULL)
		r->o->event(r->o->event_arg, event);
}

static void
tell(struct run *r, const struct work *w, enum replicate_what what,
    const char *why)
{
	run_tell(r,
	    &(struct replicate_event){
		.what = what,
		.name = w->name,
		.bytes = what == REPLICATE_DELETE ? w->copy.size : w->src.size,
		.rung = w->result.rung,
		.why = why != NULL && why[0] != '\0' ? why : NULL,
		.err = what == REPLICATE_FAIL ? &w->err : NULL,
	    });
}

/* The copy has it not as the source has, since then. */
static void
note_lag(struct run *r, const struct blob_props *source)
{
	int64_t at = source->modified_ms;

	if (at > 0 && (r->oldest_ms == 0 || at < r->oldest_ms))
		r->oldest_ms = at;
}

static void
count_loss(struct run *r, const struct work *w)
{
	if (w->left[0] != '\0')
		tell(r, w, REPLICATE_LOSS, w->left);
	if (w->loss[0] == '\0')
		return;
	r->report->lossy++;
	tell(r, w, REPLICATE_LOSS, w->loss);
}

static void
count_copied(struct run *r, const struct work *w)
{
	struct replicate_report *rep = r->report;

	rep->copied[w->result.rung]++;
	rep->bytes[w->result.rung] += w->src.size;
	tell(r, w, REPLICATE_COPY, w->result.why);
	count_loss(r, w);
}

/* One grant is for all of them: what is wrong with it is said once. */
static bool
is_told(struct run *r, const struct work *w)
{
	bool told = r->no_grant_told;

	if (w->err.kind != ERR_AUTH || r->no_grant.kind != ERR_AUTH)
		return false;
	r->no_grant_told = true;
	return told;
}

static void
count_failed(struct run *r, const struct work *w)
{
	struct replicate_report *rep = r->report;
	struct err ignored = {0};

	if (w->what != WORK_DELETE)
		note_lag(r, &w->src);
	/* Stopped with the run, which says so itself. */
	if (scope_check(&r->scope, &ignored) != 0) {
		r->was_cut = true;
		return;
	}
	rep->failed++;
	if (rep->first.kind == ERR_NONE)
		rep->first = w->err;
	if (!is_told(r, w))
		tell(r, w, REPLICATE_FAIL, NULL);
}

void
run_count_skip(struct run *r, enum diff_skip skip, const char *name,
    const struct blob_props *props)
{
	r->report->skipped[skip]++;
	/* What will be copied once it has come to rest. */
	if (skip == SKIP_PENDING_COPY || skip == SKIP_REHYDRATING)
		note_lag(r, props);
	run_tell(r,
	    &(struct replicate_event){
		.what = REPLICATE_SKIP,
		.name = name,
		.bytes = props->size,
		.why = diff_skip_name(skip),
	    });
}

void
run_count(struct run *r, const struct work *w)
{
	struct replicate_report *rep = r->report;

	rep->requests += w->requests;
	rep->streamed += w->result.streamed;
	rep->changed += w->changed;
	rep->verified += w->verified;
	switch (w->end) {
	case WORK_COPIED:
		count_copied(r, w);
		break;
	case WORK_MENDED:
		rep->mended++;
		tell(r, w, REPLICATE_MEND, NULL);
		count_loss(r, w);
		break;
	case WORK_DELETED:
		rep->deleted++;
		tell(r, w, REPLICATE_DELETE, NULL);
		break;
	case WORK_KEPT:
		tell(r, w, REPLICATE_KEEP, "the source has it again");
		break;
	case WORK_SKIPPED:
		run_count_skip(r, w->skip, w->name, &w->src);
		break;
	case WORK_SAME:
		rep->same++;
		break;
	case WORK_GONE:
		break;
	case WORK_FAILED:
		count_failed(r, w);
		break;
	}
}

static unsigned
requests_planned(const struct work *w)
{
	unsigned n = 0;

	if (w->what == WORK_COPY)
		return w->result.rung == RUNG_PUT ? 1 : 3;
	for (unsigned kinds = w->mend; kinds != 0; kinds &= kinds - 1)
		n++;
	return n;
}

void
run_plan(struct run *r, const struct work *w)
{
	struct replicate_report *rep = r->report;

	rep->requests += requests_planned(w);
	if (w->what == WORK_MEND) {
		rep->mended++;
		tell(r, w, REPLICATE_MEND, NULL);
	} else {
		rep->copied[w->result.rung]++;
		rep->bytes[w->result.rung] += w->src.size;
		tell(r, w, REPLICATE_COPY, NULL);
	}
	count_loss(r, w);
}

void
run_progress(struct run *r)
{
	int64_t now = scope_mono_ms(&r->scope);

	if (r->o->progress == NULL || now - r->told_ms < PROGRESS_EVERY_MS)
		return;
	r->told_ms = now;
	run_report(r, true);
	r->o->progress(r->o->progress_arg, r->report);
}

void
run_report(struct run *r, bool walked)
{
	struct replicate_report *rep = r->report;
	int64_t now = scope_wall_ms(&r->scope);

	if (r->source != NULL) {
		listing_facts(r->source, &rep->source);
		rep->source.names -= r->own_source;
	}
	if (r->copy != NULL) {
		listing_facts(r->copy, &rep->copy);
		rep->copy.names -= r->own_copy;
	}
	rep->concurrency = pace_limit(r->pace);
	rep->took_ms = scope_mono_ms(&r->scope) - r->began_mono_ms;
	rep->lag_ms = 0;
	if (r->oldest_ms != 0 && now > r->oldest_ms)
		rep->lag_ms = now - r->oldest_ms;
	if (!walked)
		rep->lag_ms = -1;
}

#include <stddef.h>

#include "base/budget.h"
#include "storage/pace.h"

#include "storage/replicate_private.h"

void
work_ended(struct work *w)
{
	struct run *r = w->run;

	monitor_lock(&r->mon);
	w->next = r->ended;
	r->ended = w;
	monitor_broadcast(&r->mon);
	monitor_unlock(&r->mon);
}

/* Handed out so far and not taken back. */
static unsigned
under_way(const struct run *r)
{
	return r->puts + r->crewed;
}

/* The crew lets go of a job only after its last word. */
static void
take_from_crew(struct run *r, struct work *w)
{
	struct err ignored = {0};

	crew_wait(r->crew, &w->job, &ignored);
	r->crewed--;
	pace_end(r->pace, w->err.status == 429 || w->err.status == 503);
	run_count(r, w);
	work_free(w);
}

static void
take_put(struct run *r, struct work *w)
{
	bool busy;

	r->puts--;
	if (small_end(r, w)) {
		pace_end(r->pace, false);
		run_count(r, w);
		work_free(w);
		return;
	}
	busy = w->err.status == 429 || w->err.status == 503;
	pace_end(r->pace, busy);
	w->next = r->again;
	r->again = w;
}

void
run_take_back(struct run *r)
{
	struct work *w, *next;

	monitor_lock(&r->mon);
	w = r->ended;
	r->ended = NULL;
	monitor_unlock(&r->mon);
	for (; w != NULL; w = next) {
		next = w->next;
		if (w->is_small)
			take_put(r, w);
		else
			take_from_crew(r, w);
	}
}

/* Until something ended, or so long; for ever when that is negative. */
static int
await_end(struct run *r, int64_t wait_ms, struct err *err)
{
	struct scope within = r->scope;
	struct err ignored = {0};

	if (wait_ms >= 0)
		within = scope_within(&r->scope, wait_ms);
	monitor_lock(&r->mon);
	while (r->ended == NULL)
		if (monitor_wait(&r->mon, &within, &ignored) != 0)
			break;
	monitor_unlock(&r->mon);
	return scope_check(&r->scope, err);
}

/* What a small blob needs to be streamed, or read back, and what a large one
 * makes use of. */
#define STREAM_LEAST ((size_t)4 << 20)
#define STREAM_MOST  ((size_t)96 << 20)

static size_t
memory_for(const struct run *r, const struct work *w)
{
	size_t quarter = budget_left(r->budget) / 4, want = STREAM_LEAST;

	if (w->src.size > STREAM_LEAST / 8)
		want = w->src.size > STREAM_MOST / 8 ? STREAM_MOST
						     : 8 * (size_t)w->src.size;
	if (want > quarter)
		want = quarter;
	return want > STREAM_LEAST ? want : STREAM_LEAST;
}

/*
 * Each has its own, so that no two wait for each other's.  False: others must
 * end first; what has to do alone with less, fails by that itself.
 */
static bool
carve(struct run *r, struct work *w)
{
	struct err ignored = {0};
	size_t left = budget_left(r->budget);

	if (w->what == WORK_DELETE || w->budget != NULL)
		return true;
	w->budget = budget_carve(r->budget, memory_for(r, w), &ignored);
	if (w->budget == NULL && r->crewed == 0)
		w->budget = budget_carve(r->budget, left, &ignored);
	return w->budget != NULL || r->crewed == 0;
}

static void
submit(struct run *r, struct work *w)
{
	w->job.run = crew_copy;
	r->crewed++;
	if (crew_submit(r->crew, &w->job, &w->err) == 0)
		return;
	w->end = WORK_FAILED;
	work_ended(w);
}

static unsigned
requests_of(const struct work *w)
{
	return w->what == WORK_COPY && !w->is_small ? 2 : 1;
}

/* False when it may not begin yet; *wait_ms as pace_try(). */
static bool
begin(struct run *r, struct work *w, int64_t *wait_ms)
{
	uint64_t bytes = w->what == WORK_COPY && !w->was_put ? w->src.size : 0;

	*wait_ms = -1;
	if (!w->is_small && (r->crewed == CREW_MOST || !carve(r, w)))
		return false;
	if (!pace_try(r->pace, requests_of(w), bytes, wait_ms))
		return false;
	if (w->is_small) {
		r->puts++;
		small_begin(r, w);
	} else {
		submit(r, w);
	}
	return true;
}

static int
hand_out(struct run *r, struct work *w, struct err *err)
{
	int64_t wait_ms;

	w->is_small = small_is(r, w);
	while (!begin(r, w, &wait_ms)) {
		if (await_end(r, wait_ms, err) != 0) {
			work_free(w);
			return -1;
		}
		run_take_back(r);
		w->is_small = small_is(r, w);
	}
	return 0;
}

/* Before anything new begins, so that they cannot become many. */
static int
hand_out_again(struct run *r, struct err *err)
{
	struct work *w;

	while ((w = r->again) != NULL) {
		r->again = w->next;
		if (hand_out(r, w, err) != 0)
			return -1;
	}
	return 0;
}

int
run_hand_out(struct run *r, struct work *take, struct err *err)
{
	if (hand_out_again(r, err) != 0) {
		work_free(take);
		return -1;
	}
	return hand_out(r, take, err);
}

/* Requests end with the scope, and say so; so this needs no scope. */
static void
await_cancelled(struct run *r)
{
	while (under_way(r) > 0) {
		monitor_lock(&r->mon);
		while (r->ended == NULL)
			monitor_wait(&r->mon, NULL, NULL);
		monitor_unlock(&r->mon);
		run_take_back(r);
	}
	for (struct work *w = r->again, *next; w != NULL; w = next) {
		next = w->next;
		work_free(w);
	}
	r->again = NULL;
}

int
run_await_all(struct run *r, struct err *err)
{
	run_take_back(r);
	while (under_way(r) > 0 || r->again != NULL) {
		if (hand_out_again(r, err) != 0 ||
		    (under_way(r) > 0 && await_end(r, -1, err) != 0)) {
			await_cancelled(r);
			return -1;
		}
		run_take_back(r);
	}
	/* What was stopped is no failure of its own, but not done either. */
	return r->was_cut ? scope_check(&r->scope, err) : 0;
}

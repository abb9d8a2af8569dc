#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/digest.h"
#include "base/err.h"
#include "storage/gone_spool.h"
#include "storage/listing.h"
#include "storage/listing_pair.h"
#include "storage/pace.h"
#include "storage/replica_filter.h"
#include "storage/replica_memory.h"
#include "storage/replicate_history.h"

#include "storage/replicate.h"
#include "storage/replicate_private.h"

#define ALL_TRAITS (TRAIT_HEADERS | TRAIT_METADATA | TRAIT_TAGS | TRAIT_TIER)

/* Of VERIFY_SAMPLE: the first, and one in so many. */
#define SAMPLE 100

#define PROBES_MOST 3

void
replicate_pair_id(const struct store *from, const struct store *to, char id[17])
{
	struct digest *d = digest_new(DIGEST_SHA256);
	unsigned char sum[SHA256_BYTES];

	digest_update(d, from->url, strlen(from->url) + 1);
	digest_update(d, to->url, strlen(to->url) + 1);
	digest_final(d, sum);
	digest_free(d);
	hex_encode(sum, 8, id);
}

static bool
is_below(const char *url, const char *of)
{
	size_t len = strlen(of);

	while (len > 0 && of[len - 1] == '/')
		len--;
	return strncmp(url, of, len) == 0 &&
	    (url[len] == '/' || url[len] == '\0');
}

/* Each run would find the last one's copies among its sources. */
static int
check_places(const struct store *from, const struct store *to, struct err *err)
{
	if (is_below(from->url, to->url) || is_below(to->url, from->url))
		return err_set(err, ERR_USAGE,
		    "'%s' and '%s' lie in one another: a copy needs a place "
		    "of its own",
		    from->url, to->url);
	return 0;
}

static void
init_ladders(struct run *r)
{
	const struct replicate_opts *o = r->o;

	r->unprobed = (struct ladder){
	    .from = r->from,
	    .to = r->to,
	    .grants = ladder_grants_new(r->from),
	    .budget = r->budget,
	    .book = r->book,
	    .block_size = o->block_size,
	    .in_flight = o->blocks_in_flight,
	    .put_max = o->put_max,
	    .copy_timeout_ms = o->copy_timeout_ms,
	    .abort_late = o->abort_late,
	};
	r->history = r->unprobed;
	r->history.from = r->to;
	r->history.grants = ladder_grants_new(r->to);
}

const struct ladder *
run_ladder(const struct run *r)
{
	if (!r->is_probed)
		return &r->unprobed;
	return r->put_is_closed ? &r->below_put : &r->probed;
}

static void
init_diff(struct run *r)
{
	const struct replicate_opts *o = r->o;

	replicate_pair_id(r->from, r->to, r->pair);
	replicate_pair_id(r->to, r->from, r->back_pair);
	r->diff = (struct diff_opts){
	    .pair = r->pair,
	    .back_pair = r->back_pair,
	    .traits = o->traits != 0 ? o->traits : ALL_TRAITS,
	    .take_archived = o->take_archived,
	};
	/* A store that cannot set them has nothing to keep equal. */
	if (r->to->ops->traits == NULL)
		r->diff.traits = 0;
	r->with = LIST_TRAITS | replica_filter_needs(o->filter);
	if ((r->diff.traits & TRAIT_TAGS) != 0)
		r->with |= LIST_TAGS;
}

static struct listing *
open_listing(struct run *r, struct store *s, struct err *err)
{
	const struct list_opts opts = {
	    .prefix = r->o->prefix,
	    .with = r->with | LIST_DIRECTORIES,
	};

	return listing_new(s, &r->scope, &opts, err);
}

/*
 * For the first that has a byte to be asked for.  One that cannot be probed is
 * for its own copy to fail by; after a few of them it is done without.
 */
static void
probe(struct run *r, const struct work *w)
{
	struct err ignored = {0};

	if (r->is_probed || w->src.size == 0)
		return;
	r->probed = r->unprobed;
	r->report->requests++;
	if (ladder_probe(&r->probed, &r->scope, w->name, &w->src, &ignored) !=
	    0) {
		if (++r->probes < PROBES_MOST)
			return;
		r->probed = r->unprobed;
	}
	snprintf(r->report->why_streamed, sizeof(r->report->why_streamed), "%s",
	    r->probed.why_streamed);
	r->below_put = r->probed;
	if (r->below_put.first < RUNG_BLOCKS)
		r->below_put.first = RUNG_BLOCKS;
	r->is_probed = true;
}

static bool
is_read_back(const struct run *r)
{
	if (r->o->verify == VERIFY_SAMPLE)
		return r->copies % SAMPLE == 0;
	return r->o->verify == VERIFY_ALL;
}

static int
begin_work(struct run *r, const struct list_item *source,
    const struct list_item *copy, const struct diff *diff, struct err *err)
{
	bool is_mend = diff->verdict == DIFF_MEND;
	struct work *w = work_new(
	    r, is_mend ? WORK_MEND : WORK_COPY, source->name);

	work_set(w, source, copy, diff->traits);
	if (r->o->dry_run) {
		w->result.rung = ladder_choose(w->ladder, &w->src, &w->traits);
		run_plan(r, w);
		work_free(w);
		return 0;
	}
	if (!is_mend) {
		w->read_back = is_read_back(r);
		r->copies++;
		probe(r, w);
	}
	w->ladder = run_ladder(r);
	return run_hand_out(r, w, err);
}

static int
decide_source(struct run *r, const struct list_item *source,
    const struct list_item *copy, struct err *err)
{
	struct arena arena = {0};
	struct list_item wanted;
	struct blob_traits traits;
	struct diff diff = {0};
	char loss[160];
	bool was_open;
	int rc = run_settle(r, source->name, &was_open, err);

	if (was_open)
		return rc;
	work_wanted(r, &arena, source, &wanted, &traits, loss);
	blob_diff(&r->diff, &wanted, copy, &diff);
	if (diff.verdict == DIFF_SAME) {
		r->report->same++;
		r->report->same_by_etag += !diff.content_known;
	} else if (diff.verdict == DIFF_SKIP) {
		run_count_skip(r, diff.skip, source->name, &source->props);
	} else {
		rc = begin_work(r, source, copy, &diff, err);
	}
	arena_release(&arena);
	return rc;
}

static bool
is_own(const char *name)
{
	return strncmp(name, REPLICA_OWN_PREFIX, strlen(REPLICA_OWN_PREFIX)) ==
	    0;
}

/* By tags that nobody tells, nothing would be taken, and that called done. */
static int
check_tags(const struct run *r, const struct list_item *source, struct err *err)
{
	if ((replica_filter_needs(r->o->filter) & LIST_TAGS) == 0 ||
	    source->traits == NULL || source->traits->tags_told)
		return 0;
	return err_set(err, ERR_AUTH,
	    "the filter goes by index tags, and the source does not tell "
	    "those of '%.200s': it takes the right to read tags (the role "
	    "Storage Blob Data Owner, or a SAS with 't'), and an account that "
	    "has them",
	    source->name);
}

static int
decide(struct run *r, const struct list_item *source,
    const struct list_item *copy, struct err *err)
{
	if (is_own(source != NULL ? source->name : copy->name)) {
		r->own_source += source != NULL;
		r->own_copy += copy != NULL;
		return 0;
	}
	if (source == NULL)
		return run_miss(r, copy, err);
	if (check_tags(r, source, err) != 0)
		return -1;
	if (!replica_filter_takes(r->o->filter, source, r->began_ms)) {
		r->report->filtered++;
		return 0;
	}
	if (history_is_name(source->name)) {
		run_count_skip(r, SKIP_OURS, source->name, &source->props);
		return 0;
	}
	return decide_source(r, source, copy, err);
}

/* Which of the two it was that failed, and what it takes. */
static int
blame_listing(struct run *r, struct err *err)
{
	const struct list_item *item;
	struct err again = {0};
	bool is_source = listing_next(r->source, &item, &again) == -1;
	const char *role = is_source ? "Reader, or a SAS with 'rl'"
				     : "Contributor, or a SAS with 'rwdl'";

	if (err->kind == ERR_AUTH)
		return err_in(err,
		    "listing the %s (it takes the role Storage Blob Data %s)",
		    is_source ? "source" : "copy", role);
	return err_in(err, "listing the %s", is_source ? "source" : "copy");
}

static int
open_listings(struct run *r, struct err *err)
{
	r->source = open_listing(r, r->from, err);
	if (r->source == NULL)
		return -1;
	r->copy = open_listing(r, r->to, err);
	return r->copy != NULL ? 0 : -1;
}

static void
close_listings(struct run *r)
{
	listing_free(r->source);
	listing_free(r->copy);
	r->source = r->copy = NULL;
}

static int
walk_once(struct run *r, struct err *err)
{
	const struct list_item *source, *copy;
	struct listing_pair pair;
	int n;

	listing_pair_init(&pair, r->source, r->copy);
	while ((n = listing_pair_next(&pair, &source, &copy, err)) == 1) {
		r->has_begun = true;
		run_take_back(r);
		run_progress(r);
		if (decide(r, source, copy, err) != 0)
			return -1;
	}
	return n == 0 ? 0 : blame_listing(r, err);
}

/* To list tags is a right of its own, and some accounts know none. */
static bool
may_go_without_tags(const struct run *r, const struct err *err)
{
	return err->kind == ERR_AUTH && !r->has_begun &&
	    (r->with & LIST_TAGS) != 0 &&
	    (replica_filter_needs(r->o->filter) & LIST_TAGS) == 0;
}

static int
walk(struct run *r, struct err *err)
{
	int rc = walk_once(r, err);

	if (rc == 0 || !may_go_without_tags(r, err))
		return rc;
	*err = (struct err){0};
	r->with &= ~(unsigned)LIST_TAGS;
	close_listings(r);
	if (open_listings(r, err) != 0)
		return -1;
	return walk_once(r, err);
}

/* What was handed out is brought to its end, whatever ended the walk. */
static int
go(struct run *r, struct err *err)
{
	struct err late = {0};
	bool walked;
	int rc;

	if (run_find_open(r, err) != 0 || open_listings(r, err) != 0)
		return -1;
	rc = walk(r, err);
	if (rc == 0)
		rc = run_settle_rest(r, err);
	if (run_await_all(r, &late) != 0 && rc == 0) {
		*err = late;
		rc = -1;
	}
	walked = rc == 0;
	run_report(r, walked);
	if (walked)
		rc = run_delete(r, err);
	run_report(r, walked);
	if (walked && r->report->failed > 0 &&
	    (rc == 0 || err->kind == ERR_REFUSED)) {
		*err = r->report->first;
		rc = -1;
	}
	return rc;
}

static void
close_run(struct run *r)
{
	crew_free(r->crew);
	close_listings(r);
	free(r->open);
	arena_release(&r->open_arena);
	gone_spool_free(r->missing);
	pace_free(r->pace);
	ladder_grants_free(r->unprobed.grants);
	ladder_grants_free(r->history.grants);
	monitor_release(&r->mon);
}

int
replicate(struct store *from, struct store *to, const struct replicate_opts *o,
    const struct scope *scope, struct replicate_report *report, struct err *err)
{
	struct replica_book *memory = NULL;
	struct budget *own = NULL;
	struct run r = {
	    .from = from,
	    .to = to,
	    .o = o,
	    .report = report,
	    .scope = *scope,
	};
	int rc;

	*report = (struct replicate_report){0};
	if (check_places(from, to, err) != 0)
		return -1;
	if (o->book == NULL)
		memory = replica_memory_new();
	r.book = o->book != NULL ? o->book : memory;
	if (o->budget == NULL)
		own = budget_new(BUDGET_DEFAULT);
	r.budget = o->budget != NULL ? o->budget : own;
	r.began_ms = scope_wall_ms(scope);
	r.began_mono_ms = scope_mono_ms(scope);
	monitor_init(&r.mon);
	init_diff(&r);
	init_ladders(&r);
	r.pace = pace_new(&r.scope, &o->pace);
	r.crew = crew_new(&r.scope, CREW_MOST);
	rc = go(&r, err);
	report->requests += report->source.pages + report->copy.pages;
	close_run(&r);
	replica_memory_free(memory);
	budget_free(own);
	return rc;
}

/*
 * One blob by each way there is.  Whatever fails, whenever the run is stopped
 * or killed, the destination holds what it held, or the copy, whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/budget.h"
#include "base/cancel.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "storage/blob_ladder.h"
#include "storage/replica_book.h"
#include "storage/replica_memory.h"
#include "tests/sim/catcher.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/fake_store.h"

#define SIZE  ((size_t)20 * 512)
#define BLOCK ((size_t)2048)

/* A way, and what makes the ladder take it. */
struct way {
	enum rung rung;
	enum blob_type type;
	bool asked; /* for that rung */
	bool wall;  /* the source cannot be read by the service */
};

static const struct way ways[] = {
    {.rung = RUNG_PUT, .type = BLOB_BLOCK},
    {.rung = RUNG_BLOCKS, .type = BLOB_BLOCK},
    {.rung = RUNG_RANGES, .type = BLOB_PAGE},
    {.rung = RUNG_RANGES, .type = BLOB_APPEND},
    {.rung = RUNG_COPY, .type = BLOB_PAGE, .asked = true},
    {.rung = RUNG_COPY, .type = BLOB_BLOCK, .asked = true},
    {.rung = RUNG_STREAM, .type = BLOB_BLOCK, .wall = true},
    {.rung = RUNG_STREAM, .type = BLOB_PAGE, .wall = true, .asked = true},
    {.rung = RUNG_STREAM, .type = BLOB_APPEND, .wall = true, .asked = true},
};

#define WAYS (sizeof(ways) / sizeof(*ways))

/* The book, which dies with the run that is killed. */
struct mortal_book {
	struct replica_book base;
	struct replica_book_ops ops;
	struct replica_book *inner;
	bool dead;
};

struct ground {
	struct fake_clock clock;
	struct cancel *cancel;
	struct scope scope;
	struct budget *budget;
	struct store *from, *to;
	struct mortal_book book;
	struct ladder l;
	struct ladder_job job;
	struct ladder_result result;
	struct trait metadata;
	char of[32 + ETAG_MAX];
	struct blob_traits traits, old_traits;
	struct blob_props src, old;
	unsigned char data[SIZE], before[512];
	struct err err;

	unsigned at; /* for the watches: the call that it is about */
	bool at_source;
	uint64_t told;
};

static int
mortal_put(struct replica_book *b, const struct book_copy *c, struct err *err)
{
	struct mortal_book *m = (struct mortal_book *)b;

	if (m->dead)
		return err_set(err, ERR_CANCELLED, "killed");
	return m->inner->ops->copy_put(m->inner, c, err);
}

static void
tell(void *arg, uint64_t done, uint64_t total)
{
	struct ground *g = arg;

	assert_int_equal(total, SIZE);
	assert_true(done <= SIZE);
	g->told = done;
}

static void
open_book(struct ground *g)
{
	g->book.inner = replica_memory_new();
	g->book.ops = *g->book.inner->ops;
	g->book.ops.copy_put = mortal_put;
	g->book.base.ops = &g->book.ops;
	g->book.dead = false;
}

/* Page blobs of the other side's: pages that are zeros are in between. */
static void
make_data(struct ground *g)
{
	fill_noise(g->data, SIZE, 7);
	memset(g->data + 512, 0, 1024);
	memset(g->data + SIZE - 512, 0, 512);
	fill_noise(g->before, sizeof(g->before), 8);
}

static struct ground *
up(void)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	g->scope = fake_clock_init(&g->clock);
	g->cancel = cancel_new(NULL);
	g->scope.cancel = g->cancel;
	g->clock.random = 0x5a; /* so that pauses are some */
	g->budget = budget_new((size_t)32 << 20);
	g->from = fake_store_new("source", 0);
	g->to = fake_store_new("dr", 0);
	make_data(g);
	open_book(g);
	g->metadata = (struct trait){TRAIT_SOURCE_NAME, g->of};
	g->traits = (struct blob_traits){
	    .content_type = "text/plain",
	    .metadata = {&g->metadata, 1},
	    .sequence_number = -1,
	};
	g->old_traits = (struct blob_traits){
	    .content_type = "text/old", .sequence_number = -1};
	g->l = (struct ladder){
	    .from = g->from,
	    .to = g->to,
	    .budget = g->budget,
	    .book = &g->book.base,
	    .block_size = BLOCK,
	    .in_flight = 1,
	};
	g->job = (struct ladder_job){
	    .src_name = "a/src",
	    .dst_name = "b/dst",
	    .src = &g->src,
	    .traits = &g->traits,
	    .progress = tell,
	    .progress_arg = g,
	};
	return g;
}

static void
down(struct ground *g)
{
	assert_int_equal(budget_left(g->budget), budget_size(g->budget));
	store_free(g->from);
	store_free(g->to);
	replica_memory_free(g->book.inner);
	budget_free(g->budget);
	cancel_free(g->cancel);
	free(g);
}

/* And the copy is to say what it is one of. */
static void
put_source(struct ground *g, enum blob_type type)
{
	g->src = fake_store_put(
	    g->from, "a/src", type, g->data, SIZE, &g->old_traits);
	snprintf(g->of, sizeof(g->of), "0123456789abcdef:%.*s",
	    (int)strlen(g->src.etag) - 2, g->src.etag + 1);
}

/* That way, with an old blob to replace or none. */
static struct ground *
up_for(const struct way *w, bool replace)
{
	struct ground *g = up();

	put_source(g, w->type);
	if (w->rung != RUNG_PUT)
		g->l.put_max = 1;
	if (w->asked)
		g->l.first = w->rung;
	fake_store_wall(g->from, w->wall);
	if (replace) {
		g->old = fake_store_put(g->to, "b/dst", w->type, g->before,
		    sizeof(g->before), &g->old_traits);
		g->job.replace_etag = g->old.etag;
	}
	return g;
}

static int
copy(struct ground *g)
{
	g->err = (struct err){0};
	g->told = 0;
	return ladder_copy(&g->l, &g->job, &g->scope, &g->result, &g->err);
}

static bool
is_copied(struct ground *g)
{
	const struct fake_seen s = fake_store_see(g->to, "b/dst");
	const char *of;

	if (!fake_store_holds(g->to, "b/dst", g->data, SIZE) ||
	    s.props.type != g->src.type)
		return false;
	of = trait_get(&s.traits->metadata, TRAIT_SOURCE_NAME);
	return of != NULL && strcmp(of, g->metadata.value) == 0 &&
	    strcmp(s.traits->content_type, "text/plain") == 0;
}

static bool
is_as_before(struct ground *g)
{
	const struct fake_seen s = fake_store_see(g->to, "b/dst");

	if (g->job.replace_etag == NULL)
		return !s.there;
	return fake_store_holds(g->to, "b/dst", g->before, sizeof(g->before)) &&
	    strcmp(s.traits->content_type, "text/old") == 0 &&
	    s.traits->metadata.n == 0;
}

static void
must_copy(struct ground *g)
{
	if (copy(g) != 0)
		fail_msg("%s", g->err.text);
	assert_true(is_copied(g));
	assert_int_equal(g->result.props.size, SIZE);
	assert_string_equal(
	    g->result.props.etag, fake_store_see(g->to, "b/dst").props.etag);
	assert_int_equal(fake_store_see(g->to, "b/dst").snapshots, 0);
	assert_int_equal(g->told, SIZE);
}

static int
count_open(void *arg, const struct book_copy *c, struct err *err)
{
	unsigned *n = arg;

	(void)c;
	(void)err;
	++*n;
	return 0;
}

static unsigned
open_rows(struct ground *g)
{
	struct err err = {0};
	unsigned n = 0;

	assert_int_equal(g->book.inner->ops->copies_open(
			     g->book.inner, count_open, &n, &err),
	    0);
	return n;
}

static void
each_way_makes_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * WAYS; i++) {
		const struct way *w = &ways[i / 2];
		struct ground *g = up_for(w, i % 2 == 1);

		must_copy(g);
		assert_int_equal(g->result.rung, w->rung);
		assert_int_equal(open_rows(g), 0);
		assert_int_equal(
		    g->result.streamed > 0, w->rung == RUNG_STREAM);
		down(g);
	}
}

/* Of which the service tells the MD5 that it wrote. */
static void
a_small_blob_takes_one_request(void **state)
{
	struct ground *g = up_for(&ways[0], false);

	(void)state;
	must_copy(g);
	assert_int_equal(g->result.requests, 1);
	assert_int_equal(fake_store_calls(g->to, FAKE_ANY), 1);
	down(g);
}

struct choice {
	enum blob_type type;
	uint64_t size;
	enum blob_tier tier;
	enum rung rung;
};

static void
the_first_rung_is_by_type_size_and_tier(void **state)
{
	static const struct choice choices[] = {
	    {BLOB_BLOCK, 0, TIER_NONE, RUNG_PUT},
	    {BLOB_BLOCK, (uint64_t)256 << 20, TIER_COOL, RUNG_PUT},
	    {BLOB_BLOCK, ((uint64_t)256 << 20) + 1, TIER_HOT, RUNG_BLOCKS},
	    {BLOB_BLOCK, 1, TIER_ARCHIVE, RUNG_COPY},
	    {BLOB_PAGE, 512, TIER_NONE, RUNG_RANGES},
	    {BLOB_APPEND, 1, TIER_NONE, RUNG_RANGES},
	};
	struct ground *g = up();

	(void)state;
	for (size_t i = 0; i < sizeof(choices) / sizeof(*choices); i++) {
		const struct choice *c = &choices[i];
		struct blob_props p = {.type = c->type, .size = c->size};
		struct blob_traits t = {.tier = c->tier};
		struct ladder streaming = g->l;

		assert_int_equal(ladder_choose(&g->l, &p, &t), c->rung);
		streaming.first = RUNG_STREAM;
		assert_int_equal(
		    ladder_choose(&streaming, &p, &t), RUNG_STREAM);
	}
	down(g);
}

static void
what_the_service_cannot_is_tried_another_way(void **state)
{
	struct ground *g = up_for(&ways[0], true);

	(void)state;
	fake_store_fail(g->to, FAKE_PUT, 0, ERR_UNSUPPORTED, FAKE_REFUSED);
	must_copy(g);
	assert_int_equal(g->result.rung, RUNG_BLOCKS);
	assert_string_equal(g->result.why, "injected fault");
	down(g);

	g = up_for(&ways[2], true);
	fake_store_fail(
	    g->to, FAKE_WRITE_FROM, 2, ERR_UNSUPPORTED, FAKE_REFUSED);
	must_copy(g);
	assert_int_equal(g->result.rung, RUNG_COPY);
	down(g);
}

/* Whether the fault showed: false when there is no such call. */
static bool
fails_at(const struct way *w, bool replace, unsigned n, enum err_kind kind,
    enum fake_how how)
{
	struct ground *g = up_for(w, replace);
	bool at_source = n % 2 == 1, seen;
	struct store *s = at_source ? g->from : g->to;

	n = n / 2 + 1;
	fake_store_fail(s, FAKE_ANY, n, kind, how);
	if (copy(g) == 0) {
		assert_true(is_copied(g));
	} else {
		/* The copy stands, and could not be looked at. */
		if (!is_as_before(g) &&
		    !(is_copied(g) && w->rung != RUNG_RANGES))
			fail_msg(
			    "way %d, call %u: %s", w->rung, n, g->err.text);
		assert_ptr_equal(
		    strstr(g->err.text, "copying 'a/src': "), g->err.text);
		assert_int_equal(open_rows(g), 0);
	}
	seen = fake_store_calls(s, FAKE_ANY) >= n;
	/* One that could not be removed is told; but of which the id was never
	 * heard. */
	if (strstr(g->err.text, "keeping what is there") == NULL)
		assert_int_equal(fake_store_see(g->to, "b/dst").snapshots,
		    g->result.left[0] != '\0');
	down(g);
	return seen;
}

static void
the_failure_of_any_call_leaves_the_old_or_the_copy(void **state)
{
	static const enum err_kind kinds[] = {
	    ERR_AUTH, ERR_TRANSIENT, ERR_CONFLICT};

	(void)state;
	for (size_t i = 0; i < 2 * 2 * 3 * WAYS; i++) {
		const struct way *w = &ways[i / 12];
		enum fake_how how = i % 2 != 0 ? FAKE_LOST : FAKE_REFUSED;
		enum err_kind kind = kinds[i / 4 % 3];
		unsigned n = 0;

		while (fails_at(w, i / 2 % 2 != 0, n, kind, how) || n < 2)
			n++;
		assert_true(n > 1);
	}
}

static int
cancel_at(
    void *arg, struct store *s, const struct fake_call *c, struct err *err)
{
	struct ground *g = arg;

	(void)err;
	if ((s == g->from) == g->at_source && !c->done && c->nth_any == g->at &&
	    !cancel_triggered(g->cancel))
		cancel_trigger(g->cancel);
	return 0;
}

/* As by a SIGTERM: what was begun is put right, after its time. */
static bool
is_stopped_at(const struct way *w, unsigned n)
{
	struct ground *g = up_for(w, true);
	bool stopped;

	g->at_source = n % 2 == 1;
	g->at = n / 2 + 1;
	fake_store_watch(g->from, cancel_at, g);
	fake_store_watch(g->to, cancel_at, g);
	if (copy(g) == 0)
		assert_true(is_copied(g));
	else if (!is_as_before(g) && !is_copied(g))
		fail_msg("way %d, call %u: %s", w->rung, n, g->err.text);
	stopped = cancel_triggered(g->cancel);
	assert_int_equal(fake_store_see(g->to, "b/dst").snapshots, 0);
	down(g);
	return stopped;
}

static void
a_run_that_is_stopped_at_any_call_leaves_the_old_or_the_copy(void **state)
{
	(void)state;
	for (size_t i = 0; i < WAYS; i++) {
		unsigned n = 0;

		while (is_stopped_at(&ways[i], n) || n < 2)
			n++;
		assert_true(n > 1);
	}
}

/* From that call on nothing of the run is heard of any more. */
static int
kill_at(void *arg, struct store *s, const struct fake_call *c, struct err *err)
{
	struct ground *g = arg;

	if (s == g->to && !c->done && c->nth_any == g->at)
		g->book.dead = true;
	if (g->book.dead)
		return err_set(err, ERR_CANCELLED, "killed");
	return 0;
}

static int
settle(void *arg, const struct book_copy *c, struct err *err)
{
	struct ground *g = arg;

	return ladder_settle(&g->l, c, &g->scope, err);
}

static bool
survives_a_kill_at(const struct way *w, bool replace, unsigned n)
{
	struct ground *g = up_for(w, replace);
	struct err err = {0};
	bool killed, known;

	fake_store_copies(g->to, 3, COPY_SUCCESS);
	g->at = n;
	fake_store_watch(g->to, kill_at, g);
	fake_store_watch(g->from, kill_at, g);
	copy(g);
	killed = g->book.dead;
	g->book.dead = false;
	fake_store_calm(g->to);
	fake_store_calm(g->from);
	known = open_rows(g) > 0;
	if (g->book.inner->ops->copies_open(g->book.inner, settle, g, &err) !=
	    0)
		fail_msg("way %d, call %u: %s", w->rung, n, err.text);
	assert_int_equal(open_rows(g), 0);
	if (!is_as_before(g) && !is_copied(g))
		fail_msg("way %d, killed at %u: neither", w->rung, n);
	/* Only one that the book had no time to hear of may be left. */
	if (known)
		assert_int_equal(fake_store_see(g->to, "b/dst").snapshots, 0);
	down(g);
	return killed;
}

static void
a_run_that_is_killed_at_any_call_is_put_right_by_the_next(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * WAYS; i++) {
		unsigned n = 1;

		while (survives_a_kill_at(&ways[i / 2], i % 2 == 1, n))
			n++;
		assert_true(n > 1);
	}
}

static int
change_source_at(
    void *arg, struct store *s, const struct fake_call *c, struct err *err)
{
	struct ground *g = arg;

	(void)err;
	if (s == g->to && !c->done && c->nth_any == g->at)
		fake_store_put(g->from, "a/src", g->src.type, g->before,
		    sizeof(g->before), NULL);
	return 0;
}

static void
a_source_that_changes_in_mid_copy_is_a_conflict(void **state)
{
	(void)state;
	for (size_t i = 0; i < WAYS; i++) {
		struct ground *g;
		bool ended = false;

		for (unsigned n = 1; !ended; n++) {
			g = up_for(&ways[i], true);
			g->at = n;
			fake_store_watch(g->to, change_source_at, g);
			ended = copy(g) == 0;
			if (ended) {
				assert_true(is_copied(g));
			} else {
				assert_int_equal(g->err.kind, ERR_CONFLICT);
				assert_true(is_as_before(g));
			}
			assert_true(!ended || n > 1);
			down(g);
		}
	}
}

/* Also when those that are missing are not the last. */
static void
blocks_that_are_there_are_not_asked_for_again(void **state)
{
	struct ground *g = up_for(&ways[1], true);
	const unsigned blocks = (SIZE + BLOCK - 1) / BLOCK;

	(void)state;
	fake_store_fail(g->to, FAKE_STAGE_FROM, blocks, ERR_AUTH, FAKE_REFUSED);
	assert_int_equal(copy(g), -1);
	assert_true(is_as_before(g));
	assert_int_equal(fake_store_see(g->to, "b/dst").blocks, blocks - 1);
	fake_store_lose_block(g->to, "b/dst");
	fake_store_calm(g->to);
	must_copy(g);
	assert_int_equal(fake_store_calls(g->to, FAKE_STAGE_FROM), 2);
	down(g);
}

static const enum fake_op that_make[] = {
    [RUNG_PUT] = FAKE_PUT,
    [RUNG_BLOCKS] = FAKE_COMMIT,
    [RUNG_RANGES] = FAKE_CREATE,
    [RUNG_COPY] = FAKE_START,
};

static void
what_was_made_and_not_told_is_not_made_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * 6; i++) {
		const struct way *w = &ways[i / 2];
		struct ground *g = up_for(w, i % 2 == 1);

		fake_store_fail(
		    g->to, that_make[w->rung], 1, ERR_TRANSIENT, FAKE_LOST);
		must_copy(g);
		assert_int_equal(
		    fake_store_calls(g->to, that_make[w->rung]), 1);
		down(g);
	}
}

static int
see_unfinished(
    void *arg, struct store *s, const struct fake_call *c, struct err *err)
{
	const struct fake_seen seen = fake_store_see(s, "b/dst");
	struct ground *g = arg;
	const char *of;

	(void)err;
	if (c->op != FAKE_WRITE_FROM || !c->done)
		return 0;
	of = trait_get(&seen.traits->metadata, TRAIT_SOURCE_NAME);
	g->at++;
	assert_false(seen.props.has_md5);
	assert_non_null(of);
	assert_ptr_equal(strstr(of, "unfinished:"), of);
	return 0;
}

/* Else the next run, were this one killed, would take it for the same. */
static void
what_is_not_whole_is_never_like_its_source(void **state)
{
	struct ground *g = up_for(&ways[2], false);

	(void)state;
	g->src.has_md5 = true;
	md5(g->data, SIZE, g->src.md5);
	fake_store_watch(g->to, see_unfinished, g);
	must_copy(g);
	assert_int_equal(g->at, 2);
	assert_true(g->result.props.has_md5);
	assert_memory_equal(g->result.props.md5, g->src.md5, MD5_BYTES);
	down(g);
}

/* Else a blob would be made of two sources. */
static void
blocks_of_another_source_are_not_taken(void **state)
{
	struct ground *g = up_for(&ways[1], false);
	const unsigned blocks = (SIZE + BLOCK - 1) / BLOCK;

	(void)state;
	fake_store_fail(g->to, FAKE_COMMIT, 1, ERR_AUTH, FAKE_REFUSED);
	assert_int_equal(copy(g), -1);
	g->data[3] ^= 1;
	put_source(g, BLOB_BLOCK);
	fake_store_calm(g->to);
	must_copy(g);
	assert_int_equal(fake_store_calls(g->to, FAKE_STAGE_FROM), blocks);
	down(g);
}

static void
holes_of_a_page_blob_are_not_copied(void **state)
{
	struct ground *g = up_for(&ways[2], false);

	(void)state;
	must_copy(g);
	/* The first page, and what lies between the holes. */
	assert_int_equal(fake_store_calls(g->to, FAKE_WRITE_FROM), 2);
	down(g);
}

static void
a_copy_blob_that_ends_badly_leaves_the_old_blob(void **state)
{
	static const enum copy_state ends[] = {COPY_FAILED, COPY_ABORTED};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct ground *g = up_for(&ways[4], i < 2);

		fake_store_copies(g->to, 3, ends[i % 2]);
		assert_int_equal(copy(g), -1);
		assert_true(is_as_before(g));
		assert_int_equal(fake_store_calls(g->to, FAKE_POLL), 3 + 1);
		assert_int_equal(open_rows(g), 0);
		assert_int_equal(fake_store_see(g->to, "b/dst").snapshots, 0);
		down(g);
	}
}

static void
a_copy_blob_of_which_the_answer_was_lost_is_followed(void **state)
{
	struct ground *g = up_for(&ways[4], true);

	(void)state;
	fake_store_copies(g->to, 3, COPY_SUCCESS);
	fake_store_fail(g->to, FAKE_START, 1, ERR_TRANSIENT, FAKE_LOST);
	must_copy(g);
	assert_int_equal(fake_store_calls(g->to, FAKE_START), 1);
	down(g);
}

/* Past its time it is given up, or goes on and the next run follows it. */
static void
a_copy_blob_that_is_late_is_aborted_or_followed_later(void **state)
{
	struct err err = {0};

	(void)state;
	for (int abort = 0; abort < 2; abort++) {
		struct ground *g = up_for(&ways[4], true);

		fake_store_copies(g->to, 400, COPY_SUCCESS);
		g->l.abort_late = abort;
		assert_int_equal(copy(g), -1);
		assert_int_equal(g->err.kind, ERR_UNREACHABLE);
		assert_int_equal(
		    fake_store_calls(g->to, FAKE_ABORT), (unsigned)abort);
		assert_int_equal(open_rows(g), !abort);
		if (abort) {
			assert_true(is_as_before(g));
		} else {
			g->l.copy_timeout_ms = INT64_C(24) * 3600 * 1000;
			assert_int_equal(g->book.inner->ops->copies_open(
					     g->book.inner, settle, g, &err),
			    0);
			assert_true(is_copied(g));
			assert_int_equal(
			    fake_store_calls(g->to, FAKE_START), 1);
		}
		down(g);
	}
}

static int
write_at(void *arg, struct store *s, const struct fake_call *c, struct err *err)
{
	struct ground *g = arg;

	(void)err;
	if (s == g->to && !c->done && c->op == FAKE_WRITE_FROM &&
	    c->nth == g->at)
		fake_store_put(s, "b/dst", BLOB_PAGE, g->data, 1024, NULL);
	return 0;
}

/* Not ours to undo; but what it wrote over is kept, and it is told where. */
static void
what_another_wrote_in_mid_copy_is_not_undone(void **state)
{
	struct ground *g = up_for(&ways[2], true);

	(void)state;
	g->at = 2;
	fake_store_watch(g->to, write_at, g);
	assert_int_equal(copy(g), -1);
	assert_non_null(strstr(g->err.text, "another has written it"));
	assert_non_null(strstr(g->err.text, "its snapshot 20"));
	assert_int_equal(fake_store_see(g->to, "b/dst").snapshots, 1);
	assert_int_equal(fake_store_see(g->to, "b/dst").props.size, 1024);
	down(g);
}

static void
only_the_expected_destination_is_replaced(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * WAYS; i++) {
		struct ground *g = up_for(&ways[i / 2], true);

		g->job.replace_etag = i % 2 == 1 ? "\"other\"" : NULL;
		assert_int_equal(copy(g), -1);
		assert_int_equal(g->err.kind, ERR_CONFLICT);
		assert_true(fake_store_holds(
		    g->to, "b/dst", g->before, sizeof(g->before)));
		fake_store_drop(g->to, "b/dst");
		g->job.replace_etag = g->old.etag;
		assert_int_equal(copy(g), -1);
		assert_int_equal(g->err.kind, ERR_CONFLICT);
		assert_false(fake_store_see(g->to, "b/dst").there);
		down(g);
	}
}

static void
a_blob_of_another_type_is_not_replaced(void **state)
{
	struct ground *g = up_for(&ways[1], true);

	(void)state;
	g->old = fake_store_put(
	    g->to, "b/dst", BLOB_PAGE, g->before, sizeof(g->before), NULL);
	assert_int_equal(copy(g), -1);
	assert_int_equal(g->err.kind, ERR_REFUSED);
	down(g);
}

/* From a store that has no types but one, as from Azure. */
static void
to_a_store_without_types_all_are_streamed(void **state)
{
	struct ground *g = up_for(&ways[2], false);
	struct store *plain = fake_store_new("plain",
	    STORE_CAP_KINDS | STORE_CAP_UNDO | STORE_CAP_COPY_FROM_URL);

	(void)state;
	g->l.to = plain;
	assert_int_equal(copy(g), 0);
	assert_int_equal(g->result.rung, RUNG_STREAM);
	assert_string_equal(
	    g->result.why, "the destination has no server-side copy");
	assert_true(fake_store_holds(plain, "b/dst", g->data, SIZE));
	assert_int_equal(fake_store_see(plain, "b/dst").props.type, BLOB_BLOCK);
	store_free(plain);
	down(g);
}

static void
a_snapshot_of_the_source_is_copied_by_the_service(void **state)
{
	(void)state;
	for (size_t i = 1; i < 6; i += 1) {
		struct ground *g = up_for(&ways[i], true);
		char id[64];

		assert_int_equal(
		    g->from->ops->undo->snapshot(
			g->from, &g->scope, "a/src", g->src.etag, id, &g->err),
		    0);
		fake_store_put(g->from, "a/src", ways[i].type, g->before,
		    sizeof(g->before), NULL);
		g->job.src_snapshot = id;
		must_copy(g);
		assert_int_equal(g->result.rung, ways[i].rung);
		down(g);
	}
}

static void
an_append_blob_that_is_sealed_becomes_one(void **state)
{
	struct ground *g = up_for(&ways[3], true);

	(void)state;
	g->traits.is_sealed = true;
	must_copy(g);
	assert_true(fake_store_see(g->to, "b/dst").traits->is_sealed);
	down(g);
}

/* What turned on its way is seen by the MD5 that the source's store tells. */
static void
bytes_that_are_not_the_sources_are_not_kept(void **state)
{
	static const size_t some[] = {0, 6, 7};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct ground *g = up_for(&ways[some[i]], true);

		g->src.has_md5 = true;
		memset(g->src.md5, 0x5a, MD5_BYTES);
		assert_int_equal(copy(g), -1);
		assert_true(is_as_before(g));
		down(g);
	}
}

static void
the_probe_finds_out_once_whether_the_service_reads_the_source(void **state)
{
	struct ground *g = up_for(&ways[1], false);

	(void)state;
	g->l.grants = ladder_grants_new(g->from);
	assert_int_equal(
	    ladder_probe(&g->l, &g->scope, "a/src", &g->src, &g->err), 0);
	assert_int_equal(g->l.first, RUNG_PUT);
	assert_string_equal(g->l.why_streamed, "");
	assert_int_equal(fake_store_count(g->to), 0);
	fake_store_wall(g->from, true);
	assert_int_equal(
	    ladder_probe(&g->l, &g->scope, "a/src", &g->src, &g->err), 0);
	assert_int_equal(g->l.first, RUNG_STREAM);
	assert_string_not_equal(g->l.why_streamed, "");
	must_copy(g);
	assert_string_equal(g->result.why, g->l.why_streamed);
	assert_int_equal(fake_store_calls(g->to, FAKE_STAGE_FROM), 2);
	fake_store_fail(g->to, FAKE_STAGE_FROM, 3, ERR_AUTH, FAKE_REFUSED);
	assert_int_equal(
	    ladder_probe(&g->l, &g->scope, "a/src", &g->src, &g->err), -1);
	assert_int_equal(g->err.kind, ERR_AUTH);
	ladder_grants_free(g->l.grants);
	down(g);
}

#define TEST(f) cmocka_unit_test(f)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(each_way_makes_the_same),
	    TEST(a_small_blob_takes_one_request),
	    TEST(the_first_rung_is_by_type_size_and_tier),
	    TEST(what_the_service_cannot_is_tried_another_way),
	    TEST(the_failure_of_any_call_leaves_the_old_or_the_copy),
	    TEST(a_run_that_is_stopped_at_any_call_leaves_the_old_or_the_copy),
	    TEST(a_run_that_is_killed_at_any_call_is_put_right_by_the_next),
	    TEST(a_source_that_changes_in_mid_copy_is_a_conflict),
	    TEST(blocks_that_are_there_are_not_asked_for_again),
	    TEST(what_was_made_and_not_told_is_not_made_again),
	    TEST(what_is_not_whole_is_never_like_its_source),
	    TEST(blocks_of_another_source_are_not_taken),
	    TEST(holes_of_a_page_blob_are_not_copied),
	    TEST(a_copy_blob_that_ends_badly_leaves_the_old_blob),
	    TEST(a_copy_blob_of_which_the_answer_was_lost_is_followed),
	    TEST(a_copy_blob_that_is_late_is_aborted_or_followed_later),
	    TEST(what_another_wrote_in_mid_copy_is_not_undone),
	    TEST(only_the_expected_destination_is_replaced),
	    TEST(a_blob_of_another_type_is_not_replaced),
	    TEST(to_a_store_without_types_all_are_streamed),
	    TEST(a_snapshot_of_the_source_is_copied_by_the_service),
	    TEST(an_append_blob_that_is_sealed_becomes_one),
	    TEST(bytes_that_are_not_the_sources_are_not_kept),
	    TEST(the_probe_finds_out_once_whether_the_service_reads_the_source),
	};

	return cmocka_run_group_tests_name("blob_ladder", tests, NULL, NULL);
}

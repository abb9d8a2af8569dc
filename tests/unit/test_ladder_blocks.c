#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/budget.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "storage/blob_ladder.h"
#include "storage/range_copy.h"
#include "storage/store.h"
#include "tests/sim/catcher.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/store_copier.h"
#include "tests/sim/store_fault.h"
#include "tests/sim/temp_dir.h"

#define SIZE   ((size_t)700001)
#define BLOCK  ((size_t)65536)
#define BLOCKS ((SIZE + BLOCK - 1) / BLOCK)

/* Two places, both fault(copier(file)) or fault(file). */
struct ground {
	struct temp_dir dir[2];
	struct fake_clock clock;
	struct scope scope;
	struct store *from, *to;
	struct budget *budget;
	unsigned char *data;
	struct blob_props src;
	bool copiers;
	unsigned in_flight;
	int64_t range_takes_ms;
	uint64_t told;
};

static void
open_stores(struct ground *g)
{
	struct store *a = temp_dir_store(&g->dir[0]);
	struct store *b = temp_dir_store(&g->dir[1]);

	store_free(g->from);
	store_free(g->to);
	g->from = store_fault_new(g->copiers ? store_copier_new(a) : a);
	g->to = store_fault_new(g->copiers ? store_copier_new(b) : b);
}

static int
setup_with(void **state, bool copiers)
{
	struct ground *g = xcalloc(1, sizeof(*g));
	struct commit_opts opts = {.content_type = "text/plain"};
	struct err err = {0};

	g->copiers = copiers;
	g->in_flight = 3;
	for (int i = 0; i < 2; i++)
		temp_dir_make(&g->dir[i]);
	g->scope = fake_clock_init(&g->clock);
	g->budget = budget_new((size_t)32 << 20);
	g->data = xmalloc(SIZE);
	fill_noise(g->data, SIZE, 42);
	open_stores(g);
	assert_int_equal(store_put(g->from, &g->scope, "a/src", g->data, SIZE,
			     &opts, &g->src, &err),
	    0);
	open_stores(g);
	*state = g;
	return 0;
}

static int
setup_server(void **state)
{
	return setup_with(state, true);
}

static int
setup_streamed(void **state)
{
	return setup_with(state, false);
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	assert_int_equal(budget_left(g->budget), budget_size(g->budget));
	store_free(g->from);
	store_free(g->to);
	for (int i = 0; i < 2; i++)
		temp_dir_remove(&g->dir[i]);
	budget_free(g->budget);
	free(g->data);
	free(g);
	return 0;
}

static void
tell(void *arg, uint64_t done, uint64_t total)
{
	struct ground *g = arg;

	assert_true(done > g->told && total == SIZE);
	g->told = done;
	if (g->range_takes_ms > 0) /* one at a time */
		fake_clock_pass(&g->clock, g->range_takes_ms);
}

static int
copy(struct ground *g, const char *replace, struct ladder_result *result,
    struct err *err)
{
	const struct ladder l = {
	    .from = g->from,
	    .to = g->to,
	    .block_size = BLOCK,
	    .in_flight = g->in_flight,
	    .budget = g->budget,
	};
	const struct ladder_job job = {
	    .src_name = "a/src",
	    .dst_name = "b/dst",
	    .src = &g->src,
	    .replace_etag = replace,
	    .progress = tell,
	    .progress_arg = g,
	};

	*err = (struct err){0};
	g->told = 0;
	return ladder_copy(&l, &job, &g->scope, result, err);
}

static bool
holds(struct ground *g, const void *data, size_t len)
{
	struct store *s = temp_dir_store(&g->dir[1]);
	struct err err = {0};
	struct buf buf;
	bool same;

	buf_init(&buf, SIZE);
	same = store_get(s, &g->scope, "b/dst", SIZE, &buf, NULL, &err) == 0 &&
	    buf.len == len && memcmp(buf.data, data, len) == 0;
	buf_release(&buf);
	store_free(s);
	return same;
}

static void
assert_copied(struct ground *g, const struct ladder_result *r)
{
	assert_true(holds(g, g->data, SIZE));
	assert_int_equal(g->told, SIZE);
	assert_int_equal(r->props.size, SIZE);
	if (g->src.has_md5) {
		assert_true(r->props.has_md5);
		assert_memory_equal(r->props.md5, g->src.md5, MD5_BYTES);
		assert_string_equal(r->props.content_type, "text/plain");
	}
}

static void
the_server_copies_where_it_can(void **state)
{
	struct ground *g = *state;
	struct ladder_result r;
	struct err err;

	assert_int_equal(copy(g, NULL, &r, &err), 0);
	assert_copied(g, &r);
	assert_int_equal(r.rung, RUNG_BLOCKS);
	assert_string_equal(r.why, "it copies by blocks");
	assert_int_equal(store_fault_calls(g->to, FAULT_STAGE_FROM), BLOCKS);
	assert_int_equal(store_fault_calls(g->from, FAULT_GRANT), 1);
	assert_int_equal(store_fault_calls(g->from, FAULT_READ), 0);
}

/* A copy may take longer than a grant lives. */
static void
a_grant_that_runs_out_is_renewed(void **state)
{
	struct ground *g = *state;
	struct ladder_result r;
	struct err err;

	g->in_flight = 1;
	g->range_takes_ms = 20 * 60 * 1000;
	assert_int_equal(copy(g, NULL, &r, &err), 0);
	assert_copied(g, &r);
	assert_int_equal(
	    store_fault_calls(g->from, FAULT_GRANT), (BLOCKS + 2) / 3);
}

static void
without_a_server_it_streams_and_says_why(void **state)
{
	struct ground *g = *state;
	struct ladder_result r;
	struct err err;

	assert_int_equal(copy(g, NULL, &r, &err), 0);
	assert_copied(g, &r);
	assert_int_equal(r.rung, RUNG_STREAM);
	assert_string_equal(r.why, "the destination has no server-side copy");
}

static void
a_server_that_cannot_reach_the_source_is_no_failure(void **state)
{
	struct ground *g = *state;
	/* At the first range, or when a firewall closes half-way. */
	for (unsigned nth = 1; nth < 6; nth += 4) {
		struct fault fault = {.op = FAULT_STAGE_FROM,
		    .nth = nth,
		    .how = FAULT_FAIL,
		    .kind = ERR_UNSUPPORTED};
		struct ladder_result r;
		struct err err;

		open_stores(g);
		store_fault_add(g->to, &fault);
		assert_int_equal(copy(g, NULL, &r, &err), 0);
		assert_true(holds(g, g->data, SIZE));
		assert_int_equal(r.rung, RUNG_STREAM);
		/* Of which bytes it was is no part of the reason. */
		assert_ptr_equal(strstr(r.why, "injected fault"), r.why);
		assert_int_equal(
		    g->to->ops->remove(g->to, &g->scope, "b/dst", NULL, &err),
		    0);
	}
}

static void
put_old(struct ground *g, struct blob_props *old)
{
	struct err err = {0};

	open_stores(g);
	assert_int_equal(
	    store_put(g->to, &g->scope, "b/dst", "old", 3, NULL, old, &err), 0);
	open_stores(g);
}

/* The n-th call of one store fails; false when there is no n-th. */
static bool
fails_at(struct ground *g, bool at_source, unsigned n)
{
	struct fault fault = {
	    .op = FAULT_ANY, .nth = n, .how = FAULT_FAIL, .kind = ERR_AUTH};
	struct ladder_result r;
	struct blob_props old;
	struct err err;

	put_old(g, &old);
	store_fault_add(at_source ? g->from : g->to, &fault);
	if (copy(g, old.etag, &r, &err) == 0) {
		assert_true(holds(g, g->data, SIZE));
		return false;
	}
	assert_int_equal(err.kind, ERR_AUTH);
	assert_non_null(strstr(err.text, "copying 'a/src': "));
	if (strstr(err.text, "looking at the copy") != NULL)
		assert_true(holds(g, g->data, SIZE));
	else
		assert_true(holds(g, "old", 3));
	return true;
}

static void
the_failure_of_any_call_leaves_the_old_copy(void **state)
{
	struct ground *g = *state;
	unsigned n = 1;

	while (fails_at(g, true, n))
		n++;
	assert_true(n > 1);
	for (n = 1; fails_at(g, false, n);)
		n++;
	/* A look, the blocks, the commit, a look; before them what the server
	 * is asked for, a blob in one piece and which blocks it has. */
	assert_int_equal(n, BLOCKS + (g->copiers ? 6 : 4));
}

static void
a_source_that_changed_is_a_conflict(void **state)
{
	struct ground *g = *state;
	struct ladder_result r;
	struct err err = {0};

	assert_int_equal(store_put(g->from, &g->scope, "a/src", g->data, SIZE,
			     NULL, NULL, &err),
	    0);
	assert_int_equal(copy(g, NULL, &r, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_false(holds(g, g->data, SIZE));
}

static void
only_the_expected_destination_is_replaced(void **state)
{
	struct ground *g = *state;
	struct blob_props old;
	struct ladder_result r;
	struct err err = {0};

	assert_int_equal(copy(g, "\"none\"", &r, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_int_equal(
	    store_put(g->to, &g->scope, "b/dst", "old", 3, NULL, &old, &err),
	    0);
	assert_int_equal(copy(g, NULL, &r, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_int_equal(copy(g, "\"other\"", &r, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_true(holds(g, "old", 3));
	/* All of that before a byte was moved. */
	assert_int_equal(store_fault_calls(g->from, FAULT_READ), 0);
	assert_int_equal(store_fault_calls(g->to, FAULT_STAGE_FROM), 0);
	assert_int_equal(copy(g, old.etag, &r, &err), 0);
	assert_copied(g, &r);
}

static void
a_commit_whose_answer_was_lost_is_read_back(void **state)
{
	struct ground *g = *state;
	struct fault fault = {.op = FAULT_COMMIT,
	    .nth = 1,
	    .how = FAULT_LOSE_ANSWER,
	    .kind = ERR_TRANSIENT};
	struct ladder_result r;
	struct err err;

	store_fault_add(g->to, &fault);
	assert_int_equal(copy(g, NULL, &r, &err), 0);
	assert_copied(g, &r);
	assert_int_equal(store_fault_calls(g->to, FAULT_COMMIT), 1);
}

static void
bytes_that_turned_on_the_way_are_not_committed(void **state)
{
	struct ground *g = *state;
	struct fault fault = {.op = FAULT_READ, .nth = 1, .how = FAULT_FLIP};
	struct ladder_result r;
	struct err err;

	assert_true(g->src.has_md5);
	store_fault_add(g->from, &fault);
	assert_int_equal(copy(g, NULL, &r, &err), -1);
	assert_int_equal(err.kind, ERR_CORRUPT);
	assert_int_equal(store_fault_calls(g->to, FAULT_COMMIT), 0);
}

static void
an_empty_blob_is_copied(void **state)
{
	struct ground *g = *state;
	struct ladder_result r;
	struct err err = {0};

	assert_int_equal(
	    store_put(g->from, &g->scope, "a/src", "", 0, NULL, &g->src, &err),
	    0);
	assert_int_equal(copy(g, NULL, &r, &err), 0);
	assert_true(holds(g, "", 0));
}

static struct block_id
first_id(struct ground *g, const char *name, const char *etag, size_t block)
{
	struct blob_props props = {.size = BLOCK};
	struct range_copy rc = {.from = g->from,
	    .src_name = name,
	    .src = &props,
	    .block_size = block};
	struct block_id id;

	strcpy(props.etag, etag);
	range_copy_ids(&rc, &id);
	return id;
}

/* So that a second try replaces the first one's blocks, and no other's. */
static void
block_ids_come_from_what_is_copied(void **state)
{
	struct ground *g = *state;
	struct block_id a = first_id(g, "x", "\"1\"", BLOCK);
	struct block_id b = first_id(g, "x", "\"1\"", BLOCK);
	struct block_id other[3] = {first_id(g, "x", "\"2\"", BLOCK),
	    first_id(g, "y", "\"1\"", BLOCK),
	    first_id(g, "x", "\"1\"", BLOCK + 1)};

	assert_string_equal(a.hex, b.hex);
	assert_int_equal(strlen(a.hex), 24);
	for (int i = 0; i < 3; i++)
		assert_string_not_equal(a.hex, other[i].hex);
}

#define SERVER(f)   cmocka_unit_test_setup_teardown(f, setup_server, teardown)
#define STREAMED(f) cmocka_unit_test_setup_teardown(f, setup_streamed, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SERVER(the_server_copies_where_it_can),
	    SERVER(a_grant_that_runs_out_is_renewed),
	    STREAMED(without_a_server_it_streams_and_says_why),
	    SERVER(a_server_that_cannot_reach_the_source_is_no_failure),
	    SERVER(the_failure_of_any_call_leaves_the_old_copy),
	    STREAMED(the_failure_of_any_call_leaves_the_old_copy),
	    SERVER(a_source_that_changed_is_a_conflict),
	    STREAMED(a_source_that_changed_is_a_conflict),
	    SERVER(only_the_expected_destination_is_replaced),
	    STREAMED(only_the_expected_destination_is_replaced),
	    SERVER(a_commit_whose_answer_was_lost_is_read_back),
	    STREAMED(a_commit_whose_answer_was_lost_is_read_back),
	    STREAMED(bytes_that_turned_on_the_way_are_not_committed),
	    SERVER(an_empty_blob_is_copied),
	    STREAMED(an_empty_blob_is_copied),
	    SERVER(block_ids_come_from_what_is_copied),
	};

	return cmocka_run_group_tests_name("ladder_blocks", tests, NULL, NULL);
}

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
#include "base/buf.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/flow.h"
#include "base/scope.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "storage/blob_writer.h"
#include "storage/store.h"
#include "tests/sim/catcher.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/store_fault.h"
#include "tests/sim/temp_dir.h"

#define SIZE  ((size_t)1000003)
#define BLOCK ((size_t)65536)
#define MIB   ((uint64_t)1 << 20)

/* Pauses between tries cost no time here. */
struct ground {
	struct temp_dir dir;
	struct fake_clock clock;
	struct scope scope;
	struct store *s; /* a store_fault around a file store */
	struct budget *budget;
	unsigned char *data;
};

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	temp_dir_make(&g->dir);
	g->scope = fake_clock_init(&g->clock);
	g->s = store_fault_new(temp_dir_store(&g->dir));
	g->budget = budget_new((size_t)16 << 20);
	g->data = xmalloc(SIZE);
	fill_noise(g->data, SIZE, 42);
	*state = g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	assert_int_equal(budget_left(g->budget), budget_size(g->budget));
	store_free(g->s);
	temp_dir_remove(&g->dir);
	budget_free(g->budget);
	free(g->data);
	free(g);
	return 0;
}

static int
write_blob(struct ground *g, const char *name, const struct commit_opts *opts,
    struct err *err)
{
	struct blob_writer_opts wopts = {
	    .block_size = BLOCK, .in_flight = 3, .budget = g->budget};
	struct flow *f = flow_new(&g->scope);
	struct sink *w = blob_writer_new(
	    g->s, name, flow_scope(f), &wopts, err);
	int rc = flow_append(f, w);

	if (rc == 0)
		rc = write_steps(w, g->data, SIZE, 7777, err);
	if (rc == 0)
		rc = sink_finish(w, err);
	if (rc != 0)
		flow_failed(f, err);
	if (rc == 0)
		rc = blob_writer_commit(w, &g->scope, opts, NULL, err);
	flow_free(f);
	return rc;
}

static bool
exists(struct ground *g, const char *name)
{
	struct store *s = temp_dir_store(&g->dir);
	struct blob_props props;
	struct err err = {0};
	int rc = s->ops->stat(s, &g->scope, name, &props, &err);

	store_free(s);
	return rc == 0;
}

static void
assert_written(struct ground *g, const char *name)
{
	struct store *s = temp_dir_store(&g->dir);
	struct err err = {0};
	struct buf buf;

	buf_init(&buf, SIZE);
	assert_int_equal(
	    store_get(s, &g->scope, name, SIZE, &buf, NULL, &err), 0);
	assert_int_equal(buf.len, SIZE);
	assert_memory_equal(buf.data, g->data, SIZE);
	buf_release(&buf);
	store_free(s);
}

static void
a_stream_becomes_the_blob_in_blocks(void **state)
{
	struct ground *g = *state;
	struct err err = {0};

	assert_int_equal(write_blob(g, "dump", NULL, &err), 0);
	assert_written(g, "dump");
	assert_int_equal(
	    store_fault_calls(g->s, FAULT_STAGE), (SIZE + BLOCK - 1) / BLOCK);
	assert_int_equal(store_fault_calls(g->s, FAULT_COMMIT), 1);
	assert_int_equal(store_fault_calls(g->s, FAULT_DISCARD), 0);
}

static void
an_empty_stream_becomes_an_empty_blob(void **state)
{
	struct ground *g = *state;
	struct blob_writer_opts opts = {
	    .block_size = BLOCK, .budget = g->budget};
	struct err err = {0};
	struct sink *w = blob_writer_new(g->s, "e", &g->scope, &opts, &err);
	struct blob_props props;

	assert_int_equal(sink_finish(w, &err), 0);
	assert_int_equal(
	    blob_writer_commit(w, &g->scope, NULL, &props, &err), 0);
	assert_int_equal(props.size, 0);
	sink_free(w);
	assert_true(exists(g, "e"));
}

static void
freed_before_the_commit_it_leaves_nothing(void **state)
{
	struct ground *g = *state;
	struct blob_writer_opts opts = {
	    .block_size = BLOCK, .budget = g->budget};
	struct err err = {0};
	struct sink *w = blob_writer_new(g->s, "n", &g->scope, &opts, &err);

	assert_int_equal(write_steps(w, g->data, SIZE, 0, &err), 0);
	assert_int_equal(sink_finish(w, &err), 0);
	sink_free(w);
	assert_false(exists(g, "n"));
	assert_int_equal(store_fault_calls(g->s, FAULT_COMMIT), 0);
	assert_int_equal(store_fault_calls(g->s, FAULT_DISCARD), 1);
}

/* Whichever call fails, the error is told, the old blob stays. */
static void
the_failure_of_any_call_leaves_the_old_blob(void **state)
{
	struct ground *g = *state;
	unsigned calls = (unsigned)((SIZE + BLOCK - 1) / BLOCK) + 1;
	struct err err = {0};

	for (unsigned n = 1; n <= calls; n++) {
		struct store *s;
		struct fault fault = {.op = FAULT_ANY,
		    .nth = n,
		    .how = FAULT_FAIL,
		    .kind = ERR_AUTH};

		store_free(g->s);
		g->s = store_fault_new(temp_dir_store(&g->dir));
		assert_int_equal(store_put(g->s, &g->scope, "dump", "old", 3,
				     NULL, NULL, &err),
		    0);
		s = g->s;
		g->s = store_fault_new(s);
		store_fault_add(g->s, &fault);
		err = (struct err){0};
		assert_int_equal(write_blob(g, "dump", NULL, &err), -1);
		assert_int_equal(err.kind, ERR_AUTH);
		assert_non_null(strstr(err.text, "'dump': "));
		assert_non_null(strstr(err.text, "injected fault"));
		assert_int_equal(store_fault_calls(g->s, FAULT_DISCARD), 1);
	}
	{
		struct buf buf;

		buf_init(&buf, 10);
		assert_int_equal(
		    store_get(g->s, &g->scope, "dump", 10, &buf, NULL, &err),
		    0);
		assert_string_equal(buf.data, "old");
		buf_release(&buf);
	}
}

static void
a_later_write_reports_an_earlier_failure(void **state)
{
	struct ground *g = *state;
	struct blob_writer_opts opts = {
	    .block_size = 10, .in_flight = 1, .budget = g->budget};
	struct fault fault = {.op = FAULT_STAGE, .nth = 2, .kind = ERR_SYSTEM};
	struct err err = {0};
	struct sink *w;
	int writes = 0;

	store_fault_add(g->s, &fault);
	w = blob_writer_new(g->s, "x", &g->scope, &opts, &err);
	while (sink_write_bytes(w, "0123456789", 10, &err) == 0)
		assert_true(++writes < 6);
	assert_int_equal(err.kind, ERR_SYSTEM);
	assert_string_equal(err.text, "writing 'x': block 1: injected fault");
	err = (struct err){0};
	assert_true(w->ops->failure(w, &err));
	assert_int_equal(err.kind, ERR_SYSTEM);
	sink_free(w);
}

static void
a_commit_whose_answer_was_lost_is_read_back(void **state)
{
	struct ground *g = *state;
	struct commit_opts absent = {.cond.if_absent = true};
	struct fault fault = {.op = FAULT_COMMIT,
	    .nth = 1,
	    .how = FAULT_LOSE_ANSWER,
	    .kind = ERR_TRANSIENT};
	struct err err = {0};

	store_fault_add(g->s, &fault);
	assert_int_equal(write_blob(g, "dump", &absent, &err), 0);
	assert_written(g, "dump");
	assert_int_equal(store_fault_calls(g->s, FAULT_COMMIT), 1);
	assert_int_equal(store_fault_calls(g->s, FAULT_STAT), 1);
}

static void
a_commit_that_failed_for_a_moment_is_tried_again(void **state)
{
	struct ground *g = *state;
	struct commit_opts absent = {.cond.if_absent = true};
	struct fault fault = {.op = FAULT_COMMIT,
	    .nth = 1,
	    .how = FAULT_FAIL,
	    .kind = ERR_TRANSIENT};
	struct err err = {0};

	store_fault_add(g->s, &fault);
	assert_int_equal(write_blob(g, "dump", &absent, &err), 0);
	assert_written(g, "dump");
	assert_int_equal(store_fault_calls(g->s, FAULT_COMMIT), 2);
}

/* The read-back fails as well, so the second commit meets the first's blob. */
static void
a_conflict_with_oneself_is_success(void **state)
{
	struct ground *g = *state;
	struct commit_opts absent = {.cond.if_absent = true};
	struct fault lost = {.op = FAULT_COMMIT,
	    .nth = 1,
	    .how = FAULT_LOSE_ANSWER,
	    .kind = ERR_TRANSIENT};
	struct fault again = {.op = FAULT_COMMIT,
	    .nth = 2,
	    .how = FAULT_FAIL,
	    .kind = ERR_CONFLICT};
	struct fault blind = {.op = FAULT_STAT,
	    .nth = 1,
	    .how = FAULT_FAIL,
	    .kind = ERR_TRANSIENT};
	struct err err = {0};

	store_fault_add(g->s, &lost);
	store_fault_add(g->s, &again);
	store_fault_add(g->s, &blind);
	assert_int_equal(write_blob(g, "dump", &absent, &err), 0);
	assert_written(g, "dump");
}

static void
a_blob_of_somebody_else_is_not_taken_for_ours(void **state)
{
	struct ground *g = *state;
	struct commit_opts absent = {.cond.if_absent = true};
	struct fault fault = {.op = FAULT_COMMIT,
	    .nth = 1,
	    .how = FAULT_FAIL,
	    .kind = ERR_TRANSIENT};
	struct err err = {0};

	assert_int_equal(
	    store_put(g->s, &g->scope, "dump", "theirs", 6, NULL, NULL, &err),
	    0);
	fault.nth = 2;
	store_fault_add(g->s, &fault);
	assert_int_equal(write_blob(g, "dump", &absent, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
}

/* Of the same size, so that only its ETag tells it from ours. */
static void
the_old_blob_is_not_taken_for_ours(void **state)
{
	struct ground *g = *state;
	unsigned char *old = xmalloc(SIZE);
	struct fault fault = {.op = FAULT_COMMIT,
	    .nth = 2,
	    .how = FAULT_FAIL,
	    .kind = ERR_TRANSIENT};
	struct blob_props props;
	struct commit_opts opts = {.cond.if_match = props.etag};
	struct err err = {0};

	store_fault_add(g->s, &fault);
	fill_noise(old, SIZE, 1);
	assert_int_equal(
	    store_put(g->s, &g->scope, "dump", old, SIZE, NULL, &props, &err),
	    0);
	assert_int_equal(write_blob(g, "dump", &opts, &err), 0);
	assert_written(g, "dump");
	free(old);
}

static void
an_unconditional_replacement_proves_itself_by_md5(void **state)
{
	struct ground *g = *state;
	struct fault fault = {.op = FAULT_COMMIT,
	    .nth = 2,
	    .how = FAULT_LOSE_ANSWER,
	    .kind = ERR_TRANSIENT};
	struct err err = {0};

	store_fault_add(g->s, &fault);
	assert_int_equal(
	    store_put(g->s, &g->scope, "m", "one", 3, NULL, NULL, &err), 0);
	assert_int_equal(
	    store_put(g->s, &g->scope, "m", "two", 3, NULL, NULL, &err), 0);
	assert_int_equal(store_fault_calls(g->s, FAULT_COMMIT), 2);
}

static void
cancelling_the_flow_ends_what_is_in_flight(void **state)
{
	struct ground *g = *state;
	struct fault hold = {.op = FAULT_STAGE,
	    .nth = 0,
	    .how = FAULT_DELAY,
	    .delay_ms = 3600 * 1000};
	struct blob_writer_opts opts = {
	    .block_size = BLOCK, .in_flight = 2, .budget = g->budget};
	struct scope real = scope_root(NULL);
	struct flow *f = flow_new(&real);
	struct err err = {0};

	store_fault_add(g->s, &hold);
	assert_int_equal(
	    flow_append(
		f, blob_writer_new(g->s, "c", flow_scope(f), &opts, &err)),
	    0);
	assert_int_equal(
	    write_steps(flow_head(f), g->data, 2 * BLOCK, 0, &err), 0);
	flow_free(f);
	assert_false(exists(g, "c"));
}

static void
a_blob_has_an_end_and_says_how_far_it_is(void **state)
{
	struct ground *g = *state;
	struct blob_writer_opts opts = {
	    .block_size = 1, .in_flight = 2, .budget = g->budget};
	struct err err = {0};
	struct sink *w = blob_writer_new(g->s, "x", &g->scope, &opts, &err);

	assert_int_equal(blob_writer_room(w), BLOCKS_MAX);
	assert_int_equal(write_steps(w, g->data, BLOCKS_MAX, 0, &err), 0);
	assert_int_equal(blob_writer_room(w), 0);
	assert_int_equal(blob_writer_size(w), BLOCKS_MAX);
	assert_int_equal(sink_write_bytes(w, "x", 1, &err), -1);
	assert_int_equal(err.kind, ERR_USAGE);
	assert_non_null(strstr(err.text, "50000 blocks"));
	sink_free(w);
}

static void
memory_is_taken_when_it_is_made_or_not_at_all(void **state)
{
	struct ground *g = *state;
	struct blob_writer_opts opts = {
	    .block_size = (size_t)4 << 20, .budget = g->budget};
	struct err err = {0};
	struct sink *w;

	assert_null(blob_writer_new(g->s, "x", &g->scope, &opts, &err));
	assert_int_equal(err.kind, ERR_USAGE);
	opts.in_flight = 3;
	w = blob_writer_new(g->s, "x", &g->scope, &opts, &err);
	assert_non_null(w);
	assert_int_equal(budget_left(g->budget), 0);
	sink_free(w);
	opts.block_size = (size_t)BLOCK_BYTES_MAX + 1;
	assert_null(blob_writer_new(g->s, "x", &g->scope, &opts, &err));
	assert_int_equal(err.kind, ERR_USAGE);
}

static void
its_blocks_follow_the_memory_and_what_is_in_flight(void **state)
{
	struct ground *g = *state;
	size_t all = budget_size(g->budget);
	struct blob_writer_opts opts = {.budget = g->budget};
	struct err err = {0};
	struct sink *w;

	for (opts.in_flight = 1; opts.in_flight <= 64; opts.in_flight++) {
		w = blob_writer_new(g->s, "x", &g->scope, &opts, &err);
		assert_non_null(w);
		assert_in_range(budget_left(g->budget), all / 2, all);
		sink_free(w);
	}
}

static void
its_blocks_are_big_enough_for_a_size_that_is_known(void **state)
{
	static const uint64_t sizes[] = {1, 4 * MIB, BLOCKS_MAX * 3 * MIB - 1,
	    BLOCKS_MAX * 3 * MIB, BLOCKS_MAX * 4 * MIB};
	struct ground *g = *state;
	struct blob_writer_opts opts = {.in_flight = 16, .budget = g->budget};
	struct err err = {0};
	struct sink *w;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		for (opts.block_size = 0; opts.block_size < 2;
		     opts.block_size++) {
			opts.in_flight = opts.block_size == 0 ? 16 : 1;
			opts.size = sizes[i];
			w = blob_writer_new(g->s, "x", &g->scope, &opts, &err);
			assert_non_null(w);
			assert_true(blob_writer_room(w) >= sizes[i]);
			sink_free(w);
		}
	/* Two blocks of 9 MiB are more than there is. */
	opts = (struct blob_writer_opts){
	    .size = BLOCKS_MAX * 9 * MIB, .budget = g->budget};
	assert_null(blob_writer_new(g->s, "x", &g->scope, &opts, &err));
	assert_int_equal(err.kind, ERR_USAGE);
	assert_non_null(strstr(err.text, "--memory"));
}

#define WITH_GROUND(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_GROUND(a_stream_becomes_the_blob_in_blocks),
	    WITH_GROUND(an_empty_stream_becomes_an_empty_blob),
	    WITH_GROUND(freed_before_the_commit_it_leaves_nothing),
	    WITH_GROUND(the_failure_of_any_call_leaves_the_old_blob),
	    WITH_GROUND(a_later_write_reports_an_earlier_failure),
	    WITH_GROUND(a_commit_whose_answer_was_lost_is_read_back),
	    WITH_GROUND(a_commit_that_failed_for_a_moment_is_tried_again),
	    WITH_GROUND(a_conflict_with_oneself_is_success),
	    WITH_GROUND(a_blob_of_somebody_else_is_not_taken_for_ours),
	    WITH_GROUND(the_old_blob_is_not_taken_for_ours),
	    WITH_GROUND(an_unconditional_replacement_proves_itself_by_md5),
	    WITH_GROUND(cancelling_the_flow_ends_what_is_in_flight),
	    WITH_GROUND(a_blob_has_an_end_and_says_how_far_it_is),
	    WITH_GROUND(memory_is_taken_when_it_is_made_or_not_at_all),
	    WITH_GROUND(its_blocks_follow_the_memory_and_what_is_in_flight),
	    WITH_GROUND(its_blocks_are_big_enough_for_a_size_that_is_known),
	};

	return cmocka_run_group_tests_name("blob_writer", tests, NULL, NULL);
}

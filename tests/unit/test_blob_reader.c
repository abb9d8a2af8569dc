#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>

#include <cmocka.h>

#include "base/budget.h"
#include "base/cancel.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "storage/blob_reader.h"
#include "storage/store.h"
#include "tests/sim/catcher.h"
#include "tests/sim/store_fault.h"
#include "tests/sim/temp_dir.h"

#define SIZE  ((size_t)1000003)
#define RANGE ((size_t)65536)

struct ground {
	struct temp_dir dir;
	struct scope scope;
	struct store *s;
	struct budget *budget;
	struct blob_props props; /* of "dump" */
	unsigned char *data;
	struct catcher out;
	uint64_t progress;
};

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));
	struct err err = {0};

	temp_dir_make(&g->dir);
	g->scope = scope_root(NULL);
	g->scope = scope_within(&g->scope, 60000);
	g->s = store_fault_new(temp_dir_store(&g->dir));
	g->budget = budget_new((size_t)1 << 20);
	g->data = xmalloc(SIZE);
	fill_noise(g->data, SIZE, 42);
	catcher_init(&g->out);
	assert_int_equal(store_put(g->s, &g->scope, "dump", g->data, SIZE, NULL,
			     &g->props, &err),
	    0);
	*state = g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	assert_int_equal(budget_left(g->budget), budget_size(g->budget));
	catcher_release(&g->out);
	store_free(g->s);
	temp_dir_remove(&g->dir);
	budget_free(g->budget);
	free(g->data);
	free(g);
	return 0;
}

static void
note_progress(void *arg, uint64_t done)
{
	struct ground *g = arg;

	assert_true(done > g->progress);
	g->progress = done;
}

static int
read_part(struct ground *g, uint64_t off, uint64_t len, struct err *err)
{
	struct blob_reader_opts opts = {
	    .range_size = RANGE,
	    .in_flight = 3,
	    .budget = g->budget,
	    .progress = note_progress,
	    .progress_arg = g,
	};

	*err = (struct err){0};
	g->out.len = 0;
	g->progress = 0;
	return blob_read(g->s, "dump", g->props.etag, off, len, &g->scope,
	    &opts, &g->out.base, err);
}

static void
the_ranges_arrive_in_order(void **state)
{
	struct ground *g = *state;
	struct err err;

	assert_int_equal(read_part(g, 0, SIZE, &err), 0);
	assert_int_equal(g->out.len, SIZE);
	assert_memory_equal(g->out.data, g->data, SIZE);
	assert_int_equal(g->progress, SIZE);
	assert_false(g->out.finished);
	assert_int_equal(
	    store_fault_calls(g->s, FAULT_READ), (SIZE + RANGE - 1) / RANGE);
}

static void
any_part_can_be_read(void **state)
{
	static const uint64_t parts[][2] = {{0, 1}, {SIZE - 1, 1},
	    {12345, RANGE}, {1, RANGE + 1}, {99, 5 * RANGE - 3}, {7, 0}};
	struct ground *g = *state;
	struct err err;

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		assert_int_equal(
		    read_part(g, parts[i][0], parts[i][1], &err), 0);
		assert_int_equal(g->out.len, parts[i][1]);
		if (g->out.len > 0)
			assert_memory_equal(
			    g->out.data, g->data + parts[i][0], g->out.len);
	}
	assert_int_equal(read_part(g, 1, SIZE, &err), -1);
	assert_int_equal(err.kind, ERR_CORRUPT);
}

static void
the_failure_of_any_read_is_told(void **state)
{
	struct ground *g = *state;
	unsigned reads = (SIZE + RANGE - 1) / RANGE;
	struct err err;

	for (unsigned n = 1; n <= reads; n++) {
		struct fault fault = {.op = FAULT_READ,
		    .nth = n,
		    .how = n % 2 ? FAULT_FAIL : FAULT_SHORT_READ,
		    .kind = ERR_UNREACHABLE};

		store_free(g->s);
		g->s = store_fault_new(temp_dir_store(&g->dir));
		store_fault_add(g->s, &fault);
		assert_int_equal(read_part(g, 0, SIZE, &err), -1);
		assert_int_equal(err.kind, ERR_UNREACHABLE);
		/* What was delivered is right, and nothing of it is cut. */
		assert_true(g->out.len % RANGE == 0);
		if (g->out.len > 0)
			assert_memory_equal(g->out.data, g->data, g->out.len);
	}
}

static void
replace_blob(struct catcher *k)
{
	struct ground *g = k->arg;
	struct err err = {0};

	if (k->writes == 2)
		assert_int_equal(store_put(g->s, &g->scope, "dump", g->data,
				     SIZE, NULL, NULL, &err),
		    0);
}

static void
a_blob_that_changes_underneath_is_a_conflict(void **state)
{
	struct ground *g = *state;
	struct err err;

	g->out.on_write = replace_blob;
	g->out.arg = g;
	assert_int_equal(read_part(g, 0, SIZE, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
}

static void
a_sink_that_fails_ends_the_reading(void **state)
{
	struct ground *g = *state;
	struct err err;

	g->out.fail_at = 3;
	assert_int_equal(read_part(g, 0, SIZE, &err), -1);
	assert_string_equal(err.text, "write 3");
	assert_int_equal(g->out.len, 2 * RANGE);
}

struct keeper {
	struct sink base;
	struct chunk *kept[64];
	unsigned n, most;
	size_t len;
};

/* Holds on to what it was given, and lets go of the oldest only with the
 * next: as a stage does that looks back. */
static int
keep(struct sink *s, struct chunk *c, struct err *err)
{
	struct keeper *k = (struct keeper *)s;

	(void)err;
	k->len += c->len;
	if (k->n == k->most) {
		chunk_unref(k->kept[0]);
		memmove(k->kept, k->kept + 1, --k->n * sizeof(*k->kept));
	}
	k->kept[k->n++] = chunk_ref(c);
	return 0;
}

static const struct sink_ops keeper_ops = {.name = "keeper", .write = keep};

static void
a_stage_that_keeps_chunks_starves_nobody(void **state)
{
	struct ground *g = *state;
	struct blob_reader_opts opts = {
	    .range_size = RANGE, .in_flight = 3, .budget = g->budget};
	struct keeper k = {.base.ops = &keeper_ops, .most = 3};
	struct err err = {0};

	assert_int_equal(blob_read(g->s, "dump", g->props.etag, 0, SIZE,
			     &g->scope, &opts, &k.base, &err),
	    0);
	assert_int_equal(k.len, SIZE);
	while (k.n > 0)
		chunk_unref(k.kept[--k.n]);
}

static void
what_does_not_fit_the_budget_is_refused_at_once(void **state)
{
	struct ground *g = *state;
	struct blob_reader_opts opts = {
	    .range_size = RANGE, .in_flight = 64, .budget = g->budget};
	struct err err = {0};

	assert_int_equal(blob_read(g->s, "dump", g->props.etag, 0, SIZE,
			     &g->scope, &opts, &g->out.base, &err),
	    -1);
	assert_int_equal(err.kind, ERR_USAGE);
	assert_int_equal(store_fault_calls(g->s, FAULT_READ), 0);
}

static void
any_number_in_flight_fits_what_is_left(void **state)
{
	struct ground *g = *state;
	struct budget *small = budget_new((size_t)2 << 20), *taken;
	struct blob_reader_opts opts = {.budget = small};
	struct err err = {0};

	taken = budget_carve(small, (size_t)3 << 19, &err);
	for (opts.in_flight = 1; opts.in_flight <= 64; opts.in_flight++) {
		g->out.len = 0;
		if (blob_read(g->s, "dump", g->props.etag, 0, SIZE, &g->scope,
			&opts, &g->out.base, &err) != 0)
			fail_msg("%u: %s", opts.in_flight, err.text);
		assert_int_equal(g->out.len, SIZE);
	}
	budget_free(taken);
	budget_free(small);
}

static void
trigger(struct catcher *k)
{
	if (k->writes == 1)
		cancel_trigger(k->arg);
}

static void
a_cancelled_scope_ends_the_reading(void **state)
{
	struct ground *g = *state;
	struct cancel *cancel = cancel_new(NULL);
	struct scope was = g->scope;
	struct fault hold = {.op = FAULT_READ,
	    .nth = 4,
	    .how = FAULT_DELAY,
	    .delay_ms = 3600 * 1000};
	struct err err;

	store_fault_add(g->s, &hold);
	g->scope = scope_root(cancel);
	g->out.on_write = trigger;
	g->out.arg = cancel;
	assert_int_equal(read_part(g, 0, SIZE, &err), -1);
	assert_int_equal(err.kind, ERR_CANCELLED);
	g->scope = was;
	cancel_free(cancel);
}

#define WITH_GROUND(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_GROUND(the_ranges_arrive_in_order),
	    WITH_GROUND(any_part_can_be_read),
	    WITH_GROUND(the_failure_of_any_read_is_told),
	    WITH_GROUND(a_blob_that_changes_underneath_is_a_conflict),
	    WITH_GROUND(a_sink_that_fails_ends_the_reading),
	    WITH_GROUND(a_stage_that_keeps_chunks_starves_nobody),
	    WITH_GROUND(what_does_not_fit_the_budget_is_refused_at_once),
	    WITH_GROUND(any_number_in_flight_fits_what_is_left),
	    WITH_GROUND(a_cancelled_scope_ends_the_reading),
	};

	return cmocka_run_group_tests_name("blob_reader", tests, NULL, NULL);
}

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "base/budget.h"
#include "base/cancel.h"
#include "base/err.h"
#include "base/flow.h"
#include "base/monitor.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "storage/codec.h"
#include "storage/spool.h"
#include "tests/sim/catcher.h"

#define MIB ((size_t)1 << 20)

/* Lets a catcher's writes through only as the test says. */
struct gate {
	struct monitor mon;
	const struct scope *scope; /* a cancel opens it too */
	unsigned left;		   /* writes that may pass */
	unsigned waiting;
};

static void
gate_init(struct gate *g, const struct scope *scope)
{
	*g = (struct gate){.scope = scope};
	monitor_init(&g->mon);
}

static void
gate_pass(struct catcher *k)
{
	struct gate *g = k->arg;
	struct err err;

	monitor_lock(&g->mon);
	g->waiting++;
	monitor_broadcast(&g->mon);
	while (g->left == 0)
		if (monitor_wait(&g->mon, g->scope, &err) != 0)
			break;
	if (g->left > 0)
		g->left--;
	g->waiting--;
	monitor_broadcast(&g->mon);
	monitor_unlock(&g->mon);
}

static void
gate_open(struct gate *g, unsigned n)
{
	monitor_lock(&g->mon);
	g->left = n;
	monitor_broadcast(&g->mon);
	monitor_unlock(&g->mon);
}

/* One write passes before this returns. */
static void
gate_let_one(struct gate *g)
{
	monitor_lock(&g->mon);
	g->left = 1;
	monitor_broadcast(&g->mon);
	while (g->left > 0)
		monitor_wait(&g->mon, NULL, NULL);
	monitor_unlock(&g->mon);
}

/* Until the spool's thread stands at the gate. */
static void
gate_await(struct gate *g)
{
	monitor_lock(&g->mon);
	while (g->waiting == 0)
		monitor_wait(&g->mon, NULL, NULL);
	monitor_unlock(&g->mon);
}

/* A spool before a catcher behind a gate. */
struct rig {
	struct scope root;
	struct flow *flow;
	struct budget *budget;
	struct sink *spool;
	struct catcher end;
	struct gate gate;
	struct err err;
};

static void
rig_init(struct rig *r, uint64_t max_bytes, unsigned in_memory)
{
	struct spool_opts opts = {
	    .max_bytes = max_bytes,
	    .in_memory = in_memory,
	};

	*r = (struct rig){.root = scope_root(NULL)};
	r->root = scope_within(&r->root, 60000);
	r->flow = flow_new(&r->root);
	gate_init(&r->gate, flow_scope(r->flow));
	catcher_init(&r->end);
	r->end.on_write = gate_pass;
	r->end.arg = &r->gate;
	opts.budget = r->budget = budget_new(spool_cost(&opts));
	r->spool = spool_new(flow_scope(r->flow), &opts, &r->err);
	assert_non_null(r->spool);
	flow_append(r->flow, r->spool);
	flow_append(r->flow, &r->end.base);
}

static void
rig_release(struct rig *r)
{
	flow_free(r->flow);
	assert_int_equal(budget_left(r->budget), budget_size(r->budget));
	budget_free(r->budget);
	monitor_release(&r->gate.mon);
	catcher_release(&r->end);
}

static void
nothing_spills_while_the_next_keeps_up(void **state)
{
	unsigned char data[10 * 1024];
	struct rig r;

	(void)state;
	fill_noise(data, sizeof(data), 1);
	rig_init(&r, 0, 16);
	gate_open(&r.gate, 1000);
	assert_int_equal(
	    write_steps(r.spool, data, sizeof(data), 1024, &r.err), 0);
	assert_int_equal(sink_finish(r.spool, &r.err), 0);
	assert_true(r.end.finished);
	assert_int_equal(r.end.len, sizeof(data));
	assert_memory_equal(r.end.data, data, sizeof(data));
	assert_int_equal(spool_peak(r.spool), 0);
	rig_release(&r);
}

static void
a_writer_is_never_held_up(void **state)
{
	size_t len = 20 * MIB;
	unsigned char *data = xmalloc(len);
	struct rig r;

	(void)state;
	fill_noise(data, len, 2);
	rig_init(&r, 0, 4);
	/* The gate is shut: all of it must be taken all the same. */
	assert_int_equal(write_steps(r.spool, data, len, 300000, &r.err), 0);
	assert_in_range(spool_peak(r.spool), len - 5 * 300000, len);
	gate_open(&r.gate, 1000);
	assert_int_equal(sink_finish(r.spool, &r.err), 0);
	assert_true(r.end.finished);
	assert_int_equal(r.end.len, len);
	assert_memory_equal(r.end.data, data, len);
	assert_in_range(r.end.biggest, 1, CHUNK_SIZE);
	rig_release(&r);
	free(data);
}

/* Thousands of small chunks, memory and file by turns. */
static void
order_is_kept_over_thousands_of_chunks(void **state)
{
	size_t len = 9 * MIB;
	unsigned char *data = xmalloc(len);
	size_t off = 0;
	struct rig r;

	(void)state;
	fill_noise(data, len, 3);
	rig_init(&r, 0, 3);
	for (unsigned i = 0; off < len; i++) {
		size_t n = 1 + i * 2654435761u % 2000;

		if (n > len - off)
			n = len - off;
		if (i % 500 == 0)
			gate_open(&r.gate, i / 500 % 3 * 400);
		assert_int_equal(
		    write_steps(r.spool, data + off, n, 0, &r.err), 0);
		off += n;
	}
	gate_open(&r.gate, 1000000);
	assert_int_equal(sink_finish(r.spool, &r.err), 0);
	assert_int_equal(r.end.len, len);
	assert_memory_equal(r.end.data, data, len);
	assert_in_range(spool_peak(r.spool), 1, len);
	rig_release(&r);
	free(data);
}

static void
a_full_spool_ends_the_run(void **state)
{
	unsigned char *data = xmalloc(4 * MIB);
	struct rig r;

	(void)state;
	fill_noise(data, 4 * MIB, 4);
	rig_init(&r, 2 * MIB, 1);
	assert_int_equal(
	    write_steps(r.spool, data, 4 * MIB, 100000, &r.err), -1);
	assert_int_equal(r.err.kind, ERR_SYSTEM);
	assert_non_null(strstr(r.err.text, "spool.max_bytes"));
	assert_in_range(spool_peak(r.spool), 2 * MIB - 100000, 2 * MIB);
	rig_release(&r);
	assert_false(r.end.finished);
	free(data);
}

/* Far more than the ceiling passes, as long as it does not lie there at once
 * and the file system can make holes. */
static void
room_that_was_read_is_used_again(void **state)
{
	unsigned char *data = xmalloc(MIB);
	struct rig r;

	(void)state;
	fill_noise(data, MIB, 5);
	rig_init(&r, 4 * MIB, 1);
	for (unsigned i = 0; i < 40; i++) {
		assert_int_equal(write_steps(r.spool, data, MIB, 0, &r.err), 0);
		/* Three stay ahead, so the file never runs empty. */
		if (i >= 3)
			gate_let_one(&r.gate);
	}
	gate_open(&r.gate, 1000);
	assert_int_equal(sink_finish(r.spool, &r.err), 0);
	assert_int_equal(r.end.len, 40 * MIB);
	for (unsigned i = 0; i < 40; i++)
		assert_memory_equal(r.end.data + i * MIB, data, MIB);
	rig_release(&r);
	free(data);
}

static void
a_failure_behind_fails_the_next_write(void **state)
{
	unsigned char data[100] = {0};
	struct rig r;
	int rc = 0;

	(void)state;
	rig_init(&r, 0, 2);
	r.end.fail_at = 3;
	gate_open(&r.gate, 1000);
	/* It ends: the third chunk fails, and a later write must say so. */
	while (rc == 0)
		rc = write_steps(r.spool, data, sizeof(data), 0, &r.err);
	assert_int_equal(r.err.kind, ERR_TRANSIENT);
	assert_string_equal(r.err.text, "write 3");
	rig_release(&r);
	assert_false(r.end.finished);
}

static void
a_failure_behind_fails_finish(void **state)
{
	unsigned char data[100] = {0};
	struct rig r;

	(void)state;
	rig_init(&r, 0, 8);
	r.end.fail_at = 5;
	assert_int_equal(
	    write_steps(r.spool, data, sizeof(data), 20, &r.err), 0);
	gate_open(&r.gate, 1000);
	assert_int_equal(sink_finish(r.spool, &r.err), -1);
	assert_string_equal(r.err.text, "write 5");
	assert_true(cancel_triggered(flow_scope(r.flow)->cancel));
	r.err = (struct err){.kind = ERR_CANCELLED};
	flow_failed(r.flow, &r.err);
	assert_string_equal(r.err.text, "write 5");
	rig_release(&r);

	rig_init(&r, 0, 8);
	r.end.fail_finish = true;
	gate_open(&r.gate, 1000);
	assert_int_equal(
	    write_steps(r.spool, data, sizeof(data), 20, &r.err), 0);
	assert_int_equal(sink_finish(r.spool, &r.err), -1);
	assert_string_equal(r.err.text, "finish");
	rig_release(&r);
}

/* Freed while the next stage hangs and chunks lie in memory and file. */
static void
freed_in_the_middle_it_commits_nothing(void **state)
{
	unsigned char *data = xmalloc(5 * MIB);
	struct rig r;

	(void)state;
	fill_noise(data, 5 * MIB, 6);
	rig_init(&r, 0, 2);
	assert_int_equal(
	    write_steps(r.spool, data, 5 * MIB, 200000, &r.err), 0);
	gate_await(&r.gate);
	rig_release(&r);
	assert_false(r.end.finished);
	free(data);
}

static void
a_cancelled_scope_ends_writes_and_finish(void **state)
{
	struct cancel *cancel = cancel_new(NULL);
	unsigned char data[100] = {0};
	struct spool_opts opts = {.in_memory = 4};
	struct scope scope = scope_root(cancel);
	struct catcher end;
	struct gate gate;
	struct err err = {0};
	struct sink *s;

	(void)state;
	opts.budget = budget_new(spool_cost(&opts));
	s = spool_new(&scope, &opts, &err);
	catcher_init(&end);
	gate_init(&gate, &scope);
	end.on_write = gate_pass;
	end.arg = &gate;
	s->next = &end.base;
	assert_int_equal(write_steps(s, data, sizeof(data), 10, &err), 0);
	gate_await(&gate);
	cancel_trigger(cancel);
	assert_int_equal(sink_finish(s, &err), -1);
	assert_int_equal(err.kind, ERR_CANCELLED);
	sink_free(s);
	assert_false(end.finished);
	monitor_release(&gate.mon);
	catcher_release(&end);
	budget_free(opts.budget);
	cancel_free(cancel);
}

/* The chunks of the stage before are charged to it, no more than is told. */
static void
it_keeps_no_more_chunks_than_it_says(void **state)
{
	struct spool_opts opts = {.in_memory = 3};
	struct budget *mine;
	struct rig r;

	(void)state;
	rig_init(&r, 0, 3);
	assert_int_equal(spool_held(&opts), 4);
	/* One more, which the writer has in hand. */
	mine = budget_new((spool_held(&opts) + 1) * 1000);
	for (unsigned i = 0; i < 50; i++) {
		struct chunk *c = chunk_new(mine, 1000, &r.root, &r.err);

		assert_non_null(c);
		memset(chunk_room(c), (int)i, 1000);
		chunk_set_len(c, 1000);
		assert_int_equal(sink_write(r.spool, c, &r.err), 0);
		chunk_unref(c);
	}
	gate_open(&r.gate, 1000);
	assert_int_equal(sink_finish(r.spool, &r.err), 0);
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(r.end.data[i * 1000 + 999], i);
	assert_int_equal(budget_left(mine), budget_size(mine));
	rig_release(&r);
	budget_free(mine);
}

/* An encoder that counts what the spool keeps never waits for memory. */
static void
a_chain_with_an_encoder_is_not_held_up(void **state)
{
	size_t len = 24 * MIB;
	unsigned char *data = xmalloc(len);
	struct scope root = scope_root(NULL);
	struct scope scope = scope_within(&root, 60000);
	struct flow *flow = flow_new(&scope);
	struct spool_opts so = {.in_memory = 4};
	struct codec_opts co = {.held = spool_held(&so)};
	struct budget *budget;
	struct catcher end;
	struct gate gate;
	struct err err = {0};

	(void)state;
	fill_noise(data, len, 7);
	budget = budget_new(encoder_cost(CODEC_GZIP, &co) + spool_cost(&so));
	co.budget = so.budget = budget;
	gate_init(&gate, flow_scope(flow));
	catcher_init(&end);
	end.on_write = gate_pass;
	end.arg = &gate;
	assert_int_equal(
	    flow_append(
		flow, encoder_new(CODEC_GZIP, flow_scope(flow), &co, &err)),
	    0);
	assert_int_equal(
	    flow_append(flow, spool_new(flow_scope(flow), &so, &err)), 0);
	flow_append(flow, &end.base);
	assert_int_equal(budget_left(budget), 0);
	/* The gate is shut, so this ends only if nothing waits for it. */
	assert_int_equal(write_steps(flow_head(flow), data, len, 0, &err), 0);
	gate_open(&gate, 2);
	/* Taken down with chunks of the encoder's in the spool's ring. */
	flow_free(flow);
	assert_false(end.finished);
	assert_int_equal(budget_left(budget), budget_size(budget));
	budget_free(budget);
	monitor_release(&gate.mon);
	catcher_release(&end);
	free(data);
}

/* The process's limit on the size of a file stands in for a full disk. */
static void
a_disk_that_is_full_is_told(void **state)
{
	unsigned char *data = xmalloc(4 * MIB);
	struct rlimit old, small;
	struct rig r;

	(void)state;
	fill_noise(data, 4 * MIB, 8);
	rig_init(&r, 0, 1);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = MIB + 1000;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(
	    write_steps(r.spool, data, 4 * MIB, 100000, &r.err), -1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(r.err.kind, ERR_SYSTEM);
	assert_non_null(strstr(r.err.text, "writing the spool"));
	rig_release(&r);
	assert_false(r.end.finished);
	free(data);
}

static void
a_directory_that_is_none_is_told(void **state)
{
	struct spool_opts opts = {.dir = "/nonexistent/spool"};
	struct scope scope = scope_root(NULL);
	struct err err = {0};

	(void)state;
	opts.budget = budget_new(spool_cost(&opts));
	assert_null(spool_new(&scope, &opts, &err));
	assert_int_equal(err.kind, ERR_SYSTEM);
	assert_non_null(strstr(err.text, "/nonexistent/spool"));
	budget_free(opts.budget);

	opts = (struct spool_opts){.budget = budget_new(1000)};
	assert_null(spool_new(&scope, &opts, &err));
	assert_int_equal(err.kind, ERR_USAGE);
	budget_free(opts.budget);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_spills_while_the_next_keeps_up),
	    cmocka_unit_test(a_writer_is_never_held_up),
	    cmocka_unit_test(order_is_kept_over_thousands_of_chunks),
	    cmocka_unit_test(a_full_spool_ends_the_run),
	    cmocka_unit_test(room_that_was_read_is_used_again),
	    cmocka_unit_test(a_failure_behind_fails_the_next_write),
	    cmocka_unit_test(a_failure_behind_fails_finish),
	    cmocka_unit_test(freed_in_the_middle_it_commits_nothing),
	    cmocka_unit_test(a_cancelled_scope_ends_writes_and_finish),
	    cmocka_unit_test(it_keeps_no_more_chunks_than_it_says),
	    cmocka_unit_test(a_chain_with_an_encoder_is_not_held_up),
	    cmocka_unit_test(a_disk_that_is_full_is_told),
	    cmocka_unit_test(a_directory_that_is_none_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

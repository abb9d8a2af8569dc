/*
 * With the least memory that may be given, every run fits, with any number of
 * requests in flight: taken, read, and copied through us.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/snapshot/manifest.h"
#include "agent/snapshot/memory_plan.h"
#include "agent/snapshot/snapshot_copy.h"
#include "agent/snapshot/snapshot_read.h"
#include "agent/snapshot/snapshot_take.h"
#include "agent/snapshot/source.h"
#include "base/budget.h"
#include "base/chunk.h"
#include "base/pool.h"
#include "base/sink.h"
#include "rdb/redis_target.h"
#include "base/xalloc.h"
#include "storage/codec.h"
#include "storage/store.h"
#include "tests/sim/catcher.h"
#include "tests/sim/snapshot_rig.h"

#define IN_FLIGHT_MOST 16
#define THREADS	       16 /* of a big machine: its encoder takes most */

static int
up(void **state)
{
	struct snapshot_rig *r = xcalloc(1, sizeof(*r));

	snapshot_rig_up(r);
	pool_free(r->env.pool);
	r->env.pool = pool_new(THREADS, &r->err);
	assert_non_null(r->env.pool);
	r->env.cipher_key = &r->key;
	*state = r;
	return 0;
}

static int
down(void **state)
{
	snapshot_rig_down(*state);
	free(*state);
	return 0;
}

static void
with_memory(struct snapshot_rig *r, size_t bytes)
{
	assert_int_equal(
	    budget_left(r->env.budget), budget_size(r->env.budget));
	budget_free(r->env.budget);
	r->env.budget = budget_new(bytes);
}

/* The dump, compressed by zstd as an operator may have done. */
static void
pack_dump(struct snapshot_rig *r)
{
	struct codec_opts opts = {.budget = budget_new(BUDGET_DEFAULT)};
	struct catcher c;
	struct sink *s;
	struct buf b;

	snapshot_rig_dump(&b);
	catcher_init(&c);
	s = encoder_new(CODEC_ZSTD, &r->scope, &opts, &r->err);
	assert_non_null(s);
	s->next = &c.base;
	assert_int_equal(sink_write_bytes(s, b.data, b.len, &r->err), 0);
	assert_int_equal(sink_finish(s, &r->err), 0);
	snapshot_rig_write(r, c.data, c.len);
	sink_free(s);
	buf_release(&b);
	catcher_release(&c);
	budget_free(opts.budget);
}

/* From the source to a proved copy that came through us. */
static void
whole_way(struct snapshot_rig *r)
{
	struct store *from = temp_dir_store(&r->source);
	struct store *to = temp_dir_store(&r->dr);
	struct snapshot_copy_facts facts;
	struct manifest *m = snapshot_rig_must_take(r, from);

	if (snapshot_copy(from, to, m, &r->scope, &r->env, &facts, &r->err) !=
		0 ||
	    snapshot_rig_verify(r, to, m) != 0)
		fail_msg("%zu bytes, %u in flight: %s",
		    budget_size(r->env.budget), r->env.in_flight, r->err.text);
	assert_true(facts.streamed);
	manifest_free(m);
	store_free(from);
	store_free(to);
}

static void
any_number_in_flight_fits_any_memory(void **state)
{
	static const size_t sizes[] = {
	    MEMORY_LEAST, (size_t)96 << 20, BUDGET_DEFAULT};
	struct snapshot_rig *r = *state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		with_memory(r, sizes[i]);
		for (unsigned n = 1; n <= IN_FLIGHT_MOST; n++) {
			r->env.in_flight = n;
			whole_way(r);
		}
	}
}

static void
every_codec_sealed_or_not_fits_the_least_memory(void **state)
{
	static const enum codec codecs[] = {CODEC_NONE, CODEC_GZIP, CODEC_ZSTD};
	struct snapshot_rig *r = *state;

	with_memory(r, MEMORY_LEAST);
	r->env.in_flight = IN_FLIGHT_MOST;
	for (unsigned packed = 0; packed < 2; packed++) {
		if (packed)
			pack_dump(r);
		for (unsigned i = 0; i < 6; i++) {
			r->take.codec = codecs[i / 2];
			r->take.seal = i % 2;
			whole_way(r);
		}
	}
}

/* A file that costs what a scan would. */
struct costly {
	struct source source;
	struct source *scan, *file;
};

static size_t
costly_cost(const struct source *s, const struct source_call *call)
{
	const struct costly *c = (const struct costly *)s;

	return c->scan->ops->cost(c->scan, call);
}

static int
costly_dump(struct source *s, const struct scope *scope,
    const struct source_call *call, struct sink *sink,
    struct source_facts *facts, struct err *err)
{
	struct costly *c = (struct costly *)s;
	struct budget *all = budget_carve(
	    call->env->budget, costly_cost(s, call), err);

	if (all == NULL)
		return -1;
	budget_free(all);
	return c->file->ops->dump(c->file, scope, call, sink, facts, err);
}

static void
a_scan_and_what_it_has_seen_fit_the_least_memory(void **state)
{
	static const struct source_ops ops = {
	    .way = "test", .cost = costly_cost, .dump = costly_dump};
	static const struct source_scan_opts scan;
	static const struct redis_target target = {.shown = "redis://x"};
	struct snapshot_rig *r = *state;
	struct store *s = temp_dir_store(&r->source);
	struct costly c = {.source = {.ops = &ops, .shown = "a test"}};
	struct manifest *m;

	c.scan = source_scan_new(&target, NULL, &scan);
	c.file = source_file_new(r->dump);
	with_memory(r, MEMORY_LEAST);
	r->env.in_flight = IN_FLIGHT_MOST;
	for (unsigned seal = 0; seal < 2; seal++) {
		/* Sealed, it is not read twice. */
		r->take.seal = seal;
		r->env.cipher_key = seal ? &r->key : NULL;
		m = snapshot_take(
		    &c.source, s, &r->scope, &r->env, &r->take, &r->err);
		if (m == NULL)
			fail_msg("%s", r->err.text);
		manifest_free(m);
	}
	source_free(c.scan);
	source_free(c.file);
	store_free(s);
}

static void
more_memory_keeps_more_up_to_an_end(void **state)
{
	unsigned before = 0;

	(void)state;
	assert_int_equal(memory_plan_chunks(0), 2);
	assert_int_equal(memory_plan_chunks(BUDGET_DEFAULT), 16);
	assert_int_equal(memory_plan_chunks(SIZE_MAX), 16);
	for (size_t i = 0; i < 300; i++) {
		assert_true(memory_plan_chunks(i << 20) >= before);
		before = memory_plan_chunks(i << 20);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(any_number_in_flight_fits_any_memory),
	    TEST(every_codec_sealed_or_not_fits_the_least_memory),
	    TEST(a_scan_and_what_it_has_seen_fit_the_least_memory),
	    cmocka_unit_test(more_memory_keeps_more_up_to_an_end),
	};

	return cmocka_run_group_tests_name("memory_plan", tests, NULL, NULL);
}

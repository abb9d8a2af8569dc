#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/budget.h"
#include "base/err.h"
#include "base/flow.h"
#include "base/pool.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "storage/codec.h"
#include "tests/sim/catcher.h"

#define MIB ((size_t)1 << 20)

static const enum codec all[] = {CODEC_NONE, CODEC_GZIP, CODEC_ZSTD};

/* Through an encoder and a decoder, cut into pieces of step bytes. */
static void
round_trip(enum codec codec, const struct codec_opts *opts,
    const unsigned char *data, size_t len, size_t step)
{
	struct scope scope = scope_root(NULL);
	struct flow *flow = flow_new(&scope);
	struct catcher end;
	struct err err = {0};

	catcher_init(&end);
	assert_int_equal(
	    flow_append(flow, encoder_new(codec, flow_scope(flow), opts, &err)),
	    0);
	assert_int_equal(
	    flow_append(flow, decoder_new(codec, flow_scope(flow), opts, &err)),
	    0);
	assert_int_equal(flow_append(flow, &end.base), 0);
	if (write_steps(flow_head(flow), data, len, step, &err) != 0 ||
	    sink_finish(flow_head(flow), &err) != 0)
		fail_msg("%s: %s", codec_name(codec), err.text);
	assert_true(end.finished);
	assert_int_equal(end.len, len);
	if (len > 0)
		assert_memory_equal(end.data, data, len);
	if (codec != CODEC_NONE)
		assert_in_range(end.biggest, 0, CHUNK_SIZE);
	assert_int_equal(encoder_raw_size(flow_head(flow)), len);
	flow_free(flow);
	catcher_release(&end);
}

static void
every_size_comes_back(void **state)
{
	static const size_t sizes[] = {0, 1, 2, 100, 65535, 65536, MIB - 1, MIB,
	    MIB + 1, 2 * MIB, 5 * MIB + 12345};
	unsigned char *data = xmalloc(6 * MIB);
	struct budget *budget = budget_new((size_t)64 << 20);
	struct codec_opts opts = {.budget = budget};
	struct err err = {0};

	(void)state;
	opts.pool = pool_new(2, &err);
	fill_text(data, 3 * MIB, 1);
	fill_noise(data + 3 * MIB, 2 * MIB, 2);
	memset(data + 5 * MIB, 'x', MIB);
	for (size_t c = 0; c < sizeof(all) / sizeof(all[0]); c++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			round_trip(all[c], &opts, data, sizes[i], 0);
			round_trip(all[c], &opts, data, sizes[i], 70001);
			assert_int_equal(
			    budget_left(budget), budget_size(budget));
		}
	pool_free(opts.pool);
	budget_free(budget);
	free(data);
}

static void
odd_cuts_make_no_difference(void **state)
{
	static const size_t steps[] = {1, 7, 511, 4097, MIB - 1, MIB + 1};
	size_t len = MIB + 4321;
	unsigned char *data = xmalloc(len);
	struct budget *budget = budget_new((size_t)64 << 20);
	struct codec_opts opts = {.budget = budget};

	(void)state;
	fill_text(data, len, 3);
	for (size_t c = 0; c < sizeof(all) / sizeof(all[0]); c++)
		for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
			round_trip(all[c], &opts, data,
			    steps[i] < 100 ? 20000 : len, steps[i]);
	budget_free(budget);
	free(data);
}

static void
names_go_both_ways(void **state)
{
	enum codec c;
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_int_equal(codec_parse(codec_name(all[i]), &c, &err), 0);
		assert_int_equal(c, all[i]);
	}
	assert_string_equal(codec_suffix(CODEC_GZIP), ".gz");
	assert_string_equal(codec_suffix(CODEC_ZSTD), ".zst");
	assert_string_equal(codec_suffix(CODEC_NONE), "");
	assert_int_equal(codec_parse("lz4", &c, &err), -1);
	assert_int_equal(err.kind, ERR_USAGE);
}

static void
the_first_bytes_tell_the_codec(void **state)
{
	(void)state;
	assert_int_equal(codec_sniff("\x1f\x8b\x08", 3), CODEC_GZIP);
	assert_int_equal(codec_sniff("\x28\xb5\x2f\xfd", 4), CODEC_ZSTD);
	assert_int_equal(codec_sniff("REDIS0011", 9), CODEC_NONE);
	assert_int_equal(codec_sniff("\x1f\x8b", 2), CODEC_NONE);
	assert_int_equal(codec_sniff("", 0), CODEC_NONE);
}

static void
a_level_that_is_none_is_refused(void **state)
{
	static const struct {
		enum codec codec;
		int level;
	} bad[] = {{CODEC_GZIP, 10}, {CODEC_GZIP, -1}, {CODEC_ZSTD, 20},
	    {CODEC_ZSTD, -3}};
	struct scope scope = scope_root(NULL);
	struct budget *budget = budget_new((size_t)64 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct codec_opts opts = {
		    .budget = budget, .level = bad[i].level};
		struct err err = {0};

		assert_null(encoder_new(bad[i].codec, &scope, &opts, &err));
		assert_int_equal(err.kind, ERR_USAGE);
	}
	budget_free(budget);
}

/* One byte less than a stage says that it costs is not enough. */
static void
a_cost_is_what_is_carved(void **state)
{
	struct scope scope = scope_root(NULL);

	(void)state;
	for (size_t i = 1; i < sizeof(all) / sizeof(all[0]); i++) {
		struct codec_opts opts = {.held = 3};
		struct err err = {0};
		size_t cost = encoder_cost(all[i], &opts);
		struct sink *s;

		opts.budget = budget_new(cost - 1);
		assert_null(encoder_new(all[i], &scope, &opts, &err));
		assert_int_equal(err.kind, ERR_USAGE);
		budget_free(opts.budget);

		opts.budget = budget_new(cost);
		s = encoder_new(all[i], &scope, &opts, &err);
		assert_non_null(s);
		assert_int_equal(budget_left(opts.budget), 0);
		sink_free(s);
		budget_free(opts.budget);

		cost = decoder_cost(all[i], &opts);
		opts.budget = budget_new(cost - 1);
		assert_null(decoder_new(all[i], &scope, &opts, &err));
		budget_free(opts.budget);

		opts.budget = budget_new(cost);
		s = decoder_new(all[i], &scope, &opts, &err);
		assert_non_null(s);
		sink_free(s);
		budget_free(opts.budget);
	}
}

/* Whatever write of the next stage fails, the stage fails and is freed. */
static void
a_failure_behind_comes_through(void **state)
{
	size_t len = 5 * MIB;
	unsigned char *data = xmalloc(len);
	struct scope scope = scope_root(NULL);
	struct err err = {0};
	struct codec_opts opts = {.budget = budget_new((size_t)64 << 20)};

	(void)state;
	fill_noise(data, len, 9);
	opts.pool = pool_new(2, &err);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		for (unsigned at = 1; at <= 6; at++) {
			struct flow *flow = flow_new(&scope);
			struct catcher end;
			struct sink *e;

			catcher_init(&end);
			end.fail_at = at;
			end.fail_finish = true;
			e = encoder_new(all[i], flow_scope(flow), &opts, &err);
			assert_int_equal(flow_append(flow, e), 0);
			assert_int_equal(flow_append(flow, &end.base), 0);
			assert_true(
			    write_steps(e, data, len, 300000, &err) != 0 ||
			    sink_finish(e, &err) != 0);
			assert_int_equal(err.kind, ERR_TRANSIENT);
			flow_free(flow);
			catcher_release(&end);
			assert_int_equal(
			    budget_left(opts.budget), budget_size(opts.budget));
		}
	pool_free(opts.pool);
	budget_free(opts.budget);
	free(data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_size_comes_back),
	    cmocka_unit_test(odd_cuts_make_no_difference),
	    cmocka_unit_test(names_go_both_ways),
	    cmocka_unit_test(the_first_bytes_tell_the_codec),
	    cmocka_unit_test(a_level_that_is_none_is_refused),
	    cmocka_unit_test(a_cost_is_what_is_carved),
	    cmocka_unit_test(a_failure_behind_comes_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

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

static void
encode(const struct codec_opts *opts, const unsigned char *data, size_t len,
    struct catcher *end)
{
	struct scope scope = scope_root(NULL);
	struct err err = {0};
	struct sink *s = encoder_new(CODEC_GZIP, &scope, opts, &err);

	catcher_init(end);
	assert_non_null(s);
	s->next = &end->base;
	if (write_steps(s, data, len, 333333, &err) != 0 ||
	    sink_finish(s, &err) != 0)
		fail_msg("%s", err.text);
	sink_free(s);
}

/* zlib, as an independent witness; window_bits tells gzip from raw. */
static void
assert_inflates(const unsigned char *coded, size_t coded_len, int window_bits,
    const unsigned char *data, size_t len)
{
	unsigned char *out = xmalloc(len + 1);
	z_stream z = {0};
	int rc;

	assert_int_equal(inflateInit2(&z, window_bits), Z_OK);
	z.next_in = (unsigned char *)coded;
	z.avail_in = (uInt)coded_len;
	z.next_out = out;
	z.avail_out = (uInt)len + 1;
	rc = inflate(&z, Z_FINISH);
	assert_int_equal(rc, Z_STREAM_END);
	assert_int_equal(z.total_out, len);
	assert_memory_equal(out, data, len);
	inflateEnd(&z);
	free(out);
}

static void
zlib_reads_every_level(void **state)
{
	size_t len = 2 * MIB + 77777;
	unsigned char *data = xmalloc(len);
	struct err err = {0};
	struct codec_opts opts = {.budget = budget_new((size_t)64 << 20)};

	(void)state;
	fill_text(data, MIB + 5000, 1);
	fill_noise(data + MIB + 5000, len - MIB - 5000, 1);
	opts.pool = pool_new(2, &err);
	for (opts.level = 0; opts.level <= 9; opts.level++) {
		struct catcher end;

		encode(&opts, data, len, &end);
		assert_inflates(end.data, end.len, 15 + 16, data, len);
		catcher_release(&end);
	}
	pool_free(opts.pool);
	budget_free(opts.budget);
	free(data);
}

static void
nothing_makes_an_empty_member(void **state)
{
	struct codec_opts opts = {.budget = budget_new((size_t)64 << 20)};
	struct catcher end;

	(void)state;
	encode(&opts, (const unsigned char *)"", 0, &end);
	assert_inflates(
	    end.data, end.len, 15 + 16, (const unsigned char *)"", 0);
	assert_int_equal(end.len, 20);
	catcher_release(&end);
	budget_free(opts.budget);
}

/* The same bytes whether a pool helps or not, and however many threads. */
static void
the_pool_changes_no_byte(void **state)
{
	size_t len = 9 * MIB + 1;
	unsigned char *data = xmalloc(len);
	struct codec_opts opts = {.budget = budget_new((size_t)64 << 20)};
	struct catcher alone, end;
	struct err err = {0};

	(void)state;
	fill_text(data, len, 4);
	encode(&opts, data, len, &alone);
	for (unsigned n = 1; n <= 5; n++) {
		opts.pool = pool_new(n, &err);
		encode(&opts, data, len, &end);
		assert_int_equal(end.len, alone.len);
		assert_memory_equal(end.data, alone.data, alone.len);
		catcher_release(&end);
		pool_free(opts.pool);
	}
	catcher_release(&alone);
	budget_free(opts.budget);
	free(data);
}

/* A raw inflate that starts at any seek point yields the rest. */
static void
a_seek_point_is_a_place_to_start(void **state)
{
	size_t len = 9 * MIB + 12345;
	unsigned char *data = xmalloc(len);
	struct scope scope = scope_root(NULL);
	struct err err = {0};
	struct codec_opts opts = {.seek_every = 2 * MIB};
	const struct seek_point *points;
	struct catcher end;
	struct sink *s;
	size_t n;

	(void)state;
	fill_text(data, len, 5);
	opts.budget = budget_new((size_t)64 << 20);
	opts.pool = pool_new(2, &err);
	s = encoder_new(CODEC_GZIP, &scope, &opts, &err);
	catcher_init(&end);
	s->next = &end.base;
	assert_int_equal(write_steps(s, data, len, 0, &err), 0);
	assert_int_equal(sink_finish(s, &err), 0);
	points = encoder_seek_points(s, &n);
	assert_int_equal(n, 4);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(points[i].raw, 2 * MIB * (i + 1));
		assert_inflates(end.data + points[i].coded,
		    end.len - points[i].coded, -15, data + points[i].raw,
		    len - points[i].raw);
	}
	sink_free(s);
	catcher_release(&end);
	pool_free(opts.pool);
	budget_free(opts.budget);
	free(data);
}

/*
 * The stage before has memory for two chunks alone, and more units than that
 * are in flight: it must never be waiting for what only it could give back.
 */
static void
a_producer_with_little_memory_gets_through(void **state)
{
	struct scope root = scope_root(NULL);
	struct scope scope = scope_within(&root, 60000);
	struct budget *mine = budget_new(2 * CHUNK_SIZE);
	struct err err = {0};
	struct codec_opts opts = {.budget = budget_new((size_t)64 << 20)};
	struct catcher end;
	struct sink *s;

	(void)state;
	opts.pool = pool_new(4, &err);
	s = encoder_new(CODEC_GZIP, &scope, &opts, &err);
	catcher_init(&end);
	s->next = &end.base;
	for (unsigned i = 0; i < 20; i++) {
		struct chunk *c = chunk_new(mine, CHUNK_SIZE, &scope, &err);

		assert_non_null(c);
		fill_text(chunk_room(c), CHUNK_SIZE, i);
		chunk_set_len(c, CHUNK_SIZE);
		assert_int_equal(sink_write(s, c, &err), 0);
		chunk_unref(c);
	}
	assert_int_equal(sink_finish(s, &err), 0);
	sink_free(s);
	assert_int_equal(budget_left(mine), budget_size(mine));
	catcher_release(&end);
	pool_free(opts.pool);
	budget_free(opts.budget);
	budget_free(mine);
}

/* Freed with all its units in flight, it waits for them and leaks none. */
static void
freed_in_the_middle_it_commits_nothing(void **state)
{
	size_t len = 6 * MIB;
	unsigned char *data = xmalloc(len);
	struct scope scope = scope_root(NULL);
	struct err err = {0};
	struct codec_opts opts = {.budget = budget_new((size_t)64 << 20)};
	struct catcher end;
	struct sink *s;

	(void)state;
	fill_text(data, len, 6);
	opts.pool = pool_new(3, &err);
	s = encoder_new(CODEC_GZIP, &scope, &opts, &err);
	catcher_init(&end);
	s->next = &end.base;
	assert_int_equal(write_steps(s, data, len, 0, &err), 0);
	sink_free(s);
	assert_false(end.finished);
	assert_int_equal(budget_left(opts.budget), budget_size(opts.budget));
	catcher_release(&end);
	pool_free(opts.pool);
	budget_free(opts.budget);
	free(data);
}

static bool
have(const char *tool)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "command -v %s >/dev/null 2>&1", tool);
	return system(cmd) == 0;
}

static void
write_file(const char *path, const unsigned char *data, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

/* gunzip, pigz and Python take it as it is, byte for byte. */
static void
other_programs_read_it(void **state)
{
	static const struct {
		const char *tool, *fmt;
	} programs[] = {
	    {"gunzip", "cd %s && gunzip -c x.gz | cmp - x"},
	    {"pigz", "cd %s && pigz -dc x.gz | cmp - x"},
	    {"python3",
		"cd %s && python3 -c \"import gzip; "
		"assert gzip.open('x.gz').read() == open('x','rb').read()\""},
	};
	char dir[] = "/tmp/test-gzip-XXXXXX", path[64], cmd[256];
	size_t len = 5 * MIB + 99;
	unsigned char *data = xmalloc(len);
	struct codec_opts opts = {.budget = budget_new((size_t)64 << 20)};
	struct err err = {0};
	struct catcher end;

	(void)state;
	fill_text(data, len, 8);
	opts.pool = pool_new(2, &err);
	encode(&opts, data, len, &end);
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/x", dir);
	write_file(path, data, len);
	snprintf(path, sizeof(path), "%s/x.gz", dir);
	write_file(path, end.data, end.len);
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		if (!have(programs[i].tool)) {
			print_message("no %s here\n", programs[i].tool);
			continue;
		}
		snprintf(cmd, sizeof(cmd), programs[i].fmt, dir);
		if (system(cmd) != 0)
			fail_msg("%s does not take it", programs[i].tool);
	}
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	assert_int_equal(system(cmd), 0);
	catcher_release(&end);
	pool_free(opts.pool);
	budget_free(opts.budget);
	free(data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(zlib_reads_every_level),
	    cmocka_unit_test(nothing_makes_an_empty_member),
	    cmocka_unit_test(the_pool_changes_no_byte),
	    cmocka_unit_test(a_seek_point_is_a_place_to_start),
	    cmocka_unit_test(a_producer_with_little_memory_gets_through),
	    cmocka_unit_test(freed_in_the_middle_it_commits_nothing),
	    cmocka_unit_test(other_programs_read_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

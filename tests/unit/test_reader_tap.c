/* A reader beside a stream: what it refuses goes no further. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/snapshot/reader_tap.h"
#include "base/err.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "rdb/rdb_reader.h"
#include "tests/sim/catcher.h"
#include "tests/sim/rdb_bytes.h"

struct ground {
	struct rdb_reader *reader;
	struct sink *tap;
	struct catcher end;
	struct buf dump;
	struct err err;
};

static void
begin(struct ground *g, bool keep_newer)
{
	rdb_reader_free(g->reader);
	sink_free(g->tap);
	catcher_release(&g->end);
	catcher_init(&g->end);
	g->reader = rdb_reader_new();
	g->tap = reader_tap_new(g->reader, keep_newer);
	g->tap->next = &g->end.base;
	g->err = (struct err){0};
}

static int
up(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	catcher_init(&g->end);
	rdb_begin_key(&g->dump, "REDIS0011", 0);
	rdb_put_string(&g->dump, "value");
	rdb_end(&g->dump);
	begin(g, false);
	*state = g;
	return 0;
}

static int
down(void **state)
{
	struct ground *g = *state;

	sink_free(g->tap);
	rdb_reader_free(g->reader);
	catcher_release(&g->end);
	buf_release(&g->dump);
	free(g);
	return 0;
}

static int
push(struct ground *g, size_t len, size_t step)
{
	return write_steps(g->tap, g->dump.data, len, step, &g->err);
}

static void
a_good_dump_passes_to_the_byte(void **state)
{
	struct ground *g = *state;

	for (size_t step = 0; step < 3; step++) {
		begin(g, false);
		assert_int_equal(push(g, g->dump.len, step), 0);
		assert_int_equal(sink_finish(g->tap, &g->err), 0);
		assert_true(g->end.finished);
		assert_int_equal(g->end.len, g->dump.len);
		assert_memory_equal(g->end.data, g->dump.data, g->dump.len);
		assert_false(reader_newer(g->reader));
	}
}

static void
a_dump_that_is_cut_does_not_finish(void **state)
{
	struct ground *g = *state;

	for (size_t len = 0; len < g->dump.len; len++) {
		begin(g, len % 2 == 0);
		assert_int_equal(push(g, len, 0), 0);
		assert_int_equal(sink_finish(g->tap, &g->err), -1);
		assert_int_equal(g->err.kind, ERR_CORRUPT);
		assert_false(g->end.finished);
	}
}

static void
what_the_reader_refuses_is_not_passed_on(void **state)
{
	struct ground *g = *state;

	g->dump.data[9] = 99; /* a type that is not known */
	for (int keep = 0; keep < 2; keep++) {
		begin(g, keep == 1);
		assert_int_equal(push(g, g->dump.len, 0), -1);
		assert_int_equal(g->err.kind, ERR_UNSUPPORTED);
		assert_int_equal(g->end.len, 0);
	}
}

static void
a_newer_version_passes_only_when_that_is_wanted(void **state)
{
	struct ground *g = *state;

	memcpy(g->dump.data, "REDIS0099", 9);
	assert_int_equal(push(g, g->dump.len, 0), -1);
	assert_int_equal(g->end.len, 0);
	assert_true(reader_newer(g->reader));

	begin(g, true);
	assert_int_equal(push(g, g->dump.len, 1), 0);
	assert_int_equal(sink_finish(g->tap, &g->err), 0);
	assert_true(g->end.finished);
	assert_int_equal(g->end.len, g->dump.len);
	assert_memory_equal(g->end.data, g->dump.data, g->dump.len);
}

static void
what_is_no_dump_is_never_kept(void **state)
{
	struct ground *g = *state;

	memcpy(g->dump.data, "hello, wo", 9);
	begin(g, true);
	assert_int_equal(push(g, g->dump.len, 0), -1);
	assert_int_equal(g->err.kind, ERR_CORRUPT);
	assert_int_equal(g->end.len, 0);
}

static void
a_later_stage_that_fails_is_told(void **state)
{
	struct ground *g = *state;

	g->end.fail_at = 1;
	assert_int_equal(push(g, g->dump.len, 0), -1);
	begin(g, false);
	g->end.fail_finish = true;
	assert_int_equal(push(g, g->dump.len, 0), 0);
	assert_int_equal(sink_finish(g->tap, &g->err), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_good_dump_passes_to_the_byte),
	    TEST(a_dump_that_is_cut_does_not_finish),
	    TEST(what_the_reader_refuses_is_not_passed_on),
	    TEST(a_newer_version_passes_only_when_that_is_wanted),
	    TEST(what_is_no_dump_is_never_kept),
	    TEST(a_later_stage_that_fails_is_told),
	};

	return cmocka_run_group_tests_name("reader_tap", tests, NULL, NULL);
}

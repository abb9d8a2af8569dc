/* A first pass that is kept back, and what becomes of it. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "base/budget.h"
#include "base/err.h"
#include "base/scope.h"
#include "rdb/rdb_reader.h"
#include "rdb/scan_hold.h"
#include "tests/sim/catcher.h"

#define BYTES (3 * CHUNK_SIZE + 77)

struct rig {
	struct budget *budget;
	struct catcher out;
	struct scope scope;
	struct sink *hold;
	unsigned char *data;
	struct err err;
};

static void
rig_init(struct rig *r, uint64_t max_bytes)
{
	struct scan_hold_opts opts = {.max_bytes = max_bytes};

	*r = (struct rig){.scope = scope_root(NULL)};
	r->budget = opts.budget = budget_new(CHUNK_SIZE);
	catcher_init(&r->out);
	r->data = malloc(BYTES);
	assert_non_null(r->data);
	fill_noise(r->data, BYTES, 1);
	r->hold = scan_hold_new(&r->out.base, &r->scope, &opts, &r->err);
	if (r->hold == NULL)
		fail_msg("%s", r->err.text);
}

static void
rig_free(struct rig *r)
{
	sink_free(r->hold);
	assert_int_equal(budget_left(r->budget), CHUNK_SIZE);
	budget_free(r->budget);
	assert_false(r->out.finished);
	catcher_release(&r->out);
	free(r->data);
}

static int
write_all(struct rig *r)
{
	return write_steps(r->hold, r->data, BYTES, 100000, &r->err);
}

static void
nothing_goes_on_before_it_is_let_go(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, BYTES);
	assert_int_equal(write_all(&r), 0);
	assert_true(scan_hold_holds(r.hold, &r.err));
	assert_int_equal(r.out.len, 0);
	assert_int_equal(scan_hold_release(r.hold, &r.err), 0);
	assert_int_equal(r.out.len, BYTES);
	assert_memory_equal(r.out.data, r.data, BYTES);
	/* From now on at once; and it has nothing that could go twice. */
	assert_int_equal(sink_write_bytes(r.hold, "more", 4, &r.err), 0);
	assert_int_equal(scan_hold_release(r.hold, &r.err), 0);
	assert_int_equal(r.out.len, BYTES + 4);
	rig_free(&r);
}

static void
what_passes_the_ceiling_goes_on(void **state)
{
	static const uint64_t ceilings[] = {1, 100000, CHUNK_SIZE, BYTES - 1};

	(void)state;
	for (size_t i = 0; i < sizeof(ceilings) / sizeof(ceilings[0]); i++) {
		struct rig r;

		rig_init(&r, ceilings[i]);
		assert_int_equal(write_all(&r), 0);
		assert_false(scan_hold_holds(r.hold, &r.err));
		assert_non_null(strstr(r.err.text, "ceiling"));
		assert_int_equal(r.out.len, BYTES);
		assert_memory_equal(r.out.data, r.data, BYTES);
		rig_free(&r);
	}
}

/* It is one pass then, and no failure. */
static void
what_the_disk_has_no_room_for_goes_on(void **state)
{
	struct rlimit was, low;
	struct rig r;

	(void)state;
	rig_init(&r, BYTES);
	/* No file may be longer: what else would be written here is not. */
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	low = was;
	low.rlim_cur = BYTES / 2 + 333;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	if (write_all(&r) != 0)
		fail_msg("%s", r.err.text);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_false(scan_hold_holds(r.hold, &r.err));
	assert_non_null(strstr(r.err.text, "a temporary file"));
	assert_int_equal(r.out.len, BYTES);
	assert_memory_equal(r.out.data, r.data, BYTES);
	rig_free(&r);
}

static void
a_stage_that_fails_behind_it_is_told(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, BYTES);
	assert_int_equal(write_all(&r), 0);
	r.out.fail_at = 2;
	assert_int_equal(scan_hold_release(r.hold, &r.err), -1);
	assert_int_not_equal(r.err.kind, ERR_NONE);
	rig_free(&r);

	rig_init(&r, 1);
	r.out.fail_at = 1;
	assert_int_equal(write_all(&r), -1);
	rig_free(&r);
}

static void
what_is_no_whole_dump_is_not_shown_as_one(void **state)
{
	static const struct rdb_visitor_ops ops = {0};
	static const char *const cut[] = {"REDIS0010", "REDIS0010\xfe", "x"};
	struct rdb_visitor visitor = {.ops = &ops};

	(void)state;
	for (size_t i = 0; i < sizeof(cut) / sizeof(cut[0]); i++) {
		struct rig r;

		rig_init(&r, BYTES);
		assert_int_equal(
		    sink_write_bytes(r.hold, cut[i], strlen(cut[i]), &r.err),
		    0);
		assert_int_equal(scan_hold_show(r.hold, &visitor, &r.err), -1);
		assert_int_equal(r.err.kind, ERR_CORRUPT);
		rig_free(&r);
	}
}

static void
a_file_that_cannot_be_made_is_told(void **state)
{
	struct scan_hold_opts opts = {.dir = "/nowhere/at/all", .max_bytes = 1};
	struct scope scope = scope_root(NULL);
	struct err err = {0};

	(void)state;
	assert_null(scan_hold_new(NULL, &scope, &opts, &err));
	assert_non_null(strstr(err.text, "/nowhere/at/all"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_goes_on_before_it_is_let_go),
	    cmocka_unit_test(what_passes_the_ceiling_goes_on),
	    cmocka_unit_test(what_the_disk_has_no_room_for_goes_on),
	    cmocka_unit_test(a_stage_that_fails_behind_it_is_told),
	    cmocka_unit_test(what_is_no_whole_dump_is_not_shown_as_one),
	    cmocka_unit_test(a_file_that_cannot_be_made_is_told),
	};

	return cmocka_run_group_tests_name("scan_hold", tests, NULL, NULL);
}

/* What an export left, when nobody tells whether that is all of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/snapshot/export_set.h"
#include "base/err.h"
#include "base/scope.h"
#include "storage/store.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/temp_dir.h"

#define WRITES_MAX 8

/* What happens in the export's place while it is waited for, wait by wait. */
struct ground {
	struct fake_clock clock;
	struct scope scope;
	struct temp_dir dir;
	struct store *store;
	struct export_set set;
	const char *writes[WRITES_MAX]; /* a name; NULL: nothing */
	unsigned waits;
	struct err err;
};

static struct ground *watched;

static void
put(struct ground *g, const char *name, const char *text)
{
	if (store_put(g->store, &g->scope, name, text, strlen(text), NULL, NULL,
		&g->err) != 0)
		fail_msg("%s", g->err.text);
}

static void
on_sleep(const struct clock *c, int64_t ms)
{
	struct ground *g = watched;
	unsigned i = g->waits++;

	fake_clock_pass((struct fake_clock *)c, ms);
	if (i < WRITES_MAX && g->writes[i] != NULL)
		put(g, g->writes[i], i % 2 == 0 ? "even" : "more");
}

static void
up(struct ground *g)
{
	watched = g;
	g->scope = fake_clock_init(&g->clock);
	g->clock.base.sleep = on_sleep;
	temp_dir_make(&g->dir);
	g->store = temp_dir_store(&g->dir);
}

static void
down(struct ground *g)
{
	export_set_release(&g->set);
	store_free(g->store);
	temp_dir_remove(&g->dir);
}

static int
await(struct ground *g)
{
	static const struct export_patience patience = {60000, 600000};

	return export_set_await(
	    &g->set, g->store, &patience, &g->scope, &g->err);
}

static void
what_stays_as_it_is_is_taken(void **state)
{
	struct ground g = {0};

	(void)state;
	up(&g);
	put(&g, "1", "x");
	put(&g, "2", "x");
	assert_int_equal(await(&g), 0);
	assert_int_equal(g.set.n, 2);
	assert_string_equal(g.set.files[1].name, "2");
	assert_ptr_equal(g.set.store, g.store);
	assert_int_equal(g.waits, 1);
	down(&g);
}

static void
a_file_that_comes_late_is_waited_for(void **state)
{
	struct ground g = {.writes = {"3", "4"}};

	(void)state;
	up(&g);
	put(&g, "1", "x");
	assert_int_equal(await(&g), 0);
	assert_int_equal(g.set.n, 3);
	assert_int_equal(g.waits, 3);
	down(&g);
}

/* Of the same length, even. */
static void
and_so_is_one_that_is_still_written_to(void **state)
{
	struct ground g = {.writes = {"1", "1", "1"}};

	(void)state;
	up(&g);
	put(&g, "1", "some");
	assert_int_equal(await(&g), 0);
	assert_int_equal(g.set.n, 1);
	assert_int_equal(g.waits, 4);
	down(&g);
}

static void
nothing_at_all_is_no_export(void **state)
{
	struct ground g = {0};

	(void)state;
	up(&g);
	assert_int_equal(await(&g), -1);
	assert_int_equal(g.err.kind, ERR_CORRUPT);
	assert_non_null(strstr(g.err.text, "left nothing"));
	assert_int_equal(g.waits, 1);
	down(&g);
}

static void
what_changes_for_ever_is_given_up(void **state)
{
	struct ground g = {.writes = {"1", "1", "1", "1", "1", "1", "1", "1"}};
	static const struct export_patience patience = {60000, 300000};

	(void)state;
	up(&g);
	assert_int_equal(
	    export_set_await(&g.set, g.store, &patience, &g.scope, &g.err), -1);
	assert_int_equal(g.err.kind, ERR_UNREACHABLE);
	assert_non_null(strstr(g.err.text, "still change"));
	down(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_stays_as_it_is_is_taken),
	    cmocka_unit_test(a_file_that_comes_late_is_waited_for),
	    cmocka_unit_test(and_so_is_one_that_is_still_written_to),
	    cmocka_unit_test(nothing_at_all_is_no_export),
	    cmocka_unit_test(what_changes_for_ever_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

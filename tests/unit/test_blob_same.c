#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/budget.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "storage/blob_same.h"
#include "storage/store.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/store_fault.h"
#include "tests/sim/temp_dir.h"

/* One store with three blobs of one size, of which two hold the same. */
struct ground {
	struct temp_dir dir;
	struct fake_clock clock;
	struct scope scope;
	struct store *store;
	struct budget *budget;
	struct blob_props one, twin, other;
};

static void
put(struct ground *g, const char *name, const char *text, struct blob_props *p)
{
	struct err err = {0};

	assert_int_equal(store_put(g->store, &g->scope, name, text,
			     strlen(text), NULL, p, &err),
	    0);
}

static int
setup(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	temp_dir_make(&g->dir);
	g->scope = fake_clock_init(&g->clock);
	g->store = store_fault_new(temp_dir_store(&g->dir));
	g->budget = budget_new((size_t)32 << 20);
	put(g, "one", "what it holds", &g->one);
	put(g, "twin", "what it holds", &g->twin);
	put(g, "other", "what it HOLDS", &g->other);
	*state = g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	store_free(g->store);
	budget_free(g->budget);
	temp_dir_remove(&g->dir);
	free(g);
	return 0;
}

static int
compare(struct ground *g, const char *name, const struct blob_props *props,
    bool *same)
{
	const struct blob_side a = {g->store, "one", &g->one};
	const struct blob_side copy = {g->store, name, props};
	struct err err = {0};

	return blob_same(&a, &copy, g->budget, &g->scope, same, &err);
}

static void
assert_same(struct ground *g, const char *name, const struct blob_props *props,
    bool expected, unsigned reads)
{
	unsigned before = store_fault_calls(g->store, FAULT_READ);
	bool same;

	assert_int_equal(compare(g, name, props, &same), 0);
	assert_int_equal(same, expected);
	assert_int_equal(
	    store_fault_calls(g->store, FAULT_READ) - before, reads);
}

static void
tell_md5(struct ground *g)
{
	md5("what it holds", strlen("what it holds"), g->one.md5);
	md5("what it HOLDS", strlen("what it HOLDS"), g->other.md5);
	g->one.has_md5 = true;
}

static void
a_copy_is_read_whatever_md5_its_store_tells(void **state)
{
	struct ground *g = *state;

	tell_md5(g);
	assert_same(g, "twin", &g->twin, true, 1);
	g->other.has_md5 = false;
	assert_same(g, "other", &g->other, false, 1);
	memcpy(g->other.md5, g->one.md5, MD5_BYTES);
	g->other.has_md5 = true;
	assert_same(g, "other", &g->other, false, 1);
}

static void
without_an_md5_both_are_read(void **state)
{
	struct ground *g = *state;

	g->one.has_md5 = false;
	assert_same(g, "twin", &g->twin, true, 2);
	assert_same(g, "other", &g->other, false, 2);
}

static void
what_shows_at_once_is_not_read_for(void **state)
{
	struct ground *g = *state;

	tell_md5(g);
	g->other.has_md5 = true;
	assert_same(g, "other", &g->other, false, 0);
	g->twin.size++;
	assert_same(g, "twin", &g->twin, false, 0);
}

static void
one_that_cannot_be_read_is_not_called_the_same(void **state)
{
	for (unsigned nth = 1; nth <= 2; nth++) {
		struct fault fault = {.op = FAULT_READ,
		    .nth = nth,
		    .how = FAULT_FAIL,
		    .kind = ERR_AUTH};
		struct ground *g = *state;
		bool same;

		g->one.has_md5 = false;
		store_fault_add(g->store, &fault);
		assert_int_equal(compare(g, "twin", &g->twin, &same), -1);
		assert_false(same);
		teardown(state);
		setup(state);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_copy_is_read_whatever_md5_its_store_tells),
	    TEST(without_an_md5_both_are_read),
	    TEST(what_shows_at_once_is_not_read_for),
	    TEST(one_that_cannot_be_read_is_not_called_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

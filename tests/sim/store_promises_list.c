/* Listings and names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/store_ground.h"

/* In order, '.' and '-' before '/', digits and letters behind. */
static const char *const sorted[] = {"a-b", "a.b", "a/1", "a/2/x", "a/2/y",
    "a/b/c/d", "a0", "aa", "b", "c/z", "d"};

#define SORTED (sizeof(sorted) / sizeof(*sorted))

static void
make_tree(const struct ground *g)
{
	/* Not in the order in which they are to be listed. */
	for (size_t i = 0; i < SORTED; i++) {
		NAME(g, sorted[i * 7 % SORTED], blob);

		ground_put(g, blob, sorted[i * 7 % SORTED]);
		test_free(blob);
	}
}

struct seen {
	const struct ground *g;
	const char *const *want;
	size_t n, max;
};

static int
see(void *arg, const struct list_item *item, struct err *err)
{
	struct seen *s = arg;
	size_t skip = strlen(s->g->prefix);
	size_t len = strlen(item->name);

	(void)err;
	assert_true(s->n < s->max);
	assert_string_equal(item->name + skip, s->want[s->n]);
	assert_int_equal(item->is_prefix, item->name[len - 1] == '/');
	if (!item->is_prefix) {
		assert_int_equal(item->props.size, len - skip);
		assert_true(item->props.etag[0] != '\0');
	}
	s->n++;
	return 0;
}

static void
assert_lists(const struct ground *g, struct list_opts opts,
    const char *const *want, size_t n)
{
	static const unsigned sizes[] = {0, 1, 2, 3, 100};
	char *prefix = ground_name(g, opts.prefix);

	opts.prefix = prefix;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct seen seen = {.g = g, .want = want, .max = n};

		opts.page_size = sizes[i];
		OK(store_each(g->s, &g->scope, &opts, see, &seen, &err));
		assert_int_equal(seen.n, n);
	}
	test_free(prefix);
}

static void
listings_are_sorted_and_paged_without_loss(void **state)
{
	static const char *const below_a[] = {"a/2/x", "a/2/y"};
	static const char *const with_a[] = {
	    "a-b", "a.b", "a/1", "a/2/x", "a/2/y", "a/b/c/d", "a0", "aa"};
	struct ground g = ground_open(state);

	make_tree(&g);
	assert_lists(&g, (struct list_opts){.prefix = ""}, sorted, SORTED);
	assert_lists(&g, (struct list_opts){.prefix = "a/2"}, below_a, 2);
	assert_lists(&g, (struct list_opts){.prefix = "a"}, with_a, 8);
	assert_lists(&g, (struct list_opts){.prefix = "zz"}, NULL, 0);
	assert_lists(&g, (struct list_opts){.prefix = "b/"}, NULL, 0);
	ground_close(&g);
}

/* Beyond U+FFFF stands before U+E000 and on, in UTF-16 and here. */
static void
names_beyond_ascii_ascend_by_utf16_code_units(void **state)
{
	static const char *const odd[] = {"z", "\xc3\xa9", "\xf0\x9f\x98\x80/x",
	    "\xef\xbd\x9a", "\xef\xbf\xbd"};
	const size_t n = sizeof(odd) / sizeof(*odd);
	struct ground g = ground_open(state);

	for (size_t i = 0; i < n; i++) {
		NAME(&g, odd[n - 1 - i], blob);

		ground_put(&g, blob, odd[n - 1 - i]);
		test_free(blob);
	}
	assert_lists(&g, (struct list_opts){.prefix = ""}, odd, n);
	ground_close(&g);
}

static void
listings_by_directory_show_each_once(void **state)
{
	static const char *const top[] = {
	    "a-b", "a.b", "a/", "a0", "aa", "b", "c/", "d"};
	static const char *const in_a[] = {"a/1", "a/2/", "a/b/"};
	struct ground g = ground_open(state);
	struct list_opts opts = {.prefix = "", .by_directory = true};

	make_tree(&g);
	assert_lists(&g, opts, top, 8);
	opts.prefix = "a/";
	assert_lists(&g, opts, in_a, 3);
	opts.prefix = "c";
	assert_lists(&g, opts, &top[6], 1);
	ground_close(&g);
}

static void
a_page_is_no_longer_than_asked_for(void **state)
{
	struct ground g = ground_open(state);
	struct list_opts opts = {.prefix = g.prefix, .page_size = 4};
	struct list_page page;

	make_tree(&g);
	OK(ops(&g)->list(g.s, &g.scope, &opts, NULL, &page, &err));
	assert_in_range(page.n, 1, 4);
	assert_non_null(page.next);
	list_page_release(&page);
	ground_close(&g);
}

static int
stop_at_second(void *arg, const struct list_item *item, struct err *err)
{
	(void)item;
	if (++*(int *)arg == 2)
		return err_set(err, ERR_REFUSED, "enough");
	return 0;
}

static void
a_walk_ends_where_its_visitor_fails(void **state)
{
	struct ground g = ground_open(state);
	struct list_opts opts = {.prefix = g.prefix, .page_size = 2};
	int n = 0;

	make_tree(&g);
	FAILS(store_each(g.s, &g.scope, &opts, stop_at_second, &n, &err),
	    ERR_REFUSED);
	assert_int_equal(n, 2);
	ground_close(&g);
}

static void
names_may_hold_what_urls_cannot(void **state)
{
	static const char *const odd[] = {"space and +plus", "100%25 %zz",
	    "q?uestion#hash", "a&b=c;d", "gr\xc3\xbczi", "\xf0\x9f\x98\x80",
	    "quote'\"<x>", "tilde~.json", "@:!$(),*"};
	struct ground g = ground_open(state);
	struct list_opts all = {.prefix = g.prefix};
	struct list_page page;

	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		NAME(&g, odd[i], blob);

		ground_put(&g, blob, odd[i]);
		ground_holds(&g, blob, odd[i]);
		OK(ops(&g)->list(g.s, &g.scope, &all, NULL, &page, &err));
		assert_int_equal(page.n, 1);
		assert_string_equal(page.items[0].name, blob);
		list_page_release(&page);
		OK(ops(&g)->remove(g.s, &g.scope, blob, NULL, &err));
		test_free(blob);
	}
	ground_close(&g);
}

static void
names_over_the_limit_are_refused(void **state)
{
	struct ground g = ground_open(state);
	char name[BLOB_NAME_MAX + 2];

	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = i % 100 == 99 ? '/' : 'x';
	memcpy(name, g.prefix, strlen(g.prefix));
	name[899] = '\0';
	ground_put(&g, name, "long");
	ground_holds(&g, name, "long");
	name[899] = '/';
	name[BLOB_NAME_MAX + 1] = '\0';
	FAILS(store_put(g.s, &g.scope, name, "x", 1, NULL, NULL, &err),
	    ERR_USAGE);
	ground_close(&g);
}

const struct promise store_promises_list[] = {
    {cmocka_unit_test(listings_are_sorted_and_paged_without_loss), 0},
    {cmocka_unit_test(names_beyond_ascii_ascend_by_utf16_code_units), 0},
    {cmocka_unit_test(listings_by_directory_show_each_once), 0},
    {cmocka_unit_test(a_page_is_no_longer_than_asked_for), 0},
    {cmocka_unit_test(a_walk_ends_where_its_visitor_fails), 0},
    {cmocka_unit_test(names_may_hold_what_urls_cannot), 0},
    {cmocka_unit_test(names_over_the_limit_are_refused), 0},
    {.test.name = NULL},
};

/* What blobs carry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "storage/blob_traits.h"
#include "tests/sim/store_conformance.h"
#include "tests/sim/store_ground.h"

#define ALL (TRAIT_HEADERS | TRAIT_METADATA | TRAIT_TAGS)

static struct trait metadata[] = {
    {"Alpha", "one two"}, {"beta_2", "=;,%20 \"x\""}, {"z", ""}};
static struct trait tags[] = {
    {"Project", "a b/c"}, {"kind", "x=1"}, {"zone", ""}};

static const struct blob_traits rich = {
    .content_type = "text/plain; charset=utf-8",
    .content_encoding = "gzip",
    .content_language = "de-AT",
    .content_disposition = "attachment; filename=\"a b.txt\"",
    .cache_control = "max-age=60, no-transform",
    .metadata = {metadata, 2},
    .tags = {tags, 2},
    .tags_told = true,
};

static void
put_with(const struct ground *g, const char *blob,
    const struct blob_traits *traits, struct blob_props *props)
{
	const struct commit_opts opts = {.traits = traits};

	OK(store_put(g->s, &g->scope, blob, "content", 7, &opts, props, &err));
}

static void
look(const struct ground *g, const char *blob, struct blob_view *v)
{
	OK(ops(g)->traits->look(
	    g->s, &g->scope, blob, NULL, LIST_TAGS, v, &err));
}

static void
assert_carries(const struct blob_traits *have, const struct blob_traits *want)
{
	assert_string_equal(have->content_type, want->content_type);
	assert_true(have->tags_told);
	assert_int_equal(blob_traits_differ(want, have, ALL), 0);
	assert_int_equal(have->tag_count, want->tags.n);
}

static void
what_a_blob_is_committed_with_it_carries(void **state)
{
	struct ground g = ground_open(state);
	NAME(&g, "a b", blob);
	struct blob_props props;
	struct blob_view v;

	put_with(&g, blob, &rich, &props);
	look(&g, blob, &v);
	assert_carries(&v.traits, &rich);
	assert_string_equal(v.props.etag, props.etag);
	assert_int_equal(v.props.size, 7);
	assert_true(v.props.has_md5);
	blob_view_release(&v);

	/* Committed anew without, it has none. */
	ground_put(&g, blob, "content");
	look(&g, blob, &v);
	assert_int_equal(v.traits.metadata.n, 0);
	assert_int_equal(v.traits.tags.n, 0);
	assert_string_equal(v.traits.content_type, "application/octet-stream");
	blob_view_release(&v);
	test_free(blob);
	ground_close(&g);
}

static void
a_listing_tells_what_it_is_asked_for(void **state)
{
	struct ground g = ground_open(state);
	struct list_opts all = {.prefix = g.prefix};
	NAME(&g, "blob", blob);
	struct list_page page;

	put_with(&g, blob, &rich, NULL);
	OK(ops(&g)->list(g.s, &g.scope, &all, NULL, &page, &err));
	assert_int_equal(page.n, 1);
	assert_null(page.items[0].traits);
	list_page_release(&page);
	all.with = LIST_TRAITS;
	OK(ops(&g)->list(g.s, &g.scope, &all, NULL, &page, &err));
	assert_int_equal(blob_traits_differ(&rich, page.items[0].traits,
			     TRAIT_HEADERS | TRAIT_METADATA),
	    0);
	list_page_release(&page);
	all.with = LIST_TRAITS | LIST_TAGS;
	OK(ops(&g)->list(g.s, &g.scope, &all, NULL, &page, &err));
	assert_carries(page.items[0].traits, &rich);
	list_page_release(&page);
	test_free(blob);
	ground_close(&g);
}

static const struct blob_traits other = {
    .content_type = "image/png",
    .metadata = {metadata + 1, 1},
    .tags = {tags + 1, 1},
    .tags_told = true,
};

static int
set(const struct ground *g, const char *blob, unsigned which,
    const struct blob_props *before, struct blob_props *after, struct err *err)
{
	return ops(g)->traits->set(g->s, &g->scope, blob, before->etag, which,
	    &other, before->md5, after, err);
}

static void
each_kind_is_set_by_itself_and_the_content_stays(void **state)
{
	static const unsigned kinds[] = {
	    TRAIT_HEADERS, TRAIT_METADATA, TRAIT_TAGS, ALL};
	struct ground g = ground_open(state);
	NAME(&g, "blob", blob);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct blob_props before, after;
		struct blob_view v;

		put_with(&g, blob, &rich, &before);
		OK(set(&g, blob, kinds[i], &before, &after, &err));
		look(&g, blob, &v);
		assert_int_equal(
		    blob_traits_differ(&rich, &v.traits, ALL), kinds[i]);
		assert_int_equal(blob_traits_differ(&other, &v.traits, ALL),
		    ALL & ~kinds[i]);
		assert_string_equal(v.props.etag, after.etag);
		assert_true(v.props.has_md5);
		assert_memory_equal(v.props.md5, before.md5, MD5_BYTES);
		blob_view_release(&v);
		ground_holds(&g, blob, "content");
	}
	test_free(blob);
	ground_close(&g);
}

static void
nothing_is_set_of_a_blob_that_was_replaced(void **state)
{
	static const unsigned kinds[] = {
	    TRAIT_HEADERS, TRAIT_METADATA, TRAIT_TAGS};
	struct ground g = ground_open(state);
	NAME(&g, "blob", blob);
	struct blob_props before, after;
	struct blob_view v;

	put_with(&g, blob, &rich, &before);
	put_with(&g, blob, &rich, NULL);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		FAILS(set(&g, blob, kinds[i], &before, &after, &err),
		    ERR_CONFLICT);
	look(&g, blob, &v);
	assert_carries(&v.traits, &rich);
	blob_view_release(&v);
	test_free(blob);
	ground_close(&g);
}

static void
what_is_not_there_carries_nothing(void **state)
{
	struct ground g = ground_open(state);
	const struct blob_props before = {.etag = "\"0x1\""};
	NAME(&g, "none", blob);
	struct blob_props after;
	struct blob_view v;

	FAILS(ops(&g)->traits->look(
		  g.s, &g.scope, blob, NULL, LIST_TAGS, &v, &err),
	    ERR_MISSING);
	assert_int_equal(
	    set(&g, blob, TRAIT_METADATA, &before, &after, &(struct err){0}),
	    -1);
	test_free(blob);
	ground_close(&g);
}

static void
the_place_is_there(void **state)
{
	struct ground g = ground_open(state);
	NAME(&g, "blob", blob);

	ground_put(&g, blob, "x"); /* which makes a directory */
	OK(ops(&g)->traits->exists(g.s, &g.scope, &err));
	test_free(blob);
	ground_close(&g);
}

const struct promise store_promises_traits[] = {
    {cmocka_unit_test(what_a_blob_is_committed_with_it_carries),
	STORE_CAP_TRAITS},
    {cmocka_unit_test(a_listing_tells_what_it_is_asked_for), STORE_CAP_TRAITS},
    {cmocka_unit_test(each_kind_is_set_by_itself_and_the_content_stays),
	STORE_CAP_TRAITS},
    {cmocka_unit_test(nothing_is_set_of_a_blob_that_was_replaced),
	STORE_CAP_TRAITS},
    {cmocka_unit_test(what_is_not_there_carries_nothing), STORE_CAP_TRAITS},
    {cmocka_unit_test(the_place_is_there), STORE_CAP_TRAITS},
    {.test.name = NULL},
};

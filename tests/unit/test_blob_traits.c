#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "storage/blob_traits.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define ALL	 (TRAIT_HEADERS | TRAIT_METADATA | TRAIT_TAGS | TRAIT_TIER)

static void
what_is_not_told_is_as_good_as_empty(void **state)
{
	const struct blob_traits none = {0};
	const struct blob_traits empty = {
	    .content_type = "application/octet-stream",
	    .content_encoding = "",
	    .content_language = "",
	    .content_disposition = "",
	    .cache_control = "",
	};

	(void)state;
	assert_int_equal(blob_traits_differ(&none, &empty, ALL), 0);
	assert_int_equal(blob_traits_differ(&empty, &none, ALL), 0);
}

static void
each_content_header_counts(void **state)
{
	const struct blob_traits none = {0};
	const struct blob_traits others[] = {
	    {.content_type = "text/plain"},
	    {.content_encoding = "gzip"},
	    {.content_language = "de"},
	    {.content_disposition = "inline"},
	    {.cache_control = "no-cache"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(others); i++) {
		assert_int_equal(
		    blob_traits_differ(&none, &others[i], ALL), TRAIT_HEADERS);
		assert_int_equal(blob_traits_differ(&none, &others[i],
				     TRAIT_METADATA | TRAIT_TIER),
		    0);
	}
}

static void
metadata_is_compared_but_for_our_own(void **state)
{
	struct arena arena = {0};
	struct blob_traits a = {0}, b = {0};

	(void)state;
	trait_set(&arena, &a.metadata, "Zeta", "1");
	trait_set(&arena, &a.metadata, "alpha", "2");
	trait_set(&arena, &b.metadata, "ALPHA", "2");
	trait_set(&arena, &b.metadata, "zeta", "1");
	trait_set(&arena, &b.metadata, "Drsync_Source", "id:0x1");
	assert_int_equal(blob_traits_differ(&a, &b, ALL), 0);
	trait_set(&arena, &b.metadata, "zeta", "3");
	assert_int_equal(blob_traits_differ(&a, &b, ALL), TRAIT_METADATA);
	trait_set(&arena, &b.metadata, "zeta", NULL);
	assert_int_equal(blob_traits_differ(&a, &b, ALL), TRAIT_METADATA);
	assert_int_equal(blob_traits_differ(&b, &a, ALL), TRAIT_METADATA);
	arena_release(&arena);
}

static void
tags_count_only_where_both_sides_told_theirs(void **state)
{
	struct trait one[] = {{"k", "v"}}, other[] = {{"k", "V"}};
	struct trait key[] = {{"K", "v"}};
	struct blob_traits a = {.tags = {one, 1}, .tags_told = true};
	struct blob_traits b = {.tags_told = true};

	(void)state;
	assert_int_equal(blob_traits_differ(&a, &b, ALL), TRAIT_TAGS);
	b.tags = (struct trait_list){other, 1};
	assert_int_equal(blob_traits_differ(&a, &b, ALL), TRAIT_TAGS);
	b.tags = (struct trait_list){key, 1};
	assert_int_equal(blob_traits_differ(&a, &b, ALL), TRAIT_TAGS);
	b.tags_told = false;
	assert_int_equal(blob_traits_differ(&a, &b, ALL), 0);
	assert_int_equal(blob_traits_differ(&b, &a, ALL), 0);
	b = a;
	assert_int_equal(blob_traits_differ(&a, &b, ALL), 0);
}

static void
a_tier_counts_when_it_is_the_sources_own(void **state)
{
	struct blob_traits a = {.tier = TIER_COOL, .tier_name = "Cool"};
	struct blob_traits b = {.tier = TIER_HOT, .tier_name = "Hot"};

	(void)state;
	assert_int_equal(blob_traits_differ(&a, &b, ALL), TRAIT_TIER);
	a.tier_is_inferred = true;
	assert_int_equal(blob_traits_differ(&a, &b, ALL), 0);
	a.tier_is_inferred = false;
	b.tier = TIER_NONE;
	assert_int_equal(blob_traits_differ(&a, &b, ALL), 0);
	assert_int_equal(blob_traits_differ(&b, &a, ALL), 0);
	b = (struct blob_traits){.tier = TIER_ARCHIVE,
	    .tier_name = "Archive",
	    .rehydrating = "rehydrate-pending-to-hot"};
	assert_int_equal(blob_traits_differ(&a, &b, ALL), TRAIT_TIER);
	b.rehydrating = "rehydrate-pending-to-cool";
	assert_int_equal(blob_traits_differ(&a, &b, ALL), 0);
	a = (struct blob_traits){.tier = TIER_OTHER, .tier_name = "P30"};
	b = a;
	assert_int_equal(blob_traits_differ(&a, &b, ALL), 0);
	b.tier_name = "P40";
	assert_int_equal(blob_traits_differ(&a, &b, ALL), TRAIT_TIER);
}

static void
tiers_are_known_by_their_names(void **state)
{
	(void)state;
	assert_int_equal(blob_tier_parse(NULL), TIER_NONE);
	assert_int_equal(blob_tier_parse(""), TIER_NONE);
	assert_int_equal(blob_tier_parse("Hot"), TIER_HOT);
	assert_int_equal(blob_tier_parse("Cool"), TIER_COOL);
	assert_int_equal(blob_tier_parse("cold"), TIER_COLD);
	assert_int_equal(blob_tier_parse("Archive"), TIER_ARCHIVE);
	assert_int_equal(blob_tier_parse("P30"), TIER_OTHER);
}

static void
setting_replaces_adds_and_removes(void **state)
{
	struct arena arena = {0};
	struct trait_list l = {0}, before;

	(void)state;
	trait_set(&arena, &l, "m", "1");
	trait_set(&arena, &l, "a", "2");
	trait_set(&arena, &l, "Z", "3");
	before = l;
	trait_set(&arena, &l, "M", "4");
	assert_int_equal(l.n, 3);
	assert_string_equal(l.list[0].name, "a");
	assert_string_equal(l.list[1].name, "M");
	assert_string_equal(l.list[2].name, "Z");
	assert_string_equal(trait_get(&l, "m"), "4");
	assert_string_equal(trait_get(&before, "M"), "1");
	trait_set(&arena, &l, "m", NULL);
	trait_set(&arena, &l, "none", NULL);
	assert_int_equal(l.n, 2);
	assert_null(trait_get(&l, "m"));
	assert_string_equal(trait_get(&l, "z"), "3");
	arena_release(&arena);
}

static void
sorting_minds_case_or_not(void **state)
{
	struct trait list[] = {{"b", "1"}, {"C", "2"}, {"a", "3"}};
	struct trait_list l = {list, 3};

	(void)state;
	trait_sort(&l, true);
	assert_string_equal(list[0].name, "a");
	assert_string_equal(list[2].name, "C");
	trait_sort(&l, false);
	assert_string_equal(list[0].name, "C");
	assert_string_equal(list[1].name, "a");
}

static const char *
fault_of(const char *name, const char *value)
{
	struct trait one = {name, value};

	return trait_metadata_fault(&(struct trait_list){&one, 1});
}

static void
metadata_that_the_service_refuses_is_told(void **state)
{
	static char large[METADATA_BYTES_MAX + 1];

	(void)state;
	assert_null(fault_of("a", ""));
	assert_null(fault_of("_a1", "any ~ value"));
	assert_string_equal(fault_of("a-b", "v"), "a-b");
	assert_string_equal(fault_of("1a", "v"), "1a");
	assert_string_equal(fault_of("", "v"), "");
	assert_string_equal(fault_of("\xc3\xa9", "v"), "\xc3\xa9");
	assert_string_equal(fault_of("a", "\xc3\xa9"), "\xc3\xa9");
	assert_string_equal(fault_of("a", "b\nc"), "b\nc");
	memset(large, 'x', METADATA_BYTES_MAX);
	assert_string_equal(fault_of("a", large), "a");
	large[METADATA_BYTES_MAX - 1] = '\0';
	assert_null(fault_of("a", large));
}

static void
a_view_is_empty_once_released(void **state)
{
	struct blob_view v = {0};

	(void)state;
	v.traits.content_type = arena_strdup(&v.arena, "text/plain");
	blob_view_release(&v);
	assert_null(v.traits.content_type);
	blob_view_release(&v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_not_told_is_as_good_as_empty),
	    cmocka_unit_test(each_content_header_counts),
	    cmocka_unit_test(metadata_is_compared_but_for_our_own),
	    cmocka_unit_test(tags_count_only_where_both_sides_told_theirs),
	    cmocka_unit_test(a_tier_counts_when_it_is_the_sources_own),
	    cmocka_unit_test(tiers_are_known_by_their_names),
	    cmocka_unit_test(setting_replaces_adds_and_removes),
	    cmocka_unit_test(sorting_minds_case_or_not),
	    cmocka_unit_test(metadata_that_the_service_refuses_is_told),
	    cmocka_unit_test(a_view_is_empty_once_released),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

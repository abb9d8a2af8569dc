#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "storage/blob_traits.h"

#include "storage/file_traits.h"

#define ALL (TRAIT_HEADERS | TRAIT_METADATA | TRAIT_TAGS | TRAIT_TIER)

static struct trait metadata[] = {{"a", ""}, {"B", "&=%? .m.x=1"}};
static struct trait tags[] = {{"a&b", "=c"}, {"k", "v"}};

static const struct blob_traits rich = {
    .content_type = "text/plain; x=\"y&z\"",
    .content_encoding = "gzip",
    .content_language = "de",
    .content_disposition = "inline",
    .cache_control = "no-cache",
    .metadata = {metadata, 2},
    .tags = {tags, 2},
    .tags_told = true,
};

static void
what_was_written_is_read(void **state)
{
	struct arena arena = {0};
	struct blob_traits t;
	struct buf text;

	(void)state;
	buf_init(&text, 4096);
	file_traits_format(&text, &rich);
	assert_non_null(strstr(text.data, "&m.B=%26%3D%25"));
	file_traits_parse(text.data, &arena, &t);
	assert_int_equal(blob_traits_differ(&rich, &t, ALL), 0);
	assert_true(t.tags_told);
	assert_int_equal(t.tag_count, 2);
	assert_string_equal(t.metadata.list[0].name, "a");
	assert_string_equal(t.tags.list[0].value, "=c");
	arena_release(&arena);
	buf_release(&text);
}

static void
what_is_not_told_leaves_nothing(void **state)
{
	struct trait tag = {"k", "v"};
	const struct blob_traits unknown = {
	    .content_type = "", .tags = {&tag, 1}};
	struct arena arena = {0};
	struct blob_traits t;
	struct buf text;
	char empty[] = "";

	(void)state;
	buf_init(&text, 4096);
	file_traits_format(&text, &unknown);
	assert_string_equal(text.data, "");
	file_traits_parse(empty, &arena, &t);
	assert_null(t.content_type);
	assert_true(t.tags_told && t.is_current_version);
	assert_int_equal(t.sequence_number, -1);
	assert_int_equal(t.tags.n + t.metadata.n, 0);
	arena_release(&arena);
	buf_release(&text);
}

static void
of_what_is_not_ours_the_rest_is_read(void **state)
{
	char text[] = "&&m&m.&m.x&h.none=1&t.%zz=1&t.k=%00&q.a=b&mm.a=b&"
		      "=&.=&m.good=1&h.cache=c";
	struct arena arena = {0};
	struct blob_traits t;

	(void)state;
	file_traits_parse(text, &arena, &t);
	assert_int_equal(t.metadata.n, 1);
	assert_string_equal(trait_get(&t.metadata, "good"), "1");
	assert_int_equal(t.tags.n, 0);
	assert_string_equal(t.cache_control, "c");
	arena_release(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_written_is_read),
	    cmocka_unit_test(what_is_not_told_leaves_nothing),
	    cmocka_unit_test(of_what_is_not_ours_the_rest_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

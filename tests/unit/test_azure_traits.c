#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/http.h"
#include "storage/azure_traits.h"
#include "storage/blob_traits.h"

#define ALL (TRAIT_HEADERS | TRAIT_METADATA | TRAIT_TAGS | TRAIT_TIER)

static struct trait metadata[] = {
    {"Owner", "ann"}, {"empty", ""}, {"hdi_isfolder", "true"}};
static struct trait tags[] = {{"a b", "1/2=3"}, {"project", "dr&sync+"}};

static const struct blob_traits all = {
    .content_type = "text/plain; charset=utf-8",
    .content_encoding = "gzip",
    .content_language = "de",
    .content_disposition = "attachment; filename=\"x\"",
    .cache_control = "max-age=5",
    .metadata = {metadata, 3},
    .tags = {tags, 2},
    .tags_told = true,
    .tier = TIER_COOL,
};

static void
assert_header(struct http_headers *h, const char *name, const char *value)
{
	const char *got = http_headers_get(h, name);

	if (value == NULL)
		assert_null(got);
	else if (got == NULL || strcmp(got, value) != 0)
		fail_msg("%s: '%s', not '%s'", name, got, value);
}

static void
all_that_a_blob_carries_goes_out(void **state)
{
	struct http_headers h = {0};

	(void)state;
	azure_traits_add(&h, &all, ALL);
	azure_traits_add_md5(&h, (const unsigned char *)"0123456789abcdef");
	assert_header(&h, "x-ms-blob-content-type", all.content_type);
	assert_header(&h, "x-ms-blob-content-encoding", "gzip");
	assert_header(&h, "x-ms-blob-content-language", "de");
	assert_header(
	    &h, "x-ms-blob-content-disposition", all.content_disposition);
	assert_header(&h, "x-ms-blob-cache-control", "max-age=5");
	assert_header(&h, "x-ms-meta-Owner", "ann");
	assert_header(&h, "x-ms-meta-empty", "");
	assert_header(&h, "x-ms-meta-hdi_isfolder", "true");
	assert_header(&h, "x-ms-tags", "a%20b=1%2F2%3D3&project=dr%26sync%2B");
	assert_header(&h, "x-ms-access-tier", "Cool");
	assert_header(&h, "x-ms-blob-content-md5", "MDEyMzQ1Njc4OWFiY2RlZg==");
	assert_int_equal(h.n, 11);
	http_headers_release(&h);
}

static void
what_was_not_asked_or_not_told_does_not(void **state)
{
	static const struct blob_traits none = {.tier = TIER_NONE};
	struct http_headers h = {0};

	(void)state;
	azure_traits_add(&h, &none, ALL);
	azure_traits_add(&h, &all, 0);
	azure_traits_add_md5(&h, NULL);
	assert_int_equal(h.n, 0);
	azure_traits_add(&h, &all, TRAIT_TIER);
	azure_traits_add(&h, &all, TRAIT_METADATA);
	assert_int_equal(h.n, 4);
	assert_header(&h, "x-ms-tags", NULL);
	http_headers_release(&h);
}

static void
a_tier_is_set_only_where_it_is_the_blobs_own(void **state)
{
	struct blob_traits t = {
	    .tier = TIER_HOT, .tier_name = "Hot", .tier_is_inferred = true};
	struct http_headers h = {0};

	(void)state;
	azure_traits_add(&h, &t, ALL);
	assert_int_equal(h.n, 0);
	t.tier_is_inferred = false;
	assert_string_equal(azure_traits_tier(&t), "Hot");
	t.tier = TIER_ARCHIVE;
	assert_string_equal(azure_traits_tier(&t), "Archive");
	t.tier = TIER_OTHER;
	t.tier_name = "P30";
	azure_traits_add(&h, &t, ALL);
	assert_header(&h, "x-ms-access-tier", "P30");
	http_headers_release(&h);
}

static void
tags_that_were_not_told_are_not_sent(void **state)
{
	struct blob_traits t = all;
	struct http_headers h = {0};

	(void)state;
	t.tags_told = false;
	azure_traits_add(&h, &t, TRAIT_TAGS);
	assert_int_equal(h.n, 0);
	http_headers_release(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_that_a_blob_carries_goes_out),
	    cmocka_unit_test(what_was_not_asked_or_not_told_does_not),
	    cmocka_unit_test(a_tier_is_set_only_where_it_is_the_blobs_own),
	    cmocka_unit_test(tags_that_were_not_told_are_not_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

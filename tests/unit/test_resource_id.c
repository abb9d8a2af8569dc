#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arm/resource_id.h"
#include "base/buf.h"
#include "base/err.h"

#define GROUP \
	"/subscriptions/e7b5a9d2-6b6a-4d2f-9143-20d9a10f5b8f/resourceGroups/rg1"
#define CACHE  GROUP "/providers/Microsoft.Cache/"
#define AMR    CACHE "redisEnterprise/cache1"
#define NAME60 "a23456789b123456789c123456789d123456789e123456789f1234567890"

static struct resource_id
parsed(const char *text)
{
	struct resource_id id;
	struct err err = {0};

	if (resource_id_parse(&id, text, &err) != 0)
		fail_msg("%s", err.text);
	return id;
}

static void
assert_formats(const char *text, const char *whole, const char *shown)
{
	struct resource_id id = parsed(text);
	struct buf b;

	buf_init(&b, 1024);
	resource_id_format(&b, &id);
	assert_string_equal(b.data, whole);
	buf_release(&b);
	resource_id_show(&b, &id);
	assert_string_equal(b.data, shown);
	buf_release(&b);
}

static void
each_type_is_read_and_written(void **state)
{
	(void)state;
	assert_formats(
	    AMR "/databases/db1", AMR "/databases/db1", "cache1/db1");
	assert_formats(AMR, AMR "/databases/default", "cache1/default");
	assert_formats(CACHE "Redis/cache-2", CACHE "redis/cache-2", "cache-2");
	assert_formats("/Subscriptions/s/RESOURCEGROUPS/a.b_(c)-d/PROVIDERS/"
		       "microsoft.cache/REDISENTERPRISE/" NAME60,
	    "/subscriptions/s/resourceGroups/a.b_(c)-d/providers/"
	    "Microsoft.Cache/redisEnterprise/" NAME60 "/databases/default",
	    NAME60 "/default");
}

static void
names_have_no_case(void **state)
{
	struct resource_id a = parsed(AMR), b, c = parsed(CACHE "redis/cache1");

	(void)state;
	b = parsed("/subscriptions/E7B5A9D2-6B6A-4D2F-9143-20D9A10F5B8F/"
		   "resourcegroups/RG1/providers/Microsoft.Cache/"
		   "RedisEnterprise/Cache1/databases/DEFAULT");
	assert_true(resource_id_same(&a, &b));
	assert_false(resource_id_same(&a, &c));
	b = parsed(AMR "/databases/other");
	assert_false(resource_id_same(&a, &b));
}

static void
the_cluster_has_no_database(void **state)
{
	struct resource_id id = parsed(AMR "/databases/x");
	struct buf b;

	(void)state;
	buf_init(&b, 1024);
	resource_id_format_cluster(&b, &id);
	assert_string_equal(b.data, AMR);
	buf_release(&b);
}

/* What is spliced into a path must not be able to change it. */
static void
whatever_else_is_refused_with_the_form(void **state)
{
	static const char *const wrong[] = {"", "/", "cache1", "redis://x",
	    GROUP, CACHE, CACHE "redisEnterprise", CACHE "redisEnterprise/",
	    AMR "/", AMR "/databases", AMR "/databases/", AMR "/x/y",
	    AMR "/databases/a/b", CACHE "redis/a/databases/b", CACHE "redis/a/",
	    CACHE "redis/-a", CACHE "redis/a-", CACHE "redis/a--b",
	    CACHE "redis/a_b", CACHE "redis/a b", CACHE "redis/a?b",
	    CACHE "redis/a%2Fb", CACHE "redis/\xc3\xa9", CACHE "redis/../x",
	    CACHE "redisEnterprise/" NAME60 "1", CACHE "redis/" NAME60 "1234",
	    CACHE "memcached/a",
	    "/subscriptions//resourceGroups/g/providers/Microsoft.Cache/"
	    "redis/a",
	    "/subscriptions/s/resourceGroups/g./providers/Microsoft.Cache/"
	    "redis/a",
	    "/subscriptions/../resourceGroups/g/providers/Microsoft.Cache/"
	    "redis/a",
	    "/subscriptions/s/resourceGroups/g?x/providers/Microsoft.Cache/"
	    "redis/a",
	    "/subscriptions/s/resourceGroups/g/providers/Microsoft.Cachex/"
	    "redis/a",
	    "x" AMR};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct resource_id id;
		struct err err = {0};

		if (resource_id_parse(&id, wrong[i], &err) == 0)
			fail_msg("'%s' was taken", wrong[i]);
		assert_int_equal(err.kind, ERR_USAGE);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_type_is_read_and_written),
	    cmocka_unit_test(names_have_no_case),
	    cmocka_unit_test(the_cluster_has_no_database),
	    cmocka_unit_test(whatever_else_is_refused_with_the_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

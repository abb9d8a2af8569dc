#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "storage/blob_traits.h"
#include "storage/replica_filter.h"
#include "storage/store.h"

#define NOW_MS ((int64_t)1000000)

static bool
takes(const struct replica_filter *f, const char *name)
{
	char copy[32];
	struct list_item item = {.name = copy};

	strcpy(copy, name);
	return replica_filter_takes(f, &item, NOW_MS);
}

static void
no_filter_takes_all(void **state)
{
	static const char *const none[] = {NULL};
	static const struct replica_filter empty = {
	    .include = none,
	    .exclude = none,
	    .tags = none,
	};

	(void)state;
	assert_true(takes(NULL, "a"));
	assert_true(takes(&(struct replica_filter){0}, "a"));
	assert_true(takes(&empty, "a"));
	assert_int_equal(replica_filter_needs(NULL), 0);
	assert_int_equal(replica_filter_needs(&empty), 0);
}

static void
one_include_is_enough_and_one_exclude_too_much(void **state)
{
	static const char *const in[] = {"*.log", "data/**", NULL};
	static const char *const out[] = {"**/*.tmp", "data/x", NULL};
	struct replica_filter f = {.include = in, .exclude = out};

	(void)state;
	assert_true(takes(&f, "a.log"));
	assert_true(takes(&f, "data/b/c"));
	assert_false(takes(&f, "other"));
	assert_false(takes(&f, "data/x"));
	assert_false(takes(&f, "data/b.tmp"));

	f.include = NULL;
	assert_true(takes(&f, "other"));
	assert_false(takes(&f, "a.tmp"));
}

static bool
takes_props(const struct replica_filter *f, struct blob_props props)
{
	char name[] = "a";
	struct list_item item = {.name = name, .props = props};

	return replica_filter_takes(f, &item, NOW_MS);
}

static void
sizes_are_bounds_that_belong_to_it(void **state)
{
	static const struct replica_filter f = {
	    .size_least = 10,
	    .size_most = 20,
	};

	(void)state;
	assert_false(takes_props(&f, (struct blob_props){.size = 9}));
	assert_true(takes_props(&f, (struct blob_props){.size = 10}));
	assert_true(takes_props(&f, (struct blob_props){.size = 20}));
	assert_false(takes_props(&f, (struct blob_props){.size = 21}));
}

static void
ages_are_told_from_now(void **state)
{
	static const struct replica_filter older = {.older_ms = 100};
	static const struct replica_filter younger = {.younger_ms = 100};
	struct blob_props old = {.modified_ms = NOW_MS - 101};
	struct blob_props even = {.modified_ms = NOW_MS - 100};
	struct blob_props future = {.modified_ms = NOW_MS + 101};

	(void)state;
	assert_true(takes_props(&older, old));
	assert_false(takes_props(&older, even));
	assert_false(takes_props(&older, future));
	assert_false(takes_props(&younger, old));
	assert_false(takes_props(&younger, even));
	assert_true(takes_props(&younger, future));
}

static void
types_are_those_named(void **state)
{
	static const struct replica_filter f = {
	    .types = 1 << BLOB_PAGE | 1 << BLOB_APPEND,
	};

	(void)state;
	assert_false(takes_props(&f, (struct blob_props){.type = BLOB_BLOCK}));
	assert_true(takes_props(&f, (struct blob_props){.type = BLOB_PAGE}));
	assert_true(takes_props(&f, (struct blob_props){.type = BLOB_APPEND}));
}

static void
all_tags_must_be_there(void **state)
{
	static const char *const tags[] = {"Env=prod*", "keep=yes", NULL};
	static const struct replica_filter f = {.tags = tags};
	struct trait list[] = {
	    {"Env", "production"}, {"Envy", "x"}, {"keep", "yes"}};
	struct blob_traits traits = {.tags = {list, 3}, .tags_told = true};
	char name[] = "a";
	struct list_item item = {.name = name, .traits = &traits};

	(void)state;
	assert_int_equal(replica_filter_needs(&f), LIST_TRAITS | LIST_TAGS);
	assert_true(replica_filter_takes(&f, &item, NOW_MS));
	traits.tags.n = 2;
	assert_false(replica_filter_takes(&f, &item, NOW_MS));
	traits.tags.n = 3;
	list[0].value = "test";
	assert_false(replica_filter_takes(&f, &item, NOW_MS));
	list[0] = (struct trait){"env", "production"};
	assert_false(replica_filter_takes(&f, &item, NOW_MS));
	list[0] = (struct trait){"Envy", "production"};
	assert_false(replica_filter_takes(&f, &item, NOW_MS));

	/* What was not told is not had. */
	list[0] = (struct trait){"Env", "production"};
	assert_true(replica_filter_takes(&f, &item, NOW_MS));
	traits.tags_told = false;
	assert_false(replica_filter_takes(&f, &item, NOW_MS));
	item.traits = NULL;
	assert_false(replica_filter_takes(&f, &item, NOW_MS));
}

static const char *
refused(const struct replica_filter *f)
{
	static struct err err;

	assert_int_equal(replica_filter_check(f, &err), -1);
	assert_int_equal(err.kind, ERR_USAGE);
	return err.text;
}

static void
what_cannot_be_meant_is_refused(void **state)
{
	static const char *const open[] = {"a", "b[", NULL};
	static const char *const empty[] = {"", NULL};
	static const char *const bare[] = {"a=b", "c", NULL};
	static const char *const nameless[] = {"=c", NULL};
	static const char *const bad_value[] = {"a=[", NULL};
	static const char *const good[] = {"a=b*", "c=", NULL};
	struct err err;

	(void)state;
	assert_string_equal(refused(&(struct replica_filter){.include = open}),
	    "include: the pattern 'b[' has a '[' without its ']'; write '\\[' "
	    "for the character");
	assert_non_null(strstr(
	    refused(&(struct replica_filter){.exclude = open}), "exclude: "));
	assert_string_equal(refused(&(struct replica_filter){.exclude = empty}),
	    "an empty pattern to exclude matches no name");
	assert_string_equal(refused(&(struct replica_filter){.tags = bare}),
	    "the tag 'c' is not NAME=VALUE");
	refused(&(struct replica_filter){.tags = nameless});
	refused(&(struct replica_filter){.tags = bad_value});
	assert_string_equal(
	    refused(&(struct replica_filter){.size_least = 2, .size_most = 1}),
	    "no blob has at least 2 bytes and at most 1");
	refused(&(struct replica_filter){.older_ms = -1});
	refused(&(struct replica_filter){.younger_ms = -1});
	refused(&(struct replica_filter){.older_ms = 5, .younger_ms = 5});
	refused(&(struct replica_filter){.types = 8});

	assert_int_equal(
	    replica_filter_check(&(struct replica_filter){.tags = good,
				     .size_least = 1,
				     .size_most = 1,
				     .older_ms = 4,
				     .younger_ms = 5,
				     .types = 7},
		&err),
	    0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_filter_takes_all),
	    cmocka_unit_test(one_include_is_enough_and_one_exclude_too_much),
	    cmocka_unit_test(sizes_are_bounds_that_belong_to_it),
	    cmocka_unit_test(ages_are_told_from_now),
	    cmocka_unit_test(types_are_those_named),
	    cmocka_unit_test(all_tags_must_be_there),
	    cmocka_unit_test(what_cannot_be_meant_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

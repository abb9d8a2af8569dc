/* Which keys each rule takes; globs as Redis itself reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "rdb/key_filter.h"
#include "rdb/key_glob.h"
#include "rdb/rdb_reader.h"

#define AT_MS INT64_C(1000000000000)
#define HOUR  INT64_C(3600000)

static bool
matches(const char *pattern, const char *name)
{
	return key_glob_match(pattern, strlen(pattern),
	    (const unsigned char *)name, strlen(name));
}

/* What KEYS of Redis 7.0.15 answers, those that are not well-formed too. */
static void
globs_match_as_in_redis(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool match;
	} cases[] = {
	    {"", "", true},
	    {"", "a", false},
	    {"*", "", true},
	    {"*", "anything", true},
	    {"a", "a", true},
	    {"a", "A", false},
	    {"user:*", "user:1", true},
	    {"user:*", "user", false},
	    {"*:1", "user:1", true},
	    {"*:1", "user:12", false},
	    {"a*b*c", "a--b--b--c", true},
	    {"a*b*c", "a--c--b", false},
	    {"**a**", "xax", true},
	    {"a**", "a", true},
	    {"?", "", false},
	    {"a?c", "abc", true},
	    {"a?c", "ac", false},
	    {"[abc]", "b", true},
	    {"[abc]", "d", false},
	    {"[a-c]x", "bx", true},
	    {"[c-a]x", "bx", true},
	    {"[^a-c]x", "bx", false},
	    {"[^a-c]x", "dx", true},
	    {"[a\\]b]", "]", true},
	    {"[a\\-c]", "b", false},
	    {"[a\\-c]", "-", true},
	    {"[-a]", "-", true},
	    {"[^]", "a", true},
	    {"[]", "]", false},
	    {"[]a]", "a]", false},
	    {"[a-]", "_", true},
	    {"[a-]", "-", false},
	    {"[abc", "c", true},
	    {"[abc", "d", false},
	    {"[a-", "-", true},
	    {"[^abc", "d", true},
	    {"[*]", "*", true},
	    {"[*]", "a", false},
	    {"\\*", "*", true},
	    {"\\*", "a", false},
	    {"a\\", "a\\", true},
	    {"\\a", "a", true},
	    {"\\", "\\", true},
	    {"[\\", "\\", true},
	    {"*[0-9]", "key7", true},
	    {"*[0-9]", "key7x", false},
	    {"*a*b", "aab", true},
	    {"*ab", "aab", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (matches(cases[i].pattern, cases[i].name) != cases[i].match)
			fail_msg(
			    "'%s' of '%s'", cases[i].pattern, cases[i].name);
}

static void
names_are_bytes(void **state)
{
	static const unsigned char name[] = {'a', 0, 0xff, '\n', 'b'};

	(void)state;
	assert_true(key_glob_match("a*b", 3, name, sizeof(name)));
	assert_true(key_glob_match("a???b", 5, name, sizeof(name)));
	assert_true(key_glob_match("a?\xff?b", 5, name, sizeof(name)));
	assert_true(key_glob_match("a?[\xf0-\xff]*", 8, name, sizeof(name)));
	assert_false(key_glob_match("a", 1, name, sizeof(name)));
}

/* By backtracking to each star it would not end in this world's time. */
static void
a_hostile_pattern_ends_soon(void **state)
{
	size_t len = 100000;
	unsigned char *name = xcalloc(1, len);
	char pattern[401];

	(void)state;
	memset(name, 'a', len);
	for (int i = 0; i < 400; i += 2)
		memcpy(pattern + i, "a*", 2);
	pattern[400] = 'b';
	assert_false(key_glob_match(pattern, 401, name, len));
	free(name);
}

static struct key_filter *
filter(enum key_rule rule, const char *text)
{
	struct key_filter *f = key_filter_new();
	struct err err = {0};

	if (key_filter_add(f, rule, text, &err) != 0)
		fail_msg("'%s': %s", text, err.text);
	return f;
}

static struct rdb_key
key(const char *name)
{
	return (struct rdb_key){
	    .kind = RDB_STRING,
	    .expires_ms = RDB_NO_EXPIRY,
	    .name = (const unsigned char *)name,
	    .name_len = strlen(name),
	};
}

static void
expect(enum key_rule rule, const char *text, struct rdb_key k, bool taken)
{
	struct key_filter *f = filter(rule, text);

	if (key_filter_takes(f, &k, AT_MS) != taken)
		fail_msg("%s '%s' and '%.*s'", key_rule_name(rule), text,
		    (int)k.name_len, k.name);
	key_filter_free(f);
}

static void
databases_are_numbers_and_ranges(void **state)
{
	static const struct {
		uint32_t db;
		bool in;
	} cases[] = {{0, true}, {1, false}, {3, true}, {7, false}, {8, true},
	    {15, true}, {16, false}, {4294967295, true}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rdb_key k = key("k");

		k.db = cases[i].db;
		expect(KEY_RULE_DBS, "0,3,8-15,4294967295", k, cases[i].in);
		expect(
		    KEY_RULE_NOT_DBS, "0,3,8-15,4294967295", k, !cases[i].in);
	}
}

static void
names_match_any_of_the_globs(void **state)
{
	(void)state;
	expect(KEY_RULE_KEYS, "user:*,cart:?", key("user:1"), true);
	expect(KEY_RULE_KEYS, "user:*,cart:?", key("cart:1"), true);
	expect(KEY_RULE_KEYS, "user:*,cart:?", key("cart:12"), false);
	expect(KEY_RULE_NOT_KEYS, "user:*,cart:?", key("user:1"), false);
	expect(KEY_RULE_NOT_KEYS, "user:*,cart:?", key("cart:12"), true);
	expect(KEY_RULE_KEYS, "a\\,b", key("a,b"), true);
	expect(KEY_RULE_KEYS, "a\\,b", key("a"), false);
	expect(KEY_RULE_KEYS, "[x\\,]", key(","), true);
}

static void
types_are_those_of_their_users(void **state)
{
	struct rdb_key k = key("k");

	(void)state;
	for (int i = 0; i < RDB_KINDS; i++) {
		k.kind = (enum rdb_kind)i;
		expect(KEY_RULE_TYPES, rdb_kind_name(k.kind), k, true);
		expect(KEY_RULE_NOT_TYPES, rdb_kind_name(k.kind), k, false);
		expect(KEY_RULE_TYPES, "zset,hash", k,
		    i == RDB_ZSET || i == RDB_HASH);
	}
}

/* Of a key that has so long to go: RDB_NO_EXPIRY for ever. */
static void
expect_ttl(const char *text, int64_t left_ms, bool taken)
{
	struct rdb_key k = key("k");

	if (left_ms != RDB_NO_EXPIRY)
		k.expires_ms = AT_MS + left_ms;
	expect(KEY_RULE_TTL, text, k, taken);
}

static void
ttls_are_counted_from_the_dumps_instant(void **state)
{
	(void)state;
	expect_ttl("with", RDB_NO_EXPIRY, false);
	expect_ttl("with", HOUR, true);
	expect_ttl("with", -HOUR, true);
	expect_ttl("without", RDB_NO_EXPIRY, true);
	expect_ttl("without", HOUR, false);
	expect_ttl("1h..", HOUR, true);
	expect_ttl("1h..", HOUR - 2, false);
	expect_ttl("1h..", RDB_NO_EXPIRY, false);
	expect_ttl("..30m", HOUR / 2, true);
	expect_ttl("..30m", HOUR / 2 + 1, false);
	expect_ttl("..30m", -HOUR, true);
	expect_ttl("..30m", RDB_NO_EXPIRY, false);
	expect_ttl("1h..2h", 2 * HOUR, true);
	expect_ttl("1h..2h", 2 * HOUR + 1, false);
	expect_ttl("1h..2h", INT64_MAX - AT_MS, false);
}

static void
a_key_is_taken_when_each_rule_takes_it(void **state)
{
	struct key_filter *f = filter(KEY_RULE_KEYS, "user:*");
	struct rdb_key k = key("user:1"), other = key("cart:1"),
		       left_out = key("user:tmp");
	struct err err = {0};

	(void)state;
	assert_int_equal(key_filter_add(f, KEY_RULE_NOT_KEYS, "*tmp", &err), 0);
	assert_int_equal(key_filter_add(f, KEY_RULE_DBS, "0", &err), 0);
	assert_true(key_filter_takes(f, &k, AT_MS));
	assert_false(key_filter_takes(f, &other, AT_MS));
	assert_false(key_filter_takes(f, &left_out, AT_MS));
	k.db = 1;
	assert_false(key_filter_takes(f, &k, AT_MS));
	key_filter_free(f);
}

static void
without_a_rule_all_are_taken(void **state)
{
	struct key_filter *f = key_filter_new();
	struct rdb_key k = key("k");

	(void)state;
	assert_true(key_filter_takes(f, &k, AT_MS));
	assert_true(key_filter_takes_functions(f));
	key_filter_free(f);
	f = filter(KEY_RULE_FUNCTIONS, "no");
	assert_true(key_filter_takes(f, &k, AT_MS));
	assert_false(key_filter_takes_functions(f));
	key_filter_free(f);
}

static void
must_refuse(enum key_rule rule, const char *text, const char *why)
{
	struct key_filter *f = key_filter_new();
	struct err err = {0};

	if (key_filter_add(f, rule, text, &err) == 0)
		fail_msg("%s '%s' was taken", key_rule_name(rule), text);
	assert_int_equal(err.kind, ERR_USAGE);
	if (strstr(err.text, why) == NULL)
		fail_msg("not '%s': %s", why, err.text);
	key_filter_free(f);
}

static void
what_is_no_rule_is_refused(void **state)
{
	static const char *const no_dbs[] = {
	    "x", "-1", "1-", "3-1", "1 ", "0x1", "4294967296", "1.5"};
	static const char *const no_ttls[] = {"", "1h", "..", "forever",
	    "1h...2h", "1..2", "x..", "..x", "2h..1h",
	    "11111111111111111111111111111111h.."};
	/* Cut short, too long for what they tell, or beyond what there is. */
	static const char *const no_utf8[] = {"\xff*", "a\x80", "\xc3",
	    "\xe2\x82", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
	    "\xf4\x90\x80\x80", "\xf0\x9f\x98z"};
	char long_list[2 * KEY_RULE_ITEMS_MAX + 2], big[KEY_RULE_BYTES_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(no_dbs) / sizeof(no_dbs[0]); i++)
		must_refuse(KEY_RULE_DBS, no_dbs[i], "is no database");
	for (size_t i = 0; i < sizeof(no_ttls) / sizeof(no_ttls[0]); i++)
		must_refuse(KEY_RULE_TTL, no_ttls[i], "");
	must_refuse(KEY_RULE_TYPES, "strings", "none of: string");
	must_refuse(KEY_RULE_TYPES, "string,Hash", "none of: string");
	must_refuse(KEY_RULE_FUNCTIONS, "maybe", "neither yes nor no");
	must_refuse(KEY_RULE_KEYS, "", "is empty");
	must_refuse(KEY_RULE_KEYS, "a,", "is empty");
	must_refuse(KEY_RULE_NOT_KEYS, "a,,b", "is empty");
	must_refuse(KEY_RULE_KEYS, "a\nb", "control character");
	for (size_t i = 0; i < sizeof(no_utf8) / sizeof(no_utf8[0]); i++)
		must_refuse(KEY_RULE_KEYS, no_utf8[i], "no UTF-8");
	memset(big, 'a', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	must_refuse(KEY_RULE_KEYS, big, "over 8192 bytes");
	big[KEY_GLOB_BYTES_MAX + 1] = '\0';
	must_refuse(KEY_RULE_KEYS, big, "over 512 bytes");
	for (int i = 0; i < KEY_RULE_ITEMS_MAX + 1; i++)
		memcpy(long_list + 2 * i, "1,", 2);
	long_list[2 * KEY_RULE_ITEMS_MAX + 1] = '\0';
	must_refuse(KEY_RULE_DBS, long_list, "at most 256");
}

static void
names_in_any_script_are_matched(void **state)
{
	static const char *const names[] = {"\xc3\xa9t\xc3\xa9", "\xe2\x82\xac",
	    "\xf0\x9f\x98\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct key_filter *f = filter(KEY_RULE_KEYS, names[i]);

		assert_true(
		    key_filter_may_take_name(f, names[i], strlen(names[i])));
		key_filter_free(f);
	}
}

static void
the_same_is_what_is_written_the_same(void **state)
{
	struct key_filter *a = filter(KEY_RULE_KEYS, "user:*");
	struct key_filter *b = key_filter_copy(a);
	struct err err = {0};

	(void)state;
	assert_true(key_filter_same(NULL, NULL));
	assert_false(key_filter_same(a, NULL));
	assert_false(key_filter_same(NULL, a));
	assert_true(key_filter_same(a, b));
	assert_string_equal(key_filter_text(b, KEY_RULE_KEYS), "user:*");
	assert_int_equal(key_filter_add(b, KEY_RULE_DBS, "0", &err), 0);
	assert_false(key_filter_same(a, b));
	assert_false(key_filter_same(b, a));
	key_filter_free(a);
	key_filter_free(b);
}

/* So that what no rule can take need not be read. */
static void
before_a_key_is_read_its_database_and_name_tell(void **state)
{
	struct key_filter *f = filter(KEY_RULE_DBS, "0-3");
	struct err err = {0};

	(void)state;
	assert_true(key_filter_may_take_db(f, 3));
	assert_false(key_filter_may_take_db(f, 4));
	assert_true(key_filter_may_take_name(f, "any", 3));
	assert_int_equal(key_filter_add(f, KEY_RULE_NOT_DBS, "2", &err), 0);
	assert_int_equal(key_filter_add(f, KEY_RULE_KEYS, "a*", &err), 0);
	assert_int_equal(key_filter_add(f, KEY_RULE_NOT_KEYS, "*z", &err), 0);
	assert_false(key_filter_may_take_db(f, 2));
	assert_true(key_filter_may_take_name(f, "ab", 2));
	assert_false(key_filter_may_take_name(f, "abz", 3));
	assert_false(key_filter_may_take_name(f, "b", 1));
	key_filter_free(f);
}

static void
one_type_is_told_where_there_is_but_one(void **state)
{
	static const struct {
		const char *types, *not_types, *only;
	} cases[] = {
	    {"hash", NULL, "hash"},
	    {"hash,list", NULL, NULL},
	    {"hash,list", "list", "hash"},
	    {NULL, "list", NULL},
	    {NULL, "string,list,set,zset,hash,module", "stream"},
	    {"module", NULL, NULL},
	    {"hash", "hash", NULL},
	    {NULL, NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct key_filter *f = key_filter_new();
		const char *only;
		struct err err = {0};

		if (cases[i].types != NULL)
			assert_int_equal(key_filter_add(f, KEY_RULE_TYPES,
					     cases[i].types, &err),
			    0);
		if (cases[i].not_types != NULL)
			assert_int_equal(key_filter_add(f, KEY_RULE_NOT_TYPES,
					     cases[i].not_types, &err),
			    0);
		only = key_filter_only_type(f);
		if (cases[i].only == NULL)
			assert_null(only);
		else
			assert_string_equal(only, cases[i].only);
		key_filter_free(f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(globs_match_as_in_redis),
	    cmocka_unit_test(names_are_bytes),
	    cmocka_unit_test(a_hostile_pattern_ends_soon),
	    cmocka_unit_test(databases_are_numbers_and_ranges),
	    cmocka_unit_test(names_match_any_of_the_globs),
	    cmocka_unit_test(types_are_those_of_their_users),
	    cmocka_unit_test(ttls_are_counted_from_the_dumps_instant),
	    cmocka_unit_test(a_key_is_taken_when_each_rule_takes_it),
	    cmocka_unit_test(without_a_rule_all_are_taken),
	    cmocka_unit_test(what_is_no_rule_is_refused),
	    cmocka_unit_test(names_in_any_script_are_matched),
	    cmocka_unit_test(the_same_is_what_is_written_the_same),
	    cmocka_unit_test(before_a_key_is_read_its_database_and_name_tell),
	    cmocka_unit_test(one_type_is_told_where_there_is_but_one),
	};

	return cmocka_run_group_tests_name("key_filter", tests, NULL, NULL);
}

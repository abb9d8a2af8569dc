#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/err.h"
#include "storage/blob_glob.h"
#include "tests/fuzz/plain_glob.h"

struct row {
	const char *glob, *name;
	bool matches;
};

static const struct row rows[] = {
    {"a", "a", true},
    {"a", "ab", false},
    {"ab", "a", false},
    {"", "", true},
    {"", "a", false},
    {"*", "", true},
    {"*", "abc", true},
    {"*", "a/c", false},
    {"*.tmp", "x.tmp", true},
    {"*.tmp", "d/x.tmp", false},
    {"*/*", "a/b", true},
    {"*/*", "a/b/c", false},
    {"a*b*c", "aXbYbZc", true},
    {"a*b*c", "aXbYbZ", false},
    {"a*", "a", true},

    {"**", "", true},
    {"**", "a/b/c", true},
    {"logs/**", "logs/a/b", true},
    {"logs/**", "logs/", true},
    {"logs/**", "logs", false},
    {"**.tmp", "d/x.tmp", true},
    {"a**z", "a/b/z", true},
    {"**/x", "x", true},
    {"**/x", "a/b/x", true},
    {"**/x", "ax", false},
    {"**/x", "a/bx", false},
    {"a/**/z", "a/z", true},
    {"a/**/z", "a/b/c/z", true},
    {"a/**/z", "az", false},
    {"a/**/z", "a/bz", false},
    {"a**/z", "a/z", true},
    {"a**/z", "az", false},
    {"**/**/x", "x", true},
    {"***", "a/b", true},
    {"**/", "a/", true},
    {"**/", "", true},
    {"**/", "a", false},
    {"**a*b", "x/a/ab", true},
    {"**a*b", "x/ab/a/b", false},

    {"?", "a", true},
    {"?", "", false},
    {"?", "/", false},
    {"?", "\xc3\xa9", true},
    {"??", "\xc3\xa9", false},
    {"?", "\xf0\x9f\x98\x80", true},
    {"?", "\xff", true},
    {"\xc3\xa9", "\xc3\xa9", true},
    {"\xc3\xa9*", "\xc3\xa8x", false},

    {"[abc]", "b", true},
    {"[abc]", "d", false},
    {"[a-c]x", "bx", true},
    {"[!a-c]", "d", true},
    {"[^a-c]", "b", false},
    {"[!a]", "/", false},
    {"[+-9]", "/", false},
    {"[]a]", "]", true},
    {"[!]a]", "]", false},
    {"[a-]", "-", true},
    {"[\\]]", "]", true},
    {"[a\\-z]", "m", false},
    {"[\xc3\xa0-\xc3\xaf]", "\xc3\xa9", true},
    {"[\xc3\xa0-\xc3\xaf]", "\xc3\xb0", false},
    {"[\xf0\x9f\x98\x80]", "\xf0\x9f\x98\x80", true},
    {"[z-a]", "m", false},

    {"\\*", "*", true},
    {"\\*", "a", false},
    {"a\\[b", "a[b", true},
    {"\\a", "a", true},
    {"\\\xc3\xa9", "\xc3\xa9", true},
    {"\\***/x", "*a/x", true},
    {"$web/*", "$web/index.html", true},
};

static void
matches_as_told(void **state)
{
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];

		if (glob_check(r->glob, &err) != 0 ||
		    glob_match(r->glob, r->name) != r->matches)
			fail_msg("'%s' '%s' %s", r->glob, r->name, err.text);
	}
}

/* A pair of random short words of what makes globs. */
static void
agrees_with_a_plain_matcher(void **state)
{
	static const char letters[] = "aab/*?**/[]!-\\\xc3\xa9";
	uint32_t random = 1;
	unsigned checked = 0, matched = 0;
	struct err err;

	(void)state;
	for (int i = 0; i < 300000; i++) {
		char word[2][9] = {{0}};

		for (int w = 0; w < 2; w++) {
			random = random * 1664525 + 1013904223;
			for (size_t n = (random >> 24) % 8; n > 0; n--) {
				random = random * 1664525 + 1013904223;
				word[w][n - 1] = letters[(random >> 16) %
				    (w == 0 ? sizeof(letters) - 1 : 4)];
			}
		}
		if (glob_check(word[0], &err) != 0)
			continue;
		checked++;
		matched += glob_match(word[0], word[1]);
		if (glob_match(word[0], word[1]) !=
		    plain_glob(word[0], word[1]))
			fail_msg("'%s' '%s'", word[0], word[1]);
	}
	assert_true(checked > 50000);
	assert_true(matched > 2000);
}

/* Where stars that go back would take longer than the universe. */
static void
many_stars_take_no_time(void **state)
{
	char glob[GLOB_MAX + 1], name[GLOB_MAX + 1];
	clock_t start = clock();

	(void)state;
	for (size_t i = 0; i < GLOB_MAX; i++) {
		glob[i] = i % 4 == 3 ? 'a' : i % 8 == 0 ? '?' : '*';
		name[i] = 'a';
	}
	glob[GLOB_MAX] = name[GLOB_MAX] = '\0';
	glob[GLOB_MAX - 1] = 'b';
	assert_false(glob_match(glob, name));
	assert_true(clock() - start < 5 * CLOCKS_PER_SEC);
}

static void
refuses_what_cannot_be_meant(void **state)
{
	char longer[GLOB_MAX + 2];
	struct err err;

	(void)state;
	assert_int_equal(glob_check("a[b", &err), -1);
	assert_int_equal(err.kind, ERR_USAGE);
	assert_string_equal(err.text,
	    "the pattern 'a[b' has a '[' without its ']'; write '\\[' for the "
	    "character");
	assert_int_equal(glob_check("[]", &err), -1);
	assert_int_equal(glob_check("[!]", &err), -1);
	assert_int_equal(glob_check("[a\\]", &err), -1);
	assert_int_equal(glob_check("a\\", &err), -1);
	assert_string_equal(err.text,
	    "the pattern 'a\\' ends in '\\'; write '\\\\' for the character");
	assert_int_equal(glob_check("a\\\\", &err), 0);
	assert_int_equal(glob_check("\xff", &err), -1);
	assert_non_null(strstr(err.text, "not UTF-8"));

	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(glob_check(longer, &err), -1);
	assert_non_null(strstr(err.text, "over 1024 bytes"));
	longer[GLOB_MAX] = '\0';
	assert_int_equal(glob_check(longer, &err), 0);
	assert_true(glob_match(longer, longer));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(matches_as_told),
	    cmocka_unit_test(agrees_with_a_plain_matcher),
	    cmocka_unit_test(many_stars_take_no_time),
	    cmocka_unit_test(refuses_what_cannot_be_meant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "storage/store.h"

#include "storage/blob_name.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* As JavaScript sorts them, which is by UTF-16 code units. */
static const char *const ascending[] = {
    "", "A", "a", "a!", "a/", "a/b", "a0", "ab", "z", "\x7f", "\xc2\x80",
    "\xc3\xa9", "\xdf\xbf", "\xe0\xa0\x80",
    "\xed\x9f\xbf",	/* U+D7FF, the last before the surrogates */
    "\xf0\x90\x80\x80", /* U+10000 */
    "\xf0\x9f\x98\x80", /* an emoji */
    ("\xf0\x9f\x98\x80"
     "a"),
    "\xf4\x8f\xbf\xbf", /* U+10FFFF */
    "\xee\x80\x80",	/* U+E000, the first behind them */
    "\xef\xbf\xbd",	/* U+FFFD */
};

static int
sign(int n)
{
	return (n > 0) - (n < 0);
}

static void
names_ascend_by_utf16_code_units(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(ascending); i++)
		for (size_t k = 0; k < COUNT(ascending); k++)
			assert_int_equal(
			    sign(blob_name_compare(ascending[i], ascending[k])),
			    sign((int)i - (int)k));
}

/* Any three of them: what is before what is before the third. */
static void
malformed_names_have_one_order_too(void **state)
{
	static const char *const names[] = {"\x80", "\xed\xa0\x80", "\xee",
	    "\xee\x80", "\xee\x80\x80", "\xef", "\xef\xbf", "\xf0", "\xf0\x9f",
	    "\xf0\x9f\x98\x80", "\xf5", "\xff", "\xc3", "\xc3\xee", "\xc3\xf0",
	    "a\xff", "a\xee"};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		for (size_t k = 0; k < COUNT(names); k++) {
			int ik = blob_name_compare(names[i], names[k]);

			assert_int_equal(sign(ik),
			    -sign(blob_name_compare(names[k], names[i])));
			assert_int_equal(ik == 0, i == k);
			for (size_t m = 0; m < COUNT(names); m++)
				if (ik < 0 &&
				    blob_name_compare(names[k], names[m]) < 0)
					assert_true(blob_name_compare(names[i],
							names[m]) < 0);
		}
}

static void
assert_refused(const char *name, const char *why)
{
	struct err err = {0};

	assert_int_equal(blob_name_check(name, &err), -1);
	assert_int_equal(err.kind, ERR_USAGE);
	if (strstr(err.text, why) == NULL)
		fail_msg("'%s' instead of '%s'", err.text, why);
}

static void
names_that_azure_can_hold_are_good(void **state)
{
	static const char *const names[] = {"a", "*", " ", "a b", "a/blobs/b",
	    "a.", "...", "a..b", "a/", "/a", "a//b", "100%", "a?b#c", "a\\b",
	    "\xc3\xa9\xf0\x9f\x98\x80", "\xef\xbf\xbe"};
	char longest[BLOB_NAME_MAX + 1];
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		if (blob_name_check(names[i], &err) != 0)
			fail_msg("%s", err.text);
	memset(longest, 'x', BLOB_NAME_MAX);
	longest[BLOB_NAME_MAX] = '\0';
	assert_int_equal(blob_name_check(longest, &err), 0);
	for (size_t i = 1; i < 254 * 2 - 1; i += 2)
		longest[i] = '/';
	assert_int_equal(blob_name_check(longest, &err), 0);
}

static void
names_that_azure_cannot_hold_are_refused(void **state)
{
	char name[BLOB_NAME_MAX + 2];

	(void)state;
	assert_refused("", "is not empty");
	assert_refused(".", "'.' or '..'");
	assert_refused("a/../b", "'.' or '..'");
	assert_refused("a/b/.", "'.' or '..'");
	assert_refused("./a", "'.' or '..'");
	assert_refused("a\nb", "control character");
	assert_refused("a\x7f", "control character");
	assert_refused("a\xff", "not UTF-8");
	assert_refused("\xed\xa0\x80", "not UTF-8");
	assert_refused("\xc3", "not UTF-8");
	memset(name, 'x', sizeof(name));
	name[BLOB_NAME_MAX + 1] = '\0';
	assert_refused(name, "over 1024 bytes");
	for (size_t i = 1; i < 255 * 2 - 1; i += 2)
		name[i] = '/';
	name[BLOB_NAME_MAX] = '\0';
	assert_refused(name, "over 254 segments");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_ascend_by_utf16_code_units),
	    cmocka_unit_test(malformed_names_have_one_order_too),
	    cmocka_unit_test(names_that_azure_can_hold_are_good),
	    cmocka_unit_test(names_that_azure_cannot_hold_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

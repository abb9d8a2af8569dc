#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "rdb/key_show.h"
#include "rdb/rdb_reader.h"

static void
expect(const char *name, size_t n, const char *want)
{
	const unsigned char *key = (const unsigned char *)name;
	char *shown = key_shown(key, n);
	struct buf b;

	buf_init(&b, 4096);
	key_show(&b, key, n);
	assert_string_equal(b.data, want);
	assert_string_equal(shown, want);
	buf_release(&b);
	free(shown);
}
#define EXPECT(name, want) expect((name), sizeof(name) - 1, (want))

static void
shows_text_as_it_is(void **state)
{
	(void)state;
	EXPECT("", "");
	EXPECT("user:1 {a}'\"", "user:1 {a}'\"");
	EXPECT("k\xc3\xa9y \xe6\x97\xa5 \xf0\x9f\x98\x80",
	    "k\xc3\xa9y \xe6\x97\xa5 \xf0\x9f\x98\x80");
}

static void
escapes_what_is_no_text_or_would_disturb_it(void **state)
{
	(void)state;
	EXPECT("a\\b", "a\\\\b");
	EXPECT("\n\x1b[2J\x7f\0", "\\x0a\\x1b[2J\\x7f\\x00");
	EXPECT("\xff\xc3", "\\xff\\xc3");
	EXPECT("\xc0\xaf", "\\xc0\\xaf");	   /* too long a form */
	EXPECT("\xed\xa0\x80", "\\xed\\xa0\\x80"); /* a surrogate */
	EXPECT("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* beyond */
	EXPECT("\xe2\x80\xae", "\\xe2\\x80\\xae");	    /* turns the text */
	EXPECT("\xc2\x9b", "\\xc2\\x9b");		    /* a C1 control */
}

static void
cuts_what_is_too_long(void **state)
{
	char name[600], want[RDB_KEY_SHOWN_MAX + 1];

	(void)state;
	memset(name, 'a', sizeof(name));
	memset(want, 'a', sizeof(want));
	want[RDB_KEY_SHOWN_MAX] = '\0';
	expect(name, RDB_KEY_SHOWN_MAX, want);
	memcpy(want + RDB_KEY_SHOWN_MAX - 3, "...", 3);
	expect(name, RDB_KEY_SHOWN_MAX + 1, want);
	/* Never within an escape. */
	memset(name, 1, sizeof(name));
	for (size_t i = 0; i < RDB_KEY_SHOWN_MAX; i += 4)
		memcpy(want + i, "\\x01", 4);
	strcpy(want + RDB_KEY_SHOWN_MAX - 4, "...");
	expect(name, 200, want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(shows_text_as_it_is),
	    cmocka_unit_test(escapes_what_is_no_text_or_would_disturb_it),
	    cmocka_unit_test(cuts_what_is_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

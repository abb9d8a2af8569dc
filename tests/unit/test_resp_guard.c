#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "rdb/resp_guard.h"

/* Where the first reply in text ends, fed in steps; -1: refused, 0: not yet. */
static int
reply_end(const char *text, size_t len, size_t step, size_t max)
{
	struct resp_guard g;
	struct err err = {0};
	size_t taken;
	bool done;

	resp_guard_init(&g, max);
	for (size_t i = 0; i < len; i += taken) {
		size_t n = len - i < step ? len - i : step;

		if (resp_guard_scan(&g, text + i, n, &taken, &done, &err) !=
		    0) {
			assert_int_equal(err.kind, ERR_CORRUPT);
			return -1;
		}
		assert_true(taken > 0);
		assert_int_equal(resp_guard_inside(&g), !done);
		if (done)
			return (int)(i + taken);
		assert_int_equal(taken, n);
	}
	return 0;
}

/* However the bytes are cut, the answer is the same. */
static int
end_of(const char *text)
{
	size_t len = strlen(text);
	int whole = reply_end(text, len, len, 0);

	for (size_t step = 1; step < len; step++)
		assert_int_equal(reply_end(text, len, step, 0), whole);
	return whole;
}

static void
finds_where_a_reply_ends(void **state)
{
	static const char *const replies[] = {
	    "+OK\r\n",
	    "+\r\n",
	    "+a\rb\nc\r\r\n",
	    "-ERR no\r\n",
	    ":0\r\n",
	    ":-9223372036854775808\r\n",
	    "$0\r\n\r\n",
	    "$-1\r\n",
	    "$5\r\na\r\nb\r\r\n",
	    "*0\r\n",
	    "*-1\r\n",
	    "*2\r\n$1\r\na\r\n:1\r\n",
	    "*2\r\n*2\r\n*0\r\n$-1\r\n*1\r\n+x\r\n",
	    "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:7\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		size_t len = strlen(replies[i]);
		char text[200];

		assert_int_equal(end_of(replies[i]), (int)len);
		/* What follows is not of the reply. */
		snprintf(text, sizeof(text), "%s$EOF:x", replies[i]);
		assert_int_equal(end_of(text), (int)len);
		/* Without its end it is none. */
		snprintf(text, len, "%s", replies[i]);
		assert_int_equal(end_of(text), 0);
	}
}

static void
refuses_lengths_over_the_ceilings(void **state)
{
	static const char *const liars[] = {
	    "*2147483647\r\n",
	    "*1048577\r\n",
	    "*2\r\n*1048575\r\n",
	    "*-2\r\n",
	    "*99999999999999999999\r\n",
	    "*9223372036854775808\r\n",
	    "$536870913\r\n",
	    "$67108864\r\n", /* over the reply's ceiling */
	    "$-2\r\n",
	    "$9223372036854775807\r\n",
	    "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
	    ":9223372036854775808\r\n",
	    ":-9223372036854775809\r\n",
	    ":11111111111111111111111111\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(liars) / sizeof(liars[0]); i++)
		if (end_of(liars[i]) != -1)
			fail_msg("taken: %s", liars[i]);
	assert_int_equal(end_of("*1048576\r\n"), 0);
	assert_int_equal(end_of("$1048576\r\n"), 0);
}

static void
refuses_what_is_no_resp2(void **state)
{
	static const char *const bad[] = {
	    "\n",
	    "PING\r\n",
	    "%1\r\n",
	    "_\r\n",
	    "$\r\n",
	    "$x\r\n",
	    "$+1\r\n",
	    "$1\rx",
	    "*1 \r\n",
	    ":-\r\n",
	    ":1\n\r\n",
	    "$1\r\nab\r\n",
	    "$1\r\na\n\r",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (end_of(bad[i]) != -1)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(reply_end("\0", 1, 1, 0), -1);
}

static void
a_reply_has_a_ceiling_as_a_whole(void **state)
{
	static const char line[] = "+0123456789\r\n";
	static const char bulk[] = "$5\r\n01234\r\n";
	static const char many[] = "*3\r\n+01234\r\n+01234\r\n+01234\r\n";

	(void)state;
	for (size_t step = 1; step < 30; step++) {
		assert_int_equal(reply_end(line, 13, step, 13), 13);
		assert_int_equal(reply_end(line, 13, step, 12), -1);
		assert_int_equal(reply_end(bulk, 11, step, 11), 11);
		assert_int_equal(reply_end(bulk, 11, step, 10), -1);
		assert_int_equal(reply_end(many, 28, step, 28), 28);
		assert_int_equal(reply_end(many, 28, step, 27), -1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finds_where_a_reply_ends),
	    cmocka_unit_test(refuses_lengths_over_the_ceilings),
	    cmocka_unit_test(refuses_what_is_no_resp2),
	    cmocka_unit_test(a_reply_has_a_ceiling_as_a_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

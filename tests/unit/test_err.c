#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "base/err.h"

static void
tells_the_kind_and_the_text(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(err_set(&e, ERR_AUTH, "user '%s'", "x"), -1);
	assert_int_equal(e.kind, ERR_AUTH);
	assert_string_equal(e.text, "user 'x'");
	assert_int_equal(err_in(&e, "block %d", 17), -1);
	assert_int_equal(e.kind, ERR_AUTH);
	assert_string_equal(e.text, "block 17: user 'x'");
}

static void
adds_the_systems_reason(void **state)
{
	struct err e = {0};

	(void)state;
	errno = ENOENT;
	assert_int_equal(err_sys(&e, "'%s'", "f"), -1);
	assert_int_equal(e.kind, ERR_SYSTEM);
	assert_string_equal(e.text, "'f': No such file or directory");
}

static void
a_long_text_is_cut_and_the_outer_words_stay(void **state)
{
	struct err e = {0};
	char big[600];

	(void)state;
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	err_set(&e, ERR_SYSTEM, "%s", big);
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
	err_in(&e, "outer");
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
	assert_ptr_equal(strstr(e.text, "outer: aaa"), e.text);
	errno = EIO;
	err_sys(&e, "%s", big);
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
}

static void
what_a_peer_said_cannot_move_the_cursor(void **state)
{
	struct err e = {0};

	(void)state;
	err_set(&e, ERR_CORRUPT, "'%s'", "a\x1b[2J\r\n\x7f\xc3\xa9");
	assert_string_equal(e.text, "'a?[2J???\xc3\xa9'");
	err_in(&e, "%s", "\a");
	assert_string_equal(e.text, "?: 'a?[2J???\xc3\xa9'");
	errno = EIO;
	err_sys(&e, "%s", "b\b");
	assert_string_equal(e.text, "b?: Input/output error");
}

static void
every_kind_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (int a = ERR_NONE; a <= ERR_UNSUPPORTED; a++) {
		assert_string_not_equal(err_kind_name(a), "unknown");
		for (int b = ERR_NONE; b < a; b++)
			assert_string_not_equal(
			    err_kind_name(a), err_kind_name(b));
	}
	assert_string_equal(err_kind_name(ERR_LOCKED), "locked");
	assert_string_equal(err_kind_name((enum err_kind)99), "unknown");
}

static void
kinds_become_the_exit_statuses_of_the_design(void **state)
{
	static const int statuses[] = {
	    [ERR_NONE] = 1, /* whoever failed and did not say how */
	    [ERR_USAGE] = 2,
	    [ERR_SYSTEM] = 1,
	    [ERR_SERVER] = 1, /* 3 is for what we refuse */
	    [ERR_TRANSIENT] = 1,
	    [ERR_AUTH] = 6,
	    [ERR_CONFLICT] = 1,
	    [ERR_MISSING] = 1,
	    [ERR_CORRUPT] = 4,
	    [ERR_REFUSED] = 3,
	    [ERR_LOCKED] = 5,
	    [ERR_UNREACHABLE] = 7,
	    [ERR_CANCELLED] = 130,
	    [ERR_UNSUPPORTED] = 1,
	};

	(void)state;
	for (int k = ERR_NONE; k <= ERR_UNSUPPORTED; k++)
		assert_int_equal(err_exit_status(k), statuses[k]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tells_the_kind_and_the_text),
	    cmocka_unit_test(adds_the_systems_reason),
	    cmocka_unit_test(a_long_text_is_cut_and_the_outer_words_stay),
	    cmocka_unit_test(what_a_peer_said_cannot_move_the_cursor),
	    cmocka_unit_test(every_kind_has_a_name_of_its_own),
	    cmocka_unit_test(kinds_become_the_exit_statuses_of_the_design),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

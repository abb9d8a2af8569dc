#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "rdb/resp_command.h"

static void
every_cut_of_a_command_waits_for_the_rest(void **state)
{
	static const char in[] = "*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n"
				 "*1\r\n";
	size_t whole = sizeof(in) - 1 - 4;

	(void)state;
	for (size_t len = 0; len < sizeof(in); len++) {
		/* Its own memory, so that a read beyond it is seen. */
		char *part = malloc(len > 0 ? len : 1);
		struct resp_command cmd;
		struct err err = {0};
		size_t taken = 0;
		int rc;

		memcpy(part, in, len);
		rc = resp_command_parse(part, len, &cmd, &taken, &err);
		assert_int_equal(rc, len >= whole);
		if (rc == 1) {
			assert_int_equal(taken, whole);
			assert_int_equal(cmd.n, 3);
			assert_true(resp_command_is(&cmd, 0, "psync"));
			assert_true(resp_command_is(&cmd, 2, "-1"));
			assert_false(resp_command_is(&cmd, 3, ""));
		}
		free(part);
	}
}

static void
lines_are_words(void **state)
{
	static const char in[] = "replconf  listening-port 6379 \r\n\nSYNC\n";
	struct resp_command cmd;
	struct err err = {0};
	size_t at = 0, taken;

	(void)state;
	assert_int_equal(
	    resp_command_parse(in, sizeof(in) - 1, &cmd, &taken, &err), 1);
	assert_int_equal(cmd.n, 3);
	assert_true(resp_command_is(&cmd, 0, "REPLCONF"));
	assert_true(resp_command_is(&cmd, 2, "6379"));
	at += taken;
	assert_int_equal(resp_command_parse(
			     in + at, sizeof(in) - 1 - at, &cmd, &taken, &err),
	    1);
	assert_int_equal(cmd.n, 0);
	at += taken;
	assert_int_equal(resp_command_parse(
			     in + at, sizeof(in) - 1 - at, &cmd, &taken, &err),
	    1);
	assert_true(resp_command_is(&cmd, 0, "SYNC"));
	assert_int_equal(at + taken, sizeof(in) - 1);
}

static void
what_is_over_a_ceiling_or_no_command_is_refused(void **state)
{
	static const char *const bad[] = {
	    "*17\r\n",
	    "*-1\r\n",
	    "*x\r\n",
	    "*\r\n",
	    "*1\r\n+PING\r\n",
	    "*1\r\n$4097\r\n",
	    "*1\r\n$99999999999999999999\r\n",
	    "*1\r\n$4\r\nPINGxx",
	    "a b c d e f g h i j k l m n o p q\r\n",
	};
	static char line[9000];
	struct resp_command cmd;
	size_t taken;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = {0};

		if (resp_command_parse(
			bad[i], strlen(bad[i]), &cmd, &taken, &err) != -1)
			fail_msg("case %zu", i);
		assert_int_equal(err.kind, ERR_CORRUPT);
	}
	{
		struct err err = {0};

		memset(line, 'x', sizeof(line));
		assert_int_equal(
		    resp_command_parse(line, sizeof(line), &cmd, &taken, &err),
		    -1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_cut_of_a_command_waits_for_the_rest),
	    cmocka_unit_test(lines_are_words),
	    cmocka_unit_test(what_is_over_a_ceiling_or_no_command_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rdb/intake.h"

/* Tokens: a length byte and as many bytes; length 0 stops, 255 fails. */
struct parser {
	struct intake in;
	char seen[256];
	uint64_t offsets[16];
	size_t tokens;
};

static int
run(void *arg)
{
	struct parser *p = arg;

	for (;;) {
		size_t left = intake_left(&p->in), n;

		if (left == 0)
			return 0;
		n = *p->in.p;
		if (n == 255)
			return -1;
		if (n > 0 && left < n + 1)
			return 0;
		p->offsets[p->tokens++] = intake_offset(&p->in);
		strncat(p->seen, (const char *)p->in.p + 1, n);
		p->in.p += n + 1;
		if (n == 0)
			return 1;
	}
}

static const char STREAM[] = "\x02"
			     "ab\x01"
			     "c\x1f"
			     "0123456789012345678901234567890\x03"
			     "def";

/* Every token is seen whole, at its own offset, wherever the cuts are. */
static void
tokens_are_whole_wherever_the_bytes_are_cut(void **state)
{
	const size_t n = sizeof(STREAM) - 1;

	(void)state;
	for (size_t step = 1; step <= n; step++) {
		struct parser p = {0};

		for (size_t at = 0; at < n; at += step)
			assert_int_equal(
			    intake_feed(&p.in, STREAM + at,
				n - at < step ? n - at : step, run, &p),
			    0);
		assert_string_equal(
		    p.seen, "abc0123456789012345678901234567890def");
		assert_int_equal(p.tokens, 4);
		assert_int_equal(p.offsets[1], 3);
		assert_int_equal(p.offsets[2], 5);
		assert_int_equal(p.offsets[3], 37);
		assert_int_equal(p.in.end_at, n);
		assert_int_equal(p.in.carried, 0);
	}
}

static void
stops_where_the_parser_does(void **state)
{
	static const char data[] = "\x02"
				   "ab\0xyz";

	(void)state;
	for (size_t cut = 1; cut <= 3; cut++) {
		struct parser p = {0};

		assert_int_equal(intake_feed(&p.in, data, cut, run, &p), 0);
		assert_int_equal(
		    intake_feed(&p.in, &data[cut], 7 - cut, run, &p), 1);
		assert_int_equal(intake_offset(&p.in), 4);
		assert_string_equal(p.seen, "ab");
	}
}

static void
fails_where_the_parser_does(void **state)
{
	static const char data[] = "\x02"
				   "ab\xff";

	(void)state;
	for (size_t cut = 1; cut <= 3; cut++) {
		struct parser p = {0};

		assert_int_equal(intake_feed(&p.in, data, cut, run, &p), 0);
		assert_int_equal(
		    intake_feed(&p.in, &data[cut], 4 - cut, run, &p), -1);
		assert_int_equal(intake_offset(&p.in), 3);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tokens_are_whole_wherever_the_bytes_are_cut),
	    cmocka_unit_test(stops_where_the_parser_does),
	    cmocka_unit_test(fails_where_the_parser_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

static void
an_empty_one_is_an_empty_string(void **state)
{
	struct buf b;
	struct err err = {0};

	(void)state;
	buf_init(&b, 10);
	assert_string_equal(b.data, "");
	assert_int_equal(buf_check(&b, "it", &err), 0);
	buf_release(&b);
	assert_string_equal(b.data, "");
}

static void
grows_to_the_very_ceiling(void **state)
{
	struct buf b;
	struct err err = {0};

	(void)state;
	for (size_t max = 1; max < 300; max++) {
		buf_init(&b, max);
		for (size_t i = 0; i < max; i++)
			buf_addc(&b, 'x');
		assert_int_equal(b.len, max);
		assert_int_equal(strlen(b.data), max);
		assert_int_equal(buf_check(&b, "it", &err), 0);
		buf_addc(&b, 'y');
		assert_int_equal(b.len, max);
		assert_int_equal(buf_check(&b, "it", &err), -1);
		buf_release(&b);
	}
}

static void
what_passes_the_ceiling_is_dropped_and_told(void **state)
{
	struct buf b;
	struct err err = {0};

	(void)state;
	buf_init(&b, 5);
	buf_adds(&b, "abc");
	buf_adds(&b, "def");
	assert_string_equal(b.data, "abc");

	/* A later one that would fit would leave a hole before it. */
	buf_addc(&b, 'x');
	buf_addf(&b, "%d", 1);
	assert_string_equal(b.data, "abc");
	assert_int_equal(buf_check(&b, "the answer", &err), -1);
	assert_int_equal(err.kind, ERR_CORRUPT);
	assert_string_equal(err.text, "the answer is over 5 bytes");

	buf_release(&b);
	buf_adds(&b, "abcde");
	assert_int_equal(buf_check(&b, "the answer", &err), 0);
	buf_release(&b);
}

static void
a_huge_length_does_not_wrap(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	buf_adds(&b, "abc");
	buf_add(&b, "x", SIZE_MAX);
	assert_true(b.overflowed);
	assert_int_equal(b.len, 3);
	buf_release(&b);
}

static void
formats_bytes_and_strings(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	buf_addf(&b, "%s=%d", "n", 42);
	buf_addf(&b, "%s", "");
	buf_add(&b, "\0z", 2);
	assert_int_equal(b.len, 6);
	assert_memory_equal(b.data, "n=42\0z", 7);
	buf_addf(&b, "%200s", "far");
	assert_int_equal(b.len, 206);
	buf_release(&b);
}

static void
consumes_from_the_front_and_truncates_the_end(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	buf_consume(&b, 0);
	buf_truncate(&b, 0);
	buf_adds(&b, "0123456789");
	buf_consume(&b, 3);
	assert_string_equal(b.data, "3456789");
	buf_truncate(&b, 2);
	assert_string_equal(b.data, "34");
	buf_consume(&b, 2);
	assert_string_equal(b.data, "");
	buf_adds(&b, "again");
	assert_string_equal(b.data, "again");
	buf_release(&b);
}

static void
taking_leaves_an_empty_one(void **state)
{
	struct buf b;
	char *s;

	(void)state;
	buf_init(&b, 100);
	s = buf_take(&b);
	assert_string_equal(s, "");
	free(s);
	buf_adds(&b, "text");
	s = buf_take(&b);
	assert_string_equal(s, "text");
	assert_string_equal(b.data, "");
	assert_int_equal(b.len, 0);
	buf_adds(&b, "more");
	assert_string_equal(s, "text");
	free(s);
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_empty_one_is_an_empty_string),
	    cmocka_unit_test(grows_to_the_very_ceiling),
	    cmocka_unit_test(what_passes_the_ceiling_is_dropped_and_told),
	    cmocka_unit_test(a_huge_length_does_not_wrap),
	    cmocka_unit_test(formats_bytes_and_strings),
	    cmocka_unit_test(consumes_from_the_front_and_truncates_the_end),
	    cmocka_unit_test(taking_leaves_an_empty_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

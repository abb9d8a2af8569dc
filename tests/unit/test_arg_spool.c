#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "rdb/arg_spool.h"

static int
collect(void *arg, const void *data, size_t len, struct err *err)
{
	(void)err;
	buf_add(arg, data, len);
	return 0;
}

static void
add(struct arg_spool *s, const char *text)
{
	struct err err = {0};

	assert_int_equal(arg_spool_add(s, text, strlen(text), &err), 0);
	assert_int_equal(arg_spool_end(s, &err), 0);
}

static void
expect(const struct arg_spool *s, size_t i, const char *text)
{
	struct err err = {0};
	struct buf b;

	buf_init(&b, 1 << 20);
	assert_int_equal(arg_spool_each(s, i, collect, &b, &err), 0);
	assert_string_equal(b.data, text);
	assert_int_equal(arg_spool_length(s, i), strlen(text));
	buf_release(&b);
}

/* In memory, in the file, and across where the one ends. */
static void
each_is_as_it_was_whatever_the_memory(void **state)
{
	static const char *const texts[] = {
	    "first", "", "a longer one than that", "x", "the last"};

	(void)state;
	for (size_t memory = 1; memory < 64; memory++) {
		struct arg_spool *s = arg_spool_new(memory);
		struct err err = {0};

		for (int round = 0; round < 2; round++) {
			for (size_t i = 0; i < 5; i++)
				add(s, texts[i]);
			assert_int_equal(arg_spool_count(s), 5);
			for (size_t i = 5; i-- > 0;)
				expect(s, i, texts[i]);
			assert_int_equal(arg_spool_clear(s, &err), 0);
			assert_int_equal(arg_spool_count(s), 0);
			assert_int_equal(arg_spool_bytes(s), 0);
		}
		arg_spool_free(s);
	}
}

static void
what_is_at_hand_is_not_yet_an_argument(void **state)
{
	struct arg_spool *s = arg_spool_new(4);
	struct err err = {0};

	(void)state;
	add(s, "abc");
	assert_int_equal(arg_spool_at_hand(s), 0);
	assert_int_equal(arg_spool_add(s, "defgh", 5, &err), 0);
	assert_int_equal(arg_spool_at_hand(s), 5);
	assert_int_equal(arg_spool_count(s), 1);
	assert_int_equal(arg_spool_bytes(s), 8);
	arg_spool_free(s);
}

static void
their_number_has_a_ceiling(void **state)
{
	struct arg_spool *s = arg_spool_new(16);
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < ARG_SPOOL_MAX; i++)
		assert_int_equal(arg_spool_end(s, &err), 0);
	assert_int_equal(arg_spool_end(s, &err), -1);
	assert_int_equal(err.kind, ERR_UNSUPPORTED);
	arg_spool_free(s);
}

static void
a_file_that_cannot_be_made_is_told(void **state)
{
	struct arg_spool *s = arg_spool_new(4);
	struct err err = {0};

	(void)state;
	setenv("TMPDIR", "/nowhere/at/all", 1);
	assert_int_equal(arg_spool_add(s, "abcdefgh", 8, &err), -1);
	assert_int_equal(err.kind, ERR_SYSTEM);
	unsetenv("TMPDIR");
	assert_int_equal(arg_spool_clear(s, &err), 0);
	add(s, "abcdefgh");
	expect(s, 0, "abcdefgh");
	arg_spool_free(s);
}

static int
refuse(void *arg, const void *data, size_t len, struct err *err)
{
	(void)arg;
	(void)data;
	(void)len;
	return err_set(err, ERR_TRANSIENT, "gone");
}

static void
a_failing_taker_ends_it(void **state)
{
	(void)state;
	for (size_t memory = 2; memory < 20; memory += 10) {
		struct arg_spool *s = arg_spool_new(memory);
		struct err err = {0};

		add(s, "abcdefgh");
		assert_int_equal(arg_spool_each(s, 0, refuse, NULL, &err), -1);
		assert_string_equal(err.text, "gone");
		arg_spool_free(s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_is_as_it_was_whatever_the_memory),
	    cmocka_unit_test(what_is_at_hand_is_not_yet_an_argument),
	    cmocka_unit_test(their_number_has_a_ceiling),
	    cmocka_unit_test(a_file_that_cannot_be_made_is_told),
	    cmocka_unit_test(a_failing_taker_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

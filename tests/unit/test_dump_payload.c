#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "rdb/crc64.h"
#include "rdb/dump_payload.h"

static int
collect(void *arg, const void *data, size_t len, struct err *err)
{
	(void)err;
	buf_add(arg, data, len);
	return 0;
}

static int
fail_second(void *arg, const void *data, size_t len, struct err *err)
{
	(void)data;
	(void)len;
	return ++*(int *)arg == 2 ? err_set(err, ERR_TRANSIENT, "no more") : 0;
}

/* Digits, in pieces of three bytes, and their footer. */
static void
round_trip(struct dump_payload *p, size_t len, int version)
{
	struct err err = {0};
	struct buf in, out;
	uint64_t crc = 0;

	buf_init(&in, 1 << 20);
	buf_init(&out, 1 << 20);
	for (size_t i = 0; i < len; i++)
		buf_addc(&in, (char)('0' + i % 10));
	assert_int_equal(dump_payload_begin(p, &err), 0);
	for (size_t i = 0; i < len; i += 3)
		assert_int_equal(dump_payload_add(p, in.data + i,
				     len - i < 3 ? len - i : 3, &err),
		    0);
	assert_int_equal(dump_payload_size(p), len);
	assert_int_equal(dump_payload_end(p, version, &err), 0);
	assert_int_equal(dump_payload_size(p), len + DUMP_FOOTER_BYTES);
	/* A walk takes nothing away. */
	for (int i = 0; i < 2; i++) {
		buf_truncate(&out, 0);
		assert_int_equal(dump_payload_each(p, collect, &out, &err), 0);
	}
	assert_int_equal(out.len, len + DUMP_FOOTER_BYTES);
	assert_memory_equal(out.data, in.data, len);
	assert_int_equal((unsigned char)out.data[len], version & 255);
	assert_int_equal((unsigned char)out.data[len + 1], version >> 8);
	for (int i = 7; i >= 0; i--)
		crc = crc << 8 | (unsigned char)out.data[len + 2 + (size_t)i];
	assert_true(crc == crc64(0, out.data, len + 2));
	buf_release(&in);
	buf_release(&out);
}

static void
any_length_comes_back_with_its_footer(void **state)
{
	struct dump_payload *p = dump_payload_new(64);

	(void)state;
	/* In memory, in the file, and again; at and around the edges. */
	for (size_t len = 1; len < 300; len += 7)
		round_trip(p, len, 9);
	round_trip(p, 63, 10);
	round_trip(p, 64, 80);
	round_trip(p, 65, 300);
	round_trip(p, 128, 1);
	round_trip(p, 5, 1);
	dump_payload_free(p);
}

/* What redis-server 7.0.15 says to SET k v, DUMP k, but for the version. */
static void
a_known_payload_is_made(void **state)
{
	static const unsigned char wanted[] = {0x00, 0x01, 'v', 0x0a, 0x00};
	struct dump_payload *p = dump_payload_new(100);
	struct err err = {0};
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	assert_int_equal(dump_payload_begin(p, &err), 0);
	assert_int_equal(dump_payload_add(p, "\0\1v", 3, &err), 0);
	assert_int_equal(dump_payload_end(p, 10, &err), 0);
	assert_int_equal(dump_payload_each(p, collect, &out, &err), 0);
	assert_memory_equal(out.data, wanted, sizeof(wanted));
	buf_release(&out);
	dump_payload_free(p);
}

static void
without_a_place_for_the_file_a_large_value_fails(void **state)
{
	struct dump_payload *p = dump_payload_new(10);
	const char *old = getenv("TMPDIR");
	char *kept = old != NULL ? strdup(old) : NULL;
	struct err err = {0};

	(void)state;
	setenv("TMPDIR", "/nonexistent", 1);
	assert_int_equal(dump_payload_begin(p, &err), 0);
	assert_int_equal(dump_payload_add(p, "0123456789", 10, &err), 0);
	assert_int_equal(dump_payload_add(p, "x", 1, &err), -1);
	assert_int_equal(err.kind, ERR_SYSTEM);
	assert_non_null(strstr(err.text, "'/nonexistent'"));
	/* The next value can be tried. */
	round_trip(p, 10, 9);
	if (kept != NULL)
		setenv("TMPDIR", kept, 1);
	else
		unsetenv("TMPDIR");
	free(kept);
	dump_payload_free(p);
}

static void
room_for_a_large_value_is_looked_for(void **state)
{
	struct dump_payload *p = dump_payload_new(10);
	const char *old = getenv("TMPDIR");
	char *kept = old != NULL ? strdup(old) : NULL;
	struct err err = {0};

	(void)state;
	setenv("TMPDIR", "/nonexistent", 1);
	assert_int_equal(dump_payload_reserve(p, 10, &err), 0);
	assert_int_equal(dump_payload_reserve(p, 11, &err), -1);
	assert_int_equal(err.kind, ERR_SYSTEM);
	if (kept != NULL)
		setenv("TMPDIR", kept, 1);
	else
		unsetenv("TMPDIR");
	free(kept);
	assert_int_equal(dump_payload_reserve(p, 11, &err), 0);
	/* More than there is on any disk. */
	assert_int_equal(dump_payload_reserve(p, UINT64_C(1) << 60, &err), -1);
	assert_int_equal(err.kind, ERR_SYSTEM);
	assert_non_null(strstr(err.text, "room for a value of"));
	round_trip(p, 25, 9);
	dump_payload_free(p);
}

static void
a_walk_that_fails_ends(void **state)
{
	struct dump_payload *p = dump_payload_new(10);
	struct err err = {0};
	int calls = 0;

	(void)state;
	assert_int_equal(dump_payload_begin(p, &err), 0);
	assert_int_equal(
	    dump_payload_add(p, "0123456789abcdefghijklmn", 24, &err), 0);
	assert_int_equal(dump_payload_end(p, 9, &err), 0);
	assert_int_equal(dump_payload_each(p, fail_second, &calls, &err), -1);
	assert_int_equal(calls, 2);
	assert_string_equal(err.text, "no more");
	dump_payload_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(any_length_comes_back_with_its_footer),
	    cmocka_unit_test(a_known_payload_is_made),
	    cmocka_unit_test(without_a_place_for_the_file_a_large_value_fails),
	    cmocka_unit_test(room_for_a_large_value_is_looked_for),
	    cmocka_unit_test(a_walk_that_fails_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

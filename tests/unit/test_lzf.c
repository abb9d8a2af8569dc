#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "rdb/lzf.h"

#define OUTPUT_MAX ((size_t)8 << 20)

/* What came out, and of how many pieces. */
struct output {
	struct buf bytes;
	int pieces;
	bool ended;
	int fail_at;
};

static int
on_piece(
    void *arg, const unsigned char *p, size_t n, bool last, struct err *err)
{
	struct output *out = arg;

	assert_false(out->ended);
	buf_add(&out->bytes, p, n);
	out->ended = last;
	if (++out->pieces == out->fail_at)
		return err_set(err, ERR_TRANSIENT, "no room");
	return 0;
}

/* Decompress in pieces of step bytes. */
static int
unpack(struct output *out, const struct buf *in, uint64_t size, size_t step,
    struct err *err)
{
	struct lzf_out to = {on_piece, out};
	struct lzf *z = lzf_new(&to);
	int rc = 0;

	buf_init(&out->bytes, OUTPUT_MAX);
	lzf_start(z, size);
	for (size_t at = 0; at < in->len && rc == 0; at += step)
		rc = lzf_feed(z, in->data + at,
		    in->len - at < step ? in->len - at : step, err);
	if (rc == 0)
		rc = lzf_finish(z, err);
	lzf_free(z);
	return rc;
}

static void
put(struct buf *b, const char *literal, size_t n)
{
	buf_add(b, literal, n);
}
#define PUT(b, literal) put((b), (literal), sizeof(literal) - 1)

/* Expect a text, however the input is cut. */
static void
expect(const struct buf *in, const char *text)
{
	for (size_t step = 1; step <= in->len; step++) {
		struct output out = {0};
		struct err err = {0};

		if (unpack(&out, in, strlen(text), step, &err) != 0)
			fail_msg("%s", err.text);
		assert_string_equal(out.bytes.data, text);
		assert_int_equal(out.pieces, 1);
		assert_true(out.ended);
		buf_release(&out.bytes);
	}
}

static void
copies_literals_and_references(void **state)
{
	struct buf in;

	(void)state;
	buf_init(&in, 1024);
	PUT(&in,
	    "\x02"
	    "abc"
	    "\x20\x02"	   /* 3 bytes from 3 back */
	    "\xe0\x00\x05" /* 9 from 6 back: they overlap */
	    "\x60\x00");   /* 5 times the last byte */
	expect(&in, "abcabcabcabcabcccccc");
	buf_release(&in);
}

/* A string of megabytes goes through the window, in pieces, unharmed. */
static void
streams_what_is_longer_than_its_window(void **state)
{
	const size_t copies = 20000;
	struct output whole = {0}, cut = {0};
	struct err err = {0};
	struct buf in;
	size_t size = 0;

	(void)state;
	buf_init(&in, OUTPUT_MAX);
	for (size_t i = 0; i < copies; i++) {
		char literal[4];

		literal[0] = 2;
		for (int k = 1; k < 4; k++)
			literal[k] = (char)('!' + (i * 7 + (size_t)k) % 90);
		buf_add(&in, literal, 4);
		size += 3;
		if (size > 8192) {
			PUT(&in, "\xff\x80\xff"); /* 137 from 8192 back */
			size += 137;
		} else {
			PUT(&in, "\xe0\xff\x02"); /* 264 from 3 back */
			size += 264;
		}
	}
	assert_int_equal(unpack(&whole, &in, size, in.len, &err), 0);
	assert_int_equal(unpack(&cut, &in, size, 7, &err), 0);
	assert_true(whole.pieces > 20);
	assert_int_equal(whole.bytes.len, size);
	assert_int_equal(cut.bytes.len, size);
	assert_memory_equal(whole.bytes.data, cut.bytes.data, size);
	for (size_t i = 9000; i < size; i++)
		if (whole.bytes.data[i] < '!')
			fail_msg("byte %zu is %d", i, whole.bytes.data[i]);
	buf_release(&cut.bytes);
	buf_release(&whole.bytes);
	buf_release(&in);
}

static void
refused(const char *literal, size_t n, uint64_t size, const char *why)
{
	for (size_t step = 1; step <= n; step++) {
		struct output out = {0};
		struct err err = {0};
		struct buf in;

		buf_init(&in, 1024);
		buf_add(&in, literal, n);
		assert_int_equal(unpack(&out, &in, size, step, &err), -1);
		assert_int_equal(err.kind, ERR_CORRUPT);
		assert_non_null(strstr(err.text, why));
		assert_false(out.ended);
		assert_true(out.bytes.len <= size);
		buf_release(&out.bytes);
		buf_release(&in);
	}
}
#define REFUSED(literal, size, why) \
	refused((literal), sizeof(literal) - 1, (size), (why))

static void
refuses_what_cannot_be(void **state)
{
	(void)state;
	REFUSED("\x00"
		"a\x20\x01",
	    4, "before its beginning");
	REFUSED("\x20\x00", 3, "before its beginning");
	REFUSED("\x02"
		"abc",
	    2, "longer than its 2");
	REFUSED("\x00"
		"a\xe0\x10\x00",
	    20, "longer than its 20");
	REFUSED("\x02"
		"abc",
	    4, "1 bytes before its 4");
	REFUSED("\x02"
		"ab",
	    3, "before its 3");
	REFUSED("\x00"
		"a\x20",
	    4, "before its 4");
	REFUSED("\x00"
		"a\xe0\x01",
	    11, "before its 11");
}

static void
passes_on_the_consumers_failure(void **state)
{
	struct output out = {.fail_at = 1};
	struct err err = {0};
	struct buf in;

	(void)state;
	buf_init(&in, 64);
	PUT(&in,
	    "\x02"
	    "abc");
	assert_int_equal(unpack(&out, &in, 3, 4, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	buf_release(&out.bytes);
	buf_release(&in);
}

static void
hands_out_early_when_asked(void **state)
{
	struct output out = {0};
	struct lzf_out to = {on_piece, &out};
	struct lzf *z = lzf_new(&to);
	struct err err = {0};

	(void)state;
	buf_init(&out.bytes, 1024);
	lzf_start(z, 6);
	assert_int_equal(lzf_feed(z,
			     "\x02"
			     "abc",
			     4, &err),
	    0);
	assert_int_equal(lzf_flush(z, &err), 0);
	assert_string_equal(out.bytes.data, "abc");
	assert_int_equal(lzf_flush(z, &err), 0);
	assert_int_equal(out.pieces, 1);
	assert_int_equal(lzf_feed(z, "\x20\x02", 2, &err), 0);
	assert_int_equal(lzf_finish(z, &err), 0);
	assert_string_equal(out.bytes.data, "abcabc");
	assert_true(out.ended);
	buf_release(&out.bytes);
	lzf_free(z);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(copies_literals_and_references),
	    cmocka_unit_test(streams_what_is_longer_than_its_window),
	    cmocka_unit_test(refuses_what_cannot_be),
	    cmocka_unit_test(passes_on_the_consumers_failure),
	    cmocka_unit_test(hands_out_early_when_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

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
#include "base/xalloc.h"
#include "rdb/rdb_reader.h"
#include "tests/sim/rdb_bytes.h"
#include "tests/sim/rdb_expect.h"
#include "tests/sim/rdb_record.h"

static void
tells_opcodes(void **state)
{
	struct buf b;

	(void)state;
	rdb_begin(&b, "REDIS0011");
	RAW(&b,
	    "\xfa\x03"
	    "ver\x05"
	    "7.2.0");
	RAW(&b,
	    "\xfa\x04"
	    "bits\xc0\x40");
	RAW(&b,
	    "\xf5\x03"
	    "lib");
	RAW(&b,
	    "\xf7\x81\0\0\0\0\0\0\0\x07\x02\x01\x02\x05\x05\x03"
	    "abc\x00");
	RAW(&b, "\xfe\x03\xfb\x02\x01");
	RAW(&b, "\xf4\x01\x02\x03"); /* slot info */
	RAW(&b, "\x6b\x05\x79\x06"); /* Redis Enterprise */
	RAW(&b,
	    "\xfd\x01\0\0\0\xf8\x40\x64"
	    "\x00\x01"
	    "a\x01"
	    "x");
	RAW(&b,
	    "\xfc\x02\0\0\0\0\0\0\0\xf9\x07"
	    "\x00\x01"
	    "b\xc1\xff\xff");
	RAW(&b,
	    "\x00\x01"
	    "c\xc2\x00\x00\x00\x80");
	rdb_expect(&b,
	    "header 11\n"
	    "aux ver=7.2.0\n"
	    "aux bits=64\n"
	    "function lib\n"
	    "module_aux 0000000000000007\n"
	    "resize_db 3 2 1\n"
	    "key 3 string 0 \"a\" expires 1000 idle 100 at 74\n"
	    " string \"x\"\n"
	    "end 2 bytes, told 2 ");
}

static void
tells_expiries_of_their_own_key_only(void **state)
{
	struct buf b;

	(void)state;
	rdb_begin(&b, "REDIS0009");
	RAW(&b,
	    "\xfc\x02\0\0\0\0\0\0\0\xf9\x07"
	    "\x00\x01"
	    "a\xc0\x80");
	RAW(&b,
	    "\x00\x01"
	    "b\xc1\x00\x80\xff");
	buf_truncate(&b, b.len - 1);
	rdb_end(&b);
	{
		char *text = rdb_tell(&b);

		assert_non_null(strstr(text,
		    "key 0 string 0 \"a\" expires 2 lfu 7 at 20\n"
		    " string \"-128\"\n"));
		assert_non_null(strstr(
		    text, "key 0 string 0 \"b\" at 25\n string \"-32768\"\n"));
		free(text);
	}
	buf_release(&b);
}

static void
tells_what_a_valkey_dump_adds(void **state)
{
	struct buf b;

	(void)state;
	rdb_begin(&b, "VALKEY080");
	RAW(&b,
	    "\xf3\x03"
	    "job\x02\x01\x02\x03\x04"
	    "\x00\x01"
	    "a\x01"
	    "x");
	rdb_expect(&b, "header 80 valkey\nkey 0 string 0 \"a\" at 19\n");
	rdb_begin_key(&b, "VALKEY080", 24);
	rdb_refuse(&b, ERR_UNSUPPORTED, "type or opcode 24 is not known");
	rdb_begin(&b, "REDIS0012");
	RAW(&b,
	    "\xf3\x03"
	    "job\x02\x01\x02\x03\x04");
	rdb_refuse(&b, ERR_UNSUPPORTED, "type or opcode 243 is not known");
}

static void
an_error_tells_offset_database_and_key(void **state)
{
	struct buf b;

	(void)state;
	rdb_begin(&b, "REDIS0010");
	RAW(&b,
	    "\xfe\x05\x10\x06"
	    "k\n\xc3\xa9\xff'");
	rdb_put_listpack(&b, "f");
	rdb_refuse(&b, ERR_CORRUPT,
	    "a packed hash or zset ends in a pair "
	    "(at offset 30, database 5, key 'k\\x0a\xc3\xa9\\xff'')");
}

static void
refuses_headers_and_opcodes_it_does_not_know(void **state)
{
	static const struct {
		const char *header;
		enum err_kind kind;
		const char *why;
	} cases[] = {
	    {"REDIS0013", ERR_UNSUPPORTED, "RDB version 13 of Redis"},
	    {"VALKEY081", ERR_UNSUPPORTED, "RDB version 81 of Valkey"},
	    {"VALKEY011", ERR_UNSUPPORTED, "RDB version 11 of Valkey"},
	    {"REDIS0000", ERR_CORRUPT, "the header has no version"},
	    {"REDIS00x1", ERR_CORRUPT, "the header has no version"},
	    {"\x1f\x8b\x08"
	     "123456",
		ERR_CORRUPT, "not an RDB file"},
	};
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rdb_begin(&b, cases[i].header);
		rdb_refuse(&b, cases[i].kind, cases[i].why);
	}
	rdb_begin(&b, "REDIS0011");
	RAW(&b, "\xf2");
	rdb_refuse(&b, ERR_UNSUPPORTED, "type or opcode 242 is not known");
	rdb_begin(&b, "REDIS0011");
	RAW(&b, "\x08");
	rdb_refuse(&b, ERR_UNSUPPORTED, "type or opcode 8 is not known");
	rdb_begin(&b, "REDIS0010");
	RAW(&b, "\xf6\x01x");
	rdb_refuse(&b, ERR_UNSUPPORTED, "7.0 release candidate");
}

/* Of a dump with one more thing, whose bytes are put by more. */
static struct rdb_summary
summary_with(void (*more)(struct buf *))
{
	struct rdb_reader *r = rdb_reader_new();
	struct rdb_summary sum;
	struct err err = {0};
	struct buf b;

	rdb_begin(&b, "REDIS0011");
	RAW(&b, "\x00\x01k\x05value");
	more(&b);
	rdb_end(&b);
	if (rdb_reader_feed(r, b.data, b.len, &err) != 0 ||
	    rdb_reader_finish(r, &err) != 0)
		fail_msg("%s", err.text);
	rdb_reader_summary(r, &sum);
	rdb_reader_free(r);
	buf_release(&b);
	return sum;
}

static uint64_t
value_max_with(void (*more)(struct buf *))
{
	return summary_with(more).value_max;
}

static void
nothing_more(struct buf *b)
{
	(void)b;
}

static void
a_smaller_value(struct buf *b)
{
	RAW(b, "\x00\x01l\x01v");
}

static void
a_list(struct buf *b)
{
	RAW(b, "\x01\x01l\x02\x04\x61\x62\x63\x64\x01x");
}

static void
a_long_name(struct buf *b)
{
	RAW(b, "\x00\x0aname567890\x01v");
}

static void
a_library(struct buf *b)
{
	RAW(b, "\xf5\x0bsource78901");
}

static void
the_biggest_value_is_in_the_summary(void **state)
{
	(void)state;
	assert_int_equal(value_max_with(nothing_more), 6);
	assert_int_equal(value_max_with(a_smaller_value), 6);
	assert_int_equal(value_max_with(a_list), 8);
	assert_int_equal(value_max_with(a_long_name), 10);
	assert_int_equal(value_max_with(a_library), 9 + 11);
}

static void
a_packed_list(struct buf *b)
{
	buf_addc(b, 10);
	rdb_put_string(b, "p");
	rdb_put_ziplist(b, "first second");
}

/* What each of the three takes, whichever way the bytes are kept. */
static void
the_biggest_parts_are_in_the_summary(void **state)
{
	struct rdb_sizes s;

	(void)state;
	s = summary_with(a_list).sizes;
	assert_int_equal(s.string, 5);
	assert_int_equal(s.element, 4);
	assert_int_equal(s.whole, 1);
	s = summary_with(a_long_name).sizes;
	assert_int_equal(s.element, 0);
	assert_int_equal(s.whole, 10);
	s = summary_with(a_library).sizes;
	assert_int_equal(s.whole, 9 + 11);
	s = summary_with(a_packed_list).sizes;
	assert_true(s.element > 11);
	assert_int_equal(s.string, 5);
}

static void
an_unknown_version_is_in_the_summary(void **state)
{
	struct rdb_reader *r = rdb_reader_new();
	struct rdb_summary sum;
	struct err err = {0};

	(void)state;
	assert_int_equal(rdb_reader_feed(r, "REDIS0015\xff", 10, &err), -1);
	assert_int_equal(err.kind, ERR_UNSUPPORTED);
	rdb_reader_summary(r, &sum);
	assert_int_equal(sum.version, 15);
	assert_false(sum.complete);
	err = (struct err){0};
	assert_int_equal(rdb_reader_feed(r, "x", 1, &err), -1);
	assert_int_equal(err.kind, ERR_UNSUPPORTED);
	err = (struct err){0};
	assert_int_equal(rdb_reader_finish(r, &err), -1);
	assert_int_equal(err.kind, ERR_UNSUPPORTED);
	rdb_reader_free(r);
}

/* Feeds a small whole dump and then more bytes, all at once and singly. */
static int
feed_with_tail(
    const char *tail, size_t n, struct rdb_summary *sum, struct err *err)
{
	struct buf b;
	int first = 0, rc = 0;

	for (size_t step = 4096; step > 0; step = step == 1 ? 0 : 1) {
		struct rdb_reader *r = rdb_reader_new();

		rdb_begin_key(&b, "REDIS0009", 0);
		RAW(&b, "\x01v");
		rdb_end(&b);
		buf_add(&b, tail, n);
		rc = 0;
		for (size_t at = 0; at < b.len && rc == 0; at += step)
			rc = rdb_reader_feed(r, b.data + at,
			    step < b.len - at ? step : b.len - at, err);
		if (rc == 0)
			rc = rdb_reader_finish(r, err);
		rdb_reader_summary(r, sum);
		rdb_reader_free(r);
		buf_release(&b);
		if (step > 1)
			first = rc;
	}
	assert_int_equal(first, rc);
	return rc;
}

#define MARK "0123456789abcdef0123456789abcdef01234567"

static void
takes_padding_and_an_end_mark_but_no_other_tail(void **state)
{
	static const char zeros[512];
	struct rdb_summary sum;
	struct err err = {0};

	(void)state;
	assert_int_equal(feed_with_tail(zeros, 512, &sum, &err), 0);
	assert_int_equal(sum.padding, 512);
	assert_int_equal(sum.size, 23);
	assert_int_equal(feed_with_tail(MARK, 40, &sum, &err), 0);
	assert_int_equal(sum.padding, 0);
	assert_int_equal(feed_with_tail(MARK "\0\0", 42, &sum, &err), 0);
	assert_int_equal(sum.padding, 2);
	assert_int_equal(feed_with_tail(MARK, 39, &sum, &err), -1);
	assert_int_equal(err.kind, ERR_CORRUPT);
	assert_non_null(strstr(err.text, "ends at offset 23"));
	assert_int_equal(feed_with_tail(MARK "0", 41, &sum, &err), -1);
	assert_int_equal(feed_with_tail("\0\1", 2, &sum, &err), -1);
	assert_int_equal(feed_with_tail("\n", 1, &sum, &err), -1);
	assert_int_equal(feed_with_tail("\0a", 2, &sum, &err), -1);
	assert_int_equal(feed_with_tail("abc\0", 4, &sum, &err), -1);
}

static void
a_stream_that_goes_on_is_left_after_the_end(void **state)
{
	struct buf b;

	(void)state;
	rdb_begin_key(&b, "REDIS0009", 0);
	RAW(&b, "\x01v");
	rdb_end(&b);
	for (size_t cut = 1; cut < b.len; cut++) {
		struct rdb_reader *r = rdb_reader_new();
		struct err err = {0};
		char more[128];
		size_t taken, rest = b.len - cut;

		assert_int_equal(
		    rdb_reader_feed_some(r, b.data, cut, &taken, &err), 0);
		assert_int_equal(taken, cut);
		assert_false(rdb_reader_at_end(r));
		memcpy(more, b.data + cut, rest);
		memcpy(more + rest, "*1\r\n", 4);
		assert_int_equal(
		    rdb_reader_feed_some(r, more, rest + 4, &taken, &err), 0);
		assert_int_equal(taken, rest);
		assert_true(rdb_reader_at_end(r));
		assert_int_equal(
		    rdb_reader_feed_some(r, "*1\r\n", 4, &taken, &err), 0);
		assert_int_equal(taken, 0);
		assert_int_equal(rdb_reader_finish(r, &err), 0);
		rdb_reader_free(r);
	}
	buf_release(&b);
}

static void
proves_the_crc64_where_there_is_one(void **state)
{
	struct rdb_summary sum;
	struct err err = {0};
	struct buf b;

	(void)state;
	rdb_begin_key(&b, "REDIS0009", 0);
	RAW(&b, "\x01v");
	rdb_end(&b);
	for (size_t i = b.len - 8; i < b.len; i++) {
		struct rdb_reader *r = rdb_reader_new();

		b.data[i] ^= 1;
		assert_int_equal(rdb_reader_feed(r, b.data, b.len, &err), -1);
		assert_int_equal(err.kind, ERR_CORRUPT);
		assert_non_null(strstr(err.text, "CRC64 is "));
		b.data[i] ^= 1;
		rdb_reader_free(r);
	}
	for (int absent = 0; absent < 2; absent++) {
		struct rdb_reader *r = rdb_reader_new();

		if (absent)
			memset(b.data + b.len - 8, 0, 8);
		assert_int_equal(rdb_reader_feed(r, b.data, b.len, &err), 0);
		assert_int_equal(rdb_reader_finish(r, &err), 0);
		rdb_reader_summary(r, &sum);
		assert_true(sum.complete);
		assert_int_equal(sum.has_crc, !absent);
		rdb_reader_free(r);
	}
	buf_release(&b);
}

/* Every flipped bit of a dump with a CRC64 is noticed. */
static void
a_flipped_bit_is_never_missed(void **state)
{
	struct buf b;

	(void)state;
	rdb_begin_key(&b, "REDIS0011", 16);
	rdb_put_listpack(&b, "field value 1 2");
	RAW(&b,
	    "\x00\x01z\xc3\x04\x05\x00"
	    "a\x40\x00");
	rdb_end(&b);
	for (size_t bit = 0; bit < 8 * b.len; bit++) {
		char *text;

		b.data[bit / 8] ^= (char)(1 << bit % 8);
		text = rdb_record_cut(b.data, b.len, b.len, b.len);
		if (strstr(text, "\nread ") != NULL)
			fail_msg("bit %zu: %s", bit, text);
		free(text);
		b.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	buf_release(&b);
}

/* A size that is only declared costs nothing. */
static void
nothing_is_allocated_by_what_the_file_declares(void **state)
{
	static const char *const bodies[] = {
	    "\x00\x81\x3f\xff\xff\xff\xff\xff\xff\xff",
	    "\xfa\x81\x3f\xff\xff\xff\xff\xff\xff\xff",
	    "\x01\x01k\x81\x3f\xff\xff\xff\xff\xff\xff\xff",
	    "\x01\x01k\x01\xc3\x20\x81\x3f\xff\xff\xff\xff\xff\xff\xff",
	};
	static const size_t sizes[] = {10, 10, 12, 14};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct buf b;
		char *text;

		rdb_begin(&b, "REDIS0011");
		buf_add(&b, bodies[i], sizes[i]);
		text = rdb_tell(&b);
		assert_non_null(strstr(text, "the dump is cut short"));
		free(text);
		buf_release(&b);
	}
}

static void
a_key_beyond_the_ceiling_is_not_supported(void **state)
{
	const size_t mib = (size_t)1 << 20;
	struct rdb_reader *r = rdb_reader_new();
	char *chunk = xcalloc(1, mib);
	struct err err = {0};
	int rc, fed = 0;

	(void)state;
	memset(chunk, 'k', mib);
	rc = rdb_reader_feed(r, "REDIS0011\x00\x80\x20\x00\x00\x00", 15, &err);
	while (rc == 0 && fed++ < 512)
		rc = rdb_reader_feed(r, chunk, mib, &err);
	assert_int_equal(rc, -1);
	assert_int_equal(fed, 65);
	assert_int_equal(err.kind, ERR_UNSUPPORTED);
	assert_non_null(
	    strstr(err.text, "the key's name is longer than 64 MiB"));
	assert_non_null(strstr(err.text, "at offset "));
	free(chunk);
	rdb_reader_free(r);
}

/* Whichever call fails, that ends the reading with the visitor's own error. */
static void
a_visitors_failure_ends_the_reading(void **state)
{
	struct rdb_record ok;
	struct rdb_reader *r = rdb_reader_new();
	struct err err = {0};
	struct buf b;

	(void)state;
	rdb_begin_key(&b, "REDIS0012", 25);
	RAW(&b, "\xed\x03\0\0\0\0\0\0");
	rdb_put_listpack(&b, "f v 1005 g w 0");
	RAW(&b,
	    "\xfa\x01"
	    "a\x01"
	    "b\xf5\x01l\xf7\x05\x02\x01\x00\xfe\x01"
	    "\xfb\x02\x01");
	RAW(&b, "\x05\x01z\x01\x01m\0\0\0\0\0\0\xf8\x3f\x07\x01m\x05\x00");
	RAW(&b, "\x0f\x01x");
	rdb_put_stream_node(&b);
	RAW(&b, "\x02\x40\x6b\x02\x00");
	rdb_end(&b);
	rdb_record_init(&ok);
	rdb_reader_add(r, &ok.visitor);
	assert_int_equal(rdb_reader_feed(r, b.data, b.len, &err), 0);
	rdb_reader_free(r);
	assert_true(ok.calls > 30);
	for (uint64_t n = 1; n <= ok.calls; n++) {
		struct rdb_record rec;

		r = rdb_reader_new();
		rdb_record_init(&rec);
		rec.fail_at = n;
		rdb_reader_add(r, &rec.visitor);
		assert_int_equal(rdb_reader_feed(r, b.data, b.len, &err), -1);
		assert_int_equal(err.kind, ERR_TRANSIENT);
		assert_string_equal(err.text, "call refused");
		assert_int_equal(rec.calls, n);
		assert_int_equal(rdb_reader_finish(r, &err), -1);
		rdb_record_release(&rec);
		rdb_reader_free(r);
	}
	rdb_record_release(&ok);
	buf_release(&b);
}

struct order {
	struct rdb_visitor visitor;
	char mark;
	struct buf *seen;
};

static int
mark_key(struct rdb_visitor *v, const struct rdb_key *key, struct err *err)
{
	struct order *o = (struct order *)v;

	(void)key;
	(void)err;
	buf_addc(o->seen, o->mark);
	return 0;
}

static int
count_elements(
    struct rdb_visitor *v, uint64_t raw, uint64_t elements, struct err *err)
{
	struct order *o = (struct order *)v;

	(void)raw;
	(void)err;
	buf_addf(o->seen, "%d,", (int)elements);
	return 0;
}

static void
four_visitors_see_each_event_in_order(void **state)
{
	static const struct rdb_visitor_ops ops = {.key_begin = mark_key};
	struct rdb_reader *r = rdb_reader_new();
	struct order order[4];
	struct err err = {0};
	struct buf b, seen;

	(void)state;
	buf_init(&seen, 64);
	for (int i = 0; i < 4; i++) {
		order[i] = (struct order){{&ops}, (char)('a' + i), &seen};
		rdb_reader_add(r, &order[i].visitor);
	}
	rdb_begin_key(&b, "REDIS0009", 0);
	RAW(&b, "\x01v\x00\x01l\x01w");
	rdb_end(&b);
	assert_int_equal(rdb_reader_feed(r, b.data, b.len, &err), 0);
	assert_string_equal(seen.data, "abcdabcd");
	rdb_reader_free(r);
	buf_release(&b);
	buf_release(&seen);
}

/* Elements are counted without decoding, in every encoding. */
static void
counts_elements_of_values_that_nobody_decodes(void **state)
{
	static const struct rdb_visitor_ops ops = {.key_end = count_elements};
	struct rdb_reader *r = rdb_reader_new();
	struct err err = {0};
	struct buf b, seen;
	struct order order = {{&ops}, 0, &seen};

	(void)state;
	buf_init(&seen, 256);
	rdb_reader_add(r, &order.visitor);
	rdb_begin_key(&b, "REDIS0012", 0);
	RAW(&b, "\x01v");
	RAW(&b,
	    "\x01\x01"
	    "a\x02\x01x\x01y");
	RAW(&b,
	    "\x10\x01"
	    "b");
	rdb_put_listpack(&b, "f v g w h x");
	RAW(&b,
	    "\x0a\x01"
	    "c");
	rdb_put_ziplist(&b, "x y z 1");
	RAW(&b,
	    "\x0b\x01"
	    "d\x0c\x02\0\0\0\x02\0\0\0\xff\xff\x05\x00");
	RAW(&b,
	    "\x09\x01"
	    "e\x08\x01\x01"
	    "f\x02\x00"
	    "vv\xff");
	RAW(&b,
	    "\x17\x01"
	    "f");
	rdb_put_listpack(&b, "f v 5 g w 0");
	RAW(&b,
	    "\x12\x01"
	    "g\x02\x01\x03"
	    "big\x02");
	rdb_put_listpack(&b, "x -1");
	RAW(&b, "\x0f\x01h");
	rdb_put_stream_node(&b);
	RAW(&b, "\x02\x40\x6b\x02\x00");
	/* A count too big for the head: the listpack is walked. */
	RAW(&b, "\x14\x01i\x0b\x0b\0\0\0\xff\xff\x05\x01\x06\x01\xff");
	/* Compressed: a listpack head, then 7 times "1". */
	RAW(&b,
	    "\x14\x01j\xc3\x0e\x15\x07\x15\0\0\0\x07\0\x01\x01"
	    "\xe0\x03\x01\x00\xff");
	rdb_end(&b);
	if (rdb_reader_feed(r, b.data, b.len, &err) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(seen.data, "1,2,3,4,2,1,2,3,2,2,7,");
	rdb_reader_free(r);
	buf_release(&b);
	buf_release(&seen);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tells_opcodes),
	    cmocka_unit_test(tells_expiries_of_their_own_key_only),
	    cmocka_unit_test(tells_what_a_valkey_dump_adds),
	    cmocka_unit_test(an_error_tells_offset_database_and_key),
	    cmocka_unit_test(refuses_headers_and_opcodes_it_does_not_know),
	    cmocka_unit_test(the_biggest_value_is_in_the_summary),
	    cmocka_unit_test(the_biggest_parts_are_in_the_summary),
	    cmocka_unit_test(an_unknown_version_is_in_the_summary),
	    cmocka_unit_test(takes_padding_and_an_end_mark_but_no_other_tail),
	    cmocka_unit_test(a_stream_that_goes_on_is_left_after_the_end),
	    cmocka_unit_test(proves_the_crc64_where_there_is_one),
	    cmocka_unit_test(a_flipped_bit_is_never_missed),
	    cmocka_unit_test(nothing_is_allocated_by_what_the_file_declares),
	    cmocka_unit_test(a_key_beyond_the_ceiling_is_not_supported),
	    cmocka_unit_test(a_visitors_failure_ends_the_reading),
	    cmocka_unit_test(four_visitors_see_each_event_in_order),
	    cmocka_unit_test(counts_elements_of_values_that_nobody_decodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

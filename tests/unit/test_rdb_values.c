#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <malloc.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "rdb/rdb_reader.h"

#include "tests/sim/rdb_bytes.h"
#include "tests/sim/rdb_expect.h"
#include "tests/sim/rdb_record.h"

static void
tells_plain_collections(void **state)
{
	struct buf b;

	(void)state;
	rdb_begin_key(&b, "REDIS0003", 1);
	RAW(&b,
	    "\x02\x01"
	    "x\xc0\x05");
	rdb_expect(
	    &b, "key 0 list 1 \"k\" at 9\n item \"x\"\n item \"5\"\nend 5 ");
	rdb_begin_key(&b, "REDIS0003", 2);
	RAW(&b,
	    "\x01\x40\x01"
	    "x");
	rdb_expect(&b, "key 0 set 2 \"k\" at 9\n item \"x\"\nend 4 ");
	rdb_begin_key(&b, "REDIS0003", 4);
	RAW(&b,
	    "\x01\x01"
	    "f\x00");
	rdb_expect(&b, "hash 4 \"k\" at 9\n field \"f\"\n value \"\"\nend 4 ");
	rdb_begin_key(&b, "REDIS0003", 1);
	RAW(&b, "\x00");
	rdb_expect(&b, "key 0 list 1 \"k\" at 9\nend 1 ");
}

static void
tells_scores_of_every_form(void **state)
{
	struct buf b;

	(void)state;
	rdb_begin_key(&b, "REDIS0003", 3);
	RAW(&b,
	    "\x05\x01"
	    "a\x03"
	    "1.5\x01"
	    "b\xfe\x01"
	    "c\xff\x01"
	    "d\x14"
	    "3.14159265358979e-10\x01"
	    "e\x02"
	    "-0");
	rdb_expect(&b,
	    " member \"a\"\n score 1.5\n member \"b\"\n score inf\n"
	    " member \"c\"\n score -inf\n member \"d\"\n"
	    " score 3.1415926535897898e-10\n"
	    " member \"e\"\n score -0\nend ");
	rdb_begin_key(&b, "REDIS0008", 5);
	RAW(&b,
	    "\x01\x01"
	    "a\0\0\0\0\0\0\xf8\x3f");
	rdb_expect(&b, " member \"a\"\n score 1.5\nend ");
	rdb_begin_key(&b, "REDIS0006", 12);
	rdb_put_ziplist(&b, "a 5 b 1.25 c -inf");
	rdb_expect(&b,
	    " member \"a\"\n score 5\n member \"b\"\n score 1.25\n"
	    " member \"c\"\n score -inf\nend ");
	rdb_begin_key(&b, "REDIS0010", 17);
	rdb_put_listpack(&b, "a -7 b 1e300 7 9007199254740993");
	rdb_expect(&b,
	    " member \"a\"\n score -7\n member \"b\"\n"
	    " score 1.0000000000000001e+300\n"
	    " member \"7\"\n score 9007199254740992\nend ");
}

static void
tells_packed_values(void **state)
{
	struct buf b;

	(void)state;
	rdb_begin_key(&b, "REDIS0006", 9);
	RAW(&b,
	    "\x07\x01\x01"
	    "f\x01\x00"
	    "v\xff");
	rdb_expect(&b, " field \"f\"\n value \"v\"\nend ");
	rdb_begin_key(&b, "REDIS0006", 10);
	rdb_put_ziplist(&b, "x 300 y");
	rdb_expect(&b, " item \"x\"\n item \"300\"\n item \"y\"\nend ");
	rdb_begin_key(&b, "REDIS0006", 11);
	RAW(&b, "\x0c\x02\0\0\0\x02\0\0\0\xff\xff\x05\x00");
	rdb_expect(&b, " item \"-1\"\n item \"5\"\nend ");
	rdb_begin_key(&b, "REDIS0006", 13);
	rdb_put_ziplist(&b, "f v 1 2");
	rdb_expect(
	    &b, " field \"f\"\n value \"v\"\n field \"1\"\n value \"2\"\nend ");
	rdb_begin_key(&b, "REDIS0007", 14);
	rdb_put_len(&b, 2);
	rdb_put_ziplist(&b, "x");
	rdb_put_ziplist(&b, "y 1");
	rdb_expect(&b, " item \"x\"\n item \"y\"\n item \"1\"\nend ");
	rdb_begin_key(&b, "REDIS0010", 16);
	rdb_put_listpack(&b, "f v");
	rdb_expect(&b, " field \"f\"\n value \"v\"\nend ");
	rdb_begin_key(&b, "REDIS0010", 18);
	RAW(&b,
	    "\x02\x01\x03"
	    "big\x02");
	rdb_put_listpack(&b, "x -1");
	rdb_expect(&b, " item \"big\"\n item \"x\"\n item \"-1\"\nend ");
	rdb_begin_key(&b, "REDIS0011", 20);
	rdb_put_listpack(&b, "x y");
	rdb_expect(&b, " item \"x\"\n item \"y\"\nend ");
}

static void
tells_field_expiries_as_absolute_times(void **state)
{
	static const char want[] =
	    " field \"f\"\n value \"v\"\n field_expiry 1005\n"
	    " field \"g\"\n value \"w\"\nend ";
	struct buf b;

	(void)state;
	rdb_begin_key(&b, "REDIS0012", 24);
	RAW(&b,
	    "\xe8\x03\0\0\0\0\0\0\x02\x06\x01"
	    "f\x01"
	    "v\x00\x01"
	    "g\x01"
	    "w");
	rdb_expect(&b, want);
	rdb_begin_key(&b, "REDIS0012", 25);
	RAW(&b, "\xed\x03\0\0\0\0\0\0");
	rdb_put_listpack(&b, "f v 1005 g w 0");
	rdb_expect(&b, want);
	rdb_begin_key(&b, "REDIS0012", 22);
	RAW(&b,
	    "\x02\x43\xed\x01"
	    "f\x01"
	    "v\x00\x01"
	    "g\x01"
	    "w");
	rdb_expect(&b, want);
	rdb_begin_key(&b, "REDIS0012", 23);
	rdb_put_listpack(&b, "f v 1005 g w 0");
	rdb_expect(&b, want);
	rdb_begin_key(&b, "VALKEY080", 22);
	RAW(&b,
	    "\x02\x01"
	    "f\x01"
	    "v\xed\x03\0\0\0\0\0\0\x01"
	    "g\x01"
	    "w"
	    "\xff\xff\xff\xff\xff\xff\xff\xff");
	rdb_expect(&b, want);
}

static void
tells_module_values_as_they_stand(void **state)
{
	struct buf b;

	(void)state;
	rdb_begin_key(&b, "REDIS0009", 7);
	RAW(&b,
	    "\x81\0\0\0\0\0\0\0\x01"
	    "\x02\x05\x01\x05\x03"
	    "abcd"
	    "\x04"
	    "12345678"
	    "\x05\x03"
	    "xyz\x00");
	rdb_expect(&b,
	    "key 0 module 7 \"k\" at 9\n"
	    " module \"\\x81\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x01"
	    "\\x02\\x05\\x01\\x05\\x03abcd\\x0412345678"
	    "\\x05\\x03xyz\\x00\"\nend 33 bytes");
	rdb_begin_key(&b, "REDIS0009", 7);
	RAW(&b, "\x05\x06\x01");
	rdb_refuse(&b, ERR_CORRUPT, "a module's value has no such part");
	rdb_begin_key(&b, "REDIS0008", 6);
	rdb_refuse(&b, ERR_UNSUPPORTED, "4.0 release candidate");
	rdb_begin(&b, "REDIS0009");
	RAW(&b, "\xf7\x05\x01\x01\x00");
	rdb_refuse(&b, ERR_CORRUPT, "module data does not say when");
}

#define ENTRIES \
	" entry 100-5 2\n" \
	" stream_field \"f\"\n stream_value \"a\"\n" \
	" stream_field \"g\"\n stream_value \"1\"\n" \
	" entry 107-2 1\n" \
	" stream_field \"h\"\n stream_value \"x\"\n" \
	" length 0-0 2 0\n last_id 107-2 0 0\n"

static void
tells_streams_of_every_version(void **state)
{
	struct buf b;

	(void)state;
	rdb_begin_key(&b, "REDIS0009", 15);
	rdb_put_stream_node(&b);
	RAW(&b,
	    "\x02\x40\x6b\x02"
	    "\x01\x01"
	    "G\x40\x64\x05"
	    "\x01\0\0\0\0\0\0\0\x64\0\0\0\0\0\0\0\x05\x09\0\0\0\0\0\0\0\x03"
	    "\x01\x01"
	    "C\x08\0\0\0\0\0\0\0"
	    "\x01\0\0\0\0\0\0\0\x64\0\0\0\0\0\0\0\x05");
	rdb_expect(&b,
	    ENTRIES " group \"G\"\n group_last 100-5 0 0\n"
		    " pending 100-5 3 9\n consumer \"C\"\n seen 0-0 0 8\n"
		    " owned 100-5 0 0\nend ");
	rdb_begin_key(&b, "REDIS0010", 19);
	rdb_put_stream_node(&b);
	RAW(&b,
	    "\x02\x40\x6b\x02"
	    "\x40\x64\x05"
	    "\x00\x00"
	    "\x03"
	    "\x01\x01"
	    "G\x40\x64\x05\x01"
	    "\x00"
	    "\x02\x01"
	    "C\x08\0\0\0\0\0\0\0\x00"
	    "\x01"
	    "D\x07\0\0\0\0\0\0\0\x00");
	rdb_expect(&b,
	    ENTRIES " first_id 100-5 0 0\n max_deleted 0-0 0 0\n"
		    " added 0-0 3 0\n group \"G\"\n group_last 100-5 0 0\n"
		    " group_read 0-0 1 0\n consumer \"C\"\n seen 0-0 0 8\n"
		    " consumer \"D\"\n seen 0-0 0 7\nend ");
	rdb_begin_key(&b, "REDIS0011", 21);
	rdb_put_stream_node(&b);
	RAW(&b,
	    "\x02\x40\x6b\x02"
	    "\x40\x64\x05"
	    "\x00\x00"
	    "\x03"
	    "\x01\x01"
	    "G\x40\x64\x05\x01"
	    "\x00"
	    "\x01\x01"
	    "C\x08\0\0\0\0\0\0\0"
	    "\x07\0\0\0\0\0\0\0\x00");
	rdb_expect(&b, " consumer \"C\"\n seen 0-0 0 8\n active 0-0 0 7\nend ");
}

static void
refuse_node(const char *words, const char *why)
{
	struct buf b;

	rdb_begin_key(&b, "REDIS0009", 15);
	RAW(&b, "\x01" RDB_NODE_ID);
	rdb_put_listpack(&b, words);
	RAW(&b, "\x02\x40\x6b\x02\x00");
	rdb_refuse(&b, ERR_CORRUPT, why);
}

static void
refuses_stream_nodes_that_lie(void **state)
{
	struct buf b;

	(void)state;
	refuse_node("", "fewer entries");
	refuse_node("1 0 1 f 0", "fewer entries");
	refuse_node("0 1 1 f 0", "fewer entries");
	refuse_node("1 0 1 f 0 2 0 0 a", "fewer entries");
	refuse_node("0 0 1 f 0 2 0 0 a 4", "more entries");
	refuse_node("0 0 1 f 0 3 0 0 a 4", "more entries");
	refuse_node("1 0 1 f 0 2 0 0 a 5", "of 4 elements says 5");
	refuse_node("1 0 1 f 0 0 0 0 2 a 1 b 2 7", "of 8 elements says 7");
	refuse_node("1 0 1 f 3 2 0 0 a 4", "head lacks its end");
	refuse_node("1 0 1 f 0 x 0 0 a 4", "bytes for a number");
	refuse_node("-1 0 1 f 0", "negative count");
	rdb_begin_key(&b, "REDIS0009", 15);
	RAW(&b,
	    "\x01\x0f"
	    "123456789012345");
	rdb_refuse(&b, ERR_CORRUPT, "id is not 16 bytes");
}

static void
refuses_values_that_lie(void **state)
{
	struct buf b;

	(void)state;
	rdb_begin_key(&b, "REDIS0010", 0);
	RAW(&b, "\x82");
	rdb_refuse(&b, ERR_CORRUPT, "a string has no length");
	rdb_begin_key(&b, "REDIS0010", 0);
	RAW(&b, "\xc4");
	rdb_refuse(&b, ERR_CORRUPT, "a string has no encoding 4");
	rdb_begin_key(&b, "REDIS0010", 1);
	RAW(&b, "\xc0\x01");
	rdb_refuse(&b, ERR_CORRUPT, "no length where one must be");
	rdb_begin_key(&b, "REDIS0010", 0);
	RAW(&b,
	    "\xc3\x03\x05\x20\x00"
	    "a");
	rdb_refuse(&b, ERR_CORRUPT, "before its beginning");
	rdb_begin_key(&b, "REDIS0010", 0);
	RAW(&b,
	    "\xc3\x02\x05\x00"
	    "a");
	rdb_refuse(&b, ERR_CORRUPT, "4 bytes before its 5");
	rdb_begin_key(&b, "REDIS0010", 0);
	RAW(&b, "\xc3\x00\x05");
	rdb_refuse(&b, ERR_CORRUPT, "a compressed string has no size");
	rdb_begin_key(&b, "REDIS0010", 16);
	rdb_put_listpack(&b, "f v g");
	rdb_refuse(&b, ERR_CORRUPT, "ends in a pair");
	rdb_begin_key(&b, "REDIS0012", 23);
	rdb_put_listpack(&b, "f v soon");
	rdb_refuse(&b, ERR_CORRUPT, "a field's expiry is no time");
	rdb_begin_key(&b, "REDIS0012", 24);
	RAW(&b,
	    "\xff\xff\xff\xff\xff\xff\xff\x7f\x01\x05\x01"
	    "f\x01"
	    "v");
	rdb_refuse(&b, ERR_CORRUPT, "a field's expiry is out of range");
	rdb_begin_key(&b, "REDIS0010", 18);
	RAW(&b, "\x01\x03\x00");
	rdb_refuse(&b, ERR_CORRUPT, "a list's node is in no container 3");
	rdb_begin(&b, "REDIS0010");
	RAW(&b, "\xfe\x81\0\0\0\x01\0\0\0\0");
	rdb_refuse(&b, ERR_CORRUPT, "database number 4294967296");
}

static void
refuses_scores_that_are_no_numbers(void **state)
{
	static const char *const texts[] = {"nan", "x", "1.2.3", "", "0x"};
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		rdb_begin_key(&b, "REDIS0003", 3);
		RAW(&b,
		    "\x01\x01"
		    "a");
		rdb_put_string(&b, texts[i]);
		rdb_refuse(&b, ERR_CORRUPT, "a score is no number");
	}
	rdb_begin_key(&b, "REDIS0003", 3);
	RAW(&b,
	    "\x01\x01"
	    "a\xfd");
	rdb_refuse(&b, ERR_CORRUPT, "a score is not a number");
	rdb_begin_key(&b, "REDIS0008", 5);
	RAW(&b,
	    "\x01\x01"
	    "a\0\0\0\0\0\0\xf8\x7f");
	rdb_refuse(&b, ERR_CORRUPT, "a score is not a number");
	rdb_begin_key(&b, "REDIS0010", 17);
	rdb_put_listpack(&b, "a nan");
	rdb_refuse(&b, ERR_CORRUPT, "a score is no number");
}

/* Sees that pieces stay small, and how much memory is in use meanwhile. */
struct meter {
	struct rdb_visitor visitor;
	uint64_t bytes, ends;
	size_t piece_max;
};

static int
measure(struct rdb_visitor *v, enum rdb_part part, const unsigned char *p,
    size_t n, bool last, struct err *err)
{
	struct meter *m = (struct meter *)v;

	(void)part;
	(void)p;
	(void)err;
	m->bytes += n;
	m->ends += last;
	if (n > m->piece_max)
		m->piece_max = n;
	return 0;
}

#define BIG_CHUNK  ((size_t)1 << 20)
#define BIG_CHUNKS 256

/* A value of 256 MiB that begins with head, in chunks of one MiB. */
static void
read_big(
    const char *head, size_t n, const unsigned char *chunk, struct meter *m)
{
	static const struct rdb_visitor_ops ops = {.piece = measure};
	struct rdb_reader *r = rdb_reader_new();
	size_t before = mallinfo2().uordblks;
	struct err err = {0};

	*m = (struct meter){.visitor.ops = &ops};
	rdb_reader_add(r, &m->visitor);
	assert_int_equal(rdb_reader_feed(r, head, n, &err), 0);
	for (int i = 0; i < BIG_CHUNKS; i++)
		if (rdb_reader_feed(r, chunk, BIG_CHUNK, &err) != 0)
			fail_msg("%s", err.text);
	assert_true(mallinfo2().uordblks - before < 65536);
	assert_int_equal(m->ends, 1);
	rdb_reader_free(r);
}

static void
a_value_of_any_size_needs_the_same_memory(void **state)
{
	unsigned char *chunk = xcalloc(1, BIG_CHUNK);
	struct meter m;

	(void)state;
	read_big("REDIS0011\x00\x01k\x80\x10\x00\x00\x00", 17, chunk, &m);
	assert_int_equal(m.bytes, BIG_CHUNKS * BIG_CHUNK);
	/* Zeros as LZF are literals of one byte each. */
	read_big("REDIS0011\x00\x01k\xc3\x80\x10\x00\x00\x00\x80\x08"
		 "\x00\x00\x00",
	    23, chunk, &m);
	assert_int_equal(m.bytes, BIG_CHUNKS * BIG_CHUNK / 2);
	assert_true(m.piece_max <= 80 << 10);
	free(chunk);
}

struct blocks {
	struct rdb_visitor visitor;
	struct buf told;
	uint64_t fail_at; /* bytes */
};

static int
on_block(struct rdb_visitor *v, uint64_t size, struct rdb_stream_id id,
    struct err *err)
{
	struct blocks *k = (struct blocks *)v;

	buf_addf(&k->told, "%" PRIu64, size);
	if (id.ms > 0)
		buf_addf(&k->told, " of %" PRIu64 "-%" PRIu64, id.ms, id.seq);
	buf_addc(&k->told, ' ');
	if (size == k->fail_at)
		return err_set(err, ERR_TRANSIENT, "call refused");
	return 0;
}

static int
read_blocks(const struct buf *b, size_t step, struct blocks *k, bool decoded)
{
	static const struct rdb_visitor_ops ops = {.block = on_block};
	struct rdb_reader *r = rdb_reader_new();
	struct rdb_record rec;
	struct err err = {0};
	int rc = 0;

	k->visitor.ops = &ops;
	buf_init(&k->told, 4096);
	rdb_record_init(&rec);
	rdb_reader_add(r, &k->visitor);
	if (decoded)
		rdb_reader_add(r, &rec.visitor);
	for (size_t at = 0; at < b->len && rc == 0; at += step)
		rc = rdb_reader_feed(r, b->data + at,
		    step < b->len - at ? step : b->len - at, &err);
	assert_true(rc == 0 || err.kind == ERR_TRANSIENT);
	rdb_record_release(&rec);
	rdb_reader_free(r);
	return rc;
}

/* Plain values have none; a name or a part that is compressed is none. */
static void
put_blocks(struct buf *b)
{
	rdb_begin_key(b, "REDIS0010", 16);
	rdb_put_listpack(b, "ff v");
	RAW(b,
	    "\x10\x01l\xc3\x0e\x0d\x0c\x0d\0\0\0\x02\0\x81"
	    "f\2\x81v\2\xff");
	RAW(b, "\x12\x01q\x02\x01\x05plain\x02");
	rdb_put_listpack(b, "a");
	RAW(b,
	    "\x04\x01h\x01\x01"
	    "f\x01v");
	RAW(b, "\x0f\x01x");
	rdb_put_stream_node(b);
	RAW(b, "\x02\x40\x6b\x02\x00");
	rdb_end(b);
}

static void
tells_the_size_of_each_block(void **state)
{
	struct blocks k = {.fail_at = UINT64_MAX};
	struct buf b;

	(void)state;
	put_blocks(&b);
	for (int decoded = 0; decoded < 2; decoded++) {
		for (size_t step = 1; step <= b.len; step++) {
			assert_int_equal(
			    read_blocks(&b, step, &k, decoded == 1), 0);
			assert_string_equal(
			    k.told.data, "14 13 5 10 64 of 100-5 ");
			buf_release(&k.told);
		}
		for (k.fail_at = 5; k.fail_at <= 14; k.fail_at++) {
			bool is = k.fail_at == 5 || k.fail_at == 10 ||
			    k.fail_at >= 13;

			assert_int_equal(
			    read_blocks(&b, 7, &k, decoded == 1), is ? -1 : 0);
			buf_release(&k.told);
		}
		k.fail_at = UINT64_MAX;
	}
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tells_plain_collections),
	    cmocka_unit_test(tells_scores_of_every_form),
	    cmocka_unit_test(tells_packed_values),
	    cmocka_unit_test(tells_the_size_of_each_block),
	    cmocka_unit_test(tells_field_expiries_as_absolute_times),
	    cmocka_unit_test(tells_module_values_as_they_stand),
	    cmocka_unit_test(tells_streams_of_every_version),
	    cmocka_unit_test(refuses_stream_nodes_that_lie),
	    cmocka_unit_test(refuses_values_that_lie),
	    cmocka_unit_test(refuses_scores_that_are_no_numbers),
	    cmocka_unit_test(a_value_of_any_size_needs_the_same_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

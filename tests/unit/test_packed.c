#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "rdb/packed.h"
#include "tests/sim/rdb_bytes.h"

struct seen {
	struct buf text; /* elements, a space after each; integers as "i5" */
	int fail_at, items;
};

static int
on_item(void *arg, const struct packed_item *item, struct err *err)
{
	struct seen *s = arg;

	if (item->data == NULL)
		buf_addf(&s->text, "i%" PRId64, item->integer);
	else
		buf_add(&s->text, item->data, item->len);
	if (item->last)
		buf_addc(&s->text, ' ');
	if (item->last && ++s->items == s->fail_at)
		return err_set(err, ERR_TRANSIENT, "no room");
	return 0;
}

static int
decode(enum packed_format format, const struct buf *blob, size_t step,
    struct seen *s, struct err *err)
{
	struct packed_out out = {on_item, s};
	struct packed *k = packed_new(&out);
	int rc = 0;

	buf_init(&s->text, (size_t)1 << 20);
	packed_start(k, format, false);
	for (size_t at = 0; at < blob->len && rc == 0; at += step)
		rc = packed_feed(k, blob->data + at,
		    blob->len - at < step ? blob->len - at : step, err);
	if (rc == 0)
		rc = packed_finish(k, err);
	packed_free(k);
	return rc;
}

/* However the blob is cut. */
static void
expect(enum packed_format format, const char *bytes, size_t n,
    const char *elements)
{
	struct buf blob;

	buf_init(&blob, (size_t)1 << 20);
	buf_add(&blob, bytes, n);
	for (size_t step = 1; step <= n; step++) {
		struct seen s = {0};
		struct err err = {0};

		if (decode(format, &blob, step, &s, &err) != 0)
			fail_msg("by %zu: %s", step, err.text);
		assert_string_equal(s.text.data, elements);
		buf_release(&s.text);
	}
	buf_release(&blob);
}
#define EXPECT(format, bytes, elements) \
	expect((format), (bytes), sizeof(bytes) - 1, (elements))

static void
refused(enum packed_format format, const char *bytes, size_t n, const char *why)
{
	struct buf blob;

	buf_init(&blob, (size_t)1 << 20);
	buf_add(&blob, bytes, n);
	for (size_t step = 1; step <= n + 1; step++) {
		struct seen s = {0};
		struct err err = {0};

		if (decode(format, &blob, step, &s, &err) == 0)
			fail_msg("taken as %s", s.text.data);
		assert_int_equal(err.kind, ERR_CORRUPT);
		if (strstr(err.text, why) == NULL)
			fail_msg("'%s' does not say '%s'", err.text, why);
		buf_release(&s.text);
	}
	buf_release(&blob);
}
#define REFUSED(format, bytes, why) \
	refused((format), (bytes), sizeof(bytes) - 1, (why))

static void
decodes_every_listpack_encoding(void **state)
{
	(void)state;
	EXPECT(PACKED_LISTPACK, "\x07\0\0\0\0\0\xff", "");
	EXPECT(PACKED_LISTPACK,
	    "\x41\0\0\0\x0c\0"
	    "\x7f\x01" /* 7 bits */
	    "\x83"
	    "abc\x04"				       /* 6-bit string */
	    "\x80\x01"				       /* an empty one */
	    "\xcf\xff\x02"			       /* 13 bits, the most */
	    "\xd0\x00\x02"			       /* and the least */
	    "\xe0\x02hi\x04"			       /* 12-bit string */
	    "\xf0\x02\0\0\0hi\x07"		       /* 32-bit string */
	    "\xf1\x00\x80\x03"			       /* 16 bits, the least */
	    "\xf2\xff\xff\x7f\x04"		       /* 24 bits, the most */
	    "\xf2\x00\x00\x80\x04"		       /* the least */
	    "\xf3\x00\x00\x00\x80\x05"		       /* 32 bits, the least */
	    "\xf4\x00\x00\x00\x00\x00\x00\x00\x80\x09" /* 64 bits */
	    "\xff",
	    "i127 abc  i4095 i-4096 hi hi i-32768 i8388607 i-8388608 "
	    "i-2147483648 i-9223372036854775808 ");
}

static void
decodes_every_ziplist_encoding(void **state)
{
	(void)state;
	EXPECT(PACKED_ZIPLIST, "\x0b\0\0\0\x0a\0\0\0\0\0\xff", "");
	EXPECT(PACKED_ZIPLIST,
	    "\x3a\0\0\0\x2f\0\0\0\x09\0"
	    "\x00\x02hi"			       /* 6-bit string */
	    "\x04\x40\x02hi"			       /* 14 bits */
	    "\x05\x80\0\0\0\x02hi"		       /* 32 bits */
	    "\x08\xf1"				       /* 0 */
	    "\xfe\x02\0\0\0\xfd"		       /* 12; a wide prevlen */
	    "\x06\xfe\x80"			       /* 8 bits */
	    "\x03\xc0\x00\x80"			       /* 16 bits */
	    "\x04\xf0\x00\x00\x80"		       /* 24 bits */
	    "\x05\xe0\xff\xff\xff\xff\xff\xff\xff\x7f" /* 64 bits */
	    "\xff",
	    "hi hi hi i0 i12 i-128 i-32768 i-8388608 i9223372036854775807 ");
	EXPECT(PACKED_ZIPLIST,
	    "\x11\0\0\0\x0a\0\0\0\x01\0\x00\xd0\x00\x00\x00\x80\xff",
	    "i-2147483648 ");
}

static void
decodes_intsets_of_every_width(void **state)
{
	(void)state;
	EXPECT(PACKED_INTSET, "\x02\0\0\0\0\0\0\0", "");
	EXPECT(
	    PACKED_INTSET, "\x02\0\0\0\x02\0\0\0\xff\xff\x05\x00", "i-1 i5 ");
	EXPECT(PACKED_INTSET,
	    "\x04\0\0\0\x02\0\0\0\x00\x00\x00\x80\x01\x00\x00\x00",
	    "i-2147483648 i1 ");
	EXPECT(PACKED_INTSET,
	    "\x08\0\0\0\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\x7f",
	    "i9223372036854775807 ");
}

static void
decodes_zipmaps_with_their_free_bytes(void **state)
{
	(void)state;
	EXPECT(PACKED_ZIPMAP, "\x00\xff", "");
	EXPECT(PACKED_ZIPMAP,
	    "\x02\x02"
	    "k1\x02\x00"
	    "v1\x00\xfe\x03\x00\x00\x00\x02val..\xff",
	    "k1 v1  val ");
	/* With 254 or more pairs the count is not to be had. */
	EXPECT(PACKED_ZIPMAP, "\xfe\x01k\x01\x00v\xff", "k v ");
}

/* Strings around the bounds of the backward lengths, cut anywhere. */
static void
strings_of_all_lengths_come_through(void **state)
{
	static const size_t lengths[] = {
	    0, 1, 62, 63, 64, 125, 126, 127, 128, 253, 254, 255, 4000};

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		char words[4200], want[4200];
		struct buf b;

		memset(words, 'x', lengths[i]);
		snprintf(words + lengths[i], 8, " y 7");
		snprintf(want, sizeof(want), "%.*s%sy i7 ", (int)lengths[i],
		    words, lengths[i] > 0 ? " " : "");
		buf_init(&b, 8192);
		rdb_listpack(&b, words);
		expect(PACKED_LISTPACK, b.data, b.len, want);
		buf_truncate(&b, 0);
		rdb_ziplist(&b, words);
		expect(PACKED_ZIPLIST, b.data, b.len, want);
		buf_release(&b);
	}
}

static void
refuses_listpacks_that_lie(void **state)
{
	(void)state;
	REFUSED(PACKED_LISTPACK, "", "lacks its end");
	REFUSED(PACKED_LISTPACK, "\x07\0\0\0\0\0", "lacks its end");
	REFUSED(PACKED_LISTPACK, "\x08\0\0\0\0\0\xff", "its head says 8");
	REFUSED(PACKED_LISTPACK, "\x07\0\0\0\0\0\xff\xff", "not its own");
	REFUSED(PACKED_LISTPACK, "\x07\0\0\0\x01\0\xff",
	    "0 elements, its head says 1");
	REFUSED(PACKED_LISTPACK, "\x09\0\0\0\x02\0\x05\x01\xff",
	    "1 elements, its head says 2");
	REFUSED(PACKED_LISTPACK, "\x09\0\0\0\x01\0\x05\x02\xff",
	    "wrong length behind it");
	REFUSED(PACKED_LISTPACK, "\x0b\0\0\0\x01\0\x82hi\x02\xff",
	    "wrong length behind it");
	REFUSED(PACKED_LISTPACK, "\x09\0\0\0\x01\0\xf5\x01\xff",
	    "no encoding 0xf5");
	REFUSED(
	    PACKED_LISTPACK, "\x0b\0\0\0\x01\0\x8fhi\x03\xff", "lacks its end");
	REFUSED(PACKED_LISTPACK, "\x0e\0\0\0\x01\0\xf0\xff\xff\xff\xffhi\xff",
	    "lacks its end");
}

static void
refuses_ziplists_that_lie(void **state)
{
	(void)state;
	REFUSED(PACKED_ZIPLIST, "\x0b\0\0\0\x0a\0\0\0\0\0", "lacks its end");
	REFUSED(PACKED_ZIPLIST, "\x0c\0\0\0\x0a\0\0\0\0\0\xff", "head says 12");
	REFUSED(
	    PACKED_ZIPLIST, "\x0b\0\0\0\x0b\0\0\0\0\0\xff", "tail is at 10");
	REFUSED(PACKED_ZIPLIST, "\x0b\0\0\0\x0a\0\0\0\x01\0\xff",
	    "0 elements, its head says 1");
	REFUSED(PACKED_ZIPLIST, "\x0d\0\0\0\x0a\0\0\0\x01\0\x03\xf1\xff",
	    "says 3 bytes for the one before, which has 0");
	REFUSED(PACKED_ZIPLIST,
	    "\x0f\0\0\0\x0c\0\0\0\x02\0\x00\xf1\x03\xf1\xff",
	    "says 3 bytes for the one before, which has 2");
	REFUSED(PACKED_ZIPLIST, "\x0d\0\0\0\x0a\0\0\0\x01\0\x00\xc1\xff",
	    "no encoding 0xc1");
	REFUSED(
	    PACKED_ZIPLIST, "\x0b\0\0\0\x0a\0\0\0\0\0\xff\x00", "not its own");
}

static void
refuses_intsets_and_zipmaps_that_lie(void **state)
{
	(void)state;
	REFUSED(PACKED_INTSET, "\x03\0\0\0\0\0\0\0", "integers of 3 bytes");
	REFUSED(PACKED_INTSET, "\x02\0\0\0\x02\0\0\0\x01\x00", "lacks its end");
	REFUSED(PACKED_INTSET, "\x02\0\0\0\x01\0\0\0\x01\x00\x02\x00",
	    "not its own");
	REFUSED(PACKED_INTSET, "\x02\0\0\0\x02\0\0\0\x02\x00\x02\x00",
	    "out of order at element 1");
	REFUSED(PACKED_ZIPMAP, "\x01\x01k\xff", "between a key and its value");
	REFUSED(PACKED_ZIPMAP, "\x02\x01k\x01\x00v\xff",
	    "2 elements, its head says 4");
	REFUSED(PACKED_ZIPMAP, "\x01\x01k\x01\x00v", "lacks its end");
	REFUSED(PACKED_ZIPMAP, "\x01\x01k\x01\x00v\xff\xff", "not its own");
}

static void
passes_on_the_consumers_failure(void **state)
{
	struct buf blob;

	(void)state;
	buf_init(&blob, 1024);
	rdb_listpack(&blob, "a 1 b 2");
	for (int n = 1; n <= 4; n++) {
		struct seen s = {.fail_at = n};
		struct err err = {0};

		assert_int_equal(
		    decode(PACKED_LISTPACK, &blob, blob.len, &s, &err), -1);
		assert_int_equal(err.kind, ERR_TRANSIENT);
		assert_int_equal(s.items, n);
		buf_release(&s.text);
	}
	buf_release(&blob);
}

static void
tells_the_heads_count_early_unless_it_is_unsure(void **state)
{
	struct packed_out out = {on_item, NULL};
	struct packed *k = packed_new(&out);
	struct err err = {0};
	uint64_t n;

	(void)state;
	packed_start(k, PACKED_LISTPACK, true);
	assert_false(packed_claims(k, &n));
	assert_int_equal(packed_feed(k, "\x00\x01\0\0\x2a\0", 6, &err), 0);
	assert_true(packed_claims(k, &n));
	assert_int_equal(n, 42);

	packed_start(k, PACKED_LISTPACK, true);
	assert_int_equal(
	    packed_feed(k, "\x0b\0\0\0\xff\xff\x05\x01\x06\x01\xff", 11, &err),
	    0);
	assert_false(packed_claims(k, &n));
	assert_int_equal(packed_finish(k, &err), 0);
	assert_int_equal(packed_count(k), 2);
	packed_free(k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decodes_every_listpack_encoding),
	    cmocka_unit_test(decodes_every_ziplist_encoding),
	    cmocka_unit_test(decodes_intsets_of_every_width),
	    cmocka_unit_test(decodes_zipmaps_with_their_free_bytes),
	    cmocka_unit_test(strings_of_all_lengths_come_through),
	    cmocka_unit_test(refuses_listpacks_that_lie),
	    cmocka_unit_test(refuses_ziplists_that_lie),
	    cmocka_unit_test(refuses_intsets_and_zipmaps_that_lie),
	    cmocka_unit_test(passes_on_the_consumers_failure),
	    cmocka_unit_test(tells_the_heads_count_early_unless_it_is_unsure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

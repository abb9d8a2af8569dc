/* Whether one dump is a part of another, on dumps written by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "rdb/key_subset.h"
#include "rdb/rdb_reader.h"
#include "rdb/rdb_types.h"
#include "tests/sim/rdb_bytes.h"

#define MEMORY ((size_t)1 << 20)

static void
feed(struct buf *dump, struct rdb_visitor *v)
{
	struct rdb_reader *r = rdb_reader_new();
	struct err err = {0};

	rdb_end(dump);
	rdb_reader_add(r, v);
	if (rdb_reader_feed(r, dump->data, dump->len, &err) != 0 ||
	    rdb_reader_finish(r, &err) != 0)
		fail_msg("%s", err.text);
	rdb_reader_free(r);
	buf_release(dump);
}

static void
begin(struct buf *b)
{
	buf_init(b, (size_t)8 << 20);
	rdb_begin(b, "REDIS0011");
}

static void
put(struct buf *b, const char *name, const char *value)
{
	buf_addc(b, RDB_TYPE_STRING);
	rdb_put_string(b, name);
	rdb_put_string(b, value);
}

/* What is put into the part, beside a of the whole's a, b and "c" of db 2. */
static uint64_t
strangers_with(void (*more)(struct buf *))
{
	struct key_subset_opts opts = {.items = 10, .memory_max = MEMORY};
	struct key_subset *s = key_subset_new(&opts);
	struct buf part, whole;
	uint64_t n;

	assert_int_equal(key_subset_passes(s), 1);
	begin(&part);
	put(&part, "a", "1");
	more(&part);
	feed(&part, key_subset_part(s));
	begin(&whole);
	RAW(&whole, "\xf5");
	rdb_put_string(&whole, "#!lua name=lib");
	put(&whole, "a", "1");
	put(&whole, "b", "2");
	RAW(&whole, "\xfe\x02");
	put(&whole, "c", "3");
	feed(&whole, key_subset_whole(s));
	n = key_subset_strangers(s);
	key_subset_free(s);
	return n;
}

static void
nothing(struct buf *b)
{
	(void)b;
}

static void
all_else(struct buf *b)
{
	RAW(b, "\xf5");
	rdb_put_string(b, "#!lua name=lib");
	put(b, "b", "2");
	RAW(b, "\xfe\x02");
	put(b, "c", "3");
}

static void
a_part_is_told(void **state)
{
	(void)state;
	assert_int_equal(strangers_with(nothing), 0);
	assert_int_equal(strangers_with(all_else), 0);
}

static void
another_key(struct buf *b)
{
	put(b, "d", "1");
}

static void
another_value(struct buf *b)
{
	put(b, "b", "3");
}

static void
another_database(struct buf *b)
{
	RAW(b, "\xfe\x03");
	put(b, "c", "3");
}

static void
another_expiry(struct buf *b)
{
	RAW(b, "\xfc\0\0\0\0\1\0\0\0");
	put(b, "b", "2");
}

static void
another_kind(struct buf *b)
{
	buf_addc(b, RDB_TYPE_LIST);
	rdb_put_string(b, "b");
	rdb_put_len(b, 1);
	rdb_put_string(b, "2");
}

static void
another_library(struct buf *b)
{
	RAW(b, "\xf5");
	rdb_put_string(b, "#!lua name=lib ");
}

static void
all_that_makes_a_key_counts(void **state)
{
	(void)state;
	assert_int_equal(strangers_with(another_key), 1);
	assert_int_equal(strangers_with(another_value), 1);
	assert_int_equal(strangers_with(another_database), 1);
	assert_int_equal(strangers_with(another_expiry), 1);
	assert_int_equal(strangers_with(another_kind), 1);
	assert_int_equal(strangers_with(another_library), 1);
}

static void
put_many(struct buf *b, unsigned from, unsigned to)
{
	char name[16];

	for (unsigned i = from; i < to; i++) {
		snprintf(name, sizeof(name), "key:%u", i);
		put(b, name, "v");
	}
}

/* Strangers of all passes; from 0 to so many are of the whole. */
static uint64_t
in_passes(unsigned from, unsigned to, unsigned *passes)
{
	struct key_subset_opts opts = {.items = to - from};
	struct key_subset *s;
	struct buf part, whole;
	uint64_t n = 0;

	opts.memory_max = (size_t)32 << 10;
	s = key_subset_new(&opts);
	*passes = key_subset_passes(s);
	for (unsigned i = 0; i < *passes; i++) {
		key_subset_begin(s, i);
		begin(&part);
		put_many(&part, from, to);
		feed(&part, key_subset_part(s));
		begin(&whole);
		put_many(&whole, 0, 6000);
		feed(&whole, key_subset_whole(s));
		n += key_subset_strangers(s);
	}
	key_subset_free(s);
	return n;
}

static void
what_does_not_fit_into_memory_takes_passes(void **state)
{
	unsigned passes;

	(void)state;
	assert_int_equal(in_passes(0, 5000, &passes), 0);
	assert_true(passes > 4);
	assert_int_equal(in_passes(1003, 6003, &passes), 3);
	assert_true(passes > 4);
}

/* Somebody writes at the moment: what no room was made for is a stranger. */
static void
more_than_was_told_of_are_strangers(void **state)
{
	struct key_subset_opts opts = {.items = 10, .memory_max = MEMORY};
	struct key_subset *s = key_subset_new(&opts);
	struct buf b;

	(void)state;
	begin(&b);
	put_many(&b, 0, 3000);
	feed(&b, key_subset_part(s));
	begin(&b);
	put_many(&b, 0, 3000);
	feed(&b, key_subset_whole(s));
	assert_true(key_subset_strangers(s) > 1000);
	key_subset_free(s);
}

static void
what_the_whole_holds_twice_counts_once(void **state)
{
	struct key_subset_opts opts = {.items = 2, .memory_max = MEMORY};
	struct key_subset *s = key_subset_new(&opts);
	struct buf b;

	(void)state;
	begin(&b);
	put(&b, "a", "1");
	put(&b, "theirs", "2");
	feed(&b, key_subset_part(s));
	begin(&b);
	put(&b, "a", "1");
	put(&b, "a", "1");
	feed(&b, key_subset_whole(s));
	assert_int_equal(key_subset_strangers(s), 1);
	key_subset_free(s);
}

/* The one in database 0 alone, those with the prefix in all. */
static void
a_key_apart_does_not_count(void **state)
{
	struct key_subset_opts opts = {
	    .items = 2,
	    .memory_max = MEMORY,
	    .apart = "mark",
	    .apart_prefix = "temp:",
	};
	struct key_subset *s = key_subset_new(&opts);
	struct buf b;

	(void)state;
	begin(&b);
	put(&b, "mark", "1");
	put(&b, "marks", "1");
	put(&b, "temp:1", "1");
	RAW(&b, "\xfe\x02");
	put(&b, "temp:", "1");
	put(&b, "mark", "1");
	feed(&b, key_subset_part(s));
	begin(&b);
	feed(&b, key_subset_whole(s));
	assert_int_equal(key_subset_strangers(s), 2);
	key_subset_free(s);
}

/* A stream without groups; ever added, where the type tells it. */
static void
put_stream(struct buf *b, int type, unsigned added)
{
	buf_addc(b, (char)type);
	rdb_put_string(b, "x");
	rdb_put_stream_node(b);
	rdb_put_len(b, 2);
	rdb_put_len(b, 107);
	rdb_put_len(b, 2);
	if (type != RDB_TYPE_STREAM_LISTPACKS) {
		rdb_put_len(b, 100);
		rdb_put_len(b, 5);
		rdb_put_len(b, 0);
		rdb_put_len(b, 0);
		rdb_put_len(b, added);
	}
	rdb_put_len(b, 0);
}

static uint64_t
streams(int part_type, unsigned added, int whole_type)
{
	struct key_subset_opts opts = {
	    .items = 1,
	    .memory_max = MEMORY,
	    .types_seen = UINT32_C(1) << whole_type,
	};
	struct key_subset *s = key_subset_new(&opts);
	struct buf b;
	uint64_t n;

	begin(&b);
	put_stream(&b, part_type, added);
	feed(&b, key_subset_part(s));
	begin(&b);
	put_stream(&b, whole_type, 3);
	feed(&b, key_subset_whole(s));
	n = key_subset_strangers(s);
	key_subset_free(s);
	return n;
}

/* A server writes a stream that it was given in its own encoding. */
static void
a_streams_counters_count_where_both_have_them(void **state)
{
	(void)state;
	assert_int_equal(streams(RDB_TYPE_STREAM_LISTPACKS_2, 3,
			     RDB_TYPE_STREAM_LISTPACKS_2),
	    0);
	assert_int_equal(streams(RDB_TYPE_STREAM_LISTPACKS_2, 4,
			     RDB_TYPE_STREAM_LISTPACKS_2),
	    1);
	assert_int_equal(
	    streams(RDB_TYPE_STREAM_LISTPACKS_2, 4, RDB_TYPE_STREAM_LISTPACKS),
	    0);
	assert_int_equal(
	    streams(RDB_TYPE_STREAM_LISTPACKS, 0, RDB_TYPE_STREAM_LISTPACKS_2),
	    0);
}

static void
put_module(struct buf *b, unsigned char content)
{
	buf_addc(b, RDB_TYPE_MODULE_2);
	rdb_put_string(b, "m");
	RAW(b, "\x81\1\2\3\4\5\6\7\x08\x02");
	buf_addc(b, (char)content);
	buf_addc(b, 0);
}

static uint64_t
modules(unsigned char part, unsigned char whole)
{
	struct key_subset_opts opts = {.items = 1, .memory_max = MEMORY};
	struct key_subset *s = key_subset_new(&opts);
	struct buf b;
	uint64_t n;

	begin(&b);
	put_module(&b, part);
	feed(&b, key_subset_part(s));
	begin(&b);
	put_module(&b, whole);
	feed(&b, key_subset_whole(s));
	n = key_subset_strangers(s);
	key_subset_free(s);
	return n;
}

/* Rather taken for another than for the same. */
static void
a_module_values_bytes_count(void **state)
{
	(void)state;
	assert_int_equal(modules(1, 1), 0);
	assert_int_equal(modules(1, 2), 1);
}

/* A hash of a field that lasts and one that does not. */
static void
put_fields(struct buf *b, const char *goes)
{
	buf_addc(b, 24);
	rdb_put_string(b, "h");
	rdb_put_field_hash(b, 1795263537000, 2);
	rdb_put_field(b, -1, "lasts", "v");
	rdb_put_field(b, 0, goes, "x");
}

static uint64_t
fields(const char *part, const char *whole)
{
	struct key_subset_opts opts = {.items = 10, .memory_max = MEMORY};
	struct key_subset *s = key_subset_new(&opts);
	struct buf b;
	uint64_t n;

	begin(&b);
	put_fields(&b, part);
	feed(&b, key_subset_part(s));
	begin(&b);
	put_fields(&b, whole);
	feed(&b, key_subset_whole(s));
	n = key_subset_strangers(s);
	key_subset_free(s);
	return n;
}

static void
a_field_that_expires_counts(void **state)
{
	(void)state;
	assert_int_equal(fields("goes", "goes"), 0);
	assert_int_equal(fields("other", "goes"), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_part_is_told),
	    cmocka_unit_test(all_that_makes_a_key_counts),
	    cmocka_unit_test(what_does_not_fit_into_memory_takes_passes),
	    cmocka_unit_test(more_than_was_told_of_are_strangers),
	    cmocka_unit_test(what_the_whole_holds_twice_counts_once),
	    cmocka_unit_test(a_key_apart_does_not_count),
	    cmocka_unit_test(a_streams_counters_count_where_both_have_them),
	    cmocka_unit_test(a_module_values_bytes_count),
	    cmocka_unit_test(a_field_that_expires_counts),
	};

	return cmocka_run_group_tests_name("key_subset", tests, NULL, NULL);
}

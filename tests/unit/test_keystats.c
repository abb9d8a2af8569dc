/* Counts, the biggest keys and the prefixes of dumps written by hand. */
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
#include "rdb/keystats.h"
#include "rdb/mem_estimate.h"
#include "rdb/mem_size.h"
#include "tests/sim/rdb_bytes.h"

#define MANY_PREFIXES (KEYSTATS_PREFIXES_MAX + 50)

static void
put_key(struct buf *b, const char *name, size_t value_len)
{
	buf_addc(b, 0);
	rdb_put_string(b, name);
	rdb_put_len(b, value_len);
	for (size_t i = 0; i < value_len; i++)
		buf_addc(b, 'v');
}

struct ground {
	struct buf dump;
	struct keystats *stats; /* of it, once it was read */
};

static int
up(void **state)
{
	*state = xcalloc(1, sizeof(struct ground));
	return 0;
}

static int
down(void **state)
{
	struct ground *g = *state;

	keystats_free(g->stats);
	free(g);
	return 0;
}

static void
read_with(struct ground *g, const struct keystats_opts *opts,
    struct rdb_visitor *before)
{
	struct rdb_reader *reader = rdb_reader_new();
	struct err err = {0};

	keystats_free(g->stats);
	g->stats = keystats_new(opts);
	rdb_end(&g->dump);
	assert_false(g->dump.overflowed);
	if (before != NULL)
		rdb_reader_add(reader, before);
	rdb_reader_add(reader, keystats_visitor(g->stats));
	if (rdb_reader_feed(reader, g->dump.data, g->dump.len, &err) != 0 ||
	    rdb_reader_finish(reader, &err) != 0)
		fail_msg("%s", err.text);
	rdb_reader_free(reader);
	buf_release(&g->dump);
}

/* Ends the dump, reads it and releases it. */
static struct keystats *
read_dump(struct ground *g, const struct keystats_opts *opts)
{
	read_with(g, opts, NULL);
	return g->stats;
}

static void
an_empty_dump_has_nothing(void **state)
{
	const struct keystats_opts opts = {.biggest = 3, .prefixes = 3};
	struct keystats_count total;
	struct ground *g = *state;
	struct keystats *k;
	uint32_t db;
	size_t n;

	rdb_begin(&g->dump, "REDIS0011");
	k = read_dump(g, &opts);
	keystats_total(k, &total);
	assert_int_equal(total.keys, 0);
	assert_null(keystats_db(k, 0, &db));
	keystats_biggest(k, &n);
	assert_int_equal(n, 0);
	keystats_prefixes(k, &n);
	assert_int_equal(n, 0);
	assert_string_equal(keystats_version(k), "");
	assert_int_equal(keystats_functions(k), 0);
}

static void
keys_are_counted_by_database_and_kind(void **state)
{
	static const struct keystats_opts opts;
	struct keystats_count total, strings, lists;
	const struct keystats_count *of_db;
	struct ground *g = *state;
	struct keystats *k;
	uint32_t db;

	rdb_begin(&g->dump, "REDIS0011");
	RAW(&g->dump,
	    "\xfa\x09redis-ver\x05"
	    "7.2.4");
	RAW(&g->dump, "\xfe\x07");
	put_key(&g->dump, "abc", 10);
	RAW(&g->dump, "\xfe\x02");
	RAW(&g->dump, "\xfc\0\0\0\0\0\x01\0\0");
	put_key(&g->dump, "de", 5);
	RAW(&g->dump, "\x01\x01l\x02\x01x\x01y"); /* a list of two */
	k = read_dump(g, &opts);
	keystats_total(k, &total);
	keystats_kind(k, RDB_STRING, &strings);
	keystats_kind(k, RDB_LIST, &lists);
	assert_int_equal(total.keys, 3);
	assert_int_equal(total.expiring, 1);
	assert_int_equal(strings.keys, 2);
	/* Names of 3 and 2, values of 10 and 5, each with its length. */
	assert_int_equal(strings.bytes, 3 + 11 + 2 + 6);
	assert_int_equal(strings.elements, 2);
	assert_int_equal(lists.keys, 1);
	assert_int_equal(lists.elements, 2);
	assert_int_equal(total.bytes, strings.bytes + lists.bytes);
	of_db = keystats_db(k, 0, &db);
	assert_int_equal(db, 2);
	assert_int_equal(of_db->keys, 2);
	assert_int_equal(of_db->expiring, 1);
	of_db = keystats_db(k, 1, &db);
	assert_int_equal(db, 7);
	assert_int_equal(of_db->keys, 1);
	assert_null(keystats_db(k, 2, &db));
	assert_string_equal(keystats_version(k), "7.2.4");
}

static void
databases_over_the_limit_are_summed_up_in_the_last(void **state)
{
	static const struct keystats_opts opts;
	const struct keystats_count *c;
	struct ground *g = *state;
	struct keystats *k;
	uint64_t keys = 0;
	uint32_t db;

	rdb_begin(&g->dump, "REDIS0011");
	for (uint32_t i = 0; i < KEYSTATS_DBS_MAX + 3; i++) {
		buf_addc(&g->dump, (char)0xfe);
		rdb_put_len(&g->dump, i);
		put_key(&g->dump, "k", 1);
	}
	k = read_dump(g, &opts);
	for (size_t i = 0; (c = keystats_db(k, i, &db)) != NULL; i++)
		keys += c->keys;
	assert_int_equal(keys, KEYSTATS_DBS_MAX + 3);
	c = keystats_db(k, KEYSTATS_DBS_MAX - 1, &db);
	assert_int_equal(db, KEYSTATS_DBS_MAX - 1);
	assert_int_equal(c->keys, 4);
}

static void
the_biggest_are_kept_and_told_in_order(void **state)
{
	const struct keystats_opts opts = {.biggest = 4};
	const struct big_key *big;
	struct ground *g = *state;
	struct keystats *k;
	char name[32];
	size_t n;

	rdb_begin(&g->dump, "REDIS0011");
	RAW(&g->dump, "\xfe\x03");
	for (size_t i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "key%02zu", i * 37 % 100);
		put_key(&g->dump, name, i * 37 % 100);
	}
	k = read_dump(g, &opts);
	big = keystats_biggest(k, &n);
	assert_int_equal(n, 4);
	for (size_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "key%02zu", 99 - i);
		assert_string_equal(big[i].name, name);
		assert_int_equal(big[i].db, 3);
		assert_int_equal(big[i].kind, RDB_STRING);
		assert_int_equal(big[i].expires_ms, RDB_NO_EXPIRY);
		if (i > 0)
			assert_true(big[i].bytes < big[i - 1].bytes);
	}
	/* Asked again, it is the same. */
	big = keystats_biggest(k, &n);
	assert_string_equal(big[0].name, "key99");
}

static void
fewer_keys_than_asked_for_are_all_told(void **state)
{
	const struct keystats_opts opts = {.biggest = 4};
	const struct big_key *big;
	struct ground *g = *state;
	struct keystats *k;
	size_t n;

	rdb_begin(&g->dump, "REDIS0011");
	put_key(&g->dump, "small", 1);
	put_key(&g->dump, "\x01 odd\xff", 20);
	k = read_dump(g, &opts);
	big = keystats_biggest(k, &n);
	assert_int_equal(n, 2);
	assert_string_equal(big[0].name, "\\x01 odd\\xff");
	assert_string_equal(big[1].name, "small");
}

static void
prefixes_are_summed_up_and_the_rest_told_together(void **state)
{
	const struct keystats_opts opts = {.prefixes = 2};
	const struct keystats_prefix *p;
	struct ground *g = *state;
	struct keystats *k;
	size_t n;

	rdb_begin(&g->dump, "REDIS0011");
	put_key(&g->dump, "user:1:name", 50);
	put_key(&g->dump, "user:2", 50);
	put_key(&g->dump, "cart:1", 20);
	put_key(&g->dump, "plain", 3);
	put_key(&g->dump, "log:", 2);
	k = read_dump(g, &opts);
	p = keystats_prefixes(k, &n);
	assert_int_equal(n, 3);
	assert_string_equal(p[0].prefix, "user:");
	assert_int_equal(p[0].count.keys, 2);
	assert_string_equal(p[1].prefix, "cart:");
	assert_string_equal(p[2].prefix, "(others)");
	assert_int_equal(p[2].count.keys, 2);
}

static void
the_separator_is_the_callers(void **state)
{
	const struct keystats_opts opts = {.prefixes = 9, .separator = '/'};
	const struct keystats_prefix *p;
	struct ground *g = *state;
	struct keystats *k;
	size_t n;

	rdb_begin(&g->dump, "REDIS0011");
	put_key(&g->dump, "a/b:c", 50);
	put_key(&g->dump, "a:b", 1);
	put_key(&g->dump, "", 1);
	k = read_dump(g, &opts);
	p = keystats_prefixes(k, &n);
	assert_int_equal(n, 2);
	assert_string_equal(p[0].prefix, "a/");
	assert_string_equal(p[1].prefix, "");
	assert_int_equal(p[1].count.keys, 2);
}

static void
prefixes_over_the_limit_are_summed_up(void **state)
{
	const struct keystats_opts opts = {.prefixes = MANY_PREFIXES};
	const struct keystats_prefix *p;
	uint64_t keys = 0;
	struct ground *g = *state;
	struct keystats *k;
	char name[32];
	size_t n;

	rdb_begin(&g->dump, "REDIS0011");
	for (unsigned i = 0; i < MANY_PREFIXES; i++) {
		snprintf(name, sizeof(name), "p%u:x", i);
		put_key(&g->dump, name, 1);
	}
	k = read_dump(g, &opts);
	p = keystats_prefixes(k, &n);
	assert_int_equal(n, KEYSTATS_PREFIXES_MAX + 1);
	for (size_t i = 0; i < n; i++)
		keys += p[i].count.keys;
	assert_int_equal(keys, MANY_PREFIXES);
	assert_string_equal(p[n - 1].prefix, "(others)");
	assert_int_equal(p[n - 1].count.keys, 50);
}

/* A list of three words, which takes more memory than a string of 100. */
static void
put_list(struct buf *b, const char *name)
{
	buf_addc(b, 1);
	rdb_put_string(b, name);
	RAW(b, "\x03\x01x\x01y\x01z");
}

static void
what_takes_most_memory_comes_first(void **state)
{
	struct mem_estimate *memory = mem_estimate_new(MEM_QUANTUM_REDIS);
	const struct keystats_opts opts = {
	    .biggest = 2, .prefixes = 1, .memory = memory};
	const struct keystats_prefix *p;
	const struct big_key *big;
	struct keystats_count total, lists;
	struct ground *g = *state;
	struct keystats *k;
	size_t n;

	rdb_begin(&g->dump, "REDIS0003");
	put_key(&g->dump, "text:1", 30);
	put_list(&g->dump, "list:1");
	put_key(&g->dump, "text:2", 30);
	put_list(&g->dump, "list:2");
	read_with(g, &opts, mem_estimate_visitor(memory));
	k = g->stats;
	big = keystats_biggest(k, &n);
	assert_int_equal(n, 2);
	assert_string_equal(big[0].name, "list:1");
	assert_string_equal(big[1].name, "list:2");
	assert_true(big[0].memory > big[0].bytes);
	p = keystats_prefixes(k, &n);
	assert_int_equal(n, 2);
	assert_string_equal(p[0].prefix, "list:");
	assert_int_equal(p[0].count.memory, big[0].memory + big[1].memory);
	keystats_total(k, &total);
	keystats_kind(k, RDB_LIST, &lists);
	assert_int_equal(lists.memory, p[0].count.memory);
	assert_int_equal(total.memory, lists.memory + p[1].count.memory);
	assert_true(p[1].count.bytes > p[0].count.bytes);
	mem_estimate_free(memory);
}

/* Their bytes are kept with room for what is shown. */
static void
a_long_name_is_cut(void **state)
{
	const struct keystats_opts opts = {.biggest = 1};
	const struct big_key *big;
	char name[RDB_KEY_SHOWN_MAX + 40];
	struct ground *g = *state;
	struct keystats *k;
	size_t n;

	memset(name, 'n', sizeof(name) - 1);
	for (size_t len = RDB_KEY_SHOWN_MAX; len < sizeof(name); len++) {
		bool cut = len > RDB_KEY_SHOWN_MAX;

		name[len] = '\0';
		rdb_begin(&g->dump, "REDIS0011");
		put_key(&g->dump, name, 1);
		k = read_dump(g, &opts);
		big = keystats_biggest(k, &n);
		assert_int_equal(strlen(big[0].name), RDB_KEY_SHOWN_MAX);
		assert_int_equal(
		    strcmp(big[0].name + RDB_KEY_SHOWN_MAX - 3, "...") == 0,
		    cut);
		name[len] = 'n';
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(an_empty_dump_has_nothing),
	    TEST(keys_are_counted_by_database_and_kind),
	    TEST(databases_over_the_limit_are_summed_up_in_the_last),
	    TEST(the_biggest_are_kept_and_told_in_order),
	    TEST(fewer_keys_than_asked_for_are_all_told),
	    TEST(prefixes_are_summed_up_and_the_rest_told_together),
	    TEST(the_separator_is_the_callers),
	    TEST(prefixes_over_the_limit_are_summed_up),
	    TEST(what_takes_most_memory_comes_first),
	    TEST(a_long_name_is_cut),
	};

	return cmocka_run_group_tests_name("keystats", tests, NULL, NULL);
}

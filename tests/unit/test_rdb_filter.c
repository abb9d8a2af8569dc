/* What of a dump goes into the part that a filter takes, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/budget.h"
#include "base/buf.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/fingerprint.h"
#include "rdb/key_filter.h"
#include "rdb/rdb_filter.h"
#include "rdb/rdb_pick.h"
#include "rdb/rdb_reader.h"
#include "rdb/redis_conn.h"
#include "tests/sim/catcher.h"
#include "tests/sim/rdb_bytes.h"
#include "tests/sim/real_redis.h"
#include "tests/sim/redis_data.h"

#define DUMP_MAX ((size_t)8 << 20)

struct part {
	struct key_filter *filter;
	struct budget *budget; /* of a single chunk */
	struct catcher out;
	struct rdb_left_out left_out;
	struct err err;
};

static void
part_init(struct part *p, enum key_rule rule, const char *text)
{
	*p = (struct part){.filter = key_filter_new()};
	assert_int_equal(key_filter_add(p->filter, rule, text, &p->err), 0);
	p->budget = budget_new(CHUNK_SIZE);
	catcher_init(&p->out);
}

static void
part_release(struct part *p)
{
	assert_int_equal(budget_left(p->budget), CHUNK_SIZE);
	budget_free(p->budget);
	key_filter_free(p->filter);
	catcher_release(&p->out);
}

/* The dump in pieces of at most step bytes. */
static int
take(struct part *p, const struct buf *dump, size_t step)
{
	struct scope scope = scope_root(NULL);
	struct rdb_filter_opts opts = {
	    .filter = p->filter, .at_ms = 1000, .budget = p->budget};
	struct rdb_filter *f = rdb_filter_new(&p->out.base, &scope, &opts);
	struct rdb_reader *r = rdb_reader_new();
	int rc = 0;

	rdb_reader_add(r, rdb_filter_visitor(f));
	for (size_t at = 0; rc == 0 && at < dump->len; at += step) {
		size_t n = dump->len - at < step ? dump->len - at : step;

		rc = rdb_reader_feed(r, dump->data + at, n, &p->err);
	}
	if (rc == 0)
		rc = rdb_reader_finish(r, &p->err);
	if (rc == 0)
		rc = rdb_filter_finish(f, &p->err);
	p->left_out = *rdb_filter_left_out(f);
	rdb_reader_free(r);
	rdb_filter_free(f);
	return rc;
}

/* Whatever the pieces, of the dump the wanted one comes; both are released. */
static void
expect(enum key_rule rule, const char *text, struct buf *dump,
    struct buf *wanted, uint64_t left_out)
{
	static const size_t steps[] = {1, 7, DUMP_MAX};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct part p;

		part_init(&p, rule, text);
		if (take(&p, dump, steps[i]) != 0)
			fail_msg("%s", p.err.text);
		assert_int_equal(p.out.len, wanted->len);
		assert_memory_equal(p.out.data, wanted->data, wanted->len);
		assert_int_equal(p.left_out.keys, left_out);
		part_release(&p);
	}
	buf_release(dump);
	buf_release(wanted);
}

static void
put_aux(struct buf *b, const char *name, const char *value)
{
	RAW(b, "\xfa");
	rdb_put_string(b, name);
	rdb_put_string(b, value);
}

static void
put_key(struct buf *b, const char *name, const char *value)
{
	RAW(b, "\0");
	rdb_put_string(b, name);
	rdb_put_string(b, value);
}

static void
begin(struct buf *b, const char *header)
{
	rdb_begin(b, header);
	b->max = DUMP_MAX;
}

static void
what_stands_before_a_key_goes_with_it_or_stays(void **state)
{
	struct buf dump, wanted;

	(void)state;
	begin(&dump, "REDIS0011");
	RAW(&dump, "\xfe\x00\xfb\x03\x01");
	RAW(&dump, "\xf8\x40\x40");
	put_key(&dump, "drop:1", "v");
	put_key(&dump, "take:1", "v");
	RAW(&dump, "\xfc\x7b\xd8\xc3\x2c\xbb\x03\0\0\xf9\x07");
	put_key(&dump, "take:2", "w");
	RAW(&dump, "\xfe\x03\xfb\x01\x00");
	put_key(&dump, "drop:2", "v");
	RAW(&dump, "\xfe\x05\xf8\x05");
	put_key(&dump, "take:3", "x");
	rdb_end(&dump);

	begin(&wanted, "REDIS0011");
	RAW(&wanted, "\xfe\x00");
	put_key(&wanted, "take:1", "v");
	RAW(&wanted, "\xfc\x7b\xd8\xc3\x2c\xbb\x03\0\0\xf9\x07");
	put_key(&wanted, "take:2", "w");
	RAW(&wanted, "\xfe\x05\xf8\x05");
	put_key(&wanted, "take:3", "x");
	rdb_end(&wanted);
	expect(KEY_RULE_KEYS, "take:*", &dump, &wanted, 2);
}

/* A server that loads it would go on from that offset as a replica. */
static void
a_part_has_no_place_in_a_replication(void **state)
{
	struct buf dump, wanted;

	(void)state;
	begin(&dump, "REDIS0011");
	put_aux(&dump, "redis-ver", "7.2.4");
	put_aux(&dump, "repl-stream-db", "0");
	put_aux(&dump, "repl-id", "0123456789abcdef0123456789abcdef01234567");
	put_aux(&dump, "repl-offset", "14");
	put_aux(&dump, "aof-base", "0");
	rdb_end(&dump);
	begin(&wanted, "REDIS0011");
	put_aux(&wanted, "redis-ver", "7.2.4");
	put_aux(&wanted, "aof-base", "0");
	rdb_end(&wanted);
	expect(KEY_RULE_DBS, "0", &dump, &wanted, 0);
}

static void
functions_dump(struct buf *b, bool with)
{
	begin(b, "REDIS0011");
	if (with) {
		RAW(b, "\xf5");
		rdb_put_string(b, "#!lua name=l\n");
	}
	RAW(b, "\xfe\x00");
	put_key(b, "k", "v");
	rdb_end(b);
}

static void
libraries_are_taken_unless_they_are_not_wanted(void **state)
{
	struct buf dump, wanted;

	(void)state;
	functions_dump(&dump, true);
	functions_dump(&wanted, true);
	expect(KEY_RULE_DBS, "0", &dump, &wanted, 0);
	functions_dump(&dump, true);
	functions_dump(&wanted, false);
	expect(KEY_RULE_FUNCTIONS, "no", &dump, &wanted, 0);
}

/* With an hour to go from 2001-09-09, when it was made, and two. */
static void
ttls_are_counted_from_when_the_dump_was_made(void **state)
{
	struct buf dump, wanted;

	(void)state;
	begin(&dump, "REDIS0011");
	put_aux(&dump, "ctime", "1000000000");
	RAW(&dump, "\xfe\x00\xfc");
	rdb_put_le(&dump, UINT64_C(1000003600000), 8);
	put_key(&dump, "hour", "v");
	RAW(&dump, "\xfc");
	rdb_put_le(&dump, UINT64_C(1000007200000), 8);
	put_key(&dump, "two", "v");
	put_key(&dump, "ever", "v");
	rdb_end(&dump);
	begin(&wanted, "REDIS0011");
	put_aux(&wanted, "ctime", "1000000000");
	RAW(&wanted, "\xfe\x00\xfc");
	rdb_put_le(&wanted, UINT64_C(1000003600000), 8);
	put_key(&wanted, "hour", "v");
	rdb_end(&wanted);
	expect(KEY_RULE_TTL, "..1h", &dump, &wanted, 2);
}

/* Its end has no CRC64, its expiries have seconds; the part's have both. */
static void
an_old_dump_becomes_one_with_a_checksum(void **state)
{
	struct buf dump, wanted;

	(void)state;
	begin(&dump, "REDIS0003");
	RAW(&dump, "\xfe\x00\xfd");
	rdb_put_le(&dump, 2000000000, 4);
	put_key(&dump, "k", "v");
	rdb_end(&dump);
	begin(&wanted, "REDIS0005");
	RAW(&wanted, "\xfe\x00\xfc");
	rdb_put_le(&wanted, UINT64_C(2000000000000), 8);
	put_key(&wanted, "k", "v");
	rdb_end(&wanted);
	expect(KEY_RULE_DBS, "0", &dump, &wanted, 0);
}

static void
nothing_taken_is_a_dump_too(void **state)
{
	struct buf dump, wanted;

	(void)state;
	begin(&dump, "VALKEY080");
	RAW(&dump, "\xfe\x00");
	put_key(&dump, "k", "v");
	rdb_end(&dump);
	begin(&wanted, "VALKEY080");
	rdb_end(&wanted);
	expect(KEY_RULE_TYPES, "stream", &dump, &wanted, 1);
}

static void
big_values(struct buf *dump)
{
	char *value = xcalloc(1, 3000001);

	memset(value, 'x', 3000000);
	begin(dump, "REDIS0011");
	RAW(dump, "\xfe\x00");
	put_key(dump, "a", value);
	put_key(dump, "b", value);
	rdb_end(dump);
	free(value);
}

/* The budget has one chunk. */
static void
a_value_of_any_size_takes_one_chunk(void **state)
{
	struct buf dump;
	struct part p;

	(void)state;
	big_values(&dump);
	part_init(&p, KEY_RULE_KEYS, "b");
	if (take(&p, &dump, 65536) != 0)
		fail_msg("%s", p.err.text);
	assert_in_range(p.out.len, 3000000, 3000100);
	assert_int_equal(p.left_out.keys, 1);
	part_release(&p);
	buf_release(&dump);
}

static void
read_into(struct rdb_visitor *v, const void *dump, size_t len)
{
	struct rdb_reader *r = rdb_reader_new();
	struct err err = {0};

	rdb_reader_add(r, v);
	if (rdb_reader_feed(r, dump, len, &err) != 0 ||
	    rdb_reader_finish(r, &err) != 0)
		fail_msg("%s", err.text);
	rdb_reader_free(r);
}

/* By rdb_pick; the way of a restore. */
static void
what_is_picked_is_what_is_written(
    enum key_rule rule, const char *text, const void *dump, size_t len)
{
	struct buf whole = {.data = (char *)(uintptr_t)dump, .len = len};
	struct fingerprint *picked = fingerprint_new(0);
	struct fingerprint *written = fingerprint_new(0);
	char a[33], b[33];
	struct rdb_pick *pick;
	struct part p;

	part_init(&p, rule, text);
	pick = rdb_pick_new(fingerprint_visitor(picked), p.filter, 1000);
	read_into(rdb_pick_visitor(pick), dump, len);
	rdb_pick_free(pick);
	if (take(&p, &whole, 100000) != 0)
		fail_msg("%s", p.err.text);
	assert_true(p.left_out.keys > 0 || rule == KEY_RULE_FUNCTIONS);
	read_into(fingerprint_visitor(written), p.out.data, p.out.len);
	fingerprint_text(picked, a);
	fingerprint_text(written, b);
	assert_string_equal(a, b);
	assert_int_equal(
	    fingerprint_functions(picked), fingerprint_functions(written));
	fingerprint_free(picked);
	fingerprint_free(written);
	part_release(&p);
}

/* Of a real server's keys, in every type and encoding. */
static void
both_ways_take_the_same_part(void **state)
{
	static const char *const args[] = {REDIS_DATA_DEBUG, NULL};
	const struct real_redis_opts opts = {.args = args};
	struct real_redis *server = real_redis_start(&opts);
	struct redis_conn *conn = redis_data_connect(server, NULL);
	unsigned char *dump;
	size_t len;

	(void)state;
	redis_data_fill(conn, 1000);
	dump = redis_data_dump(server, conn, &len);
	for (int k = 0; k < RDB_MODULE; k++) {
		const char *type = rdb_kind_name((enum rdb_kind)k);

		what_is_picked_is_what_is_written(
		    KEY_RULE_TYPES, type, dump, len);
		what_is_picked_is_what_is_written(
		    KEY_RULE_NOT_TYPES, type, dump, len);
	}
	what_is_picked_is_what_is_written(KEY_RULE_TTL, "with", dump, len);
	what_is_picked_is_what_is_written(KEY_RULE_KEYS, "*1*", dump, len);
	what_is_picked_is_what_is_written(KEY_RULE_FUNCTIONS, "no", dump, len);
	free(dump);
	redis_conn_free(conn);
	real_redis_stop(server);
}

static void
a_sink_that_fails_ends_it(void **state)
{
	struct buf dump;

	(void)state;
	big_values(&dump);
	for (unsigned at = 1; at <= 6; at++) {
		struct part p;

		part_init(&p, KEY_RULE_DBS, "0");
		p.out.fail_at = at;
		assert_int_equal(take(&p, &dump, 65536), -1);
		assert_int_not_equal(p.err.kind, ERR_CORRUPT);
		part_release(&p);
	}
	buf_release(&dump);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_stands_before_a_key_goes_with_it_or_stays),
	    cmocka_unit_test(a_part_has_no_place_in_a_replication),
	    cmocka_unit_test(libraries_are_taken_unless_they_are_not_wanted),
	    cmocka_unit_test(ttls_are_counted_from_when_the_dump_was_made),
	    cmocka_unit_test(an_old_dump_becomes_one_with_a_checksum),
	    cmocka_unit_test(nothing_taken_is_a_dump_too),
	    cmocka_unit_test(a_value_of_any_size_takes_one_chunk),
	    cmocka_unit_test(both_ways_take_the_same_part),
	    cmocka_unit_test(a_sink_that_fails_ends_it),
	};

	return cmocka_run_group_tests_name("rdb_filter", tests, NULL, NULL);
}

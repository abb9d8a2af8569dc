/*
 * A file that was read and written again holds the same, for our reader and
 * for redis-server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/budget.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/sink.h"
#include "rdb/fingerprint.h"
#include "rdb/rdb_reader.h"
#include "rdb/rdb_writer.h"
#include "rdb/redis_conn.h"
#include "tests/sim/catcher.h"
#include "tests/sim/real_redis.h"
#include "tests/sim/redis_data.h"

/* A visitor that writes all it is told; and where that comes out. */
struct copier {
	struct rdb_visitor visitor;
	struct rdb_writer *writer;
	struct budget *budget;
	struct scope scope;
	struct catcher out;
	struct err err;
};

static int
copy_function(struct rdb_visitor *v, const unsigned char *source, size_t len,
    struct err *err)
{
	return rdb_writer_function(
	    ((struct copier *)v)->writer, source, len, err);
}

static int
copy_key(struct rdb_visitor *v, const struct rdb_key *k, struct err *err)
{
	return rdb_writer_key(((struct copier *)v)->writer, k, err);
}

static int
copy_raw(struct rdb_visitor *v, const unsigned char *data, size_t len,
    struct err *err)
{
	return rdb_writer_value(((struct copier *)v)->writer, data, len, err);
}

static const struct rdb_visitor_ops copy_ops = {
    .function = copy_function, .key_begin = copy_key, .raw = copy_raw};

static void
copier_init(struct copier *c, int version, bool valkey)
{
	struct rdb_writer_opts opts = {.version = version, .valkey = valkey};

	*c = (struct copier){.visitor.ops = &copy_ops};
	c->scope = scope_root(NULL);
	catcher_init(&c->out);
	c->budget = opts.budget = budget_new(CHUNK_SIZE);
	c->writer = rdb_writer_new(&c->out.base, &c->scope, &opts);
}

static void
copier_release(struct copier *c)
{
	rdb_writer_free(c->writer);
	catcher_release(&c->out);
	assert_int_equal(budget_left(c->budget), CHUNK_SIZE);
	budget_free(c->budget);
}

/* All of the dump, written again. */
static void
copy(struct copier *c, const unsigned char *dump, size_t len)
{
	struct rdb_reader *r = rdb_reader_new();

	rdb_reader_add(r, &c->visitor);
	if (rdb_reader_feed(r, dump, len, &c->err) != 0 ||
	    rdb_reader_finish(r, &c->err) != 0 ||
	    rdb_writer_finish(c->writer, &c->err) != 0)
		fail_msg("%s", c->err.text);
	rdb_reader_free(r);
	assert_int_equal(rdb_writer_bytes(c->writer), c->out.len);
}

static void
fingerprint_of(const unsigned char *dump, size_t len, char out[33])
{
	struct fingerprint *f = fingerprint_new(0);
	struct rdb_reader *r = rdb_reader_new();
	struct err err = {0};

	rdb_reader_add(r, fingerprint_visitor(f));
	if (rdb_reader_feed(r, dump, len, &err) != 0 ||
	    rdb_reader_finish(r, &err) != 0)
		fail_msg("%s", err.text);
	fingerprint_text(f, out);
	rdb_reader_free(r);
	fingerprint_free(f);
}

/* Over several chunks, every type and encoding, functions, databases. */
static void
redis_server_loads_what_was_written(void **state)
{
	static const char *const args[] = {REDIS_DATA_DEBUG, NULL};
	const struct real_redis_opts opts = {.args = args};
	struct real_redis *server = real_redis_start(&opts);
	struct redis_conn *conn = redis_data_connect(server, NULL);
	unsigned char *dump;
	char *before, *after;
	char ours[33], theirs[33], path[512];
	struct copier c;
	size_t len;
	FILE *f;

	(void)state;
	redis_data_fill(conn, 30000);
	redis_data_do(conn, "SETRANGE big 3000000 x");
	before = redis_data_digest(conn);
	dump = redis_data_dump(server, conn, &len);
	copier_init(&c, 10, false);
	assert_int_equal(rdb_writer_aux(c.writer, "made-by", "us", &c.err), 0);
	copy(&c, dump, len);
	assert_true(c.out.writes > 1);
	fingerprint_of(dump, len, theirs);
	fingerprint_of(c.out.data, c.out.len, ours);
	assert_string_equal(ours, theirs);

	snprintf(path, sizeof(path), "%s/dump.rdb", real_redis_dir(server));
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(c.out.data, 1, c.out.len, f), c.out.len);
	assert_int_equal(fclose(f), 0);
	redis_data_do(conn, "FUNCTION FLUSH");
	redis_data_do(conn, "DEBUG RELOAD NOSAVE");
	after = redis_data_digest(conn);
	assert_string_equal(after, before);

	free(before);
	free(after);
	free(dump);
	copier_release(&c);
	redis_conn_free(conn);
	real_redis_stop(server);
}

/* What redis-server did not write, and all that stands before a key. */
static void
idle_time_frequency_and_expiry_go_along(void **state)
{
	struct rdb_key keys[] = {
	    {.db = 0, .expires_ms = RDB_NO_EXPIRY, .idle_s = 70000, .lfu = -1},
	    {.db = 0,
		.expires_ms = INT64_C(4102444800123),
		.idle_s = -1,
		.lfu = 255},
	    {.db = 9, .expires_ms = INT64_C(1), .idle_s = 63, .lfu = 0},
	};
	static const unsigned char wanted[] =
	    "REDIS0012"
	    "\xfe\0\xf8\x80\0\x01\x11\x70\0\x01"
	    "a\x01x"
	    "\xfc\x7b\xd8\xc3\x2c\xbb\x03\0\0\xf9\xff\0\x01"
	    "b\x01x"
	    "\xfe\x09\xfc\x01\0\0\0\0\0\0\0\xf8\x3f\xf9\0\0\x01"
	    "c\x01x"
	    "\xff";
	struct copier c;
	struct rdb_reader *r;

	(void)state;
	copier_init(&c, 12, false);
	for (int i = 0; i < 3; i++) {
		keys[i].name = (const unsigned char *)"abc" + i;
		keys[i].name_len = 1;
		assert_int_equal(rdb_writer_key(c.writer, &keys[i], &c.err), 0);
		assert_int_equal(
		    rdb_writer_value(c.writer, "\x01x", 2, &c.err), 0);
	}
	assert_int_equal(rdb_writer_finish(c.writer, &c.err), 0);
	assert_int_equal(c.out.len, sizeof(wanted) - 1 + 8);
	assert_memory_equal(c.out.data, wanted, sizeof(wanted) - 1);
	assert_false(c.out.finished);
	r = rdb_reader_new();
	assert_int_equal(rdb_reader_feed(r, c.out.data, c.out.len, &c.err), 0);
	assert_int_equal(rdb_reader_finish(r, &c.err), 0);
	rdb_reader_free(r);
	copier_release(&c);
}

static void
lengths_are_written_as_short_as_they_can_be(void **state)
{
	static const size_t lens[] = {
	    0, 1, 63, 64, 16383, 16384, CHUNK_SIZE - 20, 3 * CHUNK_SIZE};
	unsigned char *bytes = calloc(1, 3 * CHUNK_SIZE);

	(void)state;
	assert_non_null(bytes);
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		size_t head = lens[i] < 64 ? 1 : lens[i] < 16384 ? 2 : 5;
		struct rdb_key k = {.expires_ms = RDB_NO_EXPIRY,
		    .idle_s = -1,
		    .lfu = -1,
		    .name = bytes,
		    .name_len = lens[i]};
		struct rdb_reader *r = rdb_reader_new();
		struct copier c;

		copier_init(&c, 9, false);
		assert_int_equal(rdb_writer_key(c.writer, &k, &c.err), 0);
		assert_int_equal(
		    rdb_writer_value(c.writer, "\0", 1, &c.err), 0);
		assert_int_equal(rdb_writer_finish(c.writer, &c.err), 0);
		assert_int_equal(
		    c.out.len, 9 + 2 + 1 + head + lens[i] + 1 + 1 + 8);
		assert_int_equal(
		    rdb_reader_feed(r, c.out.data, c.out.len, &c.err), 0);
		assert_int_equal(rdb_reader_finish(r, &c.err), 0);
		rdb_reader_free(r);
		copier_release(&c);
	}
	free(bytes);
}

static void
the_family_is_in_the_header(void **state)
{
	static const struct {
		int version;
		bool valkey;
		const char *head;
	} cases[] = {{6, false, "REDIS0006"}, {11, true, "REDIS0011"},
	    {80, true, "VALKEY080"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct copier c;

		copier_init(&c, cases[i].version, cases[i].valkey);
		assert_int_equal(rdb_writer_finish(c.writer, &c.err), 0);
		assert_int_equal(c.out.len, 18);
		assert_memory_equal(c.out.data, cases[i].head, 9);
		copier_release(&c);
	}
}

static void
a_sink_that_fails_is_told(void **state)
{
	struct rdb_key k = {.expires_ms = RDB_NO_EXPIRY,
	    .idle_s = -1,
	    .lfu = -1,
	    .name = (const unsigned char *)"k",
	    .name_len = 1};
	struct copier c;

	(void)state;
	copier_init(&c, 10, false);
	c.out.fail_at = 1;
	assert_int_equal(rdb_writer_key(c.writer, &k, &c.err), 0);
	assert_int_equal(rdb_writer_value(c.writer, "\0", 1, &c.err), 0);
	assert_int_equal(rdb_writer_finish(c.writer, &c.err), -1);
	assert_string_equal(c.err.text, "write 1");
	copier_release(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(redis_server_loads_what_was_written),
	    cmocka_unit_test(idle_time_frequency_and_expiry_go_along),
	    cmocka_unit_test(lengths_are_written_as_short_as_they_can_be),
	    cmocka_unit_test(the_family_is_in_the_header),
	    cmocka_unit_test(a_sink_that_fails_is_told),
	};

	return cmocka_run_group_tests_name("rdb_writer", tests, NULL, NULL);
}

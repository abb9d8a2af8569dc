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
#include "base/xalloc.h"
#include "rdb/rdb_reader.h"
#include "tests/sim/real_redis.h"
#include "tests/sim/witness.h"

/*
 * A dump that a real redis-server made, compared with what the server itself
 * says of each key: its DUMP payload, its expiry, its number of elements.
 */
#define DUMP_MAX  ((size_t)64 << 20)
#define KEYS_MANY 500

struct fixture {
	struct real_redis *server;
	redisContext *redis;
};

static void
fill_collections(redisContext *c, const char *name, int n, int width)
{
	for (int i = 0; i < n; i++) {
		char text[256];

		snprintf(text, sizeof(text), "%0*d", width, i);
		freeReplyObject(
		    witness_ask(c, "RPUSH list:%s m:%s", name, text));
		freeReplyObject(witness_ask(c, "SADD set:%s m:%s", name, text));
		freeReplyObject(
		    witness_ask(c, "HSET hash:%s f%d %s", name, i, text));
		freeReplyObject(
		    witness_ask(c, "ZADD zset:%s %d.25 m:%s", name, i, text));
		freeReplyObject(
		    witness_ask(c, "SADD ints:%s %d", name, i * 1000));
		freeReplyObject(witness_ask(c, "XADD stream:%s %d-1 a %d %s %s",
		    name, i + 1, i, i % 3 ? "b" : "c", text));
	}
}

static void
fill_streams(redisContext *c)
{
	witness_do(c, "XDEL stream:small 2-1 5-1");
	witness_do(c, "XGROUP CREATE stream:small g1 0");
	witness_do(c, "XGROUP CREATE stream:small g2 3-1");
	witness_do(
	    c, "XREADGROUP GROUP g1 alice COUNT 3 STREAMS stream:small >");
	witness_do(c, "XREADGROUP GROUP g1 bob COUNT 2 STREAMS stream:small >");
	witness_do(c, "XACK stream:small g1 1-1");
	witness_do(c, "XGROUP CREATECONSUMER stream:small g2 carol");
	witness_do(c, "XADD empty 1-1 a b");
	witness_do(c, "XDEL empty 1-1");
}

static void
fill(redisContext *c)
{
	static char big[300000];

	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)('a' + (i * i >> 7) % 26);
	fill_collections(c, "small", 10, 3);
	fill_collections(c, "wide", 10, 100);
	fill_collections(c, "many", KEYS_MANY, 8);
	witness_do(c, "CONFIG SET list-max-listpack-size 4");
	witness_do(c, "CONFIG SET list-compress-depth 1");
	fill_collections(c, "nodes", 40, 60);
	fill_streams(c);
	freeReplyObject(witness_ask(c, "SET str:big %b", big, sizeof(big)));
	freeReplyObject(
	    witness_ask(c, "RPUSH list:plain a %b z", big, (size_t)9000));
	freeReplyObject(witness_ask(
	    c, "SET %b %b", "bin\0\xff", (size_t)5, "\0\1", (size_t)2));
	witness_do(c,
	    "MSET int:8 -100 int:16 30000 int:32 -2000000000 "
	    "int:64 9000000000000000000");
	freeReplyObject(witness_ask(c, "SET empty_string %s", ""));
	witness_do(c, "SET ttl x PX 100000000");
	witness_do(c, "PEXPIREAT list:small 4102444800123");
	witness_do(c, "ZADD scores -inf a +inf b 1e-300 c 0.1 d 12345678901 e");
	witness_do(c, "SELECT 9");
	fill_collections(c, "small", 5, 5);
	witness_do(c, "SELECT 0");
	freeReplyObject(witness_ask(c, "FUNCTION LOAD %s",
	    "#!lua name=lib\nredis.register_function('f', function() return 1 "
	    "end)"));
}

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->server = real_redis_start(NULL);
	f->redis = witness_connect(f->server);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	redisFree(f->redis);
	real_redis_stop(f->server);
	free(f);
	return 0;
}

static char *
save(struct fixture *f, size_t *len)
{
	char path[512];
	char *data = xmalloc(DUMP_MAX);
	FILE *file;

	witness_do(f->redis, "SAVE");
	snprintf(path, sizeof(path), "%s/dump.rdb", real_redis_dir(f->server));
	file = fopen(path, "rb");
	if (file == NULL)
		fail_msg("%s was not saved", path);
	*len = fread(data, 1, DUMP_MAX, file);
	fclose(file);
	return data;
}

/* Asks the server about each key as it is read. */
struct comparer {
	struct rdb_visitor visitor;
	redisContext *redis;
	struct buf name, payload;
	enum rdb_kind kind;
	int64_t expires_ms;
	uint64_t keys[16]; /* by database */
	uint64_t functions, pieces, fields, pending;
	uint64_t hinted;
};

static int
compare_begin(struct rdb_visitor *v, const struct rdb_key *key, struct err *err)
{
	struct comparer *c = (struct comparer *)v;

	(void)err;
	c->keys[key->db]++;
	c->kind = key->kind;
	c->expires_ms = key->expires_ms;
	buf_truncate(&c->name, 0);
	buf_add(&c->name, key->name, key->name_len);
	buf_truncate(&c->payload, 0);
	buf_addc(&c->payload, (char)key->type);
	freeReplyObject(witness_ask(c->redis, "SELECT %d", (int)key->db));
	return 0;
}

static int
compare_raw(
    struct rdb_visitor *v, const unsigned char *p, size_t n, struct err *err)
{
	(void)err;
	buf_add(&((struct comparer *)v)->payload, p, n);
	return 0;
}

static int
compare_piece(struct rdb_visitor *v, enum rdb_part part, const unsigned char *p,
    size_t n, bool last, struct err *err)
{
	(void)part;
	(void)p;
	(void)n;
	(void)last;
	(void)err;
	((struct comparer *)v)->pieces++;
	return 0;
}

static int
compare_entry(struct rdb_visitor *v, struct rdb_stream_id id, uint64_t fields,
    struct err *err)
{
	(void)id;
	(void)err;
	((struct comparer *)v)->fields += fields;
	return 0;
}

static int
compare_fact(struct rdb_visitor *v, enum rdb_stream_fact fact,
    struct rdb_stream_id id, uint64_t n, int64_t ms, struct err *err)
{
	(void)id;
	(void)n;
	(void)ms;
	(void)err;
	((struct comparer *)v)->pending += fact == RDB_STREAM_PENDING;
	return 0;
}

static int
compare_end(struct rdb_visitor *v, uint64_t raw_bytes, uint64_t elements,
    struct err *err)
{
	static const char *const commands[RDB_KINDS] = {
	    [RDB_STRING] = "EXISTS",
	    [RDB_LIST] = "LLEN",
	    [RDB_SET] = "SCARD",
	    [RDB_ZSET] = "ZCARD",
	    [RDB_HASH] = "HLEN",
	    [RDB_STREAM] = "XLEN",
	};
	struct comparer *c = (struct comparer *)v;
	redisReply *dump = witness_ask(
	    c->redis, "DUMP %b", c->name.data, c->name.len);
	redisReply *count = witness_ask(
	    c->redis, "%s %b", commands[c->kind], c->name.data, c->name.len);
	redisReply *expiry = witness_ask(
	    c->redis, "PEXPIRETIME %b", c->name.data, c->name.len);

	(void)err;
	assert_int_equal(c->payload.len, raw_bytes + 1);
	assert_int_equal(dump->len, c->payload.len + 10);
	assert_memory_equal(dump->str, c->payload.data, c->payload.len);
	assert_int_equal(count->integer, elements);
	assert_int_equal(expiry->integer, c->expires_ms);
	freeReplyObject(expiry);
	freeReplyObject(count);
	freeReplyObject(dump);
	return 0;
}

static int
compare_function(
    struct rdb_visitor *v, const unsigned char *p, size_t n, struct err *err)
{
	(void)err;
	assert_true(n > 10 && memcmp(p, "#!lua name", 10) == 0);
	((struct comparer *)v)->functions++;
	return 0;
}

static int
compare_resize(struct rdb_visitor *v, uint32_t db, uint64_t keys,
    uint64_t expires, struct err *err)
{
	(void)db;
	(void)expires;
	(void)err;
	((struct comparer *)v)->hinted += keys;
	return 0;
}

static const struct rdb_visitor_ops comparing = {
    .function = compare_function,
    .resize_db = compare_resize,
    .key_begin = compare_begin,
    .raw = compare_raw,
    .piece = compare_piece,
    .stream_entry = compare_entry,
    .stream_fact = compare_fact,
    .key_end = compare_end,
};

static void
compare(struct fixture *f, size_t step)
{
	struct comparer c = {.visitor.ops = &comparing, .redis = f->redis};
	struct rdb_reader *r = rdb_reader_new();
	struct rdb_summary sum;
	struct err err = {0};
	size_t len;
	char *data = save(f, &len);
	int rc = 0;

	buf_init(&c.name, 1024);
	buf_init(&c.payload, DUMP_MAX);
	rdb_reader_add(r, &c.visitor);
	for (size_t at = 0; at < len && rc == 0; at += step)
		rc = rdb_reader_feed(
		    r, data + at, len - at < step ? len - at : step, &err);
	if (rc != 0 || rdb_reader_finish(r, &err) != 0)
		fail_msg("%s", err.text);
	rdb_reader_summary(r, &sum);
	assert_true(sum.complete && sum.has_crc && sum.has_functions);
	assert_int_equal(sum.version, 10);
	assert_int_equal(sum.db_max, 9);
	assert_int_equal(sum.size, len);
	assert_int_equal(sum.keys, c.hinted);
	assert_int_equal(c.functions, 1);
	assert_int_equal(c.pending, 4);
	assert_true(c.pieces > KEYS_MANY && c.fields > KEYS_MANY);
	witness_do(f->redis, "SELECT 9");
	assert_int_equal(c.keys[9], witness_number(f->redis, "DBSIZE"));
	witness_do(f->redis, "SELECT 0");
	assert_int_equal(c.keys[0], witness_number(f->redis, "DBSIZE"));
	buf_release(&c.payload);
	buf_release(&c.name);
	rdb_reader_free(r);
	free(data);
}

static void
agrees_with_the_server_on_every_key(void **state)
{
	struct fixture *f = *state;

	fill(f->redis);
	compare(f, DUMP_MAX);
	compare(f, 977);
	/* The same values in their other encodings. */
	witness_do(f->redis, "CONFIG SET rdbcompression no");
	compare(f, DUMP_MAX);
	witness_do(f->redis, "CONFIG SET hash-max-listpack-entries 0");
	witness_do(f->redis, "CONFIG SET zset-max-listpack-entries 0");
	witness_do(f->redis, "CONFIG SET set-max-intset-entries 0");
	witness_do(f->redis, "CONFIG SET stream-node-max-entries 3");
	witness_do(f->redis, "FLUSHALL");
	witness_do(f->redis, "FUNCTION FLUSH");
	fill(f->redis);
	compare(f, 61);
}

static void
every_dump_of_it_that_is_cut_short_fails(void **state)
{
	struct fixture *f = *state;
	size_t len;
	char *data;

	fill_collections(f->redis, "small", 5, 5);
	data = save(f, &len);
	for (size_t at = 0; at < len; at++) {
		struct rdb_reader *r = rdb_reader_new();
		struct err err = {0};

		assert_int_equal(rdb_reader_feed(r, data, at, &err), 0);
		assert_int_equal(rdb_reader_finish(r, &err), -1);
		assert_int_equal(err.kind, ERR_CORRUPT);
		rdb_reader_free(r);
	}
	free(data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		agrees_with_the_server_on_every_key, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		every_dump_of_it_that_is_cut_short_fails, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

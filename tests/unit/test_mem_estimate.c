/*
 * The estimate against a real redis-server: each type in each encoding, after
 * the server has loaded the dump that is read; and what no server of today
 * writes, against sums made by hand.
 */
#include <inttypes.h>
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
#include "rdb/mem_estimate.h"
#include "rdb/mem_size.h"
#include "rdb/rdb_reader.h"
#include "tests/sim/rdb_bytes.h"
#include "tests/sim/real_redis.h"
#include "tests/sim/witness.h"

/* What MEMORY USAGE counts for a key's entry, sizeof(dictEntry). */
#define ENTRY_USAGE 24

struct fixture {
	struct real_redis *server;
	redisContext *redis;
	unsigned quantum; /* of the server's jemalloc */
};

static uint64_t
field(redisContext *c, const char *command, const char *name)
{
	redisReply *reply = witness_ask(c, command);
	const char *at = strstr(reply->str, name);
	uint64_t n;

	assert_non_null(at);
	n = strtoull(at + strlen(name), NULL, 10);
	freeReplyObject(reply);
	return n;
}

/* Without this connection's buffers, which grow and shrink as they like. */
static uint64_t
used_memory(redisContext *c)
{
	return field(c, "INFO memory", "\nused_memory:") -
	    field(c, "CLIENT INFO", " tot-mem=");
}

/*
 * A name of 22 bytes takes 24 with header and NUL, which is a class of Redis'
 * own jemalloc and none of a distribution's.
 */
static unsigned
quantum_of(redisContext *c)
{
	uint64_t smaller, bigger;

	witness_do(c, "MSET a 100000 abcdefghijklmnopqrstuv 100000");
	smaller = witness_number(c, "MEMORY USAGE a");
	bigger = witness_number(c, "MEMORY USAGE abcdefghijklmnopqrstuv");
	return bigger - smaller == 24 - 8 ? MEM_QUANTUM_REDIS
					  : MEM_QUANTUM_SYSTEM;
}

static int
setup(void **state)
{
	/* A histogram of each command that is called first would count. */
	static const char *const args[] = {
	    "--enable-debug-command", "yes", "--latency-tracking", "no", NULL};
	const struct real_redis_opts opts = {.args = args};
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->server = real_redis_start(&opts);
	f->redis = witness_connect(f->server);
	f->quantum = quantum_of(f->redis);
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

struct sums {
	struct rdb_visitor visitor;
	const struct mem_estimate *estimate;
	uint64_t keys, bytes, entries;
};

static int
on_key_end(
    struct rdb_visitor *v, uint64_t raw, uint64_t elements, struct err *err)
{
	struct sums *s = (struct sums *)v;

	(void)raw;
	(void)elements;
	(void)err;
	s->keys++;
	s->bytes += mem_estimate_bytes(s->estimate);
	s->entries += mem_estimate_entries(s->estimate);
	return 0;
}

static const struct rdb_visitor_ops summing = {.key_end = on_key_end};

/* Reads the server's dump in pieces that cut elements. */
static void
read_dump(struct fixture *f, struct sums *s)
{
	struct mem_estimate *estimate = mem_estimate_new(f->quantum);
	struct rdb_reader *r = rdb_reader_new();
	struct err err = {0};
	char path[256], piece[1009];
	size_t n;
	FILE *file;

	*s = (struct sums){.visitor.ops = &summing, .estimate = estimate};
	snprintf(path, sizeof(path), "%s/dump.rdb", real_redis_dir(f->server));
	file = fopen(path, "rb");
	assert_non_null(file);
	rdb_reader_add(r, mem_estimate_visitor(estimate));
	rdb_reader_add(r, &s->visitor);
	while ((n = fread(piece, 1, sizeof(piece), file)) > 0)
		if (rdb_reader_feed(r, piece, n, &err) != 0)
			fail_msg("%s", err.text);
	assert_int_equal(rdb_reader_finish(r, &err), 0);
	fclose(file);
	rdb_reader_free(r);
	mem_estimate_free(estimate);
}

/* Keys of one sort: "SORT:1" to "SORT:KEYS", each made by the script. */
struct sort {
	const char *name;
	const char *encoding; /* what the server must have made of it */
	unsigned keys;
	const char *script; /* of one key, k */
	double usage;	    /* percent off MEMORY USAGE; 0: not compared */
};

/*
 * MEMORY USAGE counts an entry of a table as 24 bytes, whatever the allocator
 * gives for it, and guesses 248 for each node of a radix tree, which is three
 * times what they take and more.
 */
#define USAGE_EXACT  0.5
#define USAGE_NODES  6
#define USAGE_TABLES 15
#define USAGE_NONE   0

/* Percent off what the server's memory grew by. */
#define USED_OFF 1

#define GROUP \
	"call('xgroup','create',k,'g','0') " \
	"call('xreadgroup','group','g','c','count','9000','streams',k,'>')"

static const struct sort sorts[] = {
    {"int", "int", 30000, "call('set',k,1e12+i)", USAGE_EXACT},
    {"str3", "embstr", 30000, "call('set',k,'abc')", USAGE_EXACT},
    {"str44", "embstr", 30000, "call('set',k,text(44))", USAGE_EXACT},
    {"str45", "raw", 20000, "call('set',k,text(45))", USAGE_EXACT},
    {"str300", "raw", 10000, "call('set',k,text(300))", USAGE_EXACT},
    {"lzf5000", "raw", 600, "call('set',k,('ab'):rep(2500))", USAGE_EXACT},
    {"str99999", "raw", 30, "call('set',k,text(99999))", USAGE_EXACT},
    {"ttl", "embstr", 20000, "call('set',k,text(20),'ex',99999)", USAGE_EXACT},
    {"list5", "quicklist", 8000, "each(5,'rpush',text,30)", USAGE_NODES},
    {"list1000", "quicklist", 30, "each(1000,'rpush',text,99)", USAGE_EXACT},
    {"listbig", "quicklist", 15, "each(9,'rpush',text,20000)", USAGE_EXACT},
    {"ints5", "intset", 20000, "each(5,'sadd',count,100)", USAGE_EXACT},
    {"ints500", "intset", 500, "each(500,'sadd',count,1e9)", USAGE_EXACT},
    {"set5", "hashtable", 5000, "each(5,'sadd',both,9)", USAGE_TABLES},
    {"set3000", "hashtable", 10, "each(3000,'sadd',both,30)", USAGE_TABLES},
    {"hash5", "listpack", 8000, "each(5,'hset',pair,30)", USAGE_EXACT},
    {"hash300", "listpack", 200, "each(300,'hset',pair,20)", USAGE_EXACT},
    {"hash12", "hashtable", 1000, "each(12,'hset',pair,150)", USAGE_NODES},
    {"hash3000", "hashtable", 10, "each(3000,'hset',pair,9)", USAGE_TABLES},
    {"zset5", "listpack", 10000, "each(5,'zadd',score,20)", USAGE_EXACT},
    {"zset20", "skiplist", 500, "each(20,'zadd',score,99)", USAGE_NODES},
    {"zset3000", "skiplist", 10, "each(3000,'zadd',score,9)", USAGE_TABLES},
    {"stream1", "stream", 5000, "each(1,'xadd',event,30)", USAGE_NONE},
    {"stream2000", "stream", 10, "each(2000,'xadd',event,60)", USAGE_TABLES},
    {"group1", "stream", 5000, "each(1,'xadd',event,9) " GROUP, USAGE_NONE},
    {"group2000", "stream", 10, "each(2000,'xadd',event,9) " GROUP, USAGE_NONE},
};

static void
fill(struct fixture *f, const struct sort *s)
{
	static const char script_of[] =
	    "local call,k,i,at=redis.call,nil,0,0 "
	    "local pool={} for j=1,99999 do "
	    "pool[j]=string.char(97+math.random(0,25)) end "
	    "pool=table.concat(pool) "
	    "local function text(j,n) n=n or j at=(at+n)%%(#pool-n+1) "
	    "return pool:sub(at+1,at+n) end "
	    "local function count(j,by) return j*by end "
	    "local function both(j,n) return text(n)..j end "
	    "local function pair(j,n) return 'field:'..j,text(n) end "
	    "local function score(j,n) return j+j%%4/4+(j%%5)/10,both(j,n) end "
	    "local function event(j,n) return '*','text',text(n),'number',j end "
	    "local function each(n,what,f,by) "
	    "for j=1,n do call(what,k,f(j,by)) end end "
	    "for n=1,%u do i=n k='%s:'..n %s end";
	char *script;

	if (asprintf(&script, script_of, s->keys, s->name, s->script) < 0)
		fail_msg("out of memory");
	freeReplyObject(witness_ask(f->redis, "EVAL %s 0", script));
	free(script);
}

static void
check_encoding(struct fixture *f, const struct sort *s)
{
	redisReply *reply = witness_ask(
	    f->redis, "OBJECT ENCODING %s:1", s->name);

	assert_string_equal(reply->str, s->encoding);
	freeReplyObject(reply);
}

static uint64_t
usage_of_all(redisContext *c)
{
	return witness_number(c, "EVAL %s 0",
	    "local n=0 for _,k in ipairs(redis.call('keys','*')) do "
	    "n=n+redis.call('memory','usage',k,'samples','0') end return n");
}

/* What is in the server's memory beside keys stays the same. */
static uint64_t
settle(redisContext *c)
{
	witness_do(c, "SCRIPT FLUSH SYNC");
	witness_do(c, "DEBUG RELOAD");
	return used_memory(c);
}

static void
expect(const struct sort *s, const char *what, uint64_t estimate,
    uint64_t truth, double most)
{
	double off = 100 * ((double)estimate / (double)truth - 1);

	if (off > most || off < -most)
		fail_msg("%s: %" PRIu64 " estimated, %" PRIu64 " %s: %+.2f %%",
		    s->name, estimate, truth, what, off);
}

/* Of what the server has loaded last, whose dump is still there. */
static void
compare(struct fixture *f, const struct sort *s, uint64_t used)
{
	uint64_t usage = usage_of_all(f->redis);
	struct sums sums;

	check_encoding(f, s);
	read_dump(f, &sums);
	assert_int_equal(sums.keys, s->keys);
	expect(s, "used", sums.bytes, used, USED_OFF);
	if (s->usage > 0)
		expect(s, "by MEMORY USAGE",
		    sums.bytes - sums.entries + ENTRY_USAGE * sums.keys, usage,
		    s->usage);
}

static void
each_sort_is_estimated_as_the_server_has_it(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(sorts) / sizeof(sorts[0]); i++) {
		uint64_t before;

		witness_do(f->redis, "FLUSHALL SYNC");
		before = settle(f->redis);
		fill(f, &sorts[i]);
		compare(f, &sorts[i], settle(f->redis) - before);
	}
}

static void
set_thresholds(redisContext *c, unsigned packed, unsigned ints)
{
	freeReplyObject(witness_ask(c,
	    "CONFIG SET hash-max-listpack-entries %u "
	    "zset-max-listpack-entries %u set-max-intset-entries %u",
	    packed, packed, ints));
}

/* As from a server that had other thresholds. */
static void
what_the_dump_tells_loosely_is_packed_where_it_fits(void **state)
{
	static const struct sort loose[] = {
	    {"ints5", "intset", 10000, "each(5,'sadd',count,1e6)", USAGE_EXACT},
	    {"hash5", "listpack", 8000, "each(5,'hset',pair,30)", USAGE_EXACT},
	    {"zset5", "listpack", 9000, "each(5,'zadd',score,9)", USAGE_EXACT},
	    {"zset99", "listpack", 900, "each(99,'zadd',score,9)", USAGE_EXACT},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(loose) / sizeof(loose[0]); i++) {
		uint64_t before;

		witness_do(f->redis, "FLUSHALL SYNC");
		before = settle(f->redis);
		set_thresholds(f->redis, 0, 0);
		fill(f, &loose[i]);
		witness_do(f->redis, "SCRIPT FLUSH SYNC");
		witness_do(f->redis, "SAVE");
		set_thresholds(f->redis, 128, 512);
		witness_do(f->redis, "DEBUG RELOAD NOSAVE");
		compare(f, &loose[i], used_memory(f->redis) - before);
	}
}

/* Ends the dump and releases it; of its last key, without name and entry. */
static uint64_t
value_bytes(struct buf *b)
{
	struct mem_estimate *e = mem_estimate_new(MEM_QUANTUM_REDIS);
	struct rdb_reader *r = rdb_reader_new();
	struct err err = {0};
	uint64_t n;

	rdb_end(b);
	rdb_reader_add(r, mem_estimate_visitor(e));
	if (rdb_reader_feed(r, b->data, b->len, &err) != 0 ||
	    rdb_reader_finish(r, &err) != 0)
		fail_msg("%s", err.text);
	/* A name of one byte: header, it, NUL. */
	n = mem_estimate_bytes(e) - mem_estimate_entries(e) - 8;
	rdb_reader_free(r);
	mem_estimate_free(e);
	buf_release(b);
	return n;
}

static void
a_list_of_old_is_cut_into_nodes(void **state)
{
	char text[101];
	struct buf b;

	(void)state;
	memset(text, 'x', 100);
	text[100] = '\0';
	rdb_begin_key(&b, "REDIS0003", 1);
	rdb_put_len(&b, 200);
	for (int i = 0; i < 200; i++)
		rdb_put_string(&b, text);
	/* Of 103 bytes 79 fit into 8192: nodes of 79, 79 and 42. */
	assert_int_equal(value_bytes(&b),
	    16 + 40 + 3 * 40 + 2 * 8192 + mem_given(8, 7 + 42 * 103));
}

static void
blobs_of_old_count_as_they_are(void **state)
{
	struct buf b;

	(void)state;
	rdb_begin_key(&b, "REDIS0006", 13);
	rdb_put_ziplist(&b, "field value");
	/* 10 bytes of head, 1 of end, 2 for each of the strings. */
	assert_int_equal(
	    value_bytes(&b), 16 + mem_given(8, 11 + 2 + 5 + 2 + 5));
	rdb_begin_key(&b, "REDIS0009", 14);
	rdb_put_len(&b, 2);
	rdb_put_ziplist(&b, "aaaa");
	rdb_put_ziplist(&b, "bbbb");
	assert_int_equal(value_bytes(&b), 16 + 40 + 2 * (40 + 24));
}

static void
a_module_counts_as_its_bytes(void **state)
{
	struct buf b;

	(void)state;
	rdb_begin_key(&b, "REDIS0011", 7);
	RAW(&b,
	    "\x81\0\0\0\0\0\0\0\x07\x05\x0a"
	    "0123456789"
	    "\x00");
	assert_int_equal(value_bytes(&b), 16 + 16 + mem_given(8, 9 + 12 + 1));
}

/* Entry and share of the slots for keys by the hint, of a dump with one. */
static uint64_t
entries_by_hint(uint64_t keys, uint64_t expires)
{
	struct mem_estimate *e = mem_estimate_new(MEM_QUANTUM_REDIS);
	struct rdb_reader *r = rdb_reader_new();
	struct err err = {0};
	struct buf b;
	uint64_t n;

	rdb_begin(&b, "REDIS0011");
	RAW(&b, "\xfe\x00\xfb");
	rdb_put_len(&b, keys);
	rdb_put_len(&b, expires);
	RAW(&b, "\xfc\0\0\0\0\0\x01\0\0");
	RAW(&b, "\0\x01k\x01v");
	rdb_end(&b);
	rdb_reader_add(r, mem_estimate_visitor(e));
	assert_int_equal(rdb_reader_feed(r, b.data, b.len, &err), 0);
	n = mem_estimate_entries(e);
	rdb_reader_free(r);
	mem_estimate_free(e);
	buf_release(&b);
	return n;
}

static void
a_key_has_its_share_of_the_tables(void **state)
{
	(void)state;
	assert_int_equal(entries_by_hint(1024, 1024), 24 + 8 + 24 + 8);
	assert_int_equal(entries_by_hint(1025, 512), 24 + 16 + 24 + 8);
	/* No hint, and one that cannot be. */
	assert_int_equal(entries_by_hint(0, 0), 24 + 12 + 24 + 12);
	assert_int_equal(
	    entries_by_hint(UINT64_MAX, UINT64_C(1) << 60), 24 + 12 + 24 + 12);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		each_sort_is_estimated_as_the_server_has_it, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		what_the_dump_tells_loosely_is_packed_where_it_fits, setup,
		teardown),
	    cmocka_unit_test(a_list_of_old_is_cut_into_nodes),
	    cmocka_unit_test(blobs_of_old_count_as_they_are),
	    cmocka_unit_test(a_module_counts_as_its_bytes),
	    cmocka_unit_test(a_key_has_its_share_of_the_tables),
	};

	return cmocka_run_group_tests_name("mem_estimate", tests, NULL, NULL);
}

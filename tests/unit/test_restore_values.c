/* Values that a load brings by plain commands, to real servers and on bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/fingerprint.h"
#include "rdb/rdb_reader.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_target.h"
#include "rdb/restore_loader.h"
#include "rdb/value_carry.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/rdb_bytes.h"
#include "tests/sim/rdb_keys.h"
#include "tests/sim/load_dump.h"
#include "tests/sim/real_redis.h"
#include "tests/sim/redis_data.h"
#include "tests/sim/script_server.h"

#define FAR_MS INT64_C(4102444800000)

static struct real_redis *source, *target;
static struct redis_conn *from, *to;

/* Every value goes by commands. */
static const struct restore_opts all = {.commands_over = 1};

static int
start_servers(void **state)
{
	static const char *const args[] = {REDIS_DATA_DEBUG, NULL};
	const struct real_redis_opts opts = {.args = args};

	(void)state;
	source = real_redis_start(&opts);
	target = real_redis_start(&opts);
	from = redis_data_connect(source, NULL);
	to = redis_data_connect(target, NULL);
	return 0;
}

static int
stop_servers(void **state)
{
	(void)state;
	redis_conn_free(from);
	redis_conn_free(to);
	real_redis_stop(source);
	real_redis_stop(target);
	return 0;
}

static int
empty_servers(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct redis_conn *c = i == 0 ? from : to;

		redis_data_do(c, "FLUSHALL");
		redis_data_do(c, "FUNCTION FLUSH");
		redis_data_do(c, "SELECT 0");
	}
	return 0;
}

static int
load(const struct restore_opts *opts, struct restore_facts *facts,
    struct err *err)
{
	size_t len;
	unsigned char *dump = redis_data_dump(source, from, &len);
	int rc = load_dump(
	    real_redis_port(target), NULL, dump, len, opts, facts, err);

	free(dump);
	return rc;
}

static void
must_load(const struct restore_opts *opts, struct restore_facts *facts)
{
	struct err err = {0};

	if (load(opts, facts, &err) != 0)
		fail_msg("%s", err.text);
}

static struct fingerprint *
fingerprint_of(struct real_redis *server, struct redis_conn *c)
{
	struct fingerprint *f = fingerprint_new(0);
	struct rdb_reader *reader = rdb_reader_new();
	struct err err = {0};
	size_t len;
	unsigned char *dump = redis_data_dump(server, c, &len);

	rdb_reader_add(reader, fingerprint_visitor(f));
	if (rdb_reader_feed(reader, dump, len, &err) != 0)
		fail_msg("%s", err.text);
	rdb_reader_free(reader);
	free(dump);
	return f;
}

static long long
pings(void)
{
	char *text = redis_data_text(to, "INFO commandstats");
	char *calls = redis_info_field(text, "cmdstat_ping");
	long long n = calls != NULL
	    ? strtoll(calls + strlen("calls="), NULL, 10)
	    : 0;

	free(calls);
	free(text);
	return n;
}

static void
same_data(void)
{
	struct fingerprint *was = fingerprint_of(source, from);
	struct fingerprint *is = fingerprint_of(target, to);
	struct fp_comparison c;

	fingerprint_compare(was, is, 0, &c);
	if (!c.same)
		fail_msg("%s", c.why);
	assert_true(c.stream_meta_compared);
	fingerprint_free(was);
	fingerprint_free(is);
}

static void
every_kind_arrives_by_commands(void **state)
{
	static const struct restore_opts one = {.commands_over = 1,
	    .connections = 1,
	    .pipeline_bytes = 1,
	    .value_bytes = 1000};
	struct restore_facts facts;

	(void)state;
	redis_data_fill(from, 100);
	/* What XDEL left pending is what no command writes. */
	for (int i = 0; i < 3; i++) {
		redis_data_do(from, "SELECT %d", (const int[]){0, 3, 15}[i]);
		redis_data_do(from, "XACK x workers 5-1");
	}
	redis_data_do(from, "SELECT 0");
	must_load(&all, &facts);
	same_data();
	assert_int_equal(facts.by_commands, facts.keys);
	assert_int_equal(facts.expired, 0);
	assert_int_equal(facts.functions, 1);
	assert_int_equal(facts.lost, 1 << VALUE_LOST_SEEN);
	/* Onto what is there, with the smallest window. */
	must_load(&one, &facts);
	same_data();
	assert_int_equal(facts.by_commands, facts.keys);
}

static void
streams_keep_their_groups_and_counters(void **state)
{
	struct restore_facts facts;

	(void)state;
	for (int i = 1; i <= 9; i++)
		redis_data_do(from, "XADD x %d-0 f v", i);
	redis_data_do(from, "XDEL x 9-0");
	redis_data_do(from, "XGROUP CREATE x g 0");
	redis_data_do(from, "XREADGROUP GROUP g ann COUNT 3 STREAMS x >");
	redis_data_do(from, "XCLAIM x g bob 0 2-0 RETRYCOUNT 7");
	redis_data_do(from, "XGROUP CREATECONSUMER x g idle");
	redis_data_do(from, "XGROUP CREATE x late $");
	redis_data_do(from, "XADD empty 5-5 f v");
	redis_data_do(from, "XTRIM empty MAXLEN 0");
	redis_data_do(from, "XGROUP CREATE empty g 5-5");
	redis_data_do(from, "XGROUP CREATE never g $ MKSTREAM");
	must_load(&all, &facts);
	same_data();
	assert_int_equal(facts.keys, 3);
	assert_int_equal(redis_data_int(to, "XLEN x"), 8);
}

static void
a_loss_is_told(void **state)
{
	struct restore_facts facts;

	(void)state;
	redis_data_do(from, "XADD x 1-0 f v");
	redis_data_do(from, "XGROUP CREATE x g 0");
	redis_data_do(from, "XREADGROUP GROUP g ann STREAMS x >");
	redis_data_do(from, "XDEL x 1-0");
	must_load(&all, &facts);
	assert_int_equal(
	    facts.lost, 1 << VALUE_LOST_SEEN | 1 << VALUE_LOST_PENDING);
}

static void
a_key_whose_time_has_passed_is_left_to_the_server(void **state)
{
	struct restore_facts facts;

	(void)state;
	redis_data_do(from, "DEBUG SET-ACTIVE-EXPIRE 0");
	redis_data_do(from, "SET gone v PX 1");
	redis_data_do(from, "RPUSH stays v");
	redis_data_do(to, "SET gone old");
	must_load(&all, &facts);
	redis_data_do(from, "DEBUG SET-ACTIVE-EXPIRE 1");
	assert_int_equal(facts.keys, 1);
	assert_int_equal(facts.expired, 1);
	assert_int_equal(redis_data_int(to, "DBSIZE"), 1);
	assert_int_equal(redis_data_int(to, "EXISTS stays"), 1);
}

/* Only what the server takes in no RESTORE. */
static void
what_is_over_the_servers_limit_goes_by_commands(void **state)
{
	struct restore_facts facts;
	struct err err = {0};

	(void)state;
	redis_data_do(from, "CONFIG SET rdbcompression no");
	redis_data_do(to, "CONFIG SET proto-max-bulk-len 1mb");
	redis_data_do(from, "SETRANGE string 1048575 x");
	redis_data_do(from, "PEXPIREAT string %lld", (long long)FAR_MS);
	for (int i = 0; i < 3; i++)
		redis_data_do(from, "RPUSH list %0900000d", i);
	redis_data_do(from, "SET small v");
	must_load(&(struct restore_opts){0}, &facts);
	same_data();
	assert_int_equal(facts.keys, 3);
	assert_int_equal(facts.by_commands, 2);
	redis_data_do(from, "RPUSH list %01048577d", 1);
	assert_int_equal(load(&(struct restore_opts){0}, &facts, &err), -1);
	assert_int_equal(err.kind, ERR_UNSUPPORTED);
	if (strstr(err.text,
		"restoring key 'list' of database 0: an element of over "
		"1048576 bytes") == NULL)
		fail_msg("%s", err.text);
	redis_data_do(from, "CONFIG SET rdbcompression yes");
	redis_data_do(to, "CONFIG SET proto-max-bulk-len 512mb");
}

/* So that a server with a `timeout` closes none of them. */
static void
connections_that_are_silent_for_long_say_something(void **state)
{
	static const struct redis_opts redis = {0};
	static const struct restore_opts opts = {
	    .commands_over = 100, .connections = 3};
	struct fake_clock clock;
	struct scope scope = fake_clock_init(&clock);
	struct restore_facts facts;
	struct restore_loader *l;
	struct redis_target t;
	struct rdb_reader *r = rdb_reader_new();
	struct err err = {0};
	struct buf dump;
	char url[64], text[301];
	long long before;

	(void)state;
	snprintf(
	    url, sizeof(url), "redis://127.0.0.1:%d", real_redis_port(target));
	assert_int_equal(redis_target_parse(url, &t, &err), 0);
	memset(text, 'x', 300);
	text[300] = '\0';
	rdb_keys_begin(&dump);
	rdb_keys_string(&dump, "small", "v");
	rdb_keys_string(&dump, "large", text);
	rdb_keys_end(&dump);
	l = restore_loader_new(&t, &redis, &scope, &opts, &err);
	if (l == NULL)
		fail_msg("%s", err.text);
	rdb_reader_add(r, restore_loader_visitor(l));
	before = pings();
	/* All three, and but for the one with a value half-way. */
	for (size_t i = 0; i < 2; i++) {
		size_t half = dump.len - 150;

		fake_clock_pass(&clock, 600);
		assert_int_equal(rdb_reader_feed(r, dump.data + i * half,
				     i == 0 ? half : dump.len - half, &err),
		    0);
	}
	if (restore_loader_finish(l, &facts, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(facts.by_commands, 1);
	assert_int_equal(pings() - before, 3 + 2);
	rdb_reader_free(r);
	restore_loader_free(l);
	redis_target_release(&t);
	buf_release(&dump);
}

static void
a_refusal_names_the_key(void **state)
{
	struct restore_facts facts;
	struct err err = {0};

	(void)state;
	redis_data_do(from, "SETRANGE a-key 100000 x");
	redis_data_do(to, "CONFIG SET maxmemory 1");
	assert_int_equal(load(&all, &facts, &err), -1);
	redis_data_do(to, "CONFIG SET maxmemory 0");
	assert_string_equal(err.code, "OOM");
	assert_non_null(
	    strstr(err.text, "restoring key 'a-key' of database 0: OOM"));
}

/* What it is asked before, each answered. */
static int
serve_setup(struct script_conn *c)
{
	static const char INFO[] =
	    "# Server\r\nredis_version:7.0.15\r\nrole:master\r\n";
	struct buf line;
	int rc = 0;

	buf_init(&line, 65536);
	while (rc == 0) {
		buf_truncate(&line, 0);
		rc = script_read_until(c, &line, "\r\n");
		if (rc == 0 && strcmp(line.data, "PING\r\n") == 0)
			rc = script_sends(c, "+PONG\r\n");
		else if (rc == 0 && strcmp(line.data, "INFO\r\n") == 0)
			rc = script_sendf(
			    c, "$%zu\r\n%s\r\n", sizeof(INFO) - 1, INFO);
		else if (rc == 0 && strcmp(line.data, "CONFIG\r\n") == 0)
			rc = script_sends(c, "-ERR unknown command\r\n");
		else if (rc == 0 && strcmp(line.data, "SELECT\r\n") == 0) {
			rc = script_expects(c, "$1\r\n0\r\n");
			break;
		}
	}
	buf_release(&line);
	return rc != 0 ? rc : script_sends(c, "+OK\r\n");
}

static void
serve_value(struct script_conn *c, void *arg)
{
	const char *say = arg;
	struct buf got;

	if (serve_setup(c) != 0)
		return;
	buf_init(&got, 4096);
	/* An answer that came sooner would be one to nothing. */
	if (script_read_until(c, &got, "RENAME\r\n") == 0 &&
	    script_read_until(c, &got, "\r\n$1\r\nk\r\n") == 0 &&
	    script_sends(c, say) == 0)
		script_stall(c);
	buf_release(&got);
}

static int
load_script(const char *say, int64_t expires_ms, struct restore_facts *facts,
    struct err *err)
{
	struct script_server *s = script_server_new(
	    NULL, serve_value, (void *)say);
	static const struct restore_opts opts = {
	    .connections = 1, .commands_over = 1};
	struct buf dump;
	int rc;

	rdb_keys_begin(&dump);
	if (expires_ms > 0)
		rdb_keys_expire(&dump, expires_ms);
	rdb_keys_string(&dump, "k", "v");
	rdb_keys_end(&dump);
	rc = load_dump(script_server_port(s), NULL, dump.data, dump.len, &opts,
	    facts, err);
	if (script_server_failure(s) != NULL)
		fail_msg("%s", script_server_failure(s));
	script_server_free(s);
	buf_release(&dump);
	return rc;
}

static void
answers_of_every_form_are_passed_over(void **state)
{
	static const char *const says[] = {
	    ":0\r\n+OK\r\n+OK\r\n",
	    "$3\r\n1-0\r\n*2\r\n:1\r\n*1\r\n$1\r\nx\r\n+OK\r\n",
	    "*0\r\n$-1\r\n+OK\r\n",
	    "*-1\r\n$0\r\n\r\n+OK\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(says) / sizeof(says[0]); i++) {
		struct restore_facts facts;
		struct err err = {0};

		if (load_script(says[i], 0, &facts, &err) != 0)
			fail_msg("%zu: %s", i, err.text);
		assert_int_equal(facts.keys, 1);
	}
}

static void
every_bad_answer_ends_the_load(void **state)
{
	static const struct {
		const char *say;
		enum err_kind kind;
		const char *text;
	} cases[] = {
	    {"-ERR no\r\n", ERR_SERVER, "restoring key 'k' of database 0"},
	    {":0\r\n-OOM full\r\n", ERR_SERVER, "OOM full"},
	    {"!\r\n", ERR_CORRUPT, "a reply that is none"},
	    {"*1\r\n-ERR\r\n", ERR_CORRUPT, "a reply that is none"},
	    {":0\r\n+OK\r\n:1\r\n", ERR_CORRUPT, "neither OK nor an error"},
	    {":0\r\n+OK\r\n-ERR no such key\r\n", ERR_SERVER, "no such key"},
	    {":0\r\n+OK\r\n+OK\r\n+OK\r\n", ERR_CORRUPT, "nothing asked for"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct restore_facts facts;
		struct err err = {0};

		assert_int_equal(
		    load_script(cases[i].say, 0, &facts, &err), -1);
		assert_int_equal(err.kind, cases[i].kind);
		if (strstr(err.text, cases[i].text) == NULL)
			fail_msg("%zu: %s", i, err.text);
	}
}

/* Of two commands that write it the second is refused. */
static void
serve_half(struct script_conn *c, void *arg)
{
	atomic_bool *renamed = arg;
	struct buf got;

	if (serve_setup(c) != 0)
		return;
	buf_init(&got, 1 << 20);
	if (script_read_until(c, &got, "APPEND\r\n") == 0 &&
	    script_sends(c, ":0\r\n+OK\r\n-OOM full\r\n") == 0)
		*renamed = script_read_until(c, &got, "RENAME\r\n") == 0;
	buf_release(&got);
}

/* A part of it would be seen as the whole. */
static void
a_value_that_was_not_written_whole_is_not_renamed(void **state)
{
	static const struct restore_opts opts = {
	    .connections = 1, .commands_over = 1};
	atomic_bool renamed = false;
	struct script_server *s = script_server_new(NULL, serve_half, &renamed);
	char *value = xcalloc(1, 300001);
	struct restore_facts facts;
	struct err err = {0};
	struct buf dump;

	(void)state;
	memset(value, 'v', 300000);
	rdb_keys_begin(&dump);
	dump.max = 1 << 20;
	rdb_keys_string(&dump, "k", value);
	rdb_keys_end(&dump);
	assert_int_equal(load_dump(script_server_port(s), NULL, dump.data,
			     dump.len, &opts, &facts, &err),
	    -1);
	assert_string_equal(err.code, "OOM");
	script_server_free(s);
	assert_false(renamed);
	buf_release(&dump);
	free(value);
}

/* Its time came between PEXPIREAT and RENAME. */
static void
a_key_that_expires_while_it_is_written_is_counted_so(void **state)
{
	struct restore_facts facts;
	struct err err = {0};

	(void)state;
	if (load_script(":0\r\n+OK\r\n:1\r\n-ERR no such key\r\n", FAR_MS,
		&facts, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(facts.keys, 0);
	assert_int_equal(facts.expired, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(
		every_kind_arrives_by_commands, empty_servers),
	    cmocka_unit_test_setup(
		streams_keep_their_groups_and_counters, empty_servers),
	    cmocka_unit_test_setup(a_loss_is_told, empty_servers),
	    cmocka_unit_test_setup(
		a_key_whose_time_has_passed_is_left_to_the_server,
		empty_servers),
	    cmocka_unit_test_setup(
		what_is_over_the_servers_limit_goes_by_commands, empty_servers),
	    cmocka_unit_test_setup(
		connections_that_are_silent_for_long_say_something,
		empty_servers),
	    cmocka_unit_test_setup(a_refusal_names_the_key, empty_servers),
	    cmocka_unit_test(answers_of_every_form_are_passed_over),
	    cmocka_unit_test(every_bad_answer_ends_the_load),
	    cmocka_unit_test(a_value_that_was_not_written_whole_is_not_renamed),
	    cmocka_unit_test(
		a_key_that_expires_while_it_is_written_is_counted_so),
	};

	return cmocka_run_group_tests(tests, start_servers, stop_servers);
}

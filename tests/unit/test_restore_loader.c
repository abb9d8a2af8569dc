#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/budget.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/rdb_reader.h"
#include "rdb/redis_conn.h"
#include "rdb/restore_empty.h"
#include "rdb/restore_loader.h"
#include "tests/sim/brief_token.h"
#include "tests/sim/load_dump.h"
#include "tests/sim/real_redis.h"
#include "tests/sim/redis_data.h"
#include "tests/sim/script_server.h"

static struct real_redis *source, *target;
static struct redis_conn *from, *to;
static struct credential *password; /* NULL: none */

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

/* Both empty, as they came. */
static int
empty_servers(void **state)
{
	(void)state;
	redis_data_do(to, "CONFIG SET maxmemory 0");
	for (int i = 0; i < 2; i++) {
		struct redis_conn *c = i == 0 ? from : to;

		redis_data_do(c, "FLUSHALL");
		redis_data_do(c, "FUNCTION FLUSH");
		redis_data_do(c, "SELECT 0");
	}
	return 0;
}

static void
target_at(struct redis_target *t, int port)
{
	struct err err = {0};
	char url[64];

	snprintf(url, sizeof(url), "redis://127.0.0.1:%d", port);
	assert_int_equal(redis_target_parse(url, t, &err), 0);
}

static int
load(const struct restore_opts *opts, struct restore_facts *facts,
    struct err *err)
{
	size_t len;
	unsigned char *dump = redis_data_dump(source, from, &len);
	int rc = load_dump(
	    real_redis_port(target), password, dump, len, opts, facts, err);

	free(dump);
	return rc;
}

static void
loaded(const struct restore_opts *opts, struct restore_facts *facts)
{
	struct err err = {0};
	char *was, *is;

	if (load(opts, facts, &err) != 0)
		fail_msg("%s", err.text);
	was = redis_data_digest(from);
	is = redis_data_digest(to);
	assert_string_equal(was, is);
	free(was);
	free(is);
}

static long long
all_keys(struct redis_conn *c)
{
	long long n = 0;

	for (int db = 0; db < 16; db++) {
		redis_data_do(c, "SELECT %d", db);
		n += redis_data_int(c, "DBSIZE");
	}
	return n;
}

static void
every_kind_arrives(void **state)
{
	struct restore_facts facts;

	(void)state;
	redis_data_fill(from, 2000);
	loaded(&(struct restore_opts){0}, &facts);
	assert_int_equal(facts.expired, 0);
	assert_int_equal(facts.keys, all_keys(to));
	assert_int_equal(facts.functions, 1);
	redis_data_do(to, "SELECT 1");
	assert_int_equal(redis_data_int(to, "DBSIZE"), 2000);
	redis_data_do(to, "SELECT 15");
	assert_true(
	    redis_data_int(to, "PEXPIRETIME ttl:15") == INT64_C(4102444800123));
	assert_int_equal(redis_data_int(to, "FCALL f 0"), 1);
}

/* The smallest window, one connection, values that must wait in a file. */
static void
small_limits_only_slow_it_down(void **state)
{
	static const struct restore_opts opts = {
	    .connections = 1, .pipeline_bytes = 1, .value_bytes = 1000};
	struct restore_facts facts;

	(void)state;
	redis_data_fill(from, 100);
	loaded(&opts, &facts);
}

static void
what_was_there_is_replaced(void **state)
{
	struct restore_facts facts;

	(void)state;
	redis_data_fill(from, 10);
	redis_data_do(to, "SET l:small old");
	redis_data_do(to,
	    "FUNCTION LOAD #!lua\tname=mylib\n"
	    "redis.register_function('f',function()end)");
	loaded(&(struct restore_opts){0}, &facts);
}

static void
a_key_whose_time_has_passed_is_counted_apart(void **state)
{
	struct restore_facts facts;
	struct err err = {0};

	(void)state;
	redis_data_do(from, "DEBUG SET-ACTIVE-EXPIRE 0");
	redis_data_do(from, "SET gone v PX 1");
	redis_data_do(from, "SET stays v");
	redis_data_do(to, "SET gone old");
	if (load(&(struct restore_opts){0}, &facts, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(facts.keys, 1);
	assert_int_equal(facts.expired, 1);
	assert_int_equal(redis_data_int(to, "EXISTS gone"), 0);
	assert_int_equal(redis_data_int(to, "EXISTS stays"), 1);
	redis_data_do(from, "DEBUG SET-ACTIVE-EXPIRE 1");
}

static void
how_long_a_key_was_idle_goes_along(void **state)
{
	struct restore_facts facts;

	(void)state;
	redis_data_do(from, "CONFIG SET maxmemory-policy allkeys-lru");
	redis_data_do(to, "CONFIG SET maxmemory-policy allkeys-lru");
	redis_data_do(from, "SET old v");
	redis_data_do(from, "DUMP old");
	{
		struct scope scope = scope_root(NULL);
		struct err err = {0};
		redisReply *d = redis_command(
		    from, &scope, &err, "DUMP %s", "old");
		redisReply *r = redis_command(from, &scope, &err,
		    "RESTORE old 0 %b REPLACE IDLETIME 5000", d->str,
		    (size_t)d->len);

		assert_non_null(r);
		freeReplyObject(r);
		freeReplyObject(d);
	}
	loaded(&(struct restore_opts){0}, &facts);
	assert_true(redis_data_int(to, "OBJECT IDLETIME old") >= 5000);
	redis_data_do(from, "CONFIG SET maxmemory-policy noeviction");
	redis_data_do(to, "CONFIG SET maxmemory-policy noeviction");
}

static void
a_refusal_names_the_key_and_the_servers_words(void **state)
{
	struct restore_facts facts;
	struct err err = {0};

	(void)state;
	redis_data_do(from, "SETRANGE a-key 100000 x");
	redis_data_do(to, "CONFIG SET maxmemory 1");
	assert_int_equal(load(&(struct restore_opts){0}, &facts, &err), -1);
	assert_int_equal(err.kind, ERR_SERVER);
	assert_string_equal(err.code, "OOM");
	assert_non_null(
	    strstr(err.text, "restoring key 'a-key' of database 0: OOM"));
}

/* Until a load that failed has none of its commands left there. */
static void
wait_alone(void)
{
	struct scope scope = scope_root(NULL);
	struct err err = {0};
	bool alone = false;

	while (!alone) {
		redisReply *r = redis_command(
		    to, &scope, &err, "CLIENT LIST TYPE normal");

		assert_non_null(r);
		alone = strchr(r->str, '\n') == strrchr(r->str, '\n');
		freeReplyObject(r);
	}
}

static void
a_value_over_the_servers_ceiling_is_refused_by_name(void **state)
{
	struct restore_facts facts;
	struct err err = {0};

	(void)state;
	/* Not compressed: the dump's bytes count. */
	redis_data_do(from, "CONFIG SET rdbcompression no");
	redis_data_do(to, "CONFIG SET proto-max-bulk-len 4mb");
	redis_data_do(from, "SETRANGE large 4194303 x");
	redis_data_do(from, "SETRANGE {huge} 4194304 x");
	assert_int_equal(load(&(struct restore_opts){0}, &facts, &err), -1);
	assert_int_equal(err.kind, ERR_UNSUPPORTED);
	if (strstr(err.text, "{huge}") == NULL)
		fail_msg("%s", err.text);
	assert_non_null(strstr(err.text, "'replica'"));
	/* What just fits goes through; what was cut short was of no key. */
	redis_data_do(from, "DEL {huge}");
	wait_alone();
	redis_data_do(to, "FLUSHALL");
	loaded(&(struct restore_opts){0}, &facts);
	assert_int_equal(facts.by_commands, 1);
	redis_data_do(from, "CONFIG SET rdbcompression yes");
	redis_data_do(to, "CONFIG SET proto-max-bulk-len 512mb");
}

static void
nothing_lands_beside_a_database_that_the_target_lacks(void **state)
{
	static const char *const args[] = {
	    "--databases", "2", "--rename-command", "CONFIG", "", NULL};
	const struct real_redis_opts opts = {.args = args};
	struct real_redis *small = real_redis_start(&opts);
	struct redis_conn *c = redis_data_connect(small, NULL);
	struct restore_facts facts;
	struct err err = {0};
	unsigned char *dump;
	size_t len;

	(void)state;
	redis_data_do(from, "SELECT 3");
	redis_data_do(from, "SET k v");
	dump = redis_data_dump(source, from, &len);
	assert_int_equal(load_dump(real_redis_port(small), NULL, dump, len,
			     &(struct restore_opts){0}, &facts, &err),
	    -1);
	assert_non_null(strstr(err.text, "selecting database 3"));
	assert_int_equal(redis_data_int(c, "DBSIZE"), 0);
	redis_conn_free(c);
	free(dump);
	real_redis_stop(small);
}

static void
its_memory_comes_off_the_budget(void **state)
{
	struct budget *b = budget_new((size_t)64 << 20);
	struct restore_opts opts = {.budget = b, .connections = 2};
	struct restore_facts facts;
	struct err err = {0};

	(void)state;
	redis_data_do(from, "SET k v");
	loaded(&opts, &facts);
	assert_int_equal(budget_left(b), budget_size(b));
	opts.connections = 40;
	assert_int_equal(load(&opts, &facts, &err), -1);
	assert_int_equal(err.kind, ERR_USAGE);
	budget_free(b);
}

static void
the_connections_of_a_long_load_show_a_fresh_token(void **state)
{
	const struct restore_opts opts = {.connections = 2};
	struct restore_facts facts;
	struct brief_token brief;

	(void)state;
	redis_data_fill(from, 20000);
	brief_token_init(&brief, 2);
	brief_token_let_in(to);
	redis_data_do(to, "CONFIG RESETSTAT");
	password = &brief.base;
	loaded(&opts, &facts);
	password = NULL;
	redis_data_do(to, "ACL SETUSER default nopass");
	assert_int_equal(brief_token_logins(to), 4);
	assert_int_equal(brief.gets, 4);
}

static void
emptying_takes_keys_and_functions(void **state)
{
	const struct redis_opts redis = {0};
	struct scope scope = scope_root(NULL);
	struct redis_target t;
	struct err err = {0};
	char *list;

	(void)state;
	redis_data_fill(to, 10);
	target_at(&t, real_redis_port(target));
	assert_int_equal(restore_empty_target(&t, &redis, &scope, &err), 0);
	assert_int_equal(redis_data_int(to, "DBSIZE"), 0);
	redis_data_do(to, "SELECT 3");
	assert_int_equal(redis_data_int(to, "DBSIZE"), 0);
	list = redis_data_text(to, "FUNCTION LIST");
	assert_null(list);
	redis_target_release(&t);
}

/* Without rights to functions the keys must outlive the refusal. */
static void
emptying_loses_no_key_before_a_refusal(void **state)
{
	const struct redis_opts redis = {.user = "bob"};
	struct scope scope = scope_root(NULL);
	struct redis_target t;
	struct err err = {0};

	(void)state;
	redis_data_do(to, "ACL SETUSER bob on nopass +@all -function ~*");
	redis_data_do(to, "SET old data");
	target_at(&t, real_redis_port(target));
	assert_int_equal(restore_empty_target(&t, &redis, &scope, &err), -1);
	assert_int_equal(err.kind, ERR_AUTH);
	assert_non_null(strstr(err.text, "function|flush"));
	assert_int_equal(redis_data_int(to, "DBSIZE"), 1);
	redis_target_release(&t);
	redis_data_do(to, "ACL DELUSER bob");
}

/* Without it the commands of a transaction would be done one by one. */
static void
nothing_is_emptied_without_a_transaction(void **state)
{
	const struct redis_opts redis = {.user = "bob"};
	struct scope scope = scope_root(NULL);
	struct redis_target t;
	struct err err = {0};

	(void)state;
	redis_data_do(to, "ACL SETUSER bob on nopass +@all -multi ~*");
	redis_data_do(to, "SET old data");
	target_at(&t, real_redis_port(target));
	assert_int_equal(restore_empty_target(&t, &redis, &scope, &err), -1);
	assert_int_equal(err.kind, ERR_AUTH);
	assert_non_null(strstr(err.text, "nothing in the target was emptied"));
	assert_int_equal(redis_data_int(to, "DBSIZE"), 1);
	redis_target_release(&t);
	redis_data_do(to, "ACL DELUSER bob");
}

static void
a_replica_is_never_written_to(void **state)
{
	const struct redis_opts redis = {0};
	struct scope scope = scope_root(NULL);
	struct restore_facts facts;
	struct redis_target t;
	struct err err = {0};

	(void)state;
	redis_data_do(from, "SET k v");
	redis_data_do(to, "REPLICAOF 127.0.0.1 1");
	assert_int_equal(load(&(struct restore_opts){0}, &facts, &err), -1);
	assert_int_equal(err.kind, ERR_REFUSED);
	target_at(&t, real_redis_port(target));
	err = (struct err){0};
	assert_int_equal(restore_empty_target(&t, &redis, &scope, &err), -1);
	assert_int_equal(err.kind, ERR_REFUSED);
	redis_target_release(&t);
	redis_data_do(to, "REPLICAOF NO ONE");
}

/* A server on bytes: one string key "k" in database 0, of RDB 9. */
static const unsigned char tiny_dump[] = "REDIS0009\xfe\x00"
					 "\xfc\x7b\x00\x00\x00\x00\x00\x00\x00"
					 "\x00\x01k\x01v"
					 "\xff\0\0\0\0\0\0\0\0";

static const char INFO[] =
    "# Server\r\nredis_version:7.0.15\r\nrole:master\r\n";

/* In the command below; the checksum is a real server's to judge. */
#define CRC_AT 43

enum ending {
	SAY_OK,
	SAY_ERROR,
	SAY_NONSENSE,
	SAY_QUEUED,
	SAY_TWICE,
	HANG_UP,
	RESET,
	REFUSE_SELECT
};

static int
serve_setup(struct script_conn *c)
{
	struct buf line;
	int rc = 0;

	buf_init(&line, 65536);
	/* What it asks before RESTORE: PING, INFO and CONFIG, each answered. */
	for (;;) {
		buf_truncate(&line, 0);
		rc = script_read_until(c, &line, "\r\n");
		if (rc != 0)
			break;
		if (strcmp(line.data, "PING\r\n") == 0)
			rc = script_sends(c, "+PONG\r\n");
		else if (strcmp(line.data, "INFO\r\n") == 0)
			rc = script_sendf(
			    c, "$%zu\r\n%s\r\n", sizeof(INFO) - 1, INFO);
		else if (strcmp(line.data, "CONFIG\r\n") == 0)
			rc = script_sends(c, "-ERR unknown command\r\n");
		else if (strcmp(line.data, "SELECT\r\n") == 0) {
			rc = script_expects(c, "$1\r\n0\r\n");
			break;
		}
		if (rc != 0)
			break;
	}
	buf_release(&line);
	return rc;
}

/* The one wanted, but for its checksum. */
static int
read_command(struct script_conn *c, const char *wanted, size_t len)
{
	struct buf got;
	int rc;

	buf_init(&got, 4096);
	rc = script_read(c, &got, len);
	if (rc == 0 &&
	    (memcmp(got.data, wanted, CRC_AT) != 0 ||
		memcmp(got.data + CRC_AT + 8, wanted + CRC_AT + 8,
		    len - CRC_AT - 8) != 0))
		rc = script_fail(c, "not the RESTORE expected");
	buf_release(&got);
	return rc;
}

static void
serve_restore(struct script_conn *c, void *arg)
{
	const enum ending *end = arg;
	static const char wanted[] =
	    "*6\r\n$7\r\nRESTORE\r\n$1\r\nk\r\n$3\r\n123\r\n"
	    "$13\r\n\x00\x01v\x01\x00........\r\n"
	    "$7\r\nREPLACE\r\n$6\r\nABSTTL\r\n";

	if (serve_setup(c) != 0)
		return;
	if (*end == REFUSE_SELECT) {
		script_sends(c, "-ERR DB index is out of range\r\n");
		script_expect_eof(c);
		return;
	}
	if (script_sends(c, "+OK\r\n") != 0)
		return;
	/* An answer that came sooner would be one to nothing. */
	if (read_command(c, wanted, sizeof(wanted) - 1) != 0)
		return;
	switch (*end) {
	case SAY_OK:
		script_sends(c, "+O");
		script_sends(c, "K\r\n");
		break;
	case SAY_ERROR:
		script_sends(c, "-ERR Bad data format\r\n");
		break;
	case SAY_NONSENSE:
		script_sends(c, "$3\r\nabc\r\n");
		break;
	case SAY_TWICE:
		script_sends(c, "+OK\r\n+OK\r\n");
		break;
	case SAY_QUEUED:
		script_sends(c, "+QUEUED\r\n");
		break;
	case HANG_UP:
		script_close(c);
		return;
	case RESET:
		script_reset(c);
		return;
	case REFUSE_SELECT:
		break;
	}
	script_stall(c);
}

static int
load_script(enum ending end, struct restore_facts *facts, struct err *err)
{
	struct script_server *s = script_server_new(NULL, serve_restore, &end);
	static const struct restore_opts opts = {.connections = 1};
	int rc = load_dump(script_server_port(s), NULL, tiny_dump,
	    sizeof(tiny_dump) - 1, &opts, facts, err);

	if (script_server_failure(s) != NULL)
		fail_msg("%s", script_server_failure(s));
	script_server_free(s);
	return rc;
}

static void
a_key_is_these_bytes(void **state)
{
	struct restore_facts facts;
	struct err err = {0};

	(void)state;
	if (load_script(SAY_OK, &facts, &err) != 0)
		fail_msg("%s", err.text);
	/* It expired in 1970. */
	assert_int_equal(facts.keys, 0);
	assert_int_equal(facts.expired, 1);
	assert_int_equal(facts.bytes, 13);
}

static void
every_bad_answer_ends_the_load(void **state)
{
	static const struct {
		enum ending end;
		enum err_kind kind;
		const char *text;
	} cases[] = {
	    {SAY_ERROR, ERR_UNSUPPORTED, "restoring key 'k' of database 0"},
	    {SAY_NONSENSE, ERR_CORRUPT, "neither OK nor an error"},
	    {SAY_QUEUED, ERR_CORRUPT, "neither OK nor an error"},
	    {SAY_TWICE, ERR_CORRUPT, "nothing asked for"},
	    {HANG_UP, ERR_TRANSIENT, "closed the connection"},
	    {RESET, ERR_TRANSIENT, "connection"},
	    {REFUSE_SELECT, ERR_SERVER, "selecting database 0"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct restore_facts facts;
		struct err err = {0};

		assert_int_equal(load_script(cases[i].end, &facts, &err), -1);
		assert_int_equal(err.kind, cases[i].kind);
		if (strstr(err.text, cases[i].text) == NULL)
			fail_msg("%s", err.text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(every_kind_arrives, empty_servers),
	    cmocka_unit_test_setup(
		small_limits_only_slow_it_down, empty_servers),
	    cmocka_unit_test_setup(what_was_there_is_replaced, empty_servers),
	    cmocka_unit_test_setup(
		a_key_whose_time_has_passed_is_counted_apart, empty_servers),
	    cmocka_unit_test_setup(
		how_long_a_key_was_idle_goes_along, empty_servers),
	    cmocka_unit_test_setup(
		a_refusal_names_the_key_and_the_servers_words, empty_servers),
	    cmocka_unit_test_setup(
		a_value_over_the_servers_ceiling_is_refused_by_name,
		empty_servers),
	    cmocka_unit_test_setup(
		nothing_lands_beside_a_database_that_the_target_lacks,
		empty_servers),
	    cmocka_unit_test_setup(
		its_memory_comes_off_the_budget, empty_servers),
	    cmocka_unit_test_setup(
		the_connections_of_a_long_load_show_a_fresh_token,
		empty_servers),
	    cmocka_unit_test_setup(
		emptying_takes_keys_and_functions, empty_servers),
	    cmocka_unit_test_setup(
		emptying_loses_no_key_before_a_refusal, empty_servers),
	    cmocka_unit_test_setup(
		nothing_is_emptied_without_a_transaction, empty_servers),
	    cmocka_unit_test_setup(
		a_replica_is_never_written_to, empty_servers),
	    cmocka_unit_test(a_key_is_these_bytes),
	    cmocka_unit_test(every_bad_answer_ends_the_load),
	};

	return cmocka_run_group_tests(tests, start_servers, stop_servers);
}

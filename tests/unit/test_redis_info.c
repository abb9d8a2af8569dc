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
#include "base/scope.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_info.h"
#include "tests/sim/real_redis.h"
#include "tests/sim/script_client.h"

struct answers {
	const char *info;   /* a whole reply when it begins with '-' or ':' */
	const char *config; /* a whole reply */
};

static void
serve(struct script_conn *c, void *arg)
{
	const struct answers *a = arg;

	if (script_expects(c, "*1\r\n$4\r\nPING\r\n") != 0 ||
	    script_sends(c, "+PONG\r\n") != 0 ||
	    script_expects(c, "*1\r\n$4\r\nINFO\r\n") != 0)
		return;
	if (strchr("-:", a->info[0]) != NULL)
		script_sends(c, a->info);
	else if (script_sendf(c, "$%zu\r\n%s\r\n", strlen(a->info), a->info) ==
		0 &&
	    script_expects(c,
		"*3\r\n$6\r\nCONFIG\r\n$3\r\nGET\r\n$9\r\ndatabases\r\n") == 0)
		script_sends(c, a->config);
}

static int
ask(const struct answers *a, struct redis_info *info, struct err *err)
{
	struct script_client c;
	int rc;

	*err = (struct err){0};
	script_client_up(&c, serve, (void *)a);
	rc = redis_info_get(c.conn, &c.scope, info, err);
	script_client_down(&c);
	return rc;
}

static void
a_primary_s_facts_are_read(void **state)
{
	static const struct answers a = {
	    "# Server\r\nredis_version:7.2.4\r\nredis_mode:standalone\r\n"
	    "run_id:0123456789012345678901234567890123456789\r\n"
	    "used_memory:1000000\r\nused_memory_rss:1500000\r\n"
	    "maxmemory:2000000\r\ntotal_system_memory:3000000\r\n"
	    "aof_rewrite_in_progress:1\r\nmodule_fork_in_progress:1\r\n"
	    "rdb_last_bgsave_status:err\r\nrdb_last_cow_size:4096\r\n"
	    "latest_fork_usec:321\r\ntotal_forks:12\r\n"
	    "loading:0\r\nrdb_bgsave_in_progress:1\r\n"
	    "role:master\r\nmaster_replid:abc\r\nmaster_replid2:def\r\n"
	    "master_repl_offset:99\r\n"
	    "# Keyspace\r\ndb0:keys=10,expires=3,avg_ttl=0\r\n"
	    "db12:keys=5,expires=0,avg_ttl=0,subexpiry=1\r\n",
	    "*2\r\n$9\r\ndatabases\r\n$2\r\n16\r\n"};
	struct redis_info i;
	struct err err;

	(void)state;
	assert_int_equal(ask(&a, &i, &err), 0);
	assert_string_equal(i.version, "7.2.4");
	assert_int_equal(i.version_number, 70204);
	assert_false(i.valkey);
	assert_false(i.is_replica);
	assert_false(i.cluster);
	assert_false(i.loading);
	assert_true(i.bgsave_running);
	assert_string_equal(i.replid, "abc");
	assert_string_equal(i.replid2, "def");
	assert_int_equal(i.offset, 99);
	assert_int_equal(i.used_memory, 1000000);
	assert_int_equal(i.maxmemory, 2000000);
	assert_int_equal(i.used_memory_rss, 1500000);
	assert_int_equal(i.system_memory, 3000000);
	assert_true(i.aof_rewrite_running);
	assert_true(i.module_fork_running);
	assert_true(i.save_failed);
	assert_int_equal(i.last_cow, 4096);
	assert_int_equal(i.fork_us, 321);
	assert_true(i.tells_forks);
	assert_int_equal(i.forks, 12);
	assert_int_equal(i.keys, 15);
	assert_int_equal(i.expires, 3);
	assert_int_equal(i.db_max_used, 12);
	assert_int_equal(i.databases, 16);
	assert_int_equal(redis_info_rdb_version(&i), 11);
}

static void
a_valkey_replica_is_known_as_one(void **state)
{
	static const struct answers a = {
	    "redis_version:7.2.4\r\nserver_name:valkey\r\n"
	    "valkey_version:9.0.1\r\nredis_mode:cluster\r\nrole:slave\r\n"
	    "master_host:10.0.0.1\r\nmaster_port:7000\r\n"
	    "master_link_status:up\r\nslave_repl_offset:70\r\n"
	    "master_repl_offset:71\r\n",
	    "-NOPERM no\r\n"};
	struct redis_info i;
	struct err err;

	(void)state;
	assert_int_equal(ask(&a, &i, &err), 0);
	assert_true(i.valkey);
	assert_string_equal(i.version, "9.0.1");
	assert_true(i.cluster);
	assert_true(i.is_replica);
	assert_true(i.link_up);
	assert_string_equal(i.master_host, "10.0.0.1");
	assert_int_equal(i.master_port, 7000);
	assert_int_equal(i.offset, 70);
	assert_false(i.tells_forks);
	assert_false(i.save_failed);
	/* CONFIG is hidden: the number of databases is not known. */
	assert_int_equal(i.databases, 0);
	assert_int_equal(redis_info_rdb_version(&i), 80);
}

static void
hostile_text_fits(void **state)
{
	char info[4096] = "redis_version:99999999999.1.1\r\nmaster_host:";
	struct answers a = {info, "+what\r\n"};
	struct redis_info i;
	struct err err;

	(void)state;
	memset(info + strlen(info), 'h', 1000);
	strcat(info,
	    "\r\ndb99999999999:keys=1,expires=1\r\ndb1:keys=x\r\n"
	    "run_id:\r\nrole");
	assert_int_equal(ask(&a, &i, &err), 0);
	assert_int_equal(strlen(i.master_host), sizeof(i.master_host) - 1);
	assert_int_equal(i.keys, 0);
	assert_int_equal(i.databases, 0);
}

static void
refusals_and_nonsense_fail(void **state)
{
	static const struct answers noperm = {"-NOPERM no\r\n", NULL};
	static const struct answers number = {":1\r\n", NULL};
	static const struct answers busy = {"role:master\r\n", "-BUSY\r\n"};
	struct redis_info i;
	struct err err;

	(void)state;
	assert_int_equal(ask(&noperm, &i, &err), -1);
	assert_int_equal(err.kind, ERR_AUTH);
	assert_int_equal(ask(&number, &i, &err), -1);
	assert_int_equal(err.kind, ERR_CORRUPT);
	assert_int_equal(ask(&busy, &i, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
}

static void
each_version_writes_its_rdb(void **state)
{
	static const struct {
		bool valkey;
		int number, rdb;
	} rows[] = {
	    {false, 20400, 5},
	    {false, 20817, 6},
	    {false, 30212, 7},
	    {false, 40014, 8},
	    {false, 60220, 9},
	    {false, 70015, 10},
	    {false, 70200, 11},
	    {false, 70400, 12},
	    {false, 80400, 12},
	    {false, 80600, 13},
	    {false, 80800, 14},
	    {false, 81000, 15},
	    {true, 70206, 11},
	    {true, 80100, 11},
	    {true, 90000, 80},
	    {true, 90200, 81},
	};

	(void)state;
	for (size_t n = 0; n < sizeof(rows) / sizeof(rows[0]); n++) {
		struct redis_info i = {
		    .valkey = rows[n].valkey,
		    .version_number = rows[n].number,
		};

		assert_int_equal(redis_info_rdb_version(&i), rows[n].rdb);
	}
}

static void
a_real_server_tells_its_facts(void **state)
{
	static const char *const args[] = {"--databases", "20", NULL};
	static const struct redis_opts none;
	struct real_redis_opts how = {.args = args};
	struct real_redis *redis = real_redis_start(&how);
	struct redis_address a = {
	    .host = (char *)real_redis_socket(redis), .db = 7};
	struct scope scope = scope_root(NULL);
	struct redis_info i;
	struct redis_conn *c;
	struct err err = {0};

	(void)state;
	c = redis_connect(&a, NULL, &none, &scope, &err);
	assert_non_null(c);
	freeReplyObject(redis_command(c, &scope, &err, "SET a b EX 1000"));
	freeReplyObject(redis_command(c, &scope, &err, "SET c d"));
	assert_int_equal(redis_info_get(c, &scope, &i, &err), 0);
	assert_int_equal(i.databases, 20);
	assert_int_equal(i.db_max_used, 7);
	assert_int_equal(i.keys, 2);
	assert_int_equal(i.expires, 1);
	assert_true(i.used_memory > 0);
	assert_true(i.system_memory > i.used_memory);
	assert_int_equal(strlen(i.replid), 40);
	assert_string_equal(i.replid2, ""); /* forty zeros, as it tells it */
	redis_conn_free(c);
	real_redis_stop(redis);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_primary_s_facts_are_read),
	    cmocka_unit_test(a_valkey_replica_is_known_as_one),
	    cmocka_unit_test(hostile_text_fits),
	    cmocka_unit_test(refusals_and_nonsense_fail),
	    cmocka_unit_test(each_version_writes_its_rdb),
	    cmocka_unit_test(a_real_server_tells_its_facts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

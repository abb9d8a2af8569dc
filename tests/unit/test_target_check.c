#include <setjmp.h>
#include <signal.h>
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
#include "base/scope.h"
#include "rdb/rdb_reader.h"
#include "rdb/rdb_types.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_info.h"
#include "rdb/target_check.h"
#include "rdb/value_commands.h"
#include "tests/sim/real_redis.h"
#include "tests/sim/redis_data.h"
#include "tests/sim/script_resp.h"

/* A dump of strings by 7.0, and an empty 7.0 without limits. */
struct world {
	struct redis_info info;
	struct target_probe probe;
	struct rdb_summary rdb;
	struct target_dump dump;
	struct target_verdict v;
};

static void
world_init(struct world *w)
{
	*w = (struct world){
	    .info = {.version = "7.0.15",
		.version_number = 70015,
		.databases = 16},
	    .probe = {.config = true, .modules_known = true},
	    .rdb = {.version = 10,
		.complete = true,
		.keys = 100,
		.types_seen = 1u << RDB_TYPE_STRING},
	};
	w->dump.rdb = &w->rdb;
	w->dump.size = 1 << 20;
}

static void
judge(struct world *w)
{
	target_judge(&w->info, &w->probe, &w->dump, &w->v);
	assert_true(w->v.replica_ok == (w->v.replica_why[0] == '\0'));
	assert_true(w->v.restore_ok == (w->v.restore_why[0] == '\0'));
}

/* Neither way, for a reason that has this in it. */
static void
neither(struct world *w, const char *why)
{
	judge(w);
	assert_false(w->v.replica_ok);
	assert_false(w->v.restore_ok);
	if (strstr(w->v.replica_why, why) == NULL ||
	    strstr(w->v.restore_why, why) == NULL)
		fail_msg("%s; %s", w->v.replica_why, w->v.restore_why);
}

static void
only_restore(struct world *w, const char *why)
{
	judge(w);
	if (!w->v.restore_ok)
		fail_msg("%s", w->v.restore_why);
	assert_false(w->v.replica_ok);
	if (strstr(w->v.replica_why, why) == NULL)
		fail_msg("%s", w->v.replica_why);
}

static void
a_server_of_its_own_version_takes_it_both_ways(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.rdb.has_functions = true;
	judge(&w);
	assert_true(w.v.replica_ok);
	assert_true(w.v.restore_ok);
}

static void
a_newer_dump_can_be_restored_as_far_as_its_types_are_known(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.rdb.version = 12;
	only_restore(&w, "RDB version 12");
	w.rdb.types_seen |= 1u << RDB_TYPE_HASH_METADATA;
	neither(&w, "version");
	assert_non_null(strstr(w.v.restore_why, "hash-metadata"));
}

static void
the_dumps_of_a_cluster_are_no_full_sync(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.dump.shards = 3;
	only_restore(&w, "of a cluster of 3 shards");
}

static void
the_families_do_not_read_each_others_new_versions(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.info.valkey = true;
	w.info.version_number = 90000;
	strcpy(w.info.version, "9.0.0");
	w.rdb.version = 12;
	only_restore(&w, "RDB version 12");
	w.rdb.types_seen = 1u << RDB_TYPE_HASH_LISTPACK_EX;
	only_restore(&w, "RDB version 12");
	w.info.version_number = 80100;
	neither(&w, "version");

	world_init(&w);
	w.info.version_number = 80400;
	w.rdb.version = 80;
	w.rdb.valkey = true;
	only_restore(&w, "RDB version 80");
	w.rdb.types_seen = 1u << RDB_TYPE_HASH_2_VALKEY;
	only_restore(&w, "RDB version 80");
	w.info.version_number = 70200;
	neither(&w, "version");
}

static void
an_older_server_gets_commands_where_there_are_some(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.info.version_number = 60220;
	strcpy(w.info.version, "6.2.20");
	w.rdb.types_seen = 1u << RDB_TYPE_HASH_LISTPACK |
	    1u << RDB_TYPE_STREAM_LISTPACKS_3;
	only_restore(&w, "RDB version 10");
	w.info.cluster = true;
	only_restore(&w, "RDB version 10");
	w.info.cluster = false;
	w.rdb.types_seen |= 1u << RDB_TYPE_HASH_LISTPACK_EX;
	neither(&w, "version");
	assert_non_null(strstr(w.v.restore_why, "hashes whose fields expire"));
}

static void
functions_need_a_server_that_has_them(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.info.version_number = 60220;
	strcpy(w.info.version, "6.2.20");
	only_restore(&w, "RDB version 10");
	w.rdb.has_functions = true;
	judge(&w);
	assert_false(w.v.restore_ok);
	assert_non_null(strstr(w.v.restore_why, "functions"));
}

static void
databases_memory_and_replicas_rule_out_both(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.rdb.db_max = 16;
	neither(&w, "database 16");
	world_init(&w);
	w.info.maxmemory = 1 << 20;
	neither(&w, "maxmemory");
	w.info.maxmemory = 2 << 20;
	judge(&w);
	assert_true(w.v.replica_ok);
	w.dump.used_memory = 3 << 20;
	neither(&w, "maxmemory");
	world_init(&w);
	w.info.is_replica = true;
	strcpy(w.info.master_host, "10.1.2.3");
	w.info.master_port = 6379;
	neither(&w, "replica of '10.1.2.3:6379'");
}

static void
a_cluster_is_loaded_by_restore_and_has_one_database(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.info.cluster = true;
	judge(&w);
	assert_false(w.v.replica_ok);
	assert_non_null(strstr(w.v.replica_why, "in cluster mode"));
	assert_true(w.v.restore_ok);
	w.rdb.db_max = 1;
	neither(&w, "the dump uses database 1, and a cluster has database 0");
	w.rdb.keys = 0;
	judge(&w);
	assert_true(w.v.restore_ok);
}

static void
module_data_need_their_modules(void **state)
{
	static const char *const needs[] = {"ReJSON", "bf"};
	struct world w;

	(void)state;
	world_init(&w);
	w.rdb.has_modules = true;
	neither(&w, "modules");
	strcpy(w.probe.modules[0], "ReJSON");
	w.probe.nmodules = 1;
	only_restore(&w, "not known");
	w.dump.modules = needs;
	w.dump.nmodules = 2;
	neither(&w, "'bf'");
	w.dump.nmodules = 1;
	judge(&w);
	assert_true(w.v.replica_ok && w.v.restore_ok);
	w.probe.modules_known = false;
	only_restore(&w, "not known");
}

static void
a_dump_that_was_not_proved_is_not_sent_as_a_whole(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.rdb.complete = false;
	only_restore(&w, "not proved");
}

static void
a_dump_that_could_not_be_parsed_is_sent_whole_or_not_at_all(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.rdb.keys = 0;
	w.rdb.types_seen = 0;
	w.dump.unproved = true;
	judge(&w);
	assert_true(w.v.replica_ok);
	assert_false(w.v.restore_ok);
	assert_non_null(strstr(w.v.restore_why, "'replica'"));
}

static void
without_maxmemory_the_machine_is_the_ceiling(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.info.system_memory = 4 << 20;
	w.dump.used_memory = 5 << 20;
	neither(&w, "its machine has 4 MiB");
	/* What an empty server uses stays, old data go. */
	w.dump.used_memory = 3 << 20;
	w.info.used_memory = 2 << 20;
	neither(&w, "its machine has 4 MiB");
	w.info.keys = 1;
	judge(&w);
	assert_true(w.v.replica_ok && w.v.restore_ok);
	w.info.maxmemory = 5 << 20;
	w.dump.used_memory = 5 << 20;
	judge(&w);
	assert_true(w.v.replica_ok && w.v.restore_ok);
}

/* Found out while it is sent, the target's old data would be gone by then. */
static void
what_no_command_brings_is_left_to_replica(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.probe.limit = (struct restore_limit){
	    1000, "client-query-buffer-limit", 2000};
	w.rdb.value_max = 5000;
	w.rdb.sizes = (struct rdb_sizes){
	    .string = 2000, .element = 1000, .whole = 1000 - 11};
	judge(&w);
	assert_true(w.v.restore_ok);
	w.rdb.sizes.string++;
	judge(&w);
	assert_true(w.v.replica_ok);
	assert_false(w.v.restore_ok);
	assert_non_null(strstr(w.v.restore_why,
	    "biggest string has 2001 bytes, 1 more than the server's "
	    "proto-max-bulk-len allows"));
	w.rdb.sizes = (struct rdb_sizes){.element = 1001};
	judge(&w);
	assert_non_null(strstr(w.v.restore_why,
	    "biggest element has 1001 bytes, 1 more than the server's "
	    "client-query-buffer-limit"));
	w.rdb.sizes = (struct rdb_sizes){.whole = 1000};
	judge(&w);
	assert_non_null(strstr(
	    w.v.restore_why, "module value takes 1011 bytes, 11 more than"));
	w.rdb.sizes = (struct rdb_sizes){.label = VALUE_LABEL_MAX + 1};
	judge(&w);
	assert_non_null(
	    strstr(w.v.restore_why, "consumer has a name of 1048577 bytes"));
	w.rdb.sizes = (struct rdb_sizes){.fields = VALUE_FIELDS_MAX + 1};
	judge(&w);
	assert_non_null(strstr(w.v.restore_why, "entry has 512001 fields"));
	/* By RESTORE they are brought. */
	w.rdb.value_max = 500;
	judge(&w);
	assert_true(w.v.restore_ok);
	w.rdb.value_max = 5000;
	w.rdb.sizes = (struct rdb_sizes){.whole = 1000};
	/* Of a manifest that does not tell. */
	w.rdb.value_max = 0;
	judge(&w);
	assert_true(w.v.restore_ok);
}

/* FLUSHALL is no matter where nothing needs to go. */
static void
a_command_counts_for_the_way_that_needs_it(void **state)
{
	static const struct {
		enum target_command which;
		uint64_t keys;
		bool functions, replica, restore;
	} rows[] = {
	    {TARGET_REPLICAOF, 1, true, false, true},
	    {TARGET_CONFIG_SET, 1, true, false, true},
	    {TARGET_FLUSHALL, 1, false, true, false},
	    {TARGET_FLUSHALL, 0, false, true, true},
	    {TARGET_FUNCTION_FLUSH, 1, false, true, false},
	    {TARGET_FUNCTION_FLUSH, 0, true, true, true},
	    {TARGET_SELECT, 0, false, true, false},
	    {TARGET_RESTORE, 0, false, true, false},
	    {TARGET_FUNCTION_RESTORE, 0, true, true, false},
	    {TARGET_FUNCTION_RESTORE, 0, false, true, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world w;

		world_init(&w);
		w.info.keys = rows[i].keys;
		w.rdb.has_functions = rows[i].functions;
		strcpy(w.probe.refused[rows[i].which], "the words");
		judge(&w);
		assert_true(w.v.replica_ok == rows[i].replica);
		assert_true(w.v.restore_ok == rows[i].restore);
		if (!w.v.restore_ok)
			assert_string_equal(w.v.restore_why, "the words");
		if (!w.v.replica_ok)
			assert_string_equal(w.v.replica_why, "the words");
	}
}

static void
one_that_sentinel_watches_is_not_made_a_replica(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.probe.watched = true;
	only_restore(&w, "Sentinel watches it");
	/* Its URL tells what it does not. */
	world_init(&w);
	judge(&w);
	target_forbid_replica(&w.v);
	assert_false(w.v.replica_ok);
	assert_true(w.v.restore_ok);
	assert_non_null(strstr(w.v.replica_why, "Sentinel watches it"));
	/* Another reason stays. */
	strcpy(w.v.replica_why, "the server refuses CONFIG");
	target_forbid_replica(&w.v);
	assert_string_equal(w.v.replica_why, "the server refuses CONFIG");
}

static void
says(const char *text, const char *words)
{
	if (strstr(text, words) == NULL)
		fail_msg("'%s' is not in: %s", words, text);
}

/* A dump with functions, up to db_max, into a server with one key. */
static void
check_server(
    const char *const *args, const char *acl, uint32_t db_max, struct world *w)
{
	const struct real_redis_opts opts = {.args = args};
	struct real_redis *server = real_redis_start(&opts);
	struct redis_conn *c = redis_data_connect(server, NULL);
	struct scope scope = scope_root(NULL);
	struct err err = {0};
	char *info;

	world_init(w);
	w->rdb.has_functions = true;
	w->rdb.db_max = db_max;
	redis_data_do(c, "SET old data");
	if (acl != NULL) {
		redis_data_do(c, acl);
		redis_data_do(c, "AUTH bob x");
	}
	if (redis_info_get(c, &scope, &w->info, &err) != 0 ||
	    target_probe(c, &scope, &w->info, &w->dump, &w->probe, &err) != 0)
		fail_msg("%s", err.text);
	judge(w);
	/* Nothing was written: an import's guard would see it. */
	info = redis_data_text(c, "INFO persistence");
	says(info, "rdb_changes_since_last_save:1\r\n");
	free(info);
	redis_conn_free(c);
	real_redis_stop(server);
}

static void
a_real_server_tells_what_it_refuses(void **state)
{
	static const char *const removed[] = {"--rename-command", "REPLICAOF",
	    "", "--rename-command", "SLAVEOF", "", "--rename-command", "CONFIG",
	    "", "--rename-command", "RESTORE", "", NULL};
	static const char *const no_flush[] = {
	    "--rename-command", "FLUSHALL", "", NULL};
	struct world w;

	(void)state;
	check_server(NULL, NULL, 15, &w);
	assert_true(w.probe.config && w.probe.modules_known);
	assert_int_equal(w.probe.nmodules, 0);
	for (int i = 0; i < TARGET_COMMANDS; i++)
		assert_string_equal(w.probe.refused[i], "");
	assert_true(w.v.replica_ok && w.v.restore_ok);
	check_server(removed, NULL, 0, &w);
	assert_false(w.probe.config);
	says(w.probe.refused[TARGET_REPLICAOF], "renamed or disabled");
	says(w.v.restore_why, "refuses RESTORE: ERR unknown command");
	w.rdb.value_max = UINT64_C(513) << 20;
	w.rdb.sizes.string = UINT64_C(513) << 20;
	strcpy(w.probe.refused[TARGET_RESTORE], "");
	judge(&w);
	says(w.v.restore_why, "1048576 more than the server's proto-max-bulk");
	check_server(no_flush, NULL, 0, &w);
	says(w.v.restore_why, "FLUSHALL: it is renamed or disabled");
}

static void
a_real_server_tells_what_a_user_may_not(void **state)
{
	static const struct {
		const char *acl;
		enum target_command which;
		const char *replica, *restore;
	} rows[] = {
	    {"-replicaof ~*", TARGET_REPLICAOF, "refuses REPLICAOF: user 'bob'",
		""},
	    {"-config|set ~*", TARGET_CONFIG_SET,
		"refuses CONFIG SET: user 'bob'", ""},
	    {"-flushall ~*", TARGET_FLUSHALL, "",
		"refuses FLUSHALL: user 'bob'"},
	    {"-function|flush ~*", TARGET_FUNCTION_FLUSH, "",
		"refuses FUNCTION FLUSH: user 'bob'"},
	    {"-multi ~*", TARGET_MULTI, "",
		"refuses MULTI and EXEC: user 'bob'"},
	    {"-exec ~*", TARGET_MULTI, "",
		"refuses MULTI and EXEC: user 'bob'"},
	    {"-function|restore ~*", TARGET_FUNCTION_RESTORE, "",
		"refuses FUNCTION RESTORE: NOPERM"},
	    {"-select ~*", TARGET_SELECT, "", "refuses SELECT: NOPERM"},
	    {"-restore ~*", TARGET_RESTORE, "", "refuses RESTORE: NOPERM"},
	    {"~app:*", TARGET_RESTORE, "", "keys"},
	    /* Without DRYRUN, what can be tried is still found. */
	    {"-acl -restore ~*", TARGET_RESTORE, "", "NOPERM"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char acl[128];
		struct world w;

		snprintf(acl, sizeof(acl), "ACL SETUSER bob on nopass +@all %s",
		    rows[i].acl);
		check_server(NULL, acl, 3, &w);
		for (int k = 0; k < TARGET_COMMANDS; k++)
			assert_true((w.probe.refused[k][0] != '\0') ==
			    (k == (int)rows[i].which));
		says(w.v.replica_why, rows[i].replica);
		says(w.v.restore_why, rows[i].restore);
		assert_true(w.v.replica_ok == (rows[i].replica[0] == '\0'));
		assert_true(w.v.restore_ok == (rows[i].restore[0] == '\0'));
	}
}

/* A type that came after 7.0. */
static void
what_becomes_commands_needs_the_rights_to_them(void **state)
{
	static const char *const commands[] = {"RENAME", "XCLAIM"};
	struct real_redis *server = real_redis_start(NULL);
	struct redis_conn *c = redis_data_connect(server, NULL);
	struct scope scope = scope_root(NULL);
	struct err err = {0};
	struct world w;
	char want[80];

	(void)state;
	redis_data_do(c, "ACL SETUSER bob on nopass +@all ~*");
	redis_data_do(c, "AUTH bob x");
	for (size_t i = 0; i < 3; i++) {
		world_init(&w);
		w.rdb.types_seen = 1u << RDB_TYPE_SET_LISTPACK;
		if (redis_info_get(c, &scope, &w.info, &err) != 0 ||
		    target_probe(c, &scope, &w.info, &w.dump, &w.probe, &err) !=
			0)
			fail_msg("%s", err.text);
		judge(&w);
		if (w.v.restore_ok != (i == 0))
			fail_msg("%zu: %s", i, w.v.restore_why);
		if (i > 0) {
			snprintf(want, sizeof(want),
			    "refuses plain commands: user 'bob' may not run %s",
			    commands[i - 1]);
			says(w.v.restore_why, want);
			redis_data_do(c, "ACL SETUSER bob +@all");
		}
		if (i < 2)
			redis_data_do(c, "ACL SETUSER bob -%s", commands[i]);
	}
	redis_conn_free(c);
	real_redis_stop(server);
}

static void
what_is_not_known_is_left_to_restore(void **state)
{
	struct world w;

	(void)state;
	check_server(
	    NULL, "ACL SETUSER bob on nopass +@all -acl -flushall ~*", 3, &w);
	assert_string_equal(w.probe.refused[TARGET_FLUSHALL], "");
	assert_true(w.v.replica_ok && w.v.restore_ok);
}

static void
too_few_databases_are_found_where_config_is_hidden(void **state)
{
	static const char *const args[] = {
	    "--databases", "2", "--rename-command", "CONFIG", "", NULL};
	struct world w;

	(void)state;
	check_server(args, NULL, 2, &w);
	assert_int_equal(w.info.databases, 0);
	assert_false(w.v.replica_ok || w.v.restore_ok);
	says(w.v.restore_why, "refuses SELECT: ERR");
	says(w.v.restore_why, "DB index is out of range");
	says(w.v.replica_why, "DB index is out of range");
	check_server(args, NULL, 1, &w);
	assert_true(w.v.restore_ok);
}

/* The same answer to so many questions behind PING, and the end. */
static void
serve_bob(struct script_conn *c, void *arg)
{
	int left = *(int *)arg;
	struct buf words;

	buf_init(&words, 4096);
	if (script_read_command(c, &words) == 0 &&
	    script_sends(c, "+PONG\r\n") == 0)
		while (script_read_command(c, &words) == 0 && left-- > 0 &&
		    script_send_bulk(c, "bob") == 0)
			;
	buf_release(&words);
	script_close(c);
}

static int
probe_script(int answers, struct world *w, struct err *err)
{
	static const struct redis_opts none;
	struct script_server *s = script_server_new(NULL, serve_bob, &answers);
	struct redis_address where = {
	    .host = (char *)"127.0.0.1",
	    .port = script_server_port(s),
	};
	struct scope scope = scope_root(NULL);
	struct redis_conn *c = redis_connect(&where, NULL, &none, &scope, err);
	int rc;

	assert_non_null(c);
	world_init(w);
	w->rdb.has_functions = true;
	rc = target_probe(c, &scope, &w->info, &w->dump, &w->probe, err);
	redis_conn_free(c);
	script_server_free(s);
	return rc;
}

static void
a_connection_that_breaks_at_any_question_is_a_failure(void **state)
{
	/* CONFIG, COMMAND, WHOAMI, six DRYRUNs, two CONFIGs, SELECT there and
	 * back, two RESTOREs, MODULE, PUBSUB. */
	const int questions = 17;
	struct world w;
	struct err err = {0};

	(void)state;
	for (int n = 0; n < questions; n++) {
		err = (struct err){0};
		assert_int_equal(probe_script(n, &w, &err), -1);
		assert_int_equal(err.kind, ERR_TRANSIENT);
	}
	err = (struct err){0};
	if (probe_script(questions, &w, &err) != 0)
		fail_msg("%s", err.text);
}

/* DRYRUN came with 7.0; what is tried for real does not need it. */
static void
an_older_server_is_not_asked_what_it_does_not_know(void **state)
{
	struct real_redis *server = real_redis_start(NULL);
	struct redis_conn *c = redis_data_connect(server, NULL);
	struct scope scope = scope_root(NULL);
	struct err err = {0};
	struct world w;

	(void)state;
	redis_data_do(
	    c, "ACL SETUSER bob on nopass +@all -restore -flushall ~*");
	redis_data_do(c, "AUTH bob x");
	world_init(&w);
	w.info.version_number = 60220;
	assert_int_equal(
	    target_probe(c, &scope, &w.info, &w.dump, &w.probe, &err), 0);
	assert_string_equal(w.probe.refused[TARGET_FLUSHALL], "");
	says(w.probe.refused[TARGET_RESTORE], "NOPERM");
	redis_conn_free(c);
	real_redis_stop(server);
}

/* Memory that old data fill is free once they are gone. */
static void
a_full_server_is_no_refusal(void **state)
{
	static const char *const args[] = {"--maxmemory", "1", NULL};
	struct real_redis_opts opts = {.args = args};
	struct real_redis *server = real_redis_start(&opts);
	struct redis_conn *c = redis_data_connect(server, NULL);
	struct scope scope = scope_root(NULL);
	struct err err = {0};
	struct world w;

	(void)state;
	world_init(&w);
	assert_int_equal(
	    target_probe(c, &scope, &w.info, &w.dump, &w.probe, &err), 0);
	assert_string_equal(w.probe.refused[TARGET_RESTORE], "");
	redis_conn_free(c);
	real_redis_stop(server);
}

/* Refusals are an answer, a broken connection is none. */
static void
a_connection_that_breaks_is_a_failure(void **state)
{
	struct real_redis *server = real_redis_start(NULL);
	struct redis_conn *c = redis_data_connect(server, NULL);
	struct scope scope = scope_root(NULL);
	struct world w;
	struct err err = {0};

	(void)state;
	world_init(&w);
	kill(real_redis_pid(server), SIGKILL);
	assert_int_equal(
	    target_probe(c, &scope, &w.info, &w.dump, &w.probe, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	redis_conn_free(c);
	real_redis_stop(server);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_that_sentinel_watches_is_not_made_a_replica),
	    cmocka_unit_test(a_server_of_its_own_version_takes_it_both_ways),
	    cmocka_unit_test(
		a_newer_dump_can_be_restored_as_far_as_its_types_are_known),
	    cmocka_unit_test(the_dumps_of_a_cluster_are_no_full_sync),
	    cmocka_unit_test(the_families_do_not_read_each_others_new_versions),
	    cmocka_unit_test(
		an_older_server_gets_commands_where_there_are_some),
	    cmocka_unit_test(functions_need_a_server_that_has_them),
	    cmocka_unit_test(databases_memory_and_replicas_rule_out_both),
	    cmocka_unit_test(
		a_cluster_is_loaded_by_restore_and_has_one_database),
	    cmocka_unit_test(module_data_need_their_modules),
	    cmocka_unit_test(a_dump_that_was_not_proved_is_not_sent_as_a_whole),
	    cmocka_unit_test(
		a_dump_that_could_not_be_parsed_is_sent_whole_or_not_at_all),
	    cmocka_unit_test(without_maxmemory_the_machine_is_the_ceiling),
	    cmocka_unit_test(what_no_command_brings_is_left_to_replica),
	    cmocka_unit_test(a_command_counts_for_the_way_that_needs_it),
	    cmocka_unit_test(a_real_server_tells_what_it_refuses),
	    cmocka_unit_test(a_real_server_tells_what_a_user_may_not),
	    cmocka_unit_test(what_becomes_commands_needs_the_rights_to_them),
	    cmocka_unit_test(what_is_not_known_is_left_to_restore),
	    cmocka_unit_test(
		too_few_databases_are_found_where_config_is_hidden),
	    cmocka_unit_test(
		a_connection_that_breaks_at_any_question_is_a_failure),
	    cmocka_unit_test(
		an_older_server_is_not_asked_what_it_does_not_know),
	    cmocka_unit_test(a_full_server_is_no_refusal),
	    cmocka_unit_test(a_connection_that_breaks_is_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

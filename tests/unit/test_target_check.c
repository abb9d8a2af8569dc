#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/scope.h"
#include "rdb/rdb_reader.h"
#include "rdb/rdb_types.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_info.h"
#include "rdb/target_check.h"
#include "tests/sim/real_redis.h"
#include "tests/sim/redis_data.h"

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
	neither(&w, "version");

	world_init(&w);
	w.info.version_number = 80400;
	w.rdb.version = 80;
	w.rdb.valkey = true;
	only_restore(&w, "RDB version 80");
	w.rdb.types_seen = 1u << RDB_TYPE_HASH_2_VALKEY;
	neither(&w, "version");
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
databases_memory_cluster_and_replicas_rule_out_both(void **state)
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
	w.info.cluster = true;
	neither(&w, "cluster");
	world_init(&w);
	w.info.is_replica = true;
	strcpy(w.info.master_host, "10.1.2.3");
	w.info.master_port = 6379;
	neither(&w, "replica of '10.1.2.3:6379'");
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
probe_server(const char *const *args, struct target_probe *p,
    void (*before)(struct redis_conn *))
{
	const struct real_redis_opts opts = {.args = args};
	struct real_redis *server = real_redis_start(&opts);
	struct redis_conn *c = redis_data_connect(server, NULL);
	struct scope scope = scope_root(NULL);
	struct err err = {0};

	if (before != NULL)
		before(c);
	if (target_probe(c, &scope, p, &err) != 0)
		fail_msg("%s", err.text);
	redis_conn_free(c);
	real_redis_stop(server);
}

static void
become_bob(struct redis_conn *c)
{
	redis_data_do(c, "ACL SETUSER bob on nopass +@all -replicaof ~*");
	redis_data_do(c, "AUTH bob x");
}

static void
a_real_server_tells_what_it_refuses(void **state)
{
	static const char *const removed[] = {"--rename-command", "REPLICAOF",
	    "", "--rename-command", "SLAVEOF", "", "--rename-command", "CONFIG",
	    "", NULL};
	struct target_probe p;

	(void)state;
	probe_server(NULL, &p, NULL);
	assert_true(p.config && p.modules_known);
	assert_int_equal(p.nmodules, 0);
	assert_string_equal(p.replicaof, "");
	probe_server(removed, &p, NULL);
	assert_false(p.config);
	assert_non_null(strstr(p.replicaof, "no REPLICAOF"));
	probe_server(NULL, &p, become_bob);
	assert_non_null(strstr(p.replicaof, "'bob'"));
}

/* Refusals are an answer, a broken connection is none. */
static void
a_connection_that_breaks_is_a_failure(void **state)
{
	struct real_redis *server = real_redis_start(NULL);
	struct redis_conn *c = redis_data_connect(server, NULL);
	struct scope scope = scope_root(NULL);
	struct target_probe p;
	struct err err = {0};

	(void)state;
	kill(real_redis_pid(server), SIGKILL);
	assert_int_equal(target_probe(c, &scope, &p, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	redis_conn_free(c);
	real_redis_stop(server);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_server_of_its_own_version_takes_it_both_ways),
	    cmocka_unit_test(
		a_newer_dump_can_be_restored_as_far_as_its_types_are_known),
	    cmocka_unit_test(the_families_do_not_read_each_others_new_versions),
	    cmocka_unit_test(functions_need_a_server_that_has_them),
	    cmocka_unit_test(
		databases_memory_cluster_and_replicas_rule_out_both),
	    cmocka_unit_test(module_data_need_their_modules),
	    cmocka_unit_test(a_dump_that_was_not_proved_is_not_sent_as_a_whole),
	    cmocka_unit_test(a_real_server_tells_what_it_refuses),
	    cmocka_unit_test(a_connection_that_breaks_is_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/scope.h"
#include "rdb/redis_config.h"
#include "rdb/redis_conn.h"
#include "rdb/target_save.h"
#include "tests/sim/real_redis.h"
#include "tests/sim/redis_data.h"

struct rig {
	struct real_redis *server;
	struct redis_conn *conn;
	struct scope scope;
	enum target_save saved;
	char why[200];
	struct err err;
};

static void
rig_init(struct rig *r, const char *const *args)
{
	const struct real_redis_opts opts = {.args = args};

	*r = (struct rig){.scope = scope_root(NULL)};
	r->server = real_redis_start(&opts);
	r->conn = redis_data_connect(r->server, NULL);
	redis_data_do(r->conn, "SET k v");
}

static void
rig_free(struct rig *r)
{
	redis_conn_free(r->conn);
	real_redis_stop(r->server);
}

static void
config(struct rig *r, const char *name, const char *value)
{
	assert_int_equal(
	    redis_config_set(r->conn, &r->scope, name, value, &r->err), 0);
}

static enum target_save
save(struct rig *r)
{
	if (target_save(r->conn, &r->scope, &r->saved, r->why, &r->err) != 0)
		fail_msg("%s", r->err.text);
	return r->saved;
}

static bool
has_dump(const struct rig *r)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/dump.rdb", real_redis_dir(r->server));
	return access(path, F_OK) == 0;
}

static void
a_server_that_keeps_nothing_is_not_made_to(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, NULL);
	assert_int_equal(save(&r), TARGET_KEEPS_NONE);
	assert_false(has_dump(&r));
	rig_free(&r);
}

static void
where_there_are_save_points_it_is_saved(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, NULL);
	config(&r, "save", "3600 1");
	/* Another child is waited for. */
	redis_data_do(r.conn, "CONFIG SET rdb-key-save-delay 200000");
	redis_data_do(r.conn, "BGSAVE");
	redis_data_do(r.conn, "CONFIG SET rdb-key-save-delay 0");
	redis_data_do(r.conn, "SET k2 v");
	assert_int_equal(save(&r), TARGET_SAVED);
	assert_string_equal(r.why, "");
	assert_true(has_dump(&r));
	rig_free(&r);
}

static void
an_append_only_file_is_waited_for(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, NULL);
	redis_data_do(r.conn, "CONFIG SET rdb-key-save-delay 100000");
	config(&r, "appendonly", "yes");
	assert_int_equal(save(&r), TARGET_SAVED);
	assert_int_equal(redis_data_int(r.conn, "EXISTS k"), 1);
	rig_free(&r);
}

static void
what_it_could_not_save_is_told(void **state)
{
	static const char *const args[] = {
	    "--rename-command", "BGSAVE", "", NULL};
	char path[512];
	struct rig r;

	(void)state;
	rig_init(&r, args);
	config(&r, "save", "3600 1");
	assert_int_equal(save(&r), TARGET_NOT_SAVED);
	assert_non_null(strstr(r.why, "unknown command"));
	rig_free(&r);

	rig_init(&r, NULL);
	config(&r, "save", "3600 1");
	snprintf(path, sizeof(path), "%s/dump.rdb", real_redis_dir(r.server));
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(save(&r), TARGET_NOT_SAVED);
	assert_non_null(strstr(r.why, "BGSAVE failed"));
	assert_int_equal(rmdir(path), 0);
	rig_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_server_that_keeps_nothing_is_not_made_to),
	    cmocka_unit_test(where_there_are_save_points_it_is_saved),
	    cmocka_unit_test(an_append_only_file_is_waited_for),
	    cmocka_unit_test(what_it_could_not_save_is_told),
	};

	return cmocka_run_group_tests_name("target_save", tests, NULL, NULL);
}

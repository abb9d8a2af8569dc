/* How large a RESTORE a server takes, and that it is so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/redis_conn.h"
#include "rdb/restore_limit.h"
#include "tests/sim/real_redis.h"
#include "tests/sim/redis_data.h"

#define MIB (UINT64_C(1) << 20)

struct ground {
	struct real_redis *server;
	struct redis_conn *c;
	struct scope scope;
	struct err err;
};

static int
up_with(void **state, const char *const *args)
{
	const struct real_redis_opts opts = {.args = args};
	struct ground *g = xcalloc(1, sizeof(*g));

	g->scope = scope_root(NULL);
	g->server = real_redis_start(&opts);
	g->c = redis_data_connect(g->server, NULL);
	*state = g;
	return 0;
}

static int
up(void **state)
{
	return up_with(state, NULL);
}

static int
up_without_config(void **state)
{
	static const char *const args[] = {
	    "--rename-command", "CONFIG", "", NULL};

	return up_with(state, args);
}

static int
down(void **state)
{
	struct ground *g = *state;

	redis_conn_free(g->c);
	real_redis_stop(g->server);
	free(g);
	return 0;
}

static void
expect_limit(struct ground *g, uint64_t bytes, const char *setting)
{
	struct restore_limit limit;

	if (restore_limit_get(g->c, &g->scope, &limit, &g->err) != 0)
		fail_msg("%s", g->err.text);
	assert_int_equal(limit.bytes, bytes);
	assert_string_equal(limit.setting, setting);
}

static void
the_lower_of_two_settings_is_it(void **state)
{
	struct ground *g = *state;

	expect_limit(g, 512 * MIB, "proto-max-bulk-len");
	redis_data_do(g->c, "CONFIG SET proto-max-bulk-len 1mb");
	expect_limit(g, MIB, "proto-max-bulk-len");
	redis_data_do(g->c, "CONFIG SET proto-max-bulk-len 8mb");
	redis_data_do(g->c, "CONFIG SET client-query-buffer-limit 4mb");
	expect_limit(g, 3 * MIB, "client-query-buffer-limit");
	redis_data_do(g->c, "CONFIG SET client-query-buffer-limit 1mb");
	expect_limit(g, MIB / 2, "client-query-buffer-limit");
}

static void
where_config_is_refused_it_is_the_default(void **state)
{
	expect_limit(*state, 512 * MIB, "proto-max-bulk-len");
}

static void
a_connection_that_broke_tells_none(void **state)
{
	struct ground *g = *state;
	struct restore_limit limit;

	real_redis_stop(g->server);
	g->server = NULL;
	assert_int_equal(
	    restore_limit_get(g->c, &g->scope, &limit, &g->err), -1);
	assert_int_equal(g->err.kind, ERR_TRANSIENT);
}

/* 0 when the server answered a RESTORE of such a payload, which is none. */
static int
restore_of(struct ground *g, uint64_t bytes)
{
	char *payload = xcalloc(1, bytes);
	const char *argv[] = {"RESTORE", "k", "0", payload};
	const size_t lens[] = {7, 1, 1, bytes};
	struct redis_conn *c = redis_data_connect(g->server, NULL);
	redisReply *r;

	g->err = (struct err){0};
	memset(payload, 'x', bytes);
	r = redis_command_argv(c, &g->scope, 4, argv, lens, &g->err);
	if (r != NULL)
		freeReplyObject(r);
	free(payload);
	redis_conn_free(c);
	return strstr(g->err.text, "payload version or checksum") != NULL ? 0
									  : -1;
}

static void
a_server_takes_what_the_limit_allows_and_no_more(void **state)
{
	struct ground *g = *state;
	struct restore_limit limit;

	redis_data_do(g->c, "CONFIG SET proto-max-bulk-len 1mb");
	assert_int_equal(
	    restore_limit_get(g->c, &g->scope, &limit, &g->err), 0);
	assert_int_equal(restore_of(g, limit.bytes), 0);
	assert_int_equal(restore_of(g, limit.bytes + 1), -1);
	redis_data_do(g->c, "CONFIG SET proto-max-bulk-len 8mb");
	redis_data_do(g->c, "CONFIG SET client-query-buffer-limit 2mb");
	assert_int_equal(
	    restore_limit_get(g->c, &g->scope, &limit, &g->err), 0);
	assert_int_equal(restore_of(g, limit.bytes), 0);
	assert_int_equal(restore_of(g, 2 * MIB + 1), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_lower_of_two_settings_is_it),
	    cmocka_unit_test_setup_teardown(
		where_config_is_refused_it_is_the_default, up_without_config,
		down),
	    TEST(a_connection_that_broke_tells_none),
	    TEST(a_server_takes_what_the_limit_allows_and_no_more),
	};

	return cmocka_run_group_tests_name("restore_limit", tests, NULL, NULL);
}

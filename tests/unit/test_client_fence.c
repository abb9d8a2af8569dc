#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/scope.h"
#include "rdb/client_fence.h"
#include "rdb/redis_conn.h"
#include "tests/sim/real_redis.h"
#include "tests/sim/redis_data.h"

#define PREFIX "drsync:import:"

struct rig {
	struct real_redis *server;
	struct redis_target target;
	struct redis_conn *watching;
	struct scope scope;
	struct err err;
};

static int
rig_up(void **state)
{
	static struct rig rig;
	char url[64];

	memset(&rig, 0, sizeof(rig));
	rig.server = real_redis_start(NULL);
	rig.scope = scope_root(NULL);
	snprintf(url, sizeof(url), "redis://127.0.0.1:%d",
	    real_redis_port(rig.server));
	if (redis_target_parse(url, &rig.target, &rig.err) != 0)
		return -1;
	rig.watching = redis_data_connect(rig.server, NULL);
	*state = &rig;
	return 0;
}

static int
rig_down(void **state)
{
	struct rig *r = *state;

	redis_conn_free(r->watching);
	redis_target_release(&r->target);
	real_redis_stop(r->server);
	return 0;
}

static struct redis_conn *
connect_as(struct rig *r, const char *user, const char *name)
{
	const struct redis_opts opts = {.user = user, .client_name = name};
	struct redis_conn *c;

	c = redis_connect(&r->target.hosts[0], NULL, &opts, &r->scope, &r->err);
	if (c == NULL)
		fail_msg("%s", r->err.text);
	return c;
}

static bool
lives(struct rig *r, struct redis_conn *c)
{
	struct err err = {0};
	redisReply *reply = redis_command(c, &r->scope, &err, "PING");

	freeReplyObject(reply);
	return reply != NULL;
}

static void
raise_as(struct rig *r, const char *user, const char *name,
    struct client_fence *fence)
{
	const struct redis_opts opts = {.user = user, .client_name = name};

	if (client_fence_raise(
		&r->target, &opts, PREFIX, &r->scope, fence, &r->err) != 0)
		fail_msg("%s", r->err.text);
}

static void
those_of_earlier_loads_are_closed_and_no_others(void **state)
{
	struct rig *r = *state;
	struct redis_conn *old[2] = {
	    connect_as(r, NULL, PREFIX "1"), connect_as(r, NULL, PREFIX "22")};
	struct redis_conn *others[3] = {connect_as(r, NULL, PREFIX "2"),
	    connect_as(r, NULL, "drsync:importer"), connect_as(r, NULL, NULL)};
	struct client_fence fence;

	raise_as(r, NULL, PREFIX "2", &fence);
	assert_int_equal(fence.ended, 2);
	assert_string_equal(fence.blind, "");
	for (int i = 0; i < 2; i++) {
		assert_false(lives(r, old[i]));
		redis_conn_free(old[i]);
	}
	for (int i = 0; i < 3; i++) {
		assert_true(lives(r, others[i]));
		redis_conn_free(others[i]);
	}
}

/* One half of it the server has read by then. */
static void
what_was_under_way_is_not_done(void **state)
{
	static const char command[] = "*3\r\n$3\r\nSET\r\n$4\r\nlate\r\n"
				      "$1\r\nx\r\n";
	const size_t half = 20, all = sizeof(command) - 1;
	struct rig *r = *state;
	struct redis_conn *old = connect_as(r, NULL, PREFIX "1");
	struct client_fence fence;
	struct err ignored = {0};

	assert_int_equal(
	    redis_conn_write(old, &r->scope, command, half, &r->err), 0);
	raise_as(r, NULL, PREFIX "2", &fence);
	assert_int_equal(fence.ended, 1);
	redis_conn_write(old, &r->scope, command + half, all - half, &ignored);
	assert_false(lives(r, old));
	assert_int_equal(redis_data_int(r->watching, "EXISTS late"), 0);
	redis_conn_free(old);
}

static void
a_server_that_does_not_show_them_makes_blind(void **state)
{
	struct rig *r = *state;
	struct redis_conn *old = connect_as(r, NULL, PREFIX "1");
	struct client_fence fence;

	redis_data_do(
	    r->watching, "ACL SETUSER bob on nopass +@all -client|list ~*");
	raise_as(r, "bob", PREFIX "2", &fence);
	assert_int_equal(fence.ended, 0);
	assert_non_null(strstr(fence.blind, "client|list"));
	redis_data_do(r->watching,
	    "ACL SETUSER bob on nopass +@all +client|list -client|kill ~*");
	raise_as(r, "bob", PREFIX "2", &fence);
	assert_int_equal(fence.ended, 0);
	assert_non_null(strstr(fence.blind, "client|kill"));
	assert_true(lives(r, old));
	redis_conn_free(old);
}

static void
a_name_that_is_refused_is_no_obstacle(void **state)
{
	struct rig *r = *state;
	struct redis_conn *c;

	redis_data_do(
	    r->watching, "ACL SETUSER ann on nopass +@all -client|setname ~*");
	c = connect_as(r, "ann", "x");
	assert_true(lives(r, c));
	redis_conn_free(c);
}

static void
no_answer_is_a_failure(void **state)
{
	static const struct redis_opts opts = {.connect_timeout_ms = 1000};
	struct rig *r = *state;
	struct redis_target t;
	struct client_fence fence;
	struct err err = {0};

	assert_int_equal(
	    redis_target_parse("redis://127.0.0.1:1", &t, &err), 0);
	assert_int_equal(
	    client_fence_raise(&t, &opts, PREFIX, &r->scope, &fence, &err), -1);
	assert_non_null(strstr(err.text, "of an earlier load"));
	redis_target_release(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(those_of_earlier_loads_are_closed_and_no_others),
	    cmocka_unit_test(what_was_under_way_is_not_done),
	    cmocka_unit_test(a_server_that_does_not_show_them_makes_blind),
	    cmocka_unit_test(a_name_that_is_refused_is_no_obstacle),
	    cmocka_unit_test(no_answer_is_a_failure),
	};

	return cmocka_run_group_tests_name(
	    "client_fence", tests, rig_up, rig_down);
}

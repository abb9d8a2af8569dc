#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "rdb/fork_check.h"
#include "rdb/redis_info.h"
#include "tests/sim/script_client.h"

#define MIB (UINT64_C(1) << 20)

struct findings {
	int may, will;
	char text[1000];
};

static void
note(void *arg, enum fork_risk risk, const char *text)
{
	struct findings *f = arg;

	*(risk == FORK_WILL_HURT ? &f->will : &f->may) += 1;
	strncat(f->text, text, sizeof(f->text) - strlen(f->text) - 1);
}

static struct findings
look(const struct redis_info *info, enum fork_target target,
    const struct fork_limits *limits)
{
	struct findings f = {0};

	fork_check(info, target, limits, note, &f);
	return f;
}

static const struct fork_limits usual = {.cow_percent = 10, .stop_ms = 1000};

static struct redis_info
server(uint64_t used_mib, uint64_t machine_mib)
{
	return (struct redis_info){
	    .version = "7.0.15",
	    .used_memory = used_mib * MIB,
	    .system_memory = machine_mib * MIB,
	};
}

static struct findings
look_at(const struct redis_info *info)
{
	return look(info, FORK_TO_SOCKET, &usual);
}

static void
nothing_is_found_where_there_is_room(void **state)
{
	struct redis_info i = server(1000, 1300);

	(void)state;
	assert_string_equal(look_at(&i).text, "");
	i.maxmemory = 1000 * MIB; /* copied pages do not count there */
	assert_string_equal(look_at(&i).text, "");
	i.fork_us = 999999;
	assert_string_equal(look_at(&i).text, "");
}

static void
no_room_for_the_share_once_will_hurt_and_thrice_may(void **state)
{
	static const struct {
		uint64_t machine;
		int may, will;
	} cases[] = {{1300, 0, 0}, {1299, 1, 0}, {1100, 1, 0}, {1099, 0, 1},
	    {900, 0, 1}};

	(void)state;
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		struct redis_info i = server(1000, cases[n].machine);
		struct findings f = look_at(&i);

		assert_int_equal(f.may, cases[n].may);
		assert_int_equal(f.will, cases[n].will);
	}
}

static void
what_the_system_counts_is_in_use_too(void **state)
{
	struct redis_info i = server(500, 1099);

	(void)state;
	i.used_memory_rss = 1000 * MIB;
	assert_int_equal(look_at(&i).will, 1);
}

static void
what_the_last_save_cost_may_be_more_than_the_share(void **state)
{
	struct redis_info i = server(1000, 1500);

	(void)state;
	i.last_cow = 501 * MIB;
	assert_int_equal(look_at(&i).will, 1);
	i.last_cow = 200 * MIB;
	assert_int_equal(look_at(&i).may, 1);
}

static void
a_limit_that_is_given_holds_instead_of_the_machine_s(void **state)
{
	struct redis_info i = server(1000, 100000);
	struct fork_limits limits = usual;

	(void)state;
	limits.memory = 1050 * MIB;
	assert_int_equal(look(&i, FORK_TO_SOCKET, &limits).will, 1);
	i.system_memory = 900 * MIB;
	limits.memory = 2000 * MIB;
	assert_string_equal(look(&i, FORK_TO_SOCKET, &limits).text, "");
	/* Neither is known: nothing can be said. */
	i.system_memory = limits.memory = 0;
	assert_string_equal(look(&i, FORK_TO_SOCKET, &limits).text, "");
}

static void
numbers_of_a_lying_server_do_not_overflow(void **state)
{
	struct redis_info i = server(1, 1);

	(void)state;
	i.used_memory_rss = UINT64_MAX;
	i.system_memory = UINT64_MAX;
	assert_int_equal(look_at(&i).will, 1);
	i.last_cow = UINT64_MAX;
	i.fork_us = UINT64_MAX;
	assert_int_equal(look_at(&i).will, 1);
}

static void
other_risks_are_told_each_by_its_name(void **state)
{
	struct redis_info quiet = server(1, 1000);
	struct redis_info i = quiet;
	struct findings f;

	(void)state;
	i.bgsave_running = true;
	assert_non_null(strstr(look_at(&i).text, "a save is going on"));
	i = quiet;
	i.aof_rewrite_running = true;
	assert_non_null(strstr(look_at(&i).text, "rewrite of its AOF"));
	i = quiet;
	i.module_fork_running = true;
	assert_non_null(strstr(look_at(&i).text, "a module's child"));
	i = quiet;
	i.save_failed = true;
	assert_non_null(strstr(look_at(&i).text, "last save failed"));
	i.fork_us = 1000000;
	f = look_at(&i);
	assert_non_null(strstr(f.text, "stopped it for 1000 ms"));
	assert_int_equal(f.may, 2);
	f = look(&quiet, FORK_TO_FILE, &usual);
	assert_non_null(strstr(f.text, "repl-diskless-sync"));
	assert_int_equal(f.may, 1);
	assert_string_equal(look(&quiet, FORK_TO_EITHER, &usual).text, "");
}

static void
a_fork_of_any_length_can_be_allowed(void **state)
{
	struct fork_limits limits = {.cow_percent = 10};
	struct redis_info i = server(1, 1000);

	(void)state;
	i.fork_us = 100000000;
	assert_string_equal(look(&i, FORK_TO_SOCKET, &limits).text, "");
}

static void
a_server_that_hides_info_is_told_as_one(void **state)
{
	static const struct redis_info hidden;
	struct findings f = look(&hidden, FORK_TO_FILE, &usual);

	(void)state;
	assert_int_equal(f.may, 1);
	assert_non_null(strstr(f.text, "+info"));
}

static void
serve(struct script_conn *c, void *arg)
{
	if (script_expects(c, "*1\r\n$4\r\nPING\r\n") == 0 &&
	    script_sends(c, "+PONG\r\n") == 0 &&
	    script_expects(c,
		"*3\r\n$6\r\nCONFIG\r\n$3\r\nGET\r\n$18\r\n"
		"repl-diskless-sync\r\n") == 0 &&
	    arg != NULL)
		script_sends(c, arg);
}

static int
target_of(const char *reply, enum fork_target *target, struct err *err)
{
	struct script_client c;
	int rc;

	*err = (struct err){0};
	script_client_up(&c, serve, (void *)(uintptr_t)reply);
	rc = fork_target_get(c.conn, &c.scope, target, err);
	script_client_down(&c);
	return rc;
}

static void
where_a_dump_is_written_is_asked(void **state)
{
	static const struct {
		const char *reply;
		enum fork_target target;
	} cases[] = {
	    {"*2\r\n$18\r\nrepl-diskless-sync\r\n$3\r\nyes\r\n",
		FORK_TO_SOCKET},
	    {"*2\r\n$18\r\nrepl-diskless-sync\r\n$2\r\nno\r\n", FORK_TO_FILE},
	    {"*0\r\n", FORK_TO_EITHER},
	    {"+OK\r\n", FORK_TO_EITHER},
	    {"-NOPERM no\r\n", FORK_TO_EITHER},
	    {"-ERR unknown command 'CONFIG'\r\n", FORK_TO_EITHER},
	};
	enum fork_target target;
	struct err err;

	(void)state;
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		assert_int_equal(target_of(cases[n].reply, &target, &err), 0);
		assert_int_equal(target, cases[n].target);
	}
	assert_int_equal(target_of(NULL, &target, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_is_found_where_there_is_room),
	    cmocka_unit_test(
		no_room_for_the_share_once_will_hurt_and_thrice_may),
	    cmocka_unit_test(what_the_system_counts_is_in_use_too),
	    cmocka_unit_test(
		what_the_last_save_cost_may_be_more_than_the_share),
	    cmocka_unit_test(
		a_limit_that_is_given_holds_instead_of_the_machine_s),
	    cmocka_unit_test(numbers_of_a_lying_server_do_not_overflow),
	    cmocka_unit_test(other_risks_are_told_each_by_its_name),
	    cmocka_unit_test(a_fork_of_any_length_can_be_allowed),
	    cmocka_unit_test(a_server_that_hides_info_is_told_as_one),
	    cmocka_unit_test(where_a_dump_is_written_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

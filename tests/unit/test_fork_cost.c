#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "rdb/fork_cost.h"
#include "tests/sim/script_client.h"

#define INFO(forks, saving, cow) \
	"redis_version:7.0.15\r\ntotal_forks:" forks \
	"\r\nrdb_bgsave_in_progress:" saving "\r\nrdb_last_cow_size:" cow \
	"\r\n"

/* What INFO tells at each look; at the end the connection closes. */
struct looks {
	const char *info[4];
};

static void
serve(struct script_conn *c, void *arg)
{
	const struct looks *l = arg;

	if (script_expects(c, "*1\r\n$4\r\nPING\r\n") != 0 ||
	    script_sends(c, "+PONG\r\n") != 0)
		return;
	for (size_t i = 0; i < 4 && l->info[i] != NULL; i++)
		if (script_expects(c, "*1\r\n$4\r\nINFO\r\n") != 0 ||
		    script_sendf(c, "$%zu\r\n%s\r\n", strlen(l->info[i]),
			l->info[i]) != 0 ||
		    script_expects(c,
			"*3\r\n$6\r\nCONFIG\r\n$3\r\nGET\r\n$9\r\n"
			"databases\r\n") != 0 ||
		    script_sends(c, "*0\r\n") != 0)
			return;
	/* One look more: its answer never comes. */
	if (l->info[0] == NULL)
		script_expects(c, "*1\r\n$4\r\nINFO\r\n");
}

static int64_t
cost(const struct fork_mark *before, struct looks looks)
{
	struct script_client c;
	int64_t bytes;

	script_client_up(&c, serve, &looks);
	bytes = fork_cost_get(c.conn, before, &c.scope);
	script_client_down(&c);
	return bytes;
}

static const struct fork_mark idle = {.told = true, .forks = 7};
static const struct fork_mark saving = {
    .told = true, .forks = 7, .saving = true};

static void
it_waits_until_the_child_has_ended(void **state)
{
	struct looks l = {
	    {INFO("8", "1", "5"), INFO("8", "1", "5"), INFO("8", "0", "4096")}};

	(void)state;
	assert_int_equal(cost(&idle, l), 4096);
}

static void
a_child_of_somebody_else_is_not_taken_for_ours(void **state)
{
	(void)state;
	/* Two forks since; or none, as after a restart. */
	assert_int_equal(
	    cost(&idle, (struct looks){{INFO("9", "0", "1")}}), -1);
	assert_int_equal(
	    cost(&idle, (struct looks){{INFO("7", "0", "1")}}), -1);
	assert_int_equal(
	    cost(&idle, (struct looks){{INFO("1", "0", "1")}}), -1);
	/* Ours is going on when another one begins. */
	assert_int_equal(
	    cost(&idle,
		(struct looks){{INFO("8", "1", "1"), INFO("9", "1", "1")}}),
	    -1);
}

static void
a_save_that_went_on_before_may_be_the_dump(void **state)
{
	(void)state;
	assert_int_equal(
	    cost(&saving, (struct looks){{INFO("7", "0", "6")}}), 6);
	assert_int_equal(
	    cost(&saving, (struct looks){{INFO("8", "0", "6")}}), 6);
	assert_int_equal(
	    cost(&saving, (struct looks){{INFO("9", "0", "6")}}), -1);
}

static void
what_is_not_told_is_unknown(void **state)
{
	static const struct fork_mark untold;
	struct looks old = {{"redis_version:6.0.1\r\nrdb_last_cow_size:9\r\n"}};

	(void)state;
	assert_int_equal(cost(&idle, old), -1);
	assert_int_equal(
	    cost(&untold, (struct looks){{INFO("1", "0", "1")}}), -1);
	assert_int_equal(cost(&idle, (struct looks){{NULL}}), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_waits_until_the_child_has_ended),
	    cmocka_unit_test(a_child_of_somebody_else_is_not_taken_for_ours),
	    cmocka_unit_test(a_save_that_went_on_before_may_be_the_dump),
	    cmocka_unit_test(what_is_not_told_is_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

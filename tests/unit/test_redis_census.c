/* What several servers hold together, and what their numbers may mean. */
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
#include "rdb/redis_census.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_target.h"
#include "tests/sim/script_resp.h"

struct world;

struct node {
	struct world *world;
	struct script_server *server;
	unsigned keys, maxmemory;
	bool gone;
};

/* Two primaries, each with a half of the slots. */
struct world {
	struct node nodes[2];
	bool alone; /* the first, in no cluster */
	struct redis_target target;
	struct redis_census census;
	struct scope scope;
	struct err err;
};

static int
answer(struct script_conn *c, void *arg, const char *words)
{
	const struct node *n = arg;
	const struct node *all = n->world->nodes;
	char text[300];

	if (n->gone)
		return -1;
	if (strcmp(words, "PING") == 0)
		return script_sends(c, "+PONG\r\n");
	if (strcmp(words, "INFO") == 0) {
		snprintf(text, sizeof(text),
		    "redis_version:7.2.4\r\nrun_id:x\r\nrole:master\r\n"
		    "cluster_enabled:%d\r\nmaxmemory:%u\r\n# Keyspace\r\n"
		    "db0:keys=%u,expires=0,avg_ttl=0\r\n"
		    "db3:keys=1,expires=0,avg_ttl=0\r\n",
		    !n->world->alone, n->maxmemory, n->keys);
		return script_send_bulk(c, text);
	}
	if (strcmp(words, "CLUSTER SLOTS") == 0)
		return script_sendf(c,
		    "*2\r\n*3\r\n:0\r\n:8191\r\n*2\r\n$0\r\n\r\n:%d\r\n"
		    "*3\r\n:8192\r\n:16383\r\n*2\r\n$0\r\n\r\n:%d\r\n",
		    script_server_port(all[0].server),
		    script_server_port(all[1].server));
	return script_sends(c, "-ERR unknown command\r\n");
}

static void
serve(struct script_conn *c, void *arg)
{
	script_answer_commands(c, answer, arg);
}

static int
take(struct world *w)
{
	static const struct redis_opts opts = {.reply_timeout_ms = 10000};
	struct scope root = scope_root(NULL);
	char url[100];
	int rc;

	w->scope = scope_within(&root, 20000);
	for (int i = 0; i < 2; i++) {
		w->nodes[i].world = w;
		w->nodes[i].server = script_server_new(
		    NULL, serve, &w->nodes[i]);
	}
	snprintf(url, sizeof(url), "redis://127.0.0.1:%d",
	    script_server_port(w->nodes[0].server));
	assert_int_equal(redis_target_parse(url, &w->target, &w->err), 0);
	rc = redis_census_take(
	    &w->target, &opts, &w->scope, &w->census, &w->err);
	redis_target_release(&w->target);
	for (int i = 0; i < 2; i++)
		script_server_free(w->nodes[i].server);
	return rc;
}

static void
of_a_cluster_all_primaries_count(void **state)
{
	struct world w = {.nodes = {{.keys = 10, .maxmemory = 100},
			      {.keys = 21, .maxmemory = 200}}};

	(void)state;
	assert_int_equal(take(&w), 0);
	assert_int_equal(w.census.keys, 33);
	assert_int_equal(w.census.keys_alike, 0);
	assert_int_equal(w.census.maxmemory, 300);
	assert_int_equal(w.census.primaries, 2);
	assert_int_equal(redis_census_keys(&w.census, 10), 33);
}

static void
one_without_a_limit_has_room_for_all(void **state)
{
	struct world first = {.nodes = {{.keys = 1}, {.maxmemory = 200}}};
	struct world last = {.nodes = {{.maxmemory = 200}, {.keys = 1}}};

	(void)state;
	assert_int_equal(take(&first), 0);
	assert_int_equal(first.census.maxmemory, 0);
	assert_int_equal(take(&last), 0);
	assert_int_equal(last.census.maxmemory, 0);
}

static void
one_server_is_all(void **state)
{
	struct world w = {
	    .nodes = {{.keys = 10, .maxmemory = 100}}, .alone = true};

	(void)state;
	assert_int_equal(take(&w), 0);
	assert_int_equal(w.census.keys, 11);
	assert_int_equal(w.census.keys_alike, 0);
	assert_int_equal(w.census.maxmemory, 100);
	assert_int_equal(w.census.primaries, 1);
}

static void
proxies_that_each_count_for_all_are_not_added_up(void **state)
{
	struct world w = {.nodes = {{.keys = 99}, {.keys = 99}}};

	(void)state;
	assert_int_equal(take(&w), 0);
	assert_int_equal(w.census.keys_alike, 100);
	assert_int_equal(redis_census_keys(&w.census, 98), 100);
	assert_int_equal(redis_census_keys(&w.census, 201), 200);
	/* Half of them lost: never more than there may be. */
	assert_int_equal(redis_census_keys(&w.census, 150), 100);
}

static void
one_that_does_not_answer_is_no_number(void **state)
{
	struct world w = {.nodes[1].gone = true};

	(void)state;
	assert_int_equal(take(&w), -1);
	assert_true(w.err.text[0] != '\0');
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(of_a_cluster_all_primaries_count),
	    cmocka_unit_test(one_without_a_limit_has_room_for_all),
	    cmocka_unit_test(one_server_is_all),
	    cmocka_unit_test(proxies_that_each_count_for_all_are_not_added_up),
	    cmocka_unit_test(one_that_does_not_answer_is_no_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

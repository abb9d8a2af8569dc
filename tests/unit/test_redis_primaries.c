/* The servers of a cluster, on bytes; e2e has real ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/scope.h"
#include "rdb/cluster_map.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_primaries.h"
#include "rdb/redis_primary.h"
#include "rdb/redis_target.h"
#include "tests/sim/script_resp.h"

struct world;

struct node {
	struct world *world;
	struct script_server *server;
	const char *role;    /* NULL: "master" */
	const char *nodes;   /* its line of CLUSTER NODES; NULL: plain */
	const char *library; /* the code of the one it has; NULL: none */
	/* The command that closes the connection; set while they serve. */
	_Atomic(const char *) refuses;
};

/* Two primaries, each with a half of the slots. */
struct world {
	struct node nodes[2];
	bool alone; /* in no cluster */
	unsigned last_slot;
	struct redis_target target, pinned;
	struct scope scope;
	struct err err;
};

static int
port_of(const struct world *w, int i)
{
	return script_server_port(w->nodes[i].server);
}

static int
send_info(struct script_conn *c, const struct node *n)
{
	char text[200];

	snprintf(text, sizeof(text),
	    "redis_version:7.0.15\r\nrun_id:x\r\nrole:%s\r\n"
	    "cluster_enabled:%d\r\n",
	    n->role != NULL ? n->role : "master", !n->world->alone);
	return script_send_bulk(c, text);
}

static int
answer(struct script_conn *c, void *arg, const char *words)
{
	const struct node *n = arg;
	const struct world *w = n->world;

	const char *refuses = n->refuses;

	if (refuses != NULL && strcmp(words, refuses) == 0)
		return -1;
	if (strcmp(words, "PING") == 0)
		return script_sends(c, "+PONG\r\n");
	if (strcmp(words, "INFO") == 0)
		return send_info(c, n);
	if (strcmp(words, "CLUSTER SLOTS") == 0)
		return script_sendf(c,
		    "*2\r\n*3\r\n:0\r\n:8191\r\n*2\r\n$0\r\n\r\n:%d\r\n"
		    "*3\r\n:8192\r\n:%u\r\n*2\r\n$0\r\n\r\n:%d\r\n",
		    port_of(w, 0), w->last_slot, port_of(w, 1));
	if (strcmp(words, "CLUSTER NODES") == 0)
		return script_send_bulk(c,
		    n->nodes != NULL ? n->nodes
				     : "a h:1@2 myself,master - 0 0 1 "
				       "connected 0-5\n");
	if (strcmp(words, "FUNCTION LIST WITHCODE") == 0)
		return n->library == NULL
		    ? script_sends(c, "*0\r\n")
		    : script_sendf(c,
			  "*1\r\n*2\r\n$12\r\nlibrary_code\r\n$%zu\r\n%s\r\n",
			  strlen(n->library), n->library);
	/* CONFIG, too, as managed services do. */
	return script_sends(c, "-ERR unknown command\r\n");
}

static void
serve(struct script_conn *c, void *arg)
{
	script_answer_commands(c, answer, arg);
}

static const struct redis_opts opts = {.reply_timeout_ms = 10000};

static void
up(struct world *w)
{
	struct scope root = scope_root(NULL);
	char url[100];

	w->scope = scope_within(&root, 20000);
	if (w->last_slot == 0)
		w->last_slot = CLUSTER_SLOTS - 1;
	for (int i = 0; i < 2; i++) {
		w->nodes[i].world = w;
		w->nodes[i].server = script_server_new(
		    NULL, serve, &w->nodes[i]);
	}
	/* A URL may name any of them. */
	snprintf(url, sizeof(url), "redis://127.0.0.1:%d", port_of(w, 1));
	assert_int_equal(redis_target_parse(url, &w->target, &w->err), 0);
}

static void
down(struct world *w)
{
	redis_target_release(&w->target);
	redis_target_release(&w->pinned);
	for (int i = 0; i < 2; i++)
		script_server_free(w->nodes[i].server);
}

static void
pin(struct world *w)
{
	if (redis_primary_pin(
		&w->target, &opts, &w->scope, &w->pinned, &w->err) != 0)
		fail_msg("%s", w->err.text);
}

static void
find(struct world *w, struct redis_primaries *p)
{
	if (redis_primaries_find(&w->pinned, &opts, &w->scope, p, &w->err) != 0)
		fail_msg("%s", w->err.text);
}

static void
a_cluster_has_one_name_and_all_of_its_primaries(void **state)
{
	/* Asked of a replica, too. */
	struct world w = {.nodes[1].role = "slave"};
	struct redis_primaries p;
	char name[300], least[64], other[64];

	(void)state;
	up(&w);
	pin(&w);
	assert_int_equal(w.pinned.nhosts, 2);
	snprintf(least, sizeof(least), "127.0.0.1:%d", port_of(&w, 0));
	snprintf(other, sizeof(other), "127.0.0.1:%d", port_of(&w, 1));
	redis_target_name(&w.pinned, name, sizeof(name));
	assert_string_equal(name, strcmp(least, other) < 0 ? least : other);
	find(&w, &p);
	assert_int_equal(p.n, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(p.parts[i].nhosts, 1);
		assert_int_equal(p.parts[i].hosts[0].port, port_of(&w, i));
		assert_true(p.parts[i].shard);
		assert_null(p.parts[i].cluster);
	}
	redis_primaries_release(&p);
	down(&w);
}

static void
a_key_is_at_the_one_that_has_its_slot(void **state)
{
	static const char *const keys[] = {"bar", "foo"};
	struct world w = {0};
	char name[64];

	(void)state;
	up(&w);
	pin(&w);
	for (int i = 0; i < 2; i++) {
		struct redis_conn *c = redis_primaries_connect(
		    &w.pinned, &opts, keys[i], &w.scope, &w.err);

		assert_non_null(c);
		snprintf(name, sizeof(name), "127.0.0.1:%d", port_of(&w, i));
		assert_string_equal(redis_conn_name(c), name);
		redis_conn_free(c);
	}
	down(&w);
}

static void
a_server_of_no_cluster_is_itself(void **state)
{
	struct world w = {.alone = true};
	struct redis_primaries p;
	struct redis_conn *c;
	bool agree, still;

	(void)state;
	up(&w);
	pin(&w);
	assert_null(w.pinned.cluster);
	assert_int_equal(w.pinned.nhosts, 1);
	find(&w, &p);
	assert_int_equal(p.n, 1);
	assert_null(p.map);
	assert_false(p.parts[0].shard);
	c = redis_primaries_connect(&w.pinned, &opts, "bar", &w.scope, &w.err);
	assert_non_null(c);
	redis_conn_free(c);
	assert_int_equal(
	    redis_primaries_agree(&p, &opts, &w.scope, &agree, &w.err), 0);
	assert_int_equal(redis_primaries_still(
			     &w.pinned, &p, &opts, &w.scope, &still, &w.err),
	    0);
	assert_true(agree && still);
	redis_primaries_release(&p);
	down(&w);
}

static void
slots_without_a_server_may_get_one_again(void **state)
{
	struct world w = {.last_slot = CLUSTER_SLOTS - 2};
	struct redis_primaries p;

	(void)state;
	up(&w);
	pin(&w);
	assert_int_equal(
	    redis_primaries_find(&w.pinned, &opts, &w.scope, &p, &w.err), -1);
	assert_int_equal(w.err.kind, ERR_TRANSIENT);
	assert_non_null(
	    strstr(w.err.text, "no server has 1 of its 16384 slots"));
	down(&w);
}

static void
one_that_lacks_a_library_does_not_agree(void **state)
{
	static const struct {
		const char *a, *b;
		bool agree;
	} rows[] = {
	    {NULL, NULL, true},
	    {"one", "one", true},
	    {"one", "two", false},
	    {"one", NULL, false},
	    {NULL, "two", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world w = {
		    .nodes = {{.library = rows[i].a}, {.library = rows[i].b}}};
		struct redis_primaries p;
		bool agree;

		up(&w);
		pin(&w);
		find(&w, &p);
		assert_int_equal(
		    redis_primaries_agree(&p, &opts, &w.scope, &agree, &w.err),
		    0);
		assert_true(agree == rows[i].agree);
		redis_primaries_release(&p);
		down(&w);
	}
}

static void
slots_on_their_way_are_no_rest(void **state)
{
	static const struct {
		const char *nodes;
		bool still;
	} rows[] = {
	    {"a h:1@2 myself,master - 0 0 1 connected 0-5\n"
	     "b h:2@3 master - 0 0 1 connected 6-9 [6->-a]\n",
		true},
	    {"b h:2@3,myself master - 0 0 1 connected 6-9 [6->-a]\n"
	     "a h:1@2 myself,master - 0 0 1 connected 0-5\n",
		true},
	    {"b h:2@3 master - 0 0 1 connected 6-9\n"
	     "a h:1@2 myself,master - 0 0 1 connected 0-5 [6-<-b]\n",
		false},
	    {"a h:1@2 myself,master - 0 0 1 connected 0-5 [3->-b]", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world w = {.nodes[1].nodes = rows[i].nodes};
		struct redis_primaries p;
		bool still;

		up(&w);
		pin(&w);
		find(&w, &p);
		assert_int_equal(redis_primaries_still(&w.pinned, &p, &opts,
				     &w.scope, &still, &w.err),
		    0);
		assert_true(still == rows[i].still);
		/* It was read where it is not any more. */
		p.map->owner[0] = 1;
		assert_int_equal(redis_primaries_still(&w.pinned, &p, &opts,
				     &w.scope, &still, &w.err),
		    0);
		assert_false(still);
		redis_primaries_release(&p);
		down(&w);
	}
}

static void
a_connection_that_breaks_at_any_question_is_a_failure(void **state)
{
	static const char *const questions[] = {
	    "INFO", "CLUSTER SLOTS", "CLUSTER NODES", "FUNCTION LIST WITHCODE"};

	(void)state;
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		struct world w = {0};
		struct redis_primaries p = {0};
		bool yes;
		int rc;

		up(&w);
		pin(&w);
		w.nodes[0].refuses = questions[i];
		w.nodes[1].refuses = questions[i];
		rc = redis_primaries_find(
		    &w.pinned, &opts, &w.scope, &p, &w.err);
		if (rc == 0)
			rc = redis_primaries_agree(
			    &p, &opts, &w.scope, &yes, &w.err);
		if (rc == 0)
			rc = redis_primaries_still(
			    &w.pinned, &p, &opts, &w.scope, &yes, &w.err);
		assert_int_equal(rc, -1);
		assert_int_equal(w.err.kind, ERR_TRANSIENT);
		redis_primaries_release(&p);
		down(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_cluster_has_one_name_and_all_of_its_primaries),
	    cmocka_unit_test(a_key_is_at_the_one_that_has_its_slot),
	    cmocka_unit_test(a_server_of_no_cluster_is_itself),
	    cmocka_unit_test(slots_without_a_server_may_get_one_again),
	    cmocka_unit_test(one_that_lacks_a_library_does_not_agree),
	    cmocka_unit_test(slots_on_their_way_are_no_rest),
	    cmocka_unit_test(
		a_connection_that_breaks_at_any_question_is_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

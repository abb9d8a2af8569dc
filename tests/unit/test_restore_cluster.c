/* What two scripted primaries may answer to a load; e2e has real ones. */
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
#include "base/xalloc.h"
#include "rdb/dump_payload.h"
#include "rdb/rdb_reader.h"
#include "rdb/redis_conn.h"
#include "rdb/restore_cluster.h"
#include "rdb/restore_command.h"
#include "tests/sim/script_primaries.h"
#include "tests/sim/script_server.h"

/* In the first half of the slots, and in the second. */
#define LOW  "bar"
#define HIGH "foo"

struct pair {
	struct script_primaries servers;
	struct dump_payload *payload;
	struct restore_command command;
	struct restore_cluster *cluster;
	struct scope scope;
	struct err err;
};

static const struct redis_opts redis = {.reply_timeout_ms = 10000};

static void
up(struct pair *p)
{
	struct scope root = scope_root(NULL);

	p->scope = scope_within(&root, 20000);
	script_primaries_up(&p->servers);
	p->payload = dump_payload_new(1 << 20);
	restore_command_init(&p->command, p->payload);
	p->cluster = restore_cluster_new(
	    &p->servers.target, &redis, &p->scope, &p->err);
	if (p->cluster == NULL)
		fail_msg("%s", p->err.text);
}

static void
down(struct pair *p)
{
	restore_cluster_free(p->cluster);
	restore_command_release(&p->command);
	dump_payload_free(p->payload);
	script_primaries_down(&p->servers);
}

/* A string of so many bytes. */
static int
put(struct pair *p, const char *key, size_t size)
{
	struct rdb_key k = {
	    .name = (const unsigned char *)key,
	    .name_len = strlen(key),
	    .expires_ms = RDB_NO_EXPIRY,
	    .idle_s = -1,
	    .lfu = -1,
	};
	char *value = xcalloc(1, size);
	bool expired;
	int rc;

	memset(value, 'v', size);
	assert_int_equal(dump_payload_begin(p->payload, &p->err), 0);
	assert_int_equal(dump_payload_add(p->payload, value, size, &p->err), 0);
	assert_int_equal(dump_payload_end(p->payload, 6, &p->err), 0);
	free(value);
	restore_command_key(&p->command, &k, 70015, 0, &expired);
	rc = restore_cluster_put(p->cluster, &p->command, &p->err);
	return rc;
}

static void
must(struct pair *p, int rc)
{
	if (rc != 0)
		fail_msg("%s", p->err.text);
}

static void
must_finish(struct pair *p, uint64_t keys)
{
	must(p, restore_cluster_finish(p->cluster, &p->err));
	assert_int_equal(restore_cluster_keys(p->cluster), keys);
}

/* Which commands came there, one word of a key's name each. */
static void
expect_came(struct pair *p, int i, const char *want)
{
	struct script_server *s = p->servers.nodes[i].server;
	char got[400] = "";

	for (size_t k = 0; k < script_server_count(s); k++) {
		struct script_record r = script_server_record(s, k);
		const char *key = strchr(r.data, ' ');

		strcat(got, key != NULL ? key + 1 : r.data);
		strcat(got, " ");
	}
	assert_string_equal(got, want);
}

static void
keys_go_to_the_owners_of_their_slots_and_functions_to_all(void **state)
{
	struct pair p = {0};

	(void)state;
	up(&p);
	assert_int_equal(restore_cluster_primaries(p.cluster), 2);
	restore_command_function(&p.command);
	assert_int_equal(dump_payload_begin(p.payload, &p.err), 0);
	assert_int_equal(dump_payload_add(p.payload, "f", 1, &p.err), 0);
	assert_int_equal(dump_payload_end(p.payload, 10, &p.err), 0);
	must(&p, restore_cluster_put(p.cluster, &p.command, &p.err));
	must(&p, put(&p, LOW, 10));
	must(&p, put(&p, HIGH, 10));
	must(&p, put(&p, "{" LOW "}2", 10));
	must_finish(&p, 3);
	expect_came(&p, 0, "RES bar {ba ");
	expect_came(&p, 1, "RES foo ");
	down(&p);
}

static void
moved_is_for_all_that_follow(void **state)
{
	struct pair p = {
	    .servers.nodes[0].answers = {"-MOVED 5061 127.0.0.1:PORT"}};

	(void)state;
	up(&p);
	must(&p, put(&p, LOW, 10));
	must_finish(&p, 1);
	must(&p, put(&p, LOW, 10));
	must_finish(&p, 2);
	expect_came(&p, 0, "bar ");
	expect_came(&p, 1, "bar bar ");
	down(&p);
}

static void
ask_is_for_this_one_behind_asking(void **state)
{
	struct pair p = {
	    .servers.nodes[0].answers = {"-ASK 5061 127.0.0.1:PORT"}};

	(void)state;
	up(&p);
	must(&p, put(&p, LOW, 10));
	must_finish(&p, 1);
	must(&p, put(&p, LOW, 10));
	must_finish(&p, 2);
	expect_came(&p, 0, "bar bar ");
	expect_came(&p, 1, "ASKING bar ");
	down(&p);
}

/* An address that is not told is the one that answered: itself, here. */
static void
a_host_that_is_not_told_is_the_one_that_answered(void **state)
{
	struct pair p = {
	    .servers.nodes[0].answers = {"-MOVED 5061 :PORT", NULL, NULL}};

	(void)state;
	up(&p);
	must(&p, put(&p, LOW, 10));
	must_finish(&p, 1);
	expect_came(&p, 1, "bar ");
	down(&p);
}

static void
what_passes_is_waited_for(void **state)
{
	struct pair p = {
	    .servers.nodes[1].answers = {"-CLUSTERDOWN The cluster is down",
		"-TRYAGAIN Multiple keys request",
		"-LOADING Redis is loading"}};

	(void)state;
	up(&p);
	/* Held up by none of them. */
	must(&p, put(&p, HIGH, 10));
	must(&p, put(&p, LOW, 10));
	must_finish(&p, 2);
	expect_came(&p, 1, "foo foo foo foo ");
	expect_came(&p, 0, "bar ");
	down(&p);
}

static void
what_does_not_pass_ends_with_the_scope(void **state)
{
	struct pair p = {0};

	(void)state;
	for (int i = 0; i < SCRIPT_ANSWERS; i++)
		p.servers.nodes[0].answers[i] =
		    "-CLUSTERDOWN The cluster is down";
	up(&p);
	must(&p, put(&p, LOW, 10));
	restore_cluster_free(p.cluster);
	p.scope = scope_within(&p.scope, 300);
	p.cluster = restore_cluster_new(
	    &p.servers.target, &redis, &p.scope, &p.err);
	must(&p, put(&p, LOW, 10));
	assert_int_equal(restore_cluster_finish(p.cluster, &p.err), -1);
	assert_int_equal(p.err.kind, ERR_UNREACHABLE);
	down(&p);
}

/* The second answer was lost, and it is not known whether it was done. */
static void
after_a_broken_connection_what_is_unanswered_goes_again(void **state)
{
	struct pair p = {.servers.nodes[0].answers = {NULL, SCRIPT_CLOSE}};

	(void)state;
	up(&p);
	must(&p, put(&p, LOW, 10));
	must(&p, put(&p, "{" LOW "}2", 10));
	must(&p, put(&p, "{" LOW "}3", 10));
	must_finish(&p, 3);
	assert_int_equal(atomic_load(&p.servers.nodes[0].closed), 1);
	expect_came(&p, 0, "bar {ba {ba {ba ");
	down(&p);
}

static void
a_process_that_is_another_one_may_lack_what_was_answered(void **state)
{
	static const struct {
		bool restarts, demoted;
		const char *text;
	} rows[] = {
	    {true, false, "was started anew"},
	    {false, true, "is no primary any more"},
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pair p = {
		    .servers.nodes[0] = {.answers = {NULL, SCRIPT_CLOSE},
			.restarts = rows[i].restarts,
			.demoted = rows[i].demoted}};

		up(&p);
		must(&p, put(&p, LOW, 10));
		must(&p, put(&p, LOW, 10));
		assert_int_equal(restore_cluster_finish(p.cluster, &p.err), -1);
		assert_int_equal(p.err.kind, ERR_TRANSIENT);
		assert_non_null(strstr(p.err.text, rows[i].text));
		assert_non_null(strstr(p.err.text, "has to begin again"));
		down(&p);
	}
}

/* Nothing breaks: it sends on to the one that may lack what it answered. */
static void
one_that_is_demoted_and_stays_connected_is_noticed(void **state)
{
	struct pair moves = {
	    .servers.nodes[0] = {
		.answers = {NULL, "-MOVED 5061 127.0.0.1:PORT"},
		.demoted_after = 2}};
	struct pair silent = {.servers.nodes[0].demoted_after = 1};

	(void)state;
	up(&moves);
	must(&moves, put(&moves, LOW, 10));
	assert_int_equal(put(&moves, LOW, 200000), -1);
	assert_int_equal(moves.err.kind, ERR_TRANSIENT);
	assert_non_null(strstr(moves.err.text, "is no primary any more"));
	assert_non_null(strstr(moves.err.text, "has to begin again"));
	expect_came(&moves, 1, "");
	down(&moves);

	up(&silent);
	must(&silent, put(&silent, LOW, 10));
	must(&silent, put(&silent, HIGH, 10));
	assert_int_equal(
	    restore_cluster_finish(silent.cluster, &silent.err), -1);
	assert_int_equal(silent.err.kind, ERR_TRANSIENT);
	assert_non_null(strstr(silent.err.text, "has to begin again"));
	down(&silent);
}

/* What it lost to the one that was promoted meanwhile is not told by its run
 * id; that a server without replicas begins another history is no loss. */
static void
one_that_was_no_primary_for_a_while_ends_it(void **state)
{
	struct pair p = {.servers.nodes[0].back_after = 1};
	struct pair quiet = {
	    .servers.nodes[0] = {.back_after = 1, .alone = true}};

	(void)state;
	up(&p);
	must(&p, put(&p, LOW, 10));
	assert_int_equal(restore_cluster_finish(p.cluster, &p.err), -1);
	assert_int_equal(p.err.kind, ERR_TRANSIENT);
	assert_non_null(strstr(p.err.text, "was no primary for a while"));
	down(&p);

	up(&quiet);
	must(&quiet, put(&quiet, LOW, 10));
	must_finish(&quiet, 1);
	down(&quiet);
}

/* When it is asked at the end. */
static void
what_was_answered_is_not_lost_with_the_connection(void **state)
{
	struct pair p = {.servers.nodes[0].closes_at_the_end = true};

	(void)state;
	up(&p);
	must(&p, put(&p, LOW, 10));
	must_finish(&p, 1);
	assert_int_equal(atomic_load(&p.servers.nodes[0].closed), 1);
	expect_came(&p, 0, "bar ");
	down(&p);
}

static void
one_that_closes_again_and_again_ends_it(void **state)
{
	struct pair p = {0};

	(void)state;
	for (int i = 0; i < SCRIPT_ANSWERS; i++)
		p.servers.nodes[0].answers[i] = SCRIPT_CLOSE;
	up(&p);
	must(&p, put(&p, LOW, 10));
	assert_int_equal(restore_cluster_finish(p.cluster, &p.err), -1);
	assert_int_equal(p.err.kind, ERR_TRANSIENT);
	assert_non_null(
	    strstr(p.err.text, "connection after connection broke"));
	down(&p);
}

static void
a_refusal_ends_it_and_names_the_key(void **state)
{
	static const struct {
		const char *answer, *text;
		enum err_kind kind;
	} rows[] = {
	    {"-OOM command not allowed", "OOM", ERR_SERVER},
	    {"-ERR Bad data format", "Bad data format", ERR_UNSUPPORTED},
	    {"-NOPERM no permissions", "NOPERM", ERR_AUTH},
	    {"-MOVED 5061", "no address", ERR_CORRUPT},
	    {"-MOVED 5061 127.0.0.1:0", "no address", ERR_CORRUPT},
	    {"-ASK 5061 127.0.0.1", "no address", ERR_CORRUPT},
	    {"-MOVED", "MOVED", ERR_UNSUPPORTED},
	    {":1", "neither OK nor an error", ERR_CORRUPT},
	    {"+QUEUED", "neither OK nor an error", ERR_CORRUPT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pair p = {.servers.nodes[1].answers = {rows[i].answer}};

		up(&p);
		must(&p, put(&p, HIGH, 10));
		assert_int_equal(restore_cluster_finish(p.cluster, &p.err), -1);
		if (p.err.kind != rows[i].kind ||
		    strstr(p.err.text, rows[i].text) == NULL ||
		    strstr(p.err.text, "key 'foo'") == NULL)
			fail_msg("%d: %s", (int)p.err.kind, p.err.text);
		assert_int_equal(restore_cluster_keys(p.cluster), 0);
		down(&p);
	}
}

/* It is not copied, and so waited for: sent on, and sent again. */
static void
a_large_value_goes_the_same_ways(void **state)
{
	struct pair p = {
	    .servers.nodes[0].answers = {"-ASK 5061 127.0.0.1:PORT",
		SCRIPT_CLOSE},
	    .servers.nodes[1].answers = {"-TRYAGAIN not yet"},
	};

	(void)state;
	up(&p);
	must(&p, put(&p, LOW, 200000));
	assert_int_equal(restore_cluster_keys(p.cluster), 1);
	expect_came(&p, 1, "ASKING bar ");
	expect_came(&p, 0, "bar bar bar ");
	down(&p);
}

static void
a_small_window_only_slows_it_down(void **state)
{
	struct pair p = {0};

	(void)state;
	up(&p);
	restore_cluster_window(p.cluster, 1);
	for (int i = 0; i < 50; i++)
		must(&p, put(&p, i % 2 ? LOW : HIGH, 1000));
	must_finish(&p, 50);
	down(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		keys_go_to_the_owners_of_their_slots_and_functions_to_all),
	    cmocka_unit_test(moved_is_for_all_that_follow),
	    cmocka_unit_test(ask_is_for_this_one_behind_asking),
	    cmocka_unit_test(a_host_that_is_not_told_is_the_one_that_answered),
	    cmocka_unit_test(what_passes_is_waited_for),
	    cmocka_unit_test(what_does_not_pass_ends_with_the_scope),
	    cmocka_unit_test(
		after_a_broken_connection_what_is_unanswered_goes_again),
	    cmocka_unit_test(
		a_process_that_is_another_one_may_lack_what_was_answered),
	    cmocka_unit_test(
		one_that_is_demoted_and_stays_connected_is_noticed),
	    cmocka_unit_test(one_that_was_no_primary_for_a_while_ends_it),
	    cmocka_unit_test(what_was_answered_is_not_lost_with_the_connection),
	    cmocka_unit_test(one_that_closes_again_and_again_ends_it),
	    cmocka_unit_test(a_refusal_ends_it_and_names_the_key),
	    cmocka_unit_test(a_large_value_goes_the_same_ways),
	    cmocka_unit_test(a_small_window_only_slows_it_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

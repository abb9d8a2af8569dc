/* Sentinels and the servers they name, on bytes; e2e has real ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/scope.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_sentinel.h"
#include "rdb/sentinel_settle.h"
#include "tests/sim/script_resp.h"

#define MASTERS "*1\r\n*4\r\n$4\r\nname\r\n$1\r\nm\r\n$2\r\nip\r\n$1\r\nx\r\n"
#define UNKNOWN "-ERR unknown command 'SENTINEL'\r\n"

/* What is answered to a word that a request holds; the end means to close. */
struct answer {
	const char *word, *reply;
};

#define ANSWERS_MAX 6

struct peer {
	struct answer answers[ANSWERS_MAX];
	struct script_server *server;
};

static const char *
reply_to(const struct peer *p, const char *request)
{
	if (strstr(request, "PING") != NULL)
		return "+PONG\r\n";
	if (strstr(request, "SELECT") != NULL)
		return "+OK\r\n";
	for (size_t i = 0; i < ANSWERS_MAX; i++)
		if (p->answers[i].word != NULL &&
		    strstr(request, p->answers[i].word) != NULL)
			return p->answers[i].reply;
	return NULL;
}

static void
serve(struct script_conn *c, void *arg)
{
	const char *reply;
	struct buf words;

	buf_init(&words, 4096);
	do {
		reply = script_read_command(c, &words) == 0
		    ? reply_to(arg, words.data)
		    : NULL;
	} while (reply != NULL && script_sends(c, reply) == 0);
	buf_release(&words);
	script_close(c);
}

static int
start(struct peer *p)
{
	p->server = script_server_new(NULL, serve, p);
	return script_server_port(p->server);
}

static void
stop(struct peer *p)
{
	assert_null(script_server_failure(p->server));
	script_server_free(p->server);
}

/* "*2" of an address. */
static const char *
address(char out[64], int port)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", port);

	snprintf(out, 64, "*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%s\r\n", len, text);
	return out;
}

/* A replica as SENTINEL REPLICAS has it. */
#define REPLICA(port, flags, len) \
	"*6\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$4\r\nport\r\n$4\r\n" port \
	"\r\n$5\r\nflags\r\n$" len "\r\n" flags "\r\n"

static const struct redis_opts none;

static int
find(struct redis_target *t, enum sentinel_want want, const int *ports,
    size_t n, struct err *err)
{
	struct scope scope = scope_root(NULL);
	char url[200] = "redis+sentinel://";

	*err = (struct err){0};
	for (size_t i = 0; i < n; i++)
		snprintf(url + strlen(url), sizeof(url) - strlen(url),
		    "%s127.0.0.1:%d", i > 0 ? "," : "", ports[i]);
	strcat(url, "/m?db=5");
	assert_int_equal(redis_target_parse(url, t, err), 0);
	return redis_sentinel_find(t, want, &none, &none, &scope, err);
}

static int
find_by(struct peer *p, enum sentinel_want want, struct redis_target *t,
    struct err *err)
{
	int port = start(p);
	int rc = find(t, want, &port, 1, err);

	stop(p);
	return rc;
}

static void
must_fail(struct peer p, enum sentinel_want want, enum err_kind kind,
    const char *text)
{
	struct redis_target t;
	struct err err;

	if (find_by(&p, want, &t, &err) == 0)
		fail_msg("it did not fail with '%s'", text);
	if (err.kind != kind || strstr(err.text, text) == NULL)
		fail_msg("kind %d: %s", (int)err.kind, err.text);
	assert_non_null(strstr(err.text, "where 'm' is"));
	assert_int_equal(t.nhosts, 0);
	redis_target_release(&t);
}

static void
the_primary_and_its_replicas_are_found(void **state)
{
	struct peer p = {
	    .answers = {
		{"GET-MASTER-ADDR-BY-NAME",
		    "*2\r\n$5\r\nfe80:\r\n$4\r\n6400\r\n"},
		{"REPLICAS",
		    "*5\r\n" REPLICA("6401", "slave", "5")
			REPLICA("6402", "s_down,slave", "12")
			    REPLICA("6403", "o_down,slave", "12") REPLICA(
				"6404", "slave,disconnected", "18") "*0\r\n"},
	    }};
	struct redis_target t;
	struct err err;

	(void)state;
	if (find_by(&p, SENTINEL_ALL, &t, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(t.nhosts, 3);
	assert_string_equal(t.hosts[0].host, "fe80:");
	assert_int_equal(t.hosts[0].port, 6400);
	assert_int_equal(t.hosts[0].db, 5);
	assert_int_equal(t.hosts[1].port, 6401);
	assert_int_equal(t.hosts[2].port, 6404);
	redis_target_release(&t);
}

static void
an_old_one_calls_them_slaves(void **state)
{
	struct peer p = {
	    .answers = {
		{"GET-MASTER", "*2\r\n$1\r\nh\r\n$4\r\n6400\r\n"},
		{"REPLICAS", "-ERR Unknown sentinel subcommand 'REPLICAS'\r\n"},
		{"SLAVES", "*1\r\n" REPLICA("6401", "slave", "5")},
	    }};
	struct redis_target t;
	struct err err;

	(void)state;
	if (find_by(&p, SENTINEL_ALL, &t, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(t.nhosts, 2);
	redis_target_release(&t);
}

/* It is named as a replica for a moment after it was promoted. */
static void
the_primary_is_not_its_own_replica(void **state)
{
	struct peer p = {
	    .answers = {
		{"GET-MASTER", "*2\r\n$9\r\n127.0.0.1\r\n$4\r\n6401\r\n"},
		{"REPLICAS", "*1\r\n" REPLICA("6401", "slave", "5")},
	    }};
	struct redis_target t;
	struct err err;

	(void)state;
	assert_int_equal(find_by(&p, SENTINEL_ALL, &t, &err), 0);
	assert_int_equal(t.nhosts, 1);
	redis_target_release(&t);
}

static void
an_answer_that_makes_no_sense_is_none(void **state)
{
	static const char *const replies[] = {"+OK\r\n", ":1\r\n", "*0\r\n",
	    "*1\r\n$1\r\nh\r\n", "*2\r\n$1\r\nh\r\n:6379\r\n",
	    "*2\r\n$0\r\n\r\n$4\r\n6379\r\n", "*2\r\n$1\r\nh\r\n$1\r\nx\r\n",
	    "*2\r\n$1\r\nh\r\n$5\r\n65536\r\n", "*2\r\n$1\r\nh\r\n$2\r\n-1\r\n",
	    "*2\r\n$3\r\na b\r\n$1\r\n1\r\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		struct peer p = {.answers = {{"GET-MASTER", replies[i]}}};

		must_fail(
		    p, SENTINEL_ALL, ERR_CORRUPT, "what no Sentinel does");
	}
	must_fail((struct peer){.answers = {{"GET-MASTER",
						"*2\r\n$1\r\nh\r\n$1\r\n1\r\n"},
				    {"REPLICAS", "+OK\r\n"}}},
	    SENTINEL_ALL, ERR_CORRUPT, "what no Sentinel does");
}

static void
who_does_not_know_says_so(void **state)
{
	(void)state;
	must_fail((struct peer){.answers = {{"GET-MASTER", "*-1\r\n"},
				    {"MASTERS", MASTERS}}},
	    SENTINEL_ALL, ERR_MISSING, "no primary named 'm', but m");
	must_fail((struct peer){.answers = {{"GET-MASTER", "*-1\r\n"}}},
	    SENTINEL_ALL, ERR_MISSING, "knows no primary named 'm'");
	must_fail((struct peer){.answers = {{"GET-MASTER", UNKNOWN}}},
	    SENTINEL_ALL, ERR_UNSUPPORTED, "is no Sentinel");
	must_fail((struct peer){0}, SENTINEL_ALL, ERR_TRANSIENT, "closed");
	must_fail((struct peer){.answers = {{"GET-MASTER",
				    "*2\r\n$1\r\nh\r\n$1\r\n1\r\n"}}},
	    SENTINEL_ALL, ERR_TRANSIENT, "closed");
	must_fail((struct peer){.answers = {{"GET-MASTER",
				    "-NOAUTH Authentication required.\r\n"}}},
	    SENTINEL_ALL, ERR_AUTH, "NOAUTH");
}

/* Each is asked until one names a server that says itself that it is it. */
static void
the_primary_confirms_it_itself(void **state)
{
	struct peer primary = {.answers = {{"INFO", "$11\r\nrole:master\r\n"},
				   {"CONFIG", "*0\r\n"}}};
	struct peer replica = {.answers = {{"INFO", "$10\r\nrole:slave\r\n"},
				   {"CONFIG", "*0\r\n"}}};
	struct peer good = {0}, stale = {0},
		    ignorant = {.answers = {{"GET-MASTER", "*-1\r\n"}}};
	char right[64], wrong[64];
	struct redis_target t;
	struct err err;
	int ports[3];

	(void)state;
	good.answers[0] = (struct answer){
	    "GET-MASTER", address(right, start(&primary))};
	stale.answers[0] = (struct answer){
	    "GET-MASTER", address(wrong, start(&replica))};
	ports[0] = start(&stale);
	ports[1] = start(&ignorant);
	ports[2] = start(&good);
	if (find(&t, SENTINEL_PRIMARY, ports, 3, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(t.nhosts, 1);
	assert_int_equal(t.hosts[0].port, script_server_port(primary.server));
	redis_target_release(&t);

	/* Waiting may cure it: so it is told, whatever the other says. */
	assert_int_equal(find(&t, SENTINEL_PRIMARY, ports, 2, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_non_null(strstr(err.text, "a failover may be going on"));
	assert_non_null(strstr(err.text, "knows no primary"));
	redis_target_release(&t);
	stop(&good);
	stop(&stale);
	stop(&ignorant);
	stop(&primary);
	stop(&replica);
}

/* A failure leaves the servers that were known. */
static void
what_was_found_before_stays(void **state)
{
	struct peer p = {
	    .answers = {{"GET-MASTER", "*2\r\n$1\r\nh\r\n$1\r\n1\r\n"},
		{"REPLICAS", "*0\r\n"}}};
	struct scope scope = scope_root(NULL);
	struct redis_target t;
	struct err err;
	int port = start(&p);

	(void)state;
	assert_int_equal(find(&t, SENTINEL_ALL, &port, 1, &err), 0);
	stop(&p);
	assert_int_equal(
	    redis_sentinel_find(&t, SENTINEL_ALL, &none, &none, &scope, &err),
	    -1);
	assert_int_equal(t.nhosts, 1);
	assert_string_equal(t.hosts[0].host, "h");
	redis_target_release(&t);
}

static void
a_cancel_ends_the_asking(void **state)
{
	struct cancel *cancel = cancel_new(NULL);
	struct scope scope = scope_root(cancel);
	struct redis_target t;
	struct err err = {0};

	(void)state;
	assert_int_equal(
	    redis_target_parse("redis+sentinel://127.0.0.1:1,h/m", &t, &err),
	    0);
	cancel_trigger(cancel);
	assert_int_equal(
	    redis_sentinel_find(&t, SENTINEL_ALL, &none, &none, &scope, &err),
	    -1);
	assert_int_equal(err.kind, ERR_CANCELLED);
	redis_target_release(&t);
	cancel_free(cancel);
}

/* The pinned primary and its Sentinel; what comes of a look at them. */
static int
settle(const char *replicas, const char *info, bool elsewhere, struct err *err)
{
	struct peer primary = {.answers = {{"INFO replication", info}}};
	struct peer sentinel = {
	    .answers = {{"GET-MASTER", "*2\r\n$1\r\nh\r\n$1\r\n1\r\n"},
		{"REPLICAS", replicas}}};
	struct scope root = scope_root(NULL);
	struct scope scope = scope_within(&root, 500);
	int here = start(&primary), port;
	struct redis_target t, one;
	char text[64];
	int rc;

	if (!elsewhere)
		sentinel.answers[0].reply = address(text, here);
	port = start(&sentinel);
	assert_int_equal(find(&t, SENTINEL_ALL, &port, 1, err), 0);
	one = redis_target_pin(&t, 0);
	free(one.hosts[0].host);
	one.hosts[0].host = strdup("127.0.0.1");
	one.hosts[0].port = here;
	rc = sentinel_settle(&one, &none, &none, &scope, err);
	redis_target_release(&one);
	redis_target_release(&t);
	stop(&sentinel);
	stop(&primary);
	return rc;
}

#define AT_91 "role:master\r\nmaster_repl_offset:91\r\n"
#define FOLLOWS(offset) \
	"slave0:ip=h,port=1,state=online,offset=" offset ",lag=0\r\n"

static void
bulk(char out[300], const char *text)
{
	snprintf(out, 300, "$%zu\r\n%s\r\n", strlen(text), text);
}

static void
what_all_replicas_have_lasts(void **state)
{
	static const char two[] = "*2\r\n" REPLICA("6401", "slave", "5")
	    REPLICA("6402", "slave", "5");
	char all[300], one[300], none_up[300], demoted[300];
	struct err err = {0};

	(void)state;
	bulk(all, AT_91 FOLLOWS("91") FOLLOWS("95"));
	bulk(one, AT_91 FOLLOWS("91") FOLLOWS("90"));
	bulk(none_up, AT_91);
	bulk(demoted, "role:slave\r\nmaster_repl_offset:91\r\n");
	assert_int_equal(settle(two, all, false, &err), 0);
	assert_int_equal(settle("*0\r\n", none_up, false, &err), 0);
	/* One has not: it is asked until the time is over. */
	assert_int_equal(settle(two, one, false, &err), -1);
	assert_non_null(
	    strstr(err.text, "1 of 2 replicas of 'm' have what was written"));
	assert_int_equal(settle(two, none_up, false, &err), -1);
	assert_int_equal(settle(two, "+OK\r\n", false, &err), -1);
	assert_int_equal(settle(two, NULL, false, &err), -1);
	assert_int_equal(settle(two, "-NOPERM info\r\n", false, &err), -1);
	assert_int_equal(err.kind, ERR_AUTH);
	assert_int_equal(settle(two, demoted, false, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	/* Another one was promoted. */
	assert_int_equal(settle(two, all, true, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_non_null(strstr(err.text, "is the primary of 'm' by now"));
}

static void
without_sentinels_there_is_nothing_to_do(void **state)
{
	struct scope scope = scope_root(NULL);
	struct redis_target t;
	struct err err = {0};

	(void)state;
	assert_int_equal(redis_target_parse("redis://h", &t, &err), 0);
	assert_int_equal(redis_sentinel_find(
			     &t, SENTINEL_PRIMARY, &none, &none, &scope, &err),
	    0);
	assert_int_equal(sentinel_settle(&t, &none, &none, &scope, &err), 0);
	redis_target_release(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_primary_and_its_replicas_are_found),
	    cmocka_unit_test(an_old_one_calls_them_slaves),
	    cmocka_unit_test(the_primary_is_not_its_own_replica),
	    cmocka_unit_test(an_answer_that_makes_no_sense_is_none),
	    cmocka_unit_test(who_does_not_know_says_so),
	    cmocka_unit_test(the_primary_confirms_it_itself),
	    cmocka_unit_test(what_was_found_before_stays),
	    cmocka_unit_test(a_cancel_ends_the_asking),
	    cmocka_unit_test(what_all_replicas_have_lasts),
	    cmocka_unit_test(without_sentinels_there_is_nothing_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

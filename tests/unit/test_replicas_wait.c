/* A primary that tells of its replicas, on bytes; e2e has real ones. */
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

#include "base/cancel.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_target.h"
#include "rdb/replicas_wait.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/script_resp.h"

/* What is said of replicas: by a primary that is at 91 when first asked. */
#define AT_91	"role:master\r\nmaster_repl_offset:91\r\n"
#define AT_95	"role:master\r\nmaster_repl_offset:95\r\n"
#define BEHIND	"slave0:ip=h,port=1,state=online,offset=90,lag=0\r\n"
#define ARRIVED "slave1:ip=h,port=2,state=online,offset=91,lag=0\r\n"
#define NEWLY	"slave2:ip=h,port=3,state=online,offset=0,lag=0\r\n"
#define SYNCING "slave3:ip=h,port=4,state=wait_bgsave,offset=0,lag=0\r\n"

#define LOOKS_MAX 4

struct primary {
	struct script_server *server;
	/* Of INFO replication, in their turn; NULL: it closes. */
	const char *looks[LOOKS_MAX];
	atomic_uint looked;
	struct cancel *cancel; /* by the second of them */
	bool for_ever;	       /* the first one each time */
};

static int
answer(struct script_conn *c, void *arg, const char *words)
{
	struct primary *p = arg;
	const char *text;

	if (strcmp(words, "PING") == 0)
		return script_sends(c, "+PONG\r\n");
	if (strcmp(words, "INFO") == 0)
		return script_send_bulk(c,
		    "redis_version:7.0.15\r\nrole:master\r\n"
		    "cluster_enabled:1\r\n");
	if (strcmp(words, "CLUSTER SLOTS") == 0)
		return script_sendf(c,
		    "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$0\r\n\r\n:%d\r\n",
		    script_server_port(p->server));
	if (strcmp(words, "INFO replication") != 0)
		return script_sends(c, "-ERR unknown command\r\n");
	if (p->for_ever)
		return script_send_bulk(c, p->looks[0]);
	assert_true(atomic_load(&p->looked) < LOOKS_MAX);
	text = p->looks[atomic_fetch_add(&p->looked, 1)];
	if (p->cancel != NULL && atomic_load(&p->looked) == 2)
		cancel_trigger(p->cancel);
	return text != NULL ? script_send_bulk(c, text) : -1;
}

static void
serve(struct script_conn *c, void *arg)
{
	script_answer_commands(c, answer, arg);
}

static int
wait_within(struct primary *p, const struct scope *scope, struct err *err)
{
	static const struct redis_opts opts = {.reply_timeout_ms = 10000};
	struct redis_target t;
	char url[64];
	int rc;

	*err = (struct err){0};
	p->server = script_server_new(NULL, serve, p);
	snprintf(url, sizeof(url), "redis://127.0.0.1:%d",
	    script_server_port(p->server));
	assert_int_equal(redis_target_parse(url, &t, err), 0);
	t.cluster = xstrdup("c");
	rc = replicas_wait(&t, &opts, scope, err);
	redis_target_release(&t);
	script_server_free(p->server);
	return rc;
}

/* With so many looks. */
static int
wait_on(struct primary *p, unsigned looks, struct err *err)
{
	struct scope root = scope_root(p->cancel);
	struct scope scope = scope_within(&root, 20000);
	int rc = wait_within(p, &scope, err);

	assert_int_equal(atomic_load(&p->looked), looks);
	return rc;
}

/* To where the primary was at first, whatever is written to it later. */
static void
it_waits_until_all_that_follow_have_it(void **state)
{
	struct primary p = {.looks = {AT_91 BEHIND NEWLY, AT_95 ARRIVED NEWLY,
				AT_95 ARRIVED BEHIND, AT_95 ARRIVED ARRIVED}};
	struct err err;

	(void)state;
	assert_int_equal(wait_on(&p, 4, &err), 0);
}

static void
one_that_goes_away_is_not_waited_for(void **state)
{
	struct primary p = {.looks = {AT_91 BEHIND ARRIVED, AT_91 ARRIVED}};
	struct primary last = {.looks = {AT_91 BEHIND, AT_91}};
	struct err err;

	(void)state;
	assert_int_equal(wait_on(&p, 2, &err), 0);
	assert_int_equal(wait_on(&last, 2, &err), 0);
}

static void
one_that_is_not_online_is_not_waited_for(void **state)
{
	struct primary p = {.looks = {AT_91 SYNCING ARRIVED}};
	struct primary none = {.looks = {AT_91}};
	struct err err;

	(void)state;
	assert_int_equal(wait_on(&p, 1, &err), 0);
	assert_int_equal(wait_on(&none, 1, &err), 0);
}

static void
an_offset_that_is_not_told_is_not_reached(void **state)
{
	struct primary p = {
	    .looks = {AT_91 "slave0:ip=h,port=1,state=online,lag=0\r\n" ARRIVED,
		AT_91}};
	struct primary mute = {.looks = {"role:master\r\n" ARRIVED}};
	struct err err;

	(void)state;
	assert_int_equal(wait_on(&p, 2, &err), 0);
	assert_int_equal(wait_on(&mute, 1, &err), -1);
	assert_int_equal(err.kind, ERR_CORRUPT);
}

static void
who_is_late_is_told_when_the_waiting_ends(void **state)
{
	struct primary p = {
	    .looks = {AT_91 BEHIND ARRIVED, AT_91 BEHIND ARRIVED},
	    .cancel = cancel_new(NULL)};
	struct err err;

	(void)state;
	assert_int_equal(wait_on(&p, 2, &err), -1);
	assert_int_equal(err.kind, ERR_CANCELLED);
	assert_non_null(strstr(err.text, "1 of 2 replicas of '127.0.0.1:"));
	cancel_free(p.cancel);
}

static void
one_that_never_arrives_is_waited_for_ten_minutes(void **state)
{
	struct primary p = {.looks = {AT_91 BEHIND}, .for_ever = true};
	struct fake_clock clock;
	struct scope root = fake_clock_init(&clock);
	struct scope scope = scope_within(&root, 3600000);
	struct err err;

	(void)state;
	assert_int_equal(wait_within(&p, &scope, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_non_null(strstr(err.text, "waited for 10 min"));
	assert_non_null(strstr(err.text, "0 of 1 replicas"));
	assert_in_range(clock.slept_ms, 590000, 601000);
}

static void
a_primary_that_is_none_any_more_is_asked_anew(void **state)
{
	static const char *const answers[] = {
	    "role:slave\r\nmaster_repl_offset:91\r\n", NULL};
	struct err err;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct primary p = {.looks = {AT_91 BEHIND, answers[i]}};

		assert_int_equal(wait_on(&p, 2, &err), -1);
		assert_int_equal(err.kind, ERR_TRANSIENT);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_waits_until_all_that_follow_have_it),
	    cmocka_unit_test(one_that_goes_away_is_not_waited_for),
	    cmocka_unit_test(one_that_is_not_online_is_not_waited_for),
	    cmocka_unit_test(an_offset_that_is_not_told_is_not_reached),
	    cmocka_unit_test(who_is_late_is_told_when_the_waiting_ends),
	    cmocka_unit_test(one_that_never_arrives_is_waited_for_ten_minutes),
	    cmocka_unit_test(a_primary_that_is_none_any_more_is_asked_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

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

#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_target.h"
#include "rdb/replicas_wait.h"
#include "tests/sim/script_resp.h"

#define ONLINE	"slave0:ip=h,port=1,state=online,offset=1,lag=0\r\n"
#define SYNCING "slave1:ip=h,port=2,state=wait_bgsave,offset=0,lag=0\r\n"

#define TURNS 4

struct primary {
	struct script_server *server;
	/* Of INFO replication and WAIT, in their turn; NULL: as before. */
	const char *replicas[TURNS], *waits[TURNS];
	atomic_uint looks, asked;
};

static const char *
take(const char *const list[TURNS], atomic_uint *turn)
{
	unsigned i = atomic_fetch_add(turn, 1);

	i = i < TURNS ? i : TURNS - 1;
	while (i > 0 && list[i] == NULL)
		i--;
	return list[i];
}

static int
answer(struct script_conn *c, struct primary *p, const char *words)
{
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
	if (strcmp(words, "INFO replication") == 0)
		return script_send_bulk(c, take(p->replicas, &p->looks));
	if (strncmp(words, "WAIT", 4) != 0)
		return script_sends(c, "-ERR unknown command\r\n");
	script_record(c, words, strlen(words));
	words = take(p->waits, &p->asked);
	return words != NULL ? script_sendf(c, "%s\r\n", words) : -1;
}

static void
serve(struct script_conn *c, void *arg)
{
	struct buf words;

	buf_init(&words, 4096);
	while (script_read_command(c, &words) == 0 &&
	    answer(c, arg, words.data) == 0)
		;
	buf_release(&words);
	script_close(c);
}

/* The last question, which is to be asked so often. */
static int
wait_on(struct primary *p, const char *question, size_t times, struct err *err)
{
	static const struct redis_opts opts = {.reply_timeout_ms = 10000};
	struct scope root = scope_root(NULL);
	struct scope scope = scope_within(&root, 20000);
	struct redis_target t;
	char url[64];
	int rc;

	*err = (struct err){0};
	p->server = script_server_new(NULL, serve, p);
	snprintf(url, sizeof(url), "redis://127.0.0.1:%d",
	    script_server_port(p->server));
	assert_int_equal(redis_target_parse(url, &t, err), 0);
	t.cluster = xstrdup("c");
	rc = replicas_wait(&t, &opts, &scope, err);
	assert_int_equal(script_server_count(p->server), times);
	if (times > 0)
		assert_string_equal(
		    script_server_record(p->server, times - 1).data, question);
	redis_target_release(&t);
	script_server_free(p->server);
	return rc;
}

static void
it_waits_until_all_that_follow_have_it(void **state)
{
	struct primary p = {
	    .replicas = {ONLINE ONLINE SYNCING}, .waits = {":0", ":1", ":2"}};
	struct err err;

	(void)state;
	assert_int_equal(wait_on(&p, "WAIT 2 1000", 3, &err), 0);
}

static void
one_that_is_cut_off_is_not_waited_for(void **state)
{
	struct primary p = {
	    .replicas = {ONLINE ONLINE, ONLINE}, .waits = {":1"}};
	struct primary alone = {.replicas = {ONLINE, SYNCING}, .waits = {":0"}};
	struct err err;

	(void)state;
	assert_int_equal(wait_on(&p, "WAIT 1 1000", 2, &err), 0);
	assert_int_equal(wait_on(&alone, "WAIT 1 1000", 1, &err), 0);
}

static void
without_replicas_there_is_nothing_to_wait_for(void **state)
{
	struct primary p = {.replicas = {"role:master\r\n"}};
	struct err err;

	(void)state;
	assert_int_equal(wait_on(&p, NULL, 0, &err), 0);
}

static void
a_primary_that_is_none_any_more_is_asked_anew(void **state)
{
	static const char *const answers[] = {
	    "-UNBLOCKED force unblock from blocking operation",
	    "-ERR WAIT cannot be used with replica instances.", NULL};
	struct err err;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct primary p = {
		    .replicas = {ONLINE}, .waits = {answers[i]}};

		assert_int_equal(wait_on(&p, "WAIT 1 1000", 1, &err), -1);
		assert_int_equal(err.kind, ERR_TRANSIENT);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_waits_until_all_that_follow_have_it),
	    cmocka_unit_test(one_that_is_cut_off_is_not_waited_for),
	    cmocka_unit_test(without_replicas_there_is_nothing_to_wait_for),
	    cmocka_unit_test(a_primary_that_is_none_any_more_is_asked_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

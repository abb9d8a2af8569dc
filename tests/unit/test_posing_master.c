#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cancel.h"
#include "base/chunk.h"
#include "base/credential.h"
#include "base/err.h"
#include "base/journal.h"
#include "base/scope.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "rdb/posing_master.h"
#include "rdb/redis_conn.h"
#include "tests/sim/loopback.h"
#include "tests/sim/posing_rig.h"
#include "tests/sim/real_redis.h"
#include "tests/sim/redis_data.h"
#include "tests/sim/test_ca.h"

#define OLD_AUTH "mellon"

static void
a_dump_is_loaded_whole_and_the_target_let_go(void **state)
{
	struct posing_rig r;

	(void)state;
	posing_rig_init(&r, NULL);
	posing_load(&r);
	posing_holds_the_source(&r);
	posing_is_put_back(&r, "");
	redis_data_do(r.to, "SELECT 15");
	assert_true(redis_data_int(r.to, "PEXPIRETIME ttl:15") ==
	    INT64_C(4102444800123));
	/* It takes writes, and another dump. */
	redis_data_do(r.to, "SET written after");
	posing_load(&r);
	posing_holds_the_source(&r);
	posing_rig_release(&r);
}

/* Listening on ::1, of itself and when told to listen on all addresses. */
static void
a_target_reached_by_ipv6_is_loaded(void **state)
{
	static const char *const args[] = {REDIS_DATA_DEBUG, "--requirepass",
	    POSING_PASSWORD, "--bind", "127.0.0.1", "-::1", NULL};
	const struct real_redis_opts opts = {.args = args};
	struct posing_rig r;

	(void)state;
	loopback_needs_ipv6();
	posing_rig_init(&r, &opts);
	redis_target_release(&r.at);
	posing_target_on(&r.at, "[::1]", real_redis_port(r.target), false);
	posing_load(&r);
	posing_holds_the_source(&r);
	posing_is_put_back(&r, "");
	redis_data_do(r.to, "SET written after");
	r.opts.bind = "::";
	posing_load(&r);
	posing_holds_the_source(&r);
	posing_is_put_back(&r, "");
	posing_rig_release(&r);
}

static void
a_dump_of_less_than_is_withheld_is_loaded(void **state)
{
	struct posing_rig r;

	(void)state;
	posing_rig_init(&r, NULL);
	redis_data_do(r.from, "FLUSHALL");
	redis_data_do(r.from, "SET only key");
	free(r.dump);
	r.dump = redis_data_dump(r.source, r.from, &r.len);
	assert_true(r.len < POSING_WITHHELD_BYTES);
	r.opts.size = r.len;
	posing_load(&r);
	posing_holds_the_source(&r);
	posing_is_put_back(&r, "");
	posing_rig_release(&r);
}

static void
what_the_target_was_configured_with_comes_back(void **state)
{
	struct posing_rig r;

	(void)state;
	posing_rig_init(&r, NULL);
	redis_data_do(r.to, "CONFIG SET repl-diskless-load swapdb");
	redis_data_do(r.to, "CONFIG SET repl-timeout 77");
	redis_data_do(r.to, "CONFIG SET masterauth " OLD_AUTH);
	redis_data_do(r.to, "CONFIG SET masteruser gimli");
	posing_load(&r);
	posing_holds_the_source(&r);
	posing_is_master(r.to);
	posing_config_is(r.to, "repl-diskless-load", "swapdb");
	posing_config_is(r.to, "repl-timeout", "77");
	posing_config_is(r.to, "masterauth", OLD_AUTH);
	posing_config_is(r.to, "masteruser", "gimli");
	assert_int_equal(posing_journal_entries(r.journal), 0);
	posing_rig_release(&r);
}

/* Before it vouches for the dump, whoever gives up harms nothing. */
static void
freed_before_the_release_it_leaves_the_old_data(void **state)
{
	struct posing_rig r;

	(void)state;
	posing_rig_init(&r, NULL);
	for (int step = 0; step < 3; step++) {
		struct sink *s = posing_posed(&r);

		assert_int_equal(posing_journal_entries(r.journal), 1);
		if (step > 0)
			assert_int_equal(
			    posing_give(&r, s, step == 1 ? r.len / 2 : r.len),
			    0);
		if (step == 2)
			assert_int_equal(sink_finish(s, &r.err), 0);
		s->ops->free(s);
		posing_holds(r.to, r.before);
		posing_is_put_back(&r, "");
	}
	posing_rig_release(&r);
}

static void
a_dump_of_another_length_is_not_let_go(void **state)
{
	struct posing_rig r;
	struct sink *s;

	(void)state;
	posing_rig_init(&r, NULL);
	s = posing_posed(&r);
	assert_int_equal(posing_give(&r, s, r.len - 1), 0);
	assert_int_equal(sink_finish(s, &r.err), -1);
	assert_int_equal(r.err.kind, ERR_CORRUPT);
	assert_non_null(strstr(r.err.text, "old data is untouched"));
	s->ops->free(s);
	posing_holds(r.to, r.before);
	posing_is_put_back(&r, "");

	r.opts.size = r.len - 1;
	s = posing_posed(&r);
	assert_int_equal(posing_give(&r, s, r.len), -1);
	assert_int_equal(r.err.kind, ERR_CORRUPT);
	s->ops->free(s);
	posing_holds(r.to, r.before);
	posing_is_put_back(&r, "");
	posing_rig_release(&r);
}

static void
a_cancelled_load_still_puts_the_target_back(void **state)
{
	struct cancel *cancel = cancel_new(NULL);
	struct posing_rig r;
	struct sink *s;

	(void)state;
	posing_rig_init(&r, NULL);
	r.scope = scope_root(cancel);
	s = posing_posed(&r);
	cancel_trigger(cancel);
	assert_int_equal(posing_give(&r, s, r.len), -1);
	assert_int_equal(r.err.kind, ERR_CANCELLED);
	s->ops->free(s);
	posing_holds(r.to, r.before);
	posing_is_put_back(&r, "");
	posing_rig_release(&r);
	cancel_free(cancel);
}

static void
a_target_that_cannot_reach_us_is_put_back(void **state)
{
	struct posing_rig r;

	(void)state;
	posing_rig_init(&r, NULL);
	redis_data_do(r.to, "CONFIG SET masterauth " OLD_AUTH);
	/* Port 1 of this name is closed; ours is another. */
	r.opts.advertise = "127.0.0.2";
	r.opts.bind = "127.0.0.1";
	r.opts.connect_timeout_ms = 300;
	assert_null(posing_pose(&r));
	assert_int_equal(r.err.kind, ERR_UNSUPPORTED);
	if (strstr(r.err.text, "did not connect") == NULL ||
	    strstr(r.err.text, "old data is untouched") == NULL)
		fail_msg("%s", r.err.text);
	posing_holds(r.to, r.before);
	posing_is_put_back(&r, OLD_AUTH);
	posing_rig_release(&r);
}

static void
a_target_that_stops_while_it_is_fed_is_told_of(void **state)
{
	struct posing_rig r;
	struct sink *s;
	siginfo_t gone;

	(void)state;
	posing_rig_init(&r, NULL);
	s = posing_posed(&r);
	assert_int_equal(posing_give(&r, s, r.len / 2), 0);
	assert_int_equal(kill(real_redis_pid(r.target), SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)real_redis_pid(r.target), &gone,
			     WEXITED | WNOWAIT),
	    0);
	assert_int_equal(sink_write_bytes(s, r.dump, 10, &r.err), -1);
	assert_int_equal(r.err.kind, ERR_TRANSIENT);
	if (strstr(r.err.text, "it is still to be put back") == NULL)
		fail_msg("%s", r.err.text);
	assert_int_equal(posing_journal_entries(r.journal), 1);
	s->ops->free(s);
	posing_rig_release(&r);
}

static void
a_target_that_loads_slowly_is_waited_for(void **state)
{
	struct posing_rig r;

	(void)state;
	posing_rig_init(&r, NULL);
	redis_data_do(r.to, "CONFIG SET key-load-delay 300");
	redis_data_do(
	    r.to, "CONFIG SET loading-process-events-interval-bytes 1024");
	posing_load(&r);
	posing_holds_the_source(&r);
	posing_is_put_back(&r, "");
	posing_rig_release(&r);
}

/* From here on the old data may be gone, and that is what is said. */
static void
a_load_that_takes_too_long_is_given_up_and_told(void **state)
{
	struct posing_rig r;
	struct sink *s;

	(void)state;
	posing_rig_init(&r, NULL);
	redis_data_do(r.to, "CONFIG SET key-load-delay 300");
	redis_data_do(
	    r.to, "CONFIG SET loading-process-events-interval-bytes 1024");
	r.opts.load_timeout_ms = 300;
	s = posing_posed(&r);
	assert_int_equal(posing_give(&r, s, r.len), 0);
	assert_int_equal(sink_finish(s, &r.err), 0);
	assert_int_equal(posing_release(s, &r.scope, &r.err), -1);
	assert_int_equal(r.err.kind, ERR_UNREACHABLE);
	if (strstr(r.err.text, "waiting for the target to load") == NULL ||
	    strstr(r.err.text, "load again") == NULL)
		fail_msg("%s", r.err.text);
	s->ops->free(s);
	posing_is_put_back(&r, "");
	posing_rig_release(&r);
}

static void
a_dump_that_the_target_cannot_load_is_told_of(void **state)
{
	struct posing_rig r;
	struct sink *s;

	(void)state;
	posing_rig_init(&r, NULL);
	memcpy(r.dump, "REDIS0099", 9);
	s = posing_posed(&r);
	assert_int_equal(posing_give(&r, s, r.len), 0);
	assert_int_equal(sink_finish(s, &r.err), 0);
	assert_int_equal(posing_release(s, &r.scope, &r.err), -1);
	if (strstr(r.err.text, "may hold") == NULL)
		fail_msg("%s", r.err.text);
	s->ops->free(s);
	posing_is_put_back(&r, "");
	posing_rig_release(&r);
}

/* Seen with Redis 7.0: such a dump ends the process. */
static void
a_target_that_ends_while_it_loads_is_told_of(void **state)
{
	struct posing_rig r;
	struct sink *s;

	(void)state;
	posing_rig_init(&r, NULL);
	memset(r.dump + r.len / 2, 0xee, r.len / 2);
	s = posing_posed(&r);
	assert_int_equal(posing_give(&r, s, r.len), 0);
	assert_int_equal(sink_finish(s, &r.err), 0);
	assert_int_equal(posing_release(s, &r.scope, &r.err), -1);
	if (strstr(r.err.text, "may hold") == NULL ||
	    strstr(r.err.text, "still to be put back") == NULL)
		fail_msg("%s", r.err.text);
	assert_int_equal(posing_journal_entries(r.journal), 1);
	s->ops->free(s);
	posing_rig_release(&r);
}

static void
a_target_taken_away_is_not_let_go_of_the_last_bytes(void **state)
{
	struct posing_rig r;
	struct sink *s;

	(void)state;
	posing_rig_init(&r, NULL);
	s = posing_posed(&r);
	assert_int_equal(posing_give(&r, s, r.len), 0);
	assert_int_equal(sink_finish(s, &r.err), 0);
	redis_data_do(r.to, "REPLICAOF 127.0.0.3 1");
	assert_int_equal(posing_release(s, &r.scope, &r.err), -1);
	assert_int_equal(r.err.kind, ERR_CONFLICT);
	s->ops->free(s);
	redis_data_do(r.to, "REPLICAOF NO ONE");
	posing_holds(r.to, r.before);
	posing_is_put_back(&r, "");
	posing_rig_release(&r);
}

static void
a_replica_keeps_its_master(void **state)
{
	struct posing_rig r;

	(void)state;
	posing_rig_init(&r, NULL);
	redis_data_do(r.to, "REPLICAOF 127.0.0.1 1");
	assert_null(posing_pose(&r));
	assert_int_equal(r.err.kind, ERR_REFUSED);
	assert_non_null(strstr(r.err.text, "is a replica of '127.0.0.1:1'"));
	assert_int_equal(posing_journal_entries(r.journal), 0);
	posing_rig_release(&r);
}

static void
a_target_that_refuses_to_follow_is_left_as_it_was(void **state)
{
	static const struct {
		const char *args[12];
		const char *text;
	} cases[] = {
	    {{REDIS_DATA_DEBUG, "--requirepass", POSING_PASSWORD,
		 "--rename-command", "REPLICAOF", "", "--rename-command",
		 "SLAVEOF", "", NULL},
		"unknown command"},
	    {{REDIS_DATA_DEBUG, "--requirepass", POSING_PASSWORD,
		 "--rename-command", "CONFIG", "", NULL},
		"CONFIG GET"},
	    {{REDIS_DATA_DEBUG, "--requirepass", POSING_PASSWORD,
		 "--cluster-enabled", "yes", NULL},
		"cluster"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct real_redis_opts opts = {.args = cases[i].args};
		struct posing_rig r;

		posing_rig_init(&r, &opts);
		assert_null(posing_pose(&r));
		assert_int_equal(r.err.kind, ERR_UNSUPPORTED);
		if (strstr(r.err.text, cases[i].text) == NULL)
			fail_msg("%s", r.err.text);
		assert_int_equal(posing_journal_entries(r.journal), 0);
		posing_is_master(r.to);
		posing_rig_release(&r);
	}
}

/* kill -9 at a step of the load; then what the next start does. */
static void
crash(struct posing_rig *r, int step, struct journal *journal)
{
	struct sink *s;

	r->opts.journal = journal;
	s = posing_pose(r);
	if (s == NULL)
		_exit(1);
	if (step > 0 && posing_give(r, s, step == 1 ? r->len / 2 : r->len) != 0)
		_exit(2);
	if (step == 2 && sink_finish(s, &r->err) != 0)
		_exit(3);
	kill(getpid(), SIGKILL);
}

/* A journal in a file, one line an entry: what a child wrote outlives it. */
struct file_journal {
	struct journal base;
	const char *path;
};

static int
file_put(struct journal *j, const char *key, const char *value, struct err *err)
{
	struct file_journal *f = (struct file_journal *)j;
	FILE *out = fopen(f->path, "w");

	if (out == NULL || fprintf(out, "%s\n%s\n", key, value) < 0 ||
	    fclose(out) != 0)
		return err_sys(err, "%s", f->path);
	return 0;
}

static int
file_get(struct journal *j, const char *key, struct buf *value, struct err *err)
{
	(void)j;
	(void)key;
	(void)value;
	return err_set(err, ERR_MISSING, "nothing before");
}

static const struct journal_ops file_ops = {.put = file_put, .get = file_get};

/* What the child's journal held, in the rig's own. */
static void
take_over(struct posing_rig *r, const char *path)
{
	char key[512], value[8192];
	FILE *in = fopen(path, "r");

	assert_non_null(in);
	assert_non_null(fgets(key, sizeof(key), in));
	assert_non_null(fgets(value, sizeof(value), in));
	fclose(in);
	key[strcspn(key, "\n")] = '\0';
	value[strcspn(value, "\n")] = '\0';
	/* Neither the old password nor the one-time one is in it. */
	assert_null(strstr(value, OLD_AUTH));
	assert_null(strstr(value, POSING_PASSWORD));
	assert_int_equal(
	    r->journal->ops->put(r->journal, key, value, &r->err), 0);
}

static void
after_kill_9_the_next_start_puts_the_target_back(void **state)
{
	struct posing_rig r;
	char path[256];

	(void)state;
	posing_rig_init(&r, NULL);
	snprintf(path, sizeof(path), "%s/journal", real_redis_dir(r.source));
	redis_data_do(r.to, "CONFIG SET repl-diskless-load swapdb");
	redis_data_do(r.to, "CONFIG SET masterauth " OLD_AUTH);
	for (int step = 0; step < 3; step++) {
		struct file_journal f = {.base.ops = &file_ops, .path = path};
		char *auth;
		int status;
		pid_t pid = fork();

		if (pid == 0)
			crash(&r, step, &f.base);
		assert_true(pid > 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		auth = redis_data_text(r.to, "CONFIG GET masterauth");
		assert_string_not_equal(auth, OLD_AUTH);
		free(auth);

		take_over(&r, path);
		if (posing_undo(r.journal, &r.at, &r.redis, &r.scope, &r.err) !=
		    0)
			fail_msg("%s", r.err.text);
		posing_is_master(r.to);
		posing_config_is(r.to, "masterauth", OLD_AUTH);
		posing_config_is(r.to, "repl-diskless-load", "swapdb");
		posing_config_is(r.to, "repl-timeout", "60");
		assert_int_equal(posing_journal_entries(r.journal), 0);
		posing_holds(r.to, r.before);
	}
	posing_rig_release(&r);
}

/* Or, without one, the next load does, and loads. */
static void
after_kill_9_the_next_load_goes_through(void **state)
{
	struct posing_rig r;
	char path[256];
	struct file_journal f = {.base.ops = &file_ops, .path = path};
	int status;
	pid_t pid;

	(void)state;
	posing_rig_init(&r, NULL);
	snprintf(path, sizeof(path), "%s/journal", real_redis_dir(r.source));
	redis_data_do(r.to, "CONFIG SET masterauth " OLD_AUTH);
	pid = fork();
	if (pid == 0)
		crash(&r, 1, &f.base);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	take_over(&r, path);
	posing_load(&r);
	posing_holds_the_source(&r);
	posing_is_put_back(&r, OLD_AUTH);
	posing_rig_release(&r);
}

/* What others changed since is theirs. */
static void
undoing_leaves_alone_what_is_not_ours(void **state)
{
	struct posing_rig r;
	char path[256];
	struct file_journal f = {.base.ops = &file_ops, .path = path};
	char *info;
	int status;
	pid_t pid;

	(void)state;
	posing_rig_init(&r, NULL);
	snprintf(path, sizeof(path), "%s/journal", real_redis_dir(r.source));
	pid = fork();
	if (pid == 0)
		crash(&r, 0, &f.base);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	take_over(&r, path);
	redis_data_do(r.to, "CONFIG SET masterauth theirs");
	redis_data_do(r.to, "CONFIG SET repl-timeout 99");
	redis_data_do(r.to, "REPLICAOF 127.0.0.3 1");
	assert_int_equal(
	    posing_undo(r.journal, &r.at, &r.redis, &r.scope, &r.err), 0);
	info = redis_data_text(r.to, "INFO replication");
	assert_non_null(strstr(info, "master_host:127.0.0.3"));
	free(info);
	posing_config_is(r.to, "masterauth", "theirs");
	posing_config_is(r.to, "repl-timeout", "99");
	assert_int_equal(posing_journal_entries(r.journal), 0);
	posing_rig_release(&r);
}

static void
undoing_fails_and_remembers_when_the_target_is_down(void **state)
{
	struct posing_rig r;

	(void)state;
	posing_rig_init(&r, NULL);
	/* Without an entry nobody is asked. */
	assert_int_equal(kill(real_redis_pid(r.target), SIGKILL), 0);
	assert_int_equal(
	    posing_undo(r.journal, &r.at, &r.redis, &r.scope, &r.err), 0);
	{
		struct buf key;

		buf_init(&key, 200);
		buf_addf(
		    &key, "posing/127.0.0.1:%d", real_redis_port(r.target));
		assert_int_equal(
		    r.journal->ops->put(r.journal, key.data,
			"{\"format\":1,\"master_host\":\"127.0.0.1\","
			"\"master_port\":9,\"config\":[]}",
			&r.err),
		    0);
		buf_release(&key);
	}
	assert_int_equal(
	    posing_undo(r.journal, &r.at, &r.redis, &r.scope, &r.err), -1);
	assert_int_equal(r.err.kind, ERR_UNREACHABLE);
	assert_int_equal(posing_journal_entries(r.journal), 1);
	posing_rig_release(&r);
}

/* Mutual TLS: both ways of it, and what is refused. */
static void
over_mutual_tls_no_masterauth_is_touched(void **state)
{
	struct test_ca *ca = test_ca_new();
	struct test_cert cert = test_ca_issue(ca, "127.0.0.1");
	static const char *const args[] = {REDIS_DATA_DEBUG, "--requirepass",
	    POSING_PASSWORD, "--tls-replication", "yes", "--masterauth",
	    "of-old", NULL};
	const struct real_redis_opts opts = {
	    .args = args, .tls = ca, .tls_clients = 1};
	struct posing_rig r;

	(void)state;
	posing_rig_init(&r, &opts);
	redis_target_release(&r.at);
	posing_target_on(
	    &r.at, "127.0.0.1", real_redis_tls_port(r.target), true);
	r.redis.tls.ca_file = test_ca_file(ca);
	r.redis.tls.cert_file = cert.cert_file;
	r.redis.tls.key_file = cert.key_file;

	assert_null(posing_pose(&r));
	assert_int_equal(r.err.kind, ERR_UNSUPPORTED);
	assert_non_null(strstr(r.err.text, "replicates over TLS"));

	r.opts.tls_ca = test_ca_file(ca);
	assert_null(posing_pose(&r));
	assert_int_equal(r.err.kind, ERR_USAGE);

	r.opts.tls_cert = cert.cert_file;
	r.opts.tls_key = cert.key_file;
	posing_load(&r);
	posing_holds_the_source(&r);
	posing_is_put_back(&r, "of-old");

	/* And straight off the TLS connection into memory. */
	redis_data_do(r.to, "FLUSHALL");
	redis_data_do(r.to, "FUNCTION FLUSH");
	r.opts.streamed = true;
	posing_load(&r);
	posing_holds_the_source(&r);
	posing_is_put_back(&r, "of-old");

	redis_data_do(r.to, "CONFIG SET tls-replication no");
	assert_null(posing_pose(&r));
	assert_int_equal(r.err.kind, ERR_UNSUPPORTED);
	r.opts.tls_cert = r.opts.tls_key = r.opts.tls_ca = NULL;
	assert_null(posing_pose(&r));
	assert_int_equal(r.err.kind, ERR_UNSUPPORTED);
	assert_non_null(strstr(r.err.text, "in clear"));
	posing_is_put_back(&r, "of-old");
	posing_rig_release(&r);
	test_ca_free(ca);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_dump_is_loaded_whole_and_the_target_let_go),
	    cmocka_unit_test(a_target_reached_by_ipv6_is_loaded),
	    cmocka_unit_test(a_dump_of_less_than_is_withheld_is_loaded),
	    cmocka_unit_test(what_the_target_was_configured_with_comes_back),
	    cmocka_unit_test(freed_before_the_release_it_leaves_the_old_data),
	    cmocka_unit_test(a_dump_of_another_length_is_not_let_go),
	    cmocka_unit_test(a_cancelled_load_still_puts_the_target_back),
	    cmocka_unit_test(a_target_that_cannot_reach_us_is_put_back),
	    cmocka_unit_test(a_target_that_stops_while_it_is_fed_is_told_of),
	    cmocka_unit_test(a_target_that_loads_slowly_is_waited_for),
	    cmocka_unit_test(a_load_that_takes_too_long_is_given_up_and_told),
	    cmocka_unit_test(a_dump_that_the_target_cannot_load_is_told_of),
	    cmocka_unit_test(a_target_that_ends_while_it_loads_is_told_of),
	    cmocka_unit_test(
		a_target_taken_away_is_not_let_go_of_the_last_bytes),
	    cmocka_unit_test(a_replica_keeps_its_master),
	    cmocka_unit_test(after_kill_9_the_next_start_puts_the_target_back),
	    cmocka_unit_test(after_kill_9_the_next_load_goes_through),
	    cmocka_unit_test(undoing_leaves_alone_what_is_not_ours),
	    cmocka_unit_test(
		undoing_fails_and_remembers_when_the_target_is_down),
	    cmocka_unit_test(over_mutual_tls_no_masterauth_is_touched),
	    cmocka_unit_test(a_target_that_refuses_to_follow_is_left_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

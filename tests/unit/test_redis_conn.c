#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cancel.h"
#include "base/credential.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_error.h"
#include "tests/sim/runner.h"
#include "tests/sim/script_server.h"

#define PING "*1\r\n$4\r\nPING\r\n"

/* What a scripted server does once a client has greeted it. */
struct play {
	const char *expect; /* after the PING; NULL: nothing */
	const char *say;
	size_t say_len; /* 0: strlen */
	enum { STALL, CLOSE, RESET } then;
};

static void
serve(struct script_conn *c, void *arg)
{
	const struct play *p = arg;

	if (script_expects(c, PING) != 0 || script_sends(c, "+PONG\r\n") != 0)
		return;
	if (p->expect != NULL && script_expects(c, p->expect) != 0)
		return;
	if (p->say != NULL &&
	    script_send(
		c, p->say, p->say_len != 0 ? p->say_len : strlen(p->say)) != 0)
		return;
	if (p->then == CLOSE)
		script_close(c);
	else if (p->then == RESET)
		script_reset(c);
	else
		script_stall(c);
}

struct rig {
	struct script_server *server;
	struct redis_conn *conn;
	struct scope scope;
	struct err err;
};

static struct redis_address
local(const struct script_server *s)
{
	return (struct redis_address){
	    .host = (char *)"127.0.0.1",
	    .port = script_server_port(s),
	};
}

static void
rig_up(
    struct rig *r, script_fn *script, void *arg, const struct redis_opts *opts)
{
	static const struct redis_opts none;
	struct redis_address a;

	*r = (struct rig){.scope = scope_root(NULL)};
	r->server = script_server_new(NULL, script, arg);
	a = local(r->server);
	r->conn = redis_connect(
	    &a, NULL, opts != NULL ? opts : &none, &r->scope, &r->err);
}

static void
rig_down(struct rig *r)
{
	redis_conn_free(r->conn);
	assert_null(script_server_failure(r->server));
	script_server_free(r->server);
}

static void
err_has(const struct err *err, enum err_kind kind, const char *text)
{
	if (err->kind != kind || strstr(err->text, text) == NULL)
		fail_msg("kind %d: %s", (int)err->kind, err->text);
}

/* Every failure of a connection names it. */
static void
rig_failed(const struct rig *r, enum err_kind kind, const char *text)
{
	err_has(&r->err, kind, text);
	assert_non_null(strstr(r->err.text, "'127.0.0.1:"));
}

static void
a_command_is_sent_and_its_reply_read(void **state)
{
	struct play p = {
	    .expect = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\na b\r\n",
	    .say = "*3\r\n$2\r\nhi\r\n:7\r\n$-1\r\n"};
	struct rig r;
	redisReply *reply;

	(void)state;
	rig_up(&r, serve, &p, NULL);
	reply = redis_command(
	    r.conn, &r.scope, &r.err, "SET %s %s", "k", "a b");
	assert_non_null(reply);
	assert_int_equal(reply->elements, 3);
	assert_string_equal(reply->element[0]->str, "hi");
	assert_int_equal(reply->element[1]->integer, 7);
	assert_int_equal(reply->element[2]->type, REDIS_REPLY_NIL);
	freeReplyObject(reply);
	rig_down(&r);
}

static void
lying_lengths_are_refused(void **state)
{
	static const char *const lies[] = {
	    "*2147483647\r\n",
	    "*1048577\r\n",
	    "$536870913\r\n",
	    "$99999999999999999999\r\n",
	    "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
	    "HTTP/1.1 400 Bad Request\r\n",
	    "\n+OK\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct play p = {.say = lies[i]};
		struct rig r;

		rig_up(&r, serve, &p, NULL);
		assert_null(redis_command(r.conn, &r.scope, &r.err, "X"));
		rig_failed(&r, ERR_CORRUPT, "bad reply");
		/* It is spent: nobody knows what the next byte is. */
		r.err = (struct err){0};
		assert_null(redis_command(r.conn, &r.scope, &r.err, "X"));
		rig_failed(&r, ERR_CORRUPT, "bad reply");
		rig_down(&r);
	}
}

static void
a_reply_over_the_configured_ceiling_is_refused(void **state)
{
	struct redis_opts opts = {.reply_max = 100};
	struct play p = {.say = "$200\r\n"};
	struct rig r;

	(void)state;
	rig_up(&r, serve, &p, &opts);
	assert_null(redis_command(r.conn, &r.scope, &r.err, "X"));
	rig_failed(&r, ERR_CORRUPT, "over the ceiling");
	rig_down(&r);
}

static void
a_cut_reply_is_transient(void **state)
{
	static const char whole[] = "*2\r\n$5\r\nhello\r\n+x\r\n";

	(void)state;
	for (size_t n = 0; n < sizeof(whole) - 1; n += 3) {
		struct play p = {
		    .say = n > 0 ? whole : NULL, .say_len = n, .then = CLOSE};
		struct rig r;

		rig_up(&r, serve, &p, NULL);
		assert_null(redis_command(r.conn, &r.scope, &r.err, "X"));
		rig_failed(&r, ERR_TRANSIENT, "");
		rig_down(&r);
	}
}

static void
a_reset_is_transient(void **state)
{
	struct play p = {.expect = "*1\r\n$1\r\nX\r\n", .then = RESET};
	struct rig r;

	(void)state;
	rig_up(&r, serve, &p, NULL);
	assert_null(redis_command(r.conn, &r.scope, &r.err, "X"));
	rig_failed(&r, ERR_TRANSIENT, "");
	rig_down(&r);
}

static void
a_stall_is_transient_and_a_deadline_unreachable(void **state)
{
	struct redis_opts opts = {.reply_timeout_ms = 50};
	struct play p = {.say = "$5\r\nhe"};
	struct scope brief;
	struct rig r;

	(void)state;
	rig_up(&r, serve, &p, &opts);
	assert_null(redis_command(r.conn, &r.scope, &r.err, "X"));
	rig_failed(&r, ERR_TRANSIENT, "stalled: no byte for 50 ms");
	rig_down(&r);

	opts.reply_timeout_ms = 0;
	rig_up(&r, serve, &p, &opts);
	brief = scope_within(&r.scope, 50);
	assert_null(redis_command(r.conn, &brief, &r.err, "X"));
	rig_failed(&r, ERR_UNREACHABLE, "");
	rig_down(&r);
}

/* As redis_socket_set_batch() promises: it is only for speed. */
static void
fewer_bytes_than_a_batch_are_read_too(void **state)
{
	struct redis_opts opts = {.reply_timeout_ms = 50};
	struct play p = {.say = "hello"};
	struct rig r;
	char got[16];
	size_t n, have = 0;
	int lowat;
	socklen_t len = sizeof(lowat);

	(void)state;
	rig_up(&r, serve, &p, &opts);
	redis_conn_set_batch(r.conn, 4096);
	for (; have < strlen("hello"); have += n)
		if (redis_conn_read(r.conn, &r.scope, got + have,
			sizeof(got) - have, &n, &r.err) != 0)
			fail_msg("%s", r.err.text);
	assert_memory_equal(got, "hello", strlen("hello"));
	/* A pause within a batch was none of the next one. */
	assert_int_equal(getsockopt(redis_conn_fd(r.conn), SOL_SOCKET,
			     SO_RCVLOWAT, &lowat, &len),
	    0);
	assert_int_equal(lowat, 4096);
	assert_int_equal(
	    redis_conn_read(r.conn, &r.scope, got, sizeof(got), &n, &r.err),
	    -1);
	rig_failed(&r, ERR_TRANSIENT, "stalled: no byte for 50 ms");
	rig_down(&r);
}

struct waiter {
	struct rig *rig;
	struct scope scope;
	redisReply *reply;
};

static void
ask_and_wait(void *arg)
{
	struct waiter *w = arg;

	w->reply = redis_command(w->rig->conn, &w->scope, &w->rig->err, "X");
}

static void
a_cancel_ends_the_wait(void **state)
{
	struct cancel *stop = cancel_new(NULL);
	struct play p = {.then = STALL};
	struct rig r;
	struct waiter w = {.rig = &r, .scope = scope_root(stop)};
	struct runner runner;

	(void)state;
	rig_up(&r, serve, &p, NULL);
	runner_start(&runner, ask_and_wait, &w);
	runner_wait_blocked(&runner);
	cancel_trigger(stop);
	runner_join(&runner);
	assert_null(w.reply);
	rig_failed(&r, ERR_CANCELLED, "");
	rig_down(&r);
	cancel_free(stop);
}

static void
say_nothing(struct script_conn *c, void *arg)
{
	(void)arg;
	script_stall(c);
}

static void
silence_at_connecting_is_unreachable(void **state)
{
	struct redis_opts opts = {.connect_timeout_ms = 50};
	struct rig r = {.scope = scope_root(NULL)};
	struct redis_address a;

	(void)state;
	r.server = script_server_new(NULL, say_nothing, NULL);
	a = local(r.server);
	assert_null(redis_connect(&a, NULL, &opts, &r.scope, &r.err));
	rig_failed(&r, ERR_UNREACHABLE, "");
	/* Nobody listens there any more. */
	script_server_free(r.server);
	assert_null(redis_connect(&a, NULL, &opts, &r.scope, &r.err));
	rig_failed(&r, ERR_UNREACHABLE, "refused");
}

static void
error_replies_have_kinds_and_leave_the_connection_alive(void **state)
{
	struct play p = {.say = "-ERR unknown command 'X', with args "
				"beginning with: 's3cret'\r\n"
				"+OK\r\n"};
	struct rig r;
	redisReply *reply;

	(void)state;
	rig_up(&r, serve, &p, NULL);
	assert_null(redis_command(r.conn, &r.scope, &r.err, "X s3cret"));
	rig_failed(&r, ERR_UNSUPPORTED, "ERR unknown command 'X'");
	assert_string_equal(r.err.code, "ERR");
	assert_null(strstr(r.err.text, "s3cret"));
	reply = redis_command(r.conn, &r.scope, &r.err, "X");
	assert_non_null(reply);
	assert_string_equal(reply->str, "OK");
	freeReplyObject(reply);
	rig_down(&r);
}

static void
each_error_reply_means_something(void **state)
{
	static const struct {
		const char *reply;
		enum err_kind kind;
		const char *code;
	} rows[] = {
	    {"NOAUTH Authentication required.", ERR_AUTH, "NOAUTH"},
	    {"NOPERM this user has no permissions", ERR_AUTH, "NOPERM"},
	    {"WRONGPASS invalid", ERR_AUTH, "WRONGPASS"},
	    {"DENIED Redis is running in protected mode", ERR_AUTH, "DENIED"},
	    {"LOADING Redis is loading", ERR_TRANSIENT, "LOADING"},
	    {"BUSY Redis is busy", ERR_TRANSIENT, "BUSY"},
	    {"MASTERDOWN Link", ERR_TRANSIENT, "MASTERDOWN"},
	    {"TRYAGAIN later", ERR_TRANSIENT, "TRYAGAIN"},
	    {"CLUSTERDOWN", ERR_TRANSIENT, "CLUSTERDOWN"},
	    {"ERR max number of clients reached", ERR_TRANSIENT, "ERR"},
	    {"ERR unknown command `SYNC`", ERR_UNSUPPORTED, "ERR"},
	    {"ERR Unknown subcommand or wrong", ERR_UNSUPPORTED, "ERR"},
	    {"ERR value is not an integer", ERR_SERVER, "ERR"},
	    {"OOM command not allowed", ERR_SERVER, "OOM"},
	    {"MISCONF Redis is configured to save", ERR_SERVER, "MISCONF"},
	    {"READONLY You can't write", ERR_SERVER, "READONLY"},
	    {"", ERR_SERVER, ""},
	};
	char big[1000];
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		err = (struct err){0};
		assert_int_equal(redis_error_set(&err, rows[i].reply), -1);
		err_has(&err, rows[i].kind, rows[i].reply);
		assert_string_equal(err.code, rows[i].code);
	}
	memset(big, '\x1b', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	redis_error_set(&err, big);
	assert_int_equal(strlen(err.text), 200);
	assert_int_equal(strspn(err.text, "?"), 200);
	assert_true(strlen(err.code) < sizeof(err.code));
}

/* All bytes at once, read by RESP, by line and raw. */
static void
bytes_that_came_early_are_not_lost(void **state)
{
	struct play p = {
	    .say = "+OK\r\n\n\n$EOF:abc\r\nREDIS0011rest-of-it", .then = CLOSE};
	struct rig r;
	redisReply *reply;
	char line[16], raw[64] = "";
	size_t got, n = 0;

	(void)state;
	rig_up(&r, serve, &p, NULL);
	reply = redis_command(r.conn, &r.scope, &r.err, "X");
	assert_non_null(reply);
	freeReplyObject(reply);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
		    redis_conn_line(r.conn, &r.scope, line, 16, &r.err), 0);
		assert_string_equal(line, "");
	}
	assert_int_equal(
	    redis_conn_line(r.conn, &r.scope, line, 16, &r.err), 0);
	assert_string_equal(line, "$EOF:abc");
	do {
		assert_int_equal(
		    redis_conn_read(r.conn, &r.scope, raw + n, 5, &got, &r.err),
		    0);
		n += got;
	} while (got > 0);
	assert_string_equal(raw, "REDIS0011rest-of-it");
	rig_down(&r);
}

static void
lines_have_a_ceiling(void **state)
{
	struct play exact = {.expect = "x", .say = "1234567\r\n1234567\n"};
	struct play over = {.expect = "x", .say = "12345678\n"};
	struct play endless = {.expect = "x", .say = "1234567890"};
	struct play zero = {.expect = "x", .say = "12\0 4\n", .say_len = 6};
	struct play cut = {.expect = "x", .say = "1234", .then = CLOSE};
	char line[8];
	struct rig r;

	(void)state;
	rig_up(&r, serve, &exact, NULL);
	assert_int_equal(redis_conn_write(r.conn, &r.scope, "x", 1, &r.err), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
		    redis_conn_line(r.conn, &r.scope, line, 8, &r.err), 0);
		assert_string_equal(line, "1234567");
	}
	rig_down(&r);
	for (int i = 0; i < 4; i++) {
		struct play *plays[] = {&over, &endless, &zero, &cut};

		rig_up(&r, serve, plays[i], NULL);
		assert_int_equal(
		    redis_conn_write(r.conn, &r.scope, "x", 1, &r.err), 0);
		assert_int_equal(
		    redis_conn_line(r.conn, &r.scope, line, 8, &r.err), -1);
		rig_failed(&r, i < 3 ? ERR_CORRUPT : ERR_TRANSIENT, "");
		rig_down(&r);
	}
}

static void
a_pipeline_gives_replies_in_order(void **state)
{
	struct play p = {.expect = "12345678",
	    .say = "+one\r\n-two no\r\n:3\r\n",
	    .then = CLOSE};
	struct rig r;
	redisReply *reply;

	(void)state;
	rig_up(&r, serve, &p, NULL);
	assert_false(redis_conn_reply_ready(r.conn));
	assert_int_equal(
	    redis_conn_queue(r.conn, &r.scope, "1234", 4, &r.err), 0);
	assert_int_equal(
	    redis_conn_queue(r.conn, &r.scope, "5678", 4, &r.err), 0);
	assert_int_equal(redis_conn_flush(r.conn, &r.scope, &r.err), 0);
	reply = redis_conn_reply(r.conn, &r.scope, &r.err);
	assert_string_equal(reply->str, "one");
	freeReplyObject(reply);
	reply = redis_conn_reply(r.conn, &r.scope, &r.err);
	assert_int_equal(reply->type, REDIS_REPLY_ERROR);
	assert_string_equal(reply->str, "two no");
	freeReplyObject(reply);
	reply = redis_conn_reply(r.conn, &r.scope, &r.err);
	assert_int_equal(reply->integer, 3);
	freeReplyObject(reply);
	assert_null(redis_conn_reply(r.conn, &r.scope, &r.err));
	rig_failed(&r, ERR_TRANSIENT, "closed");
	assert_true(redis_conn_reply_ready(r.conn));
	rig_down(&r);
}

static void
a_ready_reply_is_kept_for_the_next_call(void **state)
{
	struct play p = {.expect = "x", .say = "+one\r\n+two\r\n"};
	struct rig r;
	redisReply *reply;

	(void)state;
	rig_up(&r, serve, &p, NULL);
	assert_int_equal(redis_conn_write(r.conn, &r.scope, "x", 1, &r.err), 0);
	reply = redis_conn_reply(r.conn, &r.scope, &r.err);
	assert_string_equal(reply->str, "one");
	freeReplyObject(reply);
	assert_true(redis_conn_reply_ready(r.conn));
	assert_true(redis_conn_reply_ready(r.conn));
	reply = redis_conn_reply(r.conn, &r.scope, &r.err);
	assert_string_equal(reply->str, "two");
	freeReplyObject(reply);
	assert_false(redis_conn_reply_ready(r.conn));
	rig_down(&r);
}

static void
hold_after_ping(struct script_conn *c, void *arg)
{
	(void)arg;
	if (script_expects(c, PING) == 0 && script_sends(c, "+PONG\r\n") == 0)
		script_hold(c);
}

/* Bigger than any socket buffer, so that both ends must work in turn. */
static void
echo_megabytes(struct script_conn *c, void *arg)
{
	size_t len = *(size_t *)arg;
	struct buf b;

	buf_init(&b, len);
	if (script_expects(c, PING) == 0 && script_sends(c, "+PONG\r\n") == 0 &&
	    script_read(c, &b, len) == 0 &&
	    script_sendf(c, "$%zu\r\n", len) == 0 &&
	    script_send(c, b.data, b.len) == 0)
		script_sends(c, "\r\n");
	buf_release(&b);
}

static void
big_requests_and_replies_go_through(void **state)
{
	size_t len = (size_t)20 << 20;
	char *data = xmalloc(len);
	redisReply *reply;
	struct rig r;

	(void)state;
	for (size_t i = 0; i < len; i++)
		data[i] = (char)(i * 2654435761u >> 24);
	rig_up(&r, echo_megabytes, &len, NULL);
	assert_int_equal(
	    redis_conn_queue(r.conn, &r.scope, data, 100000, &r.err), 0);
	assert_int_equal(
	    redis_conn_queue(r.conn, &r.scope, data + 100000, 200000, &r.err),
	    0);
	assert_int_equal(redis_conn_queue(r.conn, &r.scope, data + 300000,
			     len - 300000, &r.err),
	    0);
	assert_int_equal(redis_conn_flush(r.conn, &r.scope, &r.err), 0);
	reply = redis_conn_reply(r.conn, &r.scope, &r.err);
	assert_non_null(reply);
	assert_int_equal(reply->len, len);
	assert_memory_equal(reply->str, data, len);
	freeReplyObject(reply);
	free(data);
	rig_down(&r);
}

/* The server takes nothing, so that the socket's buffers fill up. */
static void
a_write_that_stalls_spends_the_connection(void **state)
{
	struct redis_opts opts = {.reply_timeout_ms = 50};
	size_t len = (size_t)32 << 20;
	char *data = xcalloc(1, len);
	struct rig r;

	(void)state;
	rig_up(&r, hold_after_ping, NULL, &opts);
	assert_int_equal(
	    redis_conn_write(r.conn, &r.scope, data, len, &r.err), -1);
	rig_failed(&r, ERR_TRANSIENT, "stalled");
	r.err = (struct err){0};
	assert_int_equal(
	    redis_conn_queue(r.conn, &r.scope, "x", 1, &r.err), -1);
	rig_failed(&r, ERR_TRANSIENT, "stalled");
	r.err = (struct err){0};
	assert_int_equal(redis_conn_flush(r.conn, &r.scope, &r.err), -1);
	rig_failed(&r, ERR_TRANSIENT, "stalled");
	free(data);
	script_server_release(r.server);
	rig_down(&r);
}

/* A credential whose tokens end. */
struct ending {
	struct credential base;
	int gets;
	int64_t first_left_ms;
	bool then_none;
};

static int
ending_get(struct credential *c, const struct scope *scope,
    const char *resource, struct token *out, struct err *err)
{
	struct ending *e = (struct ending *)c;
	int64_t left_ms = e->gets == 0 ? e->first_left_ms : INT64_C(3600000);

	(void)resource;
	if (e->gets++ > 0 && e->then_none) {
		err->retry_after_ms = 60000;
		return err_set(err, ERR_UNREACHABLE, "no token today");
	}
	secret_set(&out->value, e->gets == 1 ? "first" : "other", 5);
	out->expires_ms = scope_wall_ms(scope) + left_ms;
	return 0;
}

static const struct credential_ops ending_ops = {.get = ending_get};

static int
let_in(struct script_conn *c, const char *user, const char *token)
{
	char auth[128];

	snprintf(auth, sizeof(auth),
	    "*3\r\n$4\r\nAUTH\r\n$%zu\r\n%s\r\n$5\r\n%s\r\n", strlen(user),
	    user, token);
	if (script_expects(c, auth) != 0)
		return -1;
	return script_sends(c, "+OK\r\n");
}

static void
let_in_twice(struct script_conn *c, void *arg)
{
	(void)arg;
	if (let_in(c, "me", "first") != 0 || script_expects(c, PING) != 0 ||
	    script_sends(c, "+PONG\r\n") != 0 ||
	    let_in(c, "me", "other") != 0 ||
	    script_expects(c, "*1\r\n$1\r\nX\r\n") != 0)
		return;
	script_sends(c, "+OK\r\n");
}

static void
let_in_once(struct script_conn *c, void *arg)
{
	(void)arg;
	if (let_in(c, "me", "first") == 0 && script_expects(c, PING) == 0 &&
	    script_sends(c, "+PONG\r\n") == 0)
		script_stall(c);
}

static void
a_token_that_ends_is_followed_by_another(void **state)
{
	struct ending e = {.base.ops = &ending_ops, .first_left_ms = 60000};
	struct redis_opts opts = {.user = "me", .password = &e.base};
	struct rig r;
	redisReply *reply;

	(void)state;
	rig_up(&r, let_in_twice, NULL, &opts);
	assert_int_equal(redis_conn_renew(r.conn, &r.scope, &r.err), 0);
	assert_int_equal(e.gets, 2);
	/* That one lasts. */
	assert_int_equal(redis_conn_renew(r.conn, &r.scope, &r.err), 0);
	assert_int_equal(e.gets, 2);
	reply = redis_command(r.conn, &r.scope, &r.err, "X");
	assert_non_null(reply);
	freeReplyObject(reply);
	rig_down(&r);
}

static void
a_token_with_time_left_is_left_alone(void **state)
{
	struct ending e = {.base.ops = &ending_ops, .first_left_ms = 1800000};
	struct redis_opts opts = {.user = "me", .password = &e.base};
	struct rig r;

	(void)state;
	rig_up(&r, let_in_once, NULL, &opts);
	assert_int_equal(redis_conn_renew(r.conn, &r.scope, &r.err), 0);
	assert_int_equal(e.gets, 1);
	rig_down(&r);
}

static void
no_token_is_a_failure_only_when_the_old_one_is_over(void **state)
{
	struct ending e = {
	    .base.ops = &ending_ops, .first_left_ms = 60000, .then_none = true};
	struct redis_opts opts = {.user = "me", .password = &e.base};
	struct rig r;

	(void)state;
	rig_up(&r, let_in_once, NULL, &opts);
	assert_int_equal(redis_conn_renew(r.conn, &r.scope, &r.err), 0);
	/* What was got over is in no later failure. */
	assert_int_equal(r.err.kind, ERR_NONE);
	assert_int_equal(r.err.retry_after_ms, 0);
	/* Whoever has none is not asked by every caller. */
	assert_int_equal(redis_conn_renew(r.conn, &r.scope, &r.err), 0);
	assert_int_equal(e.gets, 2);
	rig_down(&r);

	e.gets = 0;
	e.first_left_ms = -1;
	rig_up(&r, let_in_once, NULL, &opts);
	assert_int_equal(redis_conn_renew(r.conn, &r.scope, &r.err), -1);
	rig_failed(&r, ERR_UNREACHABLE, "no token today");
	rig_down(&r);
}

/* A credential whose first value is stale. */
struct stale {
	struct credential base;
	int gets, forgets;
};

static int
stale_get(struct credential *c, const struct scope *scope, const char *resource,
    struct token *out, struct err *err)
{
	struct stale *s = (struct stale *)c;

	(void)scope;
	(void)resource;
	(void)err;
	s->gets++;
	secret_set(&out->value, s->forgets > 0 ? "fresh" : "stale", 5);
	return 0;
}

static void
stale_forget(struct credential *c, const char *resource)
{
	(void)resource;
	((struct stale *)c)->forgets++;
}

static const struct credential_ops stale_ops = {
    .get = stale_get,
    .forget = stale_forget,
};

static void
refuse_the_first(struct script_conn *c, void *arg)
{
	(void)arg;
	if (script_expects(
		c, "*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$5\r\nstale\r\n") != 0 ||
	    script_sends(c, "-WRONGPASS invalid 'stale'\r\n") != 0)
		return;
	if (script_expects(
		c, "*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$5\r\nfresh\r\n") != 0 ||
	    script_sends(c, "+OK\r\n") != 0)
		return;
	if (script_expects(c, PING) == 0)
		script_sends(c, "+PONG\r\n");
}

static void
a_refused_token_is_asked_for_again_once(void **state)
{
	struct stale stale = {.base.ops = &stale_ops};
	struct redis_opts opts = {.user = "me", .password = &stale.base};
	struct rig r;

	(void)state;
	rig_up(&r, refuse_the_first, NULL, &opts);
	assert_non_null(r.conn);
	assert_int_equal(stale.gets, 2);
	assert_int_equal(stale.forgets, 1);
	rig_down(&r);
}

static void
refuse_the_first_and_hang_up(struct script_conn *c, void *arg)
{
	(void)arg;
	if (script_expects(
		c, "*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$5\r\nstale\r\n") != 0 ||
	    script_sends(c, "-WRONGPASS invalid 'stale'\r\n") != 0)
		return;
	if (script_expects(
		c, "*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$5\r\nfresh\r\n") == 0)
		script_close(c);
}

/* The refusal of the token before it is not the answer to this one. */
static void
a_connection_that_breaks_is_no_refused_token(void **state)
{
	struct stale stale = {.base.ops = &stale_ops};
	struct redis_opts opts = {.user = "me", .password = &stale.base};
	struct rig r;

	(void)state;
	rig_up(&r, refuse_the_first_and_hang_up, NULL, &opts);
	assert_null(r.conn);
	rig_failed(&r, ERR_TRANSIENT, "closed");
	assert_string_equal(r.err.code, "");
	rig_down(&r);
}

static void
refuse_all(struct script_conn *c, void *arg)
{
	(void)arg;
	if (script_expects(c, "*2\r\n$4\r\nAUTH\r\n$5\r\nstale\r\n") != 0 ||
	    script_sends(c, "-ERR proxy dislikes stale\r\n") != 0)
		return;
	if (script_expects(c, "*2\r\n$4\r\nAUTH\r\n$5\r\nfresh\r\n") == 0)
		script_sends(c, "-ERR proxy dislikes fresh\r\n");
}

static void
a_password_is_not_repeated_by_an_error(void **state)
{
	struct stale stale = {.base.ops = &stale_ops};
	struct redis_opts opts = {.password = &stale.base};
	struct rig r;

	(void)state;
	rig_up(&r, refuse_all, NULL, &opts);
	assert_null(r.conn);
	rig_failed(&r, ERR_AUTH, "refused the password");
	assert_null(strstr(r.err.text, "stale"));
	assert_null(strstr(r.err.text, "fresh"));
	rig_down(&r);
}

static void
take_no_password(struct script_conn *c, void *arg)
{
	if (script_expects(c, "*3\r\n$4\r\nAUTH\r\n$3\r\njoe\r\n$0\r\n\r\n") !=
		0 ||
	    script_sends(c, arg) != 0 || *(const char *)arg != '+')
		return;
	if (script_expects(c, PING) == 0)
		script_sends(c, "+PONG\r\n");
}

static void
a_user_without_a_password_gives_an_empty_one(void **state)
{
	struct redis_opts opts = {.user = "joe"};
	struct rig r;

	(void)state;
	rig_up(&r, take_no_password, (void *)"+OK\r\n", &opts);
	assert_non_null(r.conn);
	rig_down(&r);
	rig_up(&r, take_no_password, (void *)"-WRONGPASS bad\r\n", &opts);
	assert_null(r.conn);
	rig_failed(&r, ERR_AUTH, "user 'joe', without a password: ");
	assert_non_null(strstr(r.err.text, "WRONGPASS bad"));
	rig_down(&r);
	/* Before Redis 6 there were no users. */
	rig_up(&r, take_no_password,
	    (void *)"-ERR wrong number of arguments for 'auth'\r\n", &opts);
	assert_null(r.conn);
	rig_failed(&r, ERR_AUTH, "user 'joe', without a password: ");
	rig_down(&r);
}

static void
select_after_ping(struct script_conn *c, void *arg)
{
	if (script_expects(c, PING) == 0 && script_sends(c, "+PONG\r\n") == 0 &&
	    script_expects(c, "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n") == 0)
		script_sends(c, arg);
}

static void
the_url_s_database_is_selected(void **state)
{
	static const char *const answers[] = {
	    "+OK\r\n", "-ERR DB index is out of range\r\n"};
	struct redis_opts opts = {0};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct script_server *server = script_server_new(
		    NULL, select_after_ping, (void *)answers[i]);
		struct redis_address a = local(server);
		struct scope scope = scope_root(NULL);
		struct redis_conn *conn;
		struct err err = {0};

		a.db = 3;
		conn = redis_connect(&a, NULL, &opts, &scope, &err);
		assert_int_equal(conn != NULL, i == 0);
		if (i == 1)
			err_has(&err, ERR_SERVER, "out of range");
		redis_conn_free(conn);
		assert_null(script_server_failure(server));
		script_server_free(server);
	}
}

static void
info_fields_are_found_by_whole_names(void **state)
{
	static const char info[] =
	    "# Server\r\nredis_version:7.0.15\r\nxrole:a\r\nrole:slave\r\n"
	    "empty:\r\nlast:1";
	char *value, text[3];

	(void)state;
	value = redis_info_field(info, "role");
	assert_string_equal(value, "slave");
	free(value);
	value = redis_info_field(info, "empty");
	assert_string_equal(value, "");
	free(value);
	value = redis_info_field(info, "last");
	assert_string_equal(value, "1");
	free(value);
	assert_null(redis_info_field(info, "rol"));
	assert_null(redis_info_field("", "role"));
	redis_info_text(info, "role", text, sizeof(text));
	assert_string_equal(text, "sl");
	redis_info_text(info, "rol", text, sizeof(text));
	assert_string_equal(text, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_command_is_sent_and_its_reply_read),
	    cmocka_unit_test(lying_lengths_are_refused),
	    cmocka_unit_test(a_reply_over_the_configured_ceiling_is_refused),
	    cmocka_unit_test(a_cut_reply_is_transient),
	    cmocka_unit_test(a_reset_is_transient),
	    cmocka_unit_test(a_stall_is_transient_and_a_deadline_unreachable),
	    cmocka_unit_test(fewer_bytes_than_a_batch_are_read_too),
	    cmocka_unit_test(a_cancel_ends_the_wait),
	    cmocka_unit_test(silence_at_connecting_is_unreachable),
	    cmocka_unit_test(
		error_replies_have_kinds_and_leave_the_connection_alive),
	    cmocka_unit_test(each_error_reply_means_something),
	    cmocka_unit_test(bytes_that_came_early_are_not_lost),
	    cmocka_unit_test(lines_have_a_ceiling),
	    cmocka_unit_test(a_pipeline_gives_replies_in_order),
	    cmocka_unit_test(a_ready_reply_is_kept_for_the_next_call),
	    cmocka_unit_test(big_requests_and_replies_go_through),
	    cmocka_unit_test(a_write_that_stalls_spends_the_connection),
	    cmocka_unit_test(a_token_that_ends_is_followed_by_another),
	    cmocka_unit_test(a_token_with_time_left_is_left_alone),
	    cmocka_unit_test(
		no_token_is_a_failure_only_when_the_old_one_is_over),
	    cmocka_unit_test(a_refused_token_is_asked_for_again_once),
	    cmocka_unit_test(a_connection_that_breaks_is_no_refused_token),
	    cmocka_unit_test(a_password_is_not_repeated_by_an_error),
	    cmocka_unit_test(a_user_without_a_password_gives_an_empty_one),
	    cmocka_unit_test(the_url_s_database_is_selected),
	    cmocka_unit_test(info_fields_are_found_by_whole_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

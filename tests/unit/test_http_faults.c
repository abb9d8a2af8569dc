#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cancel.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/http.h"
#include "base/monitor.h"
#include "base/scope.h"
#include "tests/sim/script_http.h"

struct rig {
	struct script_server *server;
	struct http *http;
	struct scope scope;
	struct http_request req;
	struct http_response resp;
	struct err err;
};

static struct rig
rig_up(script_fn *script, void *arg, const struct http_opts *opts)
{
	static const struct http_opts none;
	struct rig r = {.scope = scope_root(NULL), .req.method = "GET"};

	r.server = script_server_new(NULL, script, arg);
	r.http = http_new(opts != NULL ? opts : &none, &r.err);
	assert_non_null(r.http);
	r.req.url = script_server_url(r.server, "/x?sv=1&sig=SECRET");
	return r;
}

static void
rig_down(struct rig *r)
{
	http_request_release(&r->req);
	http_response_release(&r->resp);
	http_free(r->http);
	assert_null(script_server_failure(r->server));
	script_server_free(r->server);
}

static int
go(struct rig *r)
{
	http_response_release(&r->resp);
	r->err = (struct err){0};
	return http_do(r->http, &r->scope, &r->req, &r->resp, &r->err);
}

static void
assert_err(const struct err *err, enum err_kind kind, const char *word)
{
	if (err->kind != kind || strstr(err->text, word) == NULL)
		fail_msg("kind %s and no '%s': '%s'", err_kind_name(err->kind),
		    word, err->text);
	assert_non_null(strstr(err->text, "'http://127.0.0.1:"));
	assert_null(strstr(err->text, "SECRET"));
}

static void
assert_fails(struct rig *r, enum err_kind kind, const char *word)
{
	assert_int_equal(go(r), -1);
	assert_err(&r->err, kind, word);
	assert_int_equal(r->resp.status, 0);
	assert_int_equal(r->resp.headers.n, 0);
	assert_int_equal(r->resp.body.len, 0);
}

/* Bytes that follow the request, and what the connection does then. */
struct ending {
	const char *bytes;
	void (*end)(struct script_conn *);
	enum err_kind kind;
	const char *word;
};

static void
play_ending(struct script_conn *c, void *arg)
{
	const struct ending *e = arg;
	struct script_request req;

	if (script_http_read(c, &req) == 0) {
		script_sends(c, e->bytes);
		e->end(c);
	}
	script_http_release(&req);
}

static void
tells_how_an_answer_failed(void **state)
{
	static const struct ending endings[] = {
	    {"", script_close, ERR_TRANSIENT, "mpty reply"},
	    {"", script_reset, ERR_TRANSIENT, "reset"},
	    {"HTTP/1.1 200 OK\r\nx", script_reset, ERR_TRANSIENT, "reset"},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", script_close,
		ERR_TRANSIENT, "5 bytes remaining"},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", script_reset,
		ERR_TRANSIENT, ""},
	    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf",
		script_close, ERR_TRANSIENT, ""},
	    {"garbage that is no HTTP\r\n\r\n", script_close, ERR_CORRUPT, ""},
	    {"-ERR unknown command\r\n", script_stall, ERR_CORRUPT, ""},
	    {"HTTP/1.1 OK\r\n\r\n", script_close, ERR_CORRUPT, ""},
	    {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", script_close,
		ERR_CORRUPT, ""},
	    {"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", script_close, ERR_CORRUPT,
		"header"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		struct ending e = endings[i];
		struct rig r = rig_up(play_ending, &e, NULL);

		r.req.fresh_connection = true;
		assert_fails(&r, e.kind, e.word);
		assert_int_equal(script_server_count(r.server), 1);
		rig_down(&r);
	}
}

/* Too many headers, too many bytes of them, one without an end. */
static void
flood(struct script_conn *c, void *arg)
{
	static const char *const line[] = {
	    "a: 1\r\n", "b: 0123456789012345678901234567890123456789\r\n", "c"};
	static const int times[] = {HTTP_HEADERS_MAX + 1, 60, 300000};
	const int *kind = arg;
	struct script_request req;
	char big[1024];

	if (script_http_read(c, &req) != 0)
		return;
	script_http_release(&req);
	script_sends(c, "HTTP/1.1 200 OK\r\n");
	memset(big, 'b', sizeof(big));
	for (int i = 0; i < times[*kind]; i++) {
		if (script_sends(c, line[*kind]) != 0)
			return;
		if (*kind == 1 &&
		    (script_sends(c, "d: ") != 0 ||
			script_send(c, big, sizeof(big)) != 0 ||
			script_send(c, big, sizeof(big)) != 0 ||
			script_sends(c, "\r\n") != 0))
			return;
	}
	script_sends(c, "\r\n");
	script_stall(c);
}

static void
refuses_floods_of_headers(void **state)
{
	static const char *const words[] = {
	    "over 64 headers", "over 65536 bytes", "header line"};

	(void)state;
	for (int kind = 0; kind < 3; kind++) {
		struct rig r = rig_up(flood, &kind, NULL);

		r.req.fresh_connection = true;
		assert_fails(&r, ERR_CORRUPT, words[kind]);
		rig_down(&r);
	}
}

/* A port that is bound, so that nobody else gets it, and not listening. */
static void
tells_that_nobody_listens(void **state)
{
	struct script_http_reply unused = {200, NULL, NULL};
	struct rig r = rig_up(script_http_serve, &unused, NULL);
	struct sockaddr_in addr = {
	    .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	free(r.req.url);
	assert_int_not_equal(
	    asprintf(&r.req.url, "http://127.0.0.1:%d/x", ntohs(addr.sin_port)),
	    -1);
	assert_fails(&r, ERR_TRANSIENT, "onnect");
	close(fd);
	rig_down(&r);
}

/* From now on the process can open nothing; the old limit is returned. */
static struct rlimit
use_up_descriptors(void)
{
	struct rlimit old, none;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_int_not_equal(fd, -1);
	close(fd);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = (struct rlimit){(rlim_t)fd, old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	return old;
}

static void
lives_through_a_want_of_descriptors(void **state)
{
	const struct http_opts opts = {0};
	struct script_http_reply reply = {200, NULL, NULL};
	struct rig r = rig_up(script_http_serve, &reply, NULL);
	struct rlimit old = use_up_descriptors();
	struct http *second = http_new(&opts, &r.err);

	(void)state;
	assert_null(second);
	assert_int_equal(r.err.kind, ERR_SYSTEM);
	assert_fails(&r, ERR_TRANSIENT, "");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(go(&r), 0);
	rig_down(&r);
}

static void
stall_after(struct script_conn *c, void *arg)
{
	struct script_request req;

	if (script_http_read(c, &req) == 0) {
		script_sends(c, arg);
		script_stall(c);
	}
	script_http_release(&req);
}

static void
gives_up_a_stalled_answer(void **state)
{
	static char *const before[] = {"", "HTTP/1.1 200",
	    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1"};
	const struct http_opts opts = {.stall_timeout_ms = 60};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct rig r = rig_up(stall_after, before[i], &opts);

		assert_fails(&r, ERR_TRANSIENT, "stalled");
		rig_down(&r);
	}
}

/* Answers slowly, but never silent for as long as the stall timeout. */
static void
drip(struct script_conn *c, void *arg)
{
	const struct scope scope = scope_root(NULL);
	struct script_request req;
	struct err err;

	(void)arg;
	if (script_http_read(c, &req) == 0) {
		script_sends(
		    c, "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n");
		for (int i = 0; i < 15; i++) {
			scope_sleep(&scope, 40, &err);
			script_sends(c, ".");
		}
	}
	script_http_release(&req);
}

static void
bears_a_slow_answer(void **state)
{
	const struct http_opts opts = {.stall_timeout_ms = 400};
	struct rig r = rig_up(drip, NULL, &opts);

	(void)state;
	assert_int_equal(go(&r), 0);
	assert_int_equal(r.resp.body.len, 15);
	assert_true(r.resp.elapsed_ms > 400);
	rig_down(&r);
}

/* Takes nothing of a body that no socket buffer holds. */
static void
take_nothing(struct script_conn *c, void *arg)
{
	(void)arg;
	script_stall(c);
}

static void
gives_up_a_stalled_upload(void **state)
{
	const struct http_opts opts = {.stall_timeout_ms = 60};
	struct rig r = rig_up(take_nothing, NULL, &opts);
	size_t size = (size_t)32 << 20;
	unsigned char *data = calloc(1, size);
	struct chunk *body = chunk_view(data, size);

	(void)state;
	r.req.method = "PUT";
	r.req.body = &body;
	r.req.nbody = 1;
	assert_fails(&r, ERR_TRANSIENT, "stalled");
	chunk_unref(body);
	free(data);
	rig_down(&r);
}

/* Sends for as long as somebody listens. */
static void
pour(struct script_conn *c, void *arg)
{
	struct script_request req;
	char piece[4096];

	(void)arg;
	memset(piece, 'p', sizeof(piece));
	if (script_http_read(c, &req) == 0) {
		script_sends(c, "HTTP/1.1 200 OK\r\n\r\n");
		while (script_send(c, piece, sizeof(piece)) == 0)
			;
	}
	script_http_release(&req);
}

/* Under ASan, a late write into what was freed would also be told. */
static void
leaves_the_callers_memory_alone_once_it_has_returned(void **state)
{
	struct rig r = rig_up(pour, NULL, NULL);
	const struct scope whole = r.scope;
	size_t size = (size_t)1 << 30;

	(void)state;
	for (int i = 0; i < 5; i++) {
		/* Never touched beyond what came, so it costs nothing. */
		unsigned char *room = malloc(size);

		assert_non_null(room);
		r.req.into = room;
		r.req.into_size = size;
		r.scope = scope_within(&whole, 5 + 5 * i);
		assert_fails(&r, ERR_UNREACHABLE, "timed out");
		assert_int_equal(r.resp.into_len, 0);
		free(room);
	}
	rig_down(&r);
}

static void
ends_at_the_deadline(void **state)
{
	struct rig r = rig_up(stall_after, "HTTP/1.1 200 OK\r\n", NULL);
	int64_t start_ms = scope_mono_ms(&r.scope), took_ms;

	(void)state;
	r.scope = scope_within(&r.scope, 80);
	assert_fails(&r, ERR_UNREACHABLE, "timed out");
	took_ms = scope_mono_ms(&r.scope) - start_ms;
	assert_true(took_ms >= 80 && took_ms < 5000);
	rig_down(&r);
}

struct canceller {
	pthread_t thread;
	struct rig *rig;
	struct cancel *cancel;
};

/* Once the request has arrived. */
static void *
cancel_later(void *arg)
{
	struct canceller *w = arg;

	script_server_wait(w->rig->server, 1);
	cancel_trigger(w->cancel);
	return NULL;
}

static void
ends_when_cancelled_from_another_thread(void **state)
{
	struct rig r = rig_up(stall_after, "", NULL);
	struct canceller w = {.rig = &r, .cancel = cancel_new(NULL)};

	(void)state;
	r.scope = scope_root(w.cancel);
	assert_int_equal(pthread_create(&w.thread, NULL, cancel_later, &w), 0);
	assert_fails(&r, ERR_CANCELLED, "cancelled");
	pthread_join(w.thread, NULL);

	assert_fails(&r, ERR_CANCELLED, "cancelled");
	assert_int_equal(script_server_count(r.server), 1);
	rig_down(&r);
	cancel_free(w.cancel);
}

/* The callback form's outcome. */
struct outcome {
	struct monitor monitor;
	bool come;
	int rc;
	struct err err;
};

static void
note(void *arg, int rc, struct http_response *resp, const struct err *err)
{
	struct outcome *o = arg;

	http_response_release(resp);
	monitor_lock(&o->monitor);
	o->rc = rc;
	o->err = *err;
	o->come = true;
	monitor_broadcast(&o->monitor);
	monitor_unlock(&o->monitor);
}

static void
submit(struct rig *r, struct outcome *o)
{
	*o = (struct outcome){0};
	monitor_init(&o->monitor);
	assert_int_equal(
	    http_submit(r->http, &r->scope, &r->req, note, o, &r->err), 0);
}

static void
assert_cancelled(struct outcome *o)
{
	monitor_lock(&o->monitor);
	while (!o->come)
		monitor_wait(&o->monitor, NULL, NULL);
	monitor_unlock(&o->monitor);
	monitor_release(&o->monitor);
	assert_int_equal(o->rc, -1);
	assert_err(&o->err, ERR_CANCELLED, "cancelled");
}

/* The only connection is taken: what waits for it ends with its scope too. */
static void
ends_while_it_waits_for_a_connection(void **state)
{
	const struct http_opts opts = {.connections_max = 1};
	struct rig r = rig_up(stall_after, "", &opts);
	struct cancel *all = cancel_new(NULL), *one = cancel_new(all);
	struct rig waits = r, late = r;
	struct outcome running, waiting;

	(void)state;
	r.scope = scope_root(all);
	submit(&r, &running);
	assert_true(script_server_wait(r.server, 1));
	waits.scope = scope_root(one);
	submit(&waits, &waiting);
	late.scope = scope_within(&late.scope, 30);
	assert_fails(&late, ERR_UNREACHABLE, "timed out");

	cancel_trigger(one);
	assert_cancelled(&waiting);
	cancel_trigger(all);
	assert_cancelled(&running);
	assert_int_equal(script_server_count(r.server), 1);
	rig_down(&r);
	cancel_free(one);
	cancel_free(all);
}

/* Answers one request, and leaves every second one without. */
static void
answer_then_hang_up(struct script_conn *c, void *arg)
{
	struct script_request req;

	(void)arg;
	if (script_http_read(c, &req) != 0)
		goto out;
	script_http_answer(c, 200, NULL, "", 0);
	script_http_release(&req);
	if (script_http_read(c, &req) == 0)
		script_close(c);
out:
	script_http_release(&req);
}

/* What fresh_connection is for: libcurl decides for us that it is safe. */
static void
libcurl_repeats_on_a_reused_connection_rewinding_the_body(void **state)
{
	struct rig r = rig_up(answer_then_hang_up, NULL, NULL);
	size_t size = 300000;
	unsigned char *data = malloc(size);
	struct chunk *body[3];
	struct script_record sent[3];

	(void)state;
	for (size_t i = 0; i < size; i++)
		data[i] = (unsigned char)(i >> 8 ^ i);
	for (size_t i = 0; i < 3; i++)
		body[i] = chunk_view(data + i * 100000, 100000);
	r.req.method = "PUT";
	r.req.body = body;
	r.req.nbody = 3;
	assert_int_equal(go(&r), 0);
	assert_int_equal(go(&r), 0);
	assert_int_equal(script_server_count(r.server), 3);
	assert_int_equal(script_server_connections(r.server), 2);
	for (size_t i = 0; i < 3; i++) {
		sent[i] = script_server_record(r.server, i);
		assert_int_equal(sent[i].conn, i == 2);
		assert_int_equal(sent[i].len, sent[0].len);
		assert_memory_equal(
		    sent[i].data + sent[i].len - size, data, size);
		chunk_unref(body[i]);
	}
	free(data);
	rig_down(&r);
}

static void
hang_up_when_fresh(struct script_conn *c, void *arg)
{
	struct script_http_reply reply = {200, NULL, NULL};
	struct script_request req;

	(void)arg;
	if (script_conn_number(c) == 0) {
		script_http_serve(c, &reply);
		return;
	}
	if (script_http_read(c, &req) == 0)
		script_close(c);
	script_http_release(&req);
}

static void
a_fresh_connection_sends_once(void **state)
{
	struct rig r = rig_up(hang_up_when_fresh, NULL, NULL);

	(void)state;
	r.req.method = "POST";
	assert_int_equal(go(&r), 0);
	r.req.fresh_connection = true;
	assert_fails(&r, ERR_TRANSIENT, "");
	assert_int_equal(script_server_count(r.server), 2);
	assert_int_equal(script_server_record(r.server, 1).conn, 1);
	rig_down(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tells_how_an_answer_failed),
	    cmocka_unit_test(refuses_floods_of_headers),
	    cmocka_unit_test(tells_that_nobody_listens),
	    cmocka_unit_test(lives_through_a_want_of_descriptors),
	    cmocka_unit_test(gives_up_a_stalled_answer),
	    cmocka_unit_test(bears_a_slow_answer),
	    cmocka_unit_test(gives_up_a_stalled_upload),
	    cmocka_unit_test(
		leaves_the_callers_memory_alone_once_it_has_returned),
	    cmocka_unit_test(ends_at_the_deadline),
	    cmocka_unit_test(ends_when_cancelled_from_another_thread),
	    cmocka_unit_test(ends_while_it_waits_for_a_connection),
	    cmocka_unit_test(
		libcurl_repeats_on_a_reused_connection_rewinding_the_body),
	    cmocka_unit_test(a_fresh_connection_sends_once),
	};

	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
	unsetenv("all_proxy");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

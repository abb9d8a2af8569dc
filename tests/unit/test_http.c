#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/chunk.h"
#include "base/err.h"
#include "base/http.h"
#include "base/monitor.h"
#include "base/scope.h"
#include "tests/sim/http_rig.h"
#include "tests/sim/script_http.h"

#define THREADS	   8
#define PER_THREAD 25

/* What the server got first, but for the line with its port. */
static void
assert_sent(struct http_rig *r, size_t i, const char *wanted)
{
	char host[64], sent[1024];
	struct script_record rec = script_server_record(r->server, i);
	char *at;

	snprintf(host, sizeof(host), "Host: 127.0.0.1:%d\r\n",
	    script_server_port(r->server));
	assert_true(rec.len < sizeof(sent));
	memcpy(sent, rec.data, rec.len + 1);
	at = strstr(sent, host);
	assert_non_null(at);
	memmove(at, at + strlen(host), strlen(at + strlen(host)) + 1);
	assert_string_equal(sent, wanted);
}

#define AGENT "User-Agent: drsync/" DRSYNC_VERSION "\r\nAccept: */*\r\n"

static struct script_http_reply ok = {200, "x-ms-version: 9\r\n", "hello"};

static void
sends_a_body_of_chunks_and_nothing_unasked(void **state)
{
	struct http_rig r = http_rig_up(script_http_serve, &ok, "/x", NULL);
	struct chunk *body[] = {chunk_view("hel", 3), chunk_view("", 0),
	    chunk_view("lo wor", 6), chunk_view("ld", 2)};

	(void)state;
	r.req.method = "PUT";
	r.req.body = body;
	r.req.nbody = 4;
	http_headers_add(&r.req.headers, "x-ms-empty", "");
	http_headers_add(&r.req.headers, "x-ms-blank", " ");
	http_headers_add(&r.req.headers, "x-ms-date", "now");
	assert_int_equal(http_rig_go(&r), 0);
	assert_sent(&r, 0,
	    "PUT /x HTTP/1.1\r\n" AGENT
	    "x-ms-empty:\r\nx-ms-blank:\r\nx-ms-date: now\r\n"
	    "Content-Length: 11\r\n\r\nhello world");

	r.req.method = "POST";
	r.req.nbody = 0;
	http_headers_release(&r.req.headers);
	assert_int_equal(http_rig_go(&r), 0);
	assert_sent(
	    &r, 1, "POST /x HTTP/1.1\r\n" AGENT "Content-Length: 0\r\n\r\n");

	r.req.method = "PATCH";
	r.req.nbody = 1;
	http_headers_add(&r.req.headers, "Content-Type", "application/json");
	assert_int_equal(http_rig_go(&r), 0);
	assert_sent(&r, 2,
	    "PATCH /x HTTP/1.1\r\n" AGENT "Content-Type: application/json\r\n"
	    "Content-Length: 3\r\n\r\nhel");
	for (size_t i = 0; i < 4; i++)
		chunk_unref(body[i]);
	http_rig_down(&r);
}

static void
sends_what_has_no_body(void **state)
{
	static const char *const methods[] = {"GET", "DELETE", "HEAD"};
	struct http_rig r = http_rig_up(script_http_serve, &ok, "/x", NULL);
	char wanted[256];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		r.req.method = methods[i];
		assert_int_equal(http_rig_go(&r), 0);
		snprintf(wanted, sizeof(wanted),
		    "%s /x HTTP/1.1\r\n" AGENT "\r\n", methods[i]);
		assert_sent(&r, i, wanted);
	}
	http_rig_down(&r);
}

/* A signature covers the path: it must not be tidied up on the way. */
static void
sends_the_path_as_it_is(void **state)
{
	struct http_rig r = http_rig_up(script_http_serve, &ok, "/x", NULL);

	(void)state;
	free(r.req.url);
	r.req.url = script_server_url(r.server, "/a/../b/./%2e%2E//c?d=e%20f");
	assert_int_equal(http_rig_go(&r), 0);
	assert_sent(
	    &r, 0, "GET /a/../b/./%2e%2E//c?d=e%20f HTTP/1.1\r\n" AGENT "\r\n");
	http_rig_down(&r);
}

static void
gives_the_answer(void **state)
{
	struct http_rig r = http_rig_up(script_http_serve, &ok, "/x", NULL);

	(void)state;
	assert_int_equal(http_rig_go(&r), 0);
	assert_int_equal(r.resp.status, 200);
	assert_string_equal(r.resp.body.data, "hello");
	assert_string_equal(
	    http_headers_get(&r.resp.headers, "X-MS-Version"), "9");
	assert_true(r.resp.elapsed_ms >= 0 && r.resp.elapsed_ms < 20000);

	r.req.method = "HEAD";
	assert_int_equal(http_rig_go(&r), 0);
	assert_int_equal(r.resp.status, 200);
	assert_int_equal(r.resp.body.len, 0);
	http_rig_down(&r);
}

static void
does_not_follow_redirects(void **state)
{
	struct script_http_reply away = {307, "Location: /y\r\n", "gone"};
	struct http_rig r = http_rig_up(script_http_serve, &away, "/x", NULL);

	(void)state;
	assert_int_equal(http_rig_go(&r), 0);
	assert_int_equal(r.resp.status, 307);
	assert_int_equal(script_server_count(r.server), 1);
	http_rig_down(&r);
}

static void
keeps_connections_alive(void **state)
{
	struct http_rig r = http_rig_up(script_http_serve, &ok, "/x", NULL);

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(http_rig_go(&r), 0);
	assert_int_equal(script_server_connections(r.server), 1);
	r.req.fresh_connection = true;
	assert_int_equal(http_rig_go(&r), 0);
	assert_int_equal(script_server_connections(r.server), 2);
	http_rig_down(&r);
}

/* "100 Continue" first, and the header of the interim answer is not kept. */
static void
interim(struct script_conn *c, void *arg)
{
	struct script_request req;

	(void)arg;
	if (script_http_read(c, &req) == 0) {
		script_sends(c, "HTTP/1.1 103 Early\r\nx-early: 1\r\n\r\n");
		script_http_answer(c, 200, "x-late: 1\r\n", "ok", 2);
	}
	script_http_release(&req);
}

static void
forgets_interim_answers(void **state)
{
	struct http_rig r = http_rig_up(interim, NULL, "/x", NULL);

	(void)state;
	assert_int_equal(http_rig_go(&r), 0);
	assert_int_equal(r.resp.status, 200);
	assert_null(http_headers_get(&r.resp.headers, "x-early"));
	assert_string_equal(http_headers_get(&r.resp.headers, "x-late"), "1");
	http_rig_down(&r);
}

static void
fills_the_callers_buffer(void **state)
{
	struct script_http_reply reply = {206, NULL, "0123456789"};
	struct http_rig r = http_rig_up(script_http_serve, &reply, "/x", NULL);
	unsigned char room[11] = "..........";

	(void)state;
	r.req.into = room;
	r.req.into_size = 10;
	assert_int_equal(http_rig_go(&r), 0);
	assert_int_equal(r.resp.into_len, 10);
	assert_int_equal(r.resp.body.len, 0);
	assert_string_equal(room, "0123456789");

	memset(room, '.', 10);
	r.req.into_size = 9;
	http_rig_assert_fails(&r, ERR_CORRUPT, "over 9 bytes");
	assert_int_equal(room[9], '.');
	http_rig_down(&r);
}

static void
keeps_an_error_answer_out_of_the_callers_buffer(void **state)
{
	struct script_http_reply reply = {404, NULL, "0123456789"};
	struct http_rig r = http_rig_up(script_http_serve, &reply, "/x", NULL);
	unsigned char room[11] = "..........";

	(void)state;
	r.req.into = room;
	r.req.into_size = 10;
	assert_int_equal(http_rig_go(&r), 0);
	assert_int_equal(r.resp.into_len, 0);
	assert_string_equal(r.resp.body.data, "0123456789");
	assert_string_equal(room, "..........");
	http_rig_down(&r);
}

static void
refuses_an_answer_over_its_ceiling(void **state)
{
	struct http_rig r = http_rig_up(script_http_serve, &ok, "/x", NULL);

	(void)state;
	r.req.response_max = 5;
	assert_int_equal(http_rig_go(&r), 0);
	r.req.response_max = 4;
	http_rig_assert_fails(&r, ERR_CORRUPT, "over 4 bytes");
	http_rig_down(&r);
}

/* Echoes each body. */
static void
echo(struct script_conn *c, void *arg)
{
	struct script_request req;

	(void)arg;
	while (script_http_read(c, &req) == 0) {
		script_http_answer(c, 200, NULL, req.body, req.body_len);
		script_http_release(&req);
	}
	script_http_release(&req);
}

static void
carries_large_bodies_both_ways(void **state)
{
	struct http_rig r = http_rig_up(echo, NULL, "/x", NULL);
	size_t size = (size_t)5 << 20, cut = ((size_t)1 << 20) + 7;
	unsigned char *data = malloc(size), *back = malloc(size);
	struct chunk *body[2];

	(void)state;
	for (size_t i = 0; i < size; i++)
		data[i] = (unsigned char)(i * 2654435761u >> 13);
	body[0] = chunk_view(data, cut);
	body[1] = chunk_view(data + cut, size - cut);
	r.req.method = "PUT";
	r.req.body = body;
	r.req.nbody = 2;
	r.req.into = back;
	r.req.into_size = size;
	assert_int_equal(http_rig_go(&r), 0);
	assert_int_equal(r.resp.into_len, size);
	assert_memory_equal(data, back, size);
	/* Over 1 MiB libcurl would ask first, and wait a second for leave. */
	assert_null(strstr(script_server_record(r.server, 0).data, "Expect"));
	chunk_unref(body[0]);
	chunk_unref(body[1]);
	free(data);
	free(back);
	http_rig_down(&r);
}

/* Answers with the request as it came. */
static void
tell(struct script_conn *c, void *arg)
{
	struct script_request req;

	(void)arg;
	while (script_http_read(c, &req) == 0) {
		bool is_head = strcmp(req.method, "HEAD") == 0;
		struct buf all;

		buf_init(&all, 1 << 16);
		buf_adds(&all, req.head);
		buf_adds(&all, req.body);
		script_http_answer(
		    c, 200, NULL, all.data, is_head ? 0 : all.len);
		buf_release(&all);
		script_http_release(&req);
	}
	script_http_release(&req);
}

struct plain_request {
	const char *method;
	bool has_body;
};

/* What the server saw of it. */
static void
send_plain(struct http_rig *r, struct http *http,
    const struct plain_request *plain, struct buf *seen)
{
	struct chunk *body = chunk_view("the body", 8);
	struct http_request req = {
	    .method = plain->method,
	    .url = r->req.url,
	    .body = &body,
	    .nbody = plain->has_body,
	};
	struct http_response resp;

	if (plain->has_body) {
		http_headers_add(&req.headers, "Content-Type", "text/x");
		http_headers_add(&req.headers, "x-empty", "");
	}
	assert_int_equal(http_do(http, &r->scope, &req, &resp, &r->err), 0);
	assert_int_equal(resp.status, 200);
	buf_truncate(seen, 0);
	buf_adds(seen, resp.body.data);
	http_response_release(&resp);
	http_headers_release(&req.headers);
	chunk_unref(body);
}

/* It is sent as by an engine that has sent nothing before. */
static void
nothing_of_a_request_is_left_for_the_next(void **state)
{
	static const struct plain_request list[] = {{"GET", false},
	    {"HEAD", false}, {"PUT", false}, {"PUT", true}, {"DELETE", false},
	    {"POST", true}};
	static const size_t n = sizeof(list) / sizeof(list[0]);
	static const struct http_opts opts;
	struct http_rig r = http_rig_up(tell, NULL, "/x", NULL);
	struct buf fresh, after;

	(void)state;
	buf_init(&fresh, 1 << 16);
	buf_init(&after, 1 << 16);
	for (size_t next = 0; next < n; next++) {
		struct http *http = http_new(&opts, &r.err);

		assert_non_null(http);
		send_plain(&r, http, &list[next], &fresh);
		for (size_t first = 0; first < n; first++) {
			send_plain(&r, r.http, &list[first], &after);
			send_plain(&r, r.http, &list[next], &after);
			assert_string_equal(after.data, fresh.data);
		}
		http_free(http);
	}
	buf_release(&fresh);
	buf_release(&after);
	http_rig_down(&r);
}

/* One of the threads that share an engine. */
struct caller {
	pthread_t thread;
	struct http_rig *rig;
	int id, good;
};

static void *
call_often(void *arg)
{
	struct caller *w = arg;

	for (int i = 0; i < PER_THREAD; i++) {
		char text[32];
		struct chunk *body;
		struct http_response resp;
		struct err err = {0};
		struct http_request req = {
		    .method = "PUT", .url = w->rig->req.url, .nbody = 1};

		snprintf(text, sizeof(text), "%d.%d", w->id, i);
		body = chunk_view(text, strlen(text));
		req.body = &body;
		if (http_do(w->rig->http, &w->rig->scope, &req, &resp, &err) ==
			0 &&
		    strcmp(resp.body.data, text) == 0)
			w->good++;
		http_response_release(&resp);
		chunk_unref(body);
	}
	return NULL;
}

static void
serves_many_threads_under_its_connection_cap(void **state)
{
	const struct http_opts opts = {.connections_max = 5};
	struct http_rig r = http_rig_up(echo, NULL, "/x", &opts);
	struct caller w[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++) {
		w[i] = (struct caller){.rig = &r, .id = i};
		assert_int_equal(
		    pthread_create(&w[i].thread, NULL, call_often, &w[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(w[i].thread, NULL);
		assert_int_equal(w[i].good, PER_THREAD);
	}
	assert_int_equal(script_server_count(r.server), THREADS * PER_THREAD);
	assert_true(script_server_connections(r.server) <= 5);
	http_rig_down(&r);
}

/* The callback form: each answer but the last sends the next request. */
struct series {
	struct monitor monitor;
	struct http_rig *rig;
	pthread_t engine;
	int left, status, failures;
};

static void
next_of_series(
    void *arg, int rc, struct http_response *resp, const struct err *err)
{
	struct series *s = arg;
	struct http_rig *r = s->rig;
	struct err ignored;

	(void)err;
	monitor_lock(&s->monitor);
	s->engine = pthread_self();
	s->failures += rc != 0;
	s->status = resp->status;
	http_response_release(resp);
	if (--s->left > 0 &&
	    http_submit(
		r->http, &r->scope, &r->req, next_of_series, s, &ignored) != 0)
		s->failures++;
	monitor_broadcast(&s->monitor);
	monitor_unlock(&s->monitor);
}

static void
submits_from_the_engines_thread(void **state)
{
	struct http_rig r = http_rig_up(script_http_serve, &ok, "/x", NULL);
	struct series s = {.rig = &r, .left = 10};

	(void)state;
	monitor_init(&s.monitor);
	assert_int_equal(
	    http_submit(r.http, &r.scope, &r.req, next_of_series, &s, &r.err),
	    0);
	monitor_lock(&s.monitor);
	while (s.left > 0)
		assert_int_equal(monitor_wait(&s.monitor, &r.scope, &r.err), 0);
	assert_false(pthread_equal(s.engine, pthread_self()));
	assert_int_equal(s.failures, 0);
	assert_int_equal(s.status, 200);
	monitor_unlock(&s.monitor);
	assert_int_equal(script_server_count(r.server), 10);
	http_rig_down(&r);
	monitor_release(&s.monitor);
}

static int
stamp(struct http_request *req, const struct scope *scope, void *arg,
    struct err *err)
{
	int *calls = arg;

	(void)scope;
	if (*calls == 2)
		return err_set(err, ERR_AUTH, "no key");
	(*calls)++;
	http_headers_set(&req->headers, "x-ms-date", *calls == 1 ? "1" : "2");
	return 0;
}

static void
prepares_each_attempt_anew(void **state)
{
	struct http_rig r = http_rig_up(script_http_serve, &ok, "/x", NULL);
	int calls = 0;

	(void)state;
	r.req.prepare = stamp;
	r.req.prepare_arg = &calls;
	assert_int_equal(http_rig_go(&r), 0);
	assert_int_equal(http_rig_go(&r), 0);
	assert_sent(&r, 0, "GET /x HTTP/1.1\r\n" AGENT "x-ms-date: 1\r\n\r\n");
	assert_sent(&r, 1, "GET /x HTTP/1.1\r\n" AGENT "x-ms-date: 2\r\n\r\n");
	assert_int_equal(http_rig_go(&r), -1);
	assert_int_equal(r.err.kind, ERR_AUTH);
	assert_int_equal(script_server_count(r.server), 2);
	http_rig_down(&r);
}

static void
refuses_what_cannot_be_sent(void **state)
{
	static const struct http_header bad[] = {
	    {"x-a", "1\r\nx-b: 2"}, {"x-a: 1\r\nx-b", "2"}, {"", "1"}};
	struct http_rig r = http_rig_up(script_http_serve, &ok, "/x", NULL);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		http_headers_add(&r.req.headers, bad[i].name, bad[i].value);
		http_rig_assert_fails(&r, ERR_USAGE, "cannot be sent");
		http_headers_release(&r.req.headers);
	}
	free(r.req.url);
	r.req.url = strdup("file:///etc/passwd");
	assert_int_equal(http_rig_go(&r), -1);
	assert_int_equal(r.err.kind, ERR_USAGE);
	assert_int_equal(script_server_connections(r.server), 0);
	http_rig_down(&r);
}

static void
is_freed_with_nothing_in_flight(void **state)
{
	const struct http_opts bad = {.ca_file = "/nowhere/ca.pem"};
	const struct http_opts none = {0};
	struct err err = {0};

	(void)state;
	http_free(NULL);
	for (int i = 0; i < 10; i++)
		http_free(http_new(&none, &err));
	assert_null(http_new(&bad, &err));
	assert_int_equal(err.kind, ERR_USAGE);
	assert_non_null(strstr(err.text, "/nowhere/ca.pem"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sends_a_body_of_chunks_and_nothing_unasked),
	    cmocka_unit_test(sends_what_has_no_body),
	    cmocka_unit_test(sends_the_path_as_it_is),
	    cmocka_unit_test(gives_the_answer),
	    cmocka_unit_test(does_not_follow_redirects),
	    cmocka_unit_test(keeps_connections_alive),
	    cmocka_unit_test(forgets_interim_answers),
	    cmocka_unit_test(fills_the_callers_buffer),
	    cmocka_unit_test(keeps_an_error_answer_out_of_the_callers_buffer),
	    cmocka_unit_test(refuses_an_answer_over_its_ceiling),
	    cmocka_unit_test(carries_large_bodies_both_ways),
	    cmocka_unit_test(nothing_of_a_request_is_left_for_the_next),
	    cmocka_unit_test(serves_many_threads_under_its_connection_cap),
	    cmocka_unit_test(submits_from_the_engines_thread),
	    cmocka_unit_test(prepares_each_attempt_anew),
	    cmocka_unit_test(refuses_what_cannot_be_sent),
	    cmocka_unit_test(is_freed_with_nothing_in_flight),
	};

	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
	unsetenv("all_proxy");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

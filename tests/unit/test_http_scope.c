#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cancel.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/http.h"
#include "base/monitor.h"
#include "base/scope.h"
#include "tests/sim/http_rig.h"
#include "tests/sim/script_http.h"

#define PATH "/x?sv=1&sig=SECRET"

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
		struct http_rig r = http_rig_up(
		    stall_after, before[i], PATH, &opts);

		http_rig_assert_fails(&r, ERR_TRANSIENT, "stalled");
		http_rig_down(&r);
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
	struct http_rig r = http_rig_up(drip, NULL, PATH, &opts);

	(void)state;
	assert_int_equal(http_rig_go(&r), 0);
	assert_int_equal(r.resp.body.len, 15);
	assert_true(r.resp.elapsed_ms > 400);
	http_rig_down(&r);
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
	struct http_rig r = http_rig_up(take_nothing, NULL, PATH, &opts);
	size_t size = (size_t)32 << 20;
	unsigned char *data = calloc(1, size);
	struct chunk *body = chunk_view(data, size);

	(void)state;
	r.req.method = "PUT";
	r.req.body = &body;
	r.req.nbody = 1;
	http_rig_assert_fails(&r, ERR_TRANSIENT, "stalled");
	chunk_unref(body);
	free(data);
	http_rig_down(&r);
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
	struct http_rig r = http_rig_up(pour, NULL, PATH, NULL);
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
		http_rig_assert_fails(&r, ERR_UNREACHABLE, "timed out");
		assert_int_equal(r.resp.into_len, 0);
		free(room);
	}
	http_rig_down(&r);
}

static void
ends_at_the_deadline(void **state)
{
	struct http_rig r = http_rig_up(
	    stall_after, "HTTP/1.1 200 OK\r\n", PATH, NULL);
	int64_t start_ms = scope_mono_ms(&r.scope), took_ms;

	(void)state;
	r.scope = scope_within(&r.scope, 80);
	http_rig_assert_fails(&r, ERR_UNREACHABLE, "timed out");
	took_ms = scope_mono_ms(&r.scope) - start_ms;
	assert_true(took_ms >= 80 && took_ms < 5000);
	http_rig_down(&r);
}

struct canceller {
	pthread_t thread;
	struct http_rig *rig;
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
	struct http_rig r = http_rig_up(stall_after, "", PATH, NULL);
	struct canceller w = {.rig = &r, .cancel = cancel_new(NULL)};

	(void)state;
	r.scope = scope_root(w.cancel);
	assert_int_equal(pthread_create(&w.thread, NULL, cancel_later, &w), 0);
	http_rig_assert_fails(&r, ERR_CANCELLED, "cancelled");
	pthread_join(w.thread, NULL);

	http_rig_assert_fails(&r, ERR_CANCELLED, "cancelled");
	assert_int_equal(script_server_count(r.server), 1);
	http_rig_down(&r);
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
submit(struct http_rig *r, struct outcome *o)
{
	*o = (struct outcome){0};
	monitor_init(&o->monitor);
	assert_int_equal(
	    http_submit(r->http, &r->scope, &r->req, note, o, &r->err), 0);
}

static void
await(struct outcome *o)
{
	monitor_lock(&o->monitor);
	while (!o->come)
		monitor_wait(&o->monitor, NULL, NULL);
	monitor_unlock(&o->monitor);
	monitor_release(&o->monitor);
}

static void
assert_cancelled(struct outcome *o)
{
	await(o);
	assert_int_equal(o->rc, -1);
	http_rig_assert_err(&o->err, ERR_CANCELLED, "cancelled");
}

/* The only connection is taken: what waits for it ends with its scope too. */
static void
ends_while_it_waits_for_a_connection(void **state)
{
	const struct http_opts opts = {.connections_max = 1};
	struct http_rig r = http_rig_up(stall_after, "", PATH, &opts);
	struct cancel *all = cancel_new(NULL), *one = cancel_new(all);
	struct http_rig waits = r, late = r;
	struct outcome running, waiting;

	(void)state;
	r.scope = scope_root(all);
	submit(&r, &running);
	assert_true(script_server_wait(r.server, 1));
	waits.scope = scope_root(one);
	submit(&waits, &waiting);
	late.scope = scope_within(&late.scope, 30);
	http_rig_assert_fails(&late, ERR_UNREACHABLE, "timed out");

	cancel_trigger(one);
	assert_cancelled(&waiting);
	cancel_trigger(all);
	assert_cancelled(&running);
	assert_int_equal(script_server_count(r.server), 1);
	http_rig_down(&r);
	cancel_free(one);
	cancel_free(all);
}

/* Its turn comes after more time than it may be silent for. */
static void
waiting_for_a_connection_is_no_stall(void **state)
{
	const struct http_opts opts = {
	    .connections_max = 1, .stall_timeout_ms = 400};
	struct http_rig r = http_rig_up(drip, NULL, PATH, &opts);
	struct outcome running, waiting;

	(void)state;
	r.req.fresh_connection = true;
	submit(&r, &running);
	submit(&r, &waiting);
	await(&running);
	await(&waiting);
	assert_int_equal(running.rc, 0);
	assert_int_equal(waiting.rc, 0);
	http_rig_down(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(gives_up_a_stalled_answer),
	    cmocka_unit_test(bears_a_slow_answer),
	    cmocka_unit_test(gives_up_a_stalled_upload),
	    cmocka_unit_test(
		leaves_the_callers_memory_alone_once_it_has_returned),
	    cmocka_unit_test(ends_at_the_deadline),
	    cmocka_unit_test(ends_when_cancelled_from_another_thread),
	    cmocka_unit_test(ends_while_it_waits_for_a_connection),
	    cmocka_unit_test(waiting_for_a_connection_is_no_stall),
	};

	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
	unsetenv("all_proxy");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

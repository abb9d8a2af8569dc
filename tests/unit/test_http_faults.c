#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/chunk.h"
#include "base/err.h"
#include "base/http.h"
#include "base/scope.h"
#include "tests/sim/http_rig.h"
#include "tests/sim/script_http.h"

#define PATH "/x?sv=1&sig=SECRET"

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
		struct http_rig r = http_rig_up(play_ending, &e, PATH, NULL);

		r.req.fresh_connection = true;
		http_rig_assert_fails(&r, e.kind, e.word);
		assert_int_equal(script_server_count(r.server), 1);
		http_rig_down(&r);
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
	    "over 512 headers", "over 65536 bytes", "header line"};

	(void)state;
	for (int kind = 0; kind < 3; kind++) {
		struct http_rig r = http_rig_up(flood, &kind, PATH, NULL);

		r.req.fresh_connection = true;
		http_rig_assert_fails(&r, ERR_CORRUPT, words[kind]);
		http_rig_down(&r);
	}
}

/* A port that is bound, so that nobody else gets it, and not listening. */
static void
tells_that_nobody_listens(void **state)
{
	struct script_http_reply unused = {200, NULL, NULL};
	struct http_rig r = http_rig_up(script_http_serve, &unused, PATH, NULL);
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
	http_rig_assert_fails(&r, ERR_TRANSIENT, "onnect");
	close(fd);
	http_rig_down(&r);
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
	struct http_rig r = http_rig_up(script_http_serve, &reply, PATH, NULL);
	struct rlimit old = use_up_descriptors();
	struct http *second = http_new(&opts, &r.err);

	(void)state;
	assert_null(second);
	assert_int_equal(r.err.kind, ERR_SYSTEM);
	http_rig_assert_fails(&r, ERR_TRANSIENT, "");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(http_rig_go(&r), 0);
	http_rig_down(&r);
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
	struct http_rig r = http_rig_up(answer_then_hang_up, NULL, PATH, NULL);
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
	assert_int_equal(http_rig_go(&r), 0);
	assert_int_equal(http_rig_go(&r), 0);
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
	http_rig_down(&r);
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
	struct http_rig r = http_rig_up(hang_up_when_fresh, NULL, PATH, NULL);

	(void)state;
	r.req.method = "POST";
	assert_int_equal(http_rig_go(&r), 0);
	r.req.fresh_connection = true;
	http_rig_assert_fails(&r, ERR_TRANSIENT, "");
	assert_int_equal(script_server_count(r.server), 2);
	assert_int_equal(script_server_record(r.server, 1).conn, 1);
	http_rig_down(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tells_how_an_answer_failed),
	    cmocka_unit_test(refuses_floods_of_headers),
	    cmocka_unit_test(tells_that_nobody_listens),
	    cmocka_unit_test(lives_through_a_want_of_descriptors),
	    cmocka_unit_test(
		libcurl_repeats_on_a_reused_connection_rewinding_the_body),
	    cmocka_unit_test(a_fresh_connection_sends_once),
	};

	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
	unsetenv("all_proxy");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

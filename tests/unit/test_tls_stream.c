/* Both ends of TLS, stepped by turns over a pair of sockets. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "rdb/posing_tls.h"
#include "rdb/redis_tls.h"
#include "rdb/tls_stream.h"
#include "tests/sim/test_ca.h"

struct end {
	int fd;
	struct tls_stream *tls;
	int rc; /* of the handshake; 0: it goes on */
	struct err err;
};

struct rig {
	struct test_ca *ca, *other;
	struct posing_tls_opts server_opts;
	struct redis_tls_opts client_opts;
	struct test_cert server_cert, client_cert, forged;
	struct end client, server;
};

static void
rig_init(struct rig *r)
{
	*r = (struct rig){.client.fd = -1, .server.fd = -1};
	r->ca = test_ca_new();
	r->other = test_ca_new();
	r->server_cert = test_ca_issue(r->ca, "master.example,::1");
	r->client_cert = test_ca_issue(r->ca, "replica");
	r->forged = test_ca_issue(r->other, "replica");
	r->server_opts = (struct posing_tls_opts){
	    .cert_file = r->server_cert.cert_file,
	    .key_file = r->server_cert.key_file,
	    .ca_file = test_ca_file(r->ca)};
	r->client_opts = (struct redis_tls_opts){
	    .cert_file = r->client_cert.cert_file,
	    .key_file = r->client_cert.key_file,
	    .ca_file = test_ca_file(r->ca)};
}

static void
hang_up(struct end *e)
{
	tls_stream_free(e->tls);
	if (e->fd >= 0)
		close(e->fd);
	*e = (struct end){.fd = -1};
}

static void
rig_release(struct rig *r)
{
	hang_up(&r->client);
	hang_up(&r->server);
	test_ca_free(r->ca);
	test_ca_free(r->other);
}

static void
connect_ends(struct rig *r, const char *host)
{
	int fds[2];

	hang_up(&r->client);
	hang_up(&r->server);
	assert_int_equal(
	    socketpair(
		AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
	    0);
	r->client.fd = fds[0];
	r->server.fd = fds[1];
	r->client.tls = redis_tls_new(
	    fds[0], host, &r->client_opts, &r->client.err);
	r->server.tls = posing_tls_new(fds[1], &r->server_opts, &r->server.err);
	assert_non_null(r->client.tls);
	assert_non_null(r->server.tls);
}

static void
step(struct end *e)
{
	short events = 0;

	if (e->rc != 0)
		return;
	e->rc = tls_stream_handshake(e->tls, &events, &e->err);
	if (e->rc == 0)
		assert_true(events == POLLIN || events == POLLOUT);
}

/* Until both are done, or neither would get further. */
static void
shake_hands(struct rig *r)
{
	for (int i = 0; i < 10; i++) {
		step(&r->client);
		step(&r->server);
	}
}

static void
is_failure(const struct err *err, enum err_kind kind, const char *text)
{
	if (err->kind != kind || strstr(err->text, text) == NULL)
		fail_msg("kind %d: %s", (int)err->kind, err->text);
}

static void
bytes_cross_both_ways(void **state)
{
	static const char *const hosts[] = {"master.example", "::1"};
	struct rig r;

	(void)state;
	rig_init(&r);
	for (size_t i = 0; i < 2; i++) {
		struct end *ends[] = {&r.client, &r.server};

		connect_ends(&r, hosts[i]);
		shake_hands(&r);
		assert_int_equal(r.client.rc, 1);
		assert_int_equal(r.server.rc, 1);
		for (int from = 0; from < 2; from++) {
			struct end *w = ends[from], *q = ends[1 - from];
			char got[16];
			short events = 0;
			size_t n;

			assert_int_equal(tls_stream_read(q->tls, got, 16, &n,
					     &events, &q->err),
			    0);
			assert_int_equal(events, POLLIN);
			assert_int_equal(tls_stream_write(w->tls, "hello", 5,
					     &n, &events, &w->err),
			    1);
			assert_int_equal(n, 5);
			assert_int_equal(tls_stream_read(q->tls, got, 16, &n,
					     &events, &q->err),
			    1);
			assert_int_equal(n, 5);
			assert_memory_equal(got, "hello", 5);
		}
	}
	rig_release(&r);
}

/* What does not go out now is asked for again, and arrives once. */
static void
a_full_socket_is_waited_for(void **state)
{
	static unsigned char block[1 << 16];
	const size_t total = 64 * sizeof(block);
	size_t sent = 0, taken = 0;
	bool waited = false;
	struct rig r;

	(void)state;
	rig_init(&r);
	connect_ends(&r, "::1");
	shake_hands(&r);
	while (taken < total) {
		unsigned char got[4096];
		short events = 0;
		size_t n;
		int rc;

		for (rc = 1; rc == 1 && sent < total; sent += n) {
			size_t at = sent % sizeof(block);

			for (size_t i = at; i < sizeof(block); i++)
				block[i] = (unsigned char)((sent - at + i) %
				    251);
			rc = tls_stream_write(r.client.tls, block + at,
			    sizeof(block) - at, &n, &events, &r.client.err);
			assert_true(rc >= 0);
		}
		if (rc == 0) {
			assert_int_equal(events, POLLOUT);
			waited = true;
		}
		rc = tls_stream_read(
		    r.server.tls, got, sizeof(got), &n, &events, &r.server.err);
		assert_true(rc >= 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(got[i], (taken + i) % 251);
		taken += n;
	}
	assert_true(waited);
	rig_release(&r);
}

static void
the_peer_s_end_is_told(void **state)
{
	struct rig r;
	short events;
	char got[16];
	size_t n = 1;

	(void)state;
	rig_init(&r);
	connect_ends(&r, "::1");
	shake_hands(&r);
	hang_up(&r.server);
	assert_int_equal(tls_stream_read(r.client.tls, got, sizeof(got), &n,
			     &events, &r.client.err),
	    1);
	assert_int_equal(n, 0);

	connect_ends(&r, "::1");
	step(&r.client);
	hang_up(&r.server);
	step(&r.client);
	assert_int_equal(r.client.rc, -1);
	assert_int_equal(r.client.err.kind, ERR_TRANSIENT);

	connect_ends(&r, "::1");
	hang_up(&r.client);
	step(&r.server);
	assert_int_equal(r.server.rc, -1);
	is_failure(&r.server.err, ERR_TRANSIENT, "the target closed");
	rig_release(&r);
}

static void
each_end_proves_the_other(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r);
	connect_ends(&r, "other.example");
	shake_hands(&r);
	is_failure(&r.client.err, ERR_AUTH,
	    "the server's certificate does not verify: ");
	is_failure(
	    &r.server.err, ERR_AUTH, "the target refused our TLS certificate");

	connect_ends(&r, "127.0.0.1");
	shake_hands(&r);
	is_failure(&r.client.err, ERR_AUTH, "IP address mismatch");

	r.client_opts.cert_file = r.forged.cert_file;
	r.client_opts.key_file = r.forged.key_file;
	connect_ends(&r, "::1");
	shake_hands(&r);
	is_failure(&r.server.err, ERR_AUTH,
	    "the target's certificate does not verify: ");

	r.client_opts.cert_file = r.client_opts.key_file = NULL;
	connect_ends(&r, "::1");
	shake_hands(&r);
	is_failure(&r.server.err, ERR_AUTH, "the target showed no certificate");
	rig_release(&r);
}

/* With TLS 1.3 it comes after our side is done, behind a first write. */
static void
why_a_certificate_was_refused_is_heard(void **state)
{
	struct rig r;
	short events;
	char got[16];
	size_t n;

	(void)state;
	rig_init(&r);
	r.client_opts.cert_file = r.client_opts.key_file = NULL;
	connect_ends(&r, "::1");
	shake_hands(&r);
	assert_int_equal(r.client.rc, 1);
	assert_int_equal(r.server.rc, -1);
	/* The alert is on its way, and the socket gone. */
	hang_up(&r.server);
	assert_int_equal(tls_stream_write(r.client.tls, "PING", 4, &n, &events,
			     &r.client.err),
	    1);
	assert_int_equal(tls_stream_read(r.client.tls, got, sizeof(got), &n,
			     &events, &r.client.err),
	    -1);
	is_failure(
	    &r.client.err, ERR_AUTH, "the server refused our TLS certificate");
	rig_release(&r);
}

static void
a_peer_without_tls_is_told_of(void **state)
{
	static const char plain[] = "-ERR unknown command\r\n";
	struct rig r;

	(void)state;
	rig_init(&r);
	connect_ends(&r, "::1");
	assert_int_equal(send(r.server.fd, plain, strlen(plain), MSG_NOSIGNAL),
	    strlen(plain));
	step(&r.client);
	is_failure(&r.client.err, ERR_USAGE,
	    "the server does not speak TLS on this port");
	rig_release(&r);
}

static void
files_that_cannot_be_used_are_usage_errors(void **state)
{
	struct rig r;
	struct err err = {0};

	(void)state;
	rig_init(&r);
	r.server_opts.ca_file = "/nonexistent/ca.pem";
	assert_null(posing_tls_new(-1, &r.server_opts, &err));
	is_failure(&err, ERR_USAGE, "CA file '/nonexistent/ca.pem'");
	r.server_opts.key_file = r.client_cert.key_file;
	assert_null(posing_tls_new(-1, &r.server_opts, &err));
	is_failure(&err, ERR_USAGE, "key");
	r.server_opts.cert_file = "/nonexistent/cert.pem";
	assert_null(posing_tls_new(-1, &r.server_opts, &err));
	is_failure(&err, ERR_USAGE, "certificate '/nonexistent/cert.pem'");
	rig_release(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bytes_cross_both_ways),
	    cmocka_unit_test(a_full_socket_is_waited_for),
	    cmocka_unit_test(the_peer_s_end_is_told),
	    cmocka_unit_test(each_end_proves_the_other),
	    cmocka_unit_test(why_a_certificate_was_refused_is_heard),
	    cmocka_unit_test(a_peer_without_tls_is_told_of),
	    cmocka_unit_test(files_that_cannot_be_used_are_usage_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

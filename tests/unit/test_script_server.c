#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "tests/sim/script_http.h"
#include "tests/sim/script_server.h"
#include "tests/sim/test_ca.h"

static int
dial(const struct script_server *s)
{
	struct sockaddr_in addr = {
	    .sin_family = AF_INET,
	    .sin_port = htons((uint16_t)script_server_port(s)),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(
	    connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void
say(int fd, const char *text)
{
	assert_int_equal(
	    send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* All that comes until the end. */
static void
assert_hears(int fd, const char *wanted)
{
	char got[256];
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, got + len, sizeof(got) - 1 - len)) > 0)
		len += (size_t)n;
	assert_int_equal(n, 0);
	got[len] = '\0';
	assert_string_equal(got, wanted);
	close(fd);
}

static void
ping(struct script_conn *c, void *arg)
{
	(void)arg;
	if (script_expects(c, "PING\r\n") != 0 ||
	    script_expect_line(c, "PSYNC * -1") != 0)
		return;
	script_sendf(c, "+%s %u\r\n", "PONG", script_conn_number(c));
}

static void
plays_the_script_and_records(void **state)
{
	struct script_server *s = script_server_new(NULL, ping, NULL);
	struct script_record rec;
	int fd = dial(s);

	(void)state;
	say(fd, "PING\r");
	say(fd, "\nPSYNC ? -1\r\n");
	assert_hears(fd, "+PONG 0\r\n");
	fd = dial(s);
	say(fd, "PING\r\nPSYNC id -1\n");
	assert_hears(fd, "+PONG 1\r\n");

	assert_null(script_server_failure(s));
	assert_int_equal(script_server_connections(s), 2);
	assert_int_equal(script_server_count(s), 4);
	rec = script_server_record(s, 1);
	assert_int_equal(rec.conn, 0);
	assert_string_equal(rec.data, "PSYNC ? -1\r\n");
	rec = script_server_record(s, 3);
	assert_int_equal(rec.conn, 1);
	assert_string_equal(rec.data, "PSYNC id -1\n");
	script_server_free(s);
}

/* At the first byte that differs: the peer may well wait for an answer. */
static void
tells_the_first_broken_expectation(void **state)
{
	struct script_server *s = script_server_new(NULL, ping, NULL);
	int fd = dial(s);

	(void)state;
	say(fd, "PO");
	assert_hears(fd, "");
	fd = dial(s);
	say(fd, "X");
	assert_hears(fd, "");
	assert_string_equal(script_server_failure(s),
	    "connection 0: expected 'PING\\x0d\\x0a', came 'PO'");
	assert_int_equal(script_server_count(s), 0);
	assert_false(script_server_wait(s, 1));
	script_server_free(s);
}

static void
a_peer_that_leaves_breaks_an_expectation(void **state)
{
	struct script_server *s = script_server_new(NULL, ping, NULL);
	int fd = dial(s);

	(void)state;
	say(fd, "PING\r\nPSY");
	shutdown(fd, SHUT_WR);
	assert_hears(fd, "");
	assert_non_null(script_server_failure(s));
	script_server_free(s);
}

static void
hold_then_reset(struct script_conn *c, void *arg)
{
	(void)arg;
	if (script_expects(c, "go") != 0 || script_sends(c, "1") != 0 ||
	    script_hold(c) != 0)
		return;
	script_reset(c);
}

static void
holds_until_released_and_resets(void **state)
{
	struct script_server *s = script_server_new(
	    NULL, hold_then_reset, NULL);
	int fd = dial(s);
	char got;

	(void)state;
	say(fd, "go");
	assert_int_equal(read(fd, &got, 1), 1);
	assert_true(script_server_wait(s, 1));
	assert_int_equal(recv(fd, &got, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	script_server_release(s);
	assert_int_equal(read(fd, &got, 1), -1);
	assert_int_equal(errno, ECONNRESET);
	close(fd);
	script_server_free(s);
}

static void
stall(struct script_conn *c, void *arg)
{
	(void)arg;
	script_sends(c, "x");
	script_stall(c);
}

static void
is_freed_while_scripts_stall(void **state)
{
	struct script_server *s = script_server_new(NULL, stall, NULL);
	int fd = dial(s);
	char got;

	(void)state;
	assert_int_equal(read(fd, &got, 1), 1);
	script_server_free(s);
	assert_int_equal(read(fd, &got, 1), 0);
	close(fd);
}

static void
shut_then_eof(struct script_conn *c, void *arg)
{
	(void)arg;
	script_sends(c, "bye");
	script_shut(c);
	script_expects(c, "bye");
	script_expect_eof(c);
}

static void
closes_one_half_and_listens_on_a_unix_socket(void **state)
{
	char dir[] = "/tmp/script-server-XXXXXX";
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct script_server_opts opts = {.unix_path = addr.sun_path};
	struct script_server *s;
	char got[4] = "";
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/s", dir);
	s = script_server_new(&opts, shut_then_eof, NULL);
	assert_int_equal(
	    connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(recv(fd, got, 3, MSG_WAITALL), 3);
	assert_int_equal(read(fd, got, 1), 0);
	say(fd, "bye");
	close(fd);
	assert_true(script_server_wait(s, 1));
	assert_null(script_server_failure(s));
	script_server_free(s);
	assert_int_equal(rmdir(dir), 0);
}

/* Whether a client with this certificate is served. */
static bool
tls_ping(struct script_server *s, const char *ca, const struct test_cert *cert)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl;
	int fd = dial(s);
	char got;
	bool served;

	assert_int_equal(SSL_CTX_load_verify_file(ctx, ca), 1);
	ssl = SSL_new(ctx);
	SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	assert_int_equal(SSL_set1_host(ssl, "localhost"), 1);
	if (cert != NULL) {
		assert_int_equal(SSL_use_certificate_file(
				     ssl, cert->cert_file, SSL_FILETYPE_PEM),
		    1);
		assert_int_equal(SSL_use_PrivateKey_file(
				     ssl, cert->key_file, SSL_FILETYPE_PEM),
		    1);
	}
	SSL_set_fd(ssl, fd);
	served = SSL_connect(ssl) == 1 && SSL_read(ssl, &got, 1) == 1;
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	return served;
}

static void
demands_a_client_certificate_of_its_authority(void **state)
{
	struct test_ca *ca = test_ca_new(), *stranger = test_ca_new();
	const struct script_server_opts opts = {
	    .tls = ca, .tls_client_cert = true};
	struct test_cert good = test_ca_issue(ca, "client");
	struct test_cert forged = test_ca_issue(stranger, "client");
	struct script_server *s = script_server_new(&opts, stall, NULL);

	(void)state;
	assert_true(tls_ping(s, test_ca_file(ca), &good));
	assert_false(tls_ping(s, test_ca_file(ca), &forged));
	assert_false(tls_ping(s, test_ca_file(ca), NULL));
	assert_false(tls_ping(s, test_ca_file(stranger), &good));
	script_server_free(s);
	test_ca_free(ca);
	test_ca_free(stranger);
}

static void
look_at_request(struct script_conn *c, void *arg)
{
	struct script_request req;
	char *host;

	(void)arg;
	if (script_http_read(c, &req) == 0) {
		host = script_http_header(&req, "host");
		if (strcmp(req.method, "PUT") != 0 ||
		    strcmp(req.target, "/a?b") != 0 || host == NULL ||
		    strcmp(host, "h") != 0 || req.body_len != 2 ||
		    strcmp(req.body, "hi") != 0)
			script_fail(c, "read it wrongly");
		free(host);
		script_http_answer(c, 201, "ETag: x\r\n", "ok", 2);
	}
	script_http_release(&req);
}

static void
reads_and_answers_http(void **state)
{
	static const char request[] =
	    "PUT /a?b HTTP/1.1\r\nHost:  h\r\nContent-Length: 2\r\n\r\nhi";
	struct script_server *s = script_server_new(
	    NULL, look_at_request, NULL);
	int fd = dial(s);

	(void)state;
	say(fd, request);
	assert_hears(fd,
	    "HTTP/1.1 201 Scripted\r\nETag: x\r\nContent-Length: 2\r\n\r\nok");
	assert_null(script_server_failure(s));
	assert_int_equal(script_server_count(s), 1);
	assert_string_equal(script_server_record(s, 0).data, request);

	fd = dial(s);
	say(fd, "NONSENSE\r\n\r\n");
	assert_hears(fd, "");
	assert_non_null(script_server_failure(s));
	script_server_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(plays_the_script_and_records),
	    cmocka_unit_test(tells_the_first_broken_expectation),
	    cmocka_unit_test(a_peer_that_leaves_breaks_an_expectation),
	    cmocka_unit_test(holds_until_released_and_resets),
	    cmocka_unit_test(is_freed_while_scripts_stall),
	    cmocka_unit_test(closes_one_half_and_listens_on_a_unix_socket),
	    cmocka_unit_test(demands_a_client_certificate_of_its_authority),
	    cmocka_unit_test(reads_and_answers_http),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

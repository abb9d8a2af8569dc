#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/http.h"
#include "base/scope.h"
#include "tests/sim/script_http.h"
#include "tests/sim/test_ca.h"

static struct script_http_reply ok = {200, NULL, "hello"};

/* One GET with an Authorization header, by an engine of its own. */
static int
get_and_tell(
    const struct http_opts *opts, const char *url, bool *sent, struct err *err)
{
	struct scope scope = scope_root(NULL);
	struct http *http = http_new(opts, err);
	struct http_request req = {.method = "GET", .url = strdup(url)};
	struct http_response resp;
	int rc;

	*err = (struct err){0};
	assert_non_null(http);
	scope = scope_within(&scope, 20000);
	http_headers_add(&req.headers, "Authorization", "Bearer SECRET");
	rc = http_do(http, &scope, &req, &resp, err);
	if (rc == 0) {
		assert_int_equal(resp.status, 200);
		assert_string_equal(resp.body.data, "hello");
	}
	assert_null(strstr(err->text, "SECRET"));
	*sent = req.sent;
	http_response_release(&resp);
	http_request_release(&req);
	http_free(http);
	return rc;
}

static int
get_with(const struct http_opts *opts, const char *url, struct err *err)
{
	bool sent;

	return get_and_tell(opts, url, &sent, err);
}

static int
get(const char *url, const char *ca_file, struct err *err)
{
	const struct http_opts opts = {.ca_file = ca_file};

	return get_with(&opts, url, err);
}

static void
trusts_the_configured_authority_alone(void **state)
{
	struct test_ca *ca = test_ca_new(), *stranger = test_ca_new();
	const struct script_server_opts opts = {.tls = ca};
	struct script_server *s = script_server_new(
	    &opts, script_http_serve, &ok);
	char *url = script_server_url(s, "/x");
	struct err err;

	(void)state;
	assert_int_equal(get(url, test_ca_file(ca), &err), 0);
	assert_int_equal(get(url, test_ca_file(stranger), &err), -1);
	assert_int_equal(err.kind, ERR_AUTH);
	assert_non_null(strstr(err.text, "certificate"));
	assert_non_null(strstr(err.text, "--ca-file"));
	assert_int_equal(get(url, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_AUTH);
	assert_int_equal(script_server_count(s), 1);
	free(url);
	script_server_free(s);
	test_ca_free(ca);
	test_ca_free(stranger);
}

static void
refuses_a_certificate_for_another_name(void **state)
{
	struct test_ca *ca = test_ca_new();
	const struct script_server_opts opts = {
	    .tls = ca, .tls_names = "other.example.test"};
	struct script_server *s = script_server_new(
	    &opts, script_http_serve, &ok);
	char *url = script_server_url(s, "/x");
	struct err err;

	(void)state;
	assert_int_equal(get(url, test_ca_file(ca), &err), -1);
	assert_int_equal(err.kind, ERR_AUTH);
	/* The authority is right, so that is not what to change. */
	assert_null(strstr(err.text, "--ca-file"));
	assert_int_equal(script_server_count(s), 0);
	free(url);
	script_server_free(s);
	test_ca_free(ca);
}

static void
refuses_a_file_that_holds_no_authority(void **state)
{
	struct test_ca *ca = test_ca_new();
	const struct script_server_opts opts = {.tls = ca};
	struct script_server *s = script_server_new(
	    &opts, script_http_serve, &ok);
	char *url = script_server_url(s, "/x");
	struct err err;

	(void)state;
	assert_int_equal(get(url, "/dev/null", &err), -1);
	assert_int_equal(err.kind, ERR_USAGE);
	free(url);
	script_server_free(s);
	test_ca_free(ca);
}

static void
speak_plain(struct script_conn *c, void *arg)
{
	(void)arg;
	script_sends(c, "HTTP/1.1 400 Bad Request\r\n\r\n");
	script_stall(c);
}

static void
a_port_without_tls_is_a_connection_fault(void **state)
{
	struct script_server *s = script_server_new(NULL, speak_plain, NULL);
	char url[64];
	struct err err;

	(void)state;
	snprintf(
	    url, sizeof(url), "https://127.0.0.1:%d/x", script_server_port(s));
	assert_int_equal(get(url, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	script_server_free(s);
}

static void
say_nothing(struct script_conn *c, void *arg)
{
	(void)arg;
	script_stall(c);
}

static void
the_connect_timeout_covers_the_handshake(void **state)
{
	const struct http_opts opts = {.connect_timeout_ms = 80};
	struct script_server *s = script_server_new(NULL, say_nothing, NULL);
	char url[64];
	struct err err;

	(void)state;
	snprintf(
	    url, sizeof(url), "https://127.0.0.1:%d/x", script_server_port(s));
	assert_int_equal(get_with(&opts, url, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_non_null(strstr(err.text, "timeout"));
	script_server_free(s);
}

/* A proxy that is, behind its CONNECT, the origin itself. */
struct proxy {
	int status;
	struct test_cert cert;
	bool loses; /* the answer of the origin */
};

static void
proxy(struct script_conn *c, void *arg)
{
	const struct proxy *p = arg;
	struct script_request req;

	if (script_http_read(c, &req) != 0)
		goto out;
	if (strcmp(req.method, "CONNECT") != 0 ||
	    strcmp(req.target, "dr.example.test:443") != 0)
		script_fail(c, "asked for %s %s", req.method, req.target);
	script_http_release(&req);
	script_sendf(c, "HTTP/1.1 %d Proxy\r\n", p->status);
	/* What a proxy has to say does not count as the answer's. */
	for (int i = 0; i <= HTTP_HEADERS_MAX; i++)
		script_sends(c, "X-Proxy: 1\r\n");
	script_sends(
	    c, p->status == 200 ? "\r\n" : "Content-Length: 0\r\n\r\n");
	if (p->status != 200 || script_start_tls(c, &p->cert) != 0)
		goto out;
	if (!p->loses)
		script_http_serve(c, &ok);
	else if (script_http_read(c, &req) == 0)
		script_close(c);
out:
	script_http_release(&req);
}

static void
set_proxy(struct script_server *s)
{
	char url[64];

	snprintf(
	    url, sizeof(url), "http://127.0.0.1:%d", script_server_port(s));
	setenv("HTTPS_PROXY", url, 1);
}

static void
clear_proxies(void)
{
	static const char *const names[] = {"http_proxy", "HTTPS_PROXY",
	    "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
}

static void
goes_through_the_proxy_of_the_environment(void **state)
{
	struct test_ca *ca = test_ca_new();
	struct proxy p = {
	    .status = 200, .cert = test_ca_issue(ca, "dr.example.test")};
	struct script_server *s = script_server_new(NULL, proxy, &p);
	struct err err;

	(void)state;
	set_proxy(s);
	assert_int_equal(
	    get("https://dr.example.test/x", test_ca_file(ca), &err), 0);
	assert_null(script_server_failure(s));
	assert_int_equal(script_server_count(s), 2);
	assert_null(strstr(script_server_record(s, 0).data, "SECRET"));
	assert_non_null(strstr(script_server_record(s, 1).data, "SECRET"));
	clear_proxies();
	script_server_free(s);
	test_ca_free(ca);
}

static void
blame_on_proxy(int status, enum err_kind kind, const char *word)
{
	struct proxy p = {.status = status};
	struct script_server *s = script_server_new(NULL, proxy, &p);
	struct err err;
	bool sent;

	set_proxy(s);
	assert_int_equal(get_and_tell(&(struct http_opts){0},
			     "https://dr.example.test/x", &sent, &err),
	    -1);
	assert_int_equal(err.kind, kind);
	assert_non_null(strstr(err.text, word));
	/* It went to the proxy alone. */
	assert_int_equal(script_server_count(s), 1);
	assert_false(sent);
	assert_null(script_server_failure(s));
	clear_proxies();
	script_server_free(s);
}

static void
a_proxy_that_wants_credentials_is_no_connection_fault(void **state)
{
	(void)state;
	blame_on_proxy(407, ERR_AUTH, "the proxy answered 407");
	blame_on_proxy(403, ERR_AUTH, "the proxy answered 403");
	blame_on_proxy(502, ERR_TRANSIENT, "502");
}

/* Once the tunnel stands, what comes back or not is no proof of anything. */
static void
behind_a_proxy_a_lost_answer_is_one(void **state)
{
	struct test_ca *ca = test_ca_new();
	const struct http_opts opts = {.ca_file = test_ca_file(ca)};
	struct proxy p = {200, test_ca_issue(ca, "dr.example.test"), true};
	struct script_server *s = script_server_new(NULL, proxy, &p);
	struct err err;
	bool sent;

	(void)state;
	set_proxy(s);
	assert_int_equal(
	    get_and_tell(&opts, "https://dr.example.test/x", &sent, &err), -1);
	assert_null(script_server_failure(s));
	assert_int_equal(script_server_count(s), 2);
	assert_true(sent);
	clear_proxies();
	script_server_free(s);
	test_ca_free(ca);
}

static void
goes_around_the_proxy_for_hosts_in_no_proxy(void **state)
{
	struct test_ca *ca = test_ca_new();
	const struct script_server_opts opts = {.tls = ca};
	struct script_server *origin = script_server_new(
	    &opts, script_http_serve, &ok);
	struct proxy p = {.status = 502};
	struct script_server *s = script_server_new(NULL, proxy, &p);
	char *url = script_server_url(origin, "/x");
	struct err err;

	(void)state;
	set_proxy(s);
	setenv("NO_PROXY", "other.example.test,localhost", 1);
	assert_int_equal(get(url, test_ca_file(ca), &err), 0);
	assert_int_equal(script_server_connections(s), 0);
	clear_proxies();
	free(url);
	script_server_free(s);
	script_server_free(origin);
	test_ca_free(ca);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(trusts_the_configured_authority_alone),
	    cmocka_unit_test(refuses_a_certificate_for_another_name),
	    cmocka_unit_test(refuses_a_file_that_holds_no_authority),
	    cmocka_unit_test(a_port_without_tls_is_a_connection_fault),
	    cmocka_unit_test(the_connect_timeout_covers_the_handshake),
	    cmocka_unit_test(goes_through_the_proxy_of_the_environment),
	    cmocka_unit_test(
		a_proxy_that_wants_credentials_is_no_connection_fault),
	    cmocka_unit_test(behind_a_proxy_a_lost_answer_is_one),
	    cmocka_unit_test(goes_around_the_proxy_for_hosts_in_no_proxy),
	};

	clear_proxies();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

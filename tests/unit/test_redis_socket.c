/* The ways to a server, and into it, tried on a real one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/credential.h"
#include "base/err.h"
#include "base/scope.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_info.h"
#include "tests/sim/loopback.h"
#include "tests/sim/real_redis.h"
#include "tests/sim/test_ca.h"

struct world {
	struct test_ca *ca, *other_ca;
	struct real_redis *redis; /* plain, and TLS for anyone */
	struct real_redis *mutual;
	struct test_cert cert;
};

static int
build_world(void **state)
{
	static const char *const args[] = {"--user", "backup", "on", ">s3cret",
	    "+ping", "+info", "--user", "guest", "on", "nopass", "+ping",
	    "+info", "--bind", "127.0.0.1", "-::1", NULL};
	struct world *w = calloc(1, sizeof(*w));
	struct real_redis_opts opts = {.args = args};

	w->ca = test_ca_new();
	w->other_ca = test_ca_new();
	w->cert = test_ca_issue(w->ca, "drsync");
	opts.tls = w->ca;
	w->redis = real_redis_start(&opts);
	opts.args = NULL;
	opts.tls_clients = 1;
	w->mutual = real_redis_start(&opts);
	*state = w;
	return 0;
}

static int
raze_world(void **state)
{
	struct world *w = *state;

	if (w == NULL)
		return 0;
	real_redis_stop(w->redis);
	real_redis_stop(w->mutual);
	test_ca_free(w->ca);
	test_ca_free(w->other_ca);
	free(w);
	return 0;
}

static struct redis_conn *
dial(const char *url, const struct redis_opts *opts, struct err *err)
{
	struct scope scope = scope_root(NULL);
	struct redis_target t;
	struct redis_conn *c;

	*err = (struct err){0};
	if (redis_target_parse(url, &t, err) != 0)
		fail_msg("%s", err->text);
	c = redis_connect(&t.hosts[0], t.user, opts, &scope, err);
	redis_target_release(&t);
	return c;
}

static void
reaches(const char *url, const struct redis_opts *opts)
{
	struct scope scope = scope_root(NULL);
	struct redis_info info;
	struct redis_conn *c;
	struct err err;

	c = dial(url, opts, &err);
	if (c == NULL)
		fail_msg("%s", err.text);
	assert_int_equal(redis_info_get(c, &scope, &info, &err), 0);
	assert_false(info.is_replica);
	assert_int_equal(strlen(info.run_id), 40);
	assert_true(info.version_number >= 60000);
	redis_conn_free(c);
}

static void
fails(const char *url, const struct redis_opts *opts, enum err_kind kind,
    const char *text)
{
	struct redis_conn *c;
	struct err err;

	c = dial(url, opts, &err);
	assert_null(c);
	if (err.kind != kind || strstr(err.text, text) == NULL)
		fail_msg("kind %d: %s", (int)err.kind, err.text);
}

static const char *
url(char out[128], const char *scheme, const char *host, int port)
{
	snprintf(out, 128, "%s://%s:%d", scheme, host, port);
	return out;
}

static void
connects_by_tcp_name_and_unix_socket(void **state)
{
	struct world *w = *state;
	struct redis_opts opts = {0};
	struct scope scope = scope_root(NULL);
	struct redis_conn *c;
	struct err err;
	char u[128], ip[64];

	reaches(url(u, "redis", "localhost", real_redis_port(w->redis)), &opts);
	url(u, "redis", "127.0.0.1", real_redis_port(w->redis));
	c = dial(u, &opts, &err);
	assert_non_null(c);
	assert_string_equal(redis_conn_name(c), u + strlen("redis://"));
	assert_int_equal(redis_conn_peer_ip(c, ip, &err), 0);
	assert_string_equal(ip, "127.0.0.1");
	assert_int_equal(redis_conn_local_ip(c, ip, &err), 0);
	assert_string_equal(ip, "127.0.0.1");
	redis_conn_free(c);

	snprintf(u, sizeof(u), "unix://%s?db=2", real_redis_socket(w->redis));
	c = dial(u, &opts, &err);
	assert_non_null(c);
	assert_string_equal(redis_conn_name(c), real_redis_socket(w->redis));
	assert_int_equal(redis_conn_peer_ip(c, ip, &err), 0);
	assert_string_equal(ip, "");
	freeReplyObject(redis_command(c, &scope, &err, "PING"));
	redis_conn_free(c);
}

static void
connects_by_an_ipv6_address(void **state)
{
	struct world *w = *state;
	struct redis_opts opts = {0};
	struct redis_conn *c;
	struct err err;
	char u[128], ip[64];

	loopback_needs_ipv6();
	url(u, "redis", "[::1]", real_redis_port(w->redis));
	c = dial(u, &opts, &err);
	if (c == NULL)
		fail_msg("%s", err.text);
	assert_string_equal(redis_conn_name(c), u + strlen("redis://"));
	assert_int_equal(redis_conn_peer_ip(c, ip, &err), 0);
	assert_string_equal(ip, "::1");
	assert_int_equal(redis_conn_local_ip(c, ip, &err), 0);
	assert_string_equal(ip, "::1");
	redis_conn_free(c);

	/* The certificate is another address's and localhost's. */
	url(u, "rediss", "[::1]", real_redis_tls_port(w->redis));
	opts.tls.ca_file = test_ca_file(w->ca);
	fails(u, &opts, ERR_AUTH, "IP address mismatch");
	opts.tls.server_name = "localhost";
	reaches(u, &opts);
}

static void
what_is_not_there_is_unreachable(void **state)
{
	struct redis_opts opts = {0};

	(void)state;
	fails("unix:///nonexistent/redis.sock", &opts, ERR_UNREACHABLE,
	    "'/nonexistent/redis.sock': cannot connect");
	fails("redis://no-such-host.invalid", &opts, ERR_UNREACHABLE,
	    "'no-such-host.invalid:6379': the name does not resolve");
}

static void
tls_verifies_chain_and_name(void **state)
{
	struct world *w = *state;
	int port = real_redis_tls_port(w->redis);
	struct redis_opts opts = {0};
	char name[128], ip[128];

	url(name, "rediss", "localhost", port);
	url(ip, "rediss", "127.0.0.1", port);
	opts.tls.ca_file = test_ca_file(w->ca);
	reaches(name, &opts);
	reaches(ip, &opts);
	/* By address, but meant by name; and the other way round. */
	opts.tls.server_name = "localhost";
	reaches(ip, &opts);
	opts.tls.server_name = "127.0.0.1";
	reaches(name, &opts);

	opts.tls.server_name = "prod.example";
	fails(ip, &opts, ERR_AUTH, "ostname mismatch");
	opts.tls.server_name = "127.0.0.2";
	fails(ip, &opts, ERR_AUTH, "IP address mismatch");
	opts.tls.server_name = NULL;
	opts.tls.ca_file = test_ca_file(w->other_ca);
	fails(ip, &opts, ERR_AUTH, "does not verify");
	opts.tls.ca_file = NULL; /* the system's do not know it either */
	fails(ip, &opts, ERR_AUTH, "does not verify");
}

static void
tls_gives_the_client_s_certificate(void **state)
{
	struct world *w = *state;
	struct redis_opts opts = {.tls.ca_file = test_ca_file(w->ca)};
	struct test_cert stranger = test_ca_issue(w->other_ca, "stranger");
	char u[128];

	url(u, "rediss", "localhost", real_redis_tls_port(w->mutual));
	fails(u, &opts, ERR_AUTH, "refused our TLS certificate");
	opts.tls.cert_file = stranger.cert_file;
	opts.tls.key_file = stranger.key_file;
	fails(u, &opts, ERR_AUTH, "refused our TLS certificate");
	opts.tls.cert_file = w->cert.cert_file;
	fails(u, &opts, ERR_USAGE, "key");
	opts.tls.key_file = w->cert.key_file;
	reaches(u, &opts);
}

static void
unusable_tls_files_are_usage_errors(void **state)
{
	struct world *w = *state;
	struct redis_opts opts = {.tls.ca_file = "/nonexistent/ca.pem"};
	char u[128];

	url(u, "rediss", "localhost", real_redis_tls_port(w->redis));
	fails(u, &opts, ERR_USAGE, "CA file '/nonexistent/ca.pem'");
	opts.tls.ca_file = test_ca_file(w->ca);
	opts.tls.cert_file = "/nonexistent/cert.pem";
	fails(u, &opts, ERR_USAGE, "certificate '/nonexistent/cert.pem'");
	opts.tls.cert_file = w->cert.cert_file;
	opts.tls.key_file = "/nonexistent/key.pem";
	fails(u, &opts, ERR_USAGE, "key '/nonexistent/key.pem'");
}

/* A plain port answers a TLS hello with silence, by an error or a close. */
static void
tls_to_a_plain_port_fails(void **state)
{
	struct world *w = *state;
	struct redis_opts opts = {
	    .tls.ca_file = test_ca_file(w->ca),
	    .connect_timeout_ms = 300,
	};
	struct err err;
	char u[128];

	url(u, "rediss", "localhost", real_redis_port(w->redis));
	assert_null(dial(u, &opts, &err));
	assert_true(err.kind == ERR_USAGE || err.kind == ERR_TRANSIENT ||
	    err.kind == ERR_UNREACHABLE);
}

static void
authenticates_acl_users(void **state)
{
	struct world *w = *state;
	struct secret good = {0}, bad = {0};
	struct credential *right, *wrong;
	struct redis_opts opts = {0};
	char u[128];

	secret_set(&good, "s3cret", 6);
	secret_set(&bad, "oh no!", 6);
	right = credential_fixed_new(&good);
	wrong = credential_fixed_new(&bad);
	secret_release(&good);
	secret_release(&bad);
	snprintf(u, sizeof(u), "redis://backup@localhost:%d",
	    real_redis_port(w->redis));
	opts.password = right;
	reaches(u, &opts);
	opts.password = wrong;
	fails(u, &opts, ERR_AUTH, "WRONGPASS");
	/* The option goes before the URL. */
	opts.password = right;
	opts.user = "nobody";
	fails(u, &opts, ERR_AUTH, "WRONGPASS");
	right->ops->free(right);
	wrong->ops->free(wrong);
}

/* Redis takes any password from a nopass user, and so the empty one. */
static void
a_user_without_a_password_is_let_in_where_none_is_needed(void **state)
{
	struct world *w = *state;
	struct redis_opts opts = {0};
	struct scope scope = scope_root(NULL);
	struct redis_conn *c;
	struct err err;
	char u[128];

	snprintf(u, sizeof(u), "redis://guest@localhost:%d",
	    real_redis_port(w->redis));
	reaches(u, &opts);
	c = dial(u, &opts, &err);
	assert_non_null(c);
	/* As that user, and not as the default one. */
	assert_null(redis_command(c, &scope, &err, "FLUSHALL"));
	assert_string_equal(err.code, "NOPERM");
	redis_conn_free(c);

	snprintf(u, sizeof(u), "redis://backup@localhost:%d",
	    real_redis_port(w->redis));
	fails(u, &opts, ERR_AUTH, "user 'backup', without a password");
}

static void
a_missing_password_is_an_auth_failure(void **state)
{
	static const char *const args[] = {"--requirepass", "s3cret", NULL};
	struct real_redis_opts how = {.args = args};
	struct real_redis *r = real_redis_start(&how);
	struct redis_opts opts = {0};
	char u[128];

	(void)state;
	url(u, "redis", "127.0.0.1", real_redis_port(r));
	fails(u, &opts, ERR_AUTH, "NOAUTH");
	real_redis_stop(r);
}

static void
what_an_acl_withholds_is_an_auth_failure(void **state)
{
	struct world *w = *state;
	struct scope scope = scope_root(NULL);
	struct secret good = {0};
	struct redis_opts opts = {.user = "backup"};
	struct redis_conn *c;
	struct err err;
	char u[128];

	secret_set(&good, "s3cret", 6);
	opts.password = credential_fixed_new(&good);
	secret_release(&good);
	url(u, "redis", "127.0.0.1", real_redis_port(w->redis));
	c = dial(u, &opts, &err);
	assert_non_null(c);
	assert_null(redis_command(c, &scope, &err, "FLUSHALL"));
	assert_int_equal(err.kind, ERR_AUTH);
	assert_string_equal(err.code, "NOPERM");
	redis_conn_free(c);
	opts.password->ops->free(opts.password);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(connects_by_tcp_name_and_unix_socket),
	    cmocka_unit_test(connects_by_an_ipv6_address),
	    cmocka_unit_test(what_is_not_there_is_unreachable),
	    cmocka_unit_test(tls_verifies_chain_and_name),
	    cmocka_unit_test(tls_gives_the_client_s_certificate),
	    cmocka_unit_test(unusable_tls_files_are_usage_errors),
	    cmocka_unit_test(tls_to_a_plain_port_fails),
	    cmocka_unit_test(authenticates_acl_users),
	    cmocka_unit_test(
		a_user_without_a_password_is_let_in_where_none_is_needed),
	    cmocka_unit_test(a_missing_password_is_an_auth_failure),
	    cmocka_unit_test(what_an_acl_withholds_is_an_auth_failure),
	};

	return cmocka_run_group_tests(tests, build_world, raze_world);
}

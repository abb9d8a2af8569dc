#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "tests/sim/self_signed.h"
#include "tests/sim/temp_dir.h"
#include "tests/sim/token_rig.h"

#define TENANT "72f988bf-86f1-41af-91ab-2d7cd011db47"
#define CLIENT "11111111-2222-3333-4444-555555555555"

#define ENTRA_TOKEN \
	"{\"token_type\":\"Bearer\",\"expires_in\":3599," \
	"\"ext_expires_in\":3599,\"access_token\":\"" TOKEN "\"}"

static const struct token_step good = {200, NULL, IMDS_TOKEN};

static void
opened(struct token_rig *r, struct identity_opts opts)
{
	if (token_rig_open(r, opts) != 0)
		fail_msg("%s", r->err.text);
}

/* The machine's, asked at the server. */
static void
imds(struct token_rig *r, struct identity_opts opts)
{
	opts.kind = IDENTITY_IMDS;
	opts.imds = r->root;
	opened(r, opts);
}

static void
a_machines_identity_is_asked_as_its_service_wants(void **state)
{
	struct token_rig r;

	(void)state;
	token_rig_up(&r, &good, 1);
	imds(&r, (struct identity_opts){0});
	token_rig_ok(&r);
	token_rig_sent(&r, 0,
	    "GET /metadata/identity/oauth2/token?api-version=2018-02-01"
	    "&resource=https%3A%2F%2Fstorage.azure.com%2F HTTP/1.1\r\n");
	token_rig_sent(&r, 0, "Metadata: true\r\n");
	assert_int_equal(
	    r.token.expires_ms, r.clock.wall_ms + (int64_t)3599 * 1000);
	assert_string_equal(identity_name(r.identity),
	    "the managed identity of this machine (IMDS)");
	token_rig_down(&r);
}

static void
one_of_several_identities_is_named_by_one_of_its_ids(void **state)
{
	static const char resource[] = "/subscriptions/s/x y";
	const struct identity_opts which[] = {
	    {.client_id = CLIENT},
	    {.object_id = CLIENT},
	    {.resource_id = resource},
	};
	static const char *const sent[] = {"&client_id=" CLIENT " HTTP",
	    "&object_id=" CLIENT " HTTP",
	    "&msi_res_id=%2Fsubscriptions%2Fs%2Fx%20y HTTP"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct token_rig r;

		token_rig_up(&r, &good, 1);
		imds(&r, which[i]);
		token_rig_ok(&r);
		token_rig_sent(&r, 0, sent[i]);
		token_rig_down(&r);
	}
}

static void
two_ids_at_once_are_refused(void **state)
{
	struct token_rig r;

	(void)state;
	token_rig_up(&r, NULL, 0);
	assert_int_equal(
	    token_rig_open(&r,
		(struct identity_opts){
		    .kind = IDENTITY_IMDS, .client_id = "a", .object_id = "b"}),
	    -1);
	assert_int_equal(r.err.kind, ERR_USAGE);
	token_rig_down(&r);
}

/* The one of the environment is for who names none. */
static void
the_environment_names_an_identity_too(void **state)
{
	struct token_rig r;

	(void)state;
	token_rig_up(&r, &good, 1);
	token_rig_env(&r, "AZURE_CLIENT_ID", NULL, CLIENT);
	token_rig_env(&r, "AZURE_POD_IDENTITY_AUTHORITY_HOST", "/", NULL);
	opened(&r, (struct identity_opts){.kind = IDENTITY_IMDS});
	token_rig_ok(&r);
	token_rig_sent(&r, 0, "&client_id=" CLIENT " HTTP");
	token_rig_down(&r);

	token_rig_up(&r, &good, 1);
	token_rig_env(&r, "AZURE_CLIENT_ID", NULL, "another");
	imds(&r, (struct identity_opts){.object_id = CLIENT});
	token_rig_ok(&r);
	token_rig_sent(&r, 0, "storage.azure.com%2F&object_id=" CLIENT " HTTP");
	token_rig_down(&r);
}

static void
no_proxy_sees_what_is_on_this_host(void **state)
{
	struct token_rig r;

	(void)state;
	token_rig_up(&r, &good, 1);
	/* Where nobody listens: by it nothing would come. */
	token_rig_env(&r, "http_proxy", NULL, "http://127.0.0.1:1");
	imds(&r, (struct identity_opts){0});
	token_rig_ok(&r);
	token_rig_down(&r);
}

static void
passing_states_of_the_metadata_service_are_waited_for(void **state)
{
	static const struct token_step steps[] = {
	    {0, NULL, NULL},
	    {404, NULL, ""},
	    {429, "Retry-After: 7\r\n", "{\"error\":\"too_many\"}"},
	    {500, NULL, "oops"},
	    {507, NULL, ""},
	    {511, NULL, ""},
	    {200, NULL, IMDS_TOKEN},
	};
	struct token_rig r;

	(void)state;
	RIG(&r, steps);
	imds(&r, (struct identity_opts){0});
	token_rig_ok(&r);
	/* With no jitter but the least: what was asked for, and a second after
	 * each 5xx. */
	assert_int_equal(r.clock.slept_ms, 7000 + 3 * 1000);
	token_rig_down(&r);
}

/* As many as a failing service gets within that time. */
static size_t
attempts_by(int status, int64_t *took_ms)
{
	struct token_step steps[40];
	struct token_rig r;
	size_t n;

	for (size_t i = 0; i < 40; i++)
		steps[i] = (struct token_step){status, NULL, "{}"};
	RIG(&r, steps);
	r.clock.random = 0xff; /* the longest pauses, nearly */
	imds(&r, (struct identity_opts){0});
	token_rig_fails(&r, ERR_UNREACHABLE, "(IMDS)");
	n = atomic_exchange(&r.next, r.nsteps);
	*took_ms = r.clock.slept_ms;
	token_rig_down(&r);
	return n;
}

static void
a_service_that_is_renewed_gets_its_seventy_seconds(void **state)
{
	int64_t gone_ms, missing_ms;

	(void)state;
	attempts_by(410, &gone_ms);
	attempts_by(404, &missing_ms);
	assert_true(gone_ms >= 70000);
	assert_true(gone_ms <= 100000);
	assert_true(missing_ms <= 60000);
}

static void
what_is_refused_for_good_is_told_at_once(void **state)
{
	static const struct token_step steps[] = {{400, NULL,
	    "{\"error\":\"invalid_request\","
	    "\"error_description\":\"Identity not found\"}"}};
	struct token_rig r;

	(void)state;
	RIG(&r, steps);
	imds(&r, (struct identity_opts){0});
	token_rig_fails(&r, ERR_AUTH,
	    "no token for the managed identity of this machine (IMDS): the "
	    "service answered 400 invalid_request: Identity not found; assign "
	    "it to the machine, or name one that is");
	assert_int_equal(r.clock.sleeps, 0);
	assert_string_equal(r.err.code, "invalid_request");
	token_rig_down(&r);
}

static void
where_there_is_nothing_it_is_told_soon(void **state)
{
	static const struct token_step steps[] = {
	    {0, NULL, NULL}, {0, NULL, NULL}};
	struct token_rig r;

	(void)state;
	RIG(&r, steps);
	r.clock.random = 0xff;
	token_rig_env(&r, "AZURE_POD_IDENTITY_AUTHORITY_HOST", "", NULL);
	opened(&r, (struct identity_opts){0});
	token_rig_fails(&r, ERR_AUTH, "no identity here");
	assert_true(r.clock.slept_ms <= 3000);
	token_rig_down(&r);
}

/* It is given up as soon, and its 404 is not waited for. */
static void
another_clouds_metadata_service_is_none(void **state)
{
	static const struct token_step steps[] = {
	    {403, NULL, "Forbidden"},
	    {404, NULL, "<html>"},
	    {404, NULL, "<html>"},
	    {404, NULL, "{\"error\":\"not_found\"}"},
	    {200, NULL, IMDS_TOKEN},
	};
	struct token_rig r;

	(void)state;
	RIG(&r, steps);
	token_rig_env(&r, "AZURE_POD_IDENTITY_AUTHORITY_HOST", "", NULL);
	opened(&r, (struct identity_opts){0});
	token_rig_fails(&r, ERR_AUTH, "no identity here");
	assert_non_null(strstr(r.err.text, "answered 403"));
	r.clock.random = 0xff;
	token_rig_fails(&r, ERR_AUTH, "no identity here");
	assert_true(r.clock.slept_ms <= 3000);
	r.clock.random = 0;
	token_rig_ok(&r);
	token_rig_down(&r);
}

/* Once it has answered it is there, and is waited for as such. */
static void
one_that_was_found_is_waited_for(void **state)
{
	static const struct token_step steps[] = {{200, NULL, IMDS_TOKEN},
	    {0, NULL, NULL}, {0, NULL, NULL}, {0, NULL, NULL}, {0, NULL, NULL},
	    {0, NULL, NULL}, {200, NULL, IMDS_TOKEN}};
	struct token_rig r;

	(void)state;
	RIG(&r, steps);
	token_rig_env(&r, "AZURE_POD_IDENTITY_AUTHORITY_HOST", "", NULL);
	opened(&r, (struct identity_opts){0});
	token_rig_ok(&r);
	r.clock.random = 0x55;
	token_rig_ok(&r);
	assert_true(r.clock.slept_ms > 3000);
	token_rig_down(&r);
}

static void
app_service_is_asked_as_it_wants(void **state)
{
	static const struct token_step steps[] = {
	    {200, NULL,
		"{\"access_token\":\"" TOKEN "\",\"expires_on\":\"4600\","
		"\"resource\":\"r\",\"token_type\":\"Bearer\","
		"\"client_id\":\"c\"}"},
	    {500, NULL,
		"{\"statusCode\":500,\"message\":\"no secret-header\"}"},
	    {400, NULL, "{\"statusCode\":400,\"message\":\"No managed id\"}"},
	};
	struct token_rig r;

	(void)state;
	RIG(&r, steps);
	token_rig_env(&r, "IDENTITY_ENDPOINT", "/msi/token", NULL);
	token_rig_env(&r, "IDENTITY_HEADER", NULL, "secret-header");
	opened(&r, (struct identity_opts){.resource_id = "/subscriptions/s"});
	r.clock.wall_ms = 1000 * 1000;
	token_rig_ok(&r);
	assert_int_equal(r.token.expires_ms, 4600 * 1000);
	token_rig_sent(&r, 0,
	    "GET /msi/token?api-version=2019-08-01"
	    "&resource=https%3A%2F%2Fstorage.azure.com%2F"
	    "&mi_res_id=%2Fsubscriptions%2Fs HTTP/1.1\r\n");
	token_rig_sent(&r, 0, "X-IDENTITY-HEADER: secret-header\r\n");
	token_rig_fails(&r, ERR_AUTH, "answered 400: No managed id");
	token_rig_down(&r);
}

static void
app_service_wants_both_of_its_variables(void **state)
{
	struct token_rig r;

	(void)state;
	token_rig_up(&r, NULL, 0);
	token_rig_env(&r, "IDENTITY_ENDPOINT", "/msi", NULL);
	assert_int_equal(
	    token_rig_open(
		&r, (struct identity_opts){.kind = IDENTITY_APP_SERVICE}),
	    -1);
	assert_int_equal(r.err.kind, ERR_USAGE);
	token_rig_down(&r);
}

struct principal {
	struct token_rig r;
	struct identity_opts opts;
	struct secret secret;
};

static void
principal_up(struct principal *p, const struct token_step *steps, size_t n)
{
	*p = (struct principal){0};
	token_rig_up(&p->r, steps, n);
	secret_set(&p->secret, "secret-& more", 13);
	p->opts.tenant = TENANT;
	p->opts.client_id = CLIENT;
}

static void
principal_down(struct principal *p)
{
	secret_release(&p->secret);
	token_rig_down(&p->r);
}

static void
a_service_principal_proves_itself_by_its_secret(void **state)
{
	static const struct token_step steps[] = {{200, NULL, ENTRA_TOKEN}};
	struct principal p;

	(void)state;
	principal_up(&p, steps, 1);
	p.opts.kind = IDENTITY_SECRET;
	p.opts.secret = &p.secret;
	opened(&p.r, p.opts);
	token_rig_ok(&p.r);
	token_rig_sent(
	    &p.r, 0, "POST /" TENANT "/oauth2/v2.0/token HTTP/1.1\r\n");
	token_rig_sent(
	    &p.r, 0, "Content-Type: application/x-www-form-urlencoded\r\n");
	token_rig_sent(&p.r, 0,
	    "\r\n\r\ngrant_type=client_credentials&client_id=" CLIENT
	    "&scope=https%3A%2F%2Fstorage.azure.com%2F.default"
	    "&client_secret=secret-%26%20more");
	principal_down(&p);
}

#define FIFTY "12345678901234567890123456789012345678901234567890"

/* The words of Entra without what it adds to them; never what was sent. */
static void
what_entra_says_is_told(void **state)
{
	static const struct token_step steps[] = {
	    {401, NULL,
		"{\"error\":\"invalid_client\",\"error_description\":"
		"\"AADSTS7000215: Invalid client secret provided. Ensure it "
		"is the value.\\r\\nTrace ID: t\\r\\nCorrelation ID: c\","
		"\"error_codes\":[7000215],\"trace_id\":\"t-1\","
		"\"correlation_id\":\"c-22\"}"},
	    {400, NULL,
		"{\"error\":\"invalid_request\",\"error_description\":"
		"\"you sent 'secret-& more' Trace ID: x\"}"},
	    {400, NULL,
		"{\"error\":\"invalid_request\",\"error_description\":"
		"\"you sent client_id=x&proof=secret-%26%20more\"}"},
	    /* Of which only so much is shown. */
	    {400, NULL,
		"{\"error\":\"invalid_request\",\"error_description\":\"" FIFTY
		    FIFTY FIFTY FIFTY
		"you sent it at twenty past twenty, and so "
		"it was secret-& more\"}"},
	    {503, NULL, "{\"error\":\"temporarily_unavailable\"}"},
	    {400, NULL, "{\"error\":\"temporarily_unavailable\"}"},
	    {403, NULL, "<html>a proxy</html>"},
	};
	struct principal p;

	(void)state;
	principal_up(&p, steps, 7);
	p.opts.kind = IDENTITY_SECRET;
	p.opts.secret = &p.secret;
	opened(&p.r, p.opts);
	assert_int_equal(token_rig_get(&p.r), -1);
	assert_int_equal(p.r.err.kind, ERR_AUTH);
	assert_string_equal(p.r.err.code, "invalid_client");
	assert_string_equal(p.r.err.request_id, "c-22");
	assert_string_equal(p.r.err.text,
	    "no token for the service principal " CLIENT " (by its secret): "
	    "the service answered 401 invalid_client: AADSTS7000215: Invalid "
	    "client secret provided. Ensure it is the value (correlation id "
	    "c-22)");
	for (int i = 0; i < 3; i++)
		token_rig_fails(&p.r, ERR_AUTH, "answered 400");
	token_rig_fails(&p.r, ERR_AUTH, "answered 403");
	p.r.err = (struct err){0};
	principal_down(&p);
}

static void
a_federated_token_is_read_again_each_time(void **state)
{
	static const struct token_step steps[] = {
	    {200, NULL, ENTRA_TOKEN}, {200, NULL, ENTRA_TOKEN}};
	struct temp_dir dir;
	struct principal p;
	char path[300];
	FILE *f;

	(void)state;
	temp_dir_make(&dir);
	snprintf(path, sizeof(path), "%s/token", dir.path);
	principal_up(&p, steps, 2);
	token_rig_env(&p.r, "AZURE_FEDERATED_TOKEN_FILE", NULL, path);
	opened(&p.r, p.opts);
	token_rig_fails(&p.r, ERR_USAGE, "No such file");
	for (int i = 0; i < 2; i++) {
		f = fopen(path, "w");
		assert_non_null(f);
		fprintf(f, "jwt-%d\n", i);
		fclose(f);
		token_rig_ok(&p.r);
	}
	token_rig_sent(&p.r, 0, "&client_assertion=jwt-0");
	token_rig_sent(&p.r, 0,
	    "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3A"
	    "client-assertion-type%3Ajwt-bearer&");
	token_rig_sent(&p.r, 1, "&client_assertion=jwt-1");
	principal_down(&p);
	temp_dir_remove(&dir);
}

static void
a_certificate_is_read_at_each_fetch_with_its_key(void **state)
{
	static const struct token_step steps[] = {{200, NULL, ENTRA_TOKEN}};
	EVP_PKEY *key = EVP_RSA_gen(2048);
	X509 *cert = self_signed(key);
	struct temp_dir dir;
	struct principal p;
	char path[300];

	(void)state;
	temp_dir_make(&dir);
	snprintf(path, sizeof(path), "%s/both.pem", dir.path);
	principal_up(&p, steps, 1);
	p.opts.certificate = path;
	opened(&p.r, p.opts);
	token_rig_fails(&p.r, ERR_USAGE, "both.pem': No such file");
	self_signed_write(path, key, cert, NULL);
	token_rig_ok(&p.r);
	token_rig_sent(&p.r, 0, "&client_assertion=eyJ");
	principal_down(&p);
	temp_dir_remove(&dir);
	X509_free(cert);
	EVP_PKEY_free(key);
}

/* The order in which they are looked for. */
static void
the_environment_tells_the_kind(void **state)
{
	static const struct {
		const char *name, *value;
		const char *kind;
	} added[] = {
	    {"AZURE_CLIENT_ID", CLIENT, "(IMDS)"},
	    {"IDENTITY_ENDPOINT", "http://127.0.0.1:1", "(IMDS)"},
	    {"IMDS_ENDPOINT", "http://127.0.0.1:1", "(Azure Arc)"},
	    {"IDENTITY_HEADER", "h", "(App Service)"},
	    {"AZURE_FEDERATED_TOKEN_FILE", "/f", "(App Service)"},
	    {"AZURE_TENANT_ID", TENANT, "(federated)"},
	    {"AZURE_CLIENT_CERTIFICATE_PATH", "/c", "(by its certificate)"},
	    {"AZURE_CLIENT_SECRET", "x", "(by its secret)"},
	};
	struct err err = {0};
	struct token_rig r;

	(void)state;
	token_rig_up(&r, NULL, 0);
	for (size_t i = 0; i < sizeof(added) / sizeof(added[0]); i++) {
		struct identity_opts opts = {.cloud = &r.cloud};
		struct credential *c;

		token_rig_env(&r, added[i].name, NULL, added[i].value);
		c = identity_open(&opts, NULL, &err);
		if (c == NULL)
			fail_msg("%s: %s", added[i].name, err.text);
		if (strstr(identity_name(c), added[i].kind) == NULL)
			fail_msg("%s: %s", added[i].name, identity_name(c));
		c->ops->free(c);
	}
	token_rig_down(&r);
}

static void
what_a_kind_lacks_is_named(void **state)
{
	static const struct {
		struct identity_opts opts;
		const char *says;
	} lacking[] = {
	    {{.kind = IDENTITY_SECRET}, "AZURE_CLIENT_SECRET"},
	    {{.kind = IDENTITY_CERTIFICATE}, "AZURE_CLIENT_CERTIFICATE_PATH"},
	    {{.kind = IDENTITY_FEDERATED}, "AZURE_FEDERATED_TOKEN_FILE"},
	    {{.kind = IDENTITY_CERTIFICATE, .certificate = "/x"},
		"AZURE_TENANT_ID"},
	    {{.kind = IDENTITY_CERTIFICATE,
		 .certificate = "/x",
		 .tenant = TENANT},
		"AZURE_CLIENT_ID"},
	    {{.kind = IDENTITY_CERTIFICATE,
		 .certificate = "/x",
		 .tenant = "../x",
		 .client_id = "x"},
		"'../x' is no tenant"},
	    {{.kind = IDENTITY_CERTIFICATE,
		 .certificate = "/x",
		 .tenant = TENANT,
		 .client_id = "x",
		 .login = "http://login.example.net"},
		"must be https"},
	    {{.kind = IDENTITY_TOKEN}, "none is"},
	    {{.kind = IDENTITY_ARC, .client_id = "x"}, ""},
	};
	struct token_rig r;

	(void)state;
	token_rig_up(&r, NULL, 0);
	for (size_t i = 0; i < sizeof(lacking) / sizeof(lacking[0]); i++) {
		struct identity_opts opts = lacking[i].opts;
		struct err err = {0};

		opts.cloud = &r.cloud;
		assert_null(identity_open(&opts, NULL, &err));
		if (strstr(err.text, lacking[i].says) == NULL)
			fail_msg("'%s': %s", lacking[i].says, err.text);
		assert_int_equal(err.kind,
		    opts.kind == IDENTITY_ARC ? ERR_UNSUPPORTED : ERR_USAGE);
	}
	token_rig_down(&r);
}

static void
a_token_that_is_given_is_given(void **state)
{
	struct secret token = {0};
	struct token_rig r;

	(void)state;
	token_rig_up(&r, NULL, 0);
	secret_set(&token, TOKEN, strlen(TOKEN));
	opened(&r,
	    (struct identity_opts){.kind = IDENTITY_TOKEN, .secret = &token});
	token_rig_ok(&r);
	assert_true(r.token.expires_ms == INT64_MAX);
	secret_release(&token);
	token_rig_down(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_machines_identity_is_asked_as_its_service_wants),
	    cmocka_unit_test(
		one_of_several_identities_is_named_by_one_of_its_ids),
	    cmocka_unit_test(two_ids_at_once_are_refused),
	    cmocka_unit_test(the_environment_names_an_identity_too),
	    cmocka_unit_test(no_proxy_sees_what_is_on_this_host),
	    cmocka_unit_test(
		passing_states_of_the_metadata_service_are_waited_for),
	    cmocka_unit_test(
		a_service_that_is_renewed_gets_its_seventy_seconds),
	    cmocka_unit_test(what_is_refused_for_good_is_told_at_once),
	    cmocka_unit_test(where_there_is_nothing_it_is_told_soon),
	    cmocka_unit_test(another_clouds_metadata_service_is_none),
	    cmocka_unit_test(one_that_was_found_is_waited_for),
	    cmocka_unit_test(app_service_is_asked_as_it_wants),
	    cmocka_unit_test(app_service_wants_both_of_its_variables),
	    cmocka_unit_test(a_service_principal_proves_itself_by_its_secret),
	    cmocka_unit_test(what_entra_says_is_told),
	    cmocka_unit_test(a_federated_token_is_read_again_each_time),
	    cmocka_unit_test(a_certificate_is_read_at_each_fetch_with_its_key),
	    cmocka_unit_test(the_environment_tells_the_kind),
	    cmocka_unit_test(what_a_kind_lacks_is_named),
	    cmocka_unit_test(a_token_that_is_given_is_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

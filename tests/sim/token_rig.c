#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/http.h"
#include "tests/sim/script_http.h"

#include "tests/sim/token_rig.h"

static void
follow(struct script_conn *c, void *arg)
{
	struct token_rig *r = arg;
	struct script_request request;
	int rc = 0;

	while (rc == 0 && script_http_read(c, &request) == 0) {
		size_t i = atomic_fetch_add(&r->next, 1);
		const struct token_step *s = &r->steps[i];

		if (i >= r->nsteps) {
			rc = script_fail(c, "not expected: %s", request.head);
		} else if (s->status == 0) {
			script_close(c);
			rc = -1;
		} else {
			rc = script_http_answer(
			    c, s->status, s->headers, s->body, strlen(s->body));
		}
		script_http_release(&request);
	}
	script_http_release(&request);
}

static void
clear_environment(void)
{
	static const char *const names[] = {"AZURE_TENANT_ID",
	    "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET",
	    "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE",
	    "AZURE_AUTHORITY_HOST", "AZURE_POD_IDENTITY_AUTHORITY_HOST",
	    "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IMDS_ENDPOINT",
	    "IDENTITY_SERVER_THUMBPRINT", "http_proxy"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
}

void
token_rig_up(struct token_rig *r, const struct token_step *steps, size_t n)
{
	struct err err = {0};
	char *root;

	*r = (struct token_rig){.steps = steps, .nsteps = n};
	clear_environment();
	atomic_init(&r->next, 0);
	r->server = script_server_new(NULL, follow, r);
	root = script_server_url(r->server, "");
	snprintf(r->root, sizeof(r->root), "%s", root);
	free(root);
	r->scope = fake_clock_init(&r->clock);
	r->cloud = *cloud_find("public", &err);
	r->cloud.login = r->root;
}

void
token_rig_env(
    struct token_rig *r, const char *name, const char *path, const char *text)
{
	char value[256];

	if (path != NULL)
		snprintf(value, sizeof(value), "%s%s", r->root, path);
	setenv(name, path != NULL ? value : text, 1);
}

int
token_rig_open(struct token_rig *r, struct identity_opts opts)
{
	static const struct http_opts none;

	r->http = http_new(&none, &r->err);
	assert_non_null(r->http);
	opts.cloud = &r->cloud;
	r->identity = identity_open(&opts, r->http, &r->err);
	return r->identity != NULL ? 0 : -1;
}

int
token_rig_get(struct token_rig *r)
{
	secret_release(&r->token.value);
	r->err = (struct err){0};
	return r->identity->ops->get(
	    r->identity, &r->scope, RESOURCE, &r->token, &r->err);
}

void
token_rig_down(struct token_rig *r)
{
	if (r->identity != NULL)
		r->identity->ops->free(r->identity);
	secret_release(&r->token.value);
	http_free(r->http);
	assert_null(script_server_failure(r->server));
	assert_int_equal(atomic_load(&r->next), r->nsteps);
	script_server_free(r->server);
	assert_null(strstr(r->err.text, "secret-"));
	clear_environment();
}

void
token_rig_ok(struct token_rig *r)
{
	if (token_rig_get(r) != 0)
		fail_msg("%s", r->err.text);
	assert_string_equal(r->token.value.data, TOKEN);
}

void
token_rig_fails(struct token_rig *r, enum err_kind kind, const char *says)
{
	assert_int_equal(token_rig_get(r), -1);
	assert_null(r->token.value.data);
	if (r->err.kind != kind || strstr(r->err.text, says) == NULL)
		fail_msg("kind %s, wanted %s with '%s': '%s'",
		    err_kind_name(r->err.kind), err_kind_name(kind), says,
		    r->err.text);
	assert_null(strstr(r->err.text, "secret-"));
}

void
token_rig_sent(struct token_rig *r, size_t i, const char *text)
{
	struct script_record record = script_server_record(r->server, i);

	if (strstr(record.data, text) == NULL)
		fail_msg("request %zu has no '%s': %s", i, text, record.data);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arm/arm_client.h"
#include "base/buf.h"
#include "base/credential.h"
#include "base/http.h"
#include "base/journal.h"
#include "base/xalloc.h"
#include "tests/sim/script_http.h"

#include "tests/sim/arm_rig.h"

#define TEXT_MAX ((size_t)4 << 20)

struct counting {
	struct credential base;
	atomic_uint tokens, forgotten;
};

static int
counting_get(struct credential *c, const struct scope *scope,
    const char *resource, struct token *token, struct err *err)
{
	struct counting *k = (struct counting *)c;
	char text[] = ARM_TOKEN;

	(void)scope;
	(void)err;
	assert_non_null(strstr(resource, "http://127.0.0.1:"));
	/* One that is asked for again is another. */
	text[strlen(text) - 1] += (char)atomic_load(&k->forgotten);
	atomic_fetch_add(&k->tokens, 1);
	*token = (struct token){.expires_ms = INT64_MAX};
	secret_set(&token->value, text, strlen(text));
	return 0;
}

static void
counting_forget(struct credential *c, const char *resource)
{
	(void)resource;
	atomic_fetch_add(&((struct counting *)c)->forgotten, 1);
}

static void
counting_free(struct credential *c)
{
	free(c);
}

static const struct credential_ops counting_ops = {
    .get = counting_get,
    .forget = counting_forget,
    .free = counting_free,
};

unsigned
arm_rig_tokens(const struct arm_rig *r)
{
	return atomic_load(&((struct counting *)r->credential)->tokens);
}

unsigned
arm_rig_forgotten(const struct arm_rig *r)
{
	return atomic_load(&((struct counting *)r->credential)->forgotten);
}

/* With the server's URL for "{host}". */
static char *
with_host(struct arm_rig *r, const char *text)
{
	char *host = script_server_url(r->server, "");
	const char *p = text != NULL ? text : "";
	const char *at;
	struct buf b;

	buf_init(&b, TEXT_MAX);
	for (; (at = strstr(p, "{host}")) != NULL; p = at + strlen("{host}")) {
		buf_add(&b, p, (size_t)(at - p));
		buf_adds(&b, host);
	}
	buf_adds(&b, p);
	free(host);
	return buf_take(&b);
}

static int
answer(struct script_conn *c, struct arm_rig *r, const struct arm_step *s)
{
	char *headers = with_host(r, s->headers);
	char *body = with_host(r, s->body);
	int rc = -1;

	switch (s->how) {
	case ARM_RESET:
		script_reset(c);
		break;
	case ARM_STALL:
		script_stall(c);
		break;
	case ARM_CUT:
		script_sendf(c,
		    "HTTP/1.1 %d Cut\r\nContent-Length: 100000\r\n%s\r\n%s",
		    s->status, headers, body);
		script_close(c);
		break;
	case ARM_ANSWER:
		rc = script_http_answer(
		    c, s->status, headers, body, strlen(body));
		break;
	}
	free(headers);
	free(body);
	return rc;
}

static int
take(struct script_conn *c, struct arm_rig *r, const struct arm_step *s,
    const struct script_request *request)
{
	char line[8300];

	snprintf(line, sizeof(line), "%s %s", request->method, request->target);
	if (s->wants != NULL && fnmatch(s->wants, line, 0) != 0)
		return script_fail(c, "'%s' is not '%s'", line, s->wants);
	return answer(c, r, s);
}

static void
follow(struct script_conn *c, void *arg)
{
	struct arm_rig *r = arg;
	struct script_request request;
	int rc = 0;

	while (rc == 0 && script_http_read(c, &request) == 0) {
		size_t i = atomic_fetch_add(&r->next, 1);

		if (i < r->nsteps)
			rc = take(c, r, atomic_load(&r->steps) + i, &request);
		else
			rc = script_fail(c, "not expected: %s", request.head);
		script_http_release(&request);
	}
	script_http_release(&request);
}

void
arm_rig_up(struct arm_rig *r, const struct arm_step *steps, size_t n)
{
	const struct http_opts http = {.stall_timeout_ms = 2000};
	struct arm_client_opts opts = {0};
	struct counting *k = xcalloc(1, sizeof(*k));
	char *endpoint;

	*r = (struct arm_rig){.steps = steps, .nsteps = n};
	k->base.ops = &counting_ops;
	r->credential = &k->base;
	r->scope = fake_clock_init(&r->clock);
	r->clock.wall_ms = INT64_C(1795242469000);
	r->server = script_server_new(NULL, follow, r);
	r->http = http_new(&http, &r->err);
	assert_non_null(r->http);
	endpoint = script_server_url(r->server, "");
	opts.http = r->http;
	opts.credential = r->credential;
	opts.endpoint = endpoint;
	r->client = arm_client_new(&opts, &r->err);
	assert_non_null(r->client);
	free(endpoint);
	r->journal = journal_memory_new();
}

void
arm_rig_then(struct arm_rig *r, const struct arm_step *steps, size_t n)
{
	assert_int_equal(atomic_load(&r->next), r->nsteps);
	atomic_store(&r->steps, steps);
	atomic_store(&r->nsteps, n);
	atomic_store(&r->next, 0);
}

void
arm_rig_down(struct arm_rig *r)
{
	static const char *const secrets[] = {
	    "secret-token", "SECRET", "Bearer"};

	if (script_server_failure(r->server) != NULL)
		fail_msg("%s", script_server_failure(r->server));
	assert_int_equal(atomic_load(&r->next), r->nsteps);
	for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets); i++)
		assert_null(strstr(r->err.text, secrets[i]));
	arm_client_free(r->client);
	r->credential->ops->free(r->credential);
	journal_memory_free(r->journal);
	http_free(r->http);
	script_server_free(r->server);
}

void
arm_rig_ok(struct arm_rig *r, int rc)
{
	if (rc != 0)
		fail_msg(
		    "kind %s: %s", err_kind_name(r->err.kind), r->err.text);
}

void
arm_rig_fails(struct arm_rig *r, int rc, enum err_kind kind, const char *says)
{
	assert_int_equal(rc, -1);
	if (r->err.kind != kind || strstr(r->err.text, says) == NULL)
		fail_msg("kind %s, not %s with '%s': %s",
		    err_kind_name(r->err.kind), err_kind_name(kind), says,
		    r->err.text);
}

bool
arm_rig_has_sent(struct arm_rig *r, size_t i, const char *text)
{
	return strstr(script_server_record(r->server, i).data, text) != NULL;
}

void
arm_rig_sent(struct arm_rig *r, size_t i, const char *text)
{
	if (!arm_rig_has_sent(r, i, text))
		fail_msg("no '%s' in '%s'", text,
		    script_server_record(r->server, i).data);
}

unsigned
arm_rig_connections(struct arm_rig *r)
{
	return script_server_connections(r->server);
}

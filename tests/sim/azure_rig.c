#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/chunk.h"
#include "base/credential.h"
#include "base/err.h"
#include "base/http.h"
#include "base/scope.h"
#include "base/secret.h"
#include "storage/store.h"
#include "storage/store_open.h"

#include "tests/sim/script_http.h"

#include "tests/sim/azure_rig.h"

static int
take(struct script_conn *c, const struct azure_step *s)
{
	const char *body = s->body != NULL ? s->body : "";

	switch (s->how) {
	case RESET:
		script_reset(c);
		return -1;
	case STALL:
		script_stall(c);
		return -1;
	case CUT:
		script_sendf(c,
		    "HTTP/1.1 %d Cut\r\nContent-Length: 1000\r\n%s"
		    "\r\n%s",
		    s->status, s->headers != NULL ? s->headers : "", body);
		script_close(c);
		return -1;
	case ANSWER:
		break;
	}
	return script_http_answer(c, s->status, s->headers, body, strlen(body));
}

static void
follow(struct script_conn *c, void *arg)
{
	struct azure_rig *r = arg;
	struct script_request request;
	int rc = 0;

	while (rc == 0 && script_http_read(c, &request) == 0) {
		size_t i = atomic_fetch_add(&r->next, 1);

		if (i < r->nsteps)
			rc = take(c, &r->steps[i]);
		else
			rc = script_fail(c, "not expected: %s", request.head);
		script_http_release(&request);
	}
	script_http_release(&request);
}

static struct store *
open_store(struct azure_rig *r, struct store_opts *opts)
{
	char *url = script_server_url(r->server, "/acct/cont/pre%20fix");
	struct store *s;

	opts->http = r->http;
	s = store_open(url, opts, &r->err);
	if (s == NULL)
		fail_msg("%s", r->err.text);
	free(url);
	return s;
}

void
azure_rig_up(struct azure_rig *r, const struct azure_step *steps, size_t n)
{
	const struct http_opts http = {.stall_timeout_ms = 300};
	struct secret key = {
	    .data = (char *)AZURE_RIG_KEY, .len = strlen(AZURE_RIG_KEY)};
	struct store_opts opts = {.key = &key};

	*r = (struct azure_rig){.steps = steps, .nsteps = n};
	r->scope = fake_clock_init(&r->clock);
	r->clock.wall_ms = INT64_C(1795242469000);
	r->scope = scope_within(&r->scope, 100000);
	r->server = script_server_new(NULL, follow, r);
	r->http = http_new(&http, &r->err);
	assert_non_null(r->http);
	r->store = open_store(r, &opts);
}

/* Every step was taken, and no error holds a secret. */
void
azure_rig_down(struct azure_rig *r)
{
	static const char *const secrets[] = {
	    AZURE_RIG_KEY, "c2VjcmV0", TOKEN, "SharedKey ", "Bearer "};

	if (script_server_failure(r->server) != NULL)
		fail_msg("%s", script_server_failure(r->server));
	assert_int_equal(atomic_load(&r->next), r->nsteps);
	for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets); i++)
		assert_null(strstr(r->err.text, secrets[i]));
	store_free(r->store);
	http_free(r->http);
	script_server_free(r->server);
}

void
azure_rig_ok(struct azure_rig *r, int rc)
{
	if (rc != 0)
		fail_msg("kind %d: %s", r->err.kind, r->err.text);
}

void
azure_rig_fails(
    struct azure_rig *r, int rc, enum err_kind kind, const char *says)
{
	assert_int_equal(rc, -1);
	if (r->err.kind != kind || strstr(r->err.text, says) == NULL)
		fail_msg("kind %d, not %d: %s", r->err.kind, kind, r->err.text);
}

bool
azure_rig_has_sent(struct azure_rig *r, size_t i, const char *text)
{
	return strstr(script_server_record(r->server, i).data, text) != NULL;
}

void
azure_rig_sent(struct azure_rig *r, size_t i, const char *text)
{
	if (!azure_rig_has_sent(r, i, text))
		fail_msg("no '%s' in '%s'", text,
		    script_server_record(r->server, i).data);
}

/* The value of a header of request i, to be freed. */
char *
azure_rig_header(struct azure_rig *r, size_t i, const char *name)
{
	const char *at = strstr(script_server_record(r->server, i).data, name);

	assert_non_null(at);
	at += strlen(name) + 2;
	return strndup(at, strcspn(at, "\r"));
}

const struct block_id azure_rig_ids[2] = {
    {"0123456789abcdef00000000"}, {"0123456789abcdef00000001"}};

int
azure_rig_stage(struct azure_rig *r)
{
	struct chunk *chunks[] = {chunk_view("hel", 3), chunk_view("lo", 2)};
	int rc;

	r->err = (struct err){0};
	rc = r->store->ops->stage(r->store, &r->scope, "a+b/\xc3\xa9?#%",
	    &azure_rig_ids[0], chunks, 2, &r->err);
	chunk_unref(chunks[0]);
	chunk_unref(chunks[1]);
	return rc;
}

int
azure_rig_stat(struct azure_rig *r)
{
	struct blob_props props;

	r->err = (struct err){0};
	return r->store->ops->stat(
	    r->store, &r->scope, "blob", &props, &r->err);
}

int
azure_rig_commit(struct azure_rig *r)
{
	const struct commit_opts opts = {
	    .cond.if_absent = true,
	    .content_type = "application/gzip",
	    .md5 = (const unsigned char *)"0123456789abcdef",
	};

	r->err = (struct err){0};
	return r->store->ops->commit(r->store, &r->scope, "blob", azure_rig_ids,
	    2, &opts, NULL, &r->err);
}

void
azure_rig_reopen(struct azure_rig *r, struct store_opts opts)
{
	store_free(r->store);
	r->store = open_store(r, &opts);
}

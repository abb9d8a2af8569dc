#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/chunk.h"
#include "base/credential.h"
#include "base/err.h"
#include "base/http.h"
#include "base/json.h"
#include "base/retry.h"
#include "base/scope.h"
#include "base/secret.h"
#include "base/xalloc.h"

#include "arm/arm_client.h"
#include "arm/arm_error.h"
#include "arm/arm_host.h"

#define ANSWER_MAX	   ((size_t)1 << 20) /* http's own */
#define TIMEOUT_DEFAULT_MS 60000

/*
 * The service fills up 10 to 25 requests a second (2024) and refuses whoever
 * has none left, for longer than this; others of the subscription use them up
 * as well.
 */
#define FEW_LEFT  10
#define PAUSE_MS  1000
#define REMAINING "x-ms-ratelimit-remaining-"

struct arm_client {
	struct http *http;
	struct credential *credential;
	struct arm_host host;
	char *endpoint; /* without a slash at its end */
	char *audience;
	atomic_llong calm_until_ms; /* of the scopes' clock */
};

struct arm_client *
arm_client_new(const struct arm_client_opts *opts, struct err *err)
{
	size_t len = strlen(opts->endpoint);
	struct arm_client *c;
	struct arm_host host;
	struct buf audience;

	if (arm_host_init(&host, opts->endpoint, err) != 0)
		return NULL;
	c = xcalloc(1, sizeof(*c));
	c->http = opts->http;
	c->credential = opts->credential;
	c->host = host;
	c->endpoint = xstrdup(opts->endpoint);
	if (c->endpoint[len - 1] == '/')
		c->endpoint[len - 1] = '\0';
	buf_init(&audience, URL_MAX + 1);
	if (opts->audience != NULL)
		buf_adds(&audience, opts->audience);
	else
		buf_addf(&audience, "%s/", c->endpoint);
	c->audience = buf_take(&audience);
	return c;
}

void
arm_client_free(struct arm_client *c)
{
	if (c == NULL)
		return;
	arm_host_release(&c->host);
	free(c->endpoint);
	free(c->audience);
	free(c);
}

bool
arm_client_trusts(const struct arm_client *c, const char *url)
{
	return arm_host_trusts(&c->host, url);
}

static void
wipe(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
}

static void
wipe_json(cJSON *value)
{
	cJSON *item;

	for (item = value; item != NULL; item = item->next) {
		wipe(item->valuestring);
		wipe_json(item->child);
	}
}

void
arm_body_take(struct secret *body, cJSON *root)
{
	char *text = json_format_line(root);

	secret_set(body, text, strlen(text));
	wipe(text);
	free(text);
	wipe_json(root);
	cJSON_Delete(root);
}

void
arm_answer_release(struct arm_answer *a)
{
	wipe_json(a->body);
	cJSON_Delete(a->body);
	free(a->etag);
	free(a->operation_url);
	free(a->location);
	*a = (struct arm_answer){0};
}

/* One attempt, with what it needs and what came of it. */
struct attempt {
	struct arm_client *client;
	struct arm_request *request;
	struct http_request http;
	struct http_response response;
	char id[37]; /* by which the support may find one without an answer */
};

/* RFC 9562, version 4. */
static void
draw_id(const struct scope *scope, char out[37])
{
	unsigned char b[16];

	scope_random(scope, b, sizeof(b));
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	snprintf(out, 37,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
	    "%02x%02x%02x%02x%02x%02x",
	    b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10],
	    b[11], b[12], b[13], b[14], b[15]);
}

static void
build(struct attempt *a, const struct scope *scope, struct chunk **body)
{
	const struct arm_request *r = a->request;
	struct http_headers *h = &a->http.headers;
	struct buf url;

	a->http.method = r->method;
	a->http.fresh_connection = r->once;
	buf_init(&url, 2 * URL_MAX);
	if (r->url != NULL)
		buf_adds(&url, r->url);
	else
		buf_addf(&url, "%s%s?api-version=%s", a->client->endpoint,
		    r->path, r->api_version);
	a->http.url = buf_take(&url);
	http_headers_add(h, "Accept", "application/json");
	if (r->if_match != NULL)
		http_headers_add(h, "If-Match", r->if_match);
	if (r->if_none_match != NULL)
		http_headers_add(h, "If-None-Match", r->if_none_match);
	draw_id(scope, a->id);
	http_headers_add(h, "x-ms-client-request-id", a->id);
	if (r->body != NULL) {
		http_headers_add(h, "Content-Type", "application/json");
		*body = chunk_view(r->body->data, r->body->len);
		a->http.body = body;
		a->http.nbody = 1;
	}
}

static void
forget_token_text(struct http_headers *h)
{
	for (size_t i = 0; i < h->n; i++)
		if (strcasecmp(h->list[i].name, "Authorization") == 0)
			wipe(h->list[i].value);
}

static int
authorize(struct attempt *a, const struct scope *scope, struct err *err)
{
	struct credential *c = a->client->credential;
	struct token token = {0};
	struct secret bearer = {0};
	struct buf text;

	if (c->ops->get(c, scope, a->client->audience, &token, err) != 0)
		return err_in(err, "%s", a->request->doing);
	buf_init(&text, SECRET_MAX + 16);
	buf_addf(&text, "Bearer %s", token.value.data);
	secret_release(&token.value);
	secret_set(&bearer, text.data, text.len);
	wipe(text.data);
	buf_release(&text);
	forget_token_text(&a->http.headers);
	http_headers_set(&a->http.headers, "Authorization", bearer.data);
	secret_release(&bearer);
	return 0;
}

/* Once, in order: the token may take long, so that leave and timeout are of
 * the request alone. */
static int
send_once(struct attempt *a, const struct scope *scope, struct err *err)
{
	struct arm_request *r = a->request;
	struct scope within;
	int rc;

	if (authorize(a, scope, err) != 0)
		return -1;
	if (r->still_ours != NULL && r->still_ours(r->still_ours_arg, err) != 0)
		return err_in(err, "%s", r->doing);
	within = scope_within(
	    scope, r->timeout_ms > 0 ? r->timeout_ms : TIMEOUT_DEFAULT_MS);
	rc = http_do(a->client->http, &within, &a->http, &a->response, err);
	if (rc == 0)
		return 0;
	r->in_doubt = a->http.sent;
	/* What ended is this attempt's time, not the caller's. */
	if (err->kind == ERR_UNREACHABLE && scope_left_ms(scope) > 0)
		err->kind = ERR_TRANSIENT;
	strcpy(err->request_id, a->id);
	return err_in(err, "%s", r->doing);
}

/* A 5xx is a gateway's word, or of a service that broke down in the midst. */
static bool
is_in_doubt(int status)
{
	return status == 408 || status >= 500;
}

static char *
header(const struct http_response *r, const char *name)
{
	const char *value = http_headers_get(&r->headers, name);

	return value != NULL && value[0] != '\0' ? xstrdup(value) : NULL;
}

static int
take_answer(struct attempt *a, const struct scope *scope,
    struct arm_answer *out, struct err *err)
{
	const struct http_response *r = &a->response;
	struct err why = {0};

	*out = (struct arm_answer){.status = r->status};
	if (r->body.len > 0)
		out->body = json_parse(
		    r->body.data, r->body.len, ANSWER_MAX, false, &why);
	if (out->body == NULL && a->request->wants_json) {
		err_set(err, ERR_CORRUPT,
		    "%s: the service answered %d, and no JSON%s%s",
		    a->request->doing, r->status,
		    why.text[0] != '\0' ? ": " : "", why.text);
		return -1;
	}
	out->etag = header(r, "ETag");
	out->operation_url = header(r, "Azure-AsyncOperation");
	out->location = header(r, "Location");
	out->retry_after_ms = http_retry_after_ms(&r->headers, scope);
	strcpy(out->request_id, a->id);
	arm_error_request_id(&r->headers, out->request_id);
	return 0;
}

static int
attempt(struct attempt *a, const struct scope *scope, struct arm_answer *out,
    struct err *err)
{
	struct credential *c = a->client->credential;

	if (send_once(a, scope, err) != 0)
		return -1;
	if (a->response.status == 401) {
		http_response_release(&a->response);
		c->ops->forget(c, a->client->audience);
		if (send_once(a, scope, err) != 0)
			return -1;
	}
	if (a->response.status / 100 == 2)
		return take_answer(a, scope, out, err);
	a->request->in_doubt = is_in_doubt(a->response.status);
	return arm_error(&a->response, scope, a->request->doing, err);
}

static void
attempt_release(struct attempt *a)
{
	forget_token_text(&a->http.headers);
	http_request_release(&a->http);
	if (a->response.body.len > 0)
		explicit_bzero(a->response.body.data, a->response.body.len);
	http_response_release(&a->response);
}

/* The least of what remains to whichever of the service's counts. */
static void
note_remaining(struct arm_client *c, const struct scope *scope,
    const struct http_headers *h)
{
	for (size_t i = 0; i < h->n; i++) {
		const char *value = h->list[i].value;

		if (strncasecmp(
			h->list[i].name, REMAINING, strlen(REMAINING)) != 0 ||
		    value[0] == '\0' ||
		    value[strspn(value, "0123456789")] != '\0' ||
		    strtoull(value, NULL, 10) >= FEW_LEFT)
			continue;
		atomic_store(
		    &c->calm_until_ms, scope_mono_ms(scope) + PAUSE_MS);
		return;
	}
}

static int
calm_down(struct arm_client *c, const struct scope *scope, struct err *err)
{
	int64_t left_ms = atomic_load(&c->calm_until_ms) - scope_mono_ms(scope);

	return left_ms > 0 ? scope_sleep(scope, left_ms, err) : 0;
}

static int
go(struct arm_client *c, const struct scope *scope, struct arm_request *r,
    struct arm_answer *answer, struct err *err)
{
	struct attempt a = {.client = c, .request = r};
	struct chunk *body = NULL;
	int rc;

	if (calm_down(c, scope, err) != 0)
		return err_in(err, "%s", r->doing);
	build(&a, scope, &body);
	rc = attempt(&a, scope, answer, err);
	note_remaining(c, scope, &a.response.headers);
	attempt_release(&a);
	chunk_unref(body);
	return rc;
}

int
arm_client_do(struct arm_client *c, const struct scope *scope,
    struct arm_request *r, struct arm_answer *answer, struct err *err)
{
	struct retry retry;

	/* A URL that a peer gave and nobody looked at gets no token. */
	assert(r->url == NULL || arm_client_trusts(c, r->url));
	*answer = (struct arm_answer){0};
	retry_init(&retry, scope, NULL);
	for (;;) {
		r->in_doubt = false;
		if (go(c, scope, r, answer, err) == 0)
			return 0;
		if (r->once || retry_wait(&retry, err) != 0)
			return -1;
	}
}

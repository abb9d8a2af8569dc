/* The managed identities of a machine and of an app. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/url.h"

#include "arm/identity_private.h"

#define CONNECT_MS 1000 /* it is next door or not there */

static void
add_selector(struct buf *url, const char *name, const char *value)
{
	if (value == NULL)
		return;
	buf_addf(url, "&%s=", name);
	url_encode(url, value, false);
}

int
identity_local_init(struct http_request *r, const struct identity *id,
    const char *api_version, const char *resource,
    const struct identity_selectors *selectors, struct err *err)
{
	struct buf url;

	*r = (struct http_request){.method = "GET",
	    .no_proxy = true,
	    .connect_timeout_ms = CONNECT_MS};
	buf_init(&url, URL_MAX);
	buf_addf(
	    &url, "%s?api-version=%s&resource=", id->endpoint, api_version);
	url_encode(&url, resource, false);
	if (selectors != NULL) {
		add_selector(&url, selectors->client_id, id->client_id);
		add_selector(&url, selectors->object_id, id->object_id);
		add_selector(&url, selectors->resource_id, id->resource_id);
	}
	if (buf_check(&url, "the URL of a token", err) != 0) {
		buf_release(&url);
		return -1;
	}
	r->url = buf_take(&url);
	return 0;
}

void
identity_local_release(struct http_request *r)
{
	for (size_t i = 0; i < r->headers.n; i++)
		explicit_bzero(
		    r->headers.list[i].value, strlen(r->headers.list[i].value));
	http_request_release(r);
}

/*
 * While it is renewed it answers 404 or 410, and its 5xx codes are more than
 * the usual ones; after those a second must pass.
 */
static void
judge_imds(struct err *err)
{
	bool broken = err->status >= 500;
	size_t len = strlen(err->text);

	if (err->status == 400)
		snprintf(err->text + len, sizeof(err->text) - len,
		    "; assign it to the machine, or name one that is");
	if (err->status != 404 && err->status != 410 && err->status != 429 &&
	    !broken)
		return;
	err->kind = ERR_TRANSIENT;
	if (broken && err->retry_after_ms < 1000)
		err->retry_after_ms = 1000;
}

int
identity_ask_imds(struct identity *id, const struct scope *scope,
    const char *resource, struct token *token, struct err *err)
{
	static const struct identity_selectors selectors = {
	    "client_id", "object_id", "msi_res_id"};
	struct http_response response;
	struct http_request r;
	int rc;

	rc = identity_local_init(
	    &r, id, "2018-02-01", resource, &selectors, err);
	if (rc == 0) {
		http_headers_add(&r.headers, "Metadata", "true");
		rc = identity_send(id, scope, &r, &response, err);
	}
	if (rc == 0 &&
	    (rc = identity_take(id, scope, &response, token, err)) != 0)
		judge_imds(err);
	identity_local_release(&r);
	return rc;
}

int
identity_ask_app_service(struct identity *id, const struct scope *scope,
    const char *resource, struct token *token, struct err *err)
{
	static const struct identity_selectors selectors = {
	    "client_id", "principal_id", "mi_res_id"};
	struct http_response response;
	struct http_request r;
	int rc;

	rc = identity_local_init(
	    &r, id, "2019-08-01", resource, &selectors, err);
	if (rc == 0) {
		http_headers_add(
		    &r.headers, "X-IDENTITY-HEADER", id->secret.data);
		rc = identity_send(id, scope, &r, &response, err);
	}
	if (rc == 0)
		rc = identity_take(id, scope, &response, token, err);
	identity_local_release(&r);
	return rc;
}

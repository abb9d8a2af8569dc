#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/chunk.h"
#include "base/credential.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/retry.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "storage/azure_container.h"
#include "storage/azure_error.h"
#include "storage/store.h"

#include "storage/azure_request.h"

#define WHAT_SIZE 320 /* the most that http_status_err() shows of it */

static int
prepare(struct http_request *http, const struct scope *scope, void *arg,
    struct err *err)
{
	const struct azure_request *r = arg;

	return azure_container_authorize(
	    r->container, r->plain, http, scope, err);
}

static void
begin(struct azure_request *r, const struct azure_container *c,
    const char *method, const char *doing, const char *blob)
{
	*r = (struct azure_request){
	    .container = c,
	    .doing = doing,
	    .blob = blob,
	    .http = {.method = method, .prepare = prepare},
	};
	r->http.prepare_arg = r;
}

void
azure_request_account(struct azure_request *r, const struct azure_container *c,
    const char *method, const char *doing, const char *query)
{
	begin(r, c, method, doing, NULL);
	r->plain = azure_container_account_url(c, query);
	r->http.url = xstrdup(r->plain);
}

int
azure_request_init(struct azure_request *r, const struct azure_container *c,
    const char *method, const char *doing, const char *blob, const char *query,
    struct err *err)
{
	begin(r, c, method, doing, blob);
	if (azure_container_url(c, blob, query, &r->plain, err) != 0)
		return -1;

	/* For the words of one that ends before it is prepared. */
	r->http.url = xstrdup(r->plain);
	return 0;
}

int
azure_request_block(struct azure_request *r, const struct azure_container *c,
    const char *doing, const char *blob, const struct block_id *id,
    struct err *err)
{
	char query[sizeof("comp=block&blockid=") + sizeof(id->hex)];

	snprintf(query, sizeof(query), "comp=block&blockid=%s", id->hex);
	return azure_request_init(r, c, "PUT", doing, blob, query, err);
}

void
azure_request_release(struct azure_request *r)
{
	if (r->http.url != NULL)
		explicit_bzero(r->http.url, strlen(r->http.url));
	http_request_release(&r->http);
	free(r->plain);
	r->plain = NULL;
}

void
azure_request_body(
    struct azure_request *r, struct chunk *const *chunks, size_t n)
{
	struct digest *digest = digest_new(DIGEST_MD5);
	unsigned char md5_bytes[MD5_BYTES];
	struct buf text;

	for (size_t i = 0; i < n; i++)
		digest_update(digest, chunks[i]->data, chunks[i]->len);
	digest_final(digest, md5_bytes);
	digest_free(digest);
	buf_init(&text, 32);
	base64_encode(&text, md5_bytes, sizeof(md5_bytes));
	http_headers_set(&r->http.headers, "Content-MD5", text.data);
	buf_release(&text);
	r->http.body = chunks;
	r->http.nbody = n;
}

/* Two stores have blobs of one name: which of them is always said. */
static void
say_what(const struct azure_request *r, char out[WHAT_SIZE])
{
	const char *store = r->container->shown;

	if (r->blob == NULL)
		snprintf(out, WHAT_SIZE, "%s '%.200s'", r->doing, store);
	else
		snprintf(out, WHAT_SIZE, "%s '%.150s' in '%.120s'", r->doing,
		    r->blob, store);
}

int
azure_request_blame(const struct azure_request *r, struct err *err)
{
	return r->blob != NULL ? err_in(err, "%s '%.150s'", r->doing, r->blob)
			       : err_in(err, "%s", r->doing);
}

int
azure_request_end(struct azure_request *r, const struct scope *scope, int rc,
    struct http_response *response, struct err *err)
{
	struct credential *credential = r->container->credential;
	char what[WHAT_SIZE];

	if (rc == 0 && response->status == 401 && credential != NULL) {
		http_response_release(response);
		credential->ops->forget(credential, AZURE_RESOURCE);
		rc = http_do(
		    r->container->http, scope, &r->http, response, err);
	}
	if (rc != 0) /* its URL is in what http.h says */
		return azure_request_blame(r, err);
	if (response->status / 100 == 2)
		return 0;
	say_what(r, what);
	azure_error(response, scope, what, err);
	if (r->judge != NULL)
		r->judge(err, response);
	http_response_release(response);
	return -1;
}

int
azure_request_once(struct azure_request *r, const struct scope *scope,
    struct http_response *response, struct err *err)
{
	int rc = http_do(r->container->http, scope, &r->http, response, err);

	return azure_request_end(r, scope, rc, response, err);
}

int
azure_request_do(struct azure_request *r, const struct scope *scope,
    struct http_response *response, struct err *err)
{
	struct retry retry;

	retry_init(&retry, scope, NULL);
	while (azure_request_once(r, scope, response, err) != 0)
		if (retry_wait(&retry, err) != 0)
			return -1;
	return 0;
}

int
azure_request_run(
    struct azure_request *r, const struct scope *scope, struct err *err)
{
	struct http_response response;

	if (azure_request_do(r, scope, &response, err) != 0)
		return -1;
	http_response_release(&response);
	return 0;
}

int
azure_request_until(struct azure_request *r, const struct scope *scope,
    bool (*is_done)(const struct err *), struct err *err)
{
	struct http_response response;
	struct retry retry;
	bool lost = false;

	/* What libcurl repeats by itself would be lost without our knowing. */
	r->http.fresh_connection = true;
	retry_init(&retry, scope, NULL);
	while (azure_request_once(r, scope, &response, err) != 0) {
		if (lost && is_done(err)) {
			*err = (struct err){0};
			return 0;
		}
		lost = lost || azure_error_is_ambiguous(err);
		if (retry_wait(&retry, err) != 0)
			return -1;
	}
	http_response_release(&response);
	return 0;
}

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/credential.h"
#include "base/err.h"
#include "base/retry.h"
#include "base/scope.h"
#include "base/url.h"
#include "storage/azure_container.h"
#include "storage/azure_held.h"
#include "storage/azure_request.h"
#include "storage/azure_sas.h"
#include "storage/azure_time.h"
#include "storage/store.h"
#include "storage/store_azure.h"

#include "storage/azure_copy.h"

/* The service's limit on x-ms-copy-source. */
#define SOURCE_URL_MAX 2048

static bool
is_any(const char *code, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(code, *list) == 0)
			return true;
	return false;
}

/* What the source's service told the destination's: 0 and "" when nothing. */
struct told {
	int status;
	const char *code;
};

static struct told
told_of(const struct http_response *response)
{
	const struct http_headers *h = &response->headers;
	const char *status = http_headers_get(
	    h, "x-ms-copy-source-status-code");
	const char *code = http_headers_get(h, "x-ms-copy-source-error-code");
	struct told told = {
	    .status = status != NULL ? atoi(status) : 0,
	    .code = code != NULL ? code : "",
	};

	/* A code is one word, and goes to terminals. */
	for (const char *p = told.code; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p))
			told.code = "";
	return told;
}

/*
 * CannotVerifyCopySource stands for whatever went wrong with the source.  Its
 * reference gives it status 500 too, so that tells nothing.
 */
static bool
source_is_busy(const struct err *err, const struct told *told)
{
	static const char *const busy[] = {
	    "InternalError", "OperationTimedOut", "ServerBusy", NULL};

	if (told->status != 0 || told->code[0] != '\0')
		return retry_status(told->status) || is_any(told->code, busy);
	return err->status == 429 || err->status == 503;
}

/*
 * What a refusal means for the copy.  A change at the source is a conflict, an
 * overload ours to sit out.  A request that the service does not understand,
 * or a source that it cannot reach or read, leaves streaming, which will tell
 * the true cause if there is another.
 */
static enum err_kind
kind_of(const struct err *err, const struct told *told)
{
	static const char *const changed[] = {
	    "ConditionNotMet", "SourceConditionNotMet", NULL};

	if (err->kind == ERR_TRANSIENT)
		return ERR_TRANSIENT;
	if (is_any(err->code, changed) || is_any(told->code, changed))
		return ERR_CONFLICT;
	if (source_is_busy(err, told))
		return ERR_TRANSIENT;
	if (err->status == 400 || err->status == 409 || err->status == 501)
		return ERR_UNSUPPORTED;
	return err->kind;
}

/* Short: it is told as the reason for streaming, beside what was copied. */
static void
say_why(struct err *err, const struct told *told)
{
	const char *what = "the service does not copy it";
	const char *code = err->code;
	int status = err->status;

	if (told->status != 0) {
		what = "the service cannot read the source";
		status = told->status;
		code = told->code;
	} else if (strcmp(code, "CannotVerifyCopySource") == 0) {
		what = "the service cannot reach or read the source";
	}
	err_set(err, ERR_UNSUPPORTED, "%s: %d%s%s (request id %s)", what,
	    status, code[0] != '\0' ? " " : "", code,
	    err->request_id[0] != '\0' ? err->request_id : "none");
}

static void
judge(struct err *err, const struct http_response *response)
{
	const struct told told = told_of(response);

	err->kind = kind_of(err, &told);
	if (err->kind == ERR_UNSUPPORTED)
		say_why(err, &told);
}

static int
add_source(struct azure_request *r, const struct store_grant *src,
    const char *etag, uint64_t off, uint64_t len, struct err *err)
{
	struct http_headers *h = &r->http.headers;

	if (strlen(src->url) > SOURCE_URL_MAX)
		return err_set(err, ERR_UNSUPPORTED,
		    "the source's URL is over %d bytes", SOURCE_URL_MAX);
	http_headers_set(h, "x-ms-copy-source", src->url);
	http_headers_addf(h, "x-ms-source-range", "bytes=%" PRIu64 "-%" PRIu64,
	    off, off + len - 1);
	if (etag != NULL)
		http_headers_set(h, "x-ms-source-if-match", etag);
	if (src->authorization != NULL)
		http_headers_set(
		    h, "x-ms-copy-source-authorization", src->authorization);
	return 0;
}

static int
stage_from(struct store *s, const struct scope *scope, const char *blob,
    const struct block_id *id, const struct store_grant *src,
    const char *src_etag, uint64_t off, uint64_t len, struct err *err)
{
	struct azure_request r;
	int rc;

	if (len == 0 || len > BLOCK_BYTES_MAX)
		return err_set(err, ERR_USAGE,
		    "a block has 1 to %" PRIu64 " bytes, not %" PRIu64,
		    BLOCK_BYTES_MAX, len);
	rc = azure_request_block(&r, store_azure_container(s),
	    "staging from a URL a block of", blob, id, err);
	if (rc == 0)
		rc = add_source(&r, src, src_etag, off, len, err);
	if (rc == 0) {
		azure_held_add(store_azure_held(s), blob, &r.http.headers);
		r.judge = judge;
		rc = azure_request_run(&r, scope, err);
	}
	azure_request_release(&r);
	return rc;
}

const struct store_copy_ops azure_copy_ops = {.stage_from = stage_from};

static int
grant_by_key(const struct azure_container *c, const char *blob,
    int64_t until_ms, struct buf *query, struct err *err)
{
	struct azure_sas sas = {
	    .account = c->account,
	    .container = c->name,
	    .permissions = AZURE_SAS_READ,
	    .expires_ms = until_ms,
	    .https_only = c->https,
	};
	struct buf name;
	int rc;

	buf_init(&name, 2 * BLOB_NAME_MAX);
	buf_addf(&name, "%s%s", c->prefix, blob);
	sas.blob = name.data;
	rc = buf_check(&name, "a blob's name", err);
	if (rc == 0)
		rc = azure_sas_by_key(query, &sas, &c->key, err);
	buf_release(&name);
	return rc;
}

/* One that names no end (its policy does) is taken at its word. */
static int
grant_by_sas(const struct azure_container *c, struct buf *query,
    struct store_grant *g, struct err *err)
{
	char *until = url_query_get(c->sas.data, "se");
	int rc = 0;

	buf_adds(query, c->sas.data);
	if (until != NULL)
		rc = azure_time_iso_parse(until, &g->expires_ms, err);
	free(until);
	return rc != 0 ? err_in(err, "the end of the SAS") : 0;
}

static int
grant_by_token(const struct azure_container *c, const struct scope *scope,
    struct store_grant *g, struct err *err)
{
	struct token token = {0};
	struct buf value;

	if (c->credential->ops->get(
		c->credential, scope, AZURE_RESOURCE, &token, err) != 0)
		return err_in(err, "a token for '%s'", AZURE_RESOURCE);
	buf_init(&value, SECRET_MAX + 16);
	buf_addf(&value, "Bearer %s", token.value.data);
	g->authorization = buf_take(&value);
	if (token.expires_ms < g->expires_ms)
		g->expires_ms = token.expires_ms;
	secret_release(&token.value);
	return 0;
}

static int
grant_read(struct store *s, const struct scope *scope, const char *blob,
    int64_t valid_ms, struct store_grant *g, struct err *err)
{
	const struct azure_container *c = store_azure_container(s);
	struct buf query;
	int rc = 0;

	*g = (struct store_grant){
	    .expires_ms = scope_wall_ms(scope) + valid_ms};
	buf_init(&query, (size_t)16 << 10);
	if (c->key.data != NULL)
		rc = grant_by_key(c, blob, g->expires_ms, &query, err);
	else if (c->sas.data != NULL)
		rc = grant_by_sas(c, &query, g, err);
	else if (c->credential != NULL)
		rc = grant_by_token(c, scope, g, err);
	if (rc == 0)
		rc = buf_check(&query, "a grant", err);
	if (rc == 0)
		rc = azure_container_url(
		    c, blob, query.len > 0 ? query.data : NULL, &g->url, err);
	if (query.size > 0)
		explicit_bzero(query.data, query.size);
	buf_release(&query);
	if (rc != 0)
		store_grant_release(g);
	return rc;
}

const struct store_grant_ops azure_grant_ops = {.read = grant_read};

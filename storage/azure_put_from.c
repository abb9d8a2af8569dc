#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/http.h"
#include "base/xalloc.h"
#include "storage/azure_cond.h"
#include "storage/azure_container.h"
#include "storage/azure_held.h"
#include "storage/azure_props.h"
#include "storage/azure_request.h"
#include "storage/azure_source.h"
#include "storage/azure_traits.h"
#include "storage/blob_traits.h"
#include "storage/store.h"
#include "storage/store_azure.h"

#include "storage/azure_put_from.h"

#define ALL_TRAITS (TRAIT_HEADERS | TRAIT_METADATA | TRAIT_TAGS | TRAIT_TIER)

struct put_call {
	struct azure_request request;
	const struct scope *scope;
	void (*ended)(void *arg);
	void *arg;

	/* What the engine's thread leaves for put_end(). */
	int rc;
	struct http_response response;
	struct err err;

	char blob[]; /* for errors */
};

/* The one hash that the request carries is the source's. */
static void
judge(struct err *err, const struct http_response *response)
{
	if (strcmp(err->code, "Md5Mismatch") != 0) {
		azure_source_judge(err, response);
		return;
	}
	err_set(err, ERR_CORRUPT,
	    "the source's bytes have not the MD5 that is told of them "
	    "(request id %s)",
	    err->request_id[0] != '\0' ? err->request_id : "none");
}

static void
add_md5(struct http_headers *h, const unsigned char *md5)
{
	struct buf text;

	buf_init(&text, 32);
	base64_encode(&text, md5, MD5_BYTES);
	http_headers_add(h, "x-ms-source-content-md5", text.data);
	buf_release(&text);
}

/* Either the source's properties, but not its metadata, or all as given. */
static void
add_traits(struct http_headers *h, const struct blob_traits *traits)
{
	http_headers_add(h, "x-ms-copy-source-blob-properties",
	    traits == NULL ? "true" : "false");
	if (traits != NULL)
		azure_traits_add(h, traits, ALL_TRAITS);
}

static int
add_headers(struct http_headers *h, struct azure_held *held,
    const struct put_from *what, struct err *err)
{
	const struct azure_source source = {
	    .url = what->src_url,
	    .authorization = what->src_authorization,
	    .etag = what->src_etag,
	};

	if (azure_source_add(h, &source, err) != 0)
		return -1;
	http_headers_add(h, "x-ms-blob-type", "BlockBlob");
	if (what->src_md5 != NULL)
		add_md5(h, what->src_md5);
	add_traits(h, what->traits);
	azure_held_add(held, what->blob, h);
	azure_cond_add(h, &what->cond);
	return 0;
}

static void
call_free(struct put_call *call)
{
	azure_request_release(&call->request);
	free(call);
}

/* On the engine's thread. */
static void
done(void *arg, int rc, struct http_response *response, const struct err *err)
{
	struct put_call *call = arg;

	call->rc = rc;
	call->response = *response;
	if (rc != 0)
		call->err = *err;
	call->ended(call->arg);
}

struct put_call *
azure_put_begin(struct store *s, const struct scope *scope,
    const struct put_from *what, void (*ended)(void *arg), void *arg,
    struct err *err)
{
	const struct azure_container *c = store_azure_container(s);
	size_t name = strlen(what->blob) + 1;
	struct put_call *call = xcalloc(1, sizeof(*call) + name);
	struct azure_request *r = &call->request;

	memcpy(call->blob, what->blob, name);
	call->scope = scope;
	call->ended = ended;
	call->arg = arg;
	if (azure_request_init(r, c, "PUT", "copying from a URL", call->blob,
		NULL, err) != 0 ||
	    add_headers(&r->http.headers, store_azure_held(s), what, err) != 0)
		goto fail;
	r->judge = judge;
	if (http_submit(c->http, scope, &r->http, done, call, err) != 0) {
		azure_request_blame(r, err);
		goto fail;
	}
	return call;

fail:
	call_free(call);
	return NULL;
}

int
azure_put_end(struct put_call *call, struct blob_props *props, struct err *err)
{
	struct http_response *response = &call->response;
	struct blob_props mine;
	int rc = call->rc;

	if (rc != 0)
		*err = call->err;
	rc = azure_request_end(&call->request, call->scope, rc, response, err);
	if (rc == 0) {
		rc = azure_props_from_headers(
		    props != NULL ? props : &mine, &response->headers, err);
		http_response_release(response);
		if (rc != 0)
			azure_request_blame(&call->request, err);
	}
	call_free(call);
	return rc;
}

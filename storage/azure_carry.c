#include <string.h>

#include "base/buf.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/url.h"
#include "storage/azure_look.h"
#include "storage/azure_props.h"
#include "storage/azure_request.h"
#include "storage/azure_traits.h"
#include "storage/azure_xml.h"
#include "storage/blob_traits.h"
#include "storage/store_azure.h"

#include "storage/azure_carry.h"

/* Ten tags of 128 and 256 characters, escaped. */
#define TAGS_XML_MAX ((size_t)64 << 10)
#define QUERY_MAX    1024

/* A blob, or a snapshot of it, as it is asked for. */
struct which {
	const char *blob;
	const char *snapshot; /* NULL: the blob itself */
	const char *etag;     /* NULL: whatever it is */
};

static int
ask(struct store *s, const struct scope *scope, const char *method,
    const struct which *w, const char *query, struct http_response *response,
    struct err *err)
{
	struct azure_request r = {0};
	struct buf all;
	int rc;

	buf_init(&all, QUERY_MAX);
	buf_adds(&all, query);
	if (w->snapshot != NULL) {
		buf_adds(&all, *query != '\0' ? "&snapshot=" : "snapshot=");
		url_encode(&all, w->snapshot, false);
	}
	rc = buf_check(&all, "a snapshot's name", err);
	if (rc == 0)
		rc = azure_request_init(&r, store_azure_container(s), method,
		    "asking for", w->blob, all.len > 0 ? all.data : NULL, err);
	if (rc == 0 && w->etag != NULL)
		http_headers_set(&r.http.headers, "If-Match", w->etag);
	if (rc == 0)
		rc = azure_request_do(&r, scope, response, err);
	azure_request_release(&r);
	buf_release(&all);
	return rc;
}

/* Who may not read them, or an account that has none, is no failure. */
static int
ask_tags(struct store *s, const struct scope *scope, const struct which *w,
    struct azure_look *look, struct err *err)
{
	struct http_response response;
	int rc;

	if (ask(s, scope, "GET", w, "comp=tags", &response, err) != 0) {
		if (err->status != 400 && err->status != 403 &&
		    err->status != 409)
			return -1;
		*err = (struct err){0};
		return 0;
	}
	rc = azure_look_tags(look, response.body.data, response.body.len, err);
	http_response_release(&response);
	return rc;
}

static int
azure_look_at(struct store *s, const struct scope *scope, const char *blob,
    const char *snapshot, unsigned with, struct blob_view *view,
    struct err *err)
{
	const struct which w = {.blob = blob, .snapshot = snapshot};
	struct azure_look look = {
	    .arena = &view->arena,
	    .now_ms = scope_wall_ms(scope),
	};
	struct http_response response;
	int rc;

	*view = (struct blob_view){0};
	if (ask(s, scope, "HEAD", &w, "", &response, err) != 0)
		return -1;
	rc = azure_props_from_headers(&view->props, &response.headers, err);
	if (rc == 0)
		rc = azure_look_headers(
		    &look, &view->traits, &response.headers, err);
	http_response_release(&response);
	if (rc == 0 && snapshot != NULL)
		view->traits.snapshot = arena_strdup(&view->arena, snapshot);
	if (rc == 0 && (with & LIST_TAGS) != 0)
		rc = ask_tags(s, scope, &w, &look, err);
	if (rc != 0)
		blob_view_release(view);
	return rc != 0 && err->status == 0
	    ? err_in(err, "asking for '%.150s' in '%.120s'", blob, s->url)
	    : rc;
}

/* props as they are now; ERR_CONFLICT when the ETag is another. */
static int
ask_props(struct store *s, const struct scope *scope, const char *blob,
    const char *etag, struct blob_props *props, struct err *err)
{
	const struct which w = {.blob = blob, .etag = etag};
	struct http_response response;
	int rc;

	if (ask(s, scope, "HEAD", &w, "", &response, err) != 0)
		return -1;
	rc = azure_props_from_headers(props, &response.headers, err);
	http_response_release(&response);
	return rc;
}

/* One change.  etag, unless NULL, is what it is bound to, and then the new
 * one. */
static int
change(struct azure_request *r, const struct scope *scope, char *etag,
    struct err *err)
{
	struct http_response response;
	struct blob_props props;
	int rc = 0;

	if (etag != NULL) {
		http_headers_set(&r->http.headers, "If-Match", etag);
		/* A silent repetition would meet its own new ETag. */
		r->http.fresh_connection = true;
	}
	if (azure_request_do(r, scope, &response, err) != 0)
		return -1;
	if (etag != NULL) {
		rc = azure_props_from_headers(&props, &response.headers, err);
		if (rc == 0)
			memcpy(etag, props.etag, ETAG_MAX);
	}
	http_response_release(&response);
	return rc;
}

static int
set_headers(struct store *s, const struct scope *scope, const char *blob,
    const struct blob_traits *t, const unsigned char *md5_of, char *etag,
    struct err *err)
{
	struct azure_request r;
	int rc = azure_request_init(&r, store_azure_container(s), "PUT",
	    "setting the headers of", blob, "comp=properties", err);

	if (rc == 0) {
		azure_traits_add(&r.http.headers, t, TRAIT_HEADERS);
		azure_traits_add_md5(&r.http.headers, md5_of);
		rc = change(&r, scope, etag, err);
	}
	azure_request_release(&r);
	return rc;
}

static int
set_metadata(struct store *s, const struct scope *scope, const char *blob,
    const struct blob_traits *t, char *etag, struct err *err)
{
	struct azure_request r;
	int rc = azure_request_init(&r, store_azure_container(s), "PUT",
	    "setting the metadata of", blob, "comp=metadata", err);

	if (rc == 0) {
		azure_traits_add(&r.http.headers, t, TRAIT_METADATA);
		rc = change(&r, scope, etag, err);
	}
	azure_request_release(&r);
	return rc;
}

static int
format_tags(struct buf *out, const struct trait_list *tags, struct err *err)
{
	buf_adds(
	    out, "<?xml version=\"1.0\" encoding=\"utf-8\"?><Tags><TagSet>");
	for (size_t i = 0; i < tags->n; i++) {
		buf_adds(out, "<Tag>");
		azure_xml_add(out, "Key", tags->list[i].name);
		azure_xml_add(out, "Value", tags->list[i].value);
		buf_adds(out, "</Tag>");
	}
	buf_adds(out, "</TagSet></Tags>");
	return buf_check(out, "a set of tags", err);
}

static int
set_tags(struct store *s, const struct scope *scope, const char *blob,
    const struct blob_traits *t, struct err *err)
{
	struct azure_request r = {0};
	struct chunk *body = NULL;
	struct buf xml;
	int rc;

	buf_init(&xml, TAGS_XML_MAX);
	rc = format_tags(&xml, &t->tags, err);
	if (rc == 0)
		rc = azure_request_init(&r, store_azure_container(s), "PUT",
		    "setting the tags of", blob, "comp=tags", err);
	if (rc == 0) {
		body = chunk_view(xml.data, xml.len);
		azure_request_body(&r, &body, 1);
		http_headers_set(&r.http.headers, "Content-Type",
		    "application/xml; charset=UTF-8");
		rc = change(&r, scope, NULL, err);
	}
	azure_request_release(&r);
	chunk_unref(body);
	buf_release(&xml);
	return rc;
}

static int
set_tier(struct store *s, const struct scope *scope, const char *blob,
    const struct blob_traits *t, struct err *err)
{
	struct azure_request r;
	int rc = azure_request_init(&r, store_azure_container(s), "PUT",
	    "setting the tier of", blob, "comp=tier", err);

	if (rc == 0) {
		azure_traits_add(&r.http.headers, t, TRAIT_TIER);
		rc = change(&r, scope, NULL, err);
	}
	azure_request_release(&r);
	return rc;
}

/* Of which there is nothing to say, there is nothing to set. */
static unsigned
that_can_be_set(unsigned which, const struct blob_traits *t)
{
	if (!t->tags_told)
		which &= ~(unsigned)TRAIT_TAGS;
	if (azure_traits_tier(t) == NULL)
		which &= ~(unsigned)TRAIT_TIER;
	return which;
}

static int
azure_set(struct store *s, const struct scope *scope, const char *blob,
    const char *etag, unsigned asked, const struct blob_traits *t,
    const unsigned char *md5_of, struct blob_props *props, struct err *err)
{
	unsigned which = that_can_be_set(asked, t);
	char now[ETAG_MAX];
	int rc = 0;

	if (strlen(etag) >= sizeof(now))
		return err_set(
		    err, ERR_USAGE, "an ETag of over %d bytes", ETAG_MAX - 1);
	memcpy(now, etag, strlen(etag) + 1);
	if ((which & (TRAIT_HEADERS | TRAIT_METADATA)) == 0)
		rc = ask_props(s, scope, blob, now, props, err);
	if (rc == 0 && (which & TRAIT_HEADERS) != 0)
		rc = set_headers(s, scope, blob, t, md5_of, now, err);
	if (rc == 0 && (which & TRAIT_METADATA) != 0)
		rc = set_metadata(s, scope, blob, t, now, err);
	if (rc == 0 && (which & TRAIT_TAGS) != 0)
		rc = set_tags(s, scope, blob, t, err);
	if (rc == 0 && (which & TRAIT_TIER) != 0)
		rc = set_tier(s, scope, blob, t, err);
	return rc == 0 ? ask_props(s, scope, blob, now, props, err) : -1;
}

/* By a listing, since that a SAS for the container may and Get Container
 * Properties it may not. */
static int
azure_exists(struct store *s, const struct scope *scope, struct err *err)
{
	const struct list_opts one = {.page_size = 1};
	struct list_page page;

	if (s->ops->list(s, scope, &one, NULL, &page, err) == 0) {
		list_page_release(&page);
		return 0;
	}
	if (strcmp(err->code, "ContainerNotFound") == 0)
		err->kind = ERR_MISSING;
	return -1;
}

static int
azure_create(struct store *s, const struct scope *scope, struct err *err)
{
	struct azure_request r;
	int rc = azure_request_init(&r, store_azure_container(s), "PUT",
	    "creating", NULL, "restype=container", err);

	if (rc == 0)
		rc = azure_request_run(&r, scope, err);
	azure_request_release(&r);
	if (rc != 0 && strcmp(err->code, "ContainerAlreadyExists") == 0) {
		*err = (struct err){0};
		return 0;
	}
	return rc;
}

const struct store_trait_ops azure_trait_ops = {
    .look = azure_look_at,
    .set = azure_set,
    .exists = azure_exists,
    .create = azure_create,
};

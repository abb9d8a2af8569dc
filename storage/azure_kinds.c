#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/http.h"
#include "storage/azure_cond.h"
#include "storage/azure_held.h"
#include "storage/azure_landing.h"
#include "storage/azure_ranges.h"
#include "storage/azure_request.h"
#include "storage/azure_source.h"
#include "storage/azure_traits.h"
#include "storage/blob_traits.h"
#include "storage/store.h"
#include "storage/store_azure.h"

#include "storage/azure_kinds.h"

#define PAGE	       512
#define PAGES_MAX      ((uint64_t)4 << 20)
#define APPEND_MAX     ((uint64_t)100 << 20)
#define CREATED_TRAITS (TRAIT_HEADERS | TRAIT_METADATA | TRAIT_TAGS)

struct blank {
	enum blob_type type;
	uint64_t size;
	const struct blob_traits *traits; /* NULL: none given */
};

/*
 * An empty blob has nothing of its own but its metadata, which tells what it
 * is to be a copy of.
 */
static bool
is_our_blank(const void *arg, const struct blob_props *props,
    const struct http_headers *h)
{
	const struct blank *b = arg;
	const struct trait_list *metadata = &b->traits->metadata;
	char name[METADATA_BYTES_MAX + sizeof("x-ms-meta-")];

	if (b->traits == NULL || metadata->n == 0 || props->type != b->type ||
	    props->size != b->size)
		return false;
	for (size_t i = 0; i < metadata->n; i++) {
		const struct trait *t = &metadata->list[i];
		const char *value;

		snprintf(name, sizeof(name), "x-ms-meta-%s", t->name);
		value = http_headers_get(h, name);
		if (value == NULL || strcmp(value, t->value) != 0)
			return false;
	}
	return true;
}

static void
add_traits(struct http_headers *h, const struct blank *b,
    const struct commit_opts *opts)
{
	if (opts->traits == NULL) {
		http_headers_set(h, "x-ms-blob-content-type",
		    opts->content_type != NULL ? opts->content_type
					       : "application/octet-stream");
		if (opts->content_encoding != NULL)
			http_headers_set(h, "x-ms-blob-content-encoding",
			    opts->content_encoding);
	} else {
		azure_traits_add(h, opts->traits, CREATED_TRAITS);
	}
	azure_traits_add_md5(h, opts->md5);
	if (b->type != BLOB_PAGE)
		return;
	http_headers_addf(h, "x-ms-blob-content-length", "%" PRIu64, b->size);
	if (opts->traits == NULL)
		return;
	/* Hot and cool are of block blobs. */
	if (opts->traits->tier == TIER_OTHER)
		azure_traits_add(h, opts->traits, TRAIT_TIER);
	if (opts->traits->sequence_number > 0)
		http_headers_addf(h, "x-ms-blob-sequence-number", "%" PRId64,
		    opts->traits->sequence_number);
}

static int
check_blank(const struct blank *b, struct err *err)
{
	if (b->type == BLOB_PAGE && b->size % PAGE == 0)
		return 0;
	if (b->type == BLOB_APPEND && b->size == 0)
		return 0;
	return err_set(err, ERR_USAGE,
	    "no page or append blob begins with %" PRIu64 " bytes", b->size);
}

static int
create(struct store *s, const struct scope *scope, const char *blob,
    enum blob_type type, uint64_t size, const struct commit_opts *given,
    struct blob_props *props, struct err *err)
{
	const struct commit_opts none = {0};
	const struct commit_opts *opts = given != NULL ? given : &none;
	const struct blank b = {type, size, opts->traits};
	struct azure_request r;
	struct blob_props mine;
	int rc;

	if (check_blank(&b, err) != 0)
		return -1;
	rc = azure_request_init(
	    &r, store_azure_container(s), "PUT", "creating", blob, NULL, err);
	if (rc == 0) {
		http_headers_set(&r.http.headers, "x-ms-blob-type",
		    type == BLOB_PAGE ? "PageBlob" : "AppendBlob");
		add_traits(&r.http.headers, &b, opts);
		azure_held_add(store_azure_held(s), blob, &r.http.headers);
		azure_cond_add(&r.http.headers, &opts->cond);
		rc = azure_landing_run(&r, scope, is_our_blank, &b, &mine, err);
	}
	azure_request_release(&r);
	if (rc == 0 && props != NULL) {
		*props = mine;
		props->type = type;
		props->size = size;
	}
	return rc;
}

/* Bytes on their way into a blob. */
struct piece {
	enum blob_type type;
	uint64_t off, len;
};

static int
check_piece(const struct piece *p, struct err *err)
{
	bool page = p->type == BLOB_PAGE;
	uint64_t most = page ? PAGES_MAX : APPEND_MAX;

	if (p->type == BLOB_BLOCK || p->len == 0 || p->len > most ||
	    (page && (p->off % PAGE != 0 || p->len % PAGE != 0)))
		return err_set(err, ERR_USAGE,
		    "%" PRIu64 " bytes at %" PRIu64
		    " cannot be written to a page or append blob at once",
		    p->len, p->off);
	return 0;
}

/* Who else would append just as much, at the same place and time? */
static bool
ends_with_ours(const void *arg, const struct blob_props *props,
    const struct http_headers *h)
{
	const struct piece *p = arg;

	(void)h;
	return props->size == p->off + p->len;
}

static int
begin_piece(struct azure_request *r, struct store *s, const char *blob,
    const struct piece *p, struct err *err)
{
	struct http_headers *h = &r->http.headers;
	bool page = p->type == BLOB_PAGE;

	*r = (struct azure_request){0};
	if (check_piece(p, err) != 0 ||
	    azure_request_init(r, store_azure_container(s), "PUT",
		page ? "writing pages of" : "appending to", blob,
		page ? "comp=page" : "comp=appendblock", err) != 0)
		return -1;
	if (page) {
		http_headers_set(h, "x-ms-page-write", "update");
		http_headers_addf(h, "x-ms-range", "bytes=%" PRIu64 "-%" PRIu64,
		    p->off, p->off + p->len - 1);
	} else {
		http_headers_addf(
		    h, "x-ms-blob-condition-appendpos", "%" PRIu64, p->off);
	}
	azure_held_add(store_azure_held(s), blob, h);
	return 0;
}

/* Pages are the same however often they are written. */
static int
run_piece(struct azure_request *r, const struct scope *scope,
    const struct piece *p, struct err *err)
{
	struct blob_props props;

	if (p->type == BLOB_PAGE)
		return azure_request_run(r, scope, err);
	return azure_landing_run(r, scope, ends_with_ours, p, &props, err);
}

static int
write_chunk(struct store *s, const struct scope *scope, const char *blob,
    enum blob_type type, uint64_t off, struct chunk *chunk, struct err *err)
{
	const struct piece p = {type, off, chunk->len};
	struct azure_request r;
	int rc = begin_piece(&r, s, blob, &p, err);

	if (rc == 0) {
		azure_request_body(&r, &chunk, 1);
		rc = run_piece(&r, scope, &p, err);
	}
	azure_request_release(&r);
	return rc;
}

static int
write_from(struct store *s, const struct scope *scope, const char *blob,
    enum blob_type type, uint64_t off, uint64_t len,
    const struct put_from *what, struct err *err)
{
	const struct piece p = {type, off, len};
	const struct azure_source source = {
	    .url = what->src_url,
	    .authorization = what->src_authorization,
	    .etag = what->src_etag,
	};
	struct azure_request r;
	int rc = begin_piece(&r, s, blob, &p, err);

	if (rc == 0)
		rc = azure_source_add(&r.http.headers, &source, err);
	if (rc == 0) {
		azure_source_add_range(&r.http.headers, off, len);
		r.judge = azure_source_judge;
		rc = run_piece(&r, scope, &p, err);
	}
	azure_request_release(&r);
	return rc;
}

static bool
is_sealed(const void *arg, const struct blob_props *props,
    const struct http_headers *h)
{
	const char *sealed = http_headers_get(h, "x-ms-blob-sealed");

	(void)arg;
	(void)props;
	return sealed != NULL && strcmp(sealed, "true") == 0;
}

static int
seal(struct store *s, const struct scope *scope, const char *blob,
    const char *etag, struct err *err)
{
	const struct store_cond cond = {.if_match = etag};
	struct azure_request r;
	struct blob_props props;
	int rc = azure_request_init(&r, store_azure_container(s), "PUT",
	    "sealing", blob, "comp=seal", err);

	if (rc == 0) {
		azure_held_add(store_azure_held(s), blob, &r.http.headers);
		azure_cond_add(&r.http.headers, &cond);
		rc = azure_landing_run(&r, scope, is_sealed, NULL, &props, err);
	}
	azure_request_release(&r);
	return rc;
}

const struct store_kind_ops azure_kind_ops = {
    .create = create,
    .write = write_chunk,
    .write_from = write_from,
    .ranges = azure_ranges,
    .seal = seal,
};

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/retry.h"
#include "base/scope.h"
#include "storage/azure_cond.h"
#include "storage/azure_container.h"
#include "storage/azure_error.h"
#include "storage/azure_props.h"
#include "storage/azure_request.h"
#include "storage/azure_traits.h"
#include "storage/azure_xml.h"
#include "storage/blob_traits.h"

#include "storage/azure_commit.h"

/* 50,000 blocks with names and sizes, and room for how they are set out. */
#define BLOCK_LIST_MAX ((size_t)16 << 20)

struct comparison {
	const struct block_id *ids;
	size_t n;
	size_t seen;
	bool same;
	bool root;
};

static int
on_close(void *arg, const struct azure_xml_place *at, const char *text,
    struct err *err)
{
	struct comparison *c = arg;

	(void)err;
	if (strcmp(at->path, "BlockList") == 0)
		c->root = true;
	if (strcmp(at->path, "BlockList/CommittedBlocks/Block/Name") != 0)
		return 0;
	if (c->seen >= c->n || strcmp(text, c->ids[c->seen].hex) != 0)
		c->same = false;
	c->seen++;
	return 0;
}

int
azure_commit_compare(const char *xml, size_t len, const struct block_id *ids,
    size_t n, bool *same, struct err *err)
{
	struct comparison c = {.ids = ids, .n = n, .same = true};
	const struct azure_xml_reader reader = {.arg = &c, .close = on_close};

	if (azure_xml_read(xml, len, &reader, err) != 0)
		return -1;
	if (!c.root)
		return err_set(err, ERR_CORRUPT, "XML that is no block list");
	*same = c.same && c.seen == n;
	return 0;
}

static int
format_list(struct buf *out, const struct azure_commit *k, struct err *err)
{
	buf_adds(out, "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>");
	for (size_t i = 0; i < k->n; i++) {
		buf_adds(out, "<Latest>");
		buf_adds(out, k->ids[i].hex);
		buf_adds(out, "</Latest>");
	}
	buf_adds(out, "</BlockList>");
	return buf_check(out, "the block list", err);
}

static void
add_headers(struct azure_request *r, const struct commit_opts *opts)
{
	const struct blob_traits plain = {
	    .content_type = opts->content_type != NULL
		? opts->content_type
		: "application/octet-stream",
	    .content_encoding = opts->content_encoding,
	};
	struct http_headers *h = &r->http.headers;

	http_headers_set(h, "Content-Type", "application/xml");
	azure_traits_add(h, opts->traits != NULL ? opts->traits : &plain,
	    TRAIT_HEADERS | TRAIT_METADATA | TRAIT_TAGS | TRAIT_TIER);
	azure_traits_add_md5(h, opts->md5);
	azure_cond_add(h, &opts->cond);

	/* A silent repetition would fail on the condition, unseen by us. */
	r->http.fresh_connection = azure_cond_any(&opts->cond);
}

static int
take_etag(
    const struct http_response *response, char etag[ETAG_MAX], struct err *err)
{
	struct blob_props props;

	if (azure_props_from_headers(&props, &response->headers, err) != 0)
		return -1;
	memcpy(etag, props.etag, ETAG_MAX);
	return 0;
}

static int
attempt(struct azure_request *r, const struct scope *scope, char etag[ETAG_MAX],
    struct err *err)
{
	struct http_response response;
	int rc;

	if (azure_request_once(r, scope, &response, err) != 0)
		return -1;
	rc = take_etag(&response, etag, err);
	http_response_release(&response);
	return rc;
}

/*
 * Whether what stands there now is what we asked for.  An empty blob has no
 * blocks that could tell ours from another's: it never counts as ours.
 */
static int
read_back(const struct azure_container *c, const struct azure_commit *k,
    const struct scope *scope, char etag[ETAG_MAX], bool *landed,
    struct err *err)
{
	struct http_response response;
	struct azure_request r;
	int rc;

	*landed = false;
	if (k->n == 0)
		return 0;
	rc = azure_request_init(&r, c, "GET", "reading back the commit of",
	    k->blob, "comp=blocklist&blocklisttype=committed", err);
	r.http.response_max = BLOCK_LIST_MAX;
	if (rc == 0)
		rc = azure_request_do(&r, scope, &response, err);
	azure_request_release(&r);
	if (rc != 0) {
		if (!azure_error_is_no_blob(err))
			return -1;
		*err = (struct err){0};
		return 0;
	}
	rc = azure_commit_compare(
	    response.body.data, response.body.len, k->ids, k->n, landed, err);
	if (rc == 0 && *landed)
		rc = take_etag(&response, etag, err);
	http_response_release(&response);
	return rc;
}

/*
 * It may take effect yet, whatever the last answer was: nobody must act as if
 * the blob could not come.
 */
static int
unknown(struct err *err)
{
	if (!azure_error_is_ambiguous(err))
		err->kind = ERR_UNREACHABLE;
	return err_in(err, "it is not known whether the commit took effect");
}

/* Where another's blob stands in the way, ours cannot come any more. */
static bool
is_settled(const struct err *err)
{
	return err->kind == ERR_CONFLICT || err->kind == ERR_LOCKED;
}

static int
ask_until_known(const struct azure_container *c, const struct azure_commit *k,
    struct azure_request *r, const struct scope *scope, char etag[ETAG_MAX],
    struct err *err)
{
	struct retry retry;
	bool lost = false; /* the answer to an earlier attempt */

	retry_init(&retry, scope, NULL);
	while (attempt(r, scope, etag, err) != 0) {
		struct err why = *err;
		bool landed;

		if (azure_error_is_ambiguous(err)) {
			lost = true;
			if (retry_wait(&retry, err) != 0)
				return unknown(err);
		} else if (!lost) {
			return -1;
		}
		if (read_back(c, k, scope, etag, &landed, err) != 0)
			return unknown(err);
		if (landed)
			return 0;
		if (!azure_error_is_ambiguous(&why)) {
			*err = why;
			return is_settled(err) ? -1 : unknown(err);
		}
	}
	return 0;
}

int
azure_commit(const struct azure_container *c, const struct azure_commit *k,
    const struct scope *scope, char etag[ETAG_MAX], struct err *err)
{
	struct azure_request r = {0};
	struct chunk *body = NULL;
	struct buf list;
	int rc;

	if (k->n > BLOCKS_MAX)
		return err_set(err, ERR_USAGE,
		    "'%.200s' would have over %d blocks; raise the block size",
		    k->blob, BLOCKS_MAX);
	buf_init(&list, BLOCK_LIST_MAX);
	rc = format_list(&list, k, err);
	if (rc == 0)
		rc = azure_request_init(
		    &r, c, "PUT", "committing", k->blob, "comp=blocklist", err);
	if (rc == 0) {
		body = chunk_view(list.data, list.len);
		azure_request_body(&r, &body, 1);
		add_headers(&r, k->opts);
		rc = ask_until_known(c, k, &r, scope, etag, err);
	}
	azure_request_release(&r);
	chunk_unref(body);
	buf_release(&list);
	return rc;
}

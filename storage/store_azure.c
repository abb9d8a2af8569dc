#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "storage/azure_carry.h"
#include "storage/azure_commit.h"
#include "storage/azure_cond.h"
#include "storage/azure_container.h"
#include "storage/azure_copy.h"
#include "storage/azure_error.h"
#include "storage/azure_grant.h"
#include "storage/azure_held.h"
#include "storage/azure_kinds.h"
#include "storage/azure_lease.h"
#include "storage/azure_lend.h"
#include "storage/azure_page.h"
#include "storage/azure_props.h"
#include "storage/azure_read.h"
#include "storage/azure_request.h"
#include "storage/azure_undo.h"
#include "storage/azure_user_key.h"
#include "storage/store.h"
#include "storage/store_open.h"

#include "storage/store_azure.h"

struct store_azure {
	struct store base;
	struct azure_container container;
	struct azure_held *held;
	struct azure_user_key *user_key;
	bool lent;
};

const struct azure_container *
store_azure_container(const struct store *s)
{
	return &((const struct store_azure *)s)->container;
}

struct azure_held *
store_azure_held(const struct store *s)
{
	return ((const struct store_azure *)s)->held;
}

struct azure_user_key *
store_azure_user_key(const struct store *s)
{
	return ((const struct store_azure *)s)->user_key;
}

bool
store_azure_is_lent(const struct store *s)
{
	return ((const struct store_azure *)s)->lent;
}

static int
azure_stage(struct store *s, const struct scope *scope, const char *blob,
    const struct block_id *id, struct chunk *const *chunks, size_t n,
    struct err *err)
{
	struct azure_request r;
	uint64_t len = 0;
	int rc;

	for (size_t i = 0; i < n; i++)
		len += chunks[i]->len;
	if (len == 0 || len > BLOCK_BYTES_MAX)
		return err_set(err, ERR_USAGE,
		    "a block has 1 to %" PRIu64 " bytes, not %" PRIu64,
		    BLOCK_BYTES_MAX, len);
	rc = azure_request_block(
	    &r, store_azure_container(s), "staging a block of", blob, id, err);
	if (rc == 0) {
		azure_held_add(store_azure_held(s), blob, &r.http.headers);
		azure_request_body(&r, chunks, n);
		rc = azure_request_run(&r, scope, err);
	}
	azure_request_release(&r);
	return rc;
}

/* etag may be NULL; with one, ERR_CONFLICT when the blob has another. */
static int
head(struct store *s, const struct scope *scope, const char *blob,
    const char *etag, struct blob_props *props, struct err *err)
{
	struct http_response response;
	struct azure_request r;
	int rc = azure_request_init(&r, store_azure_container(s), "HEAD",
	    "asking for", blob, NULL, err);

	if (rc == 0 && etag != NULL)
		http_headers_set(&r.http.headers, "If-Match", etag);
	if (rc == 0)
		rc = azure_request_do(&r, scope, &response, err);
	azure_request_release(&r);
	if (rc != 0)
		return -1;
	rc = azure_props_from_headers(props, &response.headers, err);
	http_response_release(&response);
	return rc != 0
	    ? err_in(err, "asking for '%.150s' in '%.120s'", blob, s->url)
	    : 0;
}

static int
azure_stat(struct store *s, const struct scope *scope, const char *blob,
    struct blob_props *props, struct err *err)
{
	return head(s, scope, blob, NULL, props, err);
}

static int
azure_commit_op(struct store *s, const struct scope *scope, const char *blob,
    const struct block_id *ids, size_t n, const struct commit_opts *opts,
    struct blob_props *props, struct err *err)
{
	const struct commit_opts none = {0};
	const struct azure_commit what = {
	    .blob = blob,
	    .ids = ids,
	    .n = n,
	    .opts = opts != NULL ? opts : &none,
	};
	char etag[ETAG_MAX];

	if (azure_commit(store_azure_container(s), &what, scope, etag, err) !=
	    0)
		return -1;
	if (props == NULL)
		return 0;
	/* The answer does not tell the size; bound to what we committed. */
	if (head(s, scope, blob, etag, props, err) != 0)
		return err_in(err, "committed, and then");
	return 0;
}

/* The service drops staged blocks by itself, and has no call to do it. */
static void
azure_discard(
    struct store *s, const char *blob, const struct block_id *ids, size_t n)
{
	(void)s;
	(void)blob;
	(void)ids;
	(void)n;
}

/* No range is empty: what is left to tell is whether the place exists. */
static int
read_nothing(struct store *s, const struct scope *scope, const char *blob,
    const char *etag, uint64_t off, struct err *err)
{
	struct blob_props props;

	if (head(s, scope, blob, etag, &props, err) != 0)
		return -1;
	if (off > props.size)
		return err_set(err, ERR_CORRUPT,
		    "reading '%.200s' at %" PRIu64 ", past its end", blob, off);
	return 0;
}

static int
azure_read(struct store *s, const struct scope *scope, const char *blob,
    const char *etag, uint64_t off, void *out, size_t len, struct err *err)
{
	const struct azure_range range = {blob, etag, off, len};

	if (len == 0)
		return read_nothing(s, scope, blob, etag, off, err);
	return azure_read_range(
	    store_azure_container(s), scope, &range, out, err);
}

static int
azure_remove(struct store *s, const struct scope *scope, const char *blob,
    const struct store_cond *cond, struct err *err)
{
	struct azure_request r;
	int rc = azure_request_init(&r, store_azure_container(s), "DELETE",
	    "removing", blob, NULL, err);

	if (rc == 0) {
		azure_cond_add(&r.http.headers, cond);
		/* After a lost answer, a blob that is gone is what we asked. */
		rc = azure_request_until(
		    &r, scope, azure_error_is_no_blob, err);
	}
	azure_request_release(&r);
	return rc;
}

static void
azure_free(struct store *s)
{
	struct store_azure *a = (struct store_azure *)s;

	azure_container_release(&a->container);
	azure_held_free(a->held);
	azure_user_key_free(a->user_key);
	free(a->base.url);
	free(a);
}

static const struct store_ops azure_ops = {
    .scheme = "azure",
    .caps = STORE_CAP_LEASE | STORE_CAP_COPY_FROM_URL | STORE_CAP_GRANT |
	STORE_CAP_LEND | STORE_CAP_TRAITS | STORE_CAP_UNDO | STORE_CAP_KINDS,
    .stage = azure_stage,
    .commit = azure_commit_op,
    .discard = azure_discard,
    .stat = azure_stat,
    .read = azure_read,
    .list = azure_page,
    .remove = azure_remove,
    .lease = &azure_lease_ops,
    .copy = &azure_copy_ops,
    .grant = &azure_grant_ops,
    .lend = &azure_lend_ops,
    .traits = &azure_trait_ops,
    .undo = &azure_undo_ops,
    .kinds = &azure_kind_ops,
    .free = azure_free,
};

/* Takes what init did, good or not. */
static struct store *
finish_open(struct store_azure *a, int rc)
{
	if (rc != 0) {
		azure_free(&a->base);
		return NULL;
	}
	a->base.url = xstrdup(a->container.shown);
	return &a->base;
}

static struct store_azure *
new_store(void)
{
	struct store_azure *a = xcalloc(1, sizeof(*a));

	a->base.ops = &azure_ops;
	a->held = azure_held_new();
	a->user_key = azure_user_key_new();
	return a;
}

struct store *
store_azure_open(
    const struct url *u, const struct store_opts *opts, struct err *err)
{
	struct store_azure *a = new_store();

	return finish_open(
	    a, azure_container_init(&a->container, u, opts, err));
}

struct store *
store_azure_beside(
    const struct store *s, const char *container, struct err *err)
{
	struct store_azure *a = new_store();

	a->lent = true;
	return finish_open(a,
	    azure_container_beside(
		&a->container, store_azure_container(s), container, err));
}

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/chunk.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "storage/store.h"

#include "tests/sim/store_copier.h"

#define URL_FORMAT "sim:%" PRIxPTR "/"

struct store_copier {
	struct store base;
	struct store *inner;
};

static struct store *
inner_of(struct store *s)
{
	return ((struct store_copier *)s)->inner;
}

static int
copier_stage(struct store *s, const struct scope *scope, const char *blob,
    const struct block_id *id, struct chunk *const *chunks, size_t n,
    struct err *err)
{
	struct store *in = inner_of(s);

	return in->ops->stage(in, scope, blob, id, chunks, n, err);
}

static int
copier_commit(struct store *s, const struct scope *scope, const char *blob,
    const struct block_id *ids, size_t n, const struct commit_opts *opts,
    struct blob_props *props, struct err *err)
{
	struct store *in = inner_of(s);

	return in->ops->commit(in, scope, blob, ids, n, opts, props, err);
}

static void
copier_discard(
    struct store *s, const char *blob, const struct block_id *ids, size_t n)
{
	inner_of(s)->ops->discard(inner_of(s), blob, ids, n);
}

static int
copier_stat(struct store *s, const struct scope *scope, const char *blob,
    struct blob_props *props, struct err *err)
{
	return inner_of(s)->ops->stat(inner_of(s), scope, blob, props, err);
}

static int
copier_read(struct store *s, const struct scope *scope, const char *blob,
    const char *etag, uint64_t off, void *out, size_t len, struct err *err)
{
	struct store *in = inner_of(s);

	return in->ops->read(in, scope, blob, etag, off, out, len, err);
}

static int
copier_list(struct store *s, const struct scope *scope,
    const struct list_opts *opts, const char *marker, struct list_page *page,
    struct err *err)
{
	struct store *in = inner_of(s);

	return in->ops->list(in, scope, opts, marker, page, err);
}

static int
copier_remove(struct store *s, const struct scope *scope, const char *blob,
    const struct store_cond *cond, struct err *err)
{
	return inner_of(s)->ops->remove(inner_of(s), scope, blob, cond, err);
}

static int
copier_stage_from(struct store *s, const struct scope *scope, const char *blob,
    const struct block_id *id, const struct store_grant *src,
    const char *src_etag, uint64_t off, uint64_t len, struct err *err)
{
	struct store *peer;
	struct chunk *c;
	uintptr_t at;
	int rc;

	if (sscanf(src->url, URL_FORMAT, &at) != 1)
		return err_set(err, ERR_UNSUPPORTED, "cannot reach it");
	peer = (struct store *)at;
	c = chunk_new(NULL, len, scope, err);
	if (c == NULL)
		return -1;
	rc = peer->ops->read(peer, scope, strchr(src->url, '/') + 1, src_etag,
	    off, chunk_room(c), len, err);
	chunk_set_len(c, len);
	if (rc == 0)
		rc = copier_stage(s, scope, blob, id, &c, 1, err);
	chunk_unref(c);
	return rc;
}

/* It knows blocks alone. */
static struct put_call *
copier_put_begin(struct store *s, const struct scope *scope,
    const struct put_from *what, void (*ended)(void *arg), void *arg,
    struct err *err)
{
	(void)s;
	(void)scope;
	(void)what;
	(void)ended;
	(void)arg;
	err_set(err, ERR_UNSUPPORTED, "it copies by blocks");
	return NULL;
}

static int
copier_put_end(struct put_call *call, struct blob_props *props, struct err *err)
{
	(void)call;
	(void)props;
	return err_set(err, ERR_UNSUPPORTED, "it copies by blocks");
}

/* Nor is told what it has. */
static int
copier_staged(struct store *s, const struct scope *scope, const char *blob,
    const struct block_id *ids, size_t n, bool *there, struct err *err)
{
	(void)s;
	(void)scope;
	(void)blob;
	(void)ids;
	(void)n;
	(void)there;
	(void)err;
	return 0;
}

static int
copier_grant(struct store *s, const struct scope *scope, const char *blob,
    int64_t valid_ms, struct store_grant *grant, struct err *err)
{
	size_t len = strlen(blob) + 64;

	(void)err;
	*grant = (struct store_grant){
	    .url = xmalloc(len),
	    .expires_ms = scope_wall_ms(scope) + valid_ms,
	};
	snprintf(
	    grant->url, len, URL_FORMAT "%s", (uintptr_t)inner_of(s), blob);
	return 0;
}

static void
copier_free(struct store *s)
{
	struct store_copier *c = (struct store_copier *)s;

	store_free(c->inner);
	free(c->base.url);
	free(c);
}

static const struct store_copy_ops copier_copy_ops = {
    .put_begin = copier_put_begin,
    .put_end = copier_put_end,
    .staged = copier_staged,
    .stage_from = copier_stage_from,
};

static const struct store_grant_ops copier_grant_ops = {
    .read = copier_grant,
};

static const struct store_ops copier_ops = {
    .scheme = "copier",
    .caps = STORE_CAP_COPY_FROM_URL | STORE_CAP_GRANT,
    .stage = copier_stage,
    .commit = copier_commit,
    .discard = copier_discard,
    .stat = copier_stat,
    .read = copier_read,
    .list = copier_list,
    .remove = copier_remove,
    .copy = &copier_copy_ops,
    .grant = &copier_grant_ops,
    .free = copier_free,
};

struct store *
store_copier_new(struct store *take_inner)
{
	struct store_copier *c = xcalloc(1, sizeof(*c));

	c->base.ops = &copier_ops;
	c->base.url = xstrdup(take_inner->url);
	c->inner = take_inner;
	return &c->base;
}

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/scope.h"
#include "storage/store_commit.h"

#include "storage/store.h"

/* How often a blob may be replaced under a store_get() before it gives up. */
#define GET_TRIES 8

void
store_free(struct store *s)
{
	if (s != NULL)
		s->ops->free(s);
}

void
list_page_release(struct list_page *page)
{
	arena_release(&page->arena);
	free(page->items);
	free(page->next);
	*page = (struct list_page){0};
}

static void
wipe(char *s)
{
	if (s != NULL)
		explicit_bzero(s, strlen(s));
	free(s);
}

void
store_grant_release(struct store_grant *g)
{
	wipe(g->url);
	wipe(g->authorization);
	*g = (struct store_grant){0};
}

void
store_lent_url_free(char *url)
{
	wipe(url);
}

int
store_lend_check(const struct store *s, struct err *err)
{
	if ((s->ops->caps & STORE_CAP_LEND) != 0)
		return s->ops->lend->check(s, err);
	return err_set(err, ERR_UNSUPPORTED,
	    "Azure cannot write to or read from '%.200s': it takes a container "
	    "of a storage account in the region of the Redis "
	    "(https://ACCOUNT.blob.core.windows.net/CONTAINER)",
	    s->url);
}

int
store_put(struct store *s, const struct scope *scope, const char *blob,
    const void *data, size_t len, const struct commit_opts *given,
    struct blob_props *props, struct err *err)
{
	struct commit_opts opts = given != NULL ? *given
						: (struct commit_opts){0};
	struct chunk *c = chunk_view(data, len);
	struct commit_plan plan = {.n = len > 0, .size = len, .opts = &opts};
	unsigned char sum[MD5_BYTES];
	struct block_id id;
	uint64_t nonce;
	int rc = 0;

	/* With the sum a lost answer can be read back for certain. */
	if (opts.md5 == NULL) {
		md5(data, len, sum);
		opts.md5 = sum;
	}
	scope_random(scope, &nonce, sizeof(nonce));
	snprintf(id.hex, sizeof(id.hex), "%016" PRIx64 "%08x", nonce, 0U);
	plan.ids = &id;
	if (len > 0)
		rc = s->ops->stage(s, scope, blob, &id, &c, 1, err);
	if (rc == 0)
		rc = store_commit(s, scope, blob, &plan, props, err);
	if (rc != 0 && len > 0)
		s->ops->discard(s, blob, &id, 1);
	chunk_unref(c);
	return rc;
}

static int
get_once(struct store *s, const struct scope *scope, const char *blob,
    struct buf *out, struct blob_props *props, struct err *err)
{
	char *data;
	int rc = 0;

	if (s->ops->stat(s, scope, blob, props, err) != 0)
		return -1;
	if (props->size > out->max)
		return err_set(err, ERR_CORRUPT,
		    "'%s' has %" PRIu64 " bytes where at most %zu are "
		    "expected",
		    blob, props->size, out->max);
	data = malloc(props->size + 1);
	if (data == NULL)
		return err_sys(
		    err, "'%s' of %" PRIu64 " bytes", blob, props->size);
	if (props->size > 0)
		rc = s->ops->read(
		    s, scope, blob, props->etag, 0, data, props->size, err);
	if (rc == 0)
		buf_add(out, data, props->size);
	free(data);
	return rc;
}

int
store_get(struct store *s, const struct scope *scope, const char *blob,
    size_t max, struct buf *out, struct blob_props *props, struct err *err)
{
	struct blob_props mine;
	int tries = 0;
	int rc;

	buf_release(out);
	buf_init(out, max);
	do {
		*err = (struct err){0};
		rc = get_once(
		    s, scope, blob, out, props != NULL ? props : &mine, err);
	} while (rc != 0 && err->kind == ERR_CONFLICT && ++tries < GET_TRIES);
	return rc;
}

static int
each_of(const struct list_page *page,
    int (*each)(void *arg, const struct list_item *, struct err *), void *arg,
    struct err *err)
{
	for (size_t i = 0; i < page->n; i++)
		if (each(arg, &page->items[i], err) != 0)
			return -1;
	return 0;
}

int
store_each(struct store *s, const struct scope *scope,
    const struct list_opts *opts,
    int (*each)(void *arg, const struct list_item *, struct err *), void *arg,
    struct err *err)
{
	char *marker = NULL;
	int rc;

	do {
		struct list_page page = {0};

		rc = s->ops->list(s, scope, opts, marker, &page, err);
		if (rc == 0)
			rc = each_of(&page, each, arg, err);
		free(marker);
		marker = page.next;
		page.next = NULL;
		list_page_release(&page);
	} while (rc == 0 && marker != NULL);
	free(marker);
	return rc;
}

#include <stdlib.h>
#include <string.h>

#include "base/chunk.h"
#include "base/xalloc.h"
#include "storage/blob_name.h"

#include "tests/sim/fake_store_private.h"

static struct fake_block *
block_find(struct fake_blob *b, const struct block_id *id)
{
	struct fake_block *n = b != NULL ? b->blocks : NULL;

	while (n != NULL && strcmp(n->id.hex, id->hex) != 0)
		n = n->next;
	return n;
}

static void
block_put(struct fake_blob *b, const struct block_id *id, unsigned char *take,
    size_t len)
{
	struct fake_block *n = block_find(b, id);

	if (n == NULL) {
		n = xcalloc(1, sizeof(*n));
		n->id = *id;
		n->next = b->blocks;
		b->blocks = n;
	}
	free(n->data);
	n->data = take;
	n->len = len;
}

static void
blocks_drop(struct fake_blob *b)
{
	struct fake_block *n;

	while ((n = b->blocks) != NULL) {
		b->blocks = n->next;
		free(n->data);
		free(n);
	}
}

static int
fake_stage(struct store *s, const struct scope *scope, const char *blob,
    const struct block_id *id, struct chunk *const *chunks, size_t n,
    struct err *err)
{
	unsigned char *data;
	size_t len = 0;

	if (fake_begin(s, FAKE_STAGE, scope, blob, err) != 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		len += chunks[i]->len;
	data = xmalloc(len + 1);
	len = 0;
	for (size_t i = 0; i < n; i++) {
		memcpy(data + len, chunks[i]->data, chunks[i]->len);
		len += chunks[i]->len;
	}
	block_put(fake_make(fake_of(s), blob), id, data, len);
	return fake_end(s, FAKE_STAGE, blob, 0, err);
}

/* What the blocks make, one after the other; NULL when one is not there. */
static struct fake_state *
assemble(struct fake_blob *b, const struct block_id *ids, size_t n,
    const struct commit_opts *opts, struct err *err)
{
	struct blob_traits plain = {
	    .content_type = opts->content_type != NULL
		? opts->content_type
		: "application/octet-stream",
	    .content_encoding = opts->content_encoding,
	};
	struct fake_state *st;
	size_t len = 0, at = 0;

	for (size_t i = 0; i < n; i++) {
		const struct fake_block *bl = block_find(b, &ids[i]);

		if (bl == NULL) {
			err_set(err, ERR_CONFLICT, "staged blocks are gone");
			return NULL;
		}
		len += bl->len;
	}
	st = fake_state_new(
	    BLOB_BLOCK, len, opts->traits != NULL ? opts->traits : &plain);
	for (size_t i = 0; i < n; i++) {
		const struct fake_block *bl = block_find(b, &ids[i]);

		memcpy(st->data + at, bl->data, bl->len);
		at += bl->len;
	}
	if (opts->md5 != NULL) {
		memcpy(st->props.md5, opts->md5, MD5_BYTES);
		st->props.has_md5 = true;
	}
	return st;
}

static int
fake_commit(struct store *s, const struct scope *scope, const char *blob,
    const struct block_id *ids, size_t n, const struct commit_opts *given,
    struct blob_props *props, struct err *err)
{
	static const struct commit_opts none;
	const struct commit_opts *opts = given != NULL ? given : &none;
	struct fake_store *f = fake_of(s);
	struct fake_state *st = NULL;
	struct fake_blob *b;

	if (fake_begin(s, FAKE_COMMIT, scope, blob, err) != 0)
		return -1;
	b = fake_make(f, blob);
	if (fake_may_write(f, blob, &opts->cond, err) == 0)
		st = assemble(b, ids, n, opts, err);
	if (st != NULL && b->now != NULL && b->now->props.type != BLOB_BLOCK) {
		err_set(err, ERR_CONFLICT, "InvalidBlobType");
		fake_state_free(st);
		st = NULL;
	}
	if (st == NULL)
		return fake_end(s, FAKE_COMMIT, blob, -1, err);
	fake_replace(f, blob, st);
	blocks_drop(b);
	if (props != NULL)
		*props = st->props;
	return fake_end(s, FAKE_COMMIT, blob, 0, err);
}

/* The service has no such call, and keeps what was staged. */
static void
fake_discard(
    struct store *s, const char *blob, const struct block_id *ids, size_t n)
{
	(void)s;
	(void)blob;
	(void)ids;
	(void)n;
}

static int
fake_stat(struct store *s, const struct scope *scope, const char *blob,
    struct blob_props *props, struct err *err)
{
	struct fake_blob *b;

	if (fake_begin(s, FAKE_STAT, scope, blob, err) != 0)
		return -1;
	b = fake_there(fake_of(s), blob, err);
	if (b != NULL)
		*props = b->now->props;
	return fake_end(s, FAKE_STAT, blob, b != NULL ? 0 : -1, err);
}

static int
read_part(const struct fake_state *st, const char *etag, uint64_t off,
    void *out, size_t len, struct err *err)
{
	if (etag != NULL && strcmp(etag, st->props.etag) != 0)
		return err_set(err, ERR_CONFLICT, "it is another by now");
	if (st->traits.tier == TIER_ARCHIVE)
		return err_set(err, ERR_UNSUPPORTED, "BlobArchived");
	if (off > st->props.size || len > st->props.size - off)
		return err_set(err, ERR_CORRUPT, "it ends before that");
	memcpy(out, st->data + off, len);
	return 0;
}

static int
fake_read(struct store *s, const struct scope *scope, const char *blob,
    const char *etag, uint64_t off, void *out, size_t len, struct err *err)
{
	struct fake_blob *b;
	int rc = -1;

	if (fake_begin(s, FAKE_READ, scope, blob, err) != 0)
		return -1;
	b = fake_there(fake_of(s), blob, err);
	if (b != NULL)
		rc = read_part(b->now, etag, off, out, len, err);
	return fake_end(s, FAKE_READ, blob, rc, err);
}

static struct list_item *
add_item(struct list_page *page, const char *name, size_t len)
{
	struct list_item *item;

	if (page->n == page->alloc) {
		page->alloc = page->alloc != 0 ? 2 * page->alloc : 64;
		page->items = xreallocarray(
		    page->items, page->alloc, sizeof(*page->items));
	}
	item = &page->items[page->n++];
	*item = (struct list_item){
	    .name = arena_memdup(&page->arena, name, len)};
	return item;
}

static void
add_blob(struct list_page *page, const char *name, const struct fake_state *st,
    unsigned with)
{
	struct list_item *item = add_item(page, name, strlen(name));

	item->props = st->props;
	if ((with & LIST_TRAITS) == 0)
		return;
	item->traits = arena_alloc(&page->arena, sizeof(*item->traits));
	fake_traits_copy(&page->arena, item->traits, &st->traits);
	item->traits->tags_told = (with & LIST_TAGS) != 0;
	if (!item->traits->tags_told)
		item->traits->tags = (struct trait_list){0};
}

/* The i-th in the order in which it is told. */
static const struct fake_blob *
told(const struct fake_store *f, size_t i)
{
	for (int k = 0; k < 2 && f->swap[0] != NULL; k++)
		if (strcmp(f->blobs[i]->name, f->swap[k]) == 0) {
			const struct fake_blob *other = fake_find(
			    (struct fake_store *)f, f->swap[1 - k]);

			return other != NULL ? other : f->blobs[i];
		}
	return f->blobs[i];
}

/* One name, or the directory that it is in. */
static void
list_one(struct list_page *page, const struct fake_blob *b,
    const struct list_opts *opts)
{
	size_t skip = opts->prefix != NULL ? strlen(opts->prefix) : 0;
	const char *slash = opts->by_directory ? strchr(b->name + skip, '/')
					       : NULL;
	size_t len;

	if (slash == NULL) {
		add_blob(page, b->name, b->now, opts->with);
		return;
	}
	len = (size_t)(slash + 1 - b->name);
	if (page->n > 0 && page->items[page->n - 1].is_prefix &&
	    strlen(page->items[page->n - 1].name) == len &&
	    memcmp(page->items[page->n - 1].name, b->name, len) == 0)
		return;
	add_item(page, b->name, len)->is_prefix = true;
}

/* Beyond what the marker, the last that was told, stands for. */
static bool
is_after(const char *name, const char *marker)
{
	size_t len = strlen(marker);

	if (len > 0 && marker[len - 1] == '/' &&
	    strncmp(name, marker, len) == 0)
		return false;
	return blob_name_compare(name, marker) > 0;
}

static void
list_from(struct fake_store *f, const struct list_opts *opts,
    const char *marker, struct list_page *page)
{
	const char *prefix = opts->prefix != NULL ? opts->prefix : "";
	size_t most = opts->page_size != 0 ? opts->page_size : 5000;
	size_t before = 0; /* of the last that was told */

	for (size_t i = 0; i < f->nblobs; i++) {
		const struct fake_blob *b = told(f, i);

		if (b->now == NULL ||
		    strncmp(b->name, prefix, strlen(prefix)) != 0 ||
		    (marker != NULL && !is_after(f->blobs[i]->name, marker)))
			continue;
		if (page->n == most) {
			const struct list_item *last = &page->items[most - 1];

			page->next = xstrdup(last->is_prefix
				? last->name
				: f->blobs[before]->name);
			return;
		}
		list_one(page, b, opts);
		before = i;
	}
}

static int
fake_list(struct store *s, const struct scope *scope,
    const struct list_opts *given, const char *marker, struct list_page *page,
    struct err *err)
{
	struct list_opts opts = given != NULL ? *given : (struct list_opts){0};
	struct fake_store *f = fake_of(s);
	int rc = 0;

	if (f->tags_hidden)
		opts.with &= ~(unsigned)LIST_TAGS;
	*page = (struct list_page){0};
	if (fake_begin(s, FAKE_LIST, scope, NULL, err) != 0)
		return -1;
	if (f->no_container)
		rc = err_set(err, ERR_SERVER, "ContainerNotFound");
	else
		list_from(f, &opts, marker, page);
	rc = fake_end(s, FAKE_LIST, NULL, rc, err);
	if (rc != 0)
		list_page_release(page);
	return rc;
}

static int
remove_it(struct fake_store *f, struct fake_blob *b,
    const struct store_cond *cond, struct err *err)
{
	if (fake_may_write(f, b->name, cond, err) != 0)
		return -1;
	if (b->snapshots != NULL)
		return err_set(err, ERR_CONFLICT, "SnapshotsPresent");
	fake_state_free(b->gone);
	b->gone = NULL;
	if (f->soft_days > 0)
		b->gone = b->now;
	else
		fake_state_free(b->now);
	b->now = NULL;
	return 0;
}

static int
fake_remove(struct store *s, const struct scope *scope, const char *blob,
    const struct store_cond *cond, struct err *err)
{
	struct fake_store *f = fake_of(s);
	struct fake_blob *b;
	int rc = -1;

	if (fake_begin(s, FAKE_REMOVE, scope, blob, err) != 0)
		return -1;
	b = fake_there(f, blob, err);
	if (b != NULL)
		rc = remove_it(f, b, cond, err);
	return fake_end(s, FAKE_REMOVE, blob, rc, err);
}

const struct store_ops fake_ops = {
    .scheme = "fake",
    .caps = STORE_CAP_COPY_FROM_URL | STORE_CAP_GRANT | STORE_CAP_TRAITS |
	STORE_CAP_UNDO | STORE_CAP_KINDS,
    .stage = fake_stage,
    .commit = fake_commit,
    .discard = fake_discard,
    .stat = fake_stat,
    .read = fake_read,
    .list = fake_list,
    .remove = fake_remove,
    .copy = &fake_copy_ops,
    .grant = &fake_grant_ops,
    .traits = &fake_trait_ops,
    .undo = &fake_undo_ops,
    .kinds = &fake_kind_ops,
};

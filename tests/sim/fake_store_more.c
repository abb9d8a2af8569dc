/* What blobs carry, what brings them back, and blobs of the other types. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/chunk.h"
#include "base/xalloc.h"

#include "tests/sim/fake_store_private.h"

static int
fake_look(struct store *s, const struct scope *scope, const char *blob,
    const char *snapshot, unsigned with, struct blob_view *view,
    struct err *err)
{
	const struct fake_state *st = NULL;
	struct fake_snapshot *sn;
	struct fake_blob *b;
	int rc;

	*view = (struct blob_view){0};
	if (fake_begin(s, FAKE_LOOK, scope, blob, err) != 0)
		return -1;
	b = fake_there(fake_of(s), blob, err);
	if (b != NULL && snapshot == NULL)
		st = b->now;
	else if (b != NULL && (sn = fake_snapshot_find(b, snapshot)) != NULL)
		st = sn->state;
	else
		err_set(err, ERR_MISSING, "'%.200s' is not there", blob);
	if (st != NULL) {
		view->props = st->props;
		fake_traits_copy(&view->arena, &view->traits, &st->traits);
		view->traits.tags_told = (with & LIST_TAGS) != 0;
		if (!view->traits.tags_told)
			view->traits.tags = (struct trait_list){0};
	}
	rc = fake_end(s, FAKE_LOOK, blob, st != NULL ? 0 : -1, err);
	if (rc != 0)
		arena_release(&view->arena);
	return rc;
}

static void
set_traits(struct fake_state *st, unsigned which,
    const struct blob_traits *traits, const unsigned char *sum)
{
	struct fake_state *given = fake_state_new(st->props.type, 0, traits);
	struct blob_traits all = st->traits;
	struct fake_state *made;

	if ((which & TRAIT_HEADERS) != 0) {
		all.content_type = given->traits.content_type;
		all.content_encoding = given->traits.content_encoding;
		all.content_language = given->traits.content_language;
		all.content_disposition = given->traits.content_disposition;
		all.cache_control = given->traits.cache_control;
		st->props.has_md5 = sum != NULL;
		if (sum != NULL)
			memcpy(st->props.md5, sum, MD5_BYTES);
		memcpy(st->props.content_type, given->props.content_type,
		    sizeof(st->props.content_type));
	}
	if ((which & TRAIT_METADATA) != 0)
		all.metadata = given->traits.metadata;
	if ((which & TRAIT_TAGS) != 0)
		all.tags = given->traits.tags;
	if ((which & TRAIT_TIER) != 0) {
		all.tier = given->traits.tier;
		all.tier_name = given->traits.tier_name;
		all.tier_is_inferred = false;
	}
	made = fake_state_new(st->props.type, 0, &all);
	made->traits.is_leased = st->traits.is_leased;
	made->traits.is_held = st->traits.is_held;
	arena_release(&st->arena);
	st->traits = made->traits;
	st->arena = made->arena;
	made->arena = (struct arena){0};
	fake_state_free(made);
	fake_state_free(given);
}

static int
fake_set(struct store *s, const struct scope *scope, const char *blob,
    const char *etag, unsigned which, const struct blob_traits *traits,
    const unsigned char *sum, struct blob_props *props, struct err *err)
{
	const struct store_cond cond = {.if_match = etag};
	struct fake_store *f = fake_of(s);
	struct fake_blob *b;
	int rc = -1;

	if (fake_begin(s, FAKE_SET, scope, blob, err) != 0)
		return -1;
	b = fake_there(f, blob, err);
	if (b != NULL && fake_may_write(f, blob, &cond, err) == 0) {
		set_traits(b->now, which, traits, sum);
		/* Tags and tiers change no ETag. */
		if ((which & (TRAIT_HEADERS | TRAIT_METADATA)) != 0)
			fake_touch(f, b->now);
		if (props != NULL)
			*props = b->now->props;
		rc = 0;
	}
	return fake_end(s, FAKE_SET, blob, rc, err);
}

static int
fake_exists(struct store *s, const struct scope *scope, struct err *err)
{
	int rc = 0;

	if (fake_begin(s, FAKE_EXISTS, scope, NULL, err) != 0)
		return -1;
	if (fake_of(s)->no_container)
		rc = err_set(err, ERR_MISSING, "there is no container");
	return fake_end(s, FAKE_EXISTS, NULL, rc, err);
}

static int
fake_create_container(
    struct store *s, const struct scope *scope, struct err *err)
{
	if (fake_begin(s, FAKE_CREATE_CONTAINER, scope, NULL, err) != 0)
		return -1;
	fake_of(s)->no_container = false;
	return fake_end(s, FAKE_CREATE_CONTAINER, NULL, 0, err);
}

const struct store_trait_ops fake_trait_ops = {
    .look = fake_look,
    .set = fake_set,
    .exists = fake_exists,
    .create = fake_create_container,
};

static int
fake_snapshot(struct store *s, const struct scope *scope, const char *blob,
    const char *etag, char id[64], struct err *err)
{
	struct fake_store *f = fake_of(s);
	struct fake_snapshot *sn;
	struct fake_blob *b;
	int rc = -1;

	if (fake_begin(s, FAKE_SNAPSHOT, scope, blob, err) != 0)
		return -1;
	b = fake_there(f, blob, err);
	if (b != NULL && etag != NULL &&
	    strcmp(etag, b->now->props.etag) != 0) {
		err_set(err, ERR_CONFLICT, "it is another by now");
	} else if (b != NULL) {
		sn = xcalloc(1, sizeof(*sn));
		snprintf(sn->id, sizeof(sn->id), "2026-01-01T00:00:00.%07uZ",
		    ++f->etags);
		sn->state = fake_state_copy(b->now);
		sn->next = b->snapshots;
		b->snapshots = sn;
		memcpy(id, sn->id, sizeof(sn->id));
		rc = 0;
	}
	return fake_end(s, FAKE_SNAPSHOT, blob, rc, err);
}

static int
fake_snapshot_remove(struct store *s, const struct scope *scope,
    const char *blob, const char *id, struct err *err)
{
	struct fake_blob *b;

	if (fake_begin(s, FAKE_SNAPSHOT_REMOVE, scope, blob, err) != 0)
		return -1;
	b = fake_find(fake_of(s), blob);
	for (struct fake_snapshot **p = b != NULL ? &b->snapshots : NULL;
	     p != NULL && *p != NULL; p = &(*p)->next)
		if (strcmp((*p)->id, id) == 0) {
			struct fake_snapshot *sn = *p;

			*p = sn->next;
			fake_state_free(sn->state);
			free(sn);
			break;
		}
	return fake_end(s, FAKE_SNAPSHOT_REMOVE, blob, 0, err);
}

static int
fake_promote(struct store *s, const struct scope *scope, const char *blob,
    const char *id, struct blob_props *props, struct err *err)
{
	struct fake_store *f = fake_of(s);
	struct fake_snapshot *sn = NULL;
	struct fake_blob *b;
	int rc = -1;

	if (fake_begin(s, FAKE_PROMOTE, scope, blob, err) != 0)
		return -1;
	b = fake_find(f, blob);
	if (b != NULL)
		sn = fake_snapshot_find(b, id);
	if (sn == NULL)
		err_set(err, ERR_MISSING, "there is no such snapshot");
	else if (fake_may_write(f, blob, NULL, err) == 0) {
		fake_replace(f, blob, fake_state_copy(sn->state));
		if (props != NULL)
			*props = b->now->props;
		rc = 0;
	}
	return fake_end(s, FAKE_PROMOTE, blob, rc, err);
}

static int
fake_undelete(struct store *s, const struct scope *scope, const char *blob,
    struct err *err)
{
	struct fake_store *f = fake_of(s);
	struct fake_blob *b;
	int rc = 0;

	if (fake_begin(s, FAKE_UNDELETE, scope, blob, err) != 0)
		return -1;
	b = fake_find(f, blob);
	if (b != NULL && b->now == NULL && b->gone != NULL) {
		fake_replace(f, blob, b->gone);
		b->gone = NULL;
	} else if (b == NULL || b->now == NULL) {
		rc = err_set(err, ERR_MISSING, "nothing to bring back");
	}
	return fake_end(s, FAKE_UNDELETE, blob, rc, err);
}

static int
fake_keeps_deleted(
    struct store *s, const struct scope *scope, int *days, struct err *err)
{
	if (fake_begin(s, FAKE_KEEPS_DELETED, scope, NULL, err) != 0)
		return -1;
	*days = fake_of(s)->soft_days;
	return fake_end(s, FAKE_KEEPS_DELETED, NULL, 0, err);
}

const struct store_undo_ops fake_undo_ops = {
    .snapshot = fake_snapshot,
    .snapshot_remove = fake_snapshot_remove,
    .promote = fake_promote,
    .undelete = fake_undelete,
    .keeps_deleted = fake_keeps_deleted,
};

static int
fake_create(struct store *s, const struct scope *scope, const char *blob,
    enum blob_type type, uint64_t size, const struct commit_opts *opts,
    struct blob_props *props, struct err *err)
{
	struct fake_store *f = fake_of(s);
	struct blob_traits plain = {.content_type = opts->content_type};
	struct fake_state *st;
	int rc = -1;

	if (fake_begin(s, FAKE_CREATE, scope, blob, err) != 0)
		return -1;
	if (type == BLOB_PAGE ? size % 512 != 0 : size != 0) {
		err_set(err, ERR_USAGE, "it cannot begin with that size");
	} else if (fake_may_write(f, blob, &opts->cond, err) == 0) {
		st = fake_state_new(type, type == BLOB_PAGE ? size : 0,
		    opts->traits != NULL ? opts->traits : &plain);
		st->traits.is_sealed = false;
		if (opts->md5 != NULL) {
			memcpy(st->props.md5, opts->md5, MD5_BYTES);
			st->props.has_md5 = true;
		}
		fake_replace(f, blob, st);
		if (props != NULL)
			*props = st->props;
		rc = 0;
	}
	return fake_end(s, FAKE_CREATE, blob, rc, err);
}

static int
write_pages(struct fake_state *st, uint64_t off, const unsigned char *data,
    size_t len, struct err *err)
{
	if (off % 512 != 0 || len % 512 != 0 || len > ((size_t)4 << 20) ||
	    off > st->props.size || len > st->props.size - off)
		return err_set(err, ERR_USAGE, "InvalidPageRange");
	memcpy(st->data + off, data, len);
	return 0;
}

/* Safe twice: what is there already, the same, at that place. */
static int
append(struct fake_state *st, uint64_t off, const unsigned char *data,
    size_t len, struct err *err)
{
	if (off < st->props.size && st->props.size - off == len &&
	    memcmp(st->data + off, data, len) == 0)
		return 0;
	if (off != st->props.size)
		return err_set(
		    err, ERR_CONFLICT, "AppendPositionConditionNotMet");
	if (st->traits.is_sealed)
		return err_set(err, ERR_SERVER, "BlobIsSealed");
	st->data = xreallocarray(st->data, 1, off + len + 1);
	memcpy(st->data + off, data, len);
	st->props.size += len;
	return 0;
}

/* The lock is held. */
static int
write_at(struct fake_store *f, const char *blob, enum blob_type type,
    uint64_t off, const unsigned char *data, size_t len, struct err *err)
{
	struct fake_blob *b = fake_there(f, blob, err);
	int rc;

	if (b == NULL || fake_may_write(f, blob, NULL, err) != 0)
		return -1;
	if (b->now->props.type != type)
		return err_set(err, ERR_CONFLICT, "InvalidBlobType");
	if (type == BLOB_PAGE)
		rc = write_pages(b->now, off, data, len, err);
	else
		rc = append(b->now, off, data, len, err);
	if (rc == 0)
		fake_touch(f, b->now);
	return rc;
}

static int
fake_write(struct store *s, const struct scope *scope, const char *blob,
    enum blob_type type, uint64_t off, struct chunk *c, struct err *err)
{
	int rc;

	if (fake_begin(s, FAKE_WRITE, scope, blob, err) != 0)
		return -1;
	rc = write_at(fake_of(s), blob, type, off, c->data, c->len, err);
	return fake_end(s, FAKE_WRITE, blob, rc, err);
}

static int
fake_write_from(struct store *s, const struct scope *scope, const char *blob,
    enum blob_type type, uint64_t off, uint64_t len,
    const struct put_from *what, struct err *err)
{
	struct fake_store *f = fake_of(s);
	struct fake_state *src;
	int rc = -1;

	if (fake_begin(s, FAKE_WRITE_FROM, scope, blob, err) != 0)
		return -1;
	monitor_unlock(&f->mon);
	src = fake_fetch(scope, what->src_url, what->src_etag, err);
	monitor_lock(&f->mon);
	if (src != NULL && off + len <= src->props.size)
		rc = write_at(f, blob, type, off, src->data + off, len, err);
	else if (src != NULL)
		err_set(err, ERR_CORRUPT, "InvalidRange");
	fake_state_free(src);
	return fake_end(s, FAKE_WRITE_FROM, blob, rc, err);
}

static struct blob_range *
find_ranges(const struct fake_state *st, size_t *n)
{
	static const unsigned char zeros[512];
	struct blob_range *list = xcalloc(
	    st->props.size / 512 + 1, sizeof(*list));

	*n = 0;
	for (uint64_t off = 0; off < st->props.size; off += 512) {
		struct blob_range *last = *n > 0 ? &list[*n - 1] : NULL;

		if (memcmp(st->data + off, zeros, 512) == 0)
			continue;
		if (last != NULL && last->off + last->len == off)
			last->len += 512;
		else
			list[(*n)++] = (struct blob_range){off, 512};
	}
	return list;
}

static int
fake_ranges(struct store *s, const struct scope *scope, const char *blob,
    const char *etag, struct blob_range **ranges, size_t *n, struct err *err)
{
	struct fake_blob *b;
	int rc = -1;

	*ranges = NULL;
	*n = 0;
	if (fake_begin(s, FAKE_RANGES, scope, blob, err) != 0)
		return -1;
	b = fake_there(fake_of(s), blob, err);
	if (b != NULL && strcmp(etag, b->now->props.etag) != 0)
		err_set(err, ERR_CONFLICT, "it is another by now");
	else if (b != NULL) {
		*ranges = find_ranges(b->now, n);
		rc = 0;
	}
	rc = fake_end(s, FAKE_RANGES, blob, rc, err);
	if (rc != 0) {
		free(*ranges);
		*ranges = NULL;
	}
	return rc;
}

static int
fake_seal(struct store *s, const struct scope *scope, const char *blob,
    const char *etag, struct err *err)
{
	const struct store_cond cond = {.if_match = etag};
	struct fake_store *f = fake_of(s);
	struct fake_blob *b;
	int rc = -1;

	if (fake_begin(s, FAKE_SEAL, scope, blob, err) != 0)
		return -1;
	b = fake_there(f, blob, err);
	if (b != NULL && fake_may_write(f, blob, &cond, err) == 0) {
		b->now->traits.is_sealed = true;
		fake_touch(f, b->now);
		rc = 0;
	}
	return fake_end(s, FAKE_SEAL, blob, rc, err);
}

const struct store_kind_ops fake_kind_ops = {
    .create = fake_create,
    .write = fake_write,
    .write_from = fake_write_from,
    .ranges = fake_ranges,
    .seal = fake_seal,
};

/* What a blob is, and how a test puts and sees it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

#include "tests/sim/fake_store_private.h"

static void
copy_list(struct arena *a, struct trait_list *to, const struct trait_list *from)
{
	to->n = from->n;
	to->list = NULL;
	if (from->n == 0)
		return;
	to->list = arena_alloc(a, from->n * sizeof(*to->list));
	for (size_t i = 0; i < from->n; i++) {
		to->list[i].name = arena_strdup(a, from->list[i].name);
		to->list[i].value = arena_strdup(a, from->list[i].value);
	}
}

void
fake_traits_copy(
    struct arena *a, struct blob_traits *to, const struct blob_traits *from)
{
	const char **const texts[] = {&to->content_type, &to->content_encoding,
	    &to->content_language, &to->content_disposition, &to->cache_control,
	    &to->tier_name, &to->rehydrating, &to->snapshot, &to->version,
	    &to->copy_id, &to->copy_status};

	*to = *from;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (*texts[i] != NULL)
			*texts[i] = arena_strdup(a, *texts[i]);
	copy_list(a, &to->metadata, &from->metadata);
	copy_list(a, &to->tags, &from->tags);
}

struct fake_state *
fake_state_new(
    enum blob_type type, size_t size, const struct blob_traits *traits)
{
	struct fake_state *st = xcalloc(1, sizeof(*st));

	st->data = xcalloc(1, size + 1);
	st->props.size = size;
	st->props.type = type;
	if (traits == NULL)
		return st;
	fake_traits_copy(&st->arena, &st->traits, traits);
	st->traits.tags_told = true;
	st->traits.tag_count = (unsigned)traits->tags.n;
	st->traits.snapshot = NULL;
	st->traits.copy_id = st->traits.copy_status = NULL;
	st->traits.is_leased = st->traits.is_held = false;
	if (traits->content_type != NULL)
		snprintf(st->props.content_type, sizeof(st->props.content_type),
		    "%s", traits->content_type);
	return st;
}

struct fake_state *
fake_state_copy(const struct fake_state *from)
{
	struct fake_state *st = fake_state_new(
	    from->props.type, from->props.size, &from->traits);

	memcpy(st->data, from->data, from->props.size);
	st->props = from->props;
	return st;
}

void
fake_state_free(struct fake_state *st)
{
	if (st == NULL)
		return;
	arena_release(&st->arena);
	free(st->data);
	free(st);
}

struct blob_props
fake_store_put(struct store *s, const char *blob, enum blob_type type,
    const void *data, size_t len, const struct blob_traits *traits)
{
	struct fake_store *f = fake_of(s);
	struct fake_state *st = fake_state_new(type, len, traits);
	struct blob_props props;

	memcpy(st->data, data, len);
	if (type == BLOB_BLOCK) {
		st->props.has_md5 = true;
		md5(data, len, st->props.md5);
	}
	if (traits != NULL) {
		st->traits.is_leased = traits->is_leased;
		st->traits.is_held = traits->is_held;
	}
	monitor_lock(&f->mon);
	fake_replace(f, blob, st);
	props = st->props;
	monitor_unlock(&f->mon);
	return props;
}

void
fake_store_drop(struct store *s, const char *blob)
{
	struct fake_store *f = fake_of(s);
	struct fake_blob *b;

	monitor_lock(&f->mon);
	b = fake_find(f, blob);
	if (b != NULL) {
		fake_state_free(b->now);
		b->now = NULL;
	}
	monitor_unlock(&f->mon);
}

void
fake_store_lose_block(struct store *s, const char *blob)
{
	struct fake_store *f = fake_of(s);
	struct fake_block **p;
	struct fake_blob *b;

	monitor_lock(&f->mon);
	b = fake_find(f, blob);
	for (p = b != NULL ? &b->blocks : NULL; p != NULL && *p != NULL;
	     p = &(*p)->next)
		if ((*p)->next == NULL) {
			free((*p)->data);
			free(*p);
			*p = NULL;
			break;
		}
	monitor_unlock(&f->mon);
}

void
fake_store_date(struct store *s, const char *blob, int64_t modified_ms)
{
	struct fake_store *f = fake_of(s);
	struct fake_blob *b;

	monitor_lock(&f->mon);
	b = fake_find(f, blob);
	if (b != NULL && b->now != NULL)
		b->now->props.modified_ms = modified_ms;
	monitor_unlock(&f->mon);
}

void
fake_store_lease(struct store *s, const char *blob, bool leased)
{
	struct fake_store *f = fake_of(s);
	struct fake_blob *b;

	monitor_lock(&f->mon);
	b = fake_find(f, blob);
	if (b != NULL && b->now != NULL)
		b->now->traits.is_leased = leased;
	monitor_unlock(&f->mon);
}

struct fake_seen
fake_store_see(struct store *s, const char *blob)
{
	struct fake_store *f = fake_of(s);
	struct fake_seen seen = {.there = false};
	const struct fake_blob *b;

	monitor_lock(&f->mon);
	b = fake_find(f, blob);
	if (b != NULL) {
		for (struct fake_snapshot *n = b->snapshots; n; n = n->next)
			seen.snapshots++;
		for (struct fake_block *n = b->blocks; n; n = n->next)
			seen.blocks++;
	}
	if (b != NULL && b->now != NULL) {
		seen.there = true;
		seen.data = b->now->data;
		seen.props = b->now->props;
		seen.traits = &b->now->traits;
		seen.is_pending = b->now->is_pending;
	}
	monitor_unlock(&f->mon);
	return seen;
}

bool
fake_store_holds(
    struct store *s, const char *blob, const void *data, size_t len)
{
	const struct fake_seen seen = fake_store_see(s, blob);

	return seen.there && seen.props.size == len &&
	    memcmp(seen.data, data, len) == 0;
}

size_t
fake_store_count(struct store *s)
{
	struct fake_store *f = fake_of(s);
	size_t n = 0;

	monitor_lock(&f->mon);
	for (size_t i = 0; i < f->nblobs; i++)
		n += f->blobs[i]->now != NULL;
	monitor_unlock(&f->mon);
	return n;
}

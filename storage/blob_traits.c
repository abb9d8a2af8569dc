#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "storage/blob_traits.h"

#define TYPE_DEFAULT "application/octet-stream"

static const struct {
	const char *name;
	enum blob_tier tier;
} tiers[] = {
    {"Hot", TIER_HOT},
    {"Cool", TIER_COOL},
    {"Cold", TIER_COLD},
    {"Archive", TIER_ARCHIVE},
};

enum blob_tier
blob_tier_parse(const char *name)
{
	if (name == NULL || *name == '\0')
		return TIER_NONE;
	for (size_t i = 0; i < sizeof(tiers) / sizeof(*tiers); i++)
		if (strcasecmp(name, tiers[i].name) == 0)
			return tiers[i].tier;
	return TIER_OTHER;
}

void
blob_view_release(struct blob_view *v)
{
	arena_release(&v->arena);
	*v = (struct blob_view){0};
}

static bool
same_text(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

/* What has none is served with the default one. */
static bool
same_type(const char *a, const char *b)
{
	return strcmp(a != NULL && *a != '\0' ? a : TYPE_DEFAULT,
		   b != NULL && *b != '\0' ? b : TYPE_DEFAULT) == 0;
}

static bool
same_headers(const struct blob_traits *a, const struct blob_traits *b)
{
	return same_type(a->content_type, b->content_type) &&
	    same_text(a->content_encoding, b->content_encoding) &&
	    same_text(a->content_language, b->content_language) &&
	    same_text(a->content_disposition, b->content_disposition) &&
	    same_text(a->cache_control, b->cache_control);
}

static const struct trait *
next_carried(const struct trait_list *l, size_t *at)
{
	while (*at < l->n) {
		const struct trait *t = &l->list[(*at)++];

		if (strcasecmp(t->name, TRAIT_SOURCE_NAME) != 0)
			return t;
	}
	return NULL;
}

static bool
same_metadata(const struct trait_list *a, const struct trait_list *b)
{
	const struct trait *x, *y;
	size_t i = 0, k = 0;

	do {
		x = next_carried(a, &i);
		y = next_carried(b, &k);
		if (x == NULL || y == NULL)
			return x == y;
	} while (strcasecmp(x->name, y->name) == 0 &&
	    strcmp(x->value, y->value) == 0);
	return false;
}

static bool
same_tags(const struct blob_traits *a, const struct blob_traits *b)
{
	if (!a->tags_told || !b->tags_told)
		return true;
	if (a->tags.n != b->tags.n)
		return false;
	for (size_t i = 0; i < a->tags.n; i++)
		if (strcmp(a->tags.list[i].name, b->tags.list[i].name) != 0 ||
		    strcmp(a->tags.list[i].value, b->tags.list[i].value) != 0)
			return false;
	return true;
}

/* "rehydrate-pending-to-hot" */
static bool
is_on_its_way(const struct blob_traits *copy, const char *tier_name)
{
	static const char pending[] = "rehydrate-pending-to-";
	size_t len = sizeof(pending) - 1;

	return copy->rehydrating != NULL && tier_name != NULL &&
	    strncasecmp(copy->rehydrating, pending, len) == 0 &&
	    strcasecmp(copy->rehydrating + len, tier_name) == 0;
}

static bool
same_tier(const struct blob_traits *source, const struct blob_traits *copy)
{
	if (source->tier == TIER_NONE || source->tier_is_inferred ||
	    copy->tier == TIER_NONE)
		return true;
	if (is_on_its_way(copy, source->tier_name))
		return true;
	if (source->tier != copy->tier)
		return false;
	return source->tier != TIER_OTHER ||
	    same_text(source->tier_name, copy->tier_name);
}

unsigned
blob_traits_differ(const struct blob_traits *source,
    const struct blob_traits *copy, unsigned what)
{
	unsigned differ = 0;

	if ((what & TRAIT_HEADERS) != 0 && !same_headers(source, copy))
		differ |= TRAIT_HEADERS;
	if ((what & TRAIT_METADATA) != 0 &&
	    !same_metadata(&source->metadata, &copy->metadata))
		differ |= TRAIT_METADATA;
	if ((what & TRAIT_TAGS) != 0 && !same_tags(source, copy))
		differ |= TRAIT_TAGS;
	if ((what & TRAIT_TIER) != 0 && !same_tier(source, copy))
		differ |= TRAIT_TIER;
	return differ;
}

const char *
trait_get(const struct trait_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcasecmp(l->list[i].name, name) == 0)
			return l->list[i].value;
	return NULL;
}

/* An array of its own, since the old one may be another's too. */
void
trait_set(
    struct arena *a, struct trait_list *l, const char *name, const char *value)
{
	struct trait *list = arena_alloc(a, (l->n + 1) * sizeof(*list));
	struct trait mine = {name, value};
	size_t n = 0;
	size_t i = 0;

	if (value != NULL) {
		mine.name = arena_strdup(a, name);
		mine.value = arena_strdup(a, value);
	}
	while (i < l->n && strcasecmp(l->list[i].name, name) < 0)
		list[n++] = l->list[i++];
	if (value != NULL)
		list[n++] = mine;
	for (; i < l->n; i++)
		if (strcasecmp(l->list[i].name, name) != 0)
			list[n++] = l->list[i];
	*l = (struct trait_list){.list = list, .n = n};
}

static int
by_name(const void *a, const void *b)
{
	const struct trait *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int
by_name_without_case(const void *a, const void *b)
{
	const struct trait *x = a, *y = b;

	return strcasecmp(x->name, y->name);
}

void
trait_sort(struct trait_list *l, bool without_case)
{
	if (l->n > 1)
		qsort(l->list, l->n, sizeof(*l->list),
		    without_case ? by_name_without_case : by_name);
}

static bool
is_metadata_name(const char *name)
{
	if (*name != '_' && !isalpha((unsigned char)*name))
		return false;
	while (*name == '_' || isalnum((unsigned char)*name))
		name++;
	return *name == '\0';
}

static bool
is_metadata_value(const char *value)
{
	while (*value >= ' ' && *value <= '~')
		value++;
	return *value == '\0';
}

const char *
trait_metadata_fault(const struct trait_list *l)
{
	size_t total = 0;

	for (size_t i = 0; i < l->n; i++) {
		const struct trait *t = &l->list[i];

		if (!is_metadata_name(t->name))
			return t->name;
		if (!is_metadata_value(t->value))
			return t->value;
		total += strlen(t->name) + strlen(t->value);
		if (total > METADATA_BYTES_MAX)
			return t->name;
	}
	return NULL;
}

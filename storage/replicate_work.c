#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/xalloc.h"

#include "storage/replicate_private.h"

struct work *
work_new(struct run *r, enum work_what what, const char *name)
{
	struct work *w = xcalloc(1, sizeof(*w));

	w->run = r;
	w->what = what;
	w->name = arena_strdup(&w->arena, name);
	w->ladder = run_ladder(r);
	return w;
}

void
work_free(struct work *w)
{
	if (w == NULL)
		return;
	budget_free(w->budget);
	arena_release(&w->arena);
	free(w);
}

static void
add_loss(char loss[160], const char *what)
{
	size_t len = strlen(loss);

	snprintf(loss + len, 160 - len, "%s%s", len > 0 ? "; " : "", what);
}

/* Each turn takes one away, so it ends. */
static void
drop_metadata(struct arena *arena, struct trait_list *metadata, char loss[160])
{
	const char *bad;

	while (
	    metadata->n > 0 && (bad = trait_metadata_fault(metadata)) != NULL) {
		char what[100];
		size_t before = metadata->n;

		snprintf(
		    what, sizeof(what), "metadata '%.60s' cannot be held", bad);
		add_loss(loss, what);
		trait_set(arena, metadata, bad, NULL);
		if (metadata->n == before)
			metadata->n = 0;
	}
}

void
work_wanted(const struct run *r, struct arena *arena,
    const struct list_item *source, struct list_item *wanted,
    struct blob_traits *traits, char loss[160])
{
	loss[0] = '\0';
	*wanted = *source;
	if (source->props.type != BLOB_BLOCK && r->to->ops->kinds == NULL)
		add_loss(loss, "kept as a plain blob");
	if (source->traits == NULL)
		return;
	*traits = *source->traits;
	wanted->traits = traits;
	if (trait_metadata_fault(&traits->metadata) != NULL)
		drop_metadata(arena, &traits->metadata, loss);
	if (traits->tag_count > 0 && !traits->tags_told &&
	    (r->diff.traits & TRAIT_TAGS) != 0)
		add_loss(loss, "its tags could not be read");
}

static const char *
copy_text(struct arena *arena, const char *text)
{
	return text == NULL ? NULL : arena_strdup(arena, text);
}

static struct trait_list
copy_list(struct arena *arena, const struct trait_list *list)
{
	struct trait_list mine = {.n = list->n};

	if (list->n > 0)
		mine.list = arena_alloc(arena, list->n * sizeof(*mine.list));
	for (size_t i = 0; i < list->n; i++) {
		mine.list[i].name = copy_text(arena, list->list[i].name);
		mine.list[i].value = copy_text(arena, list->list[i].value);
	}
	return mine;
}

static void
copy_traits(struct arena *arena, const struct blob_traits *theirs,
    struct blob_traits *mine)
{
	*mine = *theirs;
	mine->content_type = copy_text(arena, theirs->content_type);
	mine->content_encoding = copy_text(arena, theirs->content_encoding);
	mine->content_language = copy_text(arena, theirs->content_language);
	mine->content_disposition = copy_text(
	    arena, theirs->content_disposition);
	mine->cache_control = copy_text(arena, theirs->cache_control);
	mine->metadata = copy_list(arena, &theirs->metadata);
	mine->tags = copy_list(arena, &theirs->tags);
	mine->tier_name = copy_text(arena, theirs->tier_name);
	mine->rehydrating = copy_text(arena, theirs->rehydrating);
	mine->snapshot = copy_text(arena, theirs->snapshot);
	mine->version = copy_text(arena, theirs->version);
	mine->copy_id = copy_text(arena, theirs->copy_id);
	mine->copy_status = copy_text(arena, theirs->copy_status);
}

/* By which the next run knows what the copy was made of. */
static void
record_source(struct work *w)
{
	const char *etag = w->src.etag;
	size_t len = strlen(etag);
	char value[sizeof(w->run->pair) + 1 + ETAG_MAX];

	if (len >= 2 && etag[0] == '"' && etag[len - 1] == '"') {
		etag++;
		len -= 2;
	}
	snprintf(value, sizeof(value), "%s:%.*s", w->run->pair, (int)len, etag);
	trait_set(&w->arena, &w->traits.metadata, TRAIT_SOURCE_NAME, value);
	drop_metadata(&w->arena, &w->traits.metadata, w->loss);
}

/* Of a store that tells no traits, what props tell. */
static void
traits_of_props(struct work *w)
{
	memset(&w->traits, 0, sizeof(w->traits));
	w->traits.sequence_number = -1;
	w->traits.is_current_version = true;
	if (w->src.content_type[0] != '\0')
		w->traits.content_type = w->src.content_type;
}

void
work_set(struct work *w, const struct list_item *source,
    const struct list_item *copy, unsigned mend)
{
	struct list_item wanted;
	struct blob_traits traits;

	work_wanted(w->run, &w->arena, source, &wanted, &traits, w->loss);
	w->src = source->props;
	if (wanted.traits != NULL)
		copy_traits(&w->arena, wanted.traits, &w->traits);
	else
		traits_of_props(w);
	record_source(w);
	w->mend = mend;
	w->replaces = copy != NULL;
	memset(&w->copy, 0, sizeof(w->copy));
	memset(&w->copy_traits, 0, sizeof(w->copy_traits));
	if (copy != NULL)
		w->copy = copy->props;
	if (copy != NULL && copy->traits != NULL)
		copy_traits(&w->arena, copy->traits, &w->copy_traits);
}

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "storage/azure_look.h"
#include "storage/azure_props.h"
#include "storage/azure_xml.h"
#include "storage/blob_name.h"
#include "storage/blob_traits.h"
#include "storage/store.h"

#include "storage/azure_list.h"

#define TAG_KEY	  "EnumerationResults/Blobs/Blob/Tags/TagSet/Tag/Key"
#define TAG_VALUE "EnumerationResults/Blobs/Blob/Tags/TagSet/Tag/Value"

/* Which part of an item is open. */
enum part { PART_OTHER, PART_PROPERTIES, PART_METADATA, PART_TAGS };

/* Where an element stands is known by its depth and what is open above it:
 * comparing whole paths would take longer than the rest. */
struct listing {
	struct list_page *page;
	const struct azure_list_asked *asked;
	struct azure_look look;
	bool in_root, in_blobs;
	struct list_item *item; /* the open one */
	enum part part;
	bool has_size; /* what the item has told so far */
	bool is_directory;
	const char *tag; /* whose value comes next */
};

/* Makes room before the count moves, so that a page is always releasable. */
static int
begin_item(struct listing *l, bool is_prefix, struct err *err)
{
	struct list_page *page = l->page;

	if (page->n == AZURE_LIST_ITEMS_MAX)
		return err_set(err, ERR_CORRUPT, "a page of over %d blobs",
		    AZURE_LIST_ITEMS_MAX);
	if (page->n == page->alloc) {
		page->alloc = page->alloc > 0 ? 2 * page->alloc : 64;
		page->items = xreallocarray(
		    page->items, page->alloc, sizeof(*page->items));
	}
	l->item = &page->items[page->n++];
	*l->item = (struct list_item){.is_prefix = is_prefix};
	l->has_size = false;
	l->is_directory = false;
	if (is_prefix || l->asked->with == 0)
		return 0;
	l->item->traits = arena_alloc(&page->arena, sizeof(*l->item->traits));
	azure_look_begin(&l->look, l->item->traits);
	l->item->traits->tags_told = (l->asked->with & LIST_TAGS) != 0;
	return 0;
}

static enum part
part_named(const char *name)
{
	if (strcmp(name, "Properties") == 0)
		return PART_PROPERTIES;
	if (strcmp(name, "Metadata") == 0)
		return PART_METADATA;
	return strcmp(name, "Tags") == 0 ? PART_TAGS : PART_OTHER;
}

static int
on_open(void *arg, const struct azure_xml_place *at, struct err *err)
{
	struct listing *l = arg;

	switch (at->depth) {
	case 1:
		l->in_root = strcmp(at->name, "EnumerationResults") == 0;
		break;
	case 2:
		l->in_blobs = l->in_root && strcmp(at->name, "Blobs") == 0;
		break;
	case 3:
		if (l->in_blobs && strcmp(at->name, "Blob") == 0)
			return begin_item(l, false, err);
		if (l->in_blobs && strcmp(at->name, "BlobPrefix") == 0)
			return begin_item(l, true, err);
		break;
	case 4:
		l->part = part_named(at->name);
		break;
	}
	return 0;
}

static int
take_name(struct listing *l, const char *name, struct err *err)
{
	size_t strip = strlen(l->asked->strip);

	if (strncmp(name, l->asked->strip, strip) != 0)
		return err_set(err, ERR_CORRUPT,
		    "'%.200s' was listed below '%.200s'", name,
		    l->asked->strip);
	if (l->item->name != NULL)
		return err_set(err, ERR_CORRUPT, "a blob with two names");
	l->item->name = arena_strdup(&l->page->arena, name + strip);
	return 0;
}

static int
end_item(struct listing *l, struct err *err)
{
	struct list_item *item = l->item;

	l->item = NULL;
	if (item->name == NULL)
		return err_set(err, ERR_CORRUPT, "a blob without a name");
	if (*item->name == '\0' ||
	    (l->is_directory && (l->asked->with & LIST_DIRECTORIES) == 0)) {
		l->page->n--;
		return 0;
	}
	if (!item->is_prefix && (!l->has_size || item->props.etag[0] == '\0'))
		return err_set(err, ERR_CORRUPT,
		    "'%.200s' was listed without its size or ETag", item->name);
	if (item->traits != NULL)
		azure_look_end(&l->look);
	return 0;
}

static int
take_field(
    struct listing *l, const char *name, const char *text, struct err *err)
{
	if (strcmp(name, "Name") == 0)
		return take_name(l, text, err);
	return l->item->traits != NULL
	    ? azure_look_take(&l->look, name, text, err)
	    : 0;
}

static int
take_property(
    struct listing *l, const char *name, const char *text, struct err *err)
{
	if (strcmp(name, "Content-Length") == 0)
		l->has_size = true;
	if (strcmp(name, "ResourceType") == 0)
		l->is_directory = strcmp(text, "directory") == 0;
	if (azure_props_take(&l->item->props, name, text, err) != 0)
		return -1;
	return l->item->traits != NULL
	    ? azure_look_take(&l->look, name, text, err)
	    : 0;
}

static int
take_tag(struct listing *l, const struct azure_xml_place *at, const char *text,
    struct err *err)
{
	const char *tag = l->tag;

	if (strcmp(at->path, TAG_KEY) == 0)
		l->tag = arena_strdup(&l->page->arena, text);
	if (strcmp(at->path, TAG_VALUE) != 0)
		return 0;
	l->tag = NULL;
	if (tag == NULL)
		return err_set(err, ERR_CORRUPT, "a tag without a name");
	return azure_look_tag(&l->look, tag, text, err);
}

/* An element below an item's. */
static int
take_inner(struct listing *l, const struct azure_xml_place *at,
    const char *text, struct err *err)
{
	if (l->item->is_prefix)
		return 0;
	if (at->depth == 5 && l->part == PART_PROPERTIES)
		return take_property(l, at->name, text, err);
	if (l->item->traits == NULL)
		return 0;
	if (at->depth == 5 && l->part == PART_METADATA)
		return azure_look_metadata(&l->look, at->name, text, err);
	if (at->depth == 7 && l->part == PART_TAGS)
		return take_tag(l, at, text, err);
	return 0;
}

static int
on_close(void *arg, const struct azure_xml_place *at, const char *text,
    struct err *err)
{
	struct listing *l = arg;

	if (l->item != NULL && at->depth > 4)
		return take_inner(l, at, text, err);
	if (l->item != NULL && at->depth == 4)
		return take_field(l, at->name, text, err);
	if (l->item != NULL)
		return end_item(l, err);
	if (at->depth == 2 && l->in_root && *text != '\0' &&
	    strcmp(at->name, "NextMarker") == 0) {
		free(l->page->next);
		l->page->next = xstrdup(text);
	}
	return 0;
}

static int
item_compare(const void *a, const void *b)
{
	const struct list_item *x = a, *y = b;

	return blob_name_compare(x->name, y->name);
}

/* Azurite lists a page's directories first: put them among the blobs. */
static void
sort_in_directories(struct list_page *page)
{
	for (size_t i = 0; i < page->n; i++) {
		if (!page->items[i].is_prefix)
			continue;
		qsort(page->items, page->n, sizeof(*page->items), item_compare);
		return;
	}
}

int
azure_list_parse(const char *xml, size_t len,
    const struct azure_list_asked *asked, struct list_page *page,
    struct err *err)
{
	struct listing l = {
	    .page = page,
	    .asked = asked,
	    .look = {.arena = &page->arena, .now_ms = asked->now_ms},
	};
	const struct azure_xml_reader reader = {
	    .arg = &l, .open = on_open, .close = on_close};
	int rc;

	*page = (struct list_page){0};
	rc = azure_xml_read(xml, len, &reader, err);
	if (rc == 0 && !l.in_root)
		rc = err_set(err, ERR_CORRUPT, "XML that is no blob listing");
	if (rc != 0)
		list_page_release(page);
	else
		sort_in_directories(page);
	return rc;
}

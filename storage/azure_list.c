#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "storage/azure_props.h"
#include "storage/azure_xml.h"
#include "storage/store.h"

#include "storage/azure_list.h"

#define ROOT   "EnumerationResults/"
#define BLOB   ROOT "Blobs/Blob"
#define PREFIX ROOT "Blobs/BlobPrefix"

struct listing {
	struct list_page *page;
	const char *strip;
	bool root;	   /* the right root element was there */
	bool has_size;	   /* what the open item has told so far */
	bool is_directory; /* of a hierarchical namespace */
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
	page->items[page->n++] = (struct list_item){.is_prefix = is_prefix};
	l->has_size = false;
	l->is_directory = false;
	return 0;
}

static int
on_open(void *arg, const char *path, struct err *err)
{
	struct listing *l = arg;

	if (strcmp(path, "EnumerationResults") == 0)
		l->root = true;
	if (strcmp(path, BLOB) == 0)
		return begin_item(l, false, err);
	if (strcmp(path, PREFIX) == 0)
		return begin_item(l, true, err);
	return 0;
}

static int
take_name(struct listing *l, const char *name, struct err *err)
{
	struct list_item *item = &l->page->items[l->page->n - 1];
	size_t strip = strlen(l->strip);

	if (strncmp(name, l->strip, strip) != 0)
		return err_set(err, ERR_CORRUPT,
		    "'%.200s' was listed below '%.200s'", name, l->strip);
	if (item->name != NULL)
		return err_set(err, ERR_CORRUPT, "a blob with two names");
	item->name = xstrdup(name + strip);
	return 0;
}

static int
end_item(struct listing *l, struct err *err)
{
	struct list_item *item = &l->page->items[l->page->n - 1];

	if (item->name == NULL)
		return err_set(err, ERR_CORRUPT, "a blob without a name");
	if (l->is_directory || *item->name == '\0') {
		free(item->name);
		l->page->n--;
		return 0;
	}
	if (!item->is_prefix && (!l->has_size || item->props.etag[0] == '\0'))
		return err_set(err, ERR_CORRUPT,
		    "'%.200s' was listed without its size or ETag", item->name);
	return 0;
}

static int
take_property(
    struct listing *l, const char *name, const char *text, struct err *err)
{
	struct list_item *item = &l->page->items[l->page->n - 1];

	if (strcmp(name, "Content-Length") == 0)
		l->has_size = true;
	if (strcmp(name, "ResourceType") == 0)
		l->is_directory = strcmp(text, "directory") == 0;
	return azure_props_take(&item->props, name, text, err);
}

/* What stands below a path, or NULL when it is another. */
static const char *
below(const char *path, const char *parent)
{
	size_t len = strlen(parent);

	return strncmp(path, parent, len) == 0 ? path + len : NULL;
}

static int
on_close(void *arg, const char *path, const char *text, struct err *err)
{
	struct listing *l = arg;
	const char *name;

	if (strcmp(path, BLOB "/Name") == 0 ||
	    strcmp(path, PREFIX "/Name") == 0)
		return take_name(l, text, err);
	if (strcmp(path, BLOB) == 0 || strcmp(path, PREFIX) == 0)
		return end_item(l, err);
	if ((name = below(path, BLOB "/Properties/")) != NULL)
		return take_property(l, name, text, err);
	if (strcmp(path, ROOT "NextMarker") == 0 && *text != '\0') {
		free(l->page->next);
		l->page->next = xstrdup(text);
	}
	return 0;
}

static int
item_compare(const void *a, const void *b)
{
	const struct list_item *x = a, *y = b;

	return strcmp(x->name, y->name);
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
azure_list_parse(const char *xml, size_t len, const char *strip,
    struct list_page *page, struct err *err)
{
	struct listing l = {.page = page, .strip = strip};
	const struct azure_xml_reader reader = {
	    .arg = &l, .open = on_open, .close = on_close};
	int rc;

	*page = (struct list_page){0};
	rc = azure_xml_read(xml, len, &reader, err);
	if (rc == 0 && !l.root)
		rc = err_set(err, ERR_CORRUPT, "XML that is no blob listing");
	if (rc != 0)
		list_page_release(page);
	else
		sort_in_directories(page);
	return rc;
}

/*
 * azure_list.h -- one page of List Blobs, from the XML that came.
 *
 * Left out: directories of accounts with a hierarchical namespace, which
 * stand among the blobs there, unless they were asked for; and a blob whose
 * whole name is the store's prefix (some tools mark "folders" so), which no
 * name here can mean.
 */
#ifndef STORAGE_AZURE_LIST_H
#define STORAGE_AZURE_LIST_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct list_page;

#define AZURE_LIST_ITEMS_MAX 5000
#define AZURE_LIST_BYTES_MAX ((size_t)32 << 20)

/* What was asked for. */
struct azure_list_asked {
	const char *strip; /* the store's own prefix, taken off every name */
	unsigned with;	   /* enum list_with; tags_told as it has LIST_TAGS */
	int64_t now_ms;
};

/*
 * ERR_CORRUPT for bad XML, a name without the prefix, more than 5,000 items,
 * or an item that lacks its name, size or ETag; page is then empty.  Blobs
 * alone stay in the service's order; with directories among them the page is
 * sorted by blob_name_compare().
 */
int azure_list_parse(const char *xml, size_t len,
    const struct azure_list_asked *, struct list_page *, struct err *);

#endif

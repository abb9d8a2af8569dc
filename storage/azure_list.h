/*
 * azure_list.h -- one page of List Blobs, from the XML that came.
 *
 * Left out: directories of accounts with a hierarchical namespace, which
 * stand among the blobs there, and a blob whose whole name is the store's
 * prefix (some tools mark "folders" so), which no name here can mean.
 */
#ifndef STORAGE_AZURE_LIST_H
#define STORAGE_AZURE_LIST_H

#include <stddef.h>

struct err;
struct list_page;

#define AZURE_LIST_ITEMS_MAX 5000
#define AZURE_LIST_BYTES_MAX ((size_t)32 << 20)

/*
 * strip is the store's own prefix, which was asked for and is taken off every
 * name.  ERR_CORRUPT for bad XML, a name without that prefix, more than 5,000
 * items, or an item that lacks its name, size or ETag; page is then empty.
 * Blobs alone stay in the service's order; with directories among them the
 * page is sorted by bytes.
 */
int azure_list_parse(const char *xml, size_t len, const char *strip,
    struct list_page *, struct err *);

#endif

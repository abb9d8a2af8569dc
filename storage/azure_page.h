/*
 * azure_page.h -- asking for one page of a container's listing.
 *
 * Index tags need a right of their own, and some accounts have none: where
 * they are refused the page is asked for without, and says so (tags_told).
 */
#ifndef STORAGE_AZURE_PAGE_H
#define STORAGE_AZURE_PAGE_H

struct err;
struct list_opts;
struct list_page;
struct scope;
struct store;

/* As store_ops.list; opts may be NULL. */
int azure_page(struct store *, const struct scope *, const struct list_opts *,
    const char *marker, struct list_page *, struct err *);

#endif

/*
 * listing.h -- a store's names one after the other, the next page on its way.
 *
 * Memory is that of three pages, whatever the number of names.  A page that
 * could not be had is asked for again within the scope (the driver does); a
 * marker that the service refuses, or gives again, ends the listing as failed.
 */
#ifndef STORAGE_LISTING_H
#define STORAGE_LISTING_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct list_item;
struct list_opts;
struct listing;
struct scope;
struct store;

/* The first page is asked for at once, on a thread of its own.  opts' text is
 * borrowed until the end. */
struct listing *listing_new(struct store *, const struct scope *,
    const struct list_opts *, struct err *);

/* Cancels what is on its way. */
void listing_free(struct listing *);

/*
 * 1 and an item, which is good until the call after the next; 0 at the end;
 * -1, and so ever after.
 */
int listing_next(struct listing *, const struct list_item **, struct err *);

struct listing_facts {
	uint64_t names;
	uint64_t pages;
	bool is_complete;	/* came to its end */
	bool is_ascending;	/* strictly, by blob_name_compare(); with
				 * snapshots, versions or deleted ones not so
				 * strictly */
	char out_of_order[160]; /* the first name that was not; "" else */
};

void listing_facts(const struct listing *, struct listing_facts *);

#endif

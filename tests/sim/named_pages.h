/*
 * named_pages.h -- a store that lists what a test gives it, as it is given.
 *
 * In whatever order, in pages of a size, held up, or failing at one of them.
 * It can do nothing else.
 */
#ifndef TESTS_NAMED_PAGES_H
#define TESTS_NAMED_PAGES_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/monitor.h"
#include "storage/store.h"

struct named_pages {
	struct store base;
	const char *const *names;
	size_t n;
	size_t page_size;  /* 0: one item */
	unsigned empty_at; /* this page has no items, from 1; 0: none */
	unsigned fail_at;  /* this one cannot be had */
	unsigned stuck_at; /* this one's marker is the one before's */

	struct monitor mon; /* guards what follows */
	unsigned asked;	    /* pages, so far */
	unsigned let;	    /* that may be answered */
};

void named_pages_init(
    struct named_pages *, const char *const *names, size_t n, size_t page_size);
void named_pages_release(struct named_pages *);

/* Until that many pages were asked for; and so many may be answered. */
void named_pages_wait(struct named_pages *, unsigned asked);
void named_pages_let(struct named_pages *, unsigned);

#endif

/*
 * listing_pair.h -- two listings side by side: what is here, there, on both.
 *
 * Each name of each listing is told once, also where a listing is out of
 * order: but then one that is on both sides may be told as being on one side
 * only, twice, once for each.  Who copies asks for "absent" then, and who
 * deletes looks at listing_facts.is_ascending first.
 */
#ifndef STORAGE_LISTING_PAIR_H
#define STORAGE_LISTING_PAIR_H

struct err;
struct list_item;
struct listing;

struct listing_pair {
	struct listing *source, *copy; /* the caller's */
	const struct list_item *s, *c; /* what was seen of them and not told */
};

void listing_pair_init(
    struct listing_pair *, struct listing *source, struct listing *copy);

/* 1: one or both are set, the other NULL, and good until the call after the
 * next; 0: both are at their end; -1, and so ever after. */
int listing_pair_next(struct listing_pair *, const struct list_item **source,
    const struct list_item **copy, struct err *);

#endif

/*
 * lent_place.h -- a container beside a store, lent to an Azure Redis for one
 * export or import.
 *
 * It is in the journal before it is made and until it is gone, under what it
 * is for and its job, whose runs never overlap: whatever a run that was killed
 * left is taken away by the next one.
 */
#ifndef AGENT_SNAPSHOT_LENT_PLACE_H
#define AGENT_SNAPSHOT_LENT_PLACE_H

#include <stdint.h>

struct err;
struct journal;
struct scope;
struct store;

struct lent_places {
	const struct store *beside;
	struct journal *journal;
	const char *purpose; /* "export", "import" */
	const char *job;
};

/* Made, and open; its name is unlike that of any other. */
struct store *lent_place_make(const struct lent_places *, const char *id,
    const struct scope *, struct err *);

/* The name of its container. */
const char *lent_place_name(const struct store *);

/* One that an earlier process made. */
struct store *
lent_place_open(const struct lent_places *, const char *name, struct err *);

/* With all that is in it, also when it is gone already. */
int lent_place_remove(const struct lent_places *, struct store *,
    const struct scope *, struct err *);

/* All that are in the journal; those of another account are left there. */
int lent_places_clear(
    const struct lent_places *, const struct scope *, struct err *);

/* Until when a URL for such a place is good, which the service wants to be an
 * hour more than what it is for may take. */
int64_t lent_place_valid_ms(int64_t work_ms);

#endif

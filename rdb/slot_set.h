/* slot_set.h -- some of the hash slots of some databases. */
#ifndef RDB_SLOT_SET_H
#define RDB_SLOT_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slot_set;

struct slot_set *slot_set_new(void);
void slot_set_free(struct slot_set *);

void slot_set_add(struct slot_set *, uint32_t db, uint16_t slot);
bool slot_set_has(const struct slot_set *, uint32_t db, uint16_t slot);
size_t slot_set_count(const struct slot_set *); /* in all databases */

/* Slots in a row, both ends included. */
struct slot_range {
	uint32_t db;
	uint16_t from, to;
};

/*
 * The ranges by database and slot, ascending: NULL begins, the range that was
 * told goes on.  False past the last.
 */
bool slot_set_next(const struct slot_set *, const struct slot_range *after,
    struct slot_range *out);

#endif

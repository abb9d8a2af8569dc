/* slot_tags.h -- a short hash tag for each of a cluster's slots. */
#ifndef RDB_SLOT_TAGS_H
#define RDB_SLOT_TAGS_H

#include <stdint.h>

#define SLOT_TAG_MAX 16

struct slot_tags;

struct slot_tags *slot_tags_new(void);
void slot_tags_free(struct slot_tags *);

/* "{2f1c}": any name with it, and no brace before, lies in the slot.  Found by
 * trying, some milliseconds for all slots together. */
void slot_tag(struct slot_tags *, uint16_t slot, char out[SLOT_TAG_MAX]);

#endif

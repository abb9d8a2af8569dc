#include <stdio.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "rdb/cluster_slot.h"

#include "rdb/slot_tags.h"

struct slot_tags {
	uint32_t of[CLUSTER_SLOTS]; /* the number whose text lies there */
};

/* CRC16 spreads the numbers evenly: 2^18 of them come to every slot. */
struct slot_tags *
slot_tags_new(void)
{
	struct slot_tags *t = xcalloc(1, sizeof(*t));
	size_t found = 0;

	for (uint32_t n = 1; found < CLUSTER_SLOTS; n++) {
		char text[SLOT_TAG_MAX];
		int len = snprintf(text, sizeof(text), "%x", (unsigned)n);
		uint32_t *of = &t->of[cluster_slot(text, (size_t)len)];

		if (*of != 0)
			continue;
		*of = n;
		found++;
	}
	return t;
}

void
slot_tags_free(struct slot_tags *t)
{
	free(t);
}

void
slot_tag(const struct slot_tags *t, uint16_t slot, char out[SLOT_TAG_MAX])
{
	snprintf(out, SLOT_TAG_MAX, "{%x}", (unsigned)t->of[slot]);
}

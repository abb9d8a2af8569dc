#include <stdio.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "rdb/cluster_slot.h"

#include "rdb/slot_tags.h"

struct slot_tags {
	uint32_t of[CLUSTER_SLOTS]; /* the number whose text lies there */
	uint32_t tried;
};

struct slot_tags *
slot_tags_new(void)
{
	return xcalloc(1, sizeof(struct slot_tags));
}

void
slot_tags_free(struct slot_tags *t)
{
	free(t);
}

/* CRC16 spreads the numbers evenly: 2^18 of them come to every slot. */
void
slot_tag(struct slot_tags *t, uint16_t slot, char out[SLOT_TAG_MAX])
{
	while (t->of[slot] == 0) {
		char text[SLOT_TAG_MAX];
		int len = snprintf(
		    text, sizeof(text), "%x", (unsigned)++t->tried);
		uint32_t *of = &t->of[cluster_slot(text, (size_t)len)];

		if (*of == 0)
			*of = t->tried;
	}
	snprintf(out, SLOT_TAG_MAX, "{%x}", (unsigned)t->of[slot]);
}

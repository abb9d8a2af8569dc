#include "base/xalloc.h"

#include "agent/snapshot/slot_seen.h"

static int
on_key(struct rdb_visitor *v, const struct rdb_key *key, struct err *err)
{
	struct slot_seen *s = (struct slot_seen *)v;

	(void)err;
	s->slots[cluster_slot(key->name, key->name_len)] = true;
	return 0;
}

static const struct rdb_visitor_ops seen_ops = {
    .key_begin = on_key,
};

void
slot_seen_init(struct slot_seen *s)
{
	*s = (struct slot_seen){.visitor = {.ops = &seen_ops}};
}

struct slot_range *
slot_seen_ranges(const struct slot_seen *s, size_t *n)
{
	struct slot_range *list = NULL;

	*n = 0;
	for (unsigned i = 0; i < CLUSTER_SLOTS; i++) {
		if (!s->slots[i])
			continue;
		if (i == 0 || !s->slots[i - 1]) {
			list = xreallocarray(list, *n + 1, sizeof(*list));
			list[(*n)++] = (struct slot_range){
			    .from = (uint16_t)i,
			};
		}
		list[*n - 1].to = (uint16_t)i;
	}
	return list;
}

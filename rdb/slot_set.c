#include <stdlib.h>

#include "base/xalloc.h"
#include "rdb/cluster_slot.h"
#include "rdb/db_map.h"

#include "rdb/slot_set.h"

#define WORD_BITS 64

struct db_slots {
	uint64_t words[CLUSTER_SLOTS / WORD_BITS];
};

struct slot_set {
	struct db_map dbs; /* of struct db_slots */
	size_t count;
};

struct slot_set *
slot_set_new(void)
{
	return xcalloc(1, sizeof(struct slot_set));
}

void
slot_set_free(struct slot_set *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->dbs.n; i++)
		free(s->dbs.list[i].value);
	db_map_release(&s->dbs);
	free(s);
}

static bool
has(const struct db_slots *d, unsigned slot)
{
	return (d->words[slot / WORD_BITS] >> slot % WORD_BITS & 1) != 0;
}

void
slot_set_add(struct slot_set *s, uint32_t db, uint16_t slot)
{
	struct db_slots *d = db_map_get(&s->dbs, db);

	if (d == NULL) {
		d = xcalloc(1, sizeof(*d));
		db_map_put(&s->dbs, db, d);
	}
	if (has(d, slot))
		return;
	d->words[slot / WORD_BITS] |= UINT64_C(1) << slot % WORD_BITS;
	s->count++;
}

bool
slot_set_has(const struct slot_set *s, uint32_t db, uint16_t slot)
{
	const struct db_slots *d = db_map_get(&s->dbs, db);

	return d != NULL && has(d, slot);
}

size_t
slot_set_count(const struct slot_set *s)
{
	return s->count;
}

bool
slot_set_next(const struct slot_set *s, const struct slot_range *after,
    struct slot_range *out)
{
	size_t i = after != NULL ? db_map_from(&s->dbs, after->db) : 0;
	unsigned slot = after != NULL ? after->to + 1u : 0;

	for (; i < s->dbs.n; i++, slot = 0) {
		const struct db_slots *d = s->dbs.list[i].value;

		while (slot < CLUSTER_SLOTS && !has(d, slot))
			slot++;
		if (slot == CLUSTER_SLOTS)
			continue;
		out->db = s->dbs.list[i].db;
		out->from = (uint16_t)slot;
		while (slot + 1 < CLUSTER_SLOTS && has(d, slot + 1))
			slot++;
		out->to = (uint16_t)slot;
		return true;
	}
	return false;
}

#include <stdlib.h>

#include "base/xalloc.h"
#include "rdb/cluster_slot.h"

#include "rdb/slot_set.h"

#define WORD_BITS 64

struct db_slots {
	uint32_t db;
	uint64_t words[CLUSTER_SLOTS / WORD_BITS];
};

struct slot_set {
	struct db_slots **dbs; /* by number, ascending */
	size_t ndbs;
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
	for (size_t i = 0; i < s->ndbs; i++)
		free(s->dbs[i]);
	free(s->dbs);
	free(s);
}

/* The first database that is not below db. */
static size_t
lower_bound(const struct slot_set *s, uint32_t db)
{
	size_t lo = 0, hi = s->ndbs;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->dbs[mid]->db < db)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool
has(const struct db_slots *d, unsigned slot)
{
	return (d->words[slot / WORD_BITS] >> slot % WORD_BITS & 1) != 0;
}

void
slot_set_add(struct slot_set *s, uint32_t db, uint16_t slot)
{
	size_t i = lower_bound(s, db);

	if (i == s->ndbs || s->dbs[i]->db != db) {
		s->dbs = xreallocarray(s->dbs, s->ndbs + 1, sizeof(*s->dbs));
		for (size_t k = s->ndbs; k > i; k--)
			s->dbs[k] = s->dbs[k - 1];
		s->dbs[i] = xcalloc(1, sizeof(**s->dbs));
		s->dbs[i]->db = db;
		s->ndbs++;
	}
	if (has(s->dbs[i], slot))
		return;
	s->dbs[i]->words[slot / WORD_BITS] |= UINT64_C(1) << slot % WORD_BITS;
	s->count++;
}

bool
slot_set_has(const struct slot_set *s, uint32_t db, uint16_t slot)
{
	size_t i = lower_bound(s, db);

	return i < s->ndbs && s->dbs[i]->db == db && has(s->dbs[i], slot);
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
	size_t i = after != NULL ? lower_bound(s, after->db) : 0;
	unsigned slot = after != NULL ? after->to + 1u : 0;

	for (; i < s->ndbs; i++, slot = 0) {
		const struct db_slots *d = s->dbs[i];

		while (slot < CLUSTER_SLOTS && !has(d, slot))
			slot++;
		if (slot == CLUSTER_SLOTS)
			continue;
		out->db = d->db;
		out->from = (uint16_t)slot;
		while (slot + 1 < CLUSTER_SLOTS && has(d, slot + 1))
			slot++;
		out->to = (uint16_t)slot;
		return true;
	}
	return false;
}

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

#include "rdb/db_map.h"

void
db_map_release(struct db_map *m)
{
	free(m->list);
	*m = (struct db_map){0};
}

size_t
db_map_from(const struct db_map *m, uint32_t db)
{
	size_t lo = 0, hi = m->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->list[mid].db < db)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

void *
db_map_get(const struct db_map *m, uint32_t db)
{
	size_t i = db_map_from(m, db);

	return i < m->n && m->list[i].db == db ? m->list[i].value : NULL;
}

void
db_map_put(struct db_map *m, uint32_t db, void *value)
{
	size_t i = db_map_from(m, db);

	m->list = xreallocarray(m->list, m->n + 1, sizeof(*m->list));
	memmove(m->list + i + 1, m->list + i, (m->n - i) * sizeof(*m->list));
	m->list[i] = (struct db_entry){db, value};
	m->n++;
}

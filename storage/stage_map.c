#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

#include "storage/stage_map.h"

void
stage_map_release(struct stage_map *m)
{
	free(m->ext);
	*m = (struct stage_map){0};
}

/* Where id is, or would be inserted. */
static size_t
position(const struct stage_map *m, const struct block_id *id)
{
	size_t lo = 0, hi = m->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(m->ext[mid].id.hex, id->hex) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct extent *
stage_map_find(const struct stage_map *m, const struct block_id *id)
{
	size_t at = position(m, id);

	if (at == m->n || strcmp(m->ext[at].id.hex, id->hex) != 0)
		return NULL;
	return &m->ext[at];
}

void
stage_map_set(struct stage_map *m, const struct extent *e)
{
	size_t at = position(m, &e->id);

	if (at < m->n && strcmp(m->ext[at].id.hex, e->id.hex) == 0) {
		m->ext[at] = *e;
		return;
	}
	if (m->n == m->alloc) {
		m->alloc = m->alloc ? 2 * m->alloc : 16;
		m->ext = xreallocarray(m->ext, m->alloc, sizeof(*m->ext));
	}
	memmove(&m->ext[at + 1], &m->ext[at], (m->n - at) * sizeof(*m->ext));
	m->ext[at] = *e;
	m->n++;
}

void
stage_map_remove(struct stage_map *m, const struct block_id *id)
{
	size_t at = position(m, id);

	if (at == m->n || strcmp(m->ext[at].id.hex, id->hex) != 0)
		return;
	m->n--;
	memmove(&m->ext[at], &m->ext[at + 1], (m->n - at) * sizeof(*m->ext));
}

void
stage_map_place(struct stage_map *m, struct extent *e)
{
	uint64_t i = strtoull(e->id.hex + WRITER_DIGITS, NULL, 16);
	bool again = stage_map_find(m, &e->id) != NULL;

	if (m->slot == 0)
		m->slot = e->len;
	if (!again && i < BLOCKS_MAX && e->len <= m->slot) {
		e->file = FILE_MAIN;
		e->off = i * m->slot;
	} else {
		e->file = FILE_LOOSE;
		e->off = m->loose_end;
		m->loose_end += e->len;
	}
	/* Two at once with one id must not get one place. */
	if (!again)
		stage_map_set(m, e);
}

bool
stage_map_is_whole(const struct stage_map *m, const struct block_id *ids,
    size_t n, uint64_t *size)
{
	uint64_t end = 0;

	if (m->n != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		const struct extent *e = &m->ext[i];

		if (strcmp(e->id.hex, ids[i].hex) != 0 || !e->ready ||
		    e->file != FILE_MAIN || e->off != end)
			return false;
		end += e->len;
	}
	*size = end;
	return true;
}

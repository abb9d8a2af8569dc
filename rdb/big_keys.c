#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "rdb/key_show.h"

#include "rdb/big_keys.h"

struct big_keys {
	struct big_key *heap; /* the smallest first */
	size_t n, most;
};

struct big_keys *
big_keys_new(size_t most)
{
	struct big_keys *b = xcalloc(1, sizeof(*b));

	b->heap = xcalloc(most, sizeof(*b->heap));
	b->most = most;
	return b;
}

void
big_keys_free(struct big_keys *b)
{
	if (b == NULL)
		return;
	for (size_t i = 0; i < b->n; i++)
		free(b->heap[i].name);
	free(b->heap);
	free(b);
}

int
big_order(uint64_t memory, uint64_t bytes, uint64_t memory2, uint64_t bytes2)
{
	if (memory != memory2)
		return memory < memory2 ? -1 : 1;
	return bytes < bytes2 ? -1 : bytes > bytes2;
}

static bool
smaller(const struct big_key *a, const struct big_key *b)
{
	return big_order(a->memory, a->bytes, b->memory, b->bytes) < 0;
}

static void
heap_down(struct big_key *h, size_t n, size_t i)
{
	for (;;) {
		size_t least = i, l = 2 * i + 1, r = l + 1;
		struct big_key t;

		if (l < n && smaller(&h[l], &h[least]))
			least = l;
		if (r < n && smaller(&h[r], &h[least]))
			least = r;
		if (least == i)
			return;
		t = h[i];
		h[i] = h[least];
		h[least] = t;
		i = least;
	}
}

void
big_keys_note(struct big_keys *b, const struct big_key *key,
    const unsigned char *name, size_t name_len)
{
	struct big_key *h = b->heap;

	if (b->n < b->most) {
		h[b->n] = *key;
		h[b->n++].name = key_shown(name, name_len);
		for (size_t i = b->n / 2; i-- > 0;)
			heap_down(h, b->n, i);
	} else if (smaller(&h[0], key)) {
		free(h[0].name);
		h[0] = *key;
		h[0].name = key_shown(name, name_len);
		heap_down(h, b->n, 0);
	}
}

static int
by_size(const void *a, const void *b)
{
	const struct big_key *x = a, *y = b;
	int order = big_order(y->memory, y->bytes, x->memory, x->bytes);

	return order != 0 ? order : strcmp(x->name, y->name);
}

const struct big_key *
big_keys_told(struct big_keys *b, size_t *n)
{
	if (b->n > 0)
		qsort(b->heap, b->n, sizeof(*b->heap), by_size);
	*n = b->n;
	return b->heap;
}

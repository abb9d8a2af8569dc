#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

#include "base/arena.h"

/* From what one blob needs to what a page of thousands does. */
#define BLOCK_LEAST ((size_t)1 << 10)
#define BLOCK_MOST  ((size_t)256 << 10)

struct arena_block {
	struct arena_block *before;
	size_t used, size;
	alignas(max_align_t) char data[];
};

void
arena_release(struct arena *a)
{
	while (a->last != NULL) {
		struct arena_block *before = a->last->before;

		free(a->last);
		a->last = before;
	}
	a->bytes = 0;
}

/* What is left of the block before stays unused. */
static void
add_block(struct arena *a, size_t least)
{
	struct arena_block *before = a->last;
	struct arena_block *b;
	size_t size = before == NULL ? BLOCK_LEAST : 4 * before->size;

	if (size > BLOCK_MOST)
		size = BLOCK_MOST;
	if (size < least)
		size = least;
	if (size > SIZE_MAX - sizeof(*b))
		abort(); /* no peer's answer is so large: a bug of ours */
	b = xmalloc(sizeof(*b) + size);
	b->before = before;
	b->used = 0;
	b->size = size;
	a->last = b;
}

static void *
take(struct arena *a, size_t len, size_t align)
{
	size_t at = 0;
	struct arena_block *b = a->last;

	if (b != NULL)
		at = (b->used + align - 1) & ~(align - 1);
	if (b == NULL || at > b->size || len > b->size - at) {
		add_block(a, len);
		b = a->last;
		at = 0;
	}
	b->used = at + len;
	a->bytes += len;
	return b->data + at;
}

void *
arena_alloc(struct arena *a, size_t len)
{
	return memset(take(a, len, alignof(max_align_t)), 0, len);
}

char *
arena_memdup(struct arena *a, const void *data, size_t len)
{
	char *copy = take(a, len + 1, 1);

	if (len > 0)
		memcpy(copy, data, len);
	copy[len] = '\0';
	return copy;
}

char *
arena_strdup(struct arena *a, const char *s)
{
	return arena_memdup(a, s, strlen(s));
}

/*
 * arena.h -- many small things that end together.
 *
 * What is allocated here is freed by arena_release(), all at once.  For what
 * one answer of a peer holds, whose size its parser has bounded.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *last; /* NULL: nothing yet */
	size_t bytes;		  /* given out, for ceilings */
};

/* All zeros is an empty arena.  Releasing makes it one again. */
void arena_release(struct arena *);

/* Zeroed, aligned for any type.  Exits when there is no memory. */
void *arena_alloc(struct arena *, size_t);

char *arena_strdup(struct arena *, const char *);
char *arena_memdup(struct arena *, const void *, size_t); /* and a NUL */

#endif

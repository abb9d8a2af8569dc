/*
 * outlet.h -- where a stage puts bytes that it makes a few at a time: they
 * are gathered into chunks of CHUNK_SIZE, and each full one is passed on.
 */
#ifndef STORAGE_OUTLET_H
#define STORAGE_OUTLET_H

#include <stddef.h>

struct budget;
struct chunk;
struct err;
struct scope;
struct sink;

/* Embedded in the stage. */
struct outlet {
	struct sink *owner; /* passes on to owner->next */
	const struct scope *scope;
	struct budget *budget;
	struct chunk *chunk;
	size_t fill;
};

/* Bytes of budget it needs when what follows keeps held chunks. */
size_t outlet_cost(unsigned held);

/* Borrows all three. */
void outlet_init(
    struct outlet *, struct sink *owner, const struct scope *, struct budget *);
void outlet_release(struct outlet *);

/* Where to write, and how much at most: never 0. */
unsigned char *outlet_room(struct outlet *, size_t *room, struct err *);

/* That many were written there. */
int outlet_wrote(struct outlet *, size_t, struct err *);

/* Pass on what is gathered; it does not finish owner->next. */
int outlet_flush(struct outlet *, struct err *);

#endif

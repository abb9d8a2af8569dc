/*
 * chunk.h -- the form in which data travels: immutable, counted, charged.
 *
 * A producer makes a chunk, fills it, and passes it on; from then on nobody
 * writes to it.  The count is atomic, so that stages on several threads may
 * keep the same bytes.
 */
#ifndef BASE_CHUNK_H
#define BASE_CHUNK_H

#include <stddef.h>

struct budget;
struct err;
struct scope;

#define CHUNK_SIZE ((size_t)1 << 20) /* what stages cut streams into */

/* Chunks of 64 KiB and more begin at a multiple of this, so that files can be
 * read into them and written from them past the page cache: any disk's. */
#define CHUNK_ALIGN 4096

struct chunk {
	const unsigned char *data;
	size_t len;
};

/*
 * Room for size bytes, charged to budget until the last reference goes; waits
 * for that much to be free.  With a NULL budget, for small ones, it is not
 * charged, never waits, and needs no scope.
 */
struct chunk *
chunk_new(struct budget *, size_t size, const struct scope *, struct err *);

/* Only before the chunk is passed on: where to write, and how much was. */
unsigned char *chunk_room(struct chunk *);
void chunk_set_len(struct chunk *, size_t len);

/* A view of bytes that outlive it (literals, a test's array). */
struct chunk *chunk_view(const void *, size_t);

/* A part of another chunk, which it keeps. */
struct chunk *chunk_slice(struct chunk *, size_t off, size_t len);

struct chunk *chunk_ref(struct chunk *);
void chunk_unref(struct chunk *); /* NULL is fine */

#endif

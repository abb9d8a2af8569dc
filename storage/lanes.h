/*
 * lanes.h -- how many requests of what size a budget has room for.
 *
 * A transfer keeps a buffer for each request in flight and one more, which is
 * being filled or emptied.  Where memory is short the buffers become smaller,
 * down to LANE_LEAST, and then fewer: it goes slower, and never fails.
 */
#ifndef STORAGE_LANES_H
#define STORAGE_LANES_H

#include <stddef.h>
#include <stdint.h>

struct budget;

/* What a request is worth: each of a smaller one costs as much time as its
 * bytes. */
#define LANE_LEAST ((size_t)256 << 10)

struct lanes {
	unsigned n;  /* in flight, at least 1 */
	size_t size; /* bytes of a buffer, in whole LANE_LEAST */
};

/* What a transfer may take: a part-th of all memory, and no more than is
 * left of it. */
size_t lanes_share(const struct budget *, unsigned part);

/* At most n buffers in flight of at most most bytes, within share if that can
 * be; none is smaller than least. */
struct lanes lanes_fit(size_t share, unsigned n, uint64_t least, size_t most);

/* Bytes of all its buffers. */
size_t lanes_cost(const struct lanes *);

#endif

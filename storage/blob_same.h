/*
 * blob_same.h -- whether two blobs hold the same bytes.
 *
 * The second is read, and compared with the MD5 that the first's store keeps;
 * where that keeps none, both are read.  What the second's store keeps can
 * only tell that they differ: a service keeps the MD5 that it is told, so that
 * a copy has the source's whatever it holds.
 */
#ifndef STORAGE_BLOB_SAME_H
#define STORAGE_BLOB_SAME_H

#include <stdbool.h>

struct blob_props;
struct budget;
struct err;
struct scope;
struct store;

struct blob_side {
	struct store *store;
	const char *name;
	const struct blob_props *props; /* from stat */
};

int blob_same(const struct blob_side *, const struct blob_side *copy,
    struct budget *, const struct scope *, bool *same, struct err *);

#endif

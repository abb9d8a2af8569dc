/*
 * blob_same.h -- whether two blobs hold the same bytes.
 *
 * By size first; then by MD5, where both stores keep one; else both are read
 * and their SHA-256 compared.
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

int blob_same(const struct blob_side *, const struct blob_side *,
    struct budget *, const struct scope *, bool *same, struct err *);

#endif

/*
 * library_set.h -- function libraries, each once.
 *
 * Every primary of a cluster holds all libraries, and so does the dump of each
 * shard; taken together they are one set.
 */
#ifndef RDB_LIBRARY_SET_H
#define RDB_LIBRARY_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "rdb/key_digest.h"

struct err;

#define LIBRARIES_MAX 10000

/* Zeros are an empty one. */
struct library_set {
	struct digest128 *sources; /* as digest_visitor_ops tells them */
	size_t n;
};

void library_set_release(struct library_set *);

/* *is_new: it was not there before.  ERR_UNSUPPORTED beyond LIBRARIES_MAX. */
int library_set_add(struct library_set *, const struct digest128 *source,
    bool *is_new, struct err *);

#endif

/*
 * replica_filter.h -- which blobs a replication is about.
 *
 * A blob is taken when it matches one of the includes (or there is none), none
 * of the excludes, and all the bounds.  What the source's filter leaves out is
 * never missing at the source: it is neither copied nor deleted.
 */
#ifndef STORAGE_REPLICA_FILTER_H
#define STORAGE_REPLICA_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct list_item;

struct replica_filter {
	/* Globs of whole names (blob_glob.h). */
	const char *const *include, *const *exclude; /* NULL-ended, or NULL */
	uint64_t size_least, size_most;		     /* 0: no bound */
	int64_t older_ms, younger_ms; /* age by the source's clock and ours */
	unsigned types;		      /* 1 << enum blob_type; 0: all */
	/* NAME=VALUE, all of which it must have; values may be globs. */
	const char *const *tags;
};

/* ERR_USAGE that quotes what cannot be meant. */
int replica_filter_check(const struct replica_filter *, struct err *);

/* Of what a listing has told; NULL filter takes all. */
bool replica_filter_takes(
    const struct replica_filter *, const struct list_item *, int64_t now_ms);

/* Whether it needs LIST_TRAITS, LIST_TAGS. */
unsigned replica_filter_needs(const struct replica_filter *);

#endif

/*
 * gone_spool.h -- blobs that a walk has missed, until it came to its end.
 *
 * In a file without a name, so that memory does not grow with their number.
 */
#ifndef STORAGE_GONE_SPOOL_H
#define STORAGE_GONE_SPOOL_H

#include <stdint.h>

struct book_gone;
struct err;
struct gone_spool;

struct gone_spool *gone_spool_new(struct err *);
void gone_spool_free(struct gone_spool *);

/* Its name, ETag, version and size. */
int gone_spool_add(struct gone_spool *, const struct book_gone *, struct err *);

uint64_t gone_spool_count(const struct gone_spool *);

/* Back to the first; nothing is added after that. */
int gone_spool_rewind(struct gone_spool *, struct err *);

/* 1 and the next, whose text is good until the one after; 0 at the end. */
int gone_spool_next(struct gone_spool *, struct book_gone *, struct err *);

#endif

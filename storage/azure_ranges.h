/*
 * azure_ranges.h -- Get Page Ranges: where a page blob is not empty.
 */
#ifndef STORAGE_AZURE_RANGES_H
#define STORAGE_AZURE_RANGES_H

#include <stddef.h>

struct blob_range;
struct err;
struct scope;
struct store;

/* A blob of more is scattered beyond what is worth listing: 64 MiB here. */
#define AZURE_RANGES_MAX ((size_t)4 << 20)

/* As store_kind_ops.ranges, neighbours joined; ERR_UNSUPPORTED for more than
 * AZURE_RANGES_MAX. */
int azure_ranges(struct store *, const struct scope *, const char *blob,
    const char *etag, struct blob_range **, size_t *n, struct err *);

#endif

/*
 * azure_read.h -- a range of a blob, as the service has it.
 *
 * With a range of at most 4 MiB the service sends the MD5 of what it read.
 * Bytes that do not agree with it were damaged on their way, and are asked for
 * again like an answer that did not come.
 */
#ifndef STORAGE_AZURE_READ_H
#define STORAGE_AZURE_READ_H

#include <stddef.h>
#include <stdint.h>

struct azure_container;
struct err;
struct scope;

struct azure_range {
	const char *blob;
	const char *etag; /* NULL: whichever is there */
	uint64_t off;
	size_t len; /* not 0 */
};

/* All of it; ERR_CORRUPT when the blob is shorter. */
int azure_read_range(const struct azure_container *, const struct scope *,
    const struct azure_range *, void *out, struct err *);

#endif

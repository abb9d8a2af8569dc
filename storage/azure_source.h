/*
 * azure_source.h -- a source that the service reads by itself, at a URL.
 *
 * What the calls share that take one: Put Blob, Put Block, Put Page and Append
 * Block From URL, and Copy Blob.
 */
#ifndef STORAGE_AZURE_SOURCE_H
#define STORAGE_AZURE_SOURCE_H

#include <stdint.h>

struct err;
struct http_headers;
struct http_response;

struct azure_source {
	const char *url;	   /* may hold a SAS: a secret */
	const char *authorization; /* NULL: the URL says it all */
	const char *etag;	   /* NULL: whatever is there */
};

/* ERR_UNSUPPORTED for a URL that is longer than the service takes. */
int azure_source_add(
    struct http_headers *, const struct azure_source *, struct err *);

/* Of the source, the bytes [off, off + len). */
void azure_source_add_range(struct http_headers *, uint64_t off, uint64_t len);

/*
 * For azure_request.judge: what a refusal means for the copy, as
 * store_copy_ops.stage_from tells.  The text of ERR_UNSUPPORTED is short, for
 * it is told as the reason for streaming, beside what was copied.
 */
void azure_source_judge(struct err *, const struct http_response *);

#endif

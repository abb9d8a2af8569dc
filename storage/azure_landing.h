/*
 * azure_landing.h -- a write under a condition that its own success breaks.
 *
 * Create, append and seal are asked under the blob's state before them.  When
 * an answer is lost and the next attempt fails on that condition, the blob is
 * looked at: what stands there may be what was asked for.
 */
#ifndef STORAGE_AZURE_LANDING_H
#define STORAGE_AZURE_LANDING_H

#include <stdbool.h>

struct azure_request;
struct blob_props;
struct err;
struct http_headers;
struct scope;

/*
 * Repeated until it works or the scope ends.  props are those that the answer
 * tells, or the look, by which is_ours(arg) judged.
 */
int azure_landing_run(struct azure_request *, const struct scope *,
    bool (*is_ours)(const void *arg, const struct blob_props *,
	const struct http_headers *),
    const void *arg, struct blob_props *props, struct err *);

#endif

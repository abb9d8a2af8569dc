/*
 * azure_head.h -- Get Blob Properties, for whoever reads more of the answer
 * than a store's stat() tells.
 */
#ifndef STORAGE_AZURE_HEAD_H
#define STORAGE_AZURE_HEAD_H

struct azure_container;
struct blob_props;
struct err;
struct http_response;
struct scope;

/* The caller releases the response; of a failure nothing is in it. */
int azure_head(const struct azure_container *, const struct scope *,
    const char *blob, struct blob_props *, struct http_response *,
    struct err *);

#endif

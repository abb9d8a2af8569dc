/*
 * azure_props.h -- a blob's properties, as headers and listings name them.
 *
 * Both use the same names and forms, save that listings leave the quotes off
 * the ETag: they are put back, so that an ETag from either is the same text.
 */
#ifndef STORAGE_AZURE_PROPS_H
#define STORAGE_AZURE_PROPS_H

struct blob_props;
struct err;
struct http_headers;

/*
 * Takes one named value; names compare without case, and unknown ones are
 * passed over, as are empty values.  ERR_CORRUPT for a value that is not what
 * its name says.
 */
int azure_props_take(
    struct blob_props *, const char *name, const char *value, struct err *);

/* All that the answer to Get Blob Properties says.  There must be an ETag. */
int azure_props_from_headers(
    struct blob_props *, const struct http_headers *, struct err *);

#endif

/*
 * azure_traits.h -- what a blob carries, as the headers of a write.
 *
 * They are the same for every call that makes a blob, and for those that
 * change what one carries: Set Blob Properties, Metadata and Tier.
 */
#ifndef STORAGE_AZURE_TRAITS_H
#define STORAGE_AZURE_TRAITS_H

struct blob_traits;
struct http_headers;

/*
 * Of `which` (enum trait_kind): x-ms-blob-content-type and its like,
 * x-ms-meta-*, x-ms-tags, x-ms-access-tier.  Left out is what is not told, and
 * a tier that is not the blob's own: a call that makes the blob anew sets those
 * to the service's defaults.
 */
void azure_traits_add(
    struct http_headers *, const struct blob_traits *, unsigned which);

/* x-ms-blob-content-md5; with NULL none. */
void azure_traits_add_md5(struct http_headers *, const unsigned char *md5);

/* "Hot", as the service writes it, or NULL: no tier that can be set. */
const char *azure_traits_tier(const struct blob_traits *);

#endif

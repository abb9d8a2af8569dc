/*
 * azure_copy.h -- Put Block From URL, and the right to read a source.
 *
 * The source may be any account's blob: the destination's service fetches it
 * by the URL and authorization of a grant.
 */
#ifndef STORAGE_AZURE_COPY_H
#define STORAGE_AZURE_COPY_H

struct store_copy_ops;
struct store_grant_ops;

extern const struct store_copy_ops azure_copy_ops;
extern const struct store_grant_ops azure_grant_ops;

#endif

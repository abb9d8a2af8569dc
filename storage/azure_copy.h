/*
 * azure_copy.h -- server-side copy: Put Block From URL here, the rest in
 * modules of their own.
 *
 * The source may be any account's blob: the destination's service fetches it
 * by the URL and authorization of a grant (azure_grant.h).
 */
#ifndef STORAGE_AZURE_COPY_H
#define STORAGE_AZURE_COPY_H

struct store_copy_ops;

extern const struct store_copy_ops azure_copy_ops;

#endif

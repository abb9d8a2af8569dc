/* azure_kinds.h -- page and append blobs: made, written to, sealed. */
#ifndef STORAGE_AZURE_KINDS_H
#define STORAGE_AZURE_KINDS_H

struct store_kind_ops;

extern const struct store_kind_ops azure_kind_ops;

#endif

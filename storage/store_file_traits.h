/* store_file_traits.h -- what the blobs of a file: store carry. */
#ifndef STORAGE_STORE_FILE_TRAITS_H
#define STORAGE_STORE_FILE_TRAITS_H

#include "storage/store.h"

extern const struct store_trait_ops store_file_trait_ops;

#endif

/* azure_lend.h -- the Azure driver's store_lend_ops, for its table. */
#ifndef STORAGE_AZURE_LEND_H
#define STORAGE_AZURE_LEND_H

#include "storage/store.h"

extern const struct store_lend_ops azure_lend_ops;

#endif

/*
 * azure_carry.h -- what blobs carry: looked at, and changed in place.
 *
 * Content headers and metadata are set by calls that take If-Match and give
 * the blob a new ETag.  Tags and the tier are set by calls that know no ETag
 * and leave it as it is: the blob is looked at before, when nothing else was
 * set, and in any case afterwards.  When an answer was lost, the repetition
 * may meet our own new ETag and be ERR_CONFLICT: who asked looks anew.
 */
#ifndef STORAGE_AZURE_CARRY_H
#define STORAGE_AZURE_CARRY_H

#include "storage/store.h"

extern const struct store_trait_ops azure_trait_ops;

#endif

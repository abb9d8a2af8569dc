/* digest_tap.h -- an inline stage: SHA-256 and size of all that passes. */
#ifndef STORAGE_DIGEST_TAP_H
#define STORAGE_DIGEST_TAP_H

#include <stdint.h>

#include "base/digest.h"

struct sink;

struct sink *digest_tap_new(void);

/* After sink_finish(). */
void digest_tap_get(
    const struct sink *, unsigned char sha[SHA256_BYTES], uint64_t *bytes);

#endif

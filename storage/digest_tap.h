/* digest_tap.h -- an inline stage: digest and size of all that passes. */
#ifndef STORAGE_DIGEST_TAP_H
#define STORAGE_DIGEST_TAP_H

#include <stdint.h>

#include "base/digest.h"

struct sink;

struct sink *digest_tap_new(void); /* SHA-256 */
struct sink *digest_tap_new_md5(void);

/* After sink_finish(); bytes may be NULL. */
void digest_tap_get(
    const struct sink *, unsigned char sha[SHA256_BYTES], uint64_t *bytes);
void digest_tap_get_md5(
    const struct sink *, unsigned char sum[MD5_BYTES], uint64_t *bytes);

#endif

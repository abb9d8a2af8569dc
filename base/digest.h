/*
 * digest.h -- SHA-256, MD5, HMAC, HKDF and the two text forms, over OpenSSL.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stddef.h>

struct buf;
struct digest;
struct err;
struct hmac;

#define SHA256_BYTES 32
#define MD5_BYTES    16

enum digest_kind { DIGEST_SHA256, DIGEST_MD5 };

/* A running digest. */
struct digest *digest_new(enum digest_kind);
void digest_update(struct digest *, const void *, size_t);
void digest_final(struct digest *, unsigned char *out); /* once */
void digest_free(struct digest *);

void sha256(const void *, size_t, unsigned char out[SHA256_BYTES]);
void md5(const void *, size_t, unsigned char out[MD5_BYTES]);
void hmac_sha256(const void *key, size_t key_len, const void *, size_t,
    unsigned char out[SHA256_BYTES]);

/*
 * The same by a key that was made ready once, for who has many to sign: it
 * costs half as much.  Sums may be taken from several threads at once.
 */
struct hmac *hmac_new(const void *key, size_t key_len);
void hmac_sum(
    const struct hmac *, const void *, size_t, unsigned char out[SHA256_BYTES]);
void hmac_free(struct hmac *); /* NULL is fine */

/* RFC 5869; info is a string that separates uses of one key. */
void hkdf_sha256(const void *key, size_t key_len, const void *salt,
    size_t salt_len, const char *info, void *out, size_t out_len);

/* out takes 2 * len + 1 bytes. */
void hex_encode(const void *, size_t, char *out);
int hex_decode(const char *, void *out, size_t out_len, struct err *);

void base64_encode(struct buf *, const void *, size_t);
int base64_decode(struct buf *, const char *, struct err *);

#endif

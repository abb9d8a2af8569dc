/*
 * cipher.h -- AES-256-GCM in chunks: what lies at rest is sealed.
 *
 * One HKDF key per part from a random salt; counter nonces; each chunk of
 * 1 MiB authenticates the header and (snapshot, part, index, last), so that a
 * cut, swapped, repeated or reordered chunk, or one of another part, fails.
 *
 * Layout: header "DRSYNC1\0", 4 bytes chunk size (big endian), 32 bytes salt,
 * 8 bytes key id (first of SHA-256 of "drsync key id" and the key); then each
 * chunk as ciphertext and its 16-byte tag.  Only the last may be short, and
 * an empty one stands when nothing was written.
 */
#ifndef STORAGE_CIPHER_H
#define STORAGE_CIPHER_H

#include <stddef.h>
#include <stdint.h>

struct budget;
struct err;
struct scope;
struct secret;
struct sink;

#define CIPHER_KEY_BYTES 32

struct cipher_opts {
	const struct secret *key; /* 32 bytes, as they are, in hex or in
					 * base64; copied */
	const char *snapshot;	  /* its id; copied */
	unsigned part;
	struct budget *budget;
};

/* ERR_USAGE when the key is not 32 bytes in one of its forms. */
struct sink *
cipher_seal_new(const struct scope *, const struct cipher_opts *, struct err *);

/* write and finish fail with ERR_CORRUPT, or ERR_AUTH for another key. */
struct sink *
cipher_open_new(const struct scope *, const struct cipher_opts *, struct err *);

/* Sealed size of raw bytes. */
uint64_t cipher_size(uint64_t raw);

#endif

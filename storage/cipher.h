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
 *
 * Part key: HKDF-SHA256 of the key and the salt, with the info string "drsync
 * part v1 SNAPSHOT PART".  Nonce: 4 zero bytes and the chunk's index (8 bytes,
 * big endian, from 0).  Authenticated with each chunk: the header, SNAPSHOT
 * and a zero byte, PART (4 bytes), the index (8 bytes), 1 for the last or 0.
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

#define CIPHER_KEY_BYTES    32
#define CIPHER_SNAPSHOT_MAX 255

struct cipher_opts {
	const struct secret *key; /* 32 bytes, as they are, in hex or in
					 * base64; copied */
	const char *snapshot; /* its id, at most CIPHER_SNAPSHOT_MAX; copied */
	unsigned part;
	struct budget *budget; /* cipher_cost() is carved from it */
	unsigned held;	       /* chunks that what follows keeps at once */
};

/* ERR_USAGE when the key is not 32 bytes in one of its forms.  (A raw key in
 * a file must not end in a newline, which is not taken as part of it.) */
struct sink *
cipher_seal_new(const struct scope *, const struct cipher_opts *, struct err *);

/* write and finish fail with ERR_CORRUPT, or ERR_AUTH for another key.  What
 * is passed on was authenticated, up to and with that chunk; that nothing is
 * missing at the end is known when finish succeeds. */
struct sink *
cipher_open_new(const struct scope *, const struct cipher_opts *, struct err *);

/* Bytes that either carves from opts->budget. */
size_t cipher_cost(const struct cipher_opts *);

/* Sealed size of raw bytes. */
uint64_t cipher_size(uint64_t raw);

#endif

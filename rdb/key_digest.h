/*
 * key_digest.h -- each key of a dump, and its value, as digests of 128 bits.
 *
 * The canonical form that fingerprints are sums of: equal values have equal
 * digests whatever their encodings, hash seeds and servers, and a value of
 * any size takes the same memory.  docs/DESIGN.md has it byte by byte.
 *
 * A visitor of the RDB reader with a visitor of its own: add
 * key_digester_visitor() to an rdb_reader.
 */
#ifndef RDB_KEY_DIGEST_H
#define RDB_KEY_DIGEST_H

#include <stdint.h>

#include "rdb/rdb_reader.h"

struct digest_visitor;
struct err;
struct key_digester;

#define DIGEST128_BYTES 16

struct digest128 {
	unsigned char b[DIGEST128_BYTES]; /* low half first, little endian */
};

struct digest128 digest128_of(const void *, size_t);

/* Adds to a sum (mod 2^128), low half first. */
void digest128_add(uint64_t sum[2], const struct digest128 *);

struct key_digest {
	uint32_t db;
	enum rdb_kind kind;
	uint8_t type; /* the file's type byte */
	int64_t expires_ms;
	int64_t earliest_ms; /* of the key's expiry and its fields' */
	uint64_t bytes;	     /* of the elements, decoded */
	uint64_t elements;
	struct digest128 value; /* zeros for modules */
	struct digest128 key;	/* of (db, kind, expiry, name, value) */
	/*
	 * With the key's digest: of a stream, what only newer encodings
	 * carry; of a module, its bytes.  Zeros for other kinds.
	 */
	struct digest128 extra;
};

/* Each returns 0, or -1 with err filled, which ends the reading; begin and
 * function may be NULL. */
struct digest_visitor_ops {
	/* With the name, which is gone when the digests come. */
	int (*begin)(
	    struct digest_visitor *, const struct rdb_key *, struct err *);
	int (*key)(
	    struct digest_visitor *, const struct key_digest *, struct err *);
	/* Of a library's source. */
	int (*function)(
	    struct digest_visitor *, const struct digest128 *, struct err *);
};

struct digest_visitor {
	const struct digest_visitor_ops *ops;
};

/* Borrows the visitor. */
struct key_digester *key_digester_new(struct digest_visitor *);
void key_digester_free(struct key_digester *);

/* As fingerprints were first defined: with the times at which consumers of
 * streams were seen and active, which no command writes. */
void key_digester_with_times(struct key_digester *);
struct rdb_visitor *key_digester_visitor(struct key_digester *);

#endif

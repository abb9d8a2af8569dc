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
	/* When nothing is left of it: its own expiry or, before that, the last
	 * field's, where each field of a hash has one. */
	int64_t gone_ms;
	uint64_t bytes; /* of the elements, decoded */
	uint64_t elements;
	/* Zeros for modules; of a hash, the fields that do not expire. */
	struct digest128 value;
	struct digest128 key; /* of (db, kind, expiry, name, value) */
	/*
	 * With the key's digest: of a stream, what only newer encodings
	 * carry; of a module, its bytes.  Zeros for other kinds.
	 */
	struct digest128 extra;
};

/* A field of a hash that goes by itself, the key and what else is in it stay:
 * so it counts apart. */
struct field_digest {
	uint32_t db;
	int64_t expires_ms;	 /* its own, or the key's, which is earlier */
	struct digest128 digest; /* of (db, kind, expiry and name of the key,
				  * field, value, expiry) */
};

/* Each returns 0, or -1 with err filled, which ends the reading; all but key
 * may be NULL. */
struct digest_visitor_ops {
	/* With the name, which is gone when the digests come. */
	int (*begin)(
	    struct digest_visitor *, const struct rdb_key *, struct err *);
	/* Before the key that it is of. */
	int (*field)(
	    struct digest_visitor *, const struct field_digest *, struct err *);
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

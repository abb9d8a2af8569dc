/*
 * fingerprint.h -- whether two datasets are the same, in a few kilobytes.
 *
 * Order-independent sums (mod 2^128) of XXH3-128 over (db, key, kind, expiry,
 * value in canonical form), so that datasets are equal whatever their
 * encodings, hash seeds and servers.  Keys without expiry make one sum; keys
 * that expire make one per expiry bucket.  So does each field of a hash that
 * expires by itself: the key is summed up without it.  A comparison drops, on
 * both sides, every bucket up to the first bound after both reads ended,
 * because either side may or may not have expired those keys and fields; only
 * that b holds no more of them than a is still asked.
 * Function libraries are summed apart, by their source.
 *
 * Buckets are aligned to Unix time: by minute for six hours from the anchor,
 * by hour for seven days, by day for 400 days, then one for all beyond.  Two
 * fingerprints are comparable when they have the same anchor and algorithm.
 *
 * It is a visitor: add fingerprint_visitor() to an rdb_reader.
 * docs/DESIGN.md has the canonical form, byte by byte.
 */
#ifndef RDB_FINGERPRINT_H
#define RDB_FINGERPRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

struct err;
struct fingerprint;
struct rdb_visitor;

/* Sums of 128 bits, low half first, over the same keys and fields. */
struct fp_sum {
	uint64_t keys;
	uint64_t fields;    /* of hashes, that expire: in value, too */
	uint64_t value[2];  /* everything that is compared */
	uint64_t stream[2]; /* stream fields that older encodings lack */
	uint64_t opaque[2]; /* the bytes of module values */
};

struct fp_bucket {
	int64_t until_ms; /* expiry in (the bucket before's, until_ms];
				 * INT64_MAX for the last */
	struct fp_sum sum;
};

struct fingerprint *fingerprint_new(int64_t anchor_ms);
/* An empty one that can be compared with this one. */
struct fingerprint *fingerprint_like(const struct fingerprint *);
void fingerprint_free(struct fingerprint *);
struct rdb_visitor *fingerprint_visitor(struct fingerprint *);

/*
 * What another of the same anchor holds, too: no key of both, and libraries
 * that both hold but once.  Only of what was read here: one that was parsed
 * does not know its libraries apart.
 */
int fingerprint_add(
    struct fingerprint *, const struct fingerprint *other, struct err *);

int64_t fingerprint_anchor_ms(const struct fingerprint *);
struct fp_sum fingerprint_persistent(const struct fingerprint *);
/* The buckets that hold keys or fields, ascending. */
const struct fp_bucket *
fingerprint_buckets(const struct fingerprint *, size_t *n);
uint64_t fingerprint_keys(const struct fingerprint *);
/* So many of them, or some more, have not expired by then. */
uint64_t fingerprint_lasting(const struct fingerprint *, int64_t then_ms);
uint64_t fingerprint_fields(const struct fingerprint *);    /* that expire */
uint64_t fingerprint_functions(const struct fingerprint *); /* libraries */

/* 32 hex digits over all sums and bucket bounds, for people. */
void fingerprint_text(const struct fingerprint *, char out[33]);

struct fp_comparison {
	bool same;
	uint64_t compared; /* keys of a in the sums compared */
	uint64_t expiring; /* keys of a left out: they may have expired, */
	uint64_t expiring_fields;  /* and fields that are left out */
	uint64_t not_compared;	   /* of a: opaque modules */
	bool stream_meta_compared; /* false: an encoding lacks the fields */
	char why[200];		   /* which sum differs; "" when same */
};

/* both_ended_ms: wall clock at which the later of the two reads ended. */
/* b is read after a: what a lacks in the buckets left out was written since. */
void fingerprint_compare(const struct fingerprint *a,
    const struct fingerprint *b, int64_t both_ended_ms, struct fp_comparison *);

/* As it stands in a manifest. Parse refuses what format did not make. */
cJSON *fingerprint_format(const struct fingerprint *);
struct fingerprint *fingerprint_parse(const cJSON *, struct err *);

#endif

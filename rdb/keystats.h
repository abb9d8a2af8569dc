/*
 * keystats.h -- what is in a dump: counts, bytes in the file and in a server's
 * memory, by database, kind and prefix, and the biggest keys.
 *
 * A visitor, in bounded memory: prefixes beyond KEYSTATS_PREFIXES_MAX are
 * summed up as "(others)", databases beyond KEYSTATS_DBS_MAX in the last one.
 */
#ifndef RDB_KEYSTATS_H
#define RDB_KEYSTATS_H

#include <stddef.h>
#include <stdint.h>

#include "rdb/big_keys.h"
#include "rdb/rdb_reader.h"

#define KEYSTATS_PREFIXES_MAX 10000
#define KEYSTATS_DBS_MAX      1024

struct keystats;
struct mem_estimate;

struct keystats_opts {
	size_t biggest;	 /* keys kept; 0: none */
	size_t prefixes; /* 0: none */
	char separator;	 /* 0: ':' */
	/* Added to the reader before this; or NULL: memory is 0 everywhere. */
	const struct mem_estimate *memory;
};

struct keystats_count {
	uint64_t keys;
	uint64_t expiring; /* of keys: with an expiry */
	uint64_t bytes;	   /* raw, as in the file, key and value */
	uint64_t memory;   /* bytes, estimated */
	uint64_t elements;
};

struct keystats_prefix {
	char *prefix; /* "" for keys without a separator */
	struct keystats_count count;
};

struct keystats *keystats_new(const struct keystats_opts *);
void keystats_free(struct keystats *);
struct rdb_visitor *keystats_visitor(struct keystats *);

void keystats_total(const struct keystats *, struct keystats_count *);
void
keystats_kind(const struct keystats *, enum rdb_kind, struct keystats_count *);
/* Ascending numbers; NULL past the last. */
const struct keystats_count *
keystats_db(const struct keystats *, size_t i, uint32_t *db);
/* Most memory first, then most bytes; valid until freed. */
const struct big_key *keystats_biggest(struct keystats *, size_t *n);
/* In the same order; the last may be "(others)". */
const struct keystats_prefix *keystats_prefixes(struct keystats *, size_t *n);

uint64_t keystats_functions(const struct keystats *); /* libraries */

/* "redis-ver" or "valkey-ver" of the dump's AUX fields; "" when absent. */
const char *keystats_version(const struct keystats *);

#endif

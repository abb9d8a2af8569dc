/*
 * key_table.h -- what a key is compared by, for as many keys as memory holds.
 *
 * Records lie in blocks, one after the other with their names, and are found
 * by the digest of the name.  Two keys are the same when database, digest,
 * length and all of the name that is kept agree, so that names whose digests
 * collide stay two keys.
 */
#ifndef RDB_KEY_TABLE_H
#define RDB_KEY_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rdb/key_digest.h"

struct key_table;

#define KEY_NAME_KEPT 256 /* bytes of a name; of longer ones the beginning */

#define KEY_TABLE_LEAST ((size_t)2 << 20) /* the least that it works in */

struct key_record {
	struct digest128 name_digest;
	struct digest128 value;
	int64_t expires_ms;
	int64_t gone_ms; /* key_digest's */
	/* Of a hash: the earliest expiry of a field, else RDB_NO_EXPIRY. */
	int64_t field_expires_ms;
	uint64_t extra; /* of a stream: of its counters; of a hash: of the
			 * fields that expire */
	uint64_t bytes; /* of the value, decoded */
	uint32_t elements;
	uint32_t db;
	uint32_t name_len;
	uint16_t slot;
	uint8_t kind; /* enum rdb_kind */
	bool seen;    /* the user's own */
};

/* max_bytes: at least KEY_TABLE_LEAST. */
struct key_table *key_table_new(size_t max_bytes);
void key_table_free(struct key_table *);

/* The bytes of a name that are kept of one of that length. */
size_t key_name_kept(size_t name_len);

/* Of a record in the table: key_name_kept() bytes. */
const unsigned char *key_record_name(const struct key_record *);

/* A copy of the record and the name's kept bytes; false when there is no
 * room, and the table is as it was. */
bool key_table_put(
    struct key_table *, const struct key_record *, const unsigned char *name);

/* The key that the record and name tell; NULL when it is not there. */
struct key_record *key_table_find(const struct key_table *,
    const struct key_record *, const unsigned char *name);

/* Where a walk over the records stands; zeros begin it. */
struct key_cursor {
	size_t block, at;
};

/* In the order they were put; NULL past the last. */
struct key_record *
key_table_next(const struct key_table *, struct key_cursor *);

/* Drops the records for which keep answers false; all when it is NULL. */
void key_table_keep(struct key_table *,
    bool (*keep)(const struct key_record *, const void *arg), const void *arg);

size_t key_table_count(const struct key_table *);

#endif

/*
 * rdb_types.h -- the type bytes of values: names, kinds, versions.
 *
 * Facts: redis/src/rdb.h of 2.4 to 7.4, valkey/src/rdb.h 9.0.
 */
#ifndef RDB_RDB_TYPES_H
#define RDB_RDB_TYPES_H

#include <stdbool.h>
#include <stdint.h>

#include "rdb/rdb_reader.h"

enum rdb_type {
	RDB_TYPE_STRING = 0,
	RDB_TYPE_LIST = 1,
	RDB_TYPE_SET = 2,
	RDB_TYPE_ZSET = 3,
	RDB_TYPE_HASH = 4,
	RDB_TYPE_ZSET_2 = 5,
	RDB_TYPE_MODULE_PRE_GA = 6,
	RDB_TYPE_MODULE_2 = 7,
	RDB_TYPE_HASH_ZIPMAP = 9,
	RDB_TYPE_LIST_ZIPLIST = 10,
	RDB_TYPE_SET_INTSET = 11,
	RDB_TYPE_ZSET_ZIPLIST = 12,
	RDB_TYPE_HASH_ZIPLIST = 13,
	RDB_TYPE_LIST_QUICKLIST = 14,
	RDB_TYPE_STREAM_LISTPACKS = 15,
	RDB_TYPE_HASH_LISTPACK = 16,
	RDB_TYPE_ZSET_LISTPACK = 17,
	RDB_TYPE_LIST_QUICKLIST_2 = 18,
	RDB_TYPE_STREAM_LISTPACKS_2 = 19,
	RDB_TYPE_SET_LISTPACK = 20,
	RDB_TYPE_STREAM_LISTPACKS_3 = 21,
	RDB_TYPE_HASH_METADATA_RC = 22, /* Redis 7.4-rc; in Valkey: */
	RDB_TYPE_HASH_2_VALKEY = 22,
	RDB_TYPE_HASH_LISTPACK_EX_RC = 23,
	RDB_TYPE_HASH_METADATA = 24,
	RDB_TYPE_HASH_LISTPACK_EX = 25,
	RDB_TYPES
};

/* Whether the reader reads it; 22 to 25 differ between the families. */
bool rdb_type_known(uint8_t type, bool valkey);

/* "hash-listpack"; "unknown" for one that is not known to either family. */
const char *rdb_type_name(uint8_t type, bool valkey);
enum rdb_kind rdb_type_kind(uint8_t type);

/*
 * The lowest RDB version that owns the type, to stamp a DUMP payload with; 0
 * for a type that is unknown.  22 is Valkey's (80), so that its bytes can
 * never pass for those of a Redis 7.4 release candidate.
 */
int rdb_type_min_version(uint8_t type);

#endif

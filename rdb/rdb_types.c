#include <stddef.h>

#include "rdb/rdb_types.h"

static const struct {
	const char *name;
	enum rdb_kind kind;
	uint8_t min_version;
} types[RDB_TYPES] = {
    [RDB_TYPE_STRING] = {"string", RDB_STRING, 1},
    [RDB_TYPE_LIST] = {"list", RDB_LIST, 1},
    [RDB_TYPE_SET] = {"set", RDB_SET, 1},
    [RDB_TYPE_ZSET] = {"zset", RDB_ZSET, 1},
    [RDB_TYPE_HASH] = {"hash", RDB_HASH, 1},
    [RDB_TYPE_ZSET_2] = {"zset-2", RDB_ZSET, 8},
    [RDB_TYPE_MODULE_2] = {"module-2", RDB_MODULE, 8},
    [RDB_TYPE_HASH_ZIPMAP] = {"hash-zipmap", RDB_HASH, 2},
    [RDB_TYPE_LIST_ZIPLIST] = {"list-ziplist", RDB_LIST, 2},
    [RDB_TYPE_SET_INTSET] = {"set-intset", RDB_SET, 2},
    [RDB_TYPE_ZSET_ZIPLIST] = {"zset-ziplist", RDB_ZSET, 2},
    [RDB_TYPE_HASH_ZIPLIST] = {"hash-ziplist", RDB_HASH, 4},
    [RDB_TYPE_LIST_QUICKLIST] = {"quicklist", RDB_LIST, 7},
    [RDB_TYPE_STREAM_LISTPACKS] = {"stream", RDB_STREAM, 9},
    [RDB_TYPE_HASH_LISTPACK] = {"hash-listpack", RDB_HASH, 10},
    [RDB_TYPE_ZSET_LISTPACK] = {"zset-listpack", RDB_ZSET, 10},
    [RDB_TYPE_LIST_QUICKLIST_2] = {"quicklist-2", RDB_LIST, 10},
    [RDB_TYPE_STREAM_LISTPACKS_2] = {"stream-2", RDB_STREAM, 10},
    [RDB_TYPE_SET_LISTPACK] = {"set-listpack", RDB_SET, 11},
    [RDB_TYPE_STREAM_LISTPACKS_3] = {"stream-3", RDB_STREAM, 11},
    [RDB_TYPE_HASH_2_VALKEY] = {"hash-2", RDB_HASH, 80},
    [RDB_TYPE_HASH_LISTPACK_EX_RC] = {"hash-listpack-ex-rc", RDB_HASH, 12},
    [RDB_TYPE_HASH_METADATA] = {"hash-metadata", RDB_HASH, 12},
    [RDB_TYPE_HASH_LISTPACK_EX] = {"hash-listpack-ex", RDB_HASH, 12},
};

bool
rdb_type_known(uint8_t type, bool valkey)
{
	if (type >= RDB_TYPES || types[type].name == NULL)
		return false;
	return !valkey || type <= RDB_TYPE_HASH_2_VALKEY;
}

const char *
rdb_type_name(uint8_t type, bool valkey)
{
	if (type >= RDB_TYPES || types[type].name == NULL)
		return "unknown";
	if (type == RDB_TYPE_HASH_METADATA_RC && !valkey)
		return "hash-metadata-rc";
	return types[type].name;
}

enum rdb_kind
rdb_type_kind(uint8_t type)
{
	return type < RDB_TYPES ? types[type].kind : RDB_STRING;
}

int
rdb_type_min_version(uint8_t type)
{
	return type < RDB_TYPES ? types[type].min_version : 0;
}

const char *
rdb_kind_name(enum rdb_kind kind)
{
	static const char *const names[RDB_KINDS] = {
	    [RDB_STRING] = "string",
	    [RDB_LIST] = "list",
	    [RDB_SET] = "set",
	    [RDB_ZSET] = "zset",
	    [RDB_HASH] = "hash",
	    [RDB_STREAM] = "stream",
	    [RDB_MODULE] = "module",
	};

	return (unsigned)kind < RDB_KINDS ? names[kind] : "unknown";
}

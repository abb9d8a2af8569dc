#include <stddef.h>

#include "rdb/packed.h"
#include "rdb/rdb_reader.h"
#include "rdb/rdb_types.h"

#include "rdb/rdb_layout.h"

/* clang-format off: a table reads best with one step to a line */
#define END \
	{ \
		RDB_DO_END, 0 \
	}
#define LOOP(steps) \
	{ \
		RDB_DO_LOOP, steps \
	}
#define NEXT \
	{ \
		RDB_DO_NEXT, 0 \
	}
#define PART(part) \
	{ \
		RDB_DO_PART, RDB_PART_##part \
	}
#define PACKED(f, s) \
	{ \
		RDB_DO_PACKED, RDB_PACKED(PACKED_##f, RDB_SHAPE_##s) \
	}
#define LEN(reg) \
	{ \
		RDB_DO_LEN, RDB_REG_##reg \
	}
#define TIME(reg) \
	{ \
		RDB_DO_TIME, RDB_REG_##reg \
	}
#define FACT(fact) \
	{ \
		RDB_DO_FACT, RDB_STREAM_##fact \
	}
#define TTL(ttl) \
	{ \
		RDB_DO_FIELD_EXPIRY, RDB_TTL_##ttl \
	}
#define TELL(what) \
	{ \
		RDB_DO_TELL, RDB_TELL_##what \
	}
#define KEEP(n) \
	{ \
		RDB_DO_KEEP, n \
	}
#define STEP(what) \
	{ \
		RDB_DO_##what, 0 \
	}
/* clang-format on */

const struct rdb_step rdb_layout_header[] = {STEP(HEADER)};
const struct rdb_step rdb_layout_opcode[] = {STEP(OPCODE)};
const struct rdb_step rdb_layout_key[] = {STEP(NAME), STEP(VALUE)};

static const struct rdb_step string[] = {PART(STRING), END};
static const struct rdb_step items[] = {LOOP(2), PART(ITEM), NEXT, END};
static const struct rdb_step zset[] = {
    LOOP(3), PART(MEMBER), STEP(OLD_SCORE), NEXT, END};
static const struct rdb_step zset_2[] = {
    LOOP(3), PART(MEMBER), STEP(SCORE), NEXT, END};
static const struct rdb_step hash[] = {
    LOOP(3), PART(FIELD), PART(VALUE), NEXT, END};
static const struct rdb_step module_2[] = {LEN(N), STEP(TAGGED), END};

static const struct rdb_step hash_zipmap[] = {PACKED(ZIPMAP, PAIRS), END};
static const struct rdb_step list_ziplist[] = {PACKED(ZIPLIST, ITEMS), END};
static const struct rdb_step set_intset[] = {PACKED(INTSET, ITEMS), END};
static const struct rdb_step zset_ziplist[] = {PACKED(ZIPLIST, SCORES), END};
static const struct rdb_step hash_ziplist[] = {PACKED(ZIPLIST, PAIRS), END};
static const struct rdb_step hash_listpack[] = {PACKED(LISTPACK, PAIRS), END};
static const struct rdb_step zset_listpack[] = {PACKED(LISTPACK, SCORES), END};
static const struct rdb_step set_listpack[] = {PACKED(LISTPACK, ITEMS), END};
static const struct rdb_step quicklist[] = {
    LOOP(2), PACKED(ZIPLIST, ITEMS), NEXT, END};
static const struct rdb_step quicklist_2[] = {LOOP(2), STEP(NODE), NEXT, END};

/* Field TTLs: in a release candidate of 7.4, in 7.4, in Valkey 9. */
static const struct rdb_step hash_metadata_rc[] = {
    LOOP(5), LEN(TIME), PART(FIELD), PART(VALUE), TTL(ABSOLUTE), NEXT, END};
static const struct rdb_step hash_listpack_ex_rc[] = {
    PACKED(LISTPACK, TRIPLES), END};
static const struct rdb_step hash_metadata[] = {TIME(BASE), LOOP(5), LEN(TIME),
    PART(FIELD), PART(VALUE), TTL(RELATIVE), NEXT, END};
static const struct rdb_step hash_listpack_ex[] = {
    TIME(BASE), PACKED(LISTPACK, TRIPLES), END};
static const struct rdb_step hash_2_valkey[] = {
    LOOP(5), PART(FIELD), PART(VALUE), TIME(TIME), TTL(SIGNED), NEXT, END};

/* clang-format off */
#define STREAM_NODES \
	LOOP(3), STEP(NODE_ID), PACKED(LISTPACK, STREAM), NEXT, \
	LEN(N), FACT(LENGTH), \
	LEN(MS), LEN(SEQ), FACT(LAST_ID)
#define STREAM_META \
	LEN(MS), LEN(SEQ), FACT(FIRST_ID), \
	LEN(MS), LEN(SEQ), FACT(MAX_DELETED), \
	LEN(N), FACT(ADDED)
#define GROUP_NAME \
	PART(GROUP), LEN(MS), LEN(SEQ), FACT(GROUP_LAST)
#define GROUP_READ \
	LEN(N), FACT(GROUP_READ)
#define GROUP_PENDING \
	LOOP(5), STEP(ID), TIME(TIME), LEN(N), FACT(PENDING), NEXT
#define CONSUMER_NAME \
	PART(CONSUMER), TIME(TIME), FACT(SEEN)
#define CONSUMER_ACTIVE \
	TIME(TIME), FACT(ACTIVE)
#define CONSUMER_OWNED \
	LOOP(3), STEP(ID), FACT(OWNED), NEXT
/* clang-format on */

static const struct rdb_step stream[] = {STREAM_NODES, LOOP(20), GROUP_NAME,
    GROUP_PENDING, LOOP(8), CONSUMER_NAME, CONSUMER_OWNED, NEXT, NEXT, END};
static const struct rdb_step stream_2[] = {STREAM_NODES, STREAM_META, LOOP(22),
    GROUP_NAME, GROUP_READ, GROUP_PENDING, LOOP(8), CONSUMER_NAME,
    CONSUMER_OWNED, NEXT, NEXT, END};
static const struct rdb_step stream_3[] = {STREAM_NODES, STREAM_META, LOOP(24),
    GROUP_NAME, GROUP_READ, GROUP_PENDING, LOOP(10), CONSUMER_NAME,
    CONSUMER_ACTIVE, CONSUMER_OWNED, NEXT, NEXT, END};

static const struct rdb_step *const types[RDB_TYPES] = {
    [RDB_TYPE_STRING] = string,
    [RDB_TYPE_LIST] = items,
    [RDB_TYPE_SET] = items,
    [RDB_TYPE_ZSET] = zset,
    [RDB_TYPE_HASH] = hash,
    [RDB_TYPE_ZSET_2] = zset_2,
    [RDB_TYPE_MODULE_2] = module_2,
    [RDB_TYPE_HASH_ZIPMAP] = hash_zipmap,
    [RDB_TYPE_LIST_ZIPLIST] = list_ziplist,
    [RDB_TYPE_SET_INTSET] = set_intset,
    [RDB_TYPE_ZSET_ZIPLIST] = zset_ziplist,
    [RDB_TYPE_HASH_ZIPLIST] = hash_ziplist,
    [RDB_TYPE_LIST_QUICKLIST] = quicklist,
    [RDB_TYPE_STREAM_LISTPACKS] = stream,
    [RDB_TYPE_HASH_LISTPACK] = hash_listpack,
    [RDB_TYPE_ZSET_LISTPACK] = zset_listpack,
    [RDB_TYPE_LIST_QUICKLIST_2] = quicklist_2,
    [RDB_TYPE_STREAM_LISTPACKS_2] = stream_2,
    [RDB_TYPE_SET_LISTPACK] = set_listpack,
    [RDB_TYPE_STREAM_LISTPACKS_3] = stream_3,
    [RDB_TYPE_HASH_METADATA_RC] = hash_metadata_rc,
    [RDB_TYPE_HASH_LISTPACK_EX_RC] = hash_listpack_ex_rc,
    [RDB_TYPE_HASH_METADATA] = hash_metadata,
    [RDB_TYPE_HASH_LISTPACK_EX] = hash_listpack_ex,
};

const struct rdb_step *
rdb_layout_of_type(uint8_t type, bool valkey)
{
	if (!rdb_type_known(type, valkey))
		return NULL;
	if (valkey && type == RDB_TYPE_HASH_2_VALKEY)
		return hash_2_valkey;
	return types[type];
}

/* Redis Enterprise's own; a slot's migration under way, in Valkey. */
static const struct rdb_step ram_lru[] = {LEN(N), END};
static const struct rdb_step slot_number[] = {LEN(N), END};
static const struct rdb_step slot_import[] = {
    STEP(SKIP), LOOP(3), LEN(MS), LEN(SEQ), NEXT, END};

static const struct rdb_step slot_info[] = {LEN(N), LEN(N), LEN(N), END};
static const struct rdb_step function_2[] = {KEEP(0), TELL(FUNCTION), END};
static const struct rdb_step module_aux[] = {
    LEN(BASE), STEP(WHEN), LEN(N), STEP(TAGGED), TELL(MODULE_AUX), END};
static const struct rdb_step idle[] = {LEN(N), TELL(IDLE), END};
static const struct rdb_step freq[] = {
    {RDB_DO_BYTE, RDB_REG_N}, TELL(FREQ), END};
static const struct rdb_step aux[] = {KEEP(0), KEEP(1), TELL(AUX), END};
static const struct rdb_step resize_db[] = {
    LEN(MS), LEN(SEQ), TELL(RESIZE), END};
static const struct rdb_step expire_ms[] = {TIME(TIME), TELL(EXPIRE_MS), END};
static const struct rdb_step expire_s[] = {
    {RDB_DO_SECONDS, RDB_REG_TIME}, TELL(EXPIRE_S), END};
static const struct rdb_step select_db[] = {LEN(N), TELL(DB), END};
static const struct rdb_step trailer[] = {STEP(TRAILER)};

const struct rdb_step *
rdb_layout_of_opcode(uint8_t opcode, bool valkey)
{
	switch (opcode) {
	case 107:
		return ram_lru;
	case 121:
		return slot_number;
	case 243:
		return valkey ? slot_import : NULL;
	case 244:
		return slot_info;
	case 245:
		return function_2;
	case 247:
		return module_aux;
	case 248:
		return idle;
	case 249:
		return freq;
	case 250:
		return aux;
	case 251:
		return resize_db;
	case 252:
		return expire_ms;
	case 253:
		return expire_s;
	case 254:
		return select_db;
	case 255:
		return trailer;
	default:
		return NULL;
	}
}

#include <stdio.h>

#include "base/buf.h"
#include "rdb/rdb_reader.h"
#include "rdb/rdb_types.h"

#include "rdb/value_carry.h"

#define VERSION_STREAMS		50000
#define VERSION_FIELD_EXPIRY	70400
#define VERSION_FIELD_EXPIRY_VK 90000

static bool
has_field_expiry(const struct value_server *s)
{
	return s->version >=
	    (s->valkey ? VERSION_FIELD_EXPIRY_VK : VERSION_FIELD_EXPIRY);
}

const char *
value_carry_refuse(uint8_t type, const struct value_server *s)
{
	switch ((enum rdb_type)type) {
	case RDB_TYPE_HASH_2_VALKEY:
	case RDB_TYPE_HASH_LISTPACK_EX_RC:
	case RDB_TYPE_HASH_METADATA:
	case RDB_TYPE_HASH_LISTPACK_EX:
		return has_field_expiry(s)
		    ? NULL
		    : "hashes whose fields expire, which it has not";
	default:
		break;
	}
	if (rdb_type_min_version(type) == 0)
		return "values of a type that is not known";
	if (rdb_type_kind(type) == RDB_MODULE)
		return "data of modules, which no command writes";
	if (rdb_type_kind(type) == RDB_STREAM && s->version < VERSION_STREAMS)
		return "streams, which it has not";
	return NULL;
}

const char *
value_carry_lost(uint32_t lost, char out[VALUE_LOST_MAX])
{
	static const char *const texts[VALUE_LOSSES] = {
	    [VALUE_LOST_ACCESS] = "idle times and frequencies",
	    [VALUE_LOST_SEEN] = "when stream consumers were last seen",
	    [VALUE_LOST_COUNTERS] = "counters of streams",
	    [VALUE_LOST_CONSUMER] = "stream consumers with nothing pending",
	    [VALUE_LOST_PENDING] = "pending entries of deleted messages",
	};
	struct buf b;

	buf_init(&b, VALUE_LOST_MAX - 1);
	for (int i = 0; i < VALUE_LOSSES; i++)
		if ((lost >> i & 1) != 0)
			buf_addf(&b, "%s%s", b.len > 0 ? ", " : "", texts[i]);
	snprintf(out, VALUE_LOST_MAX, "%s", b.data);
	buf_release(&b);
	return out;
}

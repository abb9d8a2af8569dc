#include <inttypes.h>
#include <string.h>

#include "rdb/rdb_types.h"

#include "rdb/rdb_private.h"

#define HEADER_SIZE 9
#define CRC_SIZE    8
#define CRC_SINCE   5 /* RDB version */
#define WHOLE_KEPT  ((size_t)64 << 10)

static int
digits(const unsigned char *p, size_t n)
{
	int v = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		v = 10 * v + (p[i] - '0');
	}
	return v;
}

int
rdb_frame_header(struct rdb_reader *r)
{
	const unsigned char *p = r->in.p;
	struct rdb_summary *sum = &r->sum;

	if (intake_left(&r->in) < HEADER_SIZE)
		return 0;
	sum->valkey = memcmp(p, "VALKEY", 6) == 0;
	if (sum->valkey)
		sum->version = digits(p + 6, 3);
	else if (memcmp(p, "REDIS", 5) == 0)
		sum->version = digits(p + 5, 4);
	else
		return rdb_corrupt(r,
		    "not an RDB file: no REDIS or VALKEY "
		    "at its beginning");
	if (sum->version <= 0)
		return rdb_corrupt(r, "the header has no version");
	if (sum->valkey ? sum->version != RDB_VERSION_VALKEY_MAX
			: sum->version > RDB_VERSION_REDIS_MAX)
		return rdb_unsupported(r, "RDB version %d of %s is not known",
		    sum->version, sum->valkey ? "Valkey" : "Redis");
	r->in.p += HEADER_SIZE;
	r->step = rdb_layout_opcode;
	return rdb_tell_header(r) == 0 ? 1 : -1;
}

static int
unknown_opcode(struct rdb_reader *r, uint8_t opcode)
{
	if (opcode == RDB_TYPE_MODULE_PRE_GA)
		return rdb_unsupported(r,
		    "a module's value in the form of a "
		    "4.0 release candidate");
	if (opcode == 246)
		return rdb_unsupported(r,
		    "a function library in the form of "
		    "a 7.0 release candidate");
	return rdb_unsupported(r, "type or opcode %d is not known", opcode);
}

int
rdb_frame_opcode(struct rdb_reader *r)
{
	bool valkey = r->sum.valkey;
	uint8_t opcode;

	if (intake_left(&r->in) == 0)
		return 0;
	opcode = *r->in.p;
	r->step = rdb_layout_of_opcode(opcode, valkey);
	if (r->step == NULL) {
		if (!rdb_type_known(opcode, valkey))
			return unknown_opcode(r, opcode);
		r->step = rdb_layout_key;
		r->in_key = true;
		r->key.type = opcode;
		r->key.kind = rdb_type_kind(opcode);
		r->key.offset = intake_offset(&r->in);
	}
	r->in.p++;
	return 1;
}

int
rdb_frame_key(struct rdb_reader *r)
{
	r->sum.types_seen |= 1u << r->key.type;
	r->in_value = true;
	r->in_module = r->key.kind == RDB_MODULE && r->want_decoded;
	if (r->key.kind == RDB_MODULE)
		r->sum.has_modules = true;
	r->raw_from = r->in.p;
	r->raw_bytes = 0;
	r->elements = r->key.kind == RDB_MODULE;
	r->step = rdb_layout_of_type(r->key.type, r->sum.valkey);
	return rdb_tell_key_begin(r) == 0 ? 1 : -1;
}

static void
note_size(struct rdb_reader *r)
{
	uint64_t name = r->key.name_len;
	uint64_t n = r->raw_bytes > name ? r->raw_bytes : name;
	uint64_t whole = r->key.kind == RDB_MODULE ? n : name;

	if (n > r->sum.value_max)
		r->sum.value_max = n;
	if (whole > r->sum.sizes.whole)
		r->sum.sizes.whole = whole;
}

/* What had to be whole must not keep its memory for the rest of the dump. */
static void
shrink(struct buf *b)
{
	if (b->size > WHOLE_KEPT)
		buf_release(b);
}

int
rdb_frame_end(struct rdb_reader *r)
{
	r->step = rdb_layout_opcode;
	shrink(&r->name);
	shrink(&r->kept[0]);
	shrink(&r->kept[1]);
	shrink(&r->node.fields);
	if (!r->in_value)
		return 1;
	if (rdb_tell_raw(r, true) != 0 || rdb_tell_key_end(r) != 0)
		return -1;
	note_size(r);
	r->sum.keys++;
	r->in_key = r->in_value = r->in_module = false;
	r->key.expires_ms = RDB_NO_EXPIRY;
	r->key.idle_s = r->key.lfu = -1;
	return 1;
}

int
rdb_frame_trailer(struct rdb_reader *r)
{
	uint64_t stored;

	r->end_at = intake_offset(&r->in);
	rdb_crc_to(r, r->end_at);
	if (r->sum.version >= CRC_SINCE) {
		if (intake_left(&r->in) < CRC_SIZE)
			return 0;
		stored = rdb_little_endian(r->in.p, CRC_SIZE);
		if (stored != 0 && stored != r->sum.crc64)
			return rdb_corrupt(r,
			    "CRC64 is %016" PRIx64
			    ", the dump says %016" PRIx64,
			    r->sum.crc64, stored);
		r->in.p += CRC_SIZE;
		r->sum.has_crc = stored != 0;
	}
	r->sum.size = intake_offset(&r->in);
	r->sum.complete = true;
	return 1;
}

#include <inttypes.h>

#include "rdb/key_digest.h"
#include "rdb/library_set.h"
#include "rdb/rdb_private.h"

/*
 * Passes an event to every visitor that has the function.  It returns from
 * the function around it when one fails: their errors are told as they are.
 */
#define TELL(r, function, ...) \
	do { \
		for (size_t i_ = 0; i_ < (r)->nvisitors; i_++) { \
			struct rdb_visitor *v_ = (r)->visitors[i_]; \
\
			if (v_->ops->function == NULL || \
			    v_->ops->function(v_, __VA_ARGS__, &(r)->err) == \
				0) \
				continue; \
			(r)->visitor_failed = true; \
			return -1; \
		} \
	} while (0)

static inline const unsigned char *
bytes_of(const struct buf *b)
{
	return (const unsigned char *)b->data;
}

int
rdb_tell_raw(struct rdb_reader *r, bool last)
{
	const unsigned char *from = r->raw_from;
	size_t n = (size_t)(r->in.p - from);

	r->raw_from = r->in.p;
	r->raw_bytes += n;
	if (n > 0 && r->want_raw)
		TELL(r, raw, from, n);
	if (r->in_module && (n > 0 || last))
		TELL(r, piece, RDB_PART_MODULE, from, n, last);
	return 0;
}

int
rdb_tell_piece(struct rdb_reader *r, enum rdb_part part, const unsigned char *p,
    size_t len, bool last)
{
	TELL(r, piece, part, p, len, last);
	return 0;
}

int
rdb_tell_integer(struct rdb_reader *r, enum rdb_part part, int64_t integer)
{
	char text[DECIMAL_INT_MAX];
	size_t n = decimal_format(text, integer);

	return rdb_tell_piece(r, part, (unsigned char *)text, n, true);
}

int
rdb_tell_block(struct rdb_reader *r, uint64_t size)
{
	struct rdb_stream_id id = {0};

	if (r->key.kind == RDB_STREAM)
		id = r->node.id;
	TELL(r, block, size, id);
	return 0;
}

int
rdb_tell_score(struct rdb_reader *r, double score)
{
	TELL(r, score, score);
	return 0;
}

int
rdb_tell_field_expiry(struct rdb_reader *r, enum rdb_ttl ttl, uint64_t n)
{
	if (n == (ttl == RDB_TTL_SIGNED ? UINT64_MAX : 0))
		return 0;
	if (ttl == RDB_TTL_RELATIVE &&
	    __builtin_add_overflow(n - 1, r->reg[RDB_REG_BASE], &n))
		n = UINT64_MAX;
	if (n > INT64_MAX)
		return rdb_corrupt(r, "a field's expiry is out of range");
	TELL(r, field_expiry, (int64_t)n);
	return 0;
}

int
rdb_tell_entry(struct rdb_reader *r, struct rdb_stream_id id, uint64_t fields)
{
	if (fields > r->sum.sizes.fields)
		r->sum.sizes.fields = fields;
	TELL(r, stream_entry, id, fields);
	return 0;
}

int
rdb_tell_fact(struct rdb_reader *r, enum rdb_stream_fact fact)
{
	struct rdb_stream_id id = {0};
	uint64_t n = 0;
	int64_t ms = 0;

	switch (fact) {
	case RDB_STREAM_LENGTH:
		r->elements = r->reg[RDB_REG_N];
		n = r->reg[RDB_REG_N];
		break;
	case RDB_STREAM_ADDED:
	case RDB_STREAM_GROUP_READ:
		n = r->reg[RDB_REG_N];
		break;
	case RDB_STREAM_SEEN:
	case RDB_STREAM_ACTIVE:
		ms = (int64_t)r->reg[RDB_REG_TIME];
		break;
	case RDB_STREAM_PENDING:
		n = r->reg[RDB_REG_N];
		ms = (int64_t)r->reg[RDB_REG_TIME];
		/* fallthrough */
	default:
		id.ms = r->reg[RDB_REG_MS];
		id.seq = r->reg[RDB_REG_SEQ];
	}
	TELL(r, stream_fact, fact, id, n, ms);
	return 0;
}

int
rdb_tell_header(struct rdb_reader *r)
{
	TELL(r, header, r->sum.version, r->sum.valkey);
	return 0;
}

int
rdb_tell_key_begin(struct rdb_reader *r)
{
	TELL(r, key_begin, &r->key);
	return 0;
}

int
rdb_tell_key_end(struct rdb_reader *r)
{
	TELL(r, key_end, r->raw_bytes, r->elements);
	return 0;
}

static int
tell_aux(struct rdb_reader *r)
{
	TELL(r, aux, bytes_of(&r->kept[0]), r->kept[0].len,
	    bytes_of(&r->kept[1]), r->kept[1].len);
	return 0;
}

/* At most so many bytes tell a length. */
#define LENGTH_BYTES 9

/* Whether another dump, that is read into the same, told this library. */
static int
is_told(struct rdb_reader *r, bool *told)
{
	struct digest128 d = digest128_of(
	    bytes_of(&r->kept[0]), r->kept[0].len);
	bool is_new = true;

	if (r->told != NULL &&
	    library_set_add(r->told, &d, &is_new, &r->err) != 0)
		return -1;
	*told = !is_new;
	return 0;
}

static int
tell_function(struct rdb_reader *r)
{
	uint64_t n = LENGTH_BYTES + r->kept[0].len;
	bool told;

	r->sum.has_functions = true;
	if (n > r->sum.value_max)
		r->sum.value_max = n;
	if (n > r->sum.sizes.whole)
		r->sum.sizes.whole = n;
	if (is_told(r, &told) != 0)
		return -1;
	if (told)
		return 0;
	TELL(r, function, bytes_of(&r->kept[0]), r->kept[0].len);
	return 0;
}

static int
select_db(struct rdb_reader *r)
{
	uint64_t db = r->reg[RDB_REG_N];

	if (db > UINT32_MAX)
		return rdb_corrupt(r, "database number %" PRIu64, db);
	r->key.db = (uint32_t)db;
	if (r->key.db > r->sum.db_max)
		r->sum.db_max = r->key.db;
	return 0;
}

int
rdb_tell_opcode(struct rdb_reader *r, enum rdb_tell what)
{
	switch (what) {
	case RDB_TELL_DB:
		return select_db(r);
	case RDB_TELL_RESIZE:
		TELL(r, resize_db, r->key.db, r->reg[RDB_REG_MS],
		    r->reg[RDB_REG_SEQ]);
		return 0;
	case RDB_TELL_EXPIRE_MS:
		r->key.expires_ms = (int64_t)r->reg[RDB_REG_TIME];
		return 0;
	case RDB_TELL_EXPIRE_S:
		r->key.expires_ms = (int64_t)(int32_t)r->reg[RDB_REG_TIME] *
		    1000;
		return 0;
	case RDB_TELL_IDLE:
		r->key.idle_s = (int64_t)(r->reg[RDB_REG_N] & INT64_MAX);
		return 0;
	case RDB_TELL_FREQ:
		r->key.lfu = (int)r->reg[RDB_REG_N];
		return 0;
	case RDB_TELL_AUX:
		return tell_aux(r);
	case RDB_TELL_FUNCTION:
		return tell_function(r);
	case RDB_TELL_MODULE_AUX:
		r->sum.has_modules = true;
		TELL(r, module_aux, r->reg[RDB_REG_BASE]);
		return 0;
	}
	return 0;
}

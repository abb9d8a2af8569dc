#include <inttypes.h>
#include <stdlib.h>

#include "rdb/crc64.h"

#include "tests/sim/rdb_record.h"

#define TEXT_MAX ((size_t)64 << 20)

static struct rdb_record *
called(struct rdb_visitor *v)
{
	struct rdb_record *rec = (struct rdb_record *)v;

	rec->calls++;
	return rec;
}

static int
done(struct rdb_record *rec, struct err *err)
{
	if (rec->fail_at == 0 || rec->calls != rec->fail_at)
		return 0;
	return err_set(err, ERR_TRANSIENT, "call refused");
}

static void
add_bytes(struct buf *b, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] < ' ' || p[i] > '~' || p[i] == '"' || p[i] == '\\')
			buf_addf(b, "\\x%02x", p[i]);
		else
			buf_addc(b, (char)p[i]);
	}
}

static int
on_header(struct rdb_visitor *v, int version, bool valkey, struct err *err)
{
	struct rdb_record *rec = called(v);

	buf_addf(&rec->text, "header %d%s\n", version, valkey ? " valkey" : "");
	return done(rec, err);
}

static int
on_aux(struct rdb_visitor *v, const unsigned char *name, size_t name_len,
    const unsigned char *value, size_t value_len, struct err *err)
{
	struct rdb_record *rec = called(v);

	buf_adds(&rec->text, "aux ");
	add_bytes(&rec->text, name, name_len);
	buf_adds(&rec->text, "=");
	add_bytes(&rec->text, value, value_len);
	buf_adds(&rec->text, "\n");
	return done(rec, err);
}

static int
on_function(
    struct rdb_visitor *v, const unsigned char *p, size_t n, struct err *err)
{
	struct rdb_record *rec = called(v);

	buf_adds(&rec->text, "function ");
	add_bytes(&rec->text, p, n);
	buf_adds(&rec->text, "\n");
	return done(rec, err);
}

static int
on_module_aux(struct rdb_visitor *v, uint64_t id, struct err *err)
{
	struct rdb_record *rec = called(v);

	buf_addf(&rec->text, "module_aux %016" PRIx64 "\n", id);
	return done(rec, err);
}

static int
on_resize_db(struct rdb_visitor *v, uint32_t db, uint64_t keys,
    uint64_t expires, struct err *err)
{
	struct rdb_record *rec = called(v);

	buf_addf(&rec->text, "resize_db %" PRIu32 " %" PRIu64 " %" PRIu64 "\n",
	    db, keys, expires);
	return done(rec, err);
}

static int
on_key_begin(struct rdb_visitor *v, const struct rdb_key *key, struct err *err)
{
	struct rdb_record *rec = called(v);

	buf_addf(&rec->text, "key %" PRIu32 " %s %d ", key->db,
	    rdb_kind_name(key->kind), key->type);
	buf_addc(&rec->text, '"');
	add_bytes(&rec->text, key->name, key->name_len);
	buf_addc(&rec->text, '"');
	if (key->expires_ms != RDB_NO_EXPIRY)
		buf_addf(&rec->text, " expires %" PRId64, key->expires_ms);
	if (key->idle_s >= 0)
		buf_addf(&rec->text, " idle %" PRId64, key->idle_s);
	if (key->lfu >= 0)
		buf_addf(&rec->text, " lfu %d", key->lfu);
	buf_addf(&rec->text, " at %" PRIu64 "\n", key->offset);
	rec->raw_crc = 0;
	rec->raw_len = 0;
	return done(rec, err);
}

static int
on_raw(struct rdb_visitor *v, const unsigned char *p, size_t n, struct err *err)
{
	struct rdb_record *rec = called(v);

	rec->raw_crc = crc64(rec->raw_crc, p, n);
	rec->raw_len += n;
	return done(rec, err);
}

static int
on_piece(struct rdb_visitor *v, enum rdb_part part, const unsigned char *p,
    size_t n, bool last, struct err *err)
{
	static const char *const names[] = {
	    [RDB_PART_STRING] = "string",
	    [RDB_PART_ITEM] = "item",
	    [RDB_PART_FIELD] = "field",
	    [RDB_PART_VALUE] = "value",
	    [RDB_PART_MEMBER] = "member",
	    [RDB_PART_STREAM_FIELD] = "stream_field",
	    [RDB_PART_STREAM_VALUE] = "stream_value",
	    [RDB_PART_GROUP] = "group",
	    [RDB_PART_CONSUMER] = "consumer",
	    [RDB_PART_MODULE] = "module",
	};
	struct rdb_record *rec = called(v);

	if (!rec->in_part)
		buf_addf(&rec->text, " %s \"", names[part]);
	add_bytes(&rec->text, p, n);
	if (last)
		buf_adds(&rec->text, "\"\n");
	rec->in_part = !last;
	return done(rec, err);
}

static int
on_score(struct rdb_visitor *v, double score, struct err *err)
{
	struct rdb_record *rec = called(v);

	buf_addf(&rec->text, " score %.17g\n", score);
	return done(rec, err);
}

static int
on_field_expiry(struct rdb_visitor *v, int64_t ms, struct err *err)
{
	struct rdb_record *rec = called(v);

	buf_addf(&rec->text, " field_expiry %" PRId64 "\n", ms);
	return done(rec, err);
}

static int
on_stream_entry(struct rdb_visitor *v, struct rdb_stream_id id, uint64_t fields,
    struct err *err)
{
	struct rdb_record *rec = called(v);

	buf_addf(&rec->text, " entry %" PRIu64 "-%" PRIu64 " %" PRIu64 "\n",
	    id.ms, id.seq, fields);
	return done(rec, err);
}

static int
on_stream_fact(struct rdb_visitor *v, enum rdb_stream_fact fact,
    struct rdb_stream_id id, uint64_t n, int64_t ms, struct err *err)
{
	static const char *const names[] = {
	    [RDB_STREAM_LENGTH] = "length",
	    [RDB_STREAM_LAST_ID] = "last_id",
	    [RDB_STREAM_FIRST_ID] = "first_id",
	    [RDB_STREAM_MAX_DELETED] = "max_deleted",
	    [RDB_STREAM_ADDED] = "added",
	    [RDB_STREAM_GROUP_LAST] = "group_last",
	    [RDB_STREAM_GROUP_READ] = "group_read",
	    [RDB_STREAM_PENDING] = "pending",
	    [RDB_STREAM_SEEN] = "seen",
	    [RDB_STREAM_ACTIVE] = "active",
	    [RDB_STREAM_OWNED] = "owned",
	};
	struct rdb_record *rec = called(v);

	buf_addf(&rec->text,
	    " %s %" PRIu64 "-%" PRIu64 " %" PRIu64 " %" PRId64 "\n",
	    names[fact], id.ms, id.seq, n, ms);
	return done(rec, err);
}

static int
on_key_end(struct rdb_visitor *v, uint64_t raw_bytes, uint64_t elements,
    struct err *err)
{
	struct rdb_record *rec = called(v);

	buf_addf(&rec->text,
	    "end %" PRIu64 " bytes, told %" PRIu64 " %016" PRIx64 ", %" PRIu64
	    " elements\n",
	    raw_bytes, rec->raw_len, rec->raw_crc, elements);
	rec->elements += elements;
	return done(rec, err);
}

void
rdb_record_init(struct rdb_record *rec)
{
	static const struct rdb_visitor_ops ops = {
	    .header = on_header,
	    .aux = on_aux,
	    .function = on_function,
	    .module_aux = on_module_aux,
	    .resize_db = on_resize_db,
	    .key_begin = on_key_begin,
	    .raw = on_raw,
	    .piece = on_piece,
	    .score = on_score,
	    .field_expiry = on_field_expiry,
	    .stream_entry = on_stream_entry,
	    .stream_fact = on_stream_fact,
	    .key_end = on_key_end,
	};

	*rec = (struct rdb_record){.visitor.ops = &ops};
	buf_init(&rec->text, TEXT_MAX);
}

void
rdb_record_release(struct rdb_record *rec)
{
	buf_release(&rec->text);
}

static void
add_summary(struct buf *b, const struct rdb_summary *sum)
{
	buf_addf(b,
	    "read %d%s crc %016" PRIx64 "%s size %" PRIu64 "+%" PRIu64
	    " keys %" PRIu64 " types %08" PRIx32 " db_max %" PRIu32 "%s%s\n",
	    sum->version, sum->valkey ? " valkey" : "", sum->crc64,
	    sum->has_crc ? "" : " absent", sum->size, sum->padding, sum->keys,
	    sum->types_seen, sum->db_max,
	    sum->has_functions ? " functions" : "",
	    sum->has_modules ? " modules" : "");
}

char *
rdb_record_cut(const void *data, size_t len, size_t first, size_t then)
{
	struct rdb_reader *r = rdb_reader_new();
	struct rdb_record rec;
	struct rdb_summary sum;
	struct err err = {0};
	const char *p = data;
	size_t at = 0;
	int rc = 0;

	rdb_record_init(&rec);
	rdb_reader_add(r, &rec.visitor);
	while (rc == 0 && at < len) {
		size_t n = at == 0 ? first : then;

		if (n > len - at)
			n = len - at;
		rc = rdb_reader_feed(r, p + at, n, &err);
		at += n;
		if (n == 0)
			first = then;
	}
	if (rc == 0)
		rc = rdb_reader_finish(r, &err);
	rdb_reader_summary(r, &sum);
	if (rc == 0)
		add_summary(&rec.text, &sum);
	else
		buf_addf(&rec.text, "failed %d: %s\n", err.kind, err.text);
	rdb_reader_free(r);
	return buf_take(&rec.text);
}

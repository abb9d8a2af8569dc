/*
 * The reader with every visitor function, on any bytes: no crash, and the
 * same events and kind of error wherever the dump is cut.  The first byte
 * chooses the cuts, the second whether a CRC64 that is wrong is put right, so
 * that mutations get past the trailer.
 */
#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "rdb/crc64.h"
#include "rdb/rdb_reader.h"

/* A digest of the events: joined pieces of an element count as one. */
struct witness {
	struct rdb_visitor visitor;
	uint64_t events, raw;
	bool in_part;
};

static void
note(struct rdb_visitor *v, unsigned event, const void *p, size_t n)
{
	struct witness *w = (struct witness *)v;

	w->events = w->events * 31 + event;
	w->events = crc64(w->events, p, n);
}

static int
on_header(struct rdb_visitor *v, int version, bool valkey, struct err *err)
{
	(void)err;
	note(v, 1 + valkey, &version, sizeof(version));
	return 0;
}

static int
on_aux(struct rdb_visitor *v, const unsigned char *name, size_t name_len,
    const unsigned char *value, size_t value_len, struct err *err)
{
	(void)err;
	note(v, 3, name, name_len);
	note(v, 4, value, value_len);
	return 0;
}

static int
on_function(
    struct rdb_visitor *v, const unsigned char *p, size_t n, struct err *err)
{
	(void)err;
	note(v, 5, p, n);
	return 0;
}

static int
on_module_aux(struct rdb_visitor *v, uint64_t id, struct err *err)
{
	(void)err;
	note(v, 6, &id, sizeof(id));
	return 0;
}

static int
on_resize_db(struct rdb_visitor *v, uint32_t db, uint64_t keys,
    uint64_t expires, struct err *err)
{
	uint64_t n[] = {db, keys, expires};

	(void)err;
	note(v, 7, n, sizeof(n));
	return 0;
}

static int
on_key_begin(struct rdb_visitor *v, const struct rdb_key *key, struct err *err)
{
	struct witness *w = (struct witness *)v;
	uint64_t n[] = {key->db, key->kind, key->type,
	    (uint64_t)key->expires_ms, (uint64_t)key->idle_s,
	    (uint64_t)key->lfu, key->offset};

	(void)err;
	assert(!w->in_part);
	note(v, 8, n, sizeof(n));
	note(v, 9, key->name, key->name_len);
	w->raw = 0;
	return 0;
}

static int
on_raw(struct rdb_visitor *v, const unsigned char *p, size_t n, struct err *err)
{
	struct witness *w = (struct witness *)v;

	(void)err;
	w->raw = crc64(w->raw, p, n);
	return 0;
}

static int
on_piece(struct rdb_visitor *v, enum rdb_part part, const unsigned char *p,
    size_t n, bool last, struct err *err)
{
	struct witness *w = (struct witness *)v;

	(void)err;
	if (!w->in_part)
		note(v, 10 + part, NULL, 0);
	w->events = crc64(w->events, p, n);
	w->in_part = !last;
	return 0;
}

static int
on_block(struct rdb_visitor *v, uint64_t size, struct rdb_stream_id id,
    struct err *err)
{
	uint64_t n[] = {size, id.ms, id.seq};

	(void)err;
	note(v, 29, n, sizeof(n));
	return 0;
}

static int
on_score(struct rdb_visitor *v, double score, struct err *err)
{
	(void)err;
	assert(score == score);
	note(v, 30, &score, sizeof(score));
	return 0;
}

static int
on_field_expiry(struct rdb_visitor *v, int64_t ms, struct err *err)
{
	(void)err;
	note(v, 31, &ms, sizeof(ms));
	return 0;
}

static int
on_stream_entry(struct rdb_visitor *v, struct rdb_stream_id id, uint64_t fields,
    struct err *err)
{
	(void)err;
	note(v, 32, &id, sizeof(id));
	note(v, 33, &fields, sizeof(fields));
	return 0;
}

static int
on_stream_fact(struct rdb_visitor *v, enum rdb_stream_fact fact,
    struct rdb_stream_id id, uint64_t n, int64_t ms, struct err *err)
{
	uint64_t all[] = {fact, id.ms, id.seq, n, (uint64_t)ms};

	(void)err;
	note(v, 34, all, sizeof(all));
	return 0;
}

static int
on_key_end(struct rdb_visitor *v, uint64_t raw_bytes, uint64_t elements,
    struct err *err)
{
	struct witness *w = (struct witness *)v;
	uint64_t n[] = {raw_bytes, elements, w->raw};

	(void)err;
	assert(!w->in_part);
	note(v, 35, n, sizeof(n));
	return 0;
}

static const struct rdb_visitor_ops everything = {
    .header = on_header,
    .aux = on_aux,
    .function = on_function,
    .module_aux = on_module_aux,
    .resize_db = on_resize_db,
    .key_begin = on_key_begin,
    .raw = on_raw,
    .piece = on_piece,
    .block = on_block,
    .score = on_score,
    .field_expiry = on_field_expiry,
    .stream_entry = on_stream_entry,
    .stream_fact = on_stream_fact,
    .key_end = on_key_end,
};

static const struct rdb_visitor_ops counts = {.key_end = on_key_end};

struct outcome {
	uint64_t events;
	struct err err;
	struct rdb_summary sum;
};

/* Each piece is a block of its own, so that reads beyond it are seen. */
static int
feed_piece(struct rdb_reader *r, const uint8_t *data, size_t n, struct err *err)
{
	unsigned char *piece = malloc(n > 0 ? n : 1);
	int rc;

	assert(piece != NULL);
	memcpy(piece, data, n);
	rc = rdb_reader_feed(r, piece, n, err);
	free(piece);
	return rc;
}

static void
read_dump(const struct rdb_visitor_ops *ops, const uint8_t *data, size_t len,
    uint32_t cuts, struct outcome *out)
{
	struct witness w = {.visitor.ops = ops};
	struct rdb_reader *r = rdb_reader_new();
	int rc = 0;

	*out = (struct outcome){0};
	rdb_reader_add(r, &w.visitor);
	for (size_t at = 0, n; at < len && rc == 0; at += n) {
		cuts = cuts * 1664525 + 1013904223;
		n = cuts == 0 ? len : (cuts >> 24) % 40;
		if (n > len - at)
			n = len - at;
		rc = feed_piece(r, data + at, n, &out->err);
	}
	if (rc == 0)
		rc = rdb_reader_finish(r, &out->err);
	assert((rc != 0) == (out->err.kind != ERR_NONE));
	rdb_reader_summary(r, &out->sum);
	out->events = w.events;
	rdb_reader_free(r);
}

static void
read_whole(const struct rdb_visitor_ops *ops, const uint8_t *data, size_t len,
    struct outcome *out)
{
	struct witness w = {.visitor.ops = ops};
	struct rdb_reader *r = rdb_reader_new();

	*out = (struct outcome){0};
	rdb_reader_add(r, &w.visitor);
	if (feed_piece(r, data, len, &out->err) == 0)
		(void)rdb_reader_finish(r, &out->err);
	rdb_reader_summary(r, &out->sum);
	out->events = w.events;
	rdb_reader_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct outcome whole, cut, counted;
	uint8_t *dump;
	uint32_t cuts;

	if (len < 2)
		return 0;
	cuts = data[0];
	len -= 2;
	dump = malloc(len + 1);
	assert(dump != NULL);
	memcpy(dump, data + 2, len);
	if (data[1] % 2 == 1 && len > 9) {
		uint64_t crc = crc64(0, dump, len - 8);

		memcpy(dump + len - 8, &crc, 8);
	}
	read_whole(&everything, dump, len, &whole);
	read_dump(&everything, dump, len, cuts, &cut);
	assert(whole.err.kind == cut.err.kind);
	assert(whole.err.kind != ERR_NONE || whole.events == cut.events);
	assert(whole.sum.keys == cut.sum.keys);
	read_dump(&counts, dump, len, cuts, &counted);
	assert(whole.err.kind != ERR_NONE || counted.err.kind == ERR_NONE);
	free(dump);
	return 0;
}

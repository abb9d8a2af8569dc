#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/chunk.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "rdb/crc64.h"
#include "rdb/rdb_reader.h"

#include "rdb/rdb_writer.h"

#define VALKEY_OWN 80

/* How many bytes a frame's numbers take at most. */
#define LENGTH_MAX 9

enum opcode {
	OPCODE_FUNCTION2 = 245,
	OPCODE_IDLE = 248,
	OPCODE_FREQ = 249,
	OPCODE_AUX = 250,
	OPCODE_EXPIRETIME_MS = 252,
	OPCODE_SELECTDB = 254,
	OPCODE_EOF = 255,
};

struct rdb_writer {
	struct sink *out;
	struct scope scope;
	struct rdb_writer_opts opts;
	struct chunk *chunk; /* being filled; NULL: none has begun */
	size_t fill;
	size_t summed; /* of fill: in crc already */
	uint64_t bytes, crc;
	bool begun, any_db, finished;
	uint32_t db;
};

struct rdb_writer *
rdb_writer_new(struct sink *out, const struct scope *scope,
    const struct rdb_writer_opts *opts)
{
	struct rdb_writer *w = xcalloc(1, sizeof(*w));

	w->out = out;
	w->scope = *scope;
	w->opts = *opts;
	return w;
}

void
rdb_writer_free(struct rdb_writer *w)
{
	if (w == NULL)
		return;
	chunk_unref(w->chunk);
	free(w);
}

/* In large pieces: there are several small writes to a key. */
static void
sum_up(struct rdb_writer *w)
{
	if (w->chunk == NULL)
		return;
	w->crc = crc64(w->crc, w->chunk->data + w->summed, w->fill - w->summed);
	w->summed = w->fill;
}

static int
pass_on(struct rdb_writer *w, struct err *err)
{
	int rc;

	sum_up(w);
	chunk_set_len(w->chunk, w->fill);
	rc = sink_write(w->out, w->chunk, err);
	chunk_unref(w->chunk);
	w->chunk = NULL;
	w->fill = w->summed = 0;
	return rc;
}

static int
put(struct rdb_writer *w, const void *data, size_t len, struct err *err)
{
	const unsigned char *p = data;

	assert(!w->finished);
	w->bytes += len;
	while (len > 0) {
		size_t n = CHUNK_SIZE - w->fill;

		if (w->chunk == NULL)
			w->chunk = chunk_new(
			    w->opts.budget, CHUNK_SIZE, &w->scope, err);
		if (w->chunk == NULL)
			return -1;
		n = n < len ? n : len;
		memcpy(chunk_room(w->chunk) + w->fill, p, n);
		w->fill += n;
		p += n;
		len -= n;
		if (w->fill == CHUNK_SIZE && pass_on(w, err) != 0)
			return -1;
	}
	return 0;
}

static size_t
length(unsigned char out[LENGTH_MAX], uint64_t n)
{
	int bytes = n <= UINT32_MAX ? 4 : 8;

	if (n < 1 << 6) {
		out[0] = (unsigned char)n;
		return 1;
	}
	if (n < 1 << 14) {
		out[0] = (unsigned char)(0x40 | n >> 8);
		out[1] = (unsigned char)n;
		return 2;
	}
	out[0] = bytes == 4 ? 0x80 : 0x81;
	for (int i = 0; i < bytes; i++)
		out[1 + i] = (unsigned char)(n >> 8 * (bytes - 1 - i));
	return 1 + (size_t)bytes;
}

static int
put_length(struct rdb_writer *w, uint64_t n, struct err *err)
{
	unsigned char b[LENGTH_MAX];

	return put(w, b, length(b, n), err);
}

static int
put_string(struct rdb_writer *w, const void *data, size_t len, struct err *err)
{
	if (put_length(w, len, err) != 0)
		return -1;
	return put(w, data, len, err);
}

static int
put_opcode(struct rdb_writer *w, enum opcode opcode, struct err *err)
{
	unsigned char b = (unsigned char)opcode;

	return put(w, &b, 1, err);
}

static size_t
put64(unsigned char out[8], uint64_t n)
{
	for (int i = 0; i < 8; i++)
		out[i] = (unsigned char)(n >> 8 * i);
	return 8;
}

/* The header, before whatever comes first. */
static int
begin(struct rdb_writer *w, struct err *err)
{
	char head[24];

	if (w->begun)
		return 0;
	w->begun = true;
	if (w->opts.valkey && w->opts.version >= VALKEY_OWN)
		snprintf(head, sizeof(head), "VALKEY%03d", w->opts.version);
	else
		snprintf(head, sizeof(head), "REDIS%04d", w->opts.version);
	return put(w, head, 9, err);
}

int
rdb_writer_aux_bytes(struct rdb_writer *w, const void *name, size_t name_len,
    const void *value, size_t value_len, struct err *err)
{
	if (begin(w, err) != 0 || put_opcode(w, OPCODE_AUX, err) != 0 ||
	    put_string(w, name, name_len, err) != 0)
		return -1;
	return put_string(w, value, value_len, err);
}

int
rdb_writer_aux(
    struct rdb_writer *w, const char *name, const char *value, struct err *err)
{
	return rdb_writer_aux_bytes(
	    w, name, strlen(name), value, strlen(value), err);
}

int
rdb_writer_functions(
    struct rdb_writer *w, const void *dump, size_t len, struct err *err)
{
	assert(!w->any_db);
	if (begin(w, err) != 0)
		return -1;
	return put(w, dump, len, err);
}

int
rdb_writer_function(
    struct rdb_writer *w, const void *source, size_t len, struct err *err)
{
	if (begin(w, err) != 0 || put_opcode(w, OPCODE_FUNCTION2, err) != 0)
		return -1;
	return put_string(w, source, len, err);
}

static int
select_db(struct rdb_writer *w, uint32_t db, struct err *err)
{
	if (begin(w, err) != 0)
		return -1;
	if (w->any_db && w->db == db)
		return 0;
	w->any_db = true;
	w->db = db;
	if (put_opcode(w, OPCODE_SELECTDB, err) != 0)
		return -1;
	return put_length(w, db, err);
}

int
rdb_writer_key(struct rdb_writer *w, const struct rdb_key *k, struct err *err)
{
	/* Opcodes and numbers before the name, in one go. */
	unsigned char b[1 + 8 + 1 + LENGTH_MAX + 2 + 1 + LENGTH_MAX];
	size_t n = 0;

	if (select_db(w, k->db, err) != 0)
		return -1;
	if (k->expires_ms != RDB_NO_EXPIRY) {
		b[n++] = OPCODE_EXPIRETIME_MS;
		n += put64(b + n, (uint64_t)k->expires_ms);
	}
	if (k->idle_s >= 0) {
		b[n++] = OPCODE_IDLE;
		n += length(b + n, (uint64_t)k->idle_s);
	}
	if (k->lfu >= 0) {
		b[n++] = OPCODE_FREQ;
		b[n++] = (unsigned char)k->lfu;
	}
	b[n++] = k->type;
	n += length(b + n, k->name_len);
	if (put(w, b, n, err) != 0)
		return -1;
	return put(w, k->name, k->name_len, err);
}

int
rdb_writer_value(
    struct rdb_writer *w, const void *data, size_t len, struct err *err)
{
	return put(w, data, len, err);
}

int
rdb_writer_finish(struct rdb_writer *w, struct err *err)
{
	unsigned char sum[8];

	if (begin(w, err) != 0 || put_opcode(w, OPCODE_EOF, err) != 0)
		return -1;
	sum_up(w);
	put64(sum, w->crc);
	if (put(w, sum, sizeof(sum), err) != 0)
		return -1;
	w->finished = true;
	return w->chunk != NULL ? pass_on(w, err) : 0;
}

uint64_t
rdb_writer_bytes(const struct rdb_writer *w)
{
	return w->bytes;
}

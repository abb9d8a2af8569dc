#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "rdb/rdb_reader.h"

#include "rdb/value_replay.h"

/* Opcodes of the RDB format. */
#define OPCODE_IDLE	  248
#define OPCODE_FREQ	  249
#define OPCODE_EXPIRES_MS 252
#define OPCODE_SELECT_DB  254

#define HEAD_MAX 64

struct value_replay {
	struct rdb_reader *reader;
	char header[16];
	bool begun;
};

struct value_replay *
value_replay_new(int version, bool valkey, struct rdb_visitor *visitor)
{
	struct value_replay *r = xcalloc(1, sizeof(*r));

	r->reader = rdb_reader_new();
	rdb_reader_add(r->reader, visitor);
	snprintf(r->header, sizeof(r->header),
	    valkey ? "VALKEY%03d" : "REDIS%04d", version % 1000);
	return r;
}

void
value_replay_free(struct value_replay *r)
{
	if (r == NULL)
		return;
	rdb_reader_free(r->reader);
	free(r);
}

static size_t
put_big_endian(unsigned char *out, uint64_t n)
{
	out[0] = 0x81;
	for (int i = 0; i < 8; i++)
		out[1 + i] = (unsigned char)(n >> 8 * (7 - i));
	return 9;
}

static size_t
put_little_endian(unsigned char *out, uint64_t n)
{
	for (int i = 0; i < 8; i++)
		out[i] = (unsigned char)(n >> 8 * i);
	return 8;
}

/* What stands before the key's name. */
static size_t
format_head(const struct rdb_key *k, unsigned char out[HEAD_MAX])
{
	size_t n = 0;

	out[n++] = OPCODE_SELECT_DB;
	n += put_big_endian(out + n, k->db);
	if (k->expires_ms != RDB_NO_EXPIRY) {
		out[n++] = OPCODE_EXPIRES_MS;
		n += put_little_endian(out + n, (uint64_t)k->expires_ms);
	}
	if (k->idle_s >= 0) {
		out[n++] = OPCODE_IDLE;
		n += put_big_endian(out + n, (uint64_t)k->idle_s);
	}
	if (k->lfu >= 0) {
		out[n++] = OPCODE_FREQ;
		out[n++] = (unsigned char)k->lfu;
	}
	out[n++] = k->type;
	return n + put_big_endian(out + n, k->name_len);
}

int
value_replay_begin(
    struct value_replay *r, const struct rdb_key *k, struct err *err)
{
	unsigned char head[HEAD_MAX];
	size_t n = format_head(k, head);

	if (!r->begun &&
	    rdb_reader_feed(r->reader, r->header, strlen(r->header), err) != 0)
		return -1;
	r->begun = true;
	if (rdb_reader_feed(r->reader, head, n, err) != 0)
		return -1;
	return rdb_reader_feed(r->reader, k->name, k->name_len, err);
}

int
value_replay_add(
    struct value_replay *r, const void *data, size_t len, struct err *err)
{
	return rdb_reader_feed(r->reader, data, len, err);
}

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "rdb/crc64.h"
#include "rdb/dump_payload.h"
#include "rdb/rdb_reader.h"
#include "rdb/rdb_types.h"
#include "rdb/rdb_writer.h"
#include "rdb/redis_conn.h"

#include "rdb/scan_value.h"

/* A payload of at most so much is checked before any of it is written. */
#define WHOLE_BYTES ((size_t)64 << 10)

/* First bytes of a string: a length of 64 bits, and one that is compressed. */
#define RDB_LEN_64	  0x81
#define RDB_STRING_BY_LZF 0xc3

struct scan_value {
	struct redis_conn *conn;
	struct rdb_writer *writer;
	int rdb_version;
	bool hyperloglog;
	unsigned char whole[WHOLE_BYTES];
};

struct scan_value *
scan_value_new(
    struct redis_conn *conn, struct rdb_writer *writer, int rdb_version)
{
	struct scan_value *v = xcalloc(1, sizeof(*v));

	v->conn = conn;
	v->writer = writer;
	v->rdb_version = rdb_version;
	return v;
}

void
scan_value_free(struct scan_value *v)
{
	free(v);
}

static int
read_exactly(struct scan_value *v, const struct scope *scope, void *out,
    size_t len, struct err *err)
{
	unsigned char *to = out;

	while (len > 0) {
		size_t got;

		if (redis_conn_read(v->conn, scope, to, len, &got, err) != 0)
			return -1;
		if (got == 0)
			return err_set(err, ERR_TRANSIENT,
			    "'%s' closed the connection in a value",
			    redis_conn_name(v->conn));
		to += got;
		len -= got;
	}
	return 0;
}

static int
check_footer(const struct scan_value *v, uint64_t crc,
    const unsigned char footer[DUMP_FOOTER_BYTES], struct err *err)
{
	int version = footer[0] | footer[1] << 8;
	uint64_t sum = 0;

	for (int i = 9; i > 1; i--)
		sum = sum << 8 | footer[i];
	if (crc64(crc, footer, 2) != sum)
		return err_set(
		    err, ERR_CORRUPT, "the CRC64 of its value is wrong");
	if (version > v->rdb_version)
		return err_set(err, ERR_UNSUPPORTED,
		    "its value is of RDB version %d, and the server's is %d",
		    version, v->rdb_version);
	return 0;
}

static size_t
length_bytes(unsigned char first)
{
	if (first < 0x80)
		return first < 0x40 ? 1 : 2;
	return first == RDB_LEN_64 ? 9 : 5;
}

/*
 * A string that begins with "HYLL", as it stands or compressed: then behind
 * both lengths and the head of LZF's first run of literals, which cannot end
 * before a repetition of three bytes.  No length takes us out of whole.
 */
static bool
is_hyperloglog(const struct scan_value *v, size_t len)
{
	const unsigned char *p = v->whole;
	size_t at = 1;

	if (p[0] != RDB_TYPE_STRING)
		return false;
	if (p[at] == RDB_STRING_BY_LZF) {
		at++;
		at += length_bytes(p[at]);
		at += length_bytes(p[at]) + 1;
	} else {
		at += length_bytes(p[at]);
	}
	return at + 4 <= len && memcmp(p + at, "HYLL", 4) == 0;
}

static int
write_small(struct scan_value *v, const struct scope *scope,
    struct rdb_key *key, size_t len, struct err *err)
{
	size_t body = len - DUMP_FOOTER_BYTES;

	if (read_exactly(v, scope, v->whole, len, err) != 0 ||
	    check_footer(v, crc64(0, v->whole, body), v->whole + body, err) !=
		0)
		return -1;
	key->type = v->whole[0];
	v->hyperloglog = is_hyperloglog(v, body);
	if (rdb_writer_key(v->writer, key, err) != 0)
		return -1;
	return rdb_writer_value(v->writer, v->whole + 1, body - 1, err);
}

static int
write_large(struct scan_value *v, const struct scope *scope,
    struct rdb_key *key, uint64_t len, struct err *err)
{
	uint64_t left = len - DUMP_FOOTER_BYTES - 1;
	uint64_t crc;

	if (read_exactly(v, scope, &key->type, 1, err) != 0 ||
	    rdb_writer_key(v->writer, key, err) != 0)
		return -1;
	crc = crc64(0, &key->type, 1);
	while (left > 0) {
		size_t n = left < WHOLE_BYTES ? (size_t)left : WHOLE_BYTES;

		if (read_exactly(v, scope, v->whole, n, err) != 0 ||
		    rdb_writer_value(v->writer, v->whole, n, err) != 0)
			return -1;
		crc = crc64(crc, v->whole, n);
		left -= n;
	}
	if (read_exactly(v, scope, v->whole, DUMP_FOOTER_BYTES, err) != 0)
		return -1;
	return check_footer(v, crc, v->whole, err);
}

int
scan_value_take(struct scan_value *v, const struct scope *scope,
    struct rdb_key *key, uint64_t len, struct err *err)
{
	if (len <= DUMP_FOOTER_BYTES)
		return err_set(err, ERR_CORRUPT,
		    "a payload of %" PRIu64 " bytes holds no value", len);
	v->hyperloglog = false;
	return len <= WHOLE_BYTES ? write_small(v, scope, key, (size_t)len, err)
				  : write_large(v, scope, key, len, err);
}

bool
scan_value_is_hyperloglog(const struct scan_value *v)
{
	return v->hyperloglog;
}

/*
 * bench_dataset mixed KEYS | strings KEYS | one BYTES: an RDB file on stdout
 * for the benches.
 *
 *   mixed    strings of JSON, hashes, lists, sets and sorted sets in two
 *            databases, one key in eight with an expiry far off
 *   strings  values of some 40 bytes
 *   one      a single string of that many bytes
 *
 * The same arguments give the same file.  Ids and numbers are random and
 * words are made of random syllables, so that the values are like real ones
 * to a compressor.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "rdb/crc64.h"

#define OUT_SIZE   ((size_t)1 << 20)
#define VALUE_ROOM 2048
#define EXPIRES_MS INT64_C(4102444800000) /* 2100 */

enum {
	TYPE_STRING = 0,
	TYPE_LIST = 1,
	TYPE_SET = 2,
	TYPE_HASH = 4,
	TYPE_ZSET_2 = 5,
	OP_EXPIRE_MS = 0xfc,
	OP_SELECT = 0xfe,
	OP_EOF = 0xff,
};

struct maker {
	unsigned char *buf;
	size_t fill;
	uint64_t crc;
	uint64_t seed;
};

static void
flush(struct maker *m)
{
	m->crc = crc64(m->crc, m->buf, m->fill);
	if (fwrite(m->buf, 1, m->fill, stdout) != m->fill) {
		perror("bench_dataset");
		exit(1);
	}
	m->fill = 0;
}

static void
put(struct maker *m, const void *p, size_t n)
{
	if (n > OUT_SIZE - m->fill)
		flush(m);
	memcpy(m->buf + m->fill, p, n);
	m->fill += n;
}

static void
put_byte(struct maker *m, unsigned b)
{
	unsigned char c = (unsigned char)b;

	put(m, &c, 1);
}

static void
put_len(struct maker *m, uint64_t n)
{
	int bytes = n > UINT32_MAX ? 8 : 4;

	if (n < 64) {
		put_byte(m, (unsigned)n);
		return;
	}
	if (n < 16384) {
		put_byte(m, 0x40 | (unsigned)(n >> 8));
		put_byte(m, n & 0xff);
		return;
	}
	put_byte(m, bytes == 8 ? 0x81 : 0x80);
	for (int i = bytes - 1; i >= 0; i--)
		put_byte(m, (n >> (8 * i)) & 0xff);
}

static void
put_string(struct maker *m, const char *p, size_t n)
{
	put_len(m, n);
	put(m, p, n);
}

/* splitmix64 */
static uint64_t
draw(struct maker *m)
{
	uint64_t z = m->seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static unsigned
below(struct maker *m, unsigned n)
{
	return (unsigned)(draw(m) % n);
}

static size_t
word(struct maker *m, char *out)
{
	static const char syllables[] =
	    "banidoreminaselotaviruketopamorilacenohufisagubetimaxopyzeju";
	size_t n = 2 * (size_t)(2 + below(m, 3));

	for (size_t i = 0; i < n; i += 2)
		memcpy(out + i, syllables + 2 * (size_t)below(m, 30), 2);
	return n;
}

static size_t
words(struct maker *m, char *out, size_t count)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			out[n++] = ' ';
		n += word(m, out + n);
	}
	return n;
}

/* At most VALUE_ROOM bytes; 470 in the mean. */
static size_t
json(struct maker *m, char *out)
{
	size_t n;

	n = (size_t)sprintf(out,
	    "{\"id\":\"%016" PRIx64 "%016" PRIx64 "\",\"seen\":%u,"
	    "\"amount\":%u.%02u,\"user\":{\"id\":%u,\"name\":\"",
	    draw(m), draw(m), 1700000000 + below(m, 60000000), below(m, 100000),
	    below(m, 100), below(m, 10000000));
	n += words(m, out + n, 2);
	n += (size_t)sprintf(out + n, "\"},\"token\":\"%016" PRIx64, draw(m));
	for (unsigned i = below(m, 8); i > 0; i--)
		n += (size_t)sprintf(out + n, "%016" PRIx64, draw(m));
	n += (size_t)sprintf(out + n, "\",\"text\":\"");
	n += words(m, out + n, 10 + below(m, 50));
	n += (size_t)sprintf(out + n, "\"}");
	return n;
}

static void
put_element(struct maker *m)
{
	char text[64];
	size_t n = word(m, text);

	n += (size_t)sprintf(text + n, ":%" PRIx64, draw(m));
	put_string(m, text, n);
}

static void
put_fields(struct maker *m, unsigned count)
{
	static const char *const names[] = {"id", "name", "email", "balance",
	    "created", "city", "agent", "session"};
	char text[64];

	put_len(m, count);
	for (unsigned i = 0; i < count; i++) {
		put_string(m, names[i], strlen(names[i]));
		if (i % 3 == 0)
			put_string(m, text,
			    (size_t)sprintf(text, "%u", below(m, 1000000000)));
		else
			put_element(m);
	}
}

static void
put_value(struct maker *m, unsigned type)
{
	unsigned count = 4 + below(m, 12);
	char text[VALUE_ROOM];

	if (type == TYPE_STRING) {
		put_string(m, text, json(m, text));
		return;
	}
	if (type == TYPE_HASH) {
		put_fields(m, 4 + below(m, 5));
		return;
	}
	put_len(m, count);
	while (count-- > 0) {
		double score = below(m, 1000000) / 8.0;

		put_element(m);
		if (type == TYPE_ZSET_2)
			put(m, &score, sizeof(score));
	}
}

static void
put_mixed(struct maker *m, uint64_t keys)
{
	static const unsigned char types[16] = {TYPE_STRING, TYPE_STRING,
	    TYPE_STRING, TYPE_HASH, TYPE_STRING, TYPE_STRING, TYPE_LIST,
	    TYPE_STRING, TYPE_STRING, TYPE_HASH, TYPE_STRING, TYPE_SET,
	    TYPE_STRING, TYPE_STRING, TYPE_HASH, TYPE_ZSET_2};
	static const char *const names[] = {
	    "string", "list", "set", "", "hash", "zset"};
	const int64_t expires_ms = EXPIRES_MS;

	for (uint64_t i = 0; i < keys; i++) {
		unsigned type = types[i % 16];
		char name[64];

		if (i == keys / 10 * 9) {
			put_byte(m, OP_SELECT);
			put_byte(m, 1);
		}
		if (below(m, 8) == 0) {
			put_byte(m, OP_EXPIRE_MS);
			put(m, &expires_ms, sizeof(expires_ms));
		}
		put_byte(m, type);
		put_string(m, name,
		    (size_t)sprintf(name, "%s:%u:%" PRIu64, names[type],
			below(m, 1000), i));
		put_value(m, type);
	}
}

static void
put_strings(struct maker *m, uint64_t keys)
{
	for (uint64_t i = 0; i < keys; i++) {
		char text[64];

		put_byte(m, TYPE_STRING);
		put_string(m, text, (size_t)sprintf(text, "key:%" PRIu64, i));
		put_string(m, text,
		    (size_t)sprintf(text, "%016" PRIx64 "-%016" PRIx64 "-%u",
			draw(m), draw(m), below(m, 100000)));
	}
}

static void
put_one(struct maker *m, uint64_t bytes)
{
	char text[VALUE_ROOM];

	put_byte(m, TYPE_STRING);
	put_string(m, "big", 3);
	put_len(m, bytes);
	while (bytes > 0) {
		size_t n = json(m, text);

		if (n > bytes)
			n = (size_t)bytes;
		put(m, text, n);
		bytes -= n;
	}
}

int
main(int argc, char **argv)
{
	struct maker m = {.buf = xmalloc(OUT_SIZE), .seed = 1};
	uint64_t n = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;

	put(&m, "REDIS0009\xfe\0", 11);
	if (n > 0 && strcmp(argv[1], "mixed") == 0) {
		put_mixed(&m, n);
	} else if (n > 0 && strcmp(argv[1], "strings") == 0) {
		put_strings(&m, n);
	} else if (n > 0 && strcmp(argv[1], "one") == 0) {
		put_one(&m, n);
	} else {
		fprintf(stderr,
		    "usage: bench_dataset mixed KEYS | strings "
		    "KEYS | one BYTES\n");
		return 2;
	}
	put_byte(&m, OP_EOF);
	flush(&m);
	/* The same bytes on every machine that Redis runs on. */
	put(&m, &m.crc, sizeof(m.crc));
	if (fwrite(m.buf, 1, m.fill, stdout) != m.fill || fflush(stdout) != 0) {
		perror("bench_dataset");
		return 1;
	}
	free(m.buf);
	return 0;
}

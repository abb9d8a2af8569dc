/*
 * bench_rdb_reader [DUMP]: how fast a dump is read from memory on one core.
 *
 * Without an argument a dump is made: strings of 100 to 1,124 bytes that look
 * like JSON, and for every eighth key a hash, zset, list or intset.  Prints
 * the median of several runs, in MB (10^6 bytes) of dump a second of processor
 * time, so that what else runs here counts little: structure and CRC64 alone,
 * with a visitor that counts, with one that has every value decoded, with the
 * fingerprint, and with all that a snapshot takes.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "rdb/crc64.h"
#include "rdb/fingerprint.h"
#include "rdb/keystats.h"
#include "rdb/rdb_reader.h"

#define DUMP_SIZE ((size_t)256 << 20)
#define FEED_SIZE ((size_t)1 << 20)
#define RUNS	  5

struct dump {
	unsigned char *data;
	size_t len, size;
	uint32_t seed;
};

static uint32_t
next_random(struct dump *d)
{
	d->seed = d->seed * 1664525 + 1013904223;
	return d->seed >> 8;
}

static void
put(struct dump *d, const void *p, size_t n)
{
	if (n > d->size - d->len)
		abort();
	memcpy(d->data + d->len, p, n);
	d->len += n;
}

static void
put_byte(struct dump *d, unsigned b)
{
	unsigned char c = (unsigned char)b;

	put(d, &c, 1);
}

static void
put_len(struct dump *d, size_t n)
{
	if (n < 64) {
		put_byte(d, (unsigned)n);
		return;
	}
	if (n < 16384) {
		put_byte(d, 0x40 | (unsigned)(n >> 8));
		put_byte(d, n & 0xff);
		return;
	}
	put_byte(d, 0x80);
	for (int shift = 24; shift >= 0; shift -= 8)
		put_byte(d, (n >> shift) & 0xff);
}

static void
put_string(struct dump *d, const void *p, size_t n)
{
	put_len(d, n);
	put(d, p, n);
}

static size_t
json_like(struct dump *d, char *out, size_t want)
{
	size_t n = 0;

	while (n < want)
		n += (size_t)sprintf(out + n,
		    "{\"id\":%u,\"name\":\"user-%x\",\"on\":true},",
		    next_random(d), next_random(d));
	return want;
}

/* Listpack of short strings and integers by turns. */
static size_t
listpack(struct dump *d, unsigned char *out, unsigned elements)
{
	size_t n = 6;

	for (unsigned i = 0; i < elements; i++) {
		size_t len = 10 + next_random(d) % 20;

		if (i % 2 == 1) {
			out[n++] = 0xc0;
			out[n++] = (unsigned char)next_random(d);
			out[n++] = 2;
			continue;
		}
		out[n++] = (unsigned char)(0x80 | len);
		memset(out + n, 'a' + (int)(i % 26), len);
		n += len;
		out[n++] = (unsigned char)(len + 1);
	}
	out[n++] = 0xff;
	for (int i = 0; i < 4; i++)
		out[i] = (unsigned char)(n >> (8 * i));
	out[4] = (unsigned char)elements;
	out[5] = (unsigned char)(elements >> 8);
	return n;
}

static size_t
intset(struct dump *d, unsigned char *out, unsigned elements)
{
	uint32_t v = next_random(d), head[2] = {4, elements};

	memcpy(out, head, sizeof(head));
	for (unsigned i = 0; i < elements; i++) {
		v += 1 + i;
		memcpy(out + 8 + 4 * (size_t)i, &v, 4);
	}
	return 8 + 4 * (size_t)elements;
}

static void
put_key(struct dump *d, unsigned i)
{
	static const unsigned char types[] = {16, 17, 18, 11};
	unsigned type = i % 8 == 7 ? types[i / 8 % 4] : 0;
	unsigned elements = 2 * (10 + next_random(d) % 50);
	unsigned char value[8192];
	char name[32];
	size_t n;

	put_byte(d, type);
	put_string(d, name, (size_t)sprintf(name, "object:%u:%u", i % 97, i));
	if (type == 18) {
		put_len(d, 1);
		put_len(d, 2);
	}
	if (type == 0)
		n = json_like(d, (char *)value, 100 + next_random(d) % 1024);
	else if (type == 11)
		n = intset(d, value, elements);
	else
		n = listpack(d, value, elements);
	put_string(d, value, n);
}

static void
make_dump(struct dump *d)
{
	uint64_t crc;

	d->size = DUMP_SIZE + 65536;
	d->data = xmalloc(d->size);
	put(d, "REDIS0011\xfe\0", 11);
	for (unsigned i = 0; d->len < DUMP_SIZE; i++)
		put_key(d, i);
	put_byte(d, 0xff);
	crc = crc64(0, d->data, d->len);
	put(d, &crc, sizeof(crc));
}

static void
read_dump(struct dump *d, const char *path)
{
	FILE *f = fopen(path, "rb");

	if (f == NULL || fseek(f, 0, SEEK_END) != 0) {
		perror(path);
		exit(1);
	}
	d->size = (size_t)ftell(f);
	d->data = xmalloc(d->size + 1);
	rewind(f);
	d->len = fread(d->data, 1, d->size, f);
	fclose(f);
}

struct counter {
	struct rdb_visitor visitor;
	uint64_t elements, bytes;
};

static int
count_end(
    struct rdb_visitor *v, uint64_t raw, uint64_t elements, struct err *err)
{
	struct counter *c = (struct counter *)v;

	(void)err;
	c->bytes += raw;
	c->elements += elements;
	return 0;
}

static int
see_piece(struct rdb_visitor *v, enum rdb_part part, const unsigned char *p,
    size_t n, bool last, struct err *err)
{
	struct counter *c = (struct counter *)v;

	(void)part;
	(void)last;
	(void)err;
	c->bytes += n + (n > 0 ? p[0] : 0);
	return 0;
}

static int
see_score(struct rdb_visitor *v, double score, struct err *err)
{
	struct counter *c = (struct counter *)v;

	(void)err;
	c->elements += score > 0;
	return 0;
}

static const struct rdb_visitor_ops counting = {.key_end = count_end};
static const struct rdb_visitor_ops decoding = {
    .piece = see_piece, .score = see_score, .key_end = count_end};

static double
one_run(const struct dump *d, struct rdb_visitor *const *visitors)
{
	struct rdb_reader *r = rdb_reader_new();
	struct timespec from, to;
	struct err err = {0};
	int rc = 0;

	for (; *visitors != NULL; visitors++)
		rdb_reader_add(r, *visitors);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	for (size_t at = 0; at < d->len && rc == 0; at += FEED_SIZE)
		rc = rdb_reader_feed(r, d->data + at,
		    d->len - at < FEED_SIZE ? d->len - at : FEED_SIZE, &err);
	if (rc == 0)
		rc = rdb_reader_finish(r, &err);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	rdb_reader_free(r);
	if (rc != 0) {
		fprintf(stderr, "bench_rdb_reader: %s\n", err.text);
		exit(1);
	}
	return (double)(to.tv_sec - from.tv_sec) +
	    (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* With up to two visitors. */
static void
measure(const struct dump *d, const char *what, struct rdb_visitor *first,
    struct rdb_visitor *second)
{
	struct rdb_visitor *visitors[] = {first, second, NULL};
	double seconds[RUNS];

	for (int i = 0; i < RUNS; i++)
		seconds[i] = one_run(d, visitors);
	qsort(seconds, RUNS, sizeof(seconds[0]), by_size);
	printf("%-28s %7.0f MB/s\n", what,
	    (double)d->len / 1e6 / seconds[RUNS / 2]);
}

static void
measure_all(const struct dump *d)
{
	static const struct keystats_opts counts_only;
	struct counter counts = {.visitor.ops = &counting};
	struct counter decoded = {.visitor.ops = &decoding};
	struct keystats *stats = keystats_new(&counts_only);
	struct fingerprint *fp = fingerprint_new(0);

	measure(d, "structure and CRC64", NULL, NULL);
	measure(d, "with counts", &counts.visitor, NULL);
	measure(d, "with every value decoded", &decoded.visitor, NULL);
	measure(d, "with fingerprint", fingerprint_visitor(fp), NULL);
	measure(d, "as a snapshot reads it", keystats_visitor(stats),
	    fingerprint_visitor(fp));
	keystats_free(stats);
	fingerprint_free(fp);
}

int
main(int argc, char **argv)
{
	struct dump d = {.seed = 1};

	if (argc > 1)
		read_dump(&d, argv[1]);
	else
		make_dump(&d);
	printf("dump of %.1f MB, fed by %zu KiB\n", (double)d.len / 1e6,
	    FEED_SIZE >> 10);
	measure_all(&d);
	free(d.data);
	return 0;
}

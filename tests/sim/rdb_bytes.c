#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "rdb/crc64.h"

#include "tests/sim/rdb_bytes.h"

#define BLOB_MAX ((size_t)1 << 20)
#define WORD_MAX 4096

void
rdb_put_le(struct buf *b, uint64_t v, size_t size)
{
	for (size_t i = 0; i < size; i++)
		buf_addc(b, i < 8 ? (char)(v >> (8 * i)) : 0);
}

void
rdb_put_len(struct buf *b, uint64_t n)
{
	if (n < 64) {
		buf_addc(b, (char)n);
	} else if (n < 16384) {
		buf_addc(b, (char)(0x40 | n >> 8));
		buf_addc(b, (char)n);
	} else {
		buf_addc(b, (char)0x81);
		for (int shift = 56; shift >= 0; shift -= 8)
			buf_addc(b, (char)(n >> shift));
	}
}

void
rdb_put_string(struct buf *b, const char *s)
{
	rdb_put_len(b, strlen(s));
	buf_adds(b, s);
}

void
rdb_put_blob(struct buf *b, const struct buf *blob)
{
	rdb_put_len(b, blob->len);
	buf_add(b, blob->data, blob->len);
}

static bool
is_number(const char *word, long long *v)
{
	char *end;

	*v = strtoll(word, &end, 10);
	return *end == '\0' && *word != '+' && *word != '\0';
}

/* The next word, and what is after it. */
static const char *
next_word(const char *words, char word[WORD_MAX])
{
	size_t n;

	words += strspn(words, " ");
	n = strcspn(words, " ");
	memcpy(word, words, n);
	word[n] = '\0';
	return n > 0 ? words + n : NULL;
}

static void
listpack_entry(struct buf *b, const char *word)
{
	size_t from = b->len, len = strlen(word), n;
	long long v;

	if (is_number(word, &v)) {
		if (v >= 0 && v < 128) {
			buf_addc(b, (char)v);
		} else if (v >= -4096 && v < 4096) {
			buf_addc(b, (char)(0xc0 | (v >> 8 & 0x1f)));
			buf_addc(b, (char)v);
		} else {
			buf_addc(b, (char)0xf4);
			rdb_put_le(b, (uint64_t)v, 8);
		}
	} else {
		if (len < 64) {
			buf_addc(b, (char)(0x80 | len));
		} else {
			buf_addc(b, (char)(0xe0 | len >> 8));
			buf_addc(b, (char)len);
		}
		buf_adds(b, word);
	}
	n = b->len - from;
	if (n > 127) {
		buf_addc(b, (char)(n >> 7));
		buf_addc(b, (char)(n | 128));
	} else {
		buf_addc(b, (char)n);
	}
}

static void
ziplist_entry(struct buf *b, const char *word, size_t previous)
{
	size_t len = strlen(word);
	long long v;

	if (previous < 254) {
		buf_addc(b, (char)previous);
	} else {
		buf_addc(b, (char)0xfe);
		rdb_put_le(b, previous, 4);
	}
	if (is_number(word, &v)) {
		if (v >= 0 && v <= 12) {
			buf_addc(b, (char)(0xf1 + v));
		} else {
			buf_addc(b, (char)0xe0);
			rdb_put_le(b, (uint64_t)v, 8);
		}
		return;
	}
	if (len < 64) {
		buf_addc(b, (char)len);
	} else {
		buf_addc(b, (char)(0x40 | len >> 8));
		buf_addc(b, (char)len);
	}
	buf_adds(b, word);
}

static void
patch(struct buf *b, size_t at, size_t v, size_t size)
{
	for (size_t i = 0; i < size; i++)
		b->data[at + i] = (char)(v >> (8 * i));
}

void
rdb_listpack(struct buf *b, const char *words)
{
	size_t from = b->len, n = 0;
	char word[WORD_MAX];

	rdb_put_le(b, 0, 6);
	while ((words = next_word(words, word)) != NULL) {
		listpack_entry(b, word);
		n++;
	}
	buf_addc(b, (char)0xff);
	patch(b, from, b->len - from, 4);
	patch(b, from + 4, n, 2);
}

void
rdb_ziplist(struct buf *b, const char *words)
{
	size_t from = b->len, n = 0, tail = 10, previous = 0;
	char word[WORD_MAX];

	rdb_put_le(b, 0, 10);
	while ((words = next_word(words, word)) != NULL) {
		tail = b->len - from;
		ziplist_entry(b, word, previous);
		previous = b->len - from - tail;
		n++;
	}
	buf_addc(b, (char)0xff);
	patch(b, from, b->len - from, 4);
	patch(b, from + 4, tail, 4);
	patch(b, from + 8, n, 2);
}

static void
put_packed(
    struct buf *b, const char *words, void (*pack)(struct buf *, const char *))
{
	struct buf blob;

	buf_init(&blob, BLOB_MAX);
	pack(&blob, words);
	rdb_put_blob(b, &blob);
	buf_release(&blob);
}

void
rdb_put_listpack(struct buf *b, const char *words)
{
	put_packed(b, words, rdb_listpack);
}

void
rdb_put_ziplist(struct buf *b, const char *words)
{
	put_packed(b, words, rdb_ziplist);
}

void
rdb_begin(struct buf *b, const char *header)
{
	buf_init(b, BLOB_MAX);
	buf_adds(b, header);
}

void
rdb_end(struct buf *b)
{
	buf_addc(b, (char)0xff);
	if (strncmp(b->data, "REDIS0004", 9) > 0)
		rdb_put_le(b, crc64(0, b->data, b->len), 8);
}

void
rdb_begin_key(struct buf *b, const char *header, int type)
{
	rdb_begin(b, header);
	buf_addc(b, (char)type);
	rdb_put_string(b, "k");
}

void
rdb_put_field_hash(struct buf *b, int64_t base_ms, uint64_t fields)
{
	rdb_put_le(b, (uint64_t)base_ms, 8);
	rdb_put_len(b, fields);
}

void
rdb_put_field(
    struct buf *b, int64_t after_ms, const char *field, const char *value)
{
	rdb_put_len(b, (uint64_t)(after_ms + 1));
	rdb_put_string(b, field);
	rdb_put_string(b, value);
}

void
rdb_put_stream_node(struct buf *b)
{
	RAW(b, "\x01" RDB_NODE_ID);
	rdb_put_listpack(
	    b, "2 1 2 f g 0 2 0 0 a 1 5 3 1 0 b 2 5 0 7 -3 1 h x 6");
}

/*
 * rdb_bytes.h -- writes dumps by hand: lengths, strings, packed blobs.
 *
 * Packed blobs are made of words; one that is a decimal number becomes an
 * integer element, as Redis would make it.
 */
#ifndef TESTS_SIM_RDB_BYTES_H
#define TESTS_SIM_RDB_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Bytes that may hold NULs, as a string literal. */
#define RAW(b, literal) buf_add((b), (literal), sizeof(literal) - 1)

void rdb_put_le(struct buf *, uint64_t, size_t size);
void rdb_put_len(struct buf *, uint64_t);
void rdb_put_string(struct buf *, const char *);
void rdb_put_blob(struct buf *, const struct buf *); /* as a string */

void rdb_listpack(struct buf *, const char *words);
void rdb_ziplist(struct buf *, const char *words);
/* As strings in the dump, and released. */
void rdb_put_listpack(struct buf *, const char *words);
void rdb_put_ziplist(struct buf *, const char *words);

/* "REDIS0011", and at the end 0xff and the CRC64 from version 5 on. */
void rdb_begin(struct buf *, const char *header);
void rdb_end(struct buf *);
/* Begins a dump that holds key "k" of this type; its value is to follow. */
void rdb_begin_key(struct buf *, const char *header, int type);

/* What follows the name of a hash of type 24, of which fields may expire: the
 * time that their expiries count from, and then each field; after_ms -1: it
 * does not. */
void rdb_put_field_hash(struct buf *, int64_t base_ms, uint64_t fields);
void rdb_put_field(
    struct buf *, int64_t after_ms, const char *field, const char *value);

/* A stream's count of nodes, 1, and the node: entries 100-5 (f a, g 1), a
 * deleted one, 107-2 (h x). */
#define RDB_NODE_ID "\x10\0\0\0\0\0\0\0\x64\0\0\0\0\0\0\0\x05"
void rdb_put_stream_node(struct buf *);

#endif

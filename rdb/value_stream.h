/*
 * value_stream.h -- a stream as commands: entries, counters, groups, pending
 * entries, as Redis writes them into an append-only file.
 */
#ifndef RDB_VALUE_STREAM_H
#define RDB_VALUE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rdb/rdb_reader.h"

struct err;
struct value_stream;
struct value_writer;

struct value_stream *value_stream_new(struct value_writer *);
void value_stream_free(struct value_stream *);

/* The events of rdb_visitor_ops, of one stream between begin and end. */
void value_stream_begin(struct value_stream *);
int value_stream_entry(
    struct value_stream *, struct rdb_stream_id, uint64_t fields, struct err *);
int value_stream_piece(struct value_stream *, enum rdb_part,
    const unsigned char *, size_t, bool last, struct err *);
int value_stream_fact(struct value_stream *, enum rdb_stream_fact,
    struct rdb_stream_id, uint64_t n, int64_t ms, struct err *);
int value_stream_end(struct value_stream *, struct err *);

#endif

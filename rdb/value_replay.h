/*
 * value_replay.h -- one value of a dump, told to a visitor decoded.
 *
 * A dump whose values go on as they are is read without decoding them, which
 * is much faster.  Where it turns out in the midst of a value that this one
 * must be decoded, what was kept of it is read again as a dump of its own.
 */
#ifndef RDB_VALUE_REPLAY_H
#define RDB_VALUE_REPLAY_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct rdb_key;
struct rdb_visitor;
struct value_replay;

/* Of a dump of this RDB version and family. */
struct value_replay *
value_replay_new(int version, bool valkey, struct rdb_visitor *);
void value_replay_free(struct value_replay *);

/* The key, with its name; then the bytes that rdb_visitor_ops.raw tells, of
 * which the last bring the visitor's key_end. */
int
value_replay_begin(struct value_replay *, const struct rdb_key *, struct err *);
int value_replay_add(struct value_replay *, const void *, size_t, struct err *);

#endif

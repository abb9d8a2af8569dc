/*
 * rdb_pick.h -- of a dump that is read, another visitor sees the part that a
 * filter takes.
 *
 * Keys, with all that is told of them, and libraries are passed on when they
 * are wanted; the hints of a database's size never, everything else always.
 * What the other one does not ask for is
 * not asked of the reader.
 */
#ifndef RDB_RDB_PICK_H
#define RDB_RDB_PICK_H

#include <stdint.h>

struct key_filter;
struct rdb_pick;
struct rdb_summary;
struct rdb_visitor;

/* Both are borrowed.  at_ms: what TTLs are counted from. */
struct rdb_pick *
rdb_pick_new(struct rdb_visitor *to, const struct key_filter *, int64_t at_ms);
void rdb_pick_free(struct rdb_pick *);

struct rdb_visitor *rdb_pick_visitor(struct rdb_pick *);

/* Into the reader's summary, in the place of what it says of all keys: number,
 * bytes, types, highest database, biggest value, functions, modules. */
void rdb_pick_summary(const struct rdb_pick *, struct rdb_summary *);

#endif

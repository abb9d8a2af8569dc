/*
 * rdb_keys.h -- dumps of a few keys, made by hand, for what compares them.
 */
#ifndef TESTS_SIM_RDB_KEYS_H
#define TESTS_SIM_RDB_KEYS_H

#include <stdint.h>

#include "base/buf.h"

struct rdb_visitor;

/* Begins a dump; keys go to database 0 until another is selected. */
void rdb_keys_begin(struct buf *);
void rdb_keys_select(struct buf *, unsigned char db);

/* Expiry of the key that follows. */
void rdb_keys_expire(struct buf *, int64_t ms);

/* Type byte and name; the value is to follow. */
void rdb_keys_key(struct buf *, int type, const char *name);
void rdb_keys_string(struct buf *, const char *name, const char *value);

/* Ends the dump and shows it to a visitor; it can be shown again. */
void rdb_keys_end(struct buf *);
void rdb_keys_show(const struct buf *, struct rdb_visitor *);

/* The same where the reading may fail. */
int rdb_keys_read(const struct buf *, struct rdb_visitor *, struct err *);

#endif

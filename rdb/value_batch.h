/*
 * value_batch.h -- a small value's commands as one transaction, in memory.
 *
 *	MULTI, DEL key, HSET key ..., PEXPIREAT key ms, EXEC
 *
 * All of it is done or nothing, and done twice it is the same.  Of one key
 * alone, it can go wherever a cluster sends that.
 */
#ifndef RDB_VALUE_BATCH_H
#define RDB_VALUE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dump_payload;
struct err;
struct rdb_key;
struct value_batch;
struct value_server;

/* Of at most so many bytes. */
struct value_batch *
value_batch_new(const struct value_server *, size_t bytes_max);
void value_batch_free(struct value_batch *);

/* What the dump's header says, before its first key. */
void value_batch_dump(struct value_batch *, int version, bool valkey);

/* Of a key, with its name, and its whole value, finished.  *fits: else it has
 * to go another way. */
int value_batch_make(struct value_batch *, const struct rdb_key *,
    struct dump_payload *, bool *fits, struct err *);

/* Of the last that fitted; until the next. */
const void *value_batch_bytes(const struct value_batch *, size_t *len);
uint32_t value_batch_replies(const struct value_batch *);

/* Bits of enum value_loss, so far. */
uint32_t value_batch_lost(const struct value_batch *);

#endif

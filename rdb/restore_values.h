/*
 * restore_values.h -- the values of a load that go by plain commands.
 *
 * What value_commands.h makes of them, put on one of the loader's pipes: the
 * name that is written to has the pipe's number in it, so that values of
 * several pipes can be under way at once.
 */
#ifndef RDB_RESTORE_VALUES_H
#define RDB_RESTORE_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dump_payload;
struct err;
struct rdb_key;
struct restore_pipe;
struct restore_values;
struct scope;
struct value_server;

/* Of memory, when one is under way. */
#define RESTORE_VALUES_BYTES ((size_t)2 << 20)

/* Borrows scope and prefix.  window: of bytes unanswered on a pipe. */
struct restore_values *restore_values_new(const struct value_server *,
    const char *prefix, size_t window, const struct scope *);
void restore_values_free(struct restore_values *);

/* What the dump's header says, before its first key. */
void restore_values_dump(struct restore_values *, int version, bool valkey);

/*
 * A key, on a pipe whose database is selected; then its bytes in the dump,
 * from behind the type on.  After a failure only free, or restore_values_dump()
 * and a key from its beginning.
 */
int restore_values_begin(struct restore_values *, struct restore_pipe *,
    unsigned number, const struct rdb_key *, struct err *);
int
restore_values_add(struct restore_values *, const void *, size_t, struct err *);
/* The name that is written to, from begin on. */
const char *restore_values_temp(const struct restore_values *);

uint64_t restore_values_keys(const struct restore_values *);
/* Bits of enum value_loss. */
uint32_t restore_values_lost(const struct restore_values *);

#endif

/*
 * rdb_writer.h -- an RDB file put together key by key.
 *
 * Values are written as they came, from another RDB file or as DUMP gives
 * them: the writer knows the frame of the file and nothing of encodings.  What
 * comes out is a file that a server of the version in its header loads, if no
 * key comes twice (Redis ends itself over a duplicate).
 *
 * Order: aux, functions, keys, finish.  A key's value is the pieces between
 * its begin and whatever follows.
 *
 * Facts: redis/src/rdb.c, rdbSaveRio().
 */
#ifndef RDB_RDB_WRITER_H
#define RDB_RDB_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct budget;
struct err;
struct rdb_key;
struct rdb_writer;
struct scope;
struct sink;

struct rdb_writer_opts {
	int version; /* in the header: at least that of every value */
	bool valkey; /* the family: from version 80 on its own magic */
	/* Of the chunks that are written: one, and as many as the sink keeps.
	 * Borrowed. */
	struct budget *budget;
};

/* The sink is borrowed, and never finished here; so is scope's cancel. */
struct rdb_writer *rdb_writer_new(
    struct sink *, const struct scope *, const struct rdb_writer_opts *);
void rdb_writer_free(struct rdb_writer *);

int rdb_writer_aux(
    struct rdb_writer *, const char *name, const char *value, struct err *);
int rdb_writer_aux_bytes(struct rdb_writer *, const void *name, size_t name_len,
    const void *value, size_t value_len, struct err *);
/* Libraries as FUNCTION DUMP gives them, without its footer; or the source of
 * one. */
int
rdb_writer_functions(struct rdb_writer *, const void *, size_t, struct err *);
int
rdb_writer_function(struct rdb_writer *, const void *, size_t, struct err *);

/* Database, expiry, idle time or frequency, type and name are taken. */
int rdb_writer_key(struct rdb_writer *, const struct rdb_key *, struct err *);
/* What DUMP has between the type and its footer. */
int rdb_writer_value(struct rdb_writer *, const void *, size_t, struct err *);

/* The end, its CRC64, and all that was held back. */
int rdb_writer_finish(struct rdb_writer *, struct err *);

/* Bytes written so far, header included. */
uint64_t rdb_writer_bytes(const struct rdb_writer *);

#endif

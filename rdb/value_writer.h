/*
 * value_writer.h -- the commands that write one value, as bytes.
 *
 * What value_commands.c and value_stream.c share: a command is begun with the
 * number of its arguments, its short ones are gathered as text, long ones come
 * from the spool, and it is sent.
 */
#ifndef RDB_VALUE_WRITER_H
#define RDB_VALUE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "rdb/rdb_reader.h"
#include "rdb/value_carry.h"
#include "rdb/value_commands.h"

struct arg_spool;

struct value_writer {
	struct value_out out;
	struct value_server server;
	struct arg_spool *args; /* long arguments, gathered piece by piece */
	struct buf text;	/* of the command at hand */
	const char *key;	/* that is written to; borrowed */
	size_t key_len;
	uint64_t commands; /* that are whole, since its owner set it to 0 */
	uint32_t lost;	   /* bits of enum value_loss */
};

void value_writer_init(struct value_writer *, const struct value_out *,
    const struct value_server *, size_t memory_max);
void value_writer_release(struct value_writer *);

/* verb key: the first two of n arguments. */
void value_begin(struct value_writer *, size_t n, const char *verb);
/* verb sub key: the first three, as XGROUP CREATE has them. */
void value_begin_sub(
    struct value_writer *, size_t n, const char *verb, const char *sub);
void value_arg(struct value_writer *, const void *, size_t);
void value_word(struct value_writer *, const char *);
void value_number(struct value_writer *, int64_t);
void value_id(struct value_writer *, struct rdb_stream_id);

/* What is gathered goes, and argument i of the spool behind it. */
int value_put_spooled(struct value_writer *, size_t i, struct err *);
/* The command is whole. */
int value_send(struct value_writer *, enum value_step, struct err *);

/* A piece of an argument for the spool; ERR_UNSUPPORTED for one that the
 * server does not take. */
int value_gather(struct value_writer *, const unsigned char *, size_t,
    bool last, struct err *);

#endif

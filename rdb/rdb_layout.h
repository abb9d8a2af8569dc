/*
 * rdb_layout.h -- how each value and each opcode is laid out, as data.
 *
 * A layout is a list of steps, which the reader walks; a loop reads its count
 * first.  Every step reads one token or one string, so that a reader which
 * runs out of bytes only has to remember where in the list it stands.
 */
#ifndef RDB_RDB_LAYOUT_H
#define RDB_RDB_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

enum rdb_do {
	RDB_DO_END,
	RDB_DO_LOOP, /* reads a count; arg: steps up to its NEXT */
	RDB_DO_NEXT,
	RDB_DO_PART,	     /* a string; arg: enum rdb_part */
	RDB_DO_PACKED,	     /* a string of many; arg: RDB_PACKED() */
	RDB_DO_NODE,	     /* quicklist 2: a container, one or many */
	RDB_DO_SKIP,	     /* a string nobody needs */
	RDB_DO_KEEP,	     /* a string to be kept whole; arg: 0 or 1 */
	RDB_DO_NODE_ID,	     /* a string of 16 bytes: a stream node's id */
	RDB_DO_LEN,	     /* a length; arg: enum rdb_register */
	RDB_DO_TIME,	     /* 8 bytes of milliseconds; arg: register */
	RDB_DO_SECONDS,	     /* 4 bytes; arg: register */
	RDB_DO_BYTE,	     /* arg: register */
	RDB_DO_ID,	     /* 16 bytes: a stream id */
	RDB_DO_SCORE,	     /* 8 bytes, a double */
	RDB_DO_OLD_SCORE,    /* a length byte and text */
	RDB_DO_TAGGED,	     /* what a module wrote, to its end */
	RDB_DO_WHEN,	     /* a module's tag for an unsigned number */
	RDB_DO_FACT,	     /* arg: enum rdb_stream_fact, from registers */
	RDB_DO_FIELD_EXPIRY, /* arg: enum rdb_ttl, from registers */
	RDB_DO_TELL,	     /* arg: enum rdb_tell */
	RDB_DO_HEADER,
	RDB_DO_OPCODE,
	RDB_DO_NAME,  /* a key's name */
	RDB_DO_VALUE, /* begin the key; goes on with its layout */
	RDB_DO_TRAILER,
};

/* Where a step leaves a number for a later one. */
enum rdb_register {
	RDB_REG_MS,
	RDB_REG_SEQ,
	RDB_REG_N,
	RDB_REG_TIME,
	RDB_REG_BASE,
	RDB_REGS
};

/* How a field's expiry is written. */
enum rdb_ttl {
	RDB_TTL_ABSOLUTE, /* 0: none */
	RDB_TTL_RELATIVE, /* 0: none; else 1 more than after the base */
	RDB_TTL_SIGNED,	  /* -1: none */
};

/* What an opcode was about. */
enum rdb_tell {
	RDB_TELL_DB,
	RDB_TELL_RESIZE,
	RDB_TELL_EXPIRE_MS,
	RDB_TELL_EXPIRE_S,
	RDB_TELL_IDLE,
	RDB_TELL_FREQ,
	RDB_TELL_AUX,
	RDB_TELL_FUNCTION,
	RDB_TELL_MODULE_AUX,
};

/* What the elements of a packed string are. */
enum rdb_shape {
	RDB_SHAPE_ITEMS,
	RDB_SHAPE_PAIRS,   /* field, value */
	RDB_SHAPE_SCORES,  /* member, score */
	RDB_SHAPE_TRIPLES, /* field, value, absolute expiry or 0 */
	RDB_SHAPE_STREAM,
};

#define RDB_PACKED(format, shape) ((format) << 4 | (shape))

struct rdb_step {
	uint8_t what; /* enum rdb_do */
	uint8_t arg;
};

/* NULL for one that is unknown. */
const struct rdb_step *rdb_layout_of_type(uint8_t type, bool valkey);
const struct rdb_step *rdb_layout_of_opcode(uint8_t opcode, bool valkey);

extern const struct rdb_step rdb_layout_header[];
extern const struct rdb_step rdb_layout_opcode[];
extern const struct rdb_step rdb_layout_key[];

#endif

/*
 * value_commands.h -- values as the plain commands that write them.
 *
 * For a value that RESTORE cannot bring: it is larger than the server takes
 * in one argument, or in an encoding that the server does not know.  An
 * rdb_visitor makes of each key
 *
 *	DEL temp key
 *	SET, APPEND | RPUSH | SADD | ZADD | HSET [HPEXPIREAT] | XADD, XSETID,
 *	XGROUP, XCLAIM		of temp, in batches
 *	PEXPIREAT temp ms
 *	RENAME temp key
 *
 * so that the key is seen when it is whole, with its expiry, or not at all.
 * temp lies in the key's slot; a load that is cut short leaves it behind, and
 * it is told by its prefix.  Or, for a transaction, the same of the key itself,
 * without temp and RENAME.  Whether a key's time has passed is left to the
 * server, whose clock counts.  Memory is bounded whatever the size of a value or
 * an element.  The commands are not the same when they are sent twice.
 *
 * Facts: redis/src/aof.c 7.0, rewriteStreamObject() and its like.
 */
#ifndef RDB_VALUE_COMMANDS_H
#define RDB_VALUE_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct rdb_visitor;
struct scope;
struct value_commands;
struct value_server;

#define VALUE_PREFIX_MAX 160

/* What cannot be brought by them: bytes of the name of a stream's group or
 * consumer, and fields of one entry (a server takes 1024 * 1024 arguments). */
#define VALUE_LABEL_MAX	 ((size_t)1 << 20)
#define VALUE_FIELDS_MAX ((uint64_t)500 << 10)

#define VALUE_TEMP_MAX (VALUE_PREFIX_MAX + 32)

/* What a command is for, and so what its answer means. */
enum value_step {
	VALUE_WRITE, /* all but an error is fine */
	VALUE_CLAIM, /* of a pending entry: an empty array says it is lost */
	VALUE_SHOW,  /* OK: the key is there */
	/* The same, but its time may have passed: then there is no temp. */
	VALUE_SHOW_EXPIRING,
};

struct value_out {
	int (*put)(void *arg, const void *, size_t, struct err *);
	/* The command whose bytes were put is whole. */
	int (*end)(void *arg, enum value_step, struct err *);
	/* All of the value is written: it is shown only when each command was
	 * answered well.  Not called where one that failed leaves no temp. */
	int (*hold)(void *arg, struct err *);
	void *arg;
};

struct value_commands *
value_commands_new(const struct value_out *, const struct value_server *);
void value_commands_free(struct value_commands *);
struct rdb_visitor *value_commands_visitor(struct value_commands *);

/* Before each key: what temp's name begins with, of at most VALUE_PREFIX_MAX
 * bytes, or NULL for a transaction. */
void value_commands_next(struct value_commands *, const char *prefix);
/* From the key's begin on. */
const char *value_commands_temp(const struct value_commands *);

/* Bits of enum value_loss, so far; VALUE_LOST_PENDING is told by answers. */
uint32_t value_commands_lost(const struct value_commands *);

#endif

/*
 * restore_command.h -- one RESTORE or FUNCTION RESTORE, as bytes.
 *
 * What stands around the payload is gathered here; the payload, which may be
 * larger than memory, is written from where it is.  Headers are ours, since
 * hiredis' formatter fails above 2 GB.
 */
#ifndef RDB_RESTORE_COMMAND_H
#define RDB_RESTORE_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct dump_payload;
struct err;
struct rdb_key;

#define RESTORE_NAME_KEPT 128

enum restore_what {
	RESTORE_SELECT,
	RESTORE_PING,
	RESTORE_KEY,
	RESTORE_FUNCTION,
	/* Of a value by plain commands, as enum value_step has them. */
	RESTORE_VALUE,
	RESTORE_CLAIM,
	RESTORE_SHOW,
	RESTORE_SHOW_EXPIRING,
	/* All of a value's, as one transaction (value_batch.h). */
	RESTORE_BATCH,
	/* DEL of what a value left behind. */
	RESTORE_REMOVE,
};

/* Of which a refusal tells; the name may be cut. */
struct restore_subject {
	enum restore_what what;
	uint32_t db;
	uint16_t name_len;
	unsigned char name[RESTORE_NAME_KEPT];
};

/* k NULL: what is no key's. */
void restore_subject_key(
    struct restore_subject *, enum restore_what, const struct rdb_key *k);

struct restore_command {
	struct restore_subject subject;
	uint16_t slot;		      /* of the key; functions have none */
	struct buf head, tail;	      /* before and behind the payload */
	struct dump_payload *payload; /* borrowed; finished */
};

void restore_command_init(struct restore_command *, struct dump_payload *);
void restore_command_release(struct restore_command *);

/*
 * A key's, all but the payload, for a server of this version (70015): ABSTTL,
 * IDLETIME and FREQ are words of 5.0.  *expired when its time has passed: the
 * server then answers OK, stores nothing, and deletes what it has under the
 * key.
 */
void restore_command_key(struct restore_command *, const struct rdb_key *,
    int version, int64_t now_ms, bool *expired);
/* A library's. */
void restore_command_function(struct restore_command *);

/* The payload's size is known by now. */
uint64_t restore_command_bytes(const struct restore_command *);
int restore_command_write(const struct restore_command *,
    int (*put)(void *arg, const void *, size_t, struct err *), void *arg,
    struct err *);

/* Puts before a failure which key, library or database it is about.  Returns
 * -1. */
int restore_subject_in(const struct restore_subject *, struct err *);

/* ERR_UNSUPPORTED for a payload that the server cannot read or a key that is
 * not its own (cluster), else as redis_error.h says.  Returns -1. */
int restore_subject_refused(
    const struct restore_subject *, const char *reply, struct err *);

#endif

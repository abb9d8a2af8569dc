/*
 * restore_command.h -- RESTORE as bytes, put on a pipe in three parts.
 *
 * The head can go as soon as the key is known, before its value was seen.
 * Headers are ours, since hiredis' formatter fails above 2 GB.
 */
#ifndef RDB_RESTORE_COMMAND_H
#define RDB_RESTORE_COMMAND_H

#include <stdbool.h>

struct dump_payload;
struct err;
struct rdb_key;
struct restore_pipe;
struct scope;

/* Where to, and to a server of which version (70015): ABSTTL, IDLETIME and
 * FREQ are words of 5.0. */
struct restore_command {
	struct restore_pipe *pipe;
	const struct scope *scope;
	int version;
};

/* RESTORE key ttl; *expired when its time has passed: the server then answers
 * OK, stores nothing, and deletes what it has under the key. */
int restore_put_head(const struct restore_command *, const struct rdb_key *,
    bool *expired, struct err *);

/* A finished payload, as RESTORE and FUNCTION RESTORE take it. */
int restore_put_payload(
    const struct restore_command *, struct dump_payload *, struct err *);

/* REPLACE and what else the head has counted. */
int restore_put_options(
    const struct restore_command *, const struct rdb_key *, struct err *);

#endif

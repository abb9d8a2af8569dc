/*
 * restore_limit.h -- how large a value one RESTORE can bring to a server.
 *
 * A server ends the connection at an argument over its proto-max-bulk-len, and
 * when what it has read of a command passes client-query-buffer-limit.
 */
#ifndef RDB_RESTORE_LIMIT_H
#define RDB_RESTORE_LIMIT_H

#include <stdint.h>

struct err;
struct redis_conn;
struct scope;

/* Of what goes by RESTORE, whatever the server takes: more would stop it for
 * long, and burden the disk with a temporary file. */
#define RESTORE_PAYLOAD_MAX (UINT64_C(256) << 20)

struct restore_limit {
	uint64_t bytes;	     /* of a payload, or a key's name */
	const char *setting; /* which it is by, as in CONFIG */
	uint64_t bulk;	     /* proto-max-bulk-len: of a string, too */
};

/* What CONFIG does not tell is as by default.  -1: the connection broke. */
int restore_limit_get(struct redis_conn *, const struct scope *,
    struct restore_limit *, struct err *);

/* The bytes of the payload that a value of the dump makes. */
uint64_t restore_limit_payload(uint64_t value_bytes);

#endif

/* redis_conn_private.h -- what redis_conn.c, _io.c and _reply.c share. */
#ifndef RDB_REDIS_CONN_PRIVATE_H
#define RDB_REDIS_CONN_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_socket.h"
#include "rdb/resp_guard.h"

#define CONN_IN_SIZE ((size_t)64 << 10)
#define CONN_OUT_MAX ((size_t)256 << 10)

/*
 * All bytes come through one input buffer, whoever reads next: a reply, a
 * line or raw bytes.  The guard walks over what is in it, up to the end of one
 * reply, and only those bytes go on to hiredis; so nothing that follows a
 * reply is ever in hiredis' own buffer, out of reach for the replication
 * client.
 */
struct redis_conn {
	char *name;
	struct redis_socket *socket;

	char *user;		       /* NULL: none was named */
	struct credential *credential; /* borrowed; NULL: none */
	int64_t login_ends_ms;	       /* wall clock: the token's end */
	int64_t renew_ms;	       /* wall clock: when to ask for another */

	unsigned char *in;
	size_t in_start, in_end;
	struct resp_guard guard;
	redisReader *reader;
	redisReply *ready; /* parsed ahead by redis_conn_reply_ready() */

	unsigned char *out; /* CONN_OUT_MAX bytes, from the first queueing on */
	size_t out_len;
	struct err spent; /* kind is ERR_NONE until then */
};

/* Put the server's name before what went wrong.  Returns -1, as do all. */
int redis_conn_named(const struct redis_conn *, struct err *);

/* The failure that spent the connection, if one did; else 0. */
int redis_conn_check(const struct redis_conn *, struct err *);

/* After this failure nobody knows where in the dialogue we are. */
int redis_conn_spend(struct redis_conn *, struct err *);

/* The peer's end, where something was still expected. */
int redis_conn_closed(struct err *);

/* Wait for more input; *end at the peer's end.  The buffer must have room. */
int redis_conn_fill(
    struct redis_conn *, const struct scope *, bool *end, struct err *);

#endif

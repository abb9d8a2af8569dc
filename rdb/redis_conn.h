/*
 * redis_conn.h -- a connection to a Redis: our socket, hiredis' protocol.
 *
 * TCP, TLS (OpenSSL, verified) or a unix socket.  hiredis formats commands
 * and reads replies, behind guards that cap array lengths and input; the
 * socket is ours because a snapshot is a raw stream that must not pass
 * through a reply buffer.
 *
 * Transport failures are ERR_UNREACHABLE past the scope's deadline and
 * ERR_TRANSIENT for a connection that closed, broke or stalled; bytes that are
 * no RESP2, or over a ceiling (resp_guard.h), are ERR_CORRUPT.  Every text
 * names the server.  A connection is for one thread at a time.
 */
#ifndef RDB_REDIS_CONN_H
#define RDB_REDIS_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hiredis/hiredis.h>

#include "rdb/redis_target.h"
#include "rdb/redis_tls.h"

struct credential;
struct err;
struct redis_conn;
struct scope;

struct redis_opts {
	const char *user;	     /* NULL: the URL's, else "default" */
	struct credential *password; /* borrowed; NULL: a nopass user */
	struct redis_tls_opts tls;
	int64_t connect_timeout_ms; /* 0: 10,000 */
	int64_t reply_timeout_ms;   /* without a byte; 0: 60,000 */
	size_t reply_max;	    /* bytes of one reply; 0: 64 MiB */
	/* CLIENT SETNAME, where the server lets us; borrowed; NULL: no name. */
	const char *client_name;
};

/*
 * Connects, AUTHs, PINGs, and SELECTs the address' database unless it is 0,
 * all within connect_timeout_ms.  A credential whose value was refused is
 * asked once for a fresh one.  ERR_AUTH for a wrong password, a missing one or
 * a certificate that does not verify; ERR_UNREACHABLE when nothing answers;
 * ERR_TRANSIENT for -LOADING.  Only the credential is borrowed beyond the
 * call, and that for redis_conn_renew() alone.
 */
struct redis_conn *
redis_connect(const struct redis_address *, const char *url_user,
    const struct redis_opts *, const struct scope *, struct err *);
void redis_conn_free(struct redis_conn *);

/*
 * A token may end before a long connection does, which the server closes
 * then.  Shows it a fresh one by AUTH in the last minutes of the old one; at
 * any other time nothing is done, so it may be called often.  No reply may be
 * pending.  That none can be had is a failure only once the old one is over.
 */
int redis_conn_renew(struct redis_conn *, const struct scope *, struct err *);
/* Whether something would be done. */
bool redis_conn_renew_due(const struct redis_conn *, const struct scope *);

const char *redis_conn_name(const struct redis_conn *); /* "host:port" */
int redis_conn_fd(const struct redis_conn *);

/* Our own address and the server's, numeric, as the socket has them; "" for a
 * unix socket. */
int redis_conn_local_ip(const struct redis_conn *, char out[64], struct err *);
int redis_conn_peer_ip(const struct redis_conn *, char out[64], struct err *);

/*
 * One command, one reply, to be freed with freeReplyObject().  An error reply
 * is NULL with err as redis_error.h tells, and the connection can go on; after
 * any other failure it is spent, and every later call fails alike.
 */
redisReply *redis_command(struct redis_conn *, const struct scope *,
    struct err *, const char *format, ...);
redisReply *redis_command_argv(struct redis_conn *, const struct scope *,
    int argc, const char **argv, const size_t *lens, struct err *);

/* The value of a field of INFO's text, to be freed; NULL when absent. */
char *redis_info_field(const char *info, const char *field);

/* The same, cut to size; "" when it is absent. */
void
redis_info_text(const char *info, const char *field, char *out, size_t size);

/* Raw bytes, for pipelines and for what hiredis cannot format. */
int redis_conn_write(struct redis_conn *, const struct scope *, const void *,
    size_t, struct err *);

/* Queue into the connection's own output, sent by flush or when it is over
 * 256 KiB; never waits for replies. */
int redis_conn_queue(struct redis_conn *, const struct scope *, const void *,
    size_t, struct err *);
int redis_conn_flush(struct redis_conn *, const struct scope *, struct err *);

/*
 * The next reply of a pipeline; error replies are returned, not failures (see
 * redis_error.h).  When waiting failed it may be called again.
 */
redisReply *
redis_conn_reply(struct redis_conn *, const struct scope *, struct err *);
/* Whether a reply, or the connection's failure, can be had without waiting. */
bool redis_conn_reply_ready(struct redis_conn *);

/*
 * Below RESP, for replication: at least one byte into out, 0 at the peer's
 * end; and a line without its CRLF, at most max bytes with the NUL (a bare
 * newline is an empty line).  Not to be mixed with pending replies.
 */
int redis_conn_read(struct redis_conn *, const struct scope *, void *out,
    size_t size, size_t *got, struct err *);
int redis_conn_line(struct redis_conn *, const struct scope *, char *out,
    size_t max, struct err *);

/* As redis_socket_set_batch() says, for redis_conn_read(). */
void redis_conn_set_batch(struct redis_conn *, int bytes);

#endif

/*
 * redis_tls.h -- TLS over a connected, non-blocking socket.
 *
 * TLS 1.2 or newer; the chain and the name are always verified.  Nothing here
 * waits: a step that would have to says for which poll events.
 */
#ifndef RDB_REDIS_TLS_H
#define RDB_REDIS_TLS_H

#include <stddef.h>

struct err;
struct redis_tls;

struct redis_tls_opts {
	const char *ca_file;   /* NULL: the system's */
	const char *cert_file; /* client certificate; NULL: none */
	const char *key_file;
	const char *server_name; /* SNI and verified name; NULL: the host */
};

/* Borrows fd.  ERR_USAGE for files that cannot be used. */
struct redis_tls *redis_tls_new(
    int fd, const char *host, const struct redis_tls_opts *, struct err *);
void redis_tls_free(struct redis_tls *);

/*
 * 1: done; 0: call again, with the same bytes, once fd is ready for *events;
 * -1: ERR_AUTH for certificates, ours or theirs, ERR_USAGE for a peer that
 * speaks no TLS, ERR_TRANSIENT for a broken connection.
 */
int redis_tls_handshake(struct redis_tls *, short *events, struct err *);
/* *got is 0 at the peer's end. */
int redis_tls_read(struct redis_tls *, void *, size_t, size_t *got,
    short *events, struct err *);
int redis_tls_write(struct redis_tls *, const void *, size_t, size_t *put,
    short *events, struct err *);

#endif

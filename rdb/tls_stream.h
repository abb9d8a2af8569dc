/*
 * tls_stream.h -- TLS over a connected, non-blocking socket, either end of it.
 *
 * TLS 1.2 or newer.  Whom to trust is the caller's to say, on the context and
 * on the SSL before the handshake.  Nothing here waits: a step that would
 * have to says for which poll events.
 */
#ifndef RDB_TLS_STREAM_H
#define RDB_TLS_STREAM_H

#include <stddef.h>

#include <openssl/ssl.h>

struct err;
struct tls_stream;

/* A context for one stream, by TLS_client_method() or TLS_server_method(). */
SSL_CTX *tls_context_new(const SSL_METHOD *, struct err *);

/* PEM.  cert_file NULL: nothing to do; key_file NULL: it is in there, too. */
int tls_context_load_cert(
    SSL_CTX *, const char *cert_file, const char *key_file, struct err *);

/* What OpenSSL says of its last failure; its queue is empty afterwards. */
const char *tls_reason(void);

/*
 * Borrows fd and peer, who is at the other end ("the server"); takes ctx, also
 * when it fails.  With a fd of -1 it can only be freed.
 */
struct tls_stream *
tls_stream_new(int fd, SSL_CTX *ctx, const char *peer, struct err *);
void tls_stream_free(struct tls_stream *);

SSL *tls_stream_ssl(struct tls_stream *);

/*
 * 1: done; 0: call again, with the same bytes, once fd is ready for *events;
 * -1: ERR_AUTH for certificates, ours or theirs, ERR_USAGE for a peer that
 * speaks no TLS, ERR_TRANSIENT for a broken connection.
 */
int tls_stream_handshake(struct tls_stream *, short *events, struct err *);
/* *got is 0 at the peer's end. */
int tls_stream_read(struct tls_stream *, void *, size_t, size_t *got,
    short *events, struct err *);
int tls_stream_write(struct tls_stream *, const void *, size_t, size_t *put,
    short *events, struct err *);

#endif

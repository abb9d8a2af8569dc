/*
 * posing_tls.h -- the server's end of mutual TLS on an accepted socket.
 *
 * TLS 1.2 or newer.  The peer must have a certificate that ca_file vouches
 * for; whom it names is not looked at, since the address is checked and
 * replicas' certificates often name nobody.  Nothing here waits: a step that
 * would have to says for which poll events.
 */
#ifndef RDB_POSING_TLS_H
#define RDB_POSING_TLS_H

#include <stddef.h>

struct err;
struct posing_tls;

struct posing_tls_opts {
	const char *cert_file, *key_file, *ca_file;
};

/* Borrows fd.  ERR_USAGE for files that cannot be used; -1 as fd checks only
 * these. */
struct posing_tls *
posing_tls_new(int fd, const struct posing_tls_opts *, struct err *);
void posing_tls_free(struct posing_tls *);

/*
 * 1: done; 0: call again once fd is ready for *events; -1: ERR_AUTH for a
 * certificate that is missing or does not verify, else ERR_TRANSIENT.
 */
int posing_tls_accept(struct posing_tls *, short *events, struct err *);
/* *got is 0 at the peer's end. */
int posing_tls_read(struct posing_tls *, void *, size_t, size_t *got,
    short *events, struct err *);
int posing_tls_write(struct posing_tls *, const void *, size_t, size_t *put,
    short *events, struct err *);

#endif

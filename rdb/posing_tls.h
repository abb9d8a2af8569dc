/*
 * posing_tls.h -- the server's end of mutual TLS on an accepted socket.
 *
 * The peer must have a certificate that ca_file vouches for; whom it names is
 * not looked at, since the address is checked and replicas' certificates
 * often name nobody.
 */
#ifndef RDB_POSING_TLS_H
#define RDB_POSING_TLS_H

struct err;
struct tls_stream;

struct posing_tls_opts {
	const char *cert_file, *key_file, *ca_file;
};

/* Borrows fd.  ERR_USAGE for files that cannot be used; -1 as fd checks only
 * these. */
struct tls_stream *
posing_tls_new(int fd, const struct posing_tls_opts *, struct err *);

#endif

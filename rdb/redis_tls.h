/*
 * redis_tls.h -- our end of TLS to a Redis: whom we trust, who we are.
 *
 * The server's chain and name are always verified.
 */
#ifndef RDB_REDIS_TLS_H
#define RDB_REDIS_TLS_H

struct err;
struct tls_stream;

struct redis_tls_opts {
	const char *ca_file;   /* NULL: the system's */
	const char *cert_file; /* client certificate; NULL: none */
	const char *key_file;
	const char *server_name; /* SNI and verified name; NULL: the host */
};

/* Borrows fd.  ERR_USAGE for files that cannot be used. */
struct tls_stream *redis_tls_new(
    int fd, const char *host, const struct redis_tls_opts *, struct err *);

#endif

#include <arpa/inet.h>
#include <stdbool.h>

#include <openssl/x509v3.h>

#include "base/err.h"
#include "rdb/tls_stream.h"

#include "rdb/redis_tls.h"

static int
load_ca(SSL_CTX *ctx, const char *ca_file, struct err *err)
{
	if (ca_file != NULL &&
	    SSL_CTX_load_verify_locations(ctx, ca_file, NULL) != 1)
		return err_set(
		    err, ERR_USAGE, "CA file '%s': %s", ca_file, tls_reason());
	if (ca_file == NULL && SSL_CTX_set_default_verify_paths(ctx) != 1)
		return err_set(err, ERR_USAGE,
		    "the system's CA certificates: %s", tls_reason());
	return 0;
}

static bool
is_ip(const char *name)
{
	unsigned char addr[16];

	return inet_pton(AF_INET, name, addr) == 1 ||
	    inet_pton(AF_INET6, name, addr) == 1;
}

/* RFC 6066: SNI holds names, never addresses. */
static int
set_name(SSL *ssl, const char *name, struct err *err)
{
	int ok;

	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (is_ip(name))
		ok = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name);
	else
		ok = SSL_set1_host(ssl, name) == 1 &&
		    SSL_set_tlsext_host_name(ssl, name) == 1;
	if (ok != 1)
		return err_set(err, ERR_USAGE, "'%s' is no name for TLS: %s",
		    name, tls_reason());
	return 0;
}

struct tls_stream *
redis_tls_new(int fd, const char *host, const struct redis_tls_opts *opts,
    struct err *err)
{
	const char *name = opts->server_name;
	SSL_CTX *ctx = tls_context_new(TLS_client_method(), err);
	struct tls_stream *t;

	if (ctx == NULL)
		return NULL;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if (load_ca(ctx, opts->ca_file, err) != 0 ||
	    tls_context_load_cert(ctx, opts->cert_file, opts->key_file, err) !=
		0) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	t = tls_stream_new(fd, ctx, "the server", err);
	if (t != NULL &&
	    set_name(tls_stream_ssl(t), name != NULL ? name : host, err) != 0) {
		tls_stream_free(t);
		return NULL;
	}
	return t;
}

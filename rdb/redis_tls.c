#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "base/xalloc.h"

#include "rdb/redis_tls.h"

struct redis_tls {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO_METHOD *method;
	int fd;
	bool answered; /* the server has sent us data */
};

/*
 * With TLS 1.3 a server that dislikes our certificate says so only after our
 * side of the handshake is done, and then resets the connection: a first
 * write that fails is passed over, so that the read which follows finds the
 * alert with the reason, or the same failure.
 */
static bool
hides_alert(const struct redis_tls *t)
{
	return !t->answered && (errno == ECONNRESET || errno == EPIPE);
}

/*
 * OpenSSL's socket BIO uses write(2), which kills a process whose peer went
 * away, unless the whole process ignores SIGPIPE; this one does not ask for
 * that.
 */
static int
bio_write(BIO *bio, const char *data, int len)
{
	struct redis_tls *t = BIO_get_data(bio);
	ssize_t n = send(t->fd, data, (size_t)len, MSG_NOSIGNAL);

	BIO_clear_retry_flags(bio);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(bio);
	else if (n < 0 && hides_alert(t))
		return len;
	return (int)n;
}

static int
bio_read(BIO *bio, char *out, int len)
{
	struct redis_tls *t = BIO_get_data(bio);
	ssize_t n = recv(t->fd, out, (size_t)len, 0);

	BIO_clear_retry_flags(bio);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_read(bio);
	else if (n == 0)
		BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
	return (int)n;
}

static long
bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	(void)num;
	(void)ptr;
	if (cmd == BIO_CTRL_EOF)
		return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
	return cmd == BIO_CTRL_FLUSH;
}

/* What OpenSSL says of its last failure; the queue is empty afterwards. */
static const char *
ssl_reason(void)
{
	unsigned long e = ERR_peek_last_error();
	const char *why = e != 0 ? ERR_reason_error_string(e) : NULL;

	ERR_clear_error();
	return why != NULL ? why : "unknown cause";
}

/* A key that wants a passphrase must not ask the terminal for it. */
static int
no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return -1;
}

static int
load_files(SSL_CTX *ctx, const struct redis_tls_opts *o, struct err *err)
{
	const char *key = o->key_file != NULL ? o->key_file : o->cert_file;

	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	if (o->ca_file == NULL) {
		if (SSL_CTX_set_default_verify_paths(ctx) != 1)
			return err_set(err, ERR_USAGE,
			    "the system's CA certificates: %s", ssl_reason());
	} else if (SSL_CTX_load_verify_locations(ctx, o->ca_file, NULL) != 1) {
		return err_set(err, ERR_USAGE, "CA file '%s': %s", o->ca_file,
		    ssl_reason());
	}
	if (o->cert_file == NULL)
		return 0;
	if (SSL_CTX_use_certificate_chain_file(ctx, o->cert_file) != 1)
		return err_set(err, ERR_USAGE, "certificate '%s': %s",
		    o->cert_file, ssl_reason());
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		return err_set(
		    err, ERR_USAGE, "key '%s': %s", key, ssl_reason());
	if (SSL_CTX_check_private_key(ctx) != 1)
		return err_set(err, ERR_USAGE,
		    "key '%s' does not belong to certificate '%s'", key,
		    o->cert_file);
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
		    name, ssl_reason());
	return 0;
}

static int
attach_bio(struct redis_tls *t)
{
	BIO *bio;

	t->method = BIO_meth_new(BIO_TYPE_SOCKET, "drsync socket");
	if (t->method == NULL)
		return -1;
	BIO_meth_set_write(t->method, bio_write);
	BIO_meth_set_read(t->method, bio_read);
	BIO_meth_set_ctrl(t->method, bio_ctrl);
	bio = BIO_new(t->method);
	if (bio == NULL)
		return -1;
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	SSL_set_bio(t->ssl, bio, bio);
	return 0;
}

struct redis_tls *
redis_tls_new(int fd, const char *host, const struct redis_tls_opts *opts,
    struct err *err)
{
	struct redis_tls *t = xcalloc(1, sizeof(*t));
	const char *name = opts->server_name;

	t->fd = fd;
	ERR_clear_error();
	t->ctx = SSL_CTX_new(TLS_client_method());
	if (t->ctx == NULL ||
	    SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION) != 1) {
		err_set(err, ERR_SYSTEM, "TLS: %s", ssl_reason());
		goto fail;
	}
	/* Where a stream ends is told by its own framing, never by TLS. */
	SSL_CTX_set_options(t->ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(t->ctx,
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, NULL);
	if (load_files(t->ctx, opts, err) != 0)
		goto fail;
	t->ssl = SSL_new(t->ctx);
	if (t->ssl == NULL || attach_bio(t) != 0) {
		err_set(err, ERR_SYSTEM, "TLS: %s", ssl_reason());
		goto fail;
	}
	if (set_name(t->ssl, name != NULL ? name : host, err) != 0)
		goto fail;
	SSL_set_connect_state(t->ssl);
	return t;
fail:
	redis_tls_free(t);
	return NULL;
}

void
redis_tls_free(struct redis_tls *t)
{
	if (t == NULL)
		return;
	SSL_free(t->ssl);
	SSL_CTX_free(t->ctx);
	BIO_meth_free(t->method);
	free(t);
}

/* Whether the peer's alert is about our certificate, or the lack of one. */
static bool
alert_is_auth(unsigned long e)
{
	int alert = ERR_GET_REASON(e) - SSL_AD_REASON_OFFSET;

	switch (alert) {
	case SSL_AD_BAD_CERTIFICATE:
	case SSL_AD_UNSUPPORTED_CERTIFICATE:
	case SSL_AD_CERTIFICATE_REVOKED:
	case SSL_AD_CERTIFICATE_EXPIRED:
	case SSL_AD_CERTIFICATE_UNKNOWN:
	case SSL_AD_UNKNOWN_CA:
	case SSL_AD_ACCESS_DENIED:
	case SSL_AD_CERTIFICATE_REQUIRED:
	case SSL_AD_HANDSHAKE_FAILURE: /* TLS 1.2: no certificate given */
		return ERR_GET_LIB(e) == ERR_LIB_SSL;
	}
	return false;
}

static int
tls_failed(struct redis_tls *t, struct err *err)
{
	unsigned long e = ERR_peek_last_error();
	long verify = SSL_get_verify_result(t->ssl);

	if (verify != X509_V_OK) {
		ERR_clear_error();
		return err_set(err, ERR_AUTH,
		    "the server's certificate does not verify: %s",
		    X509_verify_cert_error_string(verify));
	}
	if (alert_is_auth(e))
		return err_set(err, ERR_AUTH,
		    "the server refused our TLS certificate: %s", ssl_reason());
	if (ERR_GET_LIB(e) == ERR_LIB_SSL &&
	    ERR_GET_REASON(e) == SSL_R_WRONG_VERSION_NUMBER)
		return err_set(err, ERR_USAGE,
		    "the server does not speak TLS on this port (%s)",
		    ssl_reason());
	return err_set(err, ERR_TRANSIENT, "TLS: %s", ssl_reason());
}

/* What a call that did not succeed came to; 1 stands for the peer's end. */
static int
tls_outcome(struct redis_tls *t, int rc, short *events, struct err *err)
{
	int why = errno;

	switch (SSL_get_error(t->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		*events = POLLIN;
		return 0;
	case SSL_ERROR_WANT_WRITE:
		*events = POLLOUT;
		return 0;
	case SSL_ERROR_ZERO_RETURN:
		return 1;
	case SSL_ERROR_SYSCALL:
		ERR_clear_error();
		if (why == 0)
			return 1;
		return err_set(
		    err, ERR_TRANSIENT, "connection lost: %s", strerror(why));
	}
	return tls_failed(t, err);
}

int
redis_tls_handshake(struct redis_tls *t, short *events, struct err *err)
{
	int rc;

	ERR_clear_error();
	errno = 0;
	rc = SSL_do_handshake(t->ssl);
	if (rc == 1)
		return 1;
	rc = tls_outcome(t, rc, events, err);
	if (rc == 1)
		return err_set(err, ERR_TRANSIENT,
		    "the server closed the connection in the TLS handshake");
	return rc;
}

int
redis_tls_read(struct redis_tls *t, void *out, size_t size, size_t *got,
    short *events, struct err *err)
{
	int rc;

	*got = 0;
	ERR_clear_error();
	errno = 0;
	rc = SSL_read_ex(t->ssl, out, size, got);
	if (rc != 1)
		return tls_outcome(t, rc, events, err);
	t->answered = true;
	return 1;
}

int
redis_tls_write(struct redis_tls *t, const void *data, size_t len, size_t *put,
    short *events, struct err *err)
{
	int rc;

	*put = 0;
	ERR_clear_error();
	errno = 0;
	rc = SSL_write_ex(t->ssl, data, len, put);
	if (rc == 1)
		return 1;
	rc = tls_outcome(t, rc, events, err);
	if (rc == 1)
		return err_set(
		    err, ERR_TRANSIENT, "the server closed the connection");
	return rc;
}

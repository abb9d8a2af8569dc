#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/bio.h>
#include <openssl/err.h>

#include "base/err.h"
#include "base/xalloc.h"

#include "rdb/tls_stream.h"

struct tls_stream {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO_METHOD *method;
	const char *peer;
	int fd;
	bool answered; /* the peer has sent us data */
};

const char *
tls_reason(void)
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

SSL_CTX *
tls_context_new(const SSL_METHOD *method, struct err *err)
{
	SSL_CTX *ctx;

	ERR_clear_error();
	ctx = SSL_CTX_new(method);
	if (ctx == NULL ||
	    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1) {
		err_set(err, ERR_SYSTEM, "TLS: %s", tls_reason());
		SSL_CTX_free(ctx);
		return NULL;
	}
	/* Where a stream ends is told by its own framing, never by TLS. */
	SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx,
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	return ctx;
}

int
tls_context_load_cert(
    SSL_CTX *ctx, const char *cert_file, const char *key_file, struct err *err)
{
	const char *key = key_file != NULL ? key_file : cert_file;

	if (cert_file == NULL)
		return 0;
	if (SSL_CTX_use_certificate_chain_file(ctx, cert_file) != 1)
		return err_set(err, ERR_USAGE, "certificate '%s': %s",
		    cert_file, tls_reason());
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		return err_set(
		    err, ERR_USAGE, "key '%s': %s", key, tls_reason());
	if (SSL_CTX_check_private_key(ctx) != 1)
		return err_set(err, ERR_USAGE,
		    "key '%s' does not belong to certificate '%s'", key,
		    cert_file);
	return 0;
}

/*
 * With TLS 1.3 a server that dislikes our certificate says so only after our
 * side of the handshake is done, and then resets the connection: a first
 * write that fails is passed over, so that the read which follows finds the
 * alert with the reason, or the same failure.
 */
static bool
hides_alert(const struct tls_stream *t)
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
	struct tls_stream *t = BIO_get_data(bio);
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
	struct tls_stream *t = BIO_get_data(bio);
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

static int
attach(struct tls_stream *t)
{
	BIO *bio;

	t->ssl = SSL_new(t->ctx);
	t->method = BIO_meth_new(BIO_TYPE_SOCKET, "drsync socket");
	if (t->ssl == NULL || t->method == NULL)
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
	/* Which of the two, the context's method says. */
	if (SSL_is_server(t->ssl))
		SSL_set_accept_state(t->ssl);
	else
		SSL_set_connect_state(t->ssl);
	return 0;
}

struct tls_stream *
tls_stream_new(int fd, SSL_CTX *ctx, const char *peer, struct err *err)
{
	struct tls_stream *t = xcalloc(1, sizeof(*t));

	t->fd = fd;
	t->ctx = ctx;
	t->peer = peer;
	if (attach(t) == 0)
		return t;
	err_set(err, ERR_SYSTEM, "TLS: %s", tls_reason());
	tls_stream_free(t);
	return NULL;
}

void
tls_stream_free(struct tls_stream *t)
{
	if (t == NULL)
		return;
	SSL_free(t->ssl);
	SSL_CTX_free(t->ctx);
	BIO_meth_free(t->method);
	free(t);
}

SSL *
tls_stream_ssl(struct tls_stream *t)
{
	return t->ssl;
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

static bool
is_reason(unsigned long e, int reason)
{
	return ERR_GET_LIB(e) == ERR_LIB_SSL && ERR_GET_REASON(e) == reason;
}

static int
failed(struct tls_stream *t, struct err *err)
{
	unsigned long e = ERR_peek_last_error();
	long verify = SSL_get_verify_result(t->ssl);
	const char *why = tls_reason();

	if (verify != X509_V_OK)
		return err_set(err, ERR_AUTH,
		    "%s's certificate does not verify: %s", t->peer,
		    X509_verify_cert_error_string(verify));
	if (is_reason(e, SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE))
		return err_set(
		    err, ERR_AUTH, "%s showed no certificate", t->peer);
	if (alert_is_auth(e))
		return err_set(err, ERR_AUTH,
		    "%s refused our TLS certificate: %s", t->peer, why);
	if (is_reason(e, SSL_R_WRONG_VERSION_NUMBER))
		return err_set(err, ERR_USAGE,
		    "%s does not speak TLS on this port (%s)", t->peer, why);
	return err_set(err, ERR_TRANSIENT, "TLS: %s", why);
}

/* What a call that did not succeed came to; 1 stands for the peer's end. */
static int
outcome(struct tls_stream *t, int rc, short *events, struct err *err)
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
	return failed(t, err);
}

int
tls_stream_handshake(struct tls_stream *t, short *events, struct err *err)
{
	int rc;

	ERR_clear_error();
	errno = 0;
	rc = SSL_do_handshake(t->ssl);
	if (rc == 1)
		return 1;
	rc = outcome(t, rc, events, err);
	if (rc == 1)
		return err_set(err, ERR_TRANSIENT,
		    "%s closed the connection in the TLS handshake", t->peer);
	return rc;
}

int
tls_stream_read(struct tls_stream *t, void *out, size_t size, size_t *got,
    short *events, struct err *err)
{
	int rc;

	*got = 0;
	ERR_clear_error();
	errno = 0;
	rc = SSL_read_ex(t->ssl, out, size, got);
	if (rc != 1)
		return outcome(t, rc, events, err);
	t->answered = true;
	return 1;
}

int
tls_stream_write(struct tls_stream *t, const void *data, size_t len,
    size_t *put, short *events, struct err *err)
{
	int rc;

	*put = 0;
	ERR_clear_error();
	errno = 0;
	rc = SSL_write_ex(t->ssl, data, len, put);
	if (rc == 1)
		return 1;
	rc = outcome(t, rc, events, err);
	if (rc == 1)
		return err_set(
		    err, ERR_TRANSIENT, "%s closed the connection", t->peer);
	return rc;
}

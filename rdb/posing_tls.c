#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/err.h"
#include "base/xalloc.h"

#include "rdb/posing_tls.h"

struct posing_tls {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO_METHOD *method;
	int fd;
};

/* OpenSSL's own socket BIO raises SIGPIPE when the peer went away. */
static int
bio_write(BIO *bio, const char *data, int len)
{
	struct posing_tls *t = BIO_get_data(bio);
	ssize_t n = send(t->fd, data, (size_t)len, MSG_NOSIGNAL);

	BIO_clear_retry_flags(bio);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(bio);
	return (int)n;
}

static int
bio_read(BIO *bio, char *out, int len)
{
	struct posing_tls *t = BIO_get_data(bio);
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

static const char *
reason(void)
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
load_files(SSL_CTX *ctx, const struct posing_tls_opts *o, struct err *err)
{
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	if (SSL_CTX_use_certificate_chain_file(ctx, o->cert_file) != 1)
		return err_set(err, ERR_USAGE, "certificate '%s': %s",
		    o->cert_file, reason());
	if (SSL_CTX_use_PrivateKey_file(ctx, o->key_file, SSL_FILETYPE_PEM) !=
	    1)
		return err_set(
		    err, ERR_USAGE, "key '%s': %s", o->key_file, reason());
	if (SSL_CTX_check_private_key(ctx) != 1)
		return err_set(err, ERR_USAGE,
		    "key '%s' does not belong to certificate '%s'", o->key_file,
		    o->cert_file);
	if (SSL_CTX_load_verify_locations(ctx, o->ca_file, NULL) != 1)
		return err_set(
		    err, ERR_USAGE, "CA file '%s': %s", o->ca_file, reason());
	return 0;
}

static int
attach(struct posing_tls *t)
{
	BIO *bio;

	t->ssl = SSL_new(t->ctx);
	t->method = BIO_meth_new(BIO_TYPE_SOCKET, "drsync posing master");
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
	SSL_set_accept_state(t->ssl);
	return 0;
}

struct posing_tls *
posing_tls_new(int fd, const struct posing_tls_opts *opts, struct err *err)
{
	struct posing_tls *t = xcalloc(1, sizeof(*t));

	t->fd = fd;
	ERR_clear_error();
	t->ctx = SSL_CTX_new(TLS_server_method());
	if (t->ctx == NULL ||
	    SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION) != 1) {
		err_set(err, ERR_SYSTEM, "TLS: %s", reason());
		goto fail;
	}
	/* Where the stream ends is told by its own framing, never by TLS. */
	SSL_CTX_set_options(t->ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(t->ctx,
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_verify(
	    t->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	/* One connection: nothing to resume, and no bytes before its proof. */
	SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(t->ctx, 0);
	if (load_files(t->ctx, opts, err) != 0)
		goto fail;
	if (attach(t) != 0) {
		err_set(err, ERR_SYSTEM, "TLS: %s", reason());
		goto fail;
	}
	return t;
fail:
	posing_tls_free(t);
	return NULL;
}

void
posing_tls_free(struct posing_tls *t)
{
	if (t == NULL)
		return;
	SSL_free(t->ssl);
	SSL_CTX_free(t->ctx);
	BIO_meth_free(t->method);
	free(t);
}

static int
failed(struct posing_tls *t, struct err *err)
{
	unsigned long e = ERR_peek_last_error();
	long verify = SSL_get_verify_result(t->ssl);

	if (verify != X509_V_OK) {
		ERR_clear_error();
		return err_set(err, ERR_AUTH,
		    "its certificate does not verify: %s",
		    X509_verify_cert_error_string(verify));
	}
	if (ERR_GET_REASON(e) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) {
		ERR_clear_error();
		return err_set(err, ERR_AUTH, "it has no certificate");
	}
	return err_set(err, ERR_TRANSIENT, "TLS: %s", reason());
}

/* What a call that did not succeed came to; 1 stands for the peer's end. */
static int
outcome(struct posing_tls *t, int rc, short *events, struct err *err)
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
posing_tls_accept(struct posing_tls *t, short *events, struct err *err)
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
		    "it closed the connection in the TLS handshake");
	return rc;
}

int
posing_tls_read(struct posing_tls *t, void *out, size_t size, size_t *got,
    short *events, struct err *err)
{
	int rc;

	*got = 0;
	ERR_clear_error();
	errno = 0;
	rc = SSL_read_ex(t->ssl, out, size, got);
	return rc == 1 ? 1 : outcome(t, rc, events, err);
}

int
posing_tls_write(struct posing_tls *t, const void *data, size_t len,
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
		return err_set(err, ERR_TRANSIENT, "it closed the connection");
	return rc;
}

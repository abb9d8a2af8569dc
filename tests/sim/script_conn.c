#include <errno.h>
#include <fnmatch.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "base/err.h"
#include "tests/sim/test_ca.h"

#include "tests/sim/script_conn.h"

#define SHOW_MAX 80 /* of unexpected bytes, in a message */

/*
 * Bytes, plain or by TLS.  The socket never blocks; waits are scope_wait_fd().
 */

static int
wait_fd(struct script_conn *c, short events)
{
	struct scope scope = script_patience(c->server);
	struct err err = {0};

	if (scope_wait_fd(&scope, c->fd, events, &err) == 0)
		return 0;
	if (err.kind == ERR_UNREACHABLE)
		return script_fail(c, "the peer was silent for too long");
	return -1;
}

/* 0: go again; -1: the connection is over. */
static int
wait_tls(struct script_conn *c, int rc)
{
	int why = SSL_get_error(c->ssl, rc);

	ERR_clear_error();
	if (why == SSL_ERROR_WANT_READ)
		return wait_fd(c, POLLIN);
	if (why == SSL_ERROR_WANT_WRITE)
		return wait_fd(c, POLLOUT);
	return -1;
}

static int
wait_plain(struct script_conn *c, short events)
{
	if (errno == EINTR)
		return 0;
	if (errno != EAGAIN)
		return -1;
	return wait_fd(c, events);
}

/* More bytes into c->in; -1 at the end of the stream too. */
static int
fill(struct script_conn *c)
{
	char piece[16384];
	ssize_t n;

	while (c->fd != -1) {
		if (c->ssl != NULL)
			n = SSL_read(c->ssl, piece, sizeof(piece));
		else
			n = read(c->fd, piece, sizeof(piece));
		if (n > 0) {
			buf_add(&c->in, piece, (size_t)n);
			return c->in.overflowed ? -1 : 0;
		}
		if (c->ssl == NULL && n == 0)
			return -1;
		if ((c->ssl != NULL ? wait_tls(c, (int)n)
				    : wait_plain(c, POLLIN)) != 0)
			return -1;
	}
	return -1;
}

int
script_send(struct script_conn *c, const void *data, size_t len)
{
	const char *p = data;
	ssize_t n;

	while (len > 0) {
		if (c->fd == -1)
			return -1;
		if (c->ssl != NULL)
			n = SSL_write(c->ssl, p, (int)len);
		else
			n = send(c->fd, p, len, MSG_NOSIGNAL);
		if (n > 0) {
			p += n;
			len -= (size_t)n;
			continue;
		}
		if ((c->ssl != NULL ? wait_tls(c, (int)n)
				    : wait_plain(c, POLLOUT)) != 0)
			return -1;
	}
	return 0;
}

int
script_sends(struct script_conn *c, const char *text)
{
	return script_send(c, text, strlen(text));
}

int
script_sendf(struct script_conn *c, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int n, rc;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n == -1)
		abort();
	rc = script_send(c, text, (size_t)n);
	free(text);
	return rc;
}

/* "PING\r\n", cut short, for a message. */
static void
show(char out[4 * SHOW_MAX + 1], const char *data, size_t len)
{
	size_t n = 0;

	if (len > SHOW_MAX)
		len = SHOW_MAX;
	for (size_t i = 0; i < len; i++) {
		unsigned char ch = (unsigned char)data[i];

		if (ch >= ' ' && ch < 127 && ch != '\\')
			out[n++] = (char)ch;
		else
			n += (size_t)sprintf(out + n, "\\x%02x", ch);
	}
	out[n] = '\0';
}

static int
unexpected(struct script_conn *c, const char *wanted, size_t len)
{
	char want[4 * SHOW_MAX + 1], got[4 * SHOW_MAX + 1];

	show(want, wanted, len);
	show(got, c->in.data, c->in.len);
	return script_fail(c, "expected '%s', came '%s'", want, got);
}

static void
take(struct script_conn *c, size_t len)
{
	script_record(c, c->in.data, len);
	buf_consume(&c->in, len);
}

int
script_expect(struct script_conn *c, const void *data, size_t len)
{
	for (;;) {
		size_t n = c->in.len < len ? c->in.len : len;

		/* What differs early need not be waited for. */
		if (memcmp(c->in.data, data, n) != 0)
			return unexpected(c, data, len);
		if (n == len)
			break;
		if (fill(c) != 0)
			return unexpected(c, data, len);
	}
	take(c, len);
	return 0;
}

int
script_expects(struct script_conn *c, const char *text)
{
	return script_expect(c, text, strlen(text));
}

int
script_expect_line(struct script_conn *c, const char *pattern)
{
	char *end, *line;
	size_t len;
	int rc;

	while ((end = memchr(c->in.data, '\n', c->in.len)) == NULL)
		if (fill(c) != 0)
			return unexpected(c, pattern, strlen(pattern));
	len = (size_t)(end - c->in.data) + 1;
	line = strndup(c->in.data, len);
	line[strcspn(line, "\r\n")] = '\0';
	rc = fnmatch(pattern, line, 0);
	free(line);
	if (rc != 0)
		return unexpected(c, pattern, strlen(pattern));
	take(c, len);
	return 0;
}

int
script_expect_eof(struct script_conn *c)
{
	if (c->in.len == 0 && fill(c) != 0)
		return 0;
	return unexpected(c, "end", 3);
}

int
script_read(struct script_conn *c, struct buf *out, size_t n)
{
	while (c->in.len < n)
		if (fill(c) != 0)
			return -1;
	buf_add(out, c->in.data, n);
	buf_consume(&c->in, n);
	return 0;
}

int
script_read_until(struct script_conn *c, struct buf *out, const char *mark)
{
	size_t len = strlen(mark);
	char *at;

	while ((at = memmem(c->in.data, c->in.len, mark, len)) == NULL)
		if (fill(c) != 0)
			return -1;
	return script_read(c, out, (size_t)(at - c->in.data) + len);
}

/*
 * How a connection ends, or waits.
 */

void
script_stall(struct script_conn *c)
{
	if (c->fd != -1)
		wait_fd(c, POLLRDHUP);
}

static void
forget(struct script_conn *c)
{
	SSL_free(c->ssl);
	c->ssl = NULL;
	close(c->fd);
	c->fd = -1;
}

void
script_shut(struct script_conn *c)
{
	if (c->fd == -1)
		return;
	if (c->ssl != NULL)
		SSL_shutdown(c->ssl);
	ERR_clear_error();
	shutdown(c->fd, SHUT_WR);
}

void
script_close(struct script_conn *c)
{
	char rest[16384];

	if (c->fd == -1)
		return;
	script_shut(c);
	/* Closing over unread bytes would be a reset. */
	while (read(c->fd, rest, sizeof(rest)) > 0)
		;
	forget(c);
}

void
script_reset(struct script_conn *c)
{
	struct linger now = {.l_onoff = 1};

	if (c->fd == -1)
		return;
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	if (c->ssl != NULL)
		SSL_set_quiet_shutdown(c->ssl, 1);
	forget(c);
}

SSL_CTX *
script_tls_new(const struct test_cert *cert, const char *client_ca)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

	if (tls == NULL ||
	    SSL_CTX_use_certificate_file(
		tls, cert->cert_file, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_use_PrivateKey_file(
		tls, cert->key_file, SSL_FILETYPE_PEM) != 1)
		abort();
	if (client_ca != NULL) {
		if (SSL_CTX_load_verify_file(tls, client_ca) != 1)
			abort();
		SSL_CTX_set_verify(tls,
		    SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	}
	return tls;
}

int
script_conn_start_tls(struct script_conn *c, SSL_CTX *tls)
{
	int rc;

	c->ssl = SSL_new(tls);
	if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1)
		abort();
	while ((rc = SSL_accept(c->ssl)) != 1)
		if (wait_tls(c, rc) != 0)
			return -1;
	return 0;
}

int
script_start_tls(struct script_conn *c, const struct test_cert *cert)
{
	SSL_CTX *tls = script_tls_new(cert, NULL);
	int rc = script_conn_start_tls(c, tls);

	SSL_CTX_free(tls); /* counted: the connection keeps it */
	return rc;
}

unsigned
script_conn_number(const struct script_conn *c)
{
	return c->number;
}

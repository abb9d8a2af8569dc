/*
 * script_server.h -- a server on loopback that does what a test's script says.
 *
 * Each connection gets a thread that runs the script: a C function that reads,
 * sends, stalls, closes or resets, byte by byte as it likes.  What met an
 * expectation is recorded with the connection's number, so that a test can
 * count and compare what really came over the wire.
 *
 * A script's functions return 0, or -1 once the connection is over (the peer
 * left, an expectation failed, the server is being stopped): the script then
 * just returns.  The first broken expectation is kept for the test to assert
 * on with script_server_failure(), since cmocka's own asserts work on the
 * test's thread alone.  Nothing waits for ever: a peer that is silent for
 * SCRIPT_PATIENCE_MS breaks an expectation too.
 *
 *	static void
 *	serve(struct script_conn *c, void *arg)
 *	{
 *		if (script_expects(c, "PING\r\n") == 0)
 *			script_sends(c, "+PONG\r\n");
 *		script_stall(c);
 *	}
 */
#ifndef TESTS_SIM_SCRIPT_SERVER_H
#define TESTS_SIM_SCRIPT_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct script_conn;
struct script_server;
struct test_ca;
struct test_cert;

#define SCRIPT_PATIENCE_MS 20000

typedef void script_fn(struct script_conn *, void *arg);

struct script_server_opts {
	/* TLS from the first byte, with a certificate issued for tls_names. */
	struct test_ca *tls;
	const char *tls_names; /* "localhost,127.0.0.1" when NULL */
	bool tls_client_cert;  /* demand one that tls issued */

	const char *unix_path; /* listen there instead of on a TCP port */
};

/* opts may be NULL.  Fails the test when it cannot listen. */
struct script_server *script_server_new(
    const struct script_server_opts *opts, script_fn *script, void *arg);

/* Ends every connection and joins every thread. */
void script_server_free(struct script_server *);

int script_server_port(const struct script_server *);

/* "http://127.0.0.1:PORT" or "https://localhost:PORT" and path; to be freed. */
char *script_server_url(const struct script_server *, const char *path);

/* What the script waits for in script_hold(): one call lets one go on. */
void script_server_release(struct script_server *);

/* The first broken expectation, or NULL.  Lives as long as the server. */
const char *script_server_failure(struct script_server *);

/* Connections accepted so far. */
unsigned script_server_connections(struct script_server *);

/* One message that came: a request, a line, expected bytes. */
struct script_record {
	unsigned conn;	  /* from 0, in the order of accepting */
	const char *data; /* NUL-terminated for convenience */
	size_t len;
};

/* Records live as long as the server; those past the count do not exist. */
size_t script_server_count(struct script_server *);
struct script_record script_server_record(struct script_server *, size_t i);

/* Blocks until there are n records; false after SCRIPT_PATIENCE_MS. */
bool script_server_wait(struct script_server *, size_t n);

/* The script's side.  Connection numbers count from 0. */
unsigned script_conn_number(const struct script_conn *);

/* Each that holds is one record; the end of the stream breaks it. */
int script_expect(struct script_conn *, const void *, size_t);
int script_expects(struct script_conn *, const char *);

/* A line, and that it matches pattern (fnmatch(3); without its line end). */
int script_expect_line(struct script_conn *, const char *pattern);

/* Nothing more comes but the end of the stream. */
int script_expect_eof(struct script_conn *);

/*
 * Adds to out: exactly n bytes; all up to mark and the mark.  Not a record
 * (script_record() makes one), and the end of the stream breaks nothing.
 */
int script_read(struct script_conn *, struct buf *out, size_t n);
int script_read_until(struct script_conn *, struct buf *out, const char *mark);

void script_record(struct script_conn *, const void *, size_t);

/* Writes all. */
int script_send(struct script_conn *, const void *, size_t);
int script_sends(struct script_conn *, const char *);
int script_sendf(struct script_conn *, const char *fmt, ...) ERR_FMT(2, 3);

/* Says and reads nothing more until the peer closes or the server stops. */
void script_stall(struct script_conn *);

/* Waits for a script_server_release(). */
int script_hold(struct script_conn *);

/* The server's end of TLS, from here on (behind a CONNECT, say). */
int script_start_tls(struct script_conn *, const struct test_cert *);

/* In order (FIN; TLS says goodbye first); only the sending half; by a RST. */
void script_close(struct script_conn *);
void script_shut(struct script_conn *);
void script_reset(struct script_conn *);

/* Note a broken expectation of the script's own.  Returns -1. */
int script_fail(struct script_conn *, const char *fmt, ...) ERR_FMT(2, 3);

#endif

/*
 * http.h -- HTTP/1.1 client: one engine, one thread, any number of callers.
 *
 * The engine runs curl_multi on a thread of its own.  A request is one
 * attempt: whether to go again is for base/retry to decide and for the
 * operation to do, with http_request.prepare called anew to sign it.
 *
 * TLS is verified, redirects are not followed, HTTPS_PROXY and NO_PROXY are
 * honoured.  libcurl silently repeats a request whose reused connection was
 * closed before an answer; a request that is not safe twice sets
 * fresh_connection, which rules that out (seen with libcurl 7.88).
 */
#ifndef BASE_HTTP_H
#define BASE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct chunk;
struct err;
struct http;
struct scope;

/* Of an answer.  A blob's metadata, 8 KiB, may be many short headers. */
#define HTTP_HEADERS_MAX      512
#define HTTP_HEADER_BYTES_MAX ((size_t)64 << 10)

struct http_opts {
	const char *ca_file;	    /* NULL: the system's bundle */
	int64_t connect_timeout_ms; /* 0: 10,000 */
	int64_t stall_timeout_ms;   /* no byte either way; 0: 60,000 */
	unsigned connections_max;   /* at once, all hosts; 0: 64 */
};

/*
 * ERR_USAGE when ca_file cannot be read.  The proxy variables are read from
 * the environment at each request: do not change them any more.
 */
struct http *http_new(const struct http_opts *, struct err *);

/* Every request must have ended. */
void http_free(struct http *);

struct http_header {
	char *name;
	char *value;
};

/* In the order they were added; several of one name may stand. */
struct http_headers {
	struct http_header *list;
	size_t n, alloc;
};

void http_headers_release(struct http_headers *);
void
http_headers_add(struct http_headers *, const char *name, const char *value);
void http_headers_addf(struct http_headers *, const char *name, const char *fmt,
    ...) ERR_FMT(3, 4);

/* Replaces all of that name. */
void
http_headers_set(struct http_headers *, const char *name, const char *value);

/* Names compare without case; NULL when absent. */
const char *http_headers_get(const struct http_headers *, const char *name);

struct http_request {
	const char *method; /* GET HEAD PUT POST PATCH DELETE */
	char *url;	    /* http or https; the path is sent as it is */
	struct http_headers headers;

	/*
	 * The body: the chunks one after the other, empty when nbody is 0;
	 * not for GET and HEAD.  Content-Length is sent with it, Content-Type
	 * only if it is among the headers.
	 */
	struct chunk *const *body;
	size_t nbody;

	/*
	 * Called before each attempt, on the caller's thread: dates and signs.
	 * It sees, and may set, url and headers.  When it fails nothing is
	 * sent, and err is its own.
	 */
	int (*prepare)(struct http_request *, const struct scope *, void *arg,
	    struct err *);
	void *prepare_arg;

	bool fresh_connection; /* not safe twice */

	/* Set by http_do(): a part of it was sent (what opens a proxy's tunnel
	 * is none), and so it may have taken effect whatever came of it. */
	bool sent;

	/* For what must not go through a proxy, whatever the environment says:
	 * the metadata service of the machine itself. */
	bool no_proxy;
	int64_t connect_timeout_ms; /* 0: the engine's */

	/* The largest answer taken into response.body; 0: 1 MiB. */
	size_t response_max;

	/*
	 * When set, a 2xx body goes there instead of into response.body; at
	 * most into_size bytes, more is ERR_CORRUPT.
	 */
	unsigned char *into;
	size_t into_size;
};

struct http_response {
	int status;
	struct http_headers headers;
	struct buf body;
	size_t into_len; /* bytes written to request.into */
	int64_t elapsed_ms;
};

/* Frees url and headers; the body's chunks are the caller's. */
void http_request_release(struct http_request *);
void http_response_release(struct http_response *);

/*
 * One attempt, blocking.  0 means that an answer came, whatever its status:
 * see http_status_err().  On -1 nothing is in response and kind tells:
 * ERR_TRANSIENT for connection faults and stalls, which may have taken effect
 * at the server; ERR_UNREACHABLE when the scope's deadline ended it;
 * ERR_CANCELLED; ERR_AUTH for a certificate that does not verify and for a
 * proxy that answers 401, 403 or 407; ERR_CORRUPT for an answer over its
 * ceiling or not HTTP; ERR_USAGE for a URL or a header that cannot be sent.
 * Not to be called from a http_done_fn.
 */
int http_do(struct http *, const struct scope *, struct http_request *,
    struct http_response *, struct err *);

/*
 * The callback form: returns once the request is queued (prepare was called).
 * done runs on the engine's thread, must not block and must not parse, but
 * may submit; rc, response and err are as http_do() would give them, and it
 * takes them by struct copy.  request and scope live until then.  When this
 * returns -1, done does not run.
 */
typedef void
http_done_fn(void *arg, int rc, struct http_response *, const struct err *);
int http_submit(struct http *, const struct scope *, struct http_request *,
    http_done_fn *, void *arg, struct err *);

/* Of any answer: x-ms-retry-after-ms, else Retry-After, in seconds or as a
 * date; 0 when it has neither. */
int http_retry_after_ms(const struct http_headers *, const struct scope *);

/*
 * Fill err from an answer that is no success: kind by status (401, 403 AUTH;
 * 404 MISSING; 409, 412 CONFLICT; retry_status() TRANSIENT; else SERVER),
 * retry_after_ms as above, code from x-ms-error-code, request_id from
 * x-ms-request-id.  Always -1.  fmt: what was asked, without secrets.
 */
int http_status_err(const struct http_response *, const struct scope *,
    struct err *, const char *fmt, ...) ERR_FMT(4, 5);

#endif

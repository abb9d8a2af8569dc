/*
 * http_call.h -- one request under way, as an easy handle of libcurl's.
 *
 * Private to http.c, which owns the engine.  A call is begun on the caller's
 * thread and belongs to the engine's from its submission on.  One that ended
 * well may be begun again with another request: half of what a small request
 * costs us is libcurl's handle, made, set up and freed.
 */
#ifndef BASE_HTTP_CALL_H
#define BASE_HTTP_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/http.h"
#include "base/scope.h"

struct http_call {
	/* What it keeps from one request to the next. */
	CURL *easy;
	struct buf lines;	   /* the request's headers, each with a NUL */
	struct curl_slist *fields; /* an array of them, as libcurl wants it */
	size_t fields_alloc;

	struct http_call *prev, *next; /* the engine's lists */
	struct cancel_watch watch;

	const struct scope *scope;
	struct http_request *req;
	http_done_fn *done;
	void *done_arg;

	char curl_says[CURL_ERROR_SIZE];

	/* Through proxy and TLS: what is sent from here on is the request. */
	bool connected;

	/* Where the body is read on: byte off of chunk. */
	size_t chunk, off;

	struct http_response resp;
	size_t header_bytes; /* of all heads, 1xx ones and trailers too */
	struct err refused;  /* why a callback stopped the transfer */

	int64_t begun_ms; /* by the scope's clock */

	/* By the machine's, since it must go on when a test's stands still. */
	int64_t end_ms;	  /* INT64_MAX: no deadline */
	int64_t moved_ms; /* the last byte either way */
	bool running;
};

struct http_call *http_call_new(const struct http_opts *, struct err *);
void http_call_free(struct http_call *);

/* ERR_USAGE for a URL or a header that cannot be sent: free it then. */
int http_call_begin(struct http_call *, const struct http_opts *,
    const struct scope *, struct http_request *, struct err *);

/* The stall is counted from here on. */
void http_call_start(struct http_call *);

/*
 * Fails when the call must end now: cancelled, past its deadline, stalled.
 * Otherwise it need not be looked at again before *again_ms.
 */
int http_call_check(const struct http_call *, int64_t stall_timeout_ms,
    int64_t *again_ms, struct err *);

/* What libcurl's verdict means; adds what was asked.  0: an answer came. */
int http_call_verdict(struct http_call *, CURLcode, struct err *);

/* "PUT 'https://...'" in front of what err says.  Always -1. */
int http_call_blame(const struct http_request *, struct err *);

/* First come, first served.  A call is on one list at a time. */
struct http_calls {
	struct http_call *first, *last;
};

void http_calls_append(struct http_calls *, struct http_call *);
void http_calls_drop(struct http_calls *, struct http_call *);

/* http_headers.c: both are the headers' from here on. */
void http_headers_take(struct http_headers *, char *name, char *value);

/* http_transfer.c: what libcurl calls, with the call as arg. */
size_t http_call_on_read(char *out, size_t size, size_t n, void *arg);
int http_call_on_seek(void *arg, curl_off_t offset, int origin);
size_t http_call_on_header(char *line, size_t size, size_t n, void *arg);
size_t http_call_on_body(char *data, size_t size, size_t n, void *arg);

#endif

/*
 * script_http.h -- HTTP/1.1 for the scripts of script_server.h.
 *
 * Bodies come with Content-Length; a chunked one breaks an expectation.
 */
#ifndef TESTS_SIM_SCRIPT_HTTP_H
#define TESTS_SIM_SCRIPT_HTTP_H

#include <stddef.h>

#include "tests/sim/script_server.h"

/* One request; it is also one record, head and body as they came. */
struct script_request {
	char *method;
	char *target; /* as on the request line */
	char *head;   /* request line and header lines, "\r\n" after each */
	char *body;   /* NUL-terminated for convenience */
	size_t body_len;
};

/* One at a time; release also after a failure. */
int script_http_read(struct script_conn *, struct script_request *);
void script_http_release(struct script_request *);

/* The value of a header, to be freed; NULL when absent. */
char *script_http_header(const struct script_request *, const char *name);

/*
 * Status line, headers ("Name: value\r\n"..., may be NULL), Content-Length
 * unless headers has one, and body.
 */
int script_http_answer(struct script_conn *, int status, const char *headers,
    const void *body, size_t);

/* Script: answers every request on a connection alike; arg is one of these. */
struct script_http_reply {
	int status;
	const char *headers;
	const char *body;
};
void script_http_serve(struct script_conn *, void *reply);

#endif

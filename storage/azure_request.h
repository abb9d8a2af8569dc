/*
 * azure_request.h -- a request to Blob storage: built, authorized, repeated.
 *
 *	if (azure_request_init(&r, c, "PUT", "staging", blob, query, err) == 0)
 *		rc = azure_request_do(&r, scope, &response, err);
 *	azure_request_release(&r);
 */
#ifndef STORAGE_AZURE_REQUEST_H
#define STORAGE_AZURE_REQUEST_H

#include "base/http.h"

struct azure_container;
struct block_id;
struct err;
struct scope;

struct azure_request {
	const struct azure_container *container;
	const char *doing; /* a literal, for errors: "reading" */
	const char *blob;  /* NULL: the container itself */
	char *plain;	   /* the URL before anything secret is added */
	struct http_request http;

	/* Sets what a refusal means to this operation, when it differs; or
	 * NULL. */
	void (*judge)(struct err *, const struct http_response *);
};

/* query is encoded, or NULL.  Release also after a failure. */
int azure_request_init(struct azure_request *, const struct azure_container *,
    const char *method, const char *doing, const char *blob, const char *query,
    struct err *);

/* To the account that the container is in. */
void
azure_request_account(struct azure_request *, const struct azure_container *,
    const char *method, const char *doing, const char *query);

/* A PUT of that block. */
int azure_request_block(struct azure_request *, const struct azure_container *,
    const char *doing, const char *blob, const struct block_id *, struct err *);

void azure_request_release(struct azure_request *);

/* The body: chunks that live as long as the request; sets Content-MD5. */
void azure_request_body(
    struct azure_request *, struct chunk *const *chunks, size_t n);

/*
 * One attempt, authorized anew; 0 only for a 2xx, and the caller releases the
 * response then.  A token that was refused is asked for again, once.
 */
int azure_request_once(struct azure_request *, const struct scope *,
    struct http_response *, struct err *);

/*
 * The second half of that, for an attempt by http_submit(): rc, response and
 * err are what http_done_fn was given.
 */
int azure_request_end(struct azure_request *, const struct scope *, int rc,
    struct http_response *, struct err *);

/* What was asked, in front of what err says.  Always -1. */
int azure_request_blame(const struct azure_request *, struct err *);

/* For what is safe twice: repeated until it works or the scope ends. */
int azure_request_do(struct azure_request *, const struct scope *,
    struct http_response *, struct err *);

/* The same, for an answer that says nothing but yes. */
int
azure_request_run(struct azure_request *, const struct scope *, struct err *);

/*
 * For what takes something away: repeated too, but once an answer was lost, a
 * failure that is_done says comes of its being gone already is success.
 */
int azure_request_until(struct azure_request *, const struct scope *,
    bool (*is_done)(const struct err *), struct err *);

#endif

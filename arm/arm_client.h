/*
 * arm_client.h -- a request to Azure Resource Manager: authorized, repeated.
 *
 * What is safe twice is repeated until it works or the scope ends, as
 * base/retry decides: 408, 429 and 5xx, not before Retry-After.  A token that
 * is refused is asked for again, once.  Where the service says that few
 * requests remain, the next ones wait a little.  For any number of threads.
 */
#ifndef ARM_ARM_CLIENT_H
#define ARM_ARM_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

struct arm_client;
struct credential;
struct err;
struct http;
struct scope;
struct secret;

struct arm_client_opts {
	struct http *http;	       /* borrowed, as the next */
	struct credential *credential; /* asked for tokens of the audience */
	const char *endpoint;	       /* "https://management.azure.com" */
	const char *audience;	       /* NULL: the endpoint and a slash */
};

/* ERR_USAGE for an endpoint that is not https (on loopback: nor http). */
struct arm_client *arm_client_new(const struct arm_client_opts *, struct err *);
void arm_client_free(struct arm_client *);

struct arm_request {
	const char *method; /* GET POST PUT PATCH DELETE */
	const char *doing;  /* for errors: "importing into 'cache1'" */

	/* Either a path, from its slash on and encoded, and its version; or a
	 * URL as an answer told it, which stays as it is. */
	const char *path;
	const char *api_version;
	const char *url;

	const struct secret *body; /* JSON; NULL: empty */
	const char *if_match;	   /* an ETag, or "*"; NULL: none */
	const char *if_none_match;
	bool wants_json; /* a success without is ERR_CORRUPT */

	/*
	 * Not safe twice: on a fresh connection, and never sent again, but for
	 * a token that was refused.  still_ours, or NULL, is asked when the
	 * token is there, right before it is sent; when it fails, nothing is.
	 */
	bool once;
	int (*still_ours)(void *arg, struct err *);
	void *still_ours_arg;
	int64_t timeout_ms; /* of an attempt, its token aside; 0: 60,000 */

	/* Set where arm_client_do() fails: it may have taken effect all the
	 * same, since the answer was lost, or was none of the service's. */
	bool in_doubt;
};

struct arm_answer {
	int status;
	cJSON *body;	     /* NULL: none, or none that is JSON */
	char *etag;	     /* these are NULL when absent */
	char *operation_url; /* Azure-AsyncOperation */
	char *location;
	int retry_after_ms;  /* 0: not told */
	char request_id[64]; /* the service's, else ours */
};

/* 0 only for a 2xx, and the caller releases the answer then.  err->request_id
 * is ours where no answer came (x-ms-client-request-id). */
int arm_client_do(struct arm_client *, const struct scope *,
    struct arm_request *, struct arm_answer *, struct err *);

/* What it held is wiped: it may be keys. */
void arm_answer_release(struct arm_answer *);

/* Whether it may be asked for, and so given the token: see arm_host.h. */
bool arm_client_trusts(const struct arm_client *, const char *url);

/* The document as a request's body; it is wiped and deleted. */
void arm_body_take(struct secret *, cJSON *);

#endif

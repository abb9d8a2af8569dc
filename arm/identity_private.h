/*
 * identity_private.h -- what the kinds of identities share; see identity.h.
 *
 * A kind is one function that makes one attempt; identity.c repeats it.
 */
#ifndef ARM_IDENTITY_PRIVATE_H
#define ARM_IDENTITY_PRIVATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/http.h"

#include "arm/identity.h"

struct identity;

/*
 * One attempt.  ERR_TRANSIENT goes again; with err->status 410 for longer than
 * otherwise.
 */
typedef int identity_ask_fn(struct identity *, const struct scope *,
    const char *resource, struct token *, struct err *);

struct identity {
	struct credential base;
	identity_ask_fn *ask;
	struct http *http;
	char *name; /* for errors and for `check` */

	char *client_id, *object_id, *resource_id; /* NULL: not given */
	char *endpoint;	      /* where a token is asked for, without a query */
	struct secret secret; /* also the header that App Service wants */
	char *file;	      /* certificate, or federated token */
	char *arc_dir;

	/* Nobody said that there is one; and whether it was seen. */
	bool guessed;
	atomic_bool found;
};

identity_ask_fn identity_ask_imds, identity_ask_app_service, identity_ask_arc;
identity_ask_fn identity_ask_secret, identity_ask_certificate;
identity_ask_fn identity_ask_federated, identity_ask_token;

/* Decides what AUTO is and takes the rest from the environment. */
int
identity_choose(struct identity *, const struct identity_opts *, struct err *);

int identity_send(struct identity *, const struct scope *,
    struct http_request *, struct http_response *, struct err *);

/* Of a 200 the token, of all else why not; wipes and releases the answer. */
int identity_take(struct identity *, const struct scope *,
    struct http_response *, struct token *, struct err *);
void identity_answer_release(struct http_response *);

/* How a kind calls the three ways to name an identity; NULL: it cannot. */
struct identity_selectors {
	const char *client_id, *object_id, *resource_id;
};

/*
 * A GET to an endpoint of this host or its link, which no proxy may see;
 * release also after a failure.
 */
int identity_local_init(struct http_request *, const struct identity *,
    const char *api_version, const char *resource,
    const struct identity_selectors *, struct err *);
void identity_local_release(struct http_request *);

#endif

/*
 * azure_container.h -- where blobs live, and by what right they are reached.
 */
#ifndef STORAGE_AZURE_CONTAINER_H
#define STORAGE_AZURE_CONTAINER_H

#include <stdbool.h>

#include "base/secret.h"

struct credential;
struct err;
struct hmac;
struct http;
struct http_request;
struct scope;
struct store_opts;
struct url;

#define AZURE_RESOURCE "https://storage.azure.com/"

struct azure_container {
	struct http *http;	       /* borrowed */
	struct credential *credential; /* borrowed; NULL: none */
	struct secret key;	       /* decoded; none: not that way */
	struct hmac *signer;	       /* of the key, made ready */
	struct secret sas;	       /* "sv=...&sig=..." */
	char *account;
	char *name;
	char *prefix; /* "" or "DIR/", not encoded */
	char *url;    /* the container's own; no secret, no slash at its end */
	char *shown;  /* with the prefix: the store's, as it may be shown */
	bool https;
	bool loopback; /* the host is this machine */
};

/*
 * From a URL as in store_open.h; opts' secrets are copied.  ERR_USAGE for a
 * URL that is no container's, that carries a query or a user, for a key that
 * is not base64, and for a SAS or a token that would go out in the clear.
 * Release also after a failure.
 */
int azure_container_init(struct azure_container *, const struct url *,
    const struct store_opts *, struct err *);
void azure_container_release(struct azure_container *);

/* Another container of that account, with the same rights but no SAS, which
 * would not be good for it. */
int azure_container_beside(struct azure_container *,
    const struct azure_container *, const char *name, struct err *);

/*
 * A blob's URL, or with NULL the container's, to be freed; query is encoded
 * and may be NULL.  ERR_USAGE for a name that no URL can carry: empty, too
 * long, or with a "." or ".." between slashes, which URLs drop.
 */
int azure_container_url(const struct azure_container *, const char *blob,
    const char *query, char **url, struct err *);

/* The account's own, to be freed. */
char *
azure_container_account_url(const struct azure_container *, const char *query);

/*
 * Sets what an attempt needs that the one before must not share: the date and
 * the authorization, from the container's key, SAS or credential.  plain is
 * the request's URL without any.
 */
int azure_container_authorize(const struct azure_container *, const char *plain,
    struct http_request *, const struct scope *, struct err *);

#endif

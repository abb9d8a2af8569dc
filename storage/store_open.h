/*
 * store_open.h -- from a URL to the driver that serves it.
 *
 *	file:///DIR
 *	https://ACCOUNT.blob.core.windows.net/CONTAINER[/PREFIX][?SAS]
 *	http://127.0.0.1:10000/ACCOUNT/CONTAINER[/PREFIX]	(Azurite)
 *
 * An https URL whose host is an address or "localhost" is path-style, and so
 * is any when opts say so.
 */
#ifndef STORAGE_STORE_OPEN_H
#define STORAGE_STORE_OPEN_H

#include <stdbool.h>

struct credential;
struct err;
struct http;
struct secret;
struct store;

struct store_opts {
	struct http *http;	       /* borrowed; needed by azure only */
	const struct secret *key;      /* SharedKey, base64 as the portal
					 * shows it; NULL: not that way */
	const struct secret *sas;      /* "sv=...&sig=..."; NULL: none */
	struct credential *credential; /* bearer; borrowed; NULL: none */
	bool path_style;
};

/*
 * The order of authorization is key, sas, credential; none at all means
 * anonymous.  A SAS in the URL is refused with ERR_USAGE: secrets come by
 * reference.  Nothing is contacted.
 */
struct store *
store_open(const char *url, const struct store_opts *, struct err *);

#endif

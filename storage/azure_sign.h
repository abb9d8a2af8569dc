/*
 * azure_sign.h -- SharedKey for Blob, and service SAS made with the key.
 *
 * The layouts are those of x-ms-version 2025-11-05: the string to sign of a
 * request since 2015-02-21 (an empty body has an empty Content-Length), that
 * of a SAS since 2020-12-06.  The service decodes the key before it uses it:
 * keys here are already decoded.
 */
#ifndef STORAGE_AZURE_SIGN_H
#define STORAGE_AZURE_SIGN_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct err;
struct http_request;
struct secret;

#define AZURE_VERSION "2025-11-05"

/*
 * What a request's signature is made of.  account is the one whose key
 * signs; with a path-style URL it stands in the resource twice, as the
 * emulator wants it.  The request must carry x-ms-date.
 */
int azure_string_to_sign(struct buf *, const char *account,
    const struct http_request *, struct err *);

/* Sets Authorization.  Anything that is changed later breaks it. */
int azure_sign(struct http_request *, const char *account,
    const struct secret *key, struct err *);

struct azure_sas {
	const char *account;
	const char *container;
	const char *blob;   /* not encoded */
	int64_t expires_ms; /* wall clock; rounded down to the second */
	bool https_only;
};

/* Adds "sv=...&sig=...": the right to read that blob.  It is a secret. */
int azure_sas_read(struct buf *, const struct azure_sas *,
    const struct secret *key, struct err *);

#endif

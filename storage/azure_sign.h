/*
 * azure_sign.h -- SharedKey for Blob.
 *
 * The layout is that of x-ms-version 2025-11-05, unchanged since 2015-02-21 (an
 * empty body has an empty Content-Length).  The service decodes the key before
 * it uses it: keys here are already decoded.
 */
#ifndef STORAGE_AZURE_SIGN_H
#define STORAGE_AZURE_SIGN_H

struct buf;
struct err;
struct hmac;
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
    const struct hmac *key, struct err *);

/* Adds the base64 of the HMAC-SHA256 of a string to sign. */
void
azure_signature(struct buf *, const struct secret *key, const struct buf *);

#endif

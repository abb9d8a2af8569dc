/* redact.h -- takes secrets out of text that is about to be shown. */
#ifndef BASE_REDACT_H
#define BASE_REDACT_H

#include <stdbool.h>

struct buf;

/*
 * Adds text with the values of sig=, code=, key=, access_token=, password=,
 * client_secret= and the like (also percent-encoded, inside another URL's
 * query, and as "password": "...") and of the headers named by
 * redact_header() replaced by "[redacted]", and the user information of URLs
 * left out.  So are signed tokens ("eyJ..."), wherever they stand.
 */
void redact(struct buf *, const char *text);

/* Whether text holds the secret, which is not empty, or how it begins, as it is
 * or percent-encoded: for a secret that is known, and has no name beside it. */
bool redact_shows(const char *text, const char *secret);

/* Authorization, Proxy-Authorization, Cookie, x-ms-copy-source,
 * x-ms-copy-source-authorization, x-ms-encryption-key, X-IDENTITY-HEADER and
 * their kin, in any case. */
bool redact_header(const char *name);

#endif

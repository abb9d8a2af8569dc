/* redact.h -- takes secrets out of text that is about to be shown. */
#ifndef BASE_REDACT_H
#define BASE_REDACT_H

#include <stdbool.h>

struct buf;

/*
 * Adds text with the values of sig=, code=, access_token=, password= and of
 * the headers named by redact_header() replaced by "[redacted]", and the user
 * information of URLs left out.
 */
void redact(struct buf *, const char *text);

/* Authorization, Proxy-Authorization, Cookie, x-ms-copy-source,
 * x-ms-copy-source-authorization, x-ms-encryption-key, Metadata secrets. */
bool redact_header(const char *name);

#endif

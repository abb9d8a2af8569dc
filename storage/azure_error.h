/*
 * azure_error.h -- what the service's refusals mean, and what to do.
 *
 * The service's own code decides, then the status: the same status stands for
 * a lost lease, a failed condition and a full disk.
 */
#ifndef STORAGE_AZURE_ERROR_H
#define STORAGE_AZURE_ERROR_H

#include <stdbool.h>

struct err;
struct http_response;
struct scope;

/*
 * Fills err from an answer that is no success; what says what was asked
 * ("reading 'a/b' in 'https://...'").  Always -1.  ERR_MISSING is of a blob in a
 * container that is there: a container that is gone must not look like one in
 * which nothing was ever written.
 */
int azure_error(const struct http_response *, const struct scope *,
    const char *what, struct err *);

/* Its code is one that says what it means, whatever the status. */
bool azure_error_is_known(const struct err *);

/* The request may have taken effect all the same. */
bool azure_error_is_ambiguous(const struct err *);

/* The blob is not there; its container is. */
bool azure_error_is_no_blob(const struct err *);

#endif

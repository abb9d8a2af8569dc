/*
 * arm_error.h -- what Azure Resource Manager's refusals mean, and what to do.
 *
 * The status decides on the kind, then the service's own code.  What the
 * service says is shown without secrets (it repeats the SAS that it does not
 * like) and cut short.
 */
#ifndef ARM_ARM_ERROR_H
#define ARM_ARM_ERROR_H

#include <stdbool.h>

#include <cjson/cJSON.h>

struct err;
struct http_headers;
struct http_response;
struct scope;

/*
 * Fills err from an answer that is no success; what says what was asked, in
 * some 120 characters.  request_id as below.  Always -1.
 */
int arm_error(const struct http_response *, const struct scope *,
    const char *what, struct err *);

/*
 * The same of an operation that failed by its status, whose "error" holds the
 * code, or another "error" that does.  status is NULL where there is none.
 * Leaves err->request_id as it is.
 */
int arm_error_told(const cJSON *status, const char *what, struct err *);

/* Whether a service's code, which may be "", is known to speak of the request
 * itself, of its identity, address or time, and so of nothing else. */
bool arm_error_is_of_request(const char *code);

#define ARM_REQUEST_ID_SIZE 64

/* x-ms-correlation-request-id, by which the activity log and the support find
 * it, else x-ms-request-id; without either, out stays as it is. */
void arm_error_request_id(
    const struct http_headers *, char out[ARM_REQUEST_ID_SIZE]);

#endif

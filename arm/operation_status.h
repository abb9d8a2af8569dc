/*
 * operation_status.h -- what an answer says of how an operation goes.
 *
 * Resource Manager's contract: Succeeded, Failed and Canceled are the ends, in
 * any case of letters, and whatever else stands there means that it goes on.
 * By Location the status of the answer tells: 202 means that it goes on.
 */
#ifndef ARM_OPERATION_STATUS_H
#define ARM_OPERATION_STATUS_H

#include <stdbool.h>

struct arm_answer;
struct err;

enum operation_progress { PROGRESS_ON, PROGRESS_DONE, PROGRESS_FAILED };

/* By Azure-AsyncOperation.  Of PROGRESS_FAILED why says what the service does,
 * and what, which names the operation. */
enum operation_progress operation_status_read(
    const struct arm_answer *, const char *what, struct err *why);

/* The same of an answer to a request, or by Location. */
enum operation_progress operation_status_of(
    const struct arm_answer *, const char *what, struct err *why);

/* The address is of no use: forbidden, not found, gone. */
bool operation_status_is_hidden(const struct err *);

/* The service's last word, to a request that is not repeated. */
bool operation_status_is_final(const struct err *);

#endif

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

/*
 * What a refusal of the question says.  A failure of the operation is told by
 * Azure-AsyncOperation with 200; 409 is one nevertheless, as exports and imports
 * were seen to end.  By Location the answer is the operation's own, so an error
 * with a code is its end, unless the code speaks of the request.
 */
bool operation_status_is_final(const struct err *, bool by_location);

/* Neither that nor put off: of no use here, and no word on the operation. */
bool operation_status_is_hidden(const struct err *, bool by_location);

#endif

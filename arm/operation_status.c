#include <stdio.h>
#include <strings.h>

#include "base/err.h"

#include "arm/arm_client.h"
#include "arm/arm_error.h"

#include "arm/operation_status.h"

/* NULL when there is none that is a string. */
static const char *
status_in(const cJSON *body)
{
	const cJSON *status = cJSON_GetObjectItem(body, "status");

	return cJSON_IsString(status) ? status->valuestring : NULL;
}

enum operation_progress
operation_status_read(
    const struct arm_answer *a, const char *what, struct err *why)
{
	const char *status = status_in(a->body);

	if (status == NULL)
		return PROGRESS_ON;
	if (strcasecmp(status, "Succeeded") == 0)
		return PROGRESS_DONE;
	if (strcasecmp(status, "Failed") != 0 &&
	    strcasecmp(status, "Canceled") != 0)
		return PROGRESS_ON;
	*why = (struct err){0};
	snprintf(why->request_id, sizeof(why->request_id), "%s", a->request_id);
	arm_error_told(a->body, what, why);
	if (strcasecmp(status, "Canceled") == 0)
		err_in(why, "it was cancelled");
	return PROGRESS_FAILED;
}

enum operation_progress
operation_status_of(
    const struct arm_answer *a, const char *what, struct err *why)
{
	if (status_in(a->body) != NULL)
		return operation_status_read(a, what, why);
	return a->status == 202 ? PROGRESS_ON : PROGRESS_DONE;
}

/* ERR_UNREACHABLE: for longer than one request waits.  401: by who does not know
 * us any more, which another token mends. */
static bool
is_put_off(const struct err *err)
{
	return err->status == 401 || err->kind == ERR_TRANSIENT ||
	    err->kind == ERR_UNREACHABLE;
}

static bool
is_of_address(const struct err *err)
{
	return err->status == 403 || err->status == 404 || err->status == 410;
}

bool
operation_status_is_final(const struct err *err, bool by_location)
{
	if (err->status / 100 != 4 || is_put_off(err) || is_of_address(err) ||
	    arm_error_is_of_request(err->code))
		return false;
	return err->status == 409 || (by_location && err->code[0] != '\0');
}

bool
operation_status_is_hidden(const struct err *err, bool by_location)
{
	return err->status / 100 == 4 && !is_put_off(err) &&
	    !operation_status_is_final(err, by_location);
}

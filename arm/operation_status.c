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

bool
operation_status_is_hidden(const struct err *err)
{
	return err->status == 403 || err->status == 404 || err->status == 410;
}

bool
operation_status_is_final(const struct err *err)
{
	return err->status / 100 == 4 && err->status != 401 &&
	    err->kind != ERR_TRANSIENT && !operation_status_is_hidden(err);
}

#include "base/err.h"
#include "base/http.h"
#include "base/retry.h"
#include "storage/azure_error.h"
#include "storage/azure_head.h"
#include "storage/azure_props.h"
#include "storage/azure_request.h"
#include "storage/store.h"

#include "storage/azure_landing.h"

/* err stays what it was, unless it landed or nobody knows. */
static int
look(const struct azure_request *r, const struct scope *scope,
    bool (*is_ours)(const void *arg, const struct blob_props *,
	const struct http_headers *),
    const void *arg, struct blob_props *props, struct err *err)
{
	struct http_response response;
	struct err why = *err;
	bool landed;

	if (azure_head(r->container, scope, r->blob, props, &response, err) !=
	    0)
		return azure_request_blame(r, err);
	landed = is_ours(arg, props, &response.headers);
	http_response_release(&response);
	if (!landed) {
		*err = why;
		return -1;
	}
	*err = (struct err){0};
	return 0;
}

int
azure_landing_run(struct azure_request *r, const struct scope *scope,
    bool (*is_ours)(const void *arg, const struct blob_props *,
	const struct http_headers *),
    const void *arg, struct blob_props *props, struct err *err)
{
	struct http_response response;
	struct retry retry;
	bool lost = false;
	int rc;

	/* What libcurl repeats by itself would be lost without our knowing. */
	r->http.fresh_connection = true;
	retry_init(&retry, scope, NULL);
	while (azure_request_once(r, scope, &response, err) != 0) {
		if (lost && err->kind == ERR_CONFLICT)
			return look(r, scope, is_ours, arg, props, err);
		lost = lost || azure_error_is_ambiguous(err);
		if (retry_wait(&retry, err) != 0)
			return -1;
	}
	rc = azure_props_from_headers(props, &response.headers, err);
	http_response_release(&response);
	return rc != 0 ? azure_request_blame(r, err) : 0;
}

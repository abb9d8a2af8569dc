#include <stddef.h>

#include "base/err.h"
#include "base/http.h"
#include "storage/azure_props.h"
#include "storage/azure_request.h"
#include "storage/store.h"

#include "storage/azure_head.h"

int
azure_head(const struct azure_container *c, const struct scope *scope,
    const char *blob, struct blob_props *props, struct http_response *response,
    struct err *err)
{
	struct azure_request r;
	int rc = azure_request_init(
	    &r, c, "HEAD", "asking for", blob, NULL, err);

	if (rc == 0)
		rc = azure_request_do(&r, scope, response, err);
	if (rc == 0) {
		rc = azure_props_from_headers(props, &response->headers, err);
		if (rc != 0) {
			http_response_release(response);
			azure_request_blame(&r, err);
		}
	}
	azure_request_release(&r);
	return rc;
}

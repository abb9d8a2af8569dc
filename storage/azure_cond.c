#include <stddef.h>

#include "base/http.h"
#include "storage/store.h"

#include "storage/azure_cond.h"

void
azure_cond_add(struct http_headers *h, const struct store_cond *cond)
{
	if (cond == NULL)
		return;
	if (cond->if_match != NULL)
		http_headers_set(h, "If-Match", cond->if_match);
	if (cond->if_absent)
		http_headers_set(h, "If-None-Match", "*");
	if (cond->lease_id != NULL)
		http_headers_set(h, "x-ms-lease-id", cond->lease_id);
}

bool
azure_cond_any(const struct store_cond *cond)
{
	return cond != NULL &&
	    (cond->if_match != NULL || cond->if_absent ||
		cond->lease_id != NULL);
}

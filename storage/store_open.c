#include <string.h>

#include "base/err.h"
#include "base/url.h"
#include "storage/store.h"
#include "storage/store_azure.h"
#include "storage/store_file.h"

#include "storage/store_open.h"

static struct store *
open_azure(const struct url *u, const struct store_opts *opts, struct err *err)
{
	if (opts->http == NULL) {
		err_set(err, ERR_USAGE, "no HTTP client was given");
		return NULL;
	}
	return store_azure_open(u, opts, err);
}

struct store *
store_open(const char *text, const struct store_opts *opts, struct err *err)
{
	struct store *store = NULL;
	struct url u;

	if (url_parse(&u, text, err) != 0) {
		err_in(err, "a store's URL");
		return NULL;
	}
	if (strcmp(u.scheme, "file") == 0)
		store = store_file_open(text, err);
	else if (strcmp(u.scheme, "https") == 0 ||
	    strcmp(u.scheme, "http") == 0)
		store = open_azure(&u, opts, err);
	else
		err_set(err, ERR_USAGE,
		    "no store has the scheme '%.20s'; there are file:///DIR "
		    "and https://ACCOUNT.blob.core.windows.net/CONTAINER",
		    u.scheme);
	url_release(&u);
	return store;
}

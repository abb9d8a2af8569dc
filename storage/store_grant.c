#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/url.h"
#include "storage/blob_name.h"

#include "storage/store.h"

int
store_grant_url(const struct store_grant *g, const char *blob,
    const char *snapshot, struct buf *out, struct err *err)
{
	const char *query = strchrnul(g->url, '?');

	if (blob_name_check(blob, err) != 0)
		return -1;
	buf_add(out, g->url, (size_t)(query - g->url));
	url_encode(out, blob, true);
	if (snapshot != NULL) {
		buf_adds(out, "?snapshot=");
		url_encode(out, snapshot, false);
		if (*query == '?')
			buf_addf(out, "&%s", query + 1);
	} else {
		buf_adds(out, query);
	}
	return buf_check(out, "a source's URL", err);
}

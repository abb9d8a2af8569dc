#include <inttypes.h>

#include "base/err.h"
#include "storage/azure_copy_job.h"
#include "storage/azure_held.h"
#include "storage/azure_put_from.h"
#include "storage/azure_request.h"
#include "storage/azure_source.h"
#include "storage/azure_uncommitted.h"
#include "storage/store.h"
#include "storage/store_azure.h"

#include "storage/azure_copy.h"

static int
stage_from(struct store *s, const struct scope *scope, const char *blob,
    const struct block_id *id, const struct store_grant *src,
    const char *src_etag, uint64_t off, uint64_t len, struct err *err)
{
	const struct azure_source source = {
	    .url = src->url,
	    .authorization = src->authorization,
	    .etag = src_etag,
	};
	struct azure_request r;
	int rc;

	if (len == 0 || len > BLOCK_BYTES_MAX)
		return err_set(err, ERR_USAGE,
		    "a block has 1 to %" PRIu64 " bytes, not %" PRIu64,
		    BLOCK_BYTES_MAX, len);
	rc = azure_request_block(&r, store_azure_container(s),
	    "staging from a URL a block of", blob, id, err);
	if (rc == 0)
		rc = azure_source_add(&r.http.headers, &source, err);
	if (rc == 0) {
		azure_source_add_range(&r.http.headers, off, len);
		azure_held_add(store_azure_held(s), blob, &r.http.headers);
		r.judge = azure_source_judge;
		rc = azure_request_run(&r, scope, err);
	}
	azure_request_release(&r);
	return rc;
}

const struct store_copy_ops azure_copy_ops = {
    .put_begin = azure_put_begin,
    .put_end = azure_put_end,
    .start = azure_copy_start,
    .poll = azure_copy_poll,
    .abort = azure_copy_abort,
    .staged = azure_uncommitted,
    .stage_from = stage_from,
};

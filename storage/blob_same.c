#include <string.h>

#include "base/err.h"
#include "base/flow.h"
#include "base/relay.h"
#include "base/sink.h"
#include "storage/blob_reader.h"
#include "storage/digest_tap.h"
#include "storage/store.h"

#include "storage/blob_same.h"

static int
read_sha(const struct blob_side *b, struct budget *budget,
    const struct scope *scope, unsigned char sha[SHA256_BYTES], struct err *err)
{
	struct blob_reader_opts opts = {.budget = budget};
	struct flow *flow = flow_new(scope);
	struct sink *digest = digest_tap_new();
	uint64_t bytes;
	int rc;

	flow_append(flow, digest);
	flow_append(flow, null_sink_new());
	rc = blob_read(b->store, b->name, b->props->etag, 0, b->props->size,
	    flow_scope(flow), &opts, digest, err);
	if (rc == 0)
		rc = sink_finish(digest, err);
	if (rc == 0)
		digest_tap_get(digest, sha, &bytes);
	flow_free(flow);
	return rc == 0 ? 0 : err_in(err, "reading '%s'", b->name);
}

int
blob_same(const struct blob_side *a, const struct blob_side *b,
    struct budget *budget, const struct scope *scope, bool *same,
    struct err *err)
{
	unsigned char ours[SHA256_BYTES], theirs[SHA256_BYTES];

	*same = false;
	if (a->props->size != b->props->size)
		return 0;
	if (a->props->has_md5 && b->props->has_md5) {
		*same = memcmp(a->props->md5, b->props->md5,
			    sizeof(a->props->md5)) == 0;
		return 0;
	}
	if (read_sha(a, budget, scope, ours, err) != 0 ||
	    read_sha(b, budget, scope, theirs, err) != 0)
		return -1;
	*same = memcmp(ours, theirs, sizeof(ours)) == 0;
	return 0;
}

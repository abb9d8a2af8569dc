#include <stdbool.h>
#include <string.h>

#include "base/err.h"
#include "base/flow.h"
#include "base/relay.h"
#include "base/sink.h"
#include "storage/blob_reader.h"
#include "storage/digest_tap.h"
#include "storage/store.h"

#include "storage/blob_same.h"

/* All of its bytes through that tap, which is the flow's then. */
static int
read_through(const struct blob_side *b, struct flow *flow, struct sink *tap,
    struct budget *budget, struct err *err)
{
	struct blob_reader_opts opts = {.budget = budget};

	flow_append(flow, tap);
	flow_append(flow, null_sink_new());
	if (blob_read(b->store, b->name, b->props->etag, 0, b->props->size,
		flow_scope(flow), &opts, tap, err) != 0 ||
	    sink_finish(tap, err) != 0)
		return err_in(err, "reading '%s'", b->name);
	return 0;
}

static int
read_sha(const struct blob_side *b, struct budget *budget,
    const struct scope *scope, unsigned char sha[SHA256_BYTES], struct err *err)
{
	struct flow *flow = flow_new(scope);
	struct sink *tap = digest_tap_new();
	int rc = read_through(b, flow, tap, budget, err);

	if (rc == 0)
		digest_tap_get(tap, sha, NULL);
	flow_free(flow);
	return rc;
}

static int
read_md5(const struct blob_side *b, struct budget *budget,
    const struct scope *scope, unsigned char sum[MD5_BYTES], struct err *err)
{
	struct flow *flow = flow_new(scope);
	struct sink *tap = digest_tap_new_md5();
	int rc = read_through(b, flow, tap, budget, err);

	if (rc == 0)
		digest_tap_get_md5(tap, sum, NULL);
	flow_free(flow);
	return rc;
}

static bool
may_be_same(const struct blob_props *a, const struct blob_props *copy)
{
	if (a->size != copy->size)
		return false;
	return !a->has_md5 || !copy->has_md5 ||
	    memcmp(a->md5, copy->md5, MD5_BYTES) == 0;
}

int
blob_same(const struct blob_side *a, const struct blob_side *copy,
    struct budget *budget, const struct scope *scope, bool *same,
    struct err *err)
{
	unsigned char ours[SHA256_BYTES], theirs[SHA256_BYTES];
	unsigned char sum[MD5_BYTES];

	*same = false;
	if (!may_be_same(a->props, copy->props))
		return 0;
	if (a->props->has_md5) {
		if (read_md5(copy, budget, scope, sum, err) != 0)
			return -1;
		*same = memcmp(a->props->md5, sum, sizeof(sum)) == 0;
		return 0;
	}
	if (read_sha(a, budget, scope, ours, err) != 0 ||
	    read_sha(copy, budget, scope, theirs, err) != 0)
		return -1;
	*same = memcmp(ours, theirs, sizeof(ours)) == 0;
	return 0;
}

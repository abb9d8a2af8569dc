#include <string.h>

#include "base/err.h"
#include "base/flow.h"
#include "base/sink.h"
#include "storage/blob_reader.h"
#include "storage/blob_writer.h"
#include "storage/digest_tap.h"

#include "storage/ladder_private.h"

static void
report(void *arg, uint64_t done)
{
	struct climb *c = arg;

	c->result->streamed = done;
	ladder_progress(c, done);
}

/* Read, and write what was read; not committed yet. */
static int
pump(struct climb *c, struct flow *f, struct sink *tap, struct sink **writer,
    struct err *err)
{
	const struct ladder *l = c->l;
	const struct ladder_job *job = c->job;
	const struct blob_writer_opts wopts = {
	    .block_size = l->block_size,
	    .in_flight = l->in_flight,
	    .size = job->src->size,
	    .budget = l->budget,
	};
	const struct blob_reader_opts ropts = {
	    .in_flight = l->in_flight,
	    .budget = l->budget,
	    .progress = report,
	    .progress_arg = c,
	};
	const struct scope *scope = flow_scope(f);

	*writer = blob_writer_new(l->to, job->dst_name, scope, &wopts, err);
	if (flow_append(f, tap) != 0 || flow_append(f, *writer) != 0)
		return -1;
	if (blob_read(l->from, job->src_name, job->src->etag, 0, job->src->size,
		scope, &ropts, flow_head(f), err) != 0)
		return flow_failed(f, err);
	if (sink_finish(flow_head(f), err) != 0)
		return flow_failed(f, err);
	return 0;
}

static int
check_sum(const struct climb *c, const unsigned char *sum, struct err *err)
{
	const struct blob_props *src = c->job->src;

	if (src->has_md5 && memcmp(sum, src->md5, MD5_BYTES) != 0)
		return err_set(err, ERR_CORRUPT,
		    "what was read of '%.200s' does not have the MD5 that its "
		    "store tells",
		    c->job->src_name);
	return 0;
}

static int
copy_through_us(struct climb *c, struct err *err)
{
	struct flow *f = flow_new(c->scope);
	struct sink *tap = digest_tap_new_md5();
	unsigned char sum[MD5_BYTES];
	struct commit_opts opts;
	struct sink *writer;
	int failed = pump(c, f, tap, &writer, err);

	if (!failed) {
		digest_tap_get_md5(tap, sum, NULL);
		failed = check_sum(c, sum, err);
	}
	if (!failed) {
		ladder_commit_opts(c, &opts);
		opts.md5 = sum;
		failed = blob_writer_commit(
		    writer, c->scope, &opts, &c->result->props, err);
	}
	flow_free(f);
	return failed;
}

int
ladder_stream(struct climb *c, struct err *err)
{
	if (c->job->src_snapshot != NULL)
		return err_set(err, ERR_UNSUPPORTED,
		    "a snapshot can be copied by the service alone");
	if (copy_through_us(c, err) != 0)
		return -1;
	return ladder_verify(c, &c->result->props, err);
}

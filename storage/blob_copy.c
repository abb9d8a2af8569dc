#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/flow.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "storage/blob_reader.h"
#include "storage/blob_writer.h"
#include "storage/digest_tap.h"
#include "storage/range_copy.h"
#include "storage/store_commit.h"

#include "storage/blob_copy.h"

#define BLOCK_SIZE_DEFAULT ((size_t)8 << 20)
#define MIB		   ((uint64_t)1 << 20)
#define IN_FLIGHT_DEFAULT  4

struct copy {
	struct range_copy what;
	const struct blob_copy_opts *opts;
	const struct scope *scope;
	struct commit_opts commit;
	struct blob_copy_result *result;
};

/* What 50,000 blocks of it hold is enough, in whole MiB. */
static size_t
choose_block_size(size_t wanted, uint64_t size)
{
	uint64_t least = size / BLOCKS_MAX + 1;
	uint64_t block = wanted != 0 ? wanted : BLOCK_SIZE_DEFAULT;

	if (block < least)
		block = (least + MIB - 1) / MIB * MIB;
	return (size_t)block;
}

/*
 * What the commit would refuse is refused before terabytes were copied.
 */
static int
check_destination(const struct copy *c, struct err *err)
{
	const char *expected = c->opts->replace_etag;
	struct store *to = c->what.to;
	struct blob_props there;

	if (to->ops->stat(to, c->scope, c->what.dst_name, &there, err) != 0) {
		if (err->kind != ERR_MISSING)
			return -1;
		*err = (struct err){0};
		if (expected == NULL)
			return 0;
		return err_set(err, ERR_CONFLICT,
		    "'%.200s' is no longer there to be replaced",
		    c->what.dst_name);
	}
	if (expected == NULL)
		return err_set(err, ERR_CONFLICT, "'%.200s' is there already",
		    c->what.dst_name);
	if (strcmp(expected, there.etag) != 0)
		return err_set(err, ERR_CONFLICT,
		    "'%.200s' was changed by another", c->what.dst_name);
	return 0;
}

static int
copy_on_server(struct copy *c, struct err *err)
{
	const struct range_copy *rc = &c->what;
	size_t n = range_copy_blocks(rc);
	struct block_id *ids = xcalloc(n + 1, sizeof(*ids));
	struct commit_plan plan = {
	    .ids = ids,
	    .n = n,
	    .size = rc->src->size,
	    .opts = &c->commit,
	};
	int failed;

	range_copy_ids(rc, ids);
	if (rc->src->has_md5)
		c->commit.md5 = rc->src->md5;
	failed = range_copy_stage(rc, ids, c->scope, err);
	if (!failed)
		failed = store_commit(rc->to, c->scope, rc->dst_name, &plan,
		    &c->result->props, err);
	if (failed && n > 0)
		rc->to->ops->discard(rc->to, rc->dst_name, ids, n);
	free(ids);
	return failed;
}

static void
report_streamed(void *arg, uint64_t done)
{
	const struct range_copy *rc = arg;

	rc->progress(rc->progress_arg, done, rc->src->size);
}

/* Read, and write what was read; not committed yet. */
static int
pump(struct copy *c, struct flow *f, struct sink *tap, struct sink **writer,
    struct err *err)
{
	struct range_copy *rc = &c->what;
	const struct blob_writer_opts wopts = {
	    .block_size = c->opts->block_size,
	    .in_flight = rc->in_flight,
	    .size = rc->src->size,
	    .budget = c->opts->budget,
	};
	const struct blob_reader_opts ropts = {
	    .in_flight = rc->in_flight,
	    .budget = c->opts->budget,
	    .progress = rc->progress != NULL ? report_streamed : NULL,
	    .progress_arg = rc,
	};
	const struct scope *scope = flow_scope(f);

	*writer = blob_writer_new(rc->to, rc->dst_name, scope, &wopts, err);
	if (flow_append(f, tap) != 0 || flow_append(f, *writer) != 0)
		return -1;
	if (blob_read(rc->from, rc->src_name, rc->src->etag, 0, rc->src->size,
		scope, &ropts, flow_head(f), err) != 0)
		return flow_failed(f, err);
	if (sink_finish(flow_head(f), err) != 0)
		return flow_failed(f, err);
	return 0;
}

static int
copy_through_us(struct copy *c, struct err *err)
{
	const struct range_copy *rc = &c->what;
	struct flow *f = flow_new(c->scope);
	struct sink *tap = digest_tap_new_md5();
	unsigned char sum[MD5_BYTES];
	struct sink *writer;
	int failed = pump(c, f, tap, &writer, err);

	if (!failed) {
		digest_tap_get_md5(tap, sum, NULL);
		if (rc->src->has_md5 &&
		    memcmp(sum, rc->src->md5, MD5_BYTES) != 0)
			failed = err_set(err, ERR_CORRUPT,
			    "what was read of '%.200s' does not have the MD5 "
			    "that its store tells",
			    rc->src_name);
	}
	if (!failed) {
		c->commit.md5 = sum;
		failed = blob_writer_commit(
		    writer, c->scope, &c->commit, &c->result->props, err);
		c->commit.md5 = NULL;
	}
	flow_free(f);
	return failed;
}

/* NULL, or why the server cannot be asked at all. */
static const char *
no_server_way(const struct range_copy *rc)
{
	if ((rc->to->ops->caps & STORE_CAP_COPY_FROM_URL) == 0)
		return "the destination has no server-side copy";
	if ((rc->from->ops->caps & STORE_CAP_GRANT) == 0)
		return "the source cannot let another service read it";
	return NULL;
}

static int
copy_either_way(struct copy *c, struct err *err)
{
	struct blob_copy_result *result = c->result;
	const char *no = no_server_way(&c->what);

	if (no == NULL) {
		result->way = COPY_WAY_SERVER;
		if (copy_on_server(c, err) == 0)
			return 0;
		if (err->kind != ERR_UNSUPPORTED)
			return -1;
		no = err->text;
	}
	result->way = COPY_WAY_STREAMED;
	snprintf(result->why, sizeof(result->why), "%.*s",
	    (int)sizeof(result->why) - 1, no);
	*err = (struct err){0};
	c->commit.md5 = NULL;
	return copy_through_us(c, err);
}

/* Said of what is seen there, not of what we believe to have sent. */
static int
verify(struct copy *c, struct err *err)
{
	const struct range_copy *rc = &c->what;
	struct blob_props *made = &c->result->props;
	struct blob_props seen;

	if (rc->to->ops->stat(rc->to, c->scope, rc->dst_name, &seen, err) != 0)
		return err_in(err, "looking at the copy");
	if (strcmp(seen.etag, made->etag) != 0)
		return err_set(err, ERR_CONFLICT,
		    "'%.200s' was changed by another while it was copied",
		    rc->dst_name);
	if (seen.size != rc->src->size)
		return err_set(err, ERR_CORRUPT,
		    "the copy '%.200s' has %" PRIu64
		    " bytes, the source %" PRIu64,
		    rc->dst_name, seen.size, rc->src->size);
	if (seen.has_md5 && rc->src->has_md5 &&
	    memcmp(seen.md5, rc->src->md5, MD5_BYTES) != 0)
		return err_set(err, ERR_CORRUPT,
		    "the copy '%.200s' does not have the source's MD5",
		    rc->dst_name);
	*made = seen;
	return 0;
}

int
blob_copy(struct store *from, const char *src_name,
    const struct blob_props *src, struct store *to, const char *dst_name,
    const struct scope *scope, const struct blob_copy_opts *opts,
    struct blob_copy_result *result, struct err *err)
{
	struct copy c = {
	    .what =
		{
		    .from = from,
		    .src_name = src_name,
		    .src = src,
		    .to = to,
		    .dst_name = dst_name,
		    .block_size = choose_block_size(
			opts->block_size, src->size),
		    .in_flight = opts->in_flight != 0 ? opts->in_flight
						      : IN_FLIGHT_DEFAULT,
		    .progress = opts->progress,
		    .progress_arg = opts->progress_arg,
		},
	    .opts = opts,
	    .scope = scope,
	    .commit.cond.if_match = opts->replace_etag,
	    .commit.cond.if_absent = opts->replace_etag == NULL,
	    .commit.content_type = src->content_type,
	    .result = result,
	};

	*result = (struct blob_copy_result){.way = COPY_WAY_SERVER};
	if (src->content_type[0] == '\0')
		c.commit.content_type = NULL;
	if (check_destination(&c, err) != 0 || copy_either_way(&c, err) != 0 ||
	    verify(&c, err) != 0)
		return err_in(err, "copying '%.200s'", src_name);
	return 0;
}

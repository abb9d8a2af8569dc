#include <stdlib.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "storage/range_copy.h"
#include "storage/store_commit.h"

#include "storage/ladder_private.h"

#define BLOCK_SIZE_DEFAULT ((uint64_t)8 << 20)
#define MIB		   ((uint64_t)1 << 20)
#define IN_FLIGHT_DEFAULT  4

/* What 50,000 blocks of it hold is enough, in whole MiB. */
static size_t
choose_block_size(uint64_t wanted, uint64_t size)
{
	uint64_t least = size / BLOCKS_MAX + 1;
	uint64_t block = wanted != 0 ? wanted : BLOCK_SIZE_DEFAULT;

	if (block < least)
		block = (least + MIB - 1) / MIB * MIB;
	return (size_t)block;
}

/* Those of an earlier try are not asked for again. */
static int
look_for_staged(const struct range_copy *rc, struct climb *c,
    const struct block_id *ids, size_t n, bool *there, struct err *err)
{
	struct store *to = rc->to;

	if (n < 2)
		return 0;
	COUNT(c);
	if (to->ops->copy->staged(
		to, c->scope, rc->dst_name, ids, n, there, err) == 0)
		return 0;
	if (err->kind != ERR_UNSUPPORTED)
		return err_in(err, "looking for blocks of an earlier try");
	*err = (struct err){0};
	return 0;
}

static int
stage_and_commit(const struct range_copy *rc, struct climb *c,
    struct block_id *ids, bool *there, struct err *err)
{
	const struct blob_props *src = c->job->src;
	struct commit_opts opts;
	struct commit_plan plan = {
	    .ids = ids,
	    .n = range_copy_blocks(rc),
	    .size = src->size,
	    .opts = &opts,
	};

	ladder_commit_opts(c, &opts);
	if (src->has_md5)
		opts.md5 = src->md5;
	range_copy_ids(rc, ids);
	if (look_for_staged(rc, c, ids, plan.n, there, err) != 0 ||
	    range_copy_stage(rc, ids, there, c->scope, err) != 0)
		return -1;
	COUNT(c);
	return store_commit(
	    rc->to, c->scope, rc->dst_name, &plan, &c->result->props, err);
}

/* Whether another try could go on from what was staged. */
static bool
may_go_on(const struct err *err)
{
	return err->kind != ERR_UNSUPPORTED && err->kind != ERR_CONFLICT &&
	    err->kind != ERR_CORRUPT;
}

static int
copy_blocks(const struct range_copy *rc, struct climb *c, struct err *err)
{
	size_t n = range_copy_blocks(rc);
	struct block_id *ids = xcalloc(n + 1, sizeof(*ids));
	bool *there = xcalloc(n + 1, sizeof(*there));
	int failed = stage_and_commit(rc, c, ids, there, err);

	if (failed && n > 0 && !may_go_on(err))
		rc->to->ops->discard(rc->to, rc->dst_name, ids, n);
	free(there);
	free(ids);
	return failed;
}

int
ladder_blocks(struct climb *c, struct err *err)
{
	const struct ladder *l = c->l;
	const struct ladder_job *job = c->job;
	const struct range_copy rc = {
	    .from = l->from,
	    .src_name = job->src_name,
	    .src_snapshot = job->src_snapshot,
	    .src = job->src,
	    .to = l->to,
	    .dst_name = job->dst_name,
	    .grants = c->grants,
	    .requests = &c->requests,
	    .block_size = choose_block_size(l->block_size, job->src->size),
	    .in_flight = l->in_flight != 0 ? l->in_flight : IN_FLIGHT_DEFAULT,
	    .progress = job->progress,
	    .progress_arg = job->progress_arg,
	};
	int failed;

	if (ladder_book_begin(c, err) != 0)
		return -1;
	failed = copy_blocks(&rc, c, err);
	if (!failed)
		failed = ladder_verify(c, &c->result->props, err);
	return ladder_book_end(c, failed, err);
}

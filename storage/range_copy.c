#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "storage/blob_ladder.h"
#include "storage/crew.h"
#include "storage/store.h"

#include "storage/range_copy.h"

struct run;

struct range {
	struct crew_job job;
	struct run *run;
	size_t index;
};

struct run {
	const struct range_copy *rc;
	const struct block_id *ids;
	const bool *there;
	pthread_mutex_t lock; /* guards done */
	uint64_t done;
};

size_t
range_copy_blocks(const struct range_copy *rc)
{
	uint64_t size = rc->src->size;

	return size == 0 ? 0 : (size_t)((size - 1) / rc->block_size + 1);
}

void
range_copy_ids(const struct range_copy *rc, struct block_id *ids)
{
	struct digest *d = digest_new(DIGEST_SHA256);
	const uint64_t sizes[2] = {rc->src->size, rc->block_size};
	unsigned char sum[SHA256_BYTES];
	char hex[2 * 8 + 1];

	/* Each string with its NUL, so that no two sources read alike. */
	digest_update(d, rc->from->url, strlen(rc->from->url) + 1);
	digest_update(d, rc->src_name, strlen(rc->src_name) + 1);
	digest_update(d, rc->src->etag, strlen(rc->src->etag) + 1);
	digest_update(d, sizes, sizeof(sizes));
	digest_final(d, sum);
	digest_free(d);
	hex_encode(sum, 8, hex);
	for (size_t i = 0; i < range_copy_blocks(rc); i++)
		snprintf(
		    ids[i].hex, sizeof(ids[i].hex), "%s%08x", hex, (unsigned)i);
}

static uint64_t
range_len(const struct range_copy *rc, size_t i)
{
	uint64_t left = rc->src->size - (uint64_t)i * rc->block_size;

	return left < rc->block_size ? left : rc->block_size;
}

static void
report(struct run *run, uint64_t len)
{
	const struct range_copy *rc = run->rc;

	/* Under the lock, so that what is told never goes back. */
	pthread_mutex_lock(&run->lock);
	run->done += len;
	if (rc->progress != NULL)
		rc->progress(rc->progress_arg, run->done, rc->src->size);
	pthread_mutex_unlock(&run->lock);
}

static int
stage_range(
    struct run *run, size_t i, const struct scope *scope, struct err *err)
{
	const struct range_copy *rc = run->rc;
	uint64_t off = (uint64_t)i * rc->block_size, len = range_len(rc, i);
	struct store_grant grant;
	int failed;

	if (ladder_grants_blob(rc->grants, scope, false, rc->src_name,
		rc->src_snapshot, &grant, err) != 0)
		return -1;
	atomic_fetch_add(rc->requests, 1);
	failed = rc->to->ops->copy->stage_from(rc->to, scope, rc->dst_name,
	    &run->ids[i], &grant, rc->src->etag, off, len, err);
	store_grant_release(&grant);
	if (failed && err->kind == ERR_UNSUPPORTED)
		return -1;
	if (failed)
		return err_in(
		    err, "bytes %" PRIu64 " to %" PRIu64, off, off + len - 1);
	report(run, len);
	return 0;
}

static int
run_range(struct crew_job *job, const struct scope *scope, struct err *err)
{
	struct range *r = (struct range *)job;

	return stage_range(r->run, r->index, scope, err);
}

/* From the first-th on. */
static int
stage_rest(struct run *run, size_t first, size_t n, const struct scope *scope,
    struct err *err)
{
	unsigned in_flight = run->rc->in_flight;
	struct crew *crew = crew_new(scope, in_flight);
	struct range *ranges = xcalloc(in_flight, sizeof(*ranges));
	int rc = 0;

	for (size_t i = first; rc == 0 && i < n; i++) {
		unsigned k = 0;

		if (run->there[i])
			continue;
		rc = crew_wait_below(crew, in_flight, err);
		if (rc != 0)
			break;
		while (crew_busy(crew, &ranges[k].job))
			k++;
		ranges[k].job.run = run_range;
		ranges[k].run = run;
		ranges[k].index = i;
		rc = crew_submit(crew, &ranges[k].job, err);
	}
	if (rc == 0)
		rc = crew_wait_below(crew, 1, err);
	crew_free(crew);
	free(ranges);
	return rc;
}

/* The first that is not there, or n; those that are, are told as done. */
static size_t
count_there(struct run *run, size_t n)
{
	uint64_t len = 0;
	size_t first = n;

	for (size_t i = n; i-- > 0;) {
		if (run->there[i])
			len += range_len(run->rc, i);
		else
			first = i;
	}
	if (len > 0)
		report(run, len);
	return first;
}

int
range_copy_stage(const struct range_copy *rc, const struct block_id *ids,
    const bool *there, const struct scope *scope, struct err *err)
{
	struct run run = {
	    .rc = rc,
	    .ids = ids,
	    .there = there,
	    .lock = PTHREAD_MUTEX_INITIALIZER,
	};
	size_t n = range_copy_blocks(rc), first = count_there(&run, n);
	int failed = 0;

	if (first < n)
		failed = stage_range(&run, first, scope, err);
	if (!failed && first + 1 < n)
		failed = stage_rest(&run, first + 1, n, scope, err);
	pthread_mutex_destroy(&run.lock);
	return failed;
}

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "storage/crew.h"
#include "storage/store.h"

#include "storage/range_copy.h"

/* A grant is asked for an hour, and again when a quarter of it is left. */
#define GRANT_MS (INT64_C(3600) * 1000)

struct run;

struct range {
	struct crew_job job;
	struct run *run;
	size_t index;
};

struct run {
	const struct range_copy *rc;
	const struct block_id *ids;
	pthread_mutex_t lock; /* guards grant and done */
	struct store_grant grant;
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

/* The lock is held. */
static int
renew_grant(struct run *run, const struct scope *scope, struct err *err)
{
	const struct range_copy *rc = run->rc;

	if (run->grant.url != NULL &&
	    run->grant.expires_ms - scope_wall_ms(scope) > GRANT_MS / 4)
		return 0;
	store_grant_release(&run->grant);
	if (rc->from->ops->grant->read(
		rc->from, scope, rc->src_name, GRANT_MS, &run->grant, err) != 0)
		return err_in(err, "a grant to read '%s'", rc->src_name);
	return 0;
}

/* A copy of one's own: the run's may be renewed by another thread. */
static int
take_grant(struct run *run, const struct scope *scope, struct store_grant *mine,
    struct err *err)
{
	int rc;

	pthread_mutex_lock(&run->lock);
	rc = renew_grant(run, scope, err);
	if (rc == 0) {
		const struct store_grant *g = &run->grant;

		*mine = *g;
		mine->url = xstrdup(g->url);
		if (g->authorization != NULL)
			mine->authorization = xstrdup(g->authorization);
	}
	pthread_mutex_unlock(&run->lock);
	return rc;
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
	uint64_t off = (uint64_t)i * rc->block_size;
	uint64_t left = rc->src->size - off;
	uint64_t len = left < rc->block_size ? left : rc->block_size;
	struct store_grant grant;
	int failed;

	if (take_grant(run, scope, &grant, err) != 0)
		return -1;
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

/* All but the first. */
static int
stage_rest(
    struct run *run, size_t n, const struct scope *scope, struct err *err)
{
	unsigned in_flight = run->rc->in_flight;
	struct crew *crew = crew_new(scope, in_flight);
	struct range *ranges = xcalloc(in_flight, sizeof(*ranges));
	int rc = 0;

	for (size_t i = 1; rc == 0 && i < n; i++) {
		unsigned k = 0;

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

int
range_copy_stage(const struct range_copy *rc, const struct block_id *ids,
    const struct scope *scope, struct err *err)
{
	struct run run = {
	    .rc = rc,
	    .ids = ids,
	    .lock = PTHREAD_MUTEX_INITIALIZER,
	};
	size_t n = range_copy_blocks(rc);
	int failed = 0;

	if (n > 0)
		failed = stage_range(&run, 0, scope, err);
	if (!failed && n > 1)
		failed = stage_rest(&run, n, scope, err);
	store_grant_release(&run.grant);
	pthread_mutex_destroy(&run.lock);
	return failed;
}

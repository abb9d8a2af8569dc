#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/chunk.h"
#include "base/digest.h"
#include "base/err.h"

#include "storage/ladder_private.h"

/* One piece after the other: these blobs are rare, and so is this way. */
struct carrying {
	struct climb *c;
	struct budget *share;
	struct digest *sum; /* NULL: the source tells none */
	uint64_t at;	    /* up to where it was summed */
};

static void
sum_hole(struct carrying *k, uint64_t until)
{
	static const unsigned char zeros[4096];

	while (k->sum != NULL && k->at < until) {
		uint64_t left = until - k->at;
		size_t n = left < sizeof(zeros) ? (size_t)left : sizeof(zeros);

		digest_update(k->sum, zeros, n);
		k->at += n;
	}
	k->at = until;
}

static int
carry(struct carrying *k, uint64_t off, size_t len, struct err *err)
{
	const struct ladder_job *job = k->c->job;
	struct store *from = k->c->l->from, *to = k->c->l->to;
	const struct scope *scope = k->c->scope;
	struct chunk *chunk = chunk_new(k->share, len, scope, err);
	int rc;

	if (chunk == NULL)
		return -1;
	COUNT(k->c);
	rc = from->ops->read(from, scope, job->src_name, job->src->etag, off,
	    chunk_room(chunk), len, err);
	chunk_set_len(chunk, len);
	if (rc == 0) {
		sum_hole(k, off);
		if (k->sum != NULL)
			digest_update(k->sum, chunk->data, len);
		k->at = off + len;
		COUNT(k->c);
		rc = to->ops->kinds->write(
		    to, scope, job->dst_name, job->src->type, off, chunk, err);
	}
	chunk_unref(chunk);
	k->c->result->streamed += len;
	ladder_progress(k->c, off + len);
	return rc;
}

static int
carry_range(struct carrying *k, const struct blob_range *r, struct err *err)
{
	const uint64_t step = ladder_in_place_step(k->c);

	for (uint64_t at = 0; at < r->len; at += step) {
		uint64_t left = r->len - at;

		if (carry(k, r->off + at, (size_t)(left < step ? left : step),
			err) != 0)
			return -1;
	}
	return 0;
}

static int
carry_all(struct carrying *k, struct err *err)
{
	struct blob_range *ranges;
	size_t n;
	int rc = 0;

	if (ladder_in_place_ranges(k->c, &ranges, &n, err) != 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = carry_range(k, &ranges[i], err);
	free(ranges);
	return rc;
}

static int
check_sum(struct carrying *k, struct err *err)
{
	const struct blob_props *src = k->c->job->src;
	unsigned char sum[MD5_BYTES];

	if (k->sum == NULL)
		return 0;
	sum_hole(k, src->size);
	digest_final(k->sum, sum);
	if (memcmp(sum, src->md5, MD5_BYTES) == 0)
		return 0;
	return err_set(err, ERR_CORRUPT,
	    "what was read of '%.200s' does not have the MD5 that its store "
	    "tells",
	    k->c->job->src_name);
}

static int
fill(struct climb *c, struct err *err)
{
	struct carrying k = {.c = c};
	int rc = -1;

	k.share = budget_carve(
	    c->l->budget, (size_t)ladder_in_place_step(c), err);
	if (k.share == NULL)
		return -1;
	if (c->job->src->has_md5)
		k.sum = digest_new(DIGEST_MD5);
	if (carry_all(&k, err) == 0)
		rc = check_sum(&k, err);
	if (k.sum != NULL)
		digest_free(k.sum);
	budget_free(k.share);
	return rc;
}

int
ladder_stream_kind(struct climb *c, struct err *err)
{
	if (c->job->src_snapshot != NULL)
		return err_set(err, ERR_UNSUPPORTED,
		    "a snapshot can be copied by the service alone");
	return ladder_in_place(c, fill, err);
}

#include <stdlib.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "storage/crew.h"

#include "storage/ladder_private.h"

#define IN_FLIGHT_DEFAULT 4

struct piece {
	struct crew_job job;
	struct climb *c;
	uint64_t off, len;
};

static int
write_piece(struct crew_job *job, const struct scope *scope, struct err *err)
{
	struct piece *p = (struct piece *)job;
	struct climb *c = p->c;
	struct store *to = c->l->to;
	struct store_grant grant;
	struct put_from what;
	int rc;

	if (ladder_grants_blob(c->grants, scope, false, c->job->src_name,
		c->job->src_snapshot, &grant, err) != 0)
		return -1;
	ladder_put_from(c, &grant, &what);
	what.src_md5 = NULL; /* it is that of the whole */
	COUNT(c);
	rc = to->ops->kinds->write_from(to, scope, c->job->dst_name,
	    c->job->src->type, p->off, p->len, &what, err);
	store_grant_release(&grant);
	return rc;
}

struct pieces_out {
	struct climb *c;
	struct crew *crew;
	struct piece *pieces;
	unsigned n; /* at once */
};

/* Waits until there is room for it. */
static int
send_piece(struct pieces_out *out, uint64_t off, uint64_t len, struct err *err)
{
	unsigned k = 0;

	if (crew_wait_below(out->crew, out->n, err) != 0)
		return -1;
	while (crew_busy(out->crew, &out->pieces[k].job))
		k++;
	out->pieces[k].job.run = write_piece;
	out->pieces[k].c = out->c;
	out->pieces[k].off = off;
	out->pieces[k].len = len;
	return crew_submit(out->crew, &out->pieces[k].job, err);
}

static int
send_range(struct pieces_out *out, const struct blob_range *r, struct err *err)
{
	const uint64_t step = ladder_in_place_step(out->c);

	for (uint64_t at = 0; at < r->len; at += step) {
		uint64_t left = r->len - at;

		if (send_piece(
			out, r->off + at, left < step ? left : step, err) != 0)
			return -1;
		ladder_progress(out->c, r->off + at);
	}
	return 0;
}

static int
send_all(struct pieces_out *out, struct err *err)
{
	struct blob_range *ranges;
	size_t n;
	int rc = 0;

	if (ladder_in_place_ranges(out->c, &ranges, &n, err) != 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = send_range(out, &ranges[i], err);
	if (rc == 0)
		rc = crew_wait_below(out->crew, 1, err);
	free(ranges);
	return rc;
}

/* Pages in any order; what is appended, one after the other. */
static int
fill(struct climb *c, struct err *err)
{
	unsigned most = c->l->in_flight != 0 ? c->l->in_flight
					     : IN_FLIGHT_DEFAULT;
	struct pieces_out out = {
	    .c = c,
	    .n = c->job->src->type == BLOB_PAGE ? most : 1,
	};
	int rc;

	out.crew = crew_new(c->scope, out.n);
	out.pieces = xcalloc(out.n, sizeof(*out.pieces));
	rc = send_all(&out, err);
	crew_free(out.crew);
	free(out.pieces);
	return rc;
}

int
ladder_ranges(struct climb *c, struct err *err)
{
	return ladder_in_place(c, fill, err);
}

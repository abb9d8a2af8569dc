/*
 * Many Put Blob From URL under way at once, begun and ended by the run's
 * thread.  An answer that tells the source's MD5 is all that is needed; any
 * other leaves the rest to the crew, which looks.
 */
#include <string.h>

#include "storage/replicate_private.h"

bool
small_is(const struct run *r, const struct work *w)
{
	const struct store_copy_ops *copy = r->to->ops->copy;

	if (w->what != WORK_COPY || w->look_first || w->was_put)
		return false;
	if (r->put_is_closed || (w->replaces && r->o->history > 0))
		return false;
	return copy != NULL && copy->put_begin != NULL &&
	    r->from->ops->grant != NULL &&
	    ladder_choose(w->ladder, &w->src, &w->traits) == RUNG_PUT;
}

static void
put_answered(void *arg)
{
	work_ended(arg);
}

static void
put(struct run *r, struct work *w, const struct store_grant *grant)
{
	const struct put_from what = {
	    .blob = w->name,
	    .src_url = grant->url,
	    .src_authorization = grant->authorization,
	    .src_etag = w->src.etag,
	    .src_md5 = w->src.has_md5 ? w->src.md5 : NULL,
	    .traits = &w->traits,
	    .cond.if_absent = !w->replaces,
	    .cond.if_match = w->replaces ? w->copy.etag : NULL,
	};

	w->put = r->to->ops->copy->put_begin(
	    r->to, &r->scope, &what, put_answered, w, &w->err);
}

void
small_begin(struct run *r, struct work *w)
{
	struct store_grant grant = {0};

	w->requests++;
	if (r->no_grant.kind != ERR_NONE)
		w->err = r->no_grant;
	else if (ladder_grants_blob(w->ladder->grants, &r->scope, false,
		     w->name, NULL, &grant, &w->err) == 0)
		put(r, w, &grant);
	else if (w->err.kind == ERR_AUTH)
		r->no_grant = w->err;
	store_grant_release(&grant);
	if (w->put == NULL)
		work_ended(w);
}

static bool
answer_says_all(const struct work *w, const struct blob_props *props)
{
	return w->src.has_md5 && props->has_md5 && !w->read_back &&
	    memcmp(w->src.md5, props->md5, MD5_BYTES) == 0;
}

static bool
failed_for_good(const struct run *r, const struct work *w)
{
	return w->err.kind == ERR_CANCELLED ||
	    (w->err.kind == ERR_AUTH && r->no_grant.kind == ERR_AUTH);
}

bool
small_end(struct run *r, struct work *w)
{
	struct put_call *call = w->put;
	struct blob_props *props = &w->result.props;
	int failed = -1;

	w->put = NULL;
	if (call != NULL)
		failed = r->to->ops->copy->put_end(call, props, &w->err);
	if (failed && failed_for_good(r, w)) {
		w->end = WORK_FAILED;
		return true;
	}
	if (!failed) {
		r->put_worked = true;
		w->result.rung = RUNG_PUT;
		w->end = WORK_COPIED;
		w->was_put = true;
		return answer_says_all(w, props);
	}
	if (w->err.kind != ERR_UNSUPPORTED)
		w->look_first = true;
	else if (!r->put_worked)
		r->put_is_closed = true;
	w->was_sent = w->err.kind == ERR_TRANSIENT;
	w->ladder = run_ladder(r);
	return false;
}

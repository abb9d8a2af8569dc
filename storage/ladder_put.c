#include <stdbool.h>
#include <string.h>

#include "base/err.h"
#include "base/monitor.h"
#include "base/retry.h"
#include "storage/store_commit.h"

#include "storage/ladder_private.h"

struct waiting {
	struct monitor mon; /* guards ended */
	bool ended;
};

static void
note_ended(void *arg)
{
	struct waiting *w = arg;

	monitor_lock(&w->mon);
	w->ended = true;
	monitor_broadcast(&w->mon);
	monitor_unlock(&w->mon);
}

/* One attempt; it ends with the scope. */
static int
put_once(struct climb *c, const struct store_grant *grant,
    struct blob_props *props, struct err *err)
{
	struct store *to = c->l->to;
	struct waiting w = {.ended = false};
	struct put_call *call;
	struct put_from what;
	int rc = -1;

	ladder_put_from(c, grant, &what);
	monitor_init(&w.mon);
	COUNT(c);
	call = to->ops->copy->put_begin(
	    to, c->scope, &what, note_ended, &w, err);
	if (call != NULL) {
		monitor_lock(&w.mon);
		while (!w.ended)
			monitor_wait(&w.mon, NULL, NULL);
		monitor_unlock(&w.mon);
		rc = to->ops->copy->put_end(call, props, err);
	}
	monitor_release(&w.mon);
	return rc;
}

static int
put_until_told(struct climb *c, const struct commit_plan *plan, struct err *err)
{
	struct blob_props *props = &c->result->props;
	const struct ladder_job *job = c->job;
	struct store_grant grant;
	struct retry r;
	bool asked = false; /* and the answer was lost */
	int rc;

	retry_init(&r, c->scope, NULL);
	for (;;) {
		if (ladder_grants_blob(c->grants, c->scope, false,
			job->src_name, job->src_snapshot, &grant, err) != 0)
			return -1;
		rc = put_once(c, &grant, props, err);
		store_grant_release(&grant);
		if (rc == 0)
			return 0;
		asked = asked || err->kind == ERR_TRANSIENT ||
		    err->kind == ERR_UNREACHABLE;
		/* A conflict after a lost answer may be with ourselves. */
		if (asked &&
		    store_commit_seen(
			c->l->to, c->scope, job->dst_name, plan, props)) {
			*err = (struct err){0};
			return 0;
		}
		if (retry_wait(&r, err) != 0)
			return -1;
		*err = (struct err){0};
	}
}

int
ladder_put(struct climb *c, struct err *err)
{
	const struct blob_props *src = c->job->src;
	struct blob_props *made = &c->result->props;
	struct commit_opts opts;
	struct commit_plan plan = {.size = src->size, .opts = &opts};

	ladder_commit_opts(c, &opts);
	if (src->has_md5)
		opts.md5 = src->md5;
	if (put_until_told(c, &plan, err) != 0)
		return -1;
	ladder_progress(c, src->size);
	/* What the service itself says of what it wrote needs no look. */
	if (made->has_md5 && src->has_md5 &&
	    memcmp(made->md5, src->md5, MD5_BYTES) == 0) {
		made->size = src->size;
		return 0;
	}
	return ladder_verify(c, made, err);
}

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/retry.h"
#include "base/scope.h"

#include "storage/ladder_private.h"

#define TIMEOUT_DEFAULT_MS (INT64_C(3600) * 1000)
#define PAUSE_FIRST_MS	   500
#define PAUSE_MOST_MS	   (INT64_C(15) * 1000)

/* The service tells a failure as "412 ConditionNotMet ...". */
static enum err_kind
kind_of_failure(const struct copy_job *job)
{
	if (strncmp(job->why, "412", 3) == 0 ||
	    strncmp(job->why, "404", 3) == 0)
		return ERR_CONFLICT;
	return ERR_SERVER;
}

static int
judge_end(const struct copy_job *job, struct err *err)
{
	if (job->state == COPY_SUCCESS)
		return 0;
	if (job->state == COPY_ABORTED)
		return err_set(err, ERR_CONFLICT,
		    "another has aborted the service's copy");
	return err_set(err, kind_of_failure(job),
	    "the service could not copy it: %s",
	    job->why[0] != '\0' ? job->why : "it does not say why");
}

static int
poll(const struct ladder *l, const struct scope *scope, struct ladder_undo *u,
    struct copy_job *job, struct err *err)
{
	struct store *to = l->to;

	if (to->ops->copy->poll(to, scope, u->row.name, job, err) != 0)
		return err_in(err, "following the service's copy");
	if (strcmp(job->id, u->copy_id) != 0)
		return err_set(err, ERR_CONFLICT,
		    "'%.200s' was written by another while the service copied",
		    u->row.name);
	return ladder_undo_copying(u, job, err);
}

static int
say_late(const struct ladder *l, const struct ladder_undo *u,
    const struct copy_job *job, int64_t timeout_ms, bool *late, struct err *err)
{
	/* Without a book nobody would come back to it. */
	*late = !l->abort_late && u->book != NULL;
	return err_set(err, ERR_UNREACHABLE,
	    "after %" PRId64 " s the service has copied %" PRIu64 " of %" PRIu64
	    " bytes; %s",
	    timeout_ms / 1000, job->done, job->total,
	    *late ? "it goes on, and the next run follows it" : "given up");
}

int
ladder_follow(const struct ladder *l, const struct scope *scope,
    struct ladder_undo *u, struct copy_job *job, const struct ladder_job *of,
    bool *late, struct err *err)
{
	int64_t timeout_ms = l->copy_timeout_ms != 0 ? l->copy_timeout_ms
						     : TIMEOUT_DEFAULT_MS;
	struct scope within = scope_within(scope, timeout_ms);
	int64_t pause_ms = PAUSE_FIRST_MS;

	*late = false;
	while (job->state == COPY_PENDING) {
		if (of != NULL && of->progress != NULL)
			of->progress(
			    of->progress_arg, job->done, of->src->size);
		if (scope_sleep(&within, pause_ms, err) != 0) {
			*err = (struct err){0};
			if (scope_check(scope, err) != 0)
				return -1;
			return say_late(l, u, job, timeout_ms, late, err);
		}
		if (poll(l, scope, u, job, err) != 0)
			return -1;
		if (pause_ms < PAUSE_MOST_MS)
			pause_ms += pause_ms / 2;
	}
	return judge_end(job, err);
}

/* After a lost answer: whether the service has begun all the same. */
static bool
has_begun(struct climb *c, struct ladder_undo *u, struct copy_job *job)
{
	struct store *to = c->l->to;
	struct err ignored = {0};

	u->asked = true;
	return to->ops->copy->poll(to, c->scope, u->row.name, job, &ignored) ==
	    0 &&
	    job->id[0] != '\0' && strcmp(job->props.etag, u->was) != 0;
}

static int
start_once(struct climb *c, const struct blob_traits *traits,
    struct copy_job *job, struct err *err)
{
	const struct ladder_job *of = c->job;
	struct store *to = c->l->to;
	struct store_grant grant;
	struct put_from what;
	int rc;

	if (ladder_grants_blob(c->grants, c->scope, true, of->src_name,
		of->src_snapshot, &grant, err) != 0)
		return -1;
	ladder_put_from(c, &grant, &what);
	what.traits = traits;
	COUNT(c);
	rc = to->ops->copy->start(to, c->scope, of->dst_name, &what, job, err);
	store_grant_release(&grant);
	return rc;
}

static int
start(struct climb *c, struct ladder_undo *u, struct copy_job *job,
    struct err *err)
{
	const struct blob_traits *traits = c->job->traits;
	struct blob_traits hot;
	struct retry r;

	/* What was archived comes out of it; the next run mends the tier. */
	if (traits != NULL && traits->tier == TIER_ARCHIVE) {
		hot = *traits;
		hot.tier = TIER_HOT;
		hot.tier_name = "Hot";
		traits = &hot;
	}
	retry_init(&r, c->scope, NULL);
	while (start_once(c, traits, job, err) != 0) {
		if (err->kind == ERR_TRANSIENT || err->kind == ERR_UNREACHABLE)
			u->asked = true;
		if (u->asked && has_begun(c, u, job)) {
			*err = (struct err){0};
			return 0;
		}
		if (retry_wait(&r, err) != 0)
			return -1;
		*err = (struct err){0};
	}
	return 0;
}

int
ladder_copy_job(struct climb *c, struct err *err)
{
	struct blob_props *made = &c->result->props;
	struct ladder_undo undo;
	struct copy_job job;
	bool late = false;
	int rc;

	if (ladder_undo_begin(&undo, c, err) != 0)
		return -1;
	rc = start(c, &undo, &job, err);
	if (rc == 0)
		rc = ladder_undo_copying(&undo, &job, err);
	if (rc == 0)
		rc = ladder_follow(
		    c->l, c->scope, &undo, &job, c->job, &late, err);
	if (late)
		return -1;
	if (rc == 0) {
		*made = job.props;
		ladder_progress(c, c->job->src->size);
		rc = ladder_verify(c, made, err);
	}
	return ladder_undo_climb(&undo, c, rc, err);
}

/*
 * An import by Azure Resource Manager: the service deletes what the target
 * holds and loads the files that it is given.  It may go on when nobody
 * follows it, and cannot be taken back; so one that began is followed to its
 * end before anything else, by whichever run comes next, and is never asked
 * for a second time while its end is not known.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arm/redis_resource.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/secret.h"
#include "rdb/redis_target.h"
#include "storage/store.h"

#include "agent/snapshot/arm_target.h"
#include "agent/snapshot/dump_take.h"
#include "agent/snapshot/env.h"
#include "agent/snapshot/import_begin.h"
#include "agent/snapshot/import_stage.h"
#include "agent/snapshot/import_trace.h"
#include "agent/snapshot/lent_place.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/progress.h"
#include "agent/snapshot/snapshot_load_private.h"

#define TIMEOUT_DEFAULT_MS INT64_C(21600000)

struct arm_import {
	struct loading *l;
	struct redis_resource *resource;
	struct lent_places places;
	struct operation *op;
	struct import_files files;
	/* That an earlier run's import, or this one's, is known to have
	 * brought; "" for none. */
	char brought[SNAPSHOT_ID_SIZE];
	char begin_id[IMPORT_BEGIN_SIZE];
	char name[600]; /* of the target, as the user repeats it */
};

/* By its name, given once more; another one is refused by the guard. */
static bool
is_allowed(const struct arm_import *a)
{
	return a->l->opts->overwrite != NULL &&
	    strcmp(a->l->opts->overwrite, a->name) == 0;
}

/* It stays in the journal: only a person can say that it is over. */
static int
ask_person(struct arm_import *a, const struct err *why, struct err *err)
{
	return err_set(err, ERR_REFUSED,
	    "whether an import that began was carried out is not known "
	    "(%.200s); look in the portal whether it still goes on, and what "
	    "the Redis holds; when it is over, give --overwrite-target %.200s "
	    "to import again",
	    why->text, a->name);
}

/* The note of an import of this job; another's target is named otherwise, or
 * lies in another store. */
static bool
is_traced(const struct arm_import *a, struct import_trace *t)
{
	struct err ignored = {0};

	return import_trace_parse(t, operation_note(a->op), &ignored) == 0 &&
	    strcmp(t->job, a->l->m->job) == 0;
}

/* What its end does not tell, the data may. */
static int
judge_unknown(struct arm_import *a, const struct err *why, struct err *err)
{
	struct loading *l = a->l;
	struct import_trace t;
	struct err ignored = {0};
	bool done = false;

	if (is_traced(a, &t) &&
	    import_trace_proves(
		&t, &l->guard, l->scope, l->env, &done, &ignored) == 0 &&
	    done) {
		progress_note(l->env->progress, STEP_IMPORT,
		    "the import's answer was lost, but the Redis holds "
		    "snapshot '%s' now",
		    t.snapshot);
		memcpy(a->brought, t.snapshot, sizeof(a->brought));
		return 0;
	}
	return is_allowed(a) ? 0 : ask_person(a, why, err);
}

int
snapshot_load_await(struct redis_resource *resource, const struct scope *scope,
    const struct snapshot_env *env, struct err *err)
{
	struct operation *op = redis_resource_resume(resource, "import", err);
	struct operation_end ignored;
	int rc;

	if (op == NULL && err->kind == ERR_MISSING) {
		*err = (struct err){0};
		return 0;
	}
	if (op == NULL)
		return -1;
	progress_note(env->progress, STEP_IMPORT,
	    "an earlier run began an import there; that is followed to its "
	    "end");
	rc = operation_follow(op, scope, &ignored, err);
	operation_free(op);
	if (rc == 0 || err->kind != ERR_UNREACHABLE ||
	    scope_left_ms(scope) <= 0)
		return rc;
	/* Its time is up; a person's word may let the next one go ahead. */
	*err = (struct err){0};
	return 0;
}

/* Its time is up, and the service says that it goes on: a person may know
 * better. */
static int
give_up(struct arm_import *a, struct err *err)
{
	if (err->kind != ERR_UNREACHABLE || scope_left_ms(a->l->scope) <= 0)
		return -1;
	if (is_allowed(a)) {
		*err = (struct err){0};
		return 0;
	}
	return err_in(err,
	    "when it is over all the same, give --overwrite-target %.200s to "
	    "import again",
	    a->name);
}

/*
 * What an earlier process began, whatever it was.  It stays noted until the
 * guard has agreed to what is done next.
 */
static int
take_up(struct arm_import *a, struct err *err)
{
	struct loading *l = a->l;
	struct operation_end end;
	struct import_trace t;

	a->op = redis_resource_resume(a->resource, "import", err);
	if (a->op == NULL && err->kind == ERR_MISSING) {
		*err = (struct err){0};
		return 0;
	}
	if (a->op == NULL)
		return -1;
	if (operation_follow(a->op, l->scope, &end, err) != 0)
		return give_up(a, err);
	if (end.outcome == OPERATION_UNKNOWN)
		return judge_unknown(a, &end.why, err);
	if (end.outcome == OPERATION_SUCCEEDED && is_traced(a, &t))
		memcpy(a->brought, t.snapshot, sizeof(a->brought));
	return 0;
}

/* By which the state tells this agent's import from another's. */
static int
recall_begin(struct arm_import *a, struct err *err)
{
	struct loading *l = a->l;

	l->guard.begin_id = a->begin_id;
	return import_begin_get(
	    l->env->journal, l->m->job, a->name, a->begin_id, err);
}

/* One that stays there does no harm. */
static void
forget_begin(struct arm_import *a)
{
	struct loading *l = a->l;
	struct err ignored = {0};

	import_begin_remove(l->env->journal, l->m->job, a->name, &ignored);
}

static int
settle(struct arm_import *a, struct err *err)
{
	if (a->op == NULL)
		return 0;
	/* First: with it there and no operation, nothing was asked for. */
	forget_begin(a);
	if (operation_settle(a->op, err) != 0)
		return -1;
	operation_free(a->op);
	a->op = NULL;
	return 0;
}

/* That it began is not true, or not any more; where this cannot be noted, a
 * person is asked. */
static void
note_none_begun(struct arm_import *a)
{
	struct loading *l = a->l;
	struct scope scope = dump_afterwards();
	struct err ignored = {0};

	l->guard.by_service = false;
	/* Another agent's note would be overwritten. */
	if (loading_still_ours(l, &ignored) == 0 &&
	    import_guard_note(&l->guard, &l->answer, false, &scope, &ignored) ==
		0)
		forget_begin(a);
}

static int
check_target(struct arm_import *a, struct err *err)
{
	struct redis_description d;
	int rc;

	if (redis_resource_describe(a->resource, a->l->scope, &d, err) != 0)
		return -1;
	rc = arm_target_is(&d, a->l->opts->named, err);
	if (rc == 0)
		rc = arm_target_check(a->resource, &d, a->l->m, err);
	if (rc == 0)
		rc = arm_target_room(&d, a->l->m, a->l->opts->target,
		    a->l->opts->redis, a->l->scope, err);
	redis_description_release(&d);
	return rc;
}

static int64_t
timeout_ms(const struct arm_import *a)
{
	int64_t given = a->l->opts->import_ms;

	return given != 0 ? given : TIMEOUT_DEFAULT_MS;
}

static int
stage(struct arm_import *a, struct err *err)
{
	const struct import_stage what = {
	    .store = a->l->store,
	    .m = a->l->m,
	    .places = &a->places,
	    .gzip = redis_resource_abilities(a->resource)->gzip,
	    .by_identity = a->l->opts->by_identity,
	    .work_ms = timeout_ms(a),
	};

	return import_stage(&what, a->l->scope, a->l->env, &a->files, err);
}

/* Whoever asks may have waited for a token, or was put off. */
static int
look_again(void *arg, struct err *err)
{
	const struct arm_import *a = arg;

	return loading_last_look(a->l, err);
}

static int
post(struct arm_import *a, struct err *err)
{
	char *note = import_trace_format(a->l->m, &a->l->answer);
	const struct operation_opts opts = {
	    .note = note,
	    .still_ours = look_again,
	    .still_ours_arg = a,
	    .timeout_ms = timeout_ms(a),
	};
	const struct redis_import what = {
	    .files = a->files.urls,
	    .nfiles = a->files.n,
	    .by_identity = a->l->opts->by_identity,
	    .storage_subscription = a->l->opts->storage_subscription,
	};

	a->op = redis_resource_import(
	    a->resource, &what, &opts, a->l->scope, err);
	free(note);
	if (a->op == NULL) {
		note_none_begun(a);
		return -1;
	}
	return 0;
}

/* By the service's word it is over, and what it left is no copy. */
static int
fail(struct arm_import *a, struct err *err)
{
	struct err later = {0};

	note_none_begun(a);
	settle(a, &later);
	return err_in(err,
	    "the import failed, and what the Redis held before may be lost");
}

static int
count_keys(struct arm_import *a, struct err *err)
{
	const struct loading *l = a->l;

	if (arm_target_count(
		l->m, l->opts->target, l->opts->redis, l->scope, err) == 0)
		return 0;
	return err->kind == ERR_CORRUPT ? fail(a, err) : -1;
}

static int
follow(struct arm_import *a, struct err *err)
{
	struct operation_end end;

	if (operation_follow(a->op, a->l->scope, &end, err) != 0)
		return -1;
	if (end.outcome == OPERATION_SUCCEEDED) {
		if (end.by_state)
			progress_note(a->l->env->progress, STEP_IMPORT,
			    "that the import has ended is told by the Redis' "
			    "state alone");
		return count_keys(a, err);
	}
	if (end.outcome == OPERATION_UNKNOWN) {
		if (judge_unknown(a, &end.why, err) != 0)
			return -1;
		return a->brought[0] != '\0' ? 0 : ask_person(a, &end.why, err);
	}
	*err = end.why;
	return fail(a, err);
}

/* The service reads the files until it says that it has ended. */
static void
remove_place(struct arm_import *a)
{
	struct scope scope = dump_afterwards();
	struct err err = {0};

	if (a->files.place != NULL && a->op == NULL &&
	    lent_place_remove(&a->places, a->files.place, &scope, &err) != 0)
		progress_note(a->l->env->progress, STEP_IMPORT,
		    "container '%s' is left for the job's next import to "
		    "remove: %.200s",
		    lent_place_name(a->files.place), err.text);
}

/* From here on the state tells every agent that it may go on. */
static int
note_begin(struct arm_import *a, struct err *err)
{
	struct loading *l = a->l;

	if (import_begin_make(l->env->journal, l->m->job, a->name, l->scope,
		a->begin_id, err) != 0)
		return -1;
	l->guard.by_service = true;
	if (loading_note_begin(l, err) != 0)
		return -1;
	l->guard.followed = true;
	return 0;
}

/* The guard is asked after an earlier import has ended, and before a byte is
 * staged; and once more right before the request. */
static int
import_anew(struct arm_import *a, struct err *err)
{
	/* Staging takes long, and it may be linked or changed meanwhile. */
	if (check_target(a, err) != 0 || stage(a, err) != 0 ||
	    check_target(a, err) != 0 || note_begin(a, err) != 0 ||
	    post(a, err) != 0)
		return -1;
	progress_note(a->l->env->progress, STEP_IMPORT,
	    "the Redis imports %zu file%s, and answers nobody meanwhile",
	    a->files.n, a->files.n == 1 ? "" : "s");
	return follow(a, err);
}

static int
note_end(struct arm_import *a, const char *snapshot, struct err *err)
{
	struct loading *l = a->l;
	struct guard_request q = l->guard;

	q.snapshot = snapshot;
	return import_guard_note(&q, &l->answer, true, l->scope, err);
}

/* What the target holds by now it need not be given: it would answer nobody
 * meanwhile. */
static bool
is_there(const struct arm_import *a)
{
	const struct loading *l = a->l;

	if (strcmp(l->answer.copy_of, l->m->id) != 0)
		return false;
	if (a->brought[0] != '\0')
		return true;
	progress_note(l->env->progress, STEP_IMPORT,
	    "the Redis holds that snapshot already, and is not asked to "
	    "import it");
	l->facts->there_already = true;
	l->facts->replaced = false;
	return true;
}

static int
run(struct arm_import *a, struct err *err)
{
	struct loading *l = a->l;
	struct err ignored = {0};

	if (store_lend_check(l->store, err) != 0 || recall_begin(a, err) != 0 ||
	    take_up(a, err) != 0)
		return -1;
	if (lent_places_clear(&a->places, l->scope, &ignored) != 0)
		progress_note(l->env->progress, STEP_IMPORT,
		    "what an earlier run left is still there: %.300s",
		    ignored.text);
	if (import_guard_ask(&l->guard, l->scope, l->env, &l->answer, err) != 0)
		return -1;
	l->facts->replaced = !l->answer.empty;
	/* What an earlier run brought is this job's own, whatever comes next. */
	if (a->brought[0] != '\0' && note_end(a, a->brought, err) != 0)
		return -1;
	if (!is_there(a) && (settle(a, err) != 0 || import_anew(a, err) != 0))
		return -1;
	if (note_end(a, l->m->id, err) != 0)
		return -1;
	return settle(a, err);
}

int
loading_by_arm(struct loading *l, struct err *err)
{
	struct arm_import a = {
	    .l = l,
	    .resource = l->opts->resource,
	    .places = {l->store, l->env->journal, "import", l->m->job},
	};
	int rc;

	redis_target_name(l->opts->target, a.name, sizeof(a.name));
	l->facts->way = RESTORER_ARM;
	snprintf(l->facts->why, sizeof(l->facts->why), "%s",
	    l->opts->way == RESTORER_ARM ? "as asked"
					 : "the target is Azure's to load");
	rc = run(&a, err);
	remove_place(&a);
	operation_free(a.op);
	import_files_release(&a.files);
	return rc;
}

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/scope.h"
#include "base/xalloc.h"

#include "arm/lever_record.h"
#include "arm/lever_set.h"

struct lever_set {
	struct lever **list;
	size_t n;
};

struct lever_set *
lever_set_parse(const cJSON *list, struct err *err)
{
	struct lever_set *set;
	const cJSON *o;

	if (!cJSON_IsArray(list) || list->child == NULL ||
	    cJSON_GetArraySize(list) > LEVERS_MAX) {
		err_set(err, ERR_USAGE, "it must be a list of 1 to %d levers",
		    LEVERS_MAX);
		return NULL;
	}
	set = xcalloc(1, sizeof(*set));
	set->list = xcalloc(LEVERS_MAX, sizeof(*set->list));
	cJSON_ArrayForEach(o, list)
	{
		struct lever *l = lever_parse(o, err);

		if (l == NULL) {
			err_in(err, "lever %zu", set->n + 1);
			lever_set_free(set);
			return NULL;
		}
		set->list[set->n++] = l;
	}
	return set;
}

void
lever_set_free(struct lever_set *set)
{
	if (set == NULL)
		return;
	for (size_t i = 0; i < set->n; i++)
		lever_free(set->list[i]);
	free(set->list);
	free(set);
}

size_t
lever_set_count(const struct lever_set *set)
{
	return set->n;
}

const struct lever *
lever_set_at(const struct lever_set *set, size_t i)
{
	return set->list[i];
}

/* One of the levers that are worked through. */
struct turn {
	size_t i, of;
	struct lever *lever;
	struct lever_view view;
	bool recorded;
	enum lever_state state; /* of a recorded one, as the next */
	const cJSON *note;	/* borrowed from the record */
};

static void
tell(const struct lever_work *w, const struct turn *t, enum lever_outcome out,
    const struct err *err)
{
	struct lever_report r = {
	    .i = t->i,
	    .of = t->of,
	    .name = lever_name(t->lever),
	    .outcome = out,
	    .view = out == LEVER_NOT_REACHED ? NULL : &t->view,
	    .err = err,
	};

	w->tell(w->tell_arg, &r);
}

static int
in_turn(const struct turn *t, struct err *err)
{
	return err_in(
	    err, "lever %zu of %zu, %s", t->i + 1, t->of, lever_name(t->lever));
}

/* Of a blind one the journal alone tells. */
static bool
is_done(const struct turn *t)
{
	if (lever_is_blind(t->lever))
		return t->recorded && t->state == LEVER_PULLED;
	return t->view.nchanges == 0;
}

static bool
gives_both(const struct lever_set *set, const char *host)
{
	unsigned all = 0;

	for (size_t i = 0; i < set->n; i++)
		all |= lever_gives(set->list[i], host);
	return all == (LEVER_GIVES_HOST | LEVER_GIVES_CREDENTIAL);
}

/*
 * Azure's certificates are for the caches' own names, and each cache has keys
 * of its own: who dials another name would be led to a Redis that it does not
 * believe, or that refuses it.
 */
static int
check_alias(const struct lever_work *w, const struct scope *scope,
    const struct lever_view *v, struct err *err)
{
	struct err why = {0};

	if (v->host == NULL || w->probe == NULL)
		err_set(&why, ERR_REFUSED, "nobody can tell");
	else if (w->probe(w->probe_arg, scope, v->alias, v->host, &why) == 0)
		return 0;
	if (why.kind == ERR_CANCELLED) {
		*err = why;
		return -1;
	}
	return err_set(err, ERR_REFUSED,
	    "may clients that dial '%.80s' be led to '%.80s'? %.150s. Azure's "
	    "certificates do not cover aliases, and keys differ: switch that "
	    "host and credential together (app_configuration or key_vault)",
	    v->alias, v->host != NULL ? v->host : "an unknown host", why.text);
}

static int
look(const struct lever_set *set, const struct lever_work *w,
    const struct scope *scope, struct turn *t, struct err *err)
{
	if (lever_look(t->lever, w->env, scope, LEVER_PULL,
		t->recorded ? t->note : NULL, &t->view, err) != 0)
		return -1;
	if (is_done(t) || t->view.alias == NULL ||
	    gives_both(set, t->view.host))
		return 0;
	return check_alias(w, scope, &t->view, err);
}

/* All of them, whatever fails; tells each when all_told or one failed. */
static int
look_at_all(const struct lever_set *set, const struct lever_work *w,
    const struct scope *scope, struct turn *turns, bool all_told,
    struct err *err)
{
	struct err errs[LEVERS_MAX] = {0};
	int rc = 0;

	for (size_t i = 0; i < set->n; i++) {
		if (look(set, w, scope, &turns[i], &errs[i]) == 0)
			continue;
		if (rc == 0) {
			*err = errs[i];
			rc = in_turn(&turns[i], err);
		}
	}
	for (size_t i = 0; (all_told || rc != 0) && i < set->n; i++)
		tell(w, &turns[i],
		    errs[i].kind != ERR_NONE ? LEVER_FAILED
			: is_done(&turns[i]) ? LEVER_ALREADY
					     : LEVER_WOULD,
		    errs[i].kind != ERR_NONE ? &errs[i] : NULL);
	return rc;
}

/* What was pulled must be these levers, and not half undone. */
static int
take_record(const struct lever_set *set, const struct lever_record *record,
    struct turn *turns, struct err *err)
{
	for (size_t i = 0; i < lever_record_count(record); i++) {
		const cJSON *settings;
		struct turn *t = &turns[i];

		if (i == set->n)
			return err_set(err, ERR_REFUSED,
			    "more levers were pulled than the settings have; "
			    "undo that first, or settle it");
		if (lever_record_at(
			record, i, &settings, &t->state, &t->note, err) != 0)
			return -1;
		if (t->state == LEVER_UNDOING || t->state == LEVER_UNDONE)
			return err_set(err, ERR_REFUSED,
			    "an undo has not come to its end; let it, first");
		if (!cJSON_Compare(settings, lever_settings(t->lever), true))
			return err_set(err, ERR_REFUSED,
			    "the settings of lever %zu, %s, changed since it "
			    "was pulled; undo that first, or settle it",
			    i + 1, lever_name(t->lever));
		t->recorded = true;
	}
	return 0;
}

static struct turn *
turns_of(const struct lever_set *set)
{
	struct turn *turns = xcalloc(LEVERS_MAX, sizeof(*turns));

	for (size_t i = 0; i < set->n; i++)
		turns[i] = (struct turn){
		    .i = i, .of = set->n, .lever = set->list[i]};
	return turns;
}

static void
free_turns(struct turn *turns)
{
	for (size_t i = 0; i < LEVERS_MAX; i++)
		lever_view_release(&turns[i].view);
	free(turns);
}

/* By what the service says when it is asked anew, not by its answer. */
static int
see_that_it_holds(const struct lever_work *w, const struct scope *scope,
    struct turn *t, enum lever_way way, const cJSON *note, struct err *err)
{
	struct scope within = scope_within(scope, w->wait_ms);
	struct lever_view after = {0};
	int rc;

	if (lever_check(t->lever, w->env, &within, way, note, err) != 0)
		return -1;
	if (way == LEVER_UNDO || lever_is_blind(t->lever))
		return 0;
	rc = lever_look(
	    t->lever, w->env, &within, LEVER_PULL, NULL, &after, err);
	if (rc == 0 && after.nchanges > 0)
		rc = err_set(err, ERR_CONFLICT,
		    "'%.80s' is not as the settings want it: it came after "
		    "the lever was pulled; undo, and pull again",
		    after.changes[0].what);
	lever_view_release(&after);
	return rc;
}

static int
pull(const struct lever_work *w, const struct scope *scope,
    struct lever_record *record, struct turn *t, bool *changed, struct err *err)
{
	const cJSON *settings = lever_settings(t->lever);
	cJSON *note = cJSON_Duplicate(
	    t->recorded ? t->note : t->view.note, true);
	int rc = lever_record_put(record, t->i, settings, LEVER_BEGUN,
	    cJSON_Duplicate(note, true), err);

	if (rc == 0)
		rc = lever_move(
		    t->lever, w->env, scope, LEVER_PULL, note, changed, err);
	if (rc == 0)
		rc = see_that_it_holds(w, scope, t, LEVER_PULL, note, err);
	if (rc == 0)
		rc = lever_record_put(
		    record, t->i, settings, LEVER_PULLED, NULL, err);
	cJSON_Delete(note);
	return rc;
}

static int
pull_all(const struct lever_set *set, const struct lever_work *w,
    const struct scope *scope, struct lever_record *record, struct turn *turns,
    struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < set->n; i++) {
		struct turn *t = &turns[i];
		bool changed = false;

		if (rc != 0) {
			tell(w, t, LEVER_NOT_REACHED, NULL);
		} else if (is_done(t) && t->recorded &&
		    t->state == LEVER_PULLED) {
			tell(w, t, LEVER_ALREADY, NULL);
		} else if ((rc = pull(w, scope, record, t, &changed, err)) ==
		    0) {
			tell(w, t, changed ? LEVER_DONE : LEVER_ALREADY, NULL);
		} else {
			tell(w, t, LEVER_FAILED, err);
			in_turn(t, err);
		}
	}
	return rc;
}

int
lever_set_pull(struct lever_set *set, const struct lever_work *w,
    const struct scope *scope, struct err *err)
{
	struct turn *turns = turns_of(set);
	struct lever_record record;
	int rc = -1;

	if (lever_record_open(&record, w->journal, w->env->job, err) == 0 &&
	    take_record(set, &record, turns, err) == 0 &&
	    look_at_all(set, w, scope, turns, false, err) == 0)
		rc = pull_all(set, w, scope, &record, turns, err);
	free_turns(turns);
	lever_record_release(&record);
	return rc;
}

/* A lever as it was pulled, in the i-th turn of an undo. */
static int
open_turn(const struct lever_record *record, size_t i, struct turn *t,
    struct err *err)
{
	size_t n = lever_record_count(record);
	const cJSON *settings;

	*t = (struct turn){.i = i, .of = n, .recorded = true};
	if (lever_record_at(
		record, n - 1 - i, &settings, &t->state, &t->note, err) != 0)
		return -1;
	t->lever = lever_parse(settings, err);
	return t->lever != NULL ? 0 : -1;
}

static void
close_turn(struct turn *t)
{
	lever_view_release(&t->view);
	lever_free(t->lever);
}

static int
look_back(const struct lever_work *w, const struct scope *scope, struct turn *t,
    struct err *err)
{
	if (t->state == LEVER_UNDONE) {
		tell(w, t, LEVER_ALREADY, NULL);
		return 0;
	}
	if (lever_look(t->lever, w->env, scope, LEVER_UNDO, t->note, &t->view,
		err) != 0) {
		tell(w, t, LEVER_FAILED, err);
		return in_turn(t, err);
	}
	tell(w, t, t->view.nchanges > 0 ? LEVER_WOULD : LEVER_ALREADY, NULL);
	return 0;
}

static int
undo(const struct lever_work *w, const struct scope *scope,
    struct lever_record *record, struct turn *t, struct err *err)
{
	const cJSON *settings = lever_settings(t->lever);
	size_t at = t->of - 1 - t->i;
	cJSON *note = cJSON_Duplicate(t->note, true);
	bool changed = false;
	int rc = 0;

	if (t->state != LEVER_UNDONE) {
		rc = lever_record_put(
		    record, at, settings, LEVER_UNDOING, NULL, err);
		if (rc == 0)
			rc = lever_move(t->lever, w->env, scope, LEVER_UNDO,
			    note, &changed, err);
		if (rc == 0)
			rc = see_that_it_holds(
			    w, scope, t, LEVER_UNDO, note, err);
		if (rc == 0)
			rc = lever_record_put(
			    record, at, settings, LEVER_UNDONE, NULL, err);
	}
	cJSON_Delete(note);
	tell(w, t,
	    rc != 0	  ? LEVER_FAILED
		: changed ? LEVER_DONE
			  : LEVER_ALREADY,
	    rc != 0 ? err : NULL);
	return rc == 0 ? 0 : in_turn(t, err);
}

static int
open_record(
    struct lever_record *record, const struct lever_work *w, struct err *err)
{
	if (lever_record_open(record, w->journal, w->env->job, err) != 0)
		return -1;
	if (lever_record_count(record) == 0)
		return err_set(err, ERR_MISSING,
		    "no lever of job '%s' was pulled by this state_dir",
		    w->env->job);
	return 0;
}

int
lever_set_settle(const struct lever_work *w, struct err *err)
{
	struct lever_record record;
	int rc = open_record(&record, w, err);

	if (rc == 0)
		rc = lever_record_remove(&record, err);
	lever_record_release(&record);
	return rc;
}

/* Each turn of an undo; for real, or to be told only. */
static int
go_back(const struct lever_work *w, const struct scope *scope, bool for_real,
    struct err *err)
{
	struct lever_record record;
	int rc = open_record(&record, w, err), first = 0;
	size_t n = lever_record_count(&record);

	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct err why = {0};
		struct turn t;

		if (open_turn(&record, i, &t, err) != 0) {
			rc = -1;
			break;
		}
		if (first != 0 && for_real)
			tell(w, &t, LEVER_NOT_REACHED, NULL);
		else if ((for_real ? undo(w, scope, &record, &t, &why)
				   : look_back(w, scope, &t, &why)) != 0 &&
		    first == 0) {
			first = -1;
			*err = why;
		}
		close_turn(&t);
	}
	if (rc == 0)
		rc = first;
	if (rc == 0 && for_real)
		rc = lever_record_remove(&record, err);
	lever_record_release(&record);
	return rc;
}

int
lever_set_look(struct lever_set *set, const struct lever_work *w,
    const struct scope *scope, enum lever_way way, struct err *err)
{
	struct turn *turns;
	struct lever_record record;
	int rc = -1;

	if (way == LEVER_UNDO)
		return go_back(w, scope, false, err);
	turns = turns_of(set);
	if (lever_record_open(&record, w->journal, w->env->job, err) == 0 &&
	    take_record(set, &record, turns, err) == 0)
		rc = look_at_all(set, w, scope, turns, true, err);
	free_turns(turns);
	lever_record_release(&record);
	return rc;
}

int
lever_set_undo(
    const struct lever_work *w, const struct scope *scope, struct err *err)
{
	return go_back(w, scope, true, err);
}

int
lever_set_try_rights(struct lever_set *set, const struct lever_work *w,
    const struct scope *scope, struct err *err)
{
	for (size_t i = 0; i < set->n; i++) {
		struct lever *l = set->list[i];
		bool tried;

		if (lever_try_right(l, w->env, scope, &tried, err) != 0)
			return err_in(err, "lever %zu of %zu, %s", i + 1,
			    set->n, lever_name(l));
	}
	return 0;
}

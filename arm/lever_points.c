/*
 * A move reads all values and then writes those that are not as they should
 * be yet, each under the condition that it still is what was read.  So a move
 * that was cut short, by a crash or a lost answer, is gone on with by doing it
 * again: what was written is as it should be, and passed over.  A value that
 * is neither what the look saw nor what is wanted is somebody else's.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/scope.h"
#include "base/xalloc.h"

#include "arm/lever_points.h"

#define SHOWN_MAX     ((size_t)4 << 10)
#define LOOK_AGAIN_MS 2000

/* No service gives such a one. */
#define NO_ETAG "\"drsync-check\""

static const struct lever_point_ops *
ops_of(const struct lever *l)
{
	return ((const struct points_lever *)l)->points;
}

struct lever_point *
lever_points_add(struct lever_points *p, const char *name, struct err *err)
{
	struct lever_point *point;

	if (p->n == LEVER_CHANGES_MAX) {
		err_set(err, ERR_USAGE, "these are more than %d",
		    LEVER_CHANGES_MAX);
		return NULL;
	}
	p->list = xreallocarray(p->list, p->n + 1, sizeof(*p->list));
	point = &p->list[p->n++];
	*point = (struct lever_point){.name = xstrdup(name)};
	return point;
}

static void
release(struct lever_points *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct lever_point *point = &p->list[i];

		free(point->name);
		cJSON_Delete(point->now);
		cJSON_Delete(point->want);
		cJSON_Delete(point->raw);
		free(point->etag);
		free(point->pending);
	}
	free(p->list);
	free(p->alias);
	free(p->host);
	*p = (struct lever_points){0};
}

static int
read_points(struct lever *l, const struct lever_env *env,
    const struct scope *scope, struct lever_points *p, struct err *err)
{
	*p = (struct lever_points){0};
	if (ops_of(l)->read(l, env, scope, p, err) == 0)
		return 0;
	release(p);
	return -1;
}

static const struct lever_point *
find(const struct lever_points *p, const char *name, struct err *err)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->list[i].name, name) == 0)
			return &p->list[i];
	err_set(err, ERR_MISSING, "'%s' is not there any more", name);
	return NULL;
}

static int
is_same(struct lever *l, const struct lever_env *env, const struct scope *scope,
    const struct lever_point *point, const cJSON *as, bool *same,
    struct err *err)
{
	if (ops_of(l)->same != NULL)
		return ops_of(l)->same(l, env, scope, point, as, same, err);
	*same = cJSON_Compare(point->now, as, true);
	return 0;
}

static char *
shown(struct lever *l, const struct lever_point *point, const cJSON *content)
{
	struct buf b;

	buf_init(&b, SHOWN_MAX);
	ops_of(l)->show(l, &b, point, content);
	return buf_take(&b);
}

static void
add_change(struct lever *l, struct lever_view *view,
    const struct lever_point *point, const cJSON *to)
{
	char *now = shown(l, point, point->now), *then = shown(l, point, to);

	lever_add_change(view, point->name, now, then);
	free(now);
	free(then);
}

static int
look_ahead(struct lever *l, const struct lever_env *env,
    const struct scope *scope, const struct lever_points *p,
    struct lever_view *view, struct err *err)
{
	cJSON *list;
	bool same;

	view->note = cJSON_CreateObject();
	list = cJSON_AddArrayToObject(view->note, "points");
	for (size_t i = 0; i < p->n; i++) {
		const struct lever_point *point = &p->list[i];
		cJSON *o = cJSON_CreateObject();

		cJSON_AddItemToArray(list, o);
		cJSON_AddStringToObject(o, "name", point->name);
		cJSON_AddItemToObject(
		    o, "before", cJSON_Duplicate(point->now, true));
		if (is_same(l, env, scope, point, point->want, &same, err) != 0)
			return -1;
		cJSON_AddItemToObject(o, "after",
		    cJSON_Duplicate(same ? point->now : point->want, true));
		if (!same)
			add_change(l, view, point, point->want);
	}
	return 0;
}

/* What a note says of one value. */
struct noted {
	const char *name;
	const cJSON *to, *from;
	bool ours; /* there is something to be done about it */
};

static int
noted_at(const cJSON *note, enum lever_way way, size_t i, struct noted *out,
    struct err *err)
{
	const char *to = way == LEVER_PULL ? "after" : "before";
	const char *from = way == LEVER_PULL ? "before" : "after";
	const cJSON *list, *o;

	if (json_get_array(note, "points", &list, err) != 0)
		return -1;
	/* What was done last is undone first. */
	if (way == LEVER_UNDO)
		i = (size_t)cJSON_GetArraySize(list) - 1 - i;
	o = cJSON_GetArrayItem(list, (int)i);
	if (json_get_str(o, "name", &out->name, err) != 0 ||
	    json_get_object(o, to, &out->to, err) != 0 ||
	    json_get_object(o, from, &out->from, err) != 0)
		return -1;
	/* What a pull left as it was, is none of its undo's business. */
	out->ours = way == LEVER_PULL ||
	    !cJSON_Compare(out->to, out->from, true);
	return 0;
}

static size_t
noted_count(const cJSON *note)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(note, "points");

	return (size_t)cJSON_GetArraySize(list);
}

/* The i-th that is noted, and its point; NULL where it is not ours to move. */
static int
point_at(const struct lever_points *p, const cJSON *note, enum lever_way way,
    size_t i, struct noted *noted, const struct lever_point **point,
    struct err *err)
{
	*point = NULL;
	if (noted_at(note, way, i, noted, err) != 0)
		return -1;
	if (!noted->ours)
		return 0;
	*point = find(p, noted->name, err);
	return *point != NULL ? 0 : -1;
}

static int
look_back(struct lever *l, const struct lever_env *env,
    const struct scope *scope, const struct lever_points *p, const cJSON *note,
    struct lever_view *view, struct err *err)
{
	for (size_t i = 0; i < noted_count(note); i++) {
		const struct lever_point *point;
		struct noted noted;
		bool same;

		if (point_at(p, note, LEVER_UNDO, i, &noted, &point, err) != 0)
			return -1;
		if (point == NULL)
			continue;
		if (is_same(l, env, scope, point, noted.to, &same, err) != 0)
			return -1;
		if (!same)
			add_change(l, view, point, noted.to);
	}
	return 0;
}

static int
somebody_elses(struct lever *l, const struct lever_point *point,
    const struct noted *noted, struct err *err)
{
	char *now = shown(l, point, point->now);
	char *from = shown(l, point, noted->from);
	char *to = shown(l, point, noted->to);

	err_set(err, ERR_CONFLICT,
	    "'%.80s' is now '%.80s', neither '%.80s' as it was nor '%.80s' as "
	    "it is to be: somebody changed it meanwhile, and it stays so",
	    point->name, now, from, to);
	free(now);
	free(from);
	free(to);
	return -1;
}

/* A move by that note would come upon no change but its own. */
static int
check_ours(struct lever *l, const struct lever_env *env,
    const struct scope *scope, const struct lever_points *p, enum lever_way way,
    const cJSON *note, struct err *err)
{
	for (size_t i = 0; i < noted_count(note); i++) {
		const struct lever_point *point;
		struct noted noted;
		bool same;

		if (point_at(p, note, way, i, &noted, &point, err) != 0)
			return -1;
		if (point == NULL)
			continue;
		if (is_same(l, env, scope, point, noted.to, &same, err) != 0 ||
		    (!same &&
			is_same(l, env, scope, point, noted.from, &same, err) !=
			    0))
			return -1;
		if (!same)
			return somebody_elses(l, point, &noted, err);
	}
	return 0;
}

int
lever_points_look(struct lever *l, const struct lever_env *env,
    const struct scope *scope, enum lever_way way, const cJSON *note,
    struct lever_view *view, struct err *err)
{
	struct lever_points p;
	int rc;

	if (read_points(l, env, scope, &p, err) != 0)
		return -1;
	rc = way == LEVER_PULL ? look_ahead(l, env, scope, &p, view, err)
			       : look_back(l, env, scope, &p, note, view, err);
	if (rc == 0 && note != NULL)
		rc = check_ours(l, env, scope, &p, way, note, err);
	view->alias = p.alias;
	view->host = p.host;
	p.alias = p.host = NULL;
	view->right = ops_of(l)->right;
	release(&p);
	return rc;
}

/* Of a refused condition: an earlier attempt of ours may have been through
 * before its answer was lost. */
static int
see_who_wrote(struct lever *l, const struct lever_env *env,
    const struct scope *scope, const struct noted *noted, struct err *err)
{
	const struct lever_point *point;
	struct lever_points p;
	bool same;
	int rc = -1;

	if (read_points(l, env, scope, &p, err) != 0)
		return -1;
	point = find(&p, noted->name, err);
	if (point != NULL &&
	    is_same(l, env, scope, point, noted->to, &same, err) == 0)
		rc = same ? 0 : somebody_elses(l, point, noted, err);
	release(&p);
	return rc;
}

static int
move_one(struct lever *l, const struct lever_env *env,
    const struct scope *scope, const struct lever_point *point,
    const struct noted *noted, bool *changed, struct err *err)
{
	bool same;

	if (is_same(l, env, scope, point, noted->to, &same, err) != 0)
		return -1;
	if (same)
		return 0;
	if (is_same(l, env, scope, point, noted->from, &same, err) != 0)
		return -1;
	if (!same)
		return somebody_elses(l, point, noted, err);
	if (env->still_ours != NULL &&
	    env->still_ours(env->still_ours_arg, err) != 0)
		return -1;
	*changed = true;
	if (ops_of(l)->write(l, env, scope, point, noted->to, err) == 0)
		return 0;
	if (err->status != 412)
		return -1;
	return see_who_wrote(l, env, scope, noted, err);
}

int
lever_points_move(struct lever *l, const struct lever_env *env,
    const struct scope *scope, enum lever_way way, const cJSON *note,
    bool *changed, struct err *err)
{
	struct lever_points p;
	int rc = 0;

	if (read_points(l, env, scope, &p, err) != 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < noted_count(note); i++) {
		const struct lever_point *point;
		struct noted noted;

		rc = point_at(&p, note, way, i, &noted, &point, err);
		if (rc == 0 && point != NULL)
			rc = move_one(
			    l, env, scope, point, &noted, changed, err);
	}
	release(&p);
	return rc;
}

/* In err, why not; 1: not yet. */
static int
took_effect(struct lever *l, const struct lever_env *env,
    const struct scope *scope, enum lever_way way, const cJSON *note,
    struct lever_points *p, struct err *err)
{
	for (size_t i = 0; i < noted_count(note); i++) {
		const struct lever_point *point;
		struct noted noted;
		bool same;

		if (point_at(p, note, way, i, &noted, &point, err) != 0)
			return -1;
		if (point == NULL)
			continue;
		if (is_same(l, env, scope, point, noted.to, &same, err) != 0)
			return -1;
		if (!same)
			err_set(err, ERR_UNREACHABLE,
			    "'%s' is not seen to have changed", point->name);
		else if (way == LEVER_PULL && point->pending != NULL)
			err_set(err, ERR_UNREACHABLE, "'%s': %s", point->name,
			    point->pending);
		else
			continue;
		return 1;
	}
	return 0;
}

int
lever_points_check(struct lever *l, const struct lever_env *env,
    const struct scope *scope, enum lever_way way, const cJSON *note,
    struct err *err)
{
	struct lever_points p;
	struct err ended = {0};
	int rc;

	for (;;) {
		if (read_points(l, env, scope, &p, err) != 0)
			return -1;
		rc = took_effect(l, env, scope, way, note, &p, err);
		release(&p);
		if (rc != 1)
			return rc;
		if (scope_sleep(scope, LOOK_AGAIN_MS, &ended) == 0)
			continue;
		/* What it waited for in vain says more than that it did. */
		if (ended.kind != ERR_UNREACHABLE)
			*err = ended;
		return -1;
	}
}

int
lever_points_try_right(struct lever *l, const struct lever_env *env,
    const struct scope *scope, bool *tried, struct err *err)
{
	char etag[] = NO_ETAG;
	struct lever_points p;
	int rc = 0;

	if (read_points(l, env, scope, &p, err) != 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < p.n; i++) {
		struct lever_point point = p.list[i];

		if (point.etag == NULL)
			continue;
		*tried = true;
		point.etag = etag;
		rc = ops_of(l)->write(l, env, scope, &point, point.now, err);
		if (rc != 0 && err->status == 412)
			rc = 0;
	}
	release(&p);
	if (rc == 0)
		*err = (struct err){0};
	return rc;
}

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arm/redis_resource.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/redis_census.h"
#include "storage/store.h"

#include "agent/snapshot/azure_modules.h"
#include "agent/snapshot/dump_take.h"
#include "agent/snapshot/env.h"
#include "agent/snapshot/export_count.h"
#include "agent/snapshot/export_set.h"
#include "agent/snapshot/lent_place.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/progress.h"
#include "agent/snapshot/source.h"
#include "agent/snapshot/source_arm.h"
#include "agent/snapshot/source_blob.h"

#define TIMEOUT_DEFAULT_MS INT64_C(21600000)
#define STILL_DEFAULT_MS   INT64_C(60000)

/* What an earlier process exported stands for an older point in time.  One
 * that began no longer ago than this ends before another would. */
#define FRESH_MS INT64_C(3600000)

/* Premium wants its names to begin with something. */
#define PREFIX "drsync"

#define NOTE_MAX   4096
#define SHOWN_SIZE 160

struct source_arm {
	struct source source;
	struct source_arm_opts opts;
	char shown[SHOWN_SIZE]; /* "cache1/default" */

	/* Of the export that the dumps are taken from. */
	struct operation *op;
	struct lent_places places;
	struct store *place;
	int64_t begun_ms;
	bool by_state; /* its end was told by that alone */
	struct redis_census before, after;
};

static int64_t
export_ms(const struct source_arm *a)
{
	return a->opts.timeout_ms != 0 ? a->opts.timeout_ms
				       : TIMEOUT_DEFAULT_MS;
}

static void
forget(struct source_arm *a)
{
	operation_free(a->op);
	store_free(a->place);
	a->op = NULL;
	a->place = NULL;
}

static char *
format_note(const struct source_arm *a)
{
	cJSON *o = cJSON_CreateObject();
	char *text;

	cJSON_AddStringToObject(o, "job", a->places.job);
	cJSON_AddStringToObject(o, "container", a->place->url);
	json_add_int(o, "begun_ms", a->begun_ms);
	if (a->before.primaries > 0) {
		json_add_int(o, "keys", (int64_t)a->before.keys);
		json_add_int(o, "keys_alike", (int64_t)a->before.keys_alike);
	}
	text = json_format_line(o);
	cJSON_Delete(o);
	return text;
}

/* How many keys there were, if that process asked. */
static void
take_before(struct source_arm *a, const cJSON *o)
{
	struct err ignored = {0};
	int64_t keys = -1, alike = 0;

	a->before = (struct redis_census){0};
	json_opt_int(o, "keys", &keys, &ignored);
	json_opt_int(o, "keys_alike", &alike, &ignored);
	if (keys >= 0 && alike >= 0)
		a->before = (struct redis_census){.keys = (uint64_t)keys,
		    .keys_alike = (uint64_t)alike,
		    .primaries = 1};
}

/* Opens the place that an earlier process noted; none when it is not this
 * job's, not of this account, or too old by now. */
static void
open_noted(struct source_arm *a, const char *note, int64_t now_ms)
{
	const char *job, *url;
	struct err ignored = {0};
	cJSON *o = json_parse(note, strlen(note), NOTE_MAX, false, &ignored);

	if (o == NULL || json_get_str(o, "job", &job, &ignored) != 0 ||
	    json_get_str(o, "container", &url, &ignored) != 0 ||
	    json_get_int(o, "begun_ms", &a->begun_ms, &ignored) != 0 ||
	    strcmp(job, a->places.job) != 0 || strrchr(url, '/') == NULL ||
	    now_ms - a->begun_ms > FRESH_MS)
		goto out;
	take_before(a, o);
	a->place = lent_place_open(&a->places, strrchr(url, '/') + 1, &ignored);
	if (a->place != NULL && strcmp(a->place->url, url) != 0) {
		store_free(a->place);
		a->place = NULL;
	}
out:
	cJSON_Delete(o);
}

/* Whoever exports may not see how it goes, or another's change may have been
 * taken for its end. */
static void
tell_by_state(struct source_arm *a, const struct snapshot_env *env,
    const struct operation_end *end)
{
	a->by_state = end->by_state;
	if (end->by_state)
		progress_note(env->progress, STEP_SNAPSHOT,
		    "that the export of '%s' has ended, and so that no file "
		    "of it is missing, is told by its state alone: grant "
		    "Microsoft.Cache/locations/operationsStatus/read to be "
		    "told by the export itself",
		    a->shown);
}

/* One that is said to go on for ever can write nothing any more when the right
 * that it was given has run out. */
static bool
is_over_by_time(
    const struct source_arm *a, const struct scope *scope, struct err *err)
{
	int64_t valid_ms = lent_place_valid_ms(export_ms(a));

	if (err->kind != ERR_UNREACHABLE || a->begun_ms == 0 ||
	    scope_wall_ms(scope) - a->begun_ms <= valid_ms)
		return false;
	*err = (struct err){0};
	return true;
}

/*
 * To its end, whosever it is: there are never two at once.  Then a->op is one
 * that ended well and can be used, or NULL.
 */
static int
take_up(struct source_arm *a, const struct scope *scope,
    const struct snapshot_env *env, struct err *err)
{
	struct operation_end end = {.outcome = OPERATION_UNKNOWN};

	a->op = redis_resource_resume(a->opts.resource, "export", err);
	if (a->op == NULL && err->kind == ERR_MISSING) {
		*err = (struct err){0};
		return 0;
	}
	if (a->op == NULL)
		return -1;
	progress_note(env->progress, STEP_SNAPSHOT,
	    "an earlier run had '%s' export itself; that is followed to its "
	    "end",
	    a->shown);
	open_noted(a, operation_note(a->op), scope_wall_ms(scope));
	if (operation_follow(a->op, scope, &end, err) != 0 &&
	    !is_over_by_time(a, scope, err))
		return -1;
	if (end.outcome == OPERATION_SUCCEEDED && a->place != NULL) {
		tell_by_state(a, env, &end);
		return 0;
	}
	if (operation_settle(a->op, err) != 0)
		return -1;
	forget(a);
	return 0;
}

static int
check_state(const struct source_arm *a, const struct redis_description *d,
    struct err *err)
{
	if (!d->can_export)
		return err_set(err, ERR_UNSUPPORTED,
		    "'%s' is %s, which exports nothing; give its address as "
		    "the source, to be read by 'scan'",
		    a->shown, d->sku);
	if (d->state == RESOURCE_READY)
		return 0;
	return err_set(err,
	    d->state == RESOURCE_BUSY ? ERR_TRANSIENT : ERR_SERVER,
	    "'%s' cannot export itself now: it is %s%s%s", a->shown,
	    d->provisioning, d->resource[0] != '\0' ? ", " : "", d->resource);
}

static void
tell_facts(const struct redis_description *d, struct source_facts *f)
{
	*f = (struct source_facts){
	    .offset = -1,
	    .cow_bytes = -1,
	    .consistent = true,
	    .diskless = true,
	};
	f->profile = azure_modules_profile(d);
	if (d->version[0] != '\0')
		snprintf(
		    f->server, sizeof(f->server), "redis %.40s", d->version);
	snprintf(f->host, sizeof(f->host), "%.255s:%d", d->host, d->port);
}

/* Its right to write there goes into the request, and nowhere else. */
static int
post(struct source_arm *a, const struct scope *scope,
    const struct snapshot_env *env, struct err *err)
{
	int64_t timeout_ms = export_ms(a);
	char *note = format_note(a), *url = NULL;
	const struct operation_opts opts = {
	    .note = note,
	    .still_ours = env->still_ours,
	    .still_ours_arg = env->still_ours_arg,
	    .timeout_ms = timeout_ms,
	};
	struct secret container = {0};
	const struct redis_export what = {
	    .container = &container,
	    .prefix = redis_resource_abilities(a->opts.resource)->needs_prefix
		? PREFIX
		: NULL,
	    .by_identity = a->opts.by_identity,
	    .storage_subscription = a->opts.storage_subscription,
	};
	const struct lent_right right = {
	    .valid_ms = lent_place_valid_ms(timeout_ms),
	    .permissions = a->opts.permissions,
	    .none = a->opts.by_identity,
	};

	if (a->place->ops->lend->url(
		a->place, scope, NULL, &right, &url, err) == 0) {
		secret_set(&container, url, strlen(url));
		a->op = redis_resource_export(
		    a->opts.resource, &what, &opts, scope, err);
	}
	secret_release(&container);
	store_lent_url_free(url);
	free(note);
	return a->op != NULL ? 0 : -1;
}

/* What cannot be taken away now is, at the next try. */
static void
remove_place(struct source_arm *a, const struct snapshot_env *env)
{
	struct scope scope = dump_afterwards();
	struct err err = {0};

	if (lent_place_remove(&a->places, a->place, &scope, &err) != 0)
		progress_note(env->progress, STEP_SNAPSHOT,
		    "container '%s' is left for the job's next run to remove: "
		    "%.200s",
		    lent_place_name(a->place), err.text);
}

static int
begin(struct source_arm *a, const char *id, const struct redis_description *d,
    const struct scope *scope, const struct snapshot_env *env, struct err *err)
{
	export_count_ask(&a->opts.counted, d, scope, env, &a->before);
	a->place = lent_place_make(&a->places, id, scope, err);
	if (a->place == NULL)
		return -1;
	a->begun_ms = scope_wall_ms(scope);
	if (post(a, scope, env, err) == 0) {
		progress_note(env->progress, STEP_SNAPSHOT,
		    "'%s' exports itself into container '%s'", a->shown,
		    lent_place_name(a->place));
		return 0;
	}
	remove_place(a, env);
	return -1;
}

/* The service's word for one that goes well when it is asked for again. */
static int
tell_failure(
    struct source_arm *a, const struct operation_end *end, struct err *err)
{
	*err = end->why;
	if (end->outcome == OPERATION_UNKNOWN ||
	    strcmp(err->code, "Conflict") == 0)
		err->kind = ERR_TRANSIENT;
	return end->outcome == OPERATION_UNKNOWN
	    ? err_in(err, "whether '%s' exported itself is not known", a->shown)
	    : err_in(err, "the export of '%s'", a->shown);
}

/* What may still be written to is left for the next run to remove. */
static int
follow(struct source_arm *a, const struct scope *scope,
    const struct snapshot_env *env, struct err *err)
{
	struct operation_end end;
	struct err later = {0};

	if (operation_follow(a->op, scope, &end, err) != 0)
		return -1;
	if (end.outcome == OPERATION_SUCCEEDED) {
		tell_by_state(a, env, &end);
		return 0;
	}
	tell_failure(a, &end, err);
	if (operation_settle(a->op, &later) != 0)
		err_in(err, "%.100s; and", later.text);
	else if (end.outcome == OPERATION_FAILED)
		remove_place(a, env);
	return -1;
}

static int
export_anew(struct source_arm *a, const char *id,
    const struct redis_description *d, const struct scope *scope,
    const struct snapshot_env *env, struct err *err)
{
	struct err ignored = {0};

	if (check_state(a, d, err) != 0)
		return -1;
	if (lent_places_clear(&a->places, scope, &ignored) != 0)
		progress_note(env->progress, STEP_SNAPSHOT,
		    "what an earlier run left is still there: %.300s",
		    ignored.text);
	if (begin(a, id, d, scope, env, err) != 0)
		return -1;
	return follow(a, scope, env, err);
}

static int
read_files(struct source_arm *a, struct export_set *set,
    const struct scope *scope, struct source_facts *facts, struct err *err)
{
	const struct export_patience patience = {
	    .still_ms = a->opts.still_ms != 0 ? a->opts.still_ms
					      : STILL_DEFAULT_MS,
	    .most_ms = export_ms(a),
	};

	facts->point_ms = a->begun_ms;
	facts->before = a->before;
	facts->after = a->after;
	facts->complete = a->by_state ? MANIFEST_COMPLETE_SEEN
				      : MANIFEST_COMPLETE_TOLD;
	return a->by_state
	    ? export_set_await(set, a->place, &patience, scope, err)
	    : export_set_read(set, a->place, scope, err);
}

static int
arm_export(struct source *s, const struct store *beside,
    const struct scope *scope, const struct snapshot_env *env,
    const struct manifest *m, struct export_set *set,
    struct source_facts *facts, struct err *err)
{
	struct source_arm *a = (struct source_arm *)s;
	struct redis_description d;
	int rc;

	a->places = (struct lent_places){
	    beside, env->journal, "export", m->job};
	if (store_lend_check(beside, err) != 0 ||
	    take_up(a, scope, env, err) != 0 ||
	    redis_resource_describe(a->opts.resource, scope, &d, err) != 0)
		return -1;
	tell_facts(&d, facts);
	rc = a->op != NULL ? 0 : export_anew(a, m->id, &d, scope, env, err);
	if (rc == 0 && a->before.primaries > 0)
		export_count_ask(&a->opts.counted, &d, scope, env, &a->after);
	redis_description_release(&d);
	return rc == 0 ? read_files(a, set, scope, facts, err) : -1;
}

/*
 * An export that ended well, and of which only the rest failed, is not settled:
 * the next try begins with its files.
 */
static void
arm_left_off(struct source *s, const struct snapshot_env *env, bool stands,
    enum err_kind why)
{
	struct source_arm *a = (struct source_arm *)s;
	bool is_no_dump = !stands && why == ERR_CORRUPT;
	struct err err = {0};

	if (a->op != NULL && (stands || is_no_dump) &&
	    operation_settle(a->op, &err) != 0)
		progress_note(env->progress, STEP_SNAPSHOT, "%s", err.text);
	else if (a->op != NULL && stands)
		remove_place(a, env);
	else if (a->op != NULL && is_no_dump)
		progress_note(env->progress, STEP_SNAPSHOT,
		    "what it exported is kept in container '%s' until the "
		    "job's next run",
		    lent_place_name(a->place));
	forget(a);
}

static void
arm_free(struct source *s)
{
	struct source_arm *a = (struct source_arm *)s;

	forget(a);
	free(s->shown);
	free(a);
}

static const struct source_ops arm_ops = {
    .way = SOURCE_BLOB_WAY,
    .export = arm_export,
    .left_off = arm_left_off,
    .free = arm_free,
};

struct source *
source_arm_new(const struct source_arm_opts *opts)
{
	const struct resource_id *id = redis_resource_id(opts->resource);
	struct source_arm *a = xcalloc(1, sizeof(*a));
	struct buf text;

	a->source.ops = &arm_ops;
	a->opts = *opts;
	buf_init(&text, NOTE_MAX);
	resource_id_format(&text, id);
	a->source.shown = buf_take(&text);
	buf_init(&text, SHOWN_SIZE - 1);
	resource_id_show(&text, id);
	snprintf(a->shown, sizeof(a->shown), "%s", text.data);
	buf_release(&text);
	return &a->source;
}

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/scope.h"
#include "rdb/client_fence.h"
#include "rdb/fingerprint.h"
#include "rdb/redis_target.h"
#include "rdb/target_whole.h"

#include "agent/snapshot/env.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/manifest_target.h"
#include "agent/snapshot/progress.h"
#include "agent/snapshot/snapshot_load_private.h"

/* Of the connections of each load. */
#define CLIENT_PREFIX "drsync:import:"

struct way_name {
	const char *name;
	enum restorer way;
};

static const struct way_name ways[] = {
    {"auto", RESTORER_AUTO},
    {"replica", RESTORER_REPLICA},
    {"restore", RESTORER_RESTORE},
    {"arm", RESTORER_ARM},
};

const char *
restorer_name(enum restorer way)
{
	return ways[way].name;
}

int
restorer_parse(const char *name, enum restorer *way, struct err *err)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (strcmp(ways[i].name, name) == 0) {
			*way = ways[i].way;
			return 0;
		}
	return err_set(err, ERR_USAGE,
	    "'%.40s' is no restorer: auto, replica, restore or arm", name);
}

int
loading_still_ours(const struct loading *l, struct err *err)
{
	return l->env->still_ours != NULL
	    ? l->env->still_ours(l->env->still_ours_arg, err)
	    : 0;
}

/* What an earlier load has under way must not come after what this one
 * brings. */
static int
end_earlier_loads(struct loading *l, struct err *err)
{
	struct client_fence fence;

	if (client_fence_raise(l->opts->target, l->opts->redis, CLIENT_PREFIX,
		l->scope, &fence, err) != 0)
		return -1;
	if (fence.ended > 0)
		progress_note(l->env->progress, STEP_IMPORT,
		    "%u connections of an earlier import were still open at "
		    "the target, and have been closed",
		    fence.ended);
	if (fence.blind[0] != '\0')
		progress_note(l->env->progress, STEP_IMPORT,
		    "whether an earlier import still has connections open "
		    "there is not known (it takes CLIENT LIST and CLIENT "
		    "KILL): %s",
		    fence.blind);
	return 0;
}

int
loading_last_look(struct loading *l, struct err *err)
{
	if (end_earlier_loads(l, err) != 0)
		return -1;
	if (import_guard_again(&l->guard, l->scope, l->env, &l->answer, err) !=
	    0)
		return -1;
	return loading_still_ours(l, err);
}

int
loading_note_begin(struct loading *l, struct err *err)
{
	if (import_guard_note(&l->guard, &l->answer, false, l->scope, err) != 0)
		return -1;
	return loading_still_ours(l, err);
}

/* Nobody knows what the part takes in a server's memory; the sizes of what
 * cannot be taken apart are those of the whole. */
static void
take_part(struct manifest_target *t, const struct rdb_summary *part)
{
	t->rdb.keys = part->keys;
	t->rdb.types_seen = part->types_seen;
	t->rdb.db_max = part->db_max;
	t->rdb.value_max = part->value_max;
	t->rdb.sizes = part->sizes;
	t->rdb.has_functions = part->has_functions;
	t->rdb.has_modules = part->has_modules;
	t->dump.size = part->size;
	t->dump.used_memory = 0;
}

int
loading_ask_target(struct loading *l, struct target_verdict *v, struct err *err)
{
	struct manifest_target t;
	struct target_whole whole;

	manifest_target(l->m, &t);
	t.rdb.value_max = l->value_max;
	t.rdb.sizes = l->sizes;
	if (l->opts->filter != NULL)
		take_part(&t, &l->part);
	if (target_whole_check(l->opts->target, l->opts->redis, l->scope,
		&t.dump, &whole, err) != 0)
		return -1;
	*v = whole.verdict;
	return 0;
}

/* A full sync would have to be of a dump that no store has and no manifest
 * vouches for. */
static int
choose_filtered(
    struct loading *l, const struct target_verdict *v, struct err *err)
{
	if (l->opts->way == RESTORER_REPLICA)
		return err_set(err, ERR_UNSUPPORTED,
		    "restorer 'replica' loads whole snapshots: with a filter "
		    "it is 'restore'");
	if (!v->restore_ok)
		return err_set(err, ERR_UNSUPPORTED,
		    "restorer 'restore', which a filter takes, does not work "
		    "here: %s",
		    v->restore_why);
	l->facts->way = RESTORER_RESTORE;
	snprintf(l->facts->why, sizeof(l->facts->why), "the filter needs it");
	return 0;
}

/* By what the target can take, and by what the caller wants. */
static int
choose(struct loading *l, const struct target_verdict *v, struct err *err)
{
	struct snapshot_load_facts *f = l->facts;
	enum restorer want = l->opts->way;

	if (l->opts->filter != NULL)
		return choose_filtered(l, v, err);
	if (want != RESTORER_RESTORE && v->replica_ok) {
		f->way = RESTORER_REPLICA;
		snprintf(f->why, sizeof(f->why), "%s",
		    want == RESTORER_AUTO
			? "the target can take a native full sync"
			: "as asked");
		return 0;
	}
	if (want == RESTORER_REPLICA)
		return err_set(err, ERR_UNSUPPORTED,
		    "restorer 'replica' does not work here: %s",
		    v->replica_why);
	if (v->restore_ok) {
		f->way = RESTORER_RESTORE;
		snprintf(f->why, sizeof(f->why), "%s%s",
		    want == RESTORER_AUTO ? "not by 'replica': " : "as asked",
		    want == RESTORER_AUTO ? v->replica_why : "");
		return 0;
	}
	if (want == RESTORER_RESTORE)
		return err_set(err, ERR_UNSUPPORTED,
		    "restorer 'restore' does not work here: %s",
		    v->restore_why);
	return err_set(err, ERR_UNSUPPORTED,
	    "the target cannot take this snapshot: not by 'replica': %s; not "
	    "by 'restore': %s",
	    v->replica_why, v->restore_why);
}

/* 'replica' may turn out not to work when the target cannot reach us. */
static int
load(struct loading *l, const struct target_verdict *v, struct err *err)
{
	struct snapshot_load_facts *f = l->facts;

	if (f->way == RESTORER_RESTORE)
		return loading_by_restore(l, err);
	if (loading_by_replica(l, err) == 0)
		return 0;
	if (err->kind != ERR_UNSUPPORTED || l->opts->way != RESTORER_AUTO)
		return -1;
	if (!v->restore_ok)
		return err_in(
		    err, "not by 'restore': %s; by 'replica'", v->restore_why);
	f->way = RESTORER_RESTORE;
	snprintf(f->why, sizeof(f->why), "not by 'replica': %.200s", err->text);
	progress_note(
	    l->env->progress, STEP_IMPORT, "by 'restore', %s", f->why);
	*err = (struct err){0};
	return loading_by_restore(l, err);
}

/*
 * What came from a socket or by RESTORE is in the target's memory only.  It is
 * loaded and noted by now, so whatever goes wrong here is told, and no reason
 * to begin again.
 */
static void
see_it_saved(struct loading *l)
{
	const struct snapshot_load_opts *o = l->opts;
	struct snapshot_load_facts *f = l->facts;
	struct err err = {0};

	if (target_whole_save(o->target, o->redis, l->scope, &f->saved,
		f->unsaved_why, &err) != 0) {
		f->saved = TARGET_NOT_SAVED;
		snprintf(
		    f->unsaved_why, sizeof(f->unsaved_why), "%.199s", err.text);
	}
	if (f->saved == TARGET_NOT_SAVED)
		progress_note(l->env->progress, STEP_IMPORT,
		    "the target has NOT saved it to its disk yet: %s",
		    f->unsaved_why);
}

int
loading_settle(const struct loading *l, struct err *err)
{
	const struct snapshot_load_opts *o = l->opts;

	return o->settle != NULL ? o->settle(o->settle_arg, l->scope, err) : 0;
}

/* A part would have to be a dump, which nobody made. */
static bool
is_for_arm(const struct loading *l)
{
	return l->opts->way == RESTORER_ARM ||
	    (l->opts->way == RESTORER_AUTO && l->opts->resource != NULL &&
		l->opts->filter == NULL);
}

static int
check_arm(const struct loading *l, struct err *err)
{
	if (l->opts->resource == NULL)
		return err_set(err, ERR_USAGE,
		    "restorer 'arm' needs 'dr.resource', the target's resource "
		    "id");
	if (l->opts->filter != NULL)
		return err_set(err, ERR_UNSUPPORTED,
		    "restorer 'arm' loads whole snapshots: with a filter it is "
		    "'restore'");
	return 0;
}

static int
guarded(struct loading *l, struct err *err)
{
	struct target_verdict verdict;

	if (!l->m->verified && !l->opts->unverified)
		return err_set(err, ERR_REFUSED,
		    "the snapshot could not be parsed by the drsync that took "
		    "it (RDB version %d), so nothing proves it; to load it "
		    "all the same give --unverified",
		    l->m->rdb_version);
	if (!l->m->verified && l->opts->filter != NULL)
		return err_set(err, ERR_UNSUPPORTED,
		    "the snapshot cannot be read, and so not filtered");
	if (is_for_arm(l))
		return check_arm(l, err) == 0 ? loading_by_arm(l, err) : -1;
	if (import_guard_ask(&l->guard, l->scope, l->env, &l->answer, err) != 0)
		return -1;
	l->facts->replaced = !l->answer.empty;
	if (l->opts->filter != NULL && loading_prove_part(l, err) != 0)
		return -1;
	if (loading_ask_target(l, &verdict, err) != 0 ||
	    choose(l, &verdict, err) != 0)
		return -1;
	progress_note(l->env->progress, STEP_IMPORT, "by '%s': %s",
	    restorer_name(l->facts->way), l->facts->why);
	if (load(l, &verdict, err) != 0 || loading_settle(l, err) != 0 ||
	    (l->facts->way == RESTORER_RESTORE && loading_unmark(l, err) != 0))
		return -1;
	/* Of a part it stays "begun", so that the guard takes it for no copy
	 * of the snapshot. */
	if (l->opts->filter == NULL &&
	    import_guard_note(&l->guard, &l->answer, true, l->scope, err) != 0)
		return -1;
	see_it_saved(l);
	return 0;
}

static void
take_name(struct loading *l, const struct snapshot_load_opts *opts)
{
	uint64_t nonce;

	scope_random(l->scope, &nonce, sizeof(nonce));
	snprintf(l->own.client, sizeof(l->own.client),
	    CLIENT_PREFIX "%016" PRIx64, nonce);
	l->own.opts = *opts;
	l->own.redis = *opts->redis;
	l->own.redis.client_name = l->own.client;
	l->own.opts.redis = &l->own.redis;
}

int
snapshot_load(struct store *store, const struct manifest *m,
    const struct scope *scope, const struct snapshot_env *env,
    const struct snapshot_load_opts *opts, struct snapshot_load_facts *facts,
    struct err *err)
{
	struct loading l = {
	    .store = store,
	    .m = m,
	    .scope = scope,
	    .env = env,
	    .opts = &l.own.opts,
	    .facts = facts,
	    .guard = {.store = store,
		.job = m->job,
		.snapshot = m->id,
		.target = opts->target,
		.redis = &l.own.redis,
		.overwrite = opts->overwrite,
		.m = m},
	    .value_max = m->value_max,
	    .sizes = m->sizes,
	};

	take_name(&l, opts);
	memset(facts, 0, sizeof(*facts));
	facts->keys = m->total.keys;
	if (guarded(&l, err) == 0)
		return 0;
	fingerprint_free(facts->part);
	facts->part = NULL;
	return err_in(err, "import into '%s'", opts->target->shown);
}

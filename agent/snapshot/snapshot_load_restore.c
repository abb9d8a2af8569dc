#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/budget.h"
#include "base/err.h"
#include "rdb/fingerprint.h"
#include "rdb/rdb_pick.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_primaries.h"
#include "rdb/restore_empty.h"
#include "rdb/restore_loader.h"
#include "rdb/target_check.h"
#include "rdb/value_carry.h"
#include "storage/pieces.h"

#include "agent/snapshot/empty_watch.h"
#include "agent/snapshot/env.h"
#include "agent/snapshot/import_marker.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/progress.h"
#include "agent/snapshot/snapshot_load_private.h"
#include "agent/snapshot/snapshot_read.h"

#define UNTOUCHED "the target's old data is untouched"

/* Nothing is written yet; temp_prefix as in restore_loader.h. */
static struct restore_loader *
open_loader(const struct loading *l, const char *temp_prefix, struct err *err)
{
	const struct snapshot_load_opts *o = l->opts;
	struct restore_opts opts = {
	    .connections = o->connections,
	    .budget = l->env->budget,
	    .temp_prefix = temp_prefix,
	    .value_max = o->filter != NULL ? l->part.value_max : l->value_max,
	};

	return restore_loader_new(o->target, o->redis, l->scope, &opts, err);
}

/*
 * In the memory that the load will leave for it, and with the load's
 * connections: what is not to be had then is found out now.  The connections
 * are not kept, since the reading may last longer than a server, or what is on
 * the way to it, leaves silent ones open.
 */
static int
read_as_if_loading(
    struct loading *l, const struct snapshot_read_opts *opts, struct err *err)
{
	struct restore_loader *loader = open_loader(l, NULL, err);
	struct budget *gate = NULL;
	int rc = -1;

	if (loader == NULL)
		return -1;
	if (manifest_has_pieces(l->m))
		gate = budget_carve(l->env->budget, PIECE_BYTES, err);
	if (gate != NULL || !manifest_has_pieces(l->m))
		rc = snapshot_read(l->store, l->m, l->scope, l->env, opts, err);
	budget_free(gate);
	restore_loader_free(loader);
	return rc;
}

/* Manifests of older versions do not tell how big the biggest values are. */
static int
judge_sizes(struct loading *l, const struct rdb_summary *sum, struct err *err)
{
	struct rdb_sizes all = l->sizes;
	struct target_verdict v;

	/* Of what is read without being decoded not all sizes are known. */
	rdb_sizes_join(&all, &sum->sizes);
	if (sum->value_max == l->value_max &&
	    memcmp(&all, &l->sizes, sizeof(all)) == 0)
		return 0;
	l->value_max = sum->value_max;
	l->sizes = all;
	if (loading_ask_target(l, &v, err) != 0)
		return -1;
	if (v.restore_ok)
		return 0;
	return err_set(err, ERR_UNSUPPORTED,
	    "restorer 'restore' does not work here: %s", v.restore_why);
}

/* What a visitor sees of the snapshot: all of it, or what the filter takes. */
static struct rdb_pick *
pick_for(const struct loading *l, struct rdb_visitor *v)
{
	return l->opts->filter != NULL
	    ? rdb_pick_new(v, l->opts->filter, l->m->point_ms)
	    : NULL;
}

static int
prove_copy(struct loading *l, struct err *err)
{
	struct empty_watch watch;
	struct rdb_summary sum;
	struct snapshot_read_opts opts = {
	    .step = STEP_VERIFY,
	    .visitors = {&watch.visitor},
	    .summary = &sum,
	};

	empty_watch_init(&watch);
	if (read_as_if_loading(l, &opts, err) != 0 ||
	    judge_sizes(l, &sum, err) != 0)
		return err_in(err, UNTOUCHED);
	return 0;
}

int
loading_prove_part(struct loading *l, struct err *err)
{
	struct fingerprint *part = l->facts->part = fingerprint_like(
	    l->m->fingerprint);
	struct rdb_pick *pick = pick_for(l, fingerprint_visitor(part));
	struct snapshot_read_opts opts = {
	    .step = STEP_VERIFY,
	    .visitors = {rdb_pick_visitor(pick)},
	    .summary = &l->part,
	};
	int rc;

	rc = read_as_if_loading(l, &opts, err);
	rdb_pick_summary(pick, &l->part);
	rdb_pick_free(pick);
	if (rc != 0)
		return err_in(err, UNTOUCHED);
	l->facts->keys = fingerprint_keys(part);
	l->facts->unwanted = l->m->total.keys - l->facts->keys;
	return 0;
}

static void
note_losses(const struct loading *l)
{
	char lost[VALUE_LOST_MAX];

	if (l->facts->lost != 0)
		progress_note(l->env->progress, STEP_IMPORT,
		    "%" PRIu64 " keys by plain commands, which do not carry %s",
		    l->facts->by_commands,
		    value_carry_lost(l->facts->lost, lost));
}

static int
feed_loader(struct loading *l, struct restore_loader *loader, struct err *err)
{
	struct snapshot_read_opts opts = {
	    .step = STEP_IMPORT,
	    /* It was proved, and is read once more. */
	    .by_piece = manifest_has_pieces(l->m),
	    .visitors = {restore_loader_visitor(loader)},
	};
	struct rdb_pick *pick = pick_for(l, restore_loader_visitor(loader));
	struct restore_facts facts = {0};
	int rc;

	if (pick != NULL)
		opts.visitors[0] = rdb_pick_visitor(pick);
	rc = snapshot_read(l->store, l->m, l->scope, l->env, &opts, err);
	rdb_pick_free(pick);
	if (rc != 0 || restore_loader_finish(loader, &facts, err) != 0)
		return -1;
	if (facts.keys + facts.expired != l->facts->keys)
		return err_set(err, ERR_CORRUPT,
		    "%" PRIu64 " keys arrived of %" PRIu64,
		    facts.keys + facts.expired, l->facts->keys);
	l->facts->expired = facts.expired;
	l->facts->left_out = facts.left_out;
	l->facts->by_commands = facts.by_commands;
	l->facts->lost = facts.lost;
	note_losses(l);
	return 0;
}

/* To the server that has the mark. */
static struct redis_conn *
connect_for_mark(const struct loading *l, struct err *err)
{
	const struct snapshot_load_opts *o = l->opts;
	char key[IMPORT_MARKER_SIZE];

	import_marker_key(l->m->job, key);
	return redis_primaries_connect(o->target, o->redis, key, l->scope, err);
}

/* The target is nobody's from the note on, until all has arrived. */
static int
refill(struct loading *l, struct restore_loader *loader,
    struct redis_conn *marking, struct err *err)
{
	const struct snapshot_load_opts *o = l->opts;

	if (l->facts->replaced &&
	    restore_empty_target(o->target, o->redis, l->scope, err) != 0)
		return -1;
	/* A replica that takes over must know the mark, or what it has of the
	 * load is nobody's. */
	if (import_marker_set(marking, l->m->job, l->m->id, l->scope, err) !=
		0 ||
	    loading_settle(l, err) != 0 || feed_loader(l, loader, err) != 0)
		return err_in(err, "the target holds a part of the snapshot");
	return 0;
}

/* All that the load takes is there before the old data go. */
static int
replace(struct loading *l, struct err *err)
{
	char values[IMPORT_MARKER_SIZE];
	struct restore_loader *loader;
	struct redis_conn *marking = NULL;
	int rc = -1;

	import_marker_values(l->m->job, values);
	loader = open_loader(l, values, err);
	if (loader != NULL)
		marking = connect_for_mark(l, err);
	/* The note may take long, and the target takes writes meanwhile. */
	if (marking == NULL || loading_note_begin(l, err) != 0 ||
	    loading_last_look(l, err) != 0) {
		err_in(err, UNTOUCHED);
		goto out;
	}
	l->facts->replaced = !l->answer.empty;
	rc = refill(l, loader, marking, err);
out:
	redis_conn_free(marking);
	restore_loader_free(loader);
	return rc;
}

int
loading_by_restore(struct loading *l, struct err *err)
{
	if (l->opts->filter == NULL && prove_copy(l, err) != 0)
		return -1;
	return replace(l, err);
}

int
loading_unmark(struct loading *l, struct err *err)
{
	struct redis_conn *conn = connect_for_mark(l, err);
	int rc;

	if (conn == NULL)
		return -1;
	rc = import_marker_clear(conn, l->m->job, l->scope, err);
	redis_conn_free(conn);
	return rc;
}

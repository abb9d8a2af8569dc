#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/scope.h"
#include "rdb/slot_set.h"

#include "agent/cmd/cmd.h"
#include "agent/cmd/compare_view.h"
#include "agent/cmd/option_sets.h"
#include "agent/cmd/show.h"
#include "agent/cmd/store_arg.h"
#include "agent/job/agent.h"
#include "agent/job/settings.h"
#include "agent/job/snapshot_find.h"
#include "agent/snapshot/dataset.h"
#include "agent/snapshot/dataset_compare.h"
#include "agent/snapshot/source.h"

#define LIMIT	  20
#define LIMIT_MAX 10000

static const struct cmd_flag flags[] = {
    {"in", "REGION",
	"'source' or 'dr': where snapshots lie; default: A in --store and B in "
	"--dr-store, as far as they are set"},
    {"limit", "N", "how many differing keys to tell (default: 20)"},
    {"all", NULL,
	"read both again until every key was looked into, when memory does "
	"not hold all at once"},
    {"fingerprints", NULL,
	"only whether and where they differ: each is read once, and keys are "
	"not looked for"},
    {NULL, NULL, NULL},
};

static const enum option takes[] = {SOURCE_READ_OPTIONS, SOURCE_STORE_OPTIONS,
    DR_REDIS_OPTIONS, DR_STORE_OPTIONS, OPT_CIPHER_KEY, OPT_IN_FLIGHT,
    OPT_TIMEOUT, OPTIONS};

/* What a side is, when it is not said. */
static const struct {
	enum region region;
	enum option redis, store;
} defaults[2] = {
    {REGION_SOURCE, OPT_SOURCE_REDIS, OPT_SOURCE_STORE},
    {REGION_DR, OPT_DR_REDIS, OPT_DR_STORE},
};

static struct dataset *
open_redis(struct cmd_call *c, int side, struct err *err)
{
	struct source_sync_opts opts = {0};
	const struct redis_target *target;
	const struct redis_opts *redis;

	target = agent_redis(
	    c->agent, defaults[side].region, c->scope, &redis, err);
	if (target == NULL)
		return NULL;
	if (agent_source_guard(c->agent, &opts.guard, err) != 0)
		return NULL;
	/* Both are made to fork; what is said of the source's machine holds
	 * for A alone. */
	if (side == 1)
		opts.guard.limits.memory = 0;
	return dataset_redis_new(target, redis, &opts);
}

static struct store *
store_of(struct cmd_call *c, int side, struct err *err)
{
	int other = 1 - side;

	if (cmd_flag(c, "in") != NULL)
		return store_arg(c, err);
	if (settings_str(c->settings, defaults[side].store) == NULL &&
	    settings_str(c->settings, defaults[other].store) != NULL)
		side = other;
	return agent_store(c->agent, defaults[side].region, err);
}

static struct dataset *
open_snapshot(struct cmd_call *c, int side, struct err *err)
{
	struct store *store = store_of(c, side, err);
	struct manifest *m;

	if (store == NULL)
		return NULL;
	m = snapshot_find(
	    store, c->scope, c->settings, c->job, c->args[side], err);
	return m != NULL ? dataset_snapshot_new(store, m) : NULL;
}

/* *live: it is a Redis. */
static struct dataset *
open_side(struct cmd_call *c, int side, bool *live, struct err *err)
{
	const char *arg = side < c->nargs ? c->args[side] : NULL;
	const char *file = settings_str(c->settings, OPT_SOURCE_FILE);

	*live = false;
	if (arg == NULL && side == 0 && file != NULL)
		return dataset_file_new(file);
	if (arg != NULL && strstr(arg, "://") == NULL)
		return arg_is_file(arg) ? dataset_file_new(arg)
					: open_snapshot(c, side, err);
	if (arg != NULL &&
	    settings_set(c->settings, defaults[side].redis, arg, err) != 0)
		return NULL;
	*live = true;
	return open_redis(c, side, err);
}

static int
parse_flags(
    struct cmd_call *c, struct dataset_compare_opts *opts, struct err *err)
{
	const char *limit = cmd_flag(c, "limit");
	long n = LIMIT;
	char *end;

	if (limit != NULL) {
		n = strtol(limit, &end, 10);
		if (end == limit || *end != '\0' || n < 0 || n > LIMIT_MAX)
			return err_set(err, ERR_USAGE,
			    "--limit is a number up to %d", LIMIT_MAX);
	}
	opts->limit = (size_t)n;
	opts->all = cmd_flag(c, "all") != NULL;
	opts->sums_only = cmd_flag(c, "fingerprints") != NULL;
	return 0;
}

static int
tell(struct cmd_call *c, const struct compare_view *v, struct err *err)
{
	char n[32];

	progress_line_clear(c->line);
	if (c->json)
		show_json(compare_document(v));
	else
		compare_show(v);
	c->told = true;
	if (v->c->verdict == DATASET_SAME)
		return 0;
	if (v->c->verdict == DATASET_UNKNOWN)
		return err_set(err, ERR_CORRUPT,
		    "the fingerprints differ, and of the keys that were "
		    "looked into none does: --all looks into all");
	if (v->c->differing > 0)
		return err_set(err, ERR_CORRUPT, "A and B differ in %s key%s",
		    show_count(v->c->differing, n),
		    v->c->differing == 1 ? "" : "s");
	if (slot_set_count(v->c->slots) > 0 && v->c->diff == NULL)
		return err_set(
		    err, ERR_CORRUPT, "the fingerprints of A and B differ");
	return err_set(
	    err, ERR_CORRUPT, "A and B differ in their function libraries");
}

static int
compare(struct cmd_call *c, struct dataset *const sides[2], bool live,
    const struct dataset_compare_opts *opts, struct err *err)
{
	const struct snapshot_env *env = agent_env(c->agent, err);
	int64_t from_ms = scope_mono_ms(c->scope);
	struct dataset_comparison found;
	struct compare_view view = {.c = &found, .live = live};
	int rc;

	if (env == NULL ||
	    dataset_compare(sides, opts, c->scope, env, &found, err) != 0)
		return -1;
	view.shown[0] = dataset_shown(sides[0]);
	view.shown[1] = dataset_shown(sides[1]);
	view.ms = scope_mono_ms(c->scope) - from_ms;
	rc = tell(c, &view, err);
	dataset_comparison_release(&found);
	return rc;
}

static int
run(struct cmd_call *c, struct err *err)
{
	struct dataset_compare_opts opts = {0};
	struct dataset *sides[2] = {NULL, NULL};
	bool live[2] = {false, false};
	int rc = parse_flags(c, &opts, err);

	for (int i = 0; i < 2 && rc == 0; i++) {
		sides[i] = open_side(c, i, &live[i], err);
		if (sides[i] == NULL)
			rc = err_in(err, "%c", 'A' + i);
	}
	if (rc == 0)
		rc = compare(c, sides, live[0] || live[1], &opts, err);
	dataset_free(sides[0]);
	dataset_free(sides[1]);
	return rc;
}

const struct cmd cmd_compare = {
    .name = "compare",
    .args = "[A [B]]",
    .most_args = 2,
    .summary = "whether two datasets hold the same, and which keys differ",
    .text =
	"Compares A with B, all databases of them. Each is a Redis (a URL), a "
	"snapshot of a store (the beginning of its id, or 'latest') or an RDB "
	"file (plain, gzip or zstd); without arguments they are the job's "
	"source and its DR Redis. The options of the source are A's, those of "
	"the target B's.\n"
	"Values are compared by digests of their canonical form, so that "
	"encodings do not matter. Both are read once and summed up by database "
	"and cluster hash slot. When sums differ, both are read again and the "
	"keys of those slots are compared, as many as --memory holds, drawn by "
	"name. A key is missing (in A only), extra (in B only), or differs in "
	"type, value or TTL. Keys that have expired are on neither side. Each "
	"reading of a Redis is a full dump, which makes it fork, so both "
	"are looked at first (--source-protect); what is "
	"written between the readings is a difference too, and what is told "
	"differed in the second ones.\n"
	"Exit status 0 when they are the same, 4 when they differ or are not "
	"known to be the same.",
    .flags = flags,
    .options = takes,
    .run = run,
};

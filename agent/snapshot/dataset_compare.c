#include <string.h>

#include "base/budget.h"
#include "base/err.h"
#include "base/scope.h"
#include "rdb/cluster_slot.h"
#include "rdb/key_table.h"
#include "rdb/slot_set.h"

#include "agent/snapshot/dataset_compare.h"
#include "agent/snapshot/env.h"
#include "agent/snapshot/progress.h"

/* Of the memory, what the sums of one side may take. */
#define SUMS_PART 6

struct comparing {
	struct dataset *const *sides;
	const struct dataset_compare_opts *opts;
	const struct scope *scope;
	const struct snapshot_env *env;
	struct dataset_comparison *out;
	int64_t gone_by_ms;
	size_t reading_bytes; /* what reading a side takes of the budget */
};

/* Read a side with a share of the budget of its own, which tells how much of
 * it reading takes. */
static int
read_side(struct comparing *c, int side, struct rdb_visitor *visitor,
    size_t bytes, struct err *err)
{
	struct snapshot_env env = *c->env;
	size_t peak;
	int rc;

	env.budget = budget_carve(c->env->budget, bytes, err);
	if (env.budget == NULL)
		return -1;
	rc = dataset_read(
	    c->sides[side], visitor, c->scope, &env, &c->out->facts[side], err);
	peak = budget_peak(env.budget);
	if (peak > c->reading_bytes)
		c->reading_bytes = peak;
	budget_free(env.budget);
	return rc;
}

static int
sum_up(struct comparing *c, struct err *err)
{
	struct dataset_comparison *out = c->out;
	size_t most = budget_left(c->env->budget) / SUMS_PART;
	struct budget *share;
	int rc = 0;

	share = budget_carve(c->env->budget, 2 * most, err);
	if (share == NULL)
		return -1;
	for (int i = 0; i < 2 && rc == 0; i++) {
		out->sums[i] = slot_sums_new(c->gone_by_ms, most);
		rc = read_side(c, i, slot_sums_visitor(out->sums[i]),
		    budget_left(c->env->budget), err);
	}
	budget_free(share);
	if (rc != 0)
		return -1;
	slot_sums_compare(out->sums[0], out->sums[1], out->slots);
	out->same_functions = slot_sums_same_functions(
	    out->sums[0], out->sums[1]);
	out->streams_compared = slot_sums_same_streams(
	    out->sums[0], out->sums[1]);
	return 0;
}

static uint64_t
keys_there(const struct slot_sums *sums, const struct slot_set *slots)
{
	struct slot_range range;
	uint64_t keys = 0;

	for (bool more = slot_set_next(slots, NULL, &range); more;
	     more = slot_set_next(slots, &range, &range))
		keys +=
		    slot_sums_add_up(sums, range.db, range.from, range.to).keys;
	return keys;
}

static int
look_into(struct comparing *c, struct err *err)
{
	struct dataset_comparison *out = c->out;
	int first = out->side[0] == DIFF_FIRST ? 0 : 1;

	key_diff_begin(out->diff);
	for (int i = 0; i < 2; i++) {
		int side = i == 0 ? first : 1 - first;

		if (read_side(c, side,
			key_diff_visitor(out->diff, out->side[side]),
			c->reading_bytes, err) != 0)
			return -1;
	}
	key_diff_end(out->diff);
	return 0;
}

static int
look_for_keys(struct comparing *c, size_t bytes, struct err *err)
{
	struct dataset_comparison *out = c->out;
	struct key_diff_opts opts = {
	    .slots = out->slots,
	    .max_bytes = bytes,
	    .limit = c->opts->limit,
	    .streams = out->streams_compared,
	    .gone_by_ms = c->gone_by_ms,
	    .scope = c->scope,
	};
	bool swap = keys_there(out->sums[1], out->slots) <
	    keys_there(out->sums[0], out->slots);
	const struct key_change_count *count;

	out->side[0] = swap ? DIFF_SECOND : DIFF_FIRST;
	out->side[1] = swap ? DIFF_FIRST : DIFF_SECOND;
	out->diff = key_diff_new(&opts);
	do {
		if (look_into(c, err) != 0)
			return -1;
	} while (c->opts->all && key_diff_looked_into(out->diff) < 1);
	for (size_t i = 0; (count = key_changes_count(
				key_diff_changes(out->diff), i)) != NULL;
	     i++)
		out->differing += count->keys;
	return 0;
}

/* What the sums have taken, and what reading needs, is not the records'. */
static int
look_within_budget(struct comparing *c, struct err *err)
{
	size_t sums = slot_sums_bytes(c->out->sums[0]) +
	    slot_sums_bytes(c->out->sums[1]);
	size_t left = budget_left(c->env->budget);
	struct budget *share;
	int rc;

	if (left < sums + c->reading_bytes + KEY_TABLE_LEAST)
		return err_set(err, ERR_USAGE,
		    "%zu KiB of memory are too little to look for the keys "
		    "that differ; give more with --memory",
		    left >> 10);
	share = budget_carve(c->env->budget, left - c->reading_bytes, err);
	if (share == NULL)
		return -1;
	rc = look_for_keys(c, budget_size(share) - sums, err);
	budget_free(share);
	return rc;
}

static enum dataset_verdict
verdict(const struct dataset_comparison *out)
{
	if (!out->same_functions || out->differing > 0)
		return DATASET_DIFFERENT;
	if (slot_set_count(out->slots) == 0)
		return DATASET_SAME;
	if (out->diff == NULL)
		return DATASET_DIFFERENT;
	return key_diff_looked_into(out->diff) < 1 ? DATASET_UNKNOWN
						   : DATASET_SAME;
}

int
dataset_compare(struct dataset *const sides[2],
    const struct dataset_compare_opts *opts, const struct scope *scope,
    const struct snapshot_env *env, struct dataset_comparison *out,
    struct err *err)
{
	struct comparing c = {
	    .sides = sides,
	    .opts = opts,
	    .scope = scope,
	    .env = env,
	    .out = out,
	    .gone_by_ms = scope_wall_ms(scope),
	};

	memset(out, 0, sizeof(*out));
	out->slots = slot_set_new();
	if (sum_up(&c, err) != 0)
		goto fail;
	if (slot_set_count(out->slots) > 0 && !opts->sums_only &&
	    look_within_budget(&c, err) != 0)
		goto fail;
	out->verdict = verdict(out);
	return 0;
fail:
	dataset_comparison_release(out);
	return -1;
}

void
dataset_comparison_release(struct dataset_comparison *c)
{
	key_diff_free(c->diff);
	slot_sums_free(c->sums[0]);
	slot_sums_free(c->sums[1]);
	slot_set_free(c->slots);
	memset(c, 0, sizeof(*c));
}

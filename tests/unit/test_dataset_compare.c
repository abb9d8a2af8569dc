#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/snapshot/dataset.h"
#include "agent/snapshot/dataset_compare.h"
#include "agent/snapshot/progress.h"
#include "base/budget.h"
#include "base/err.h"
#include "rdb/slot_set.h"
#include "storage/store.h"
#include "tests/sim/rdb_bytes.h"
#include "tests/sim/rdb_keys.h"
#include "tests/sim/snapshot_rig.h"

#define MANY 40000

struct pair {
	struct snapshot_rig rig;
	struct dataset *sides[2];
	struct dataset_compare_opts opts;
	struct dataset_comparison found;
};

static void
pair_up(struct pair *p)
{
	memset(p, 0, sizeof(*p));
	snapshot_rig_up(&p->rig);
	p->opts.limit = 10;
}

static void
pair_down(struct pair *p)
{
	dataset_free(p->sides[0]);
	dataset_free(p->sides[1]);
	snapshot_rig_down(&p->rig);
}

/* The dump, which it takes, in a file. */
static struct dataset *
file_of(struct pair *p, int side, struct buf *b)
{
	char path[400];
	FILE *f;

	rdb_keys_end(b);
	snprintf(path, sizeof(path), "%s/%d.rdb", p->rig.files.path, side);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(b->data, 1, b->len, f), b->len);
	assert_int_equal(fclose(f), 0);
	buf_release(b);
	return dataset_file_new(path);
}

/* Keys of which each differs when values do. */
static struct dataset *
many(struct pair *p, int side, const char *value)
{
	char name[40];
	struct buf b;

	rdb_keys_begin(&b);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "a key with some name:%u", i);
		rdb_keys_string(&b, name, value);
	}
	return file_of(p, side, &b);
}

static int
compare(struct pair *p)
{
	return dataset_compare(p->sides, &p->opts, &p->rig.scope, &p->rig.env,
	    &p->found, &p->rig.err);
}

static void
must_compare(struct pair *p)
{
	if (compare(p) != 0)
		fail_msg("%s", p->rig.err.text);
}

static void
a_snapshot_and_its_dump_are_the_same(void **state)
{
	struct slot_sums_facts facts;
	struct store *store;
	struct pair p;

	(void)state;
	pair_up(&p);
	store = temp_dir_store(&p.rig.source);
	p.sides[0] = dataset_snapshot_new(
	    store, snapshot_rig_must_take(&p.rig, store));
	p.sides[1] = dataset_file_new(p.rig.dump);
	must_compare(&p);
	assert_int_equal(p.found.verdict, DATASET_SAME);
	assert_null(p.found.diff);
	slot_sums_facts(p.found.sums[0], &facts);
	assert_int_equal(facts.keys, RIG_KEYS);
	assert_string_equal(p.found.facts[0].server, "redis 7.0.15");
	assert_non_null(strstr(dataset_shown(p.sides[0]), RIG_JOB "/"));
	dataset_comparison_release(&p.found);
	store_free(store);
	pair_down(&p);
}

static void
every_key_that_differs_is_found(void **state)
{
	struct pair p;

	(void)state;
	pair_up(&p);
	p.sides[0] = many(&p, 0, "one");
	p.sides[1] = many(&p, 1, "other");
	must_compare(&p);
	assert_int_equal(p.found.verdict, DATASET_DIFFERENT);
	assert_int_equal(p.found.differing, MANY);
	assert_true(key_diff_looked_into(p.found.diff) == 1);
	dataset_comparison_release(&p.found);

	p.opts.sums_only = true;
	must_compare(&p);
	assert_int_equal(p.found.verdict, DATASET_DIFFERENT);
	assert_null(p.found.diff);
	dataset_comparison_release(&p.found);
	pair_down(&p);
}

/* Whichever is read first, A is A. */
static void
the_sides_keep_their_names(void **state)
{
	struct pair p;

	(void)state;
	for (int full = 0; full < 2; full++) {
		const struct key_change_count *count;
		struct buf b;

		pair_up(&p);
		rdb_keys_begin(&b);
		p.sides[1 - full] = file_of(&p, 1 - full, &b);
		p.sides[full] = many(&p, full, "v");
		must_compare(&p);
		assert_int_equal(p.found.differing, MANY);
		/* The empty one is kept, so that all of the other fits. */
		assert_int_equal(p.found.side[1 - full], DIFF_FIRST);
		count = key_changes_count(key_diff_changes(p.found.diff), 0);
		assert_int_equal(count->changes[KEY_ONLY_SECOND], MANY);
		dataset_comparison_release(&p.found);
		pair_down(&p);
	}
}

static void
with_little_memory_a_part_is_looked_into_and_all_when_asked(void **state)
{
	struct budget *whole;
	struct pair p;

	(void)state;
	pair_up(&p);
	whole = p.rig.env.budget;
	p.sides[0] = many(&p, 0, "one");
	p.sides[1] = many(&p, 1, "other");
	p.rig.env.budget = budget_new((size_t)7 << 20);
	must_compare(&p);
	assert_int_equal(p.found.verdict, DATASET_DIFFERENT);
	assert_true(key_diff_looked_into(p.found.diff) < 1);
	assert_in_range(p.found.differing, MANY / 10, MANY * 6 / 10);
	dataset_comparison_release(&p.found);

	p.opts.all = true;
	must_compare(&p);
	assert_true(key_diff_looked_into(p.found.diff) == 1);
	assert_int_equal(p.found.differing, MANY);
	dataset_comparison_release(&p.found);

	assert_int_equal(
	    budget_left(p.rig.env.budget), budget_size(p.rig.env.budget));
	budget_free(p.rig.env.budget);
	p.rig.env.budget = whole;
	pair_down(&p);
}

/* Keys of one slot, of which one differs. */
static struct dataset *
all_but_one(struct pair *p, int side, unsigned one)
{
	char name[40];
	struct buf b;

	rdb_keys_begin(&b);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "{tag} and some name:%u", i);
		rdb_keys_string(&b, name, side == 1 && i == one ? "w" : "v");
	}
	return file_of(p, side, &b);
}

/* Most keys are not drawn, whichever they are. */
static void
what_was_not_looked_into_is_not_the_same(void **state)
{
	unsigned unknown = 0;

	(void)state;
	for (unsigned one = 0; one < 8; one++) {
		struct budget *whole;
		struct pair p;

		pair_up(&p);
		whole = p.rig.env.budget;
		p.rig.env.budget = budget_new((size_t)7 << 20);
		p.sides[0] = all_but_one(&p, 0, one);
		p.sides[1] = all_but_one(&p, 1, one);
		must_compare(&p);
		assert_int_not_equal(p.found.verdict, DATASET_SAME);
		assert_int_equal(
		    p.found.differing, p.found.verdict == DATASET_DIFFERENT);
		unknown += p.found.verdict == DATASET_UNKNOWN;
		dataset_comparison_release(&p.found);
		p.opts.all = true;
		must_compare(&p);
		assert_int_equal(p.found.verdict, DATASET_DIFFERENT);
		assert_int_equal(p.found.differing, 1);
		dataset_comparison_release(&p.found);
		budget_free(p.rig.env.budget);
		p.rig.env.budget = whole;
		pair_down(&p);
	}
	assert_in_range(unknown, 1, 8);
}

/* Writes to a side when the given reading begins. */
struct writer {
	struct progress progress;
	struct pair *pair;
	unsigned reading, at;
};

static void
no_advance(struct progress *p, enum step step, uint64_t done, uint64_t total,
    bool about)
{
	(void)p;
	(void)step;
	(void)done;
	(void)total;
	(void)about;
}

static void
write_at(struct progress *p, enum step step, const char *text)
{
	struct writer *w = (struct writer *)p;

	(void)step;
	assert_non_null(strstr(text, "reading "));
	if (++w->reading == w->at)
		dataset_free(all_but_one(w->pair, 1, MANY));
}

/* Before the first reading of B, before the second ones, after all. */
static void
what_is_told_differed_in_the_second_readings(void **state)
{
	static const struct {
		unsigned at, readings;
		enum dataset_verdict verdict;
	} cases[] = {{2, 2, DATASET_SAME}, {3, 4, DATASET_SAME},
	    {5, 4, DATASET_DIFFERENT}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pair p;
		struct writer w = {.progress = {no_advance, write_at},
		    .pair = &p,
		    .at = cases[i].at};

		pair_up(&p);
		p.rig.env.progress = &w.progress;
		p.sides[0] = all_but_one(&p, 0, 7);
		p.sides[1] = all_but_one(&p, 1, 7);
		must_compare(&p);
		assert_int_equal(w.reading, cases[i].readings);
		assert_int_equal(p.found.verdict, cases[i].verdict);
		assert_int_equal(
		    p.found.differing, cases[i].verdict == DATASET_DIFFERENT);
		dataset_comparison_release(&p.found);
		pair_down(&p);
	}
}

static void
too_little_memory_is_told_at_each_step(void **state)
{
	static const size_t sizes[] = {64 << 10, 3 << 20, 4 << 20};
	struct budget *whole;
	struct pair p;

	(void)state;
	pair_up(&p);
	whole = p.rig.env.budget;
	p.sides[0] = many(&p, 0, "one");
	p.sides[1] = many(&p, 1, "other");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		p.rig.env.budget = budget_new(sizes[i]);
		p.rig.err = (struct err){0};
		assert_int_equal(compare(&p), -1);
		assert_int_equal(p.rig.err.kind, ERR_USAGE);
		budget_free(p.rig.env.budget);
	}
	p.rig.env.budget = whole;
	pair_down(&p);
}

static void
a_damaged_side_is_named(void **state)
{
	struct pair p;
	char path[400];

	(void)state;
	for (int bad = 0; bad < 2; bad++) {
		pair_up(&p);
		p.sides[0] = many(&p, 0, "v");
		p.sides[1] = many(&p, 1, "v");
		snprintf(
		    path, sizeof(path), "%s/%d.rdb", p.rig.files.path, bad);
		file_flip(path, file_size(path) / 2);
		assert_int_equal(compare(&p), -1);
		assert_int_equal(p.rig.err.kind, ERR_CORRUPT);
		assert_non_null(strstr(p.rig.err.text, path));
		pair_down(&p);
	}
}

static void
functions_alone_make_a_difference(void **state)
{
	struct pair p;

	(void)state;
	pair_up(&p);
	for (int i = 0; i < 2; i++) {
		struct buf b;

		rdb_keys_begin(&b);
		buf_addc(&b, (char)0xf5);
		rdb_put_string(&b, i ? "one" : "other");
		p.sides[i] = file_of(&p, i, &b);
	}
	must_compare(&p);
	assert_int_equal(p.found.verdict, DATASET_DIFFERENT);
	assert_false(p.found.same_functions);
	assert_int_equal(slot_set_count(p.found.slots), 0);
	dataset_comparison_release(&p.found);
	pair_down(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_snapshot_and_its_dump_are_the_same),
	    cmocka_unit_test(every_key_that_differs_is_found),
	    cmocka_unit_test(the_sides_keep_their_names),
	    cmocka_unit_test(
		with_little_memory_a_part_is_looked_into_and_all_when_asked),
	    cmocka_unit_test(what_was_not_looked_into_is_not_the_same),
	    cmocka_unit_test(what_is_told_differed_in_the_second_readings),
	    cmocka_unit_test(too_little_memory_is_told_at_each_step),
	    cmocka_unit_test(a_damaged_side_is_named),
	    cmocka_unit_test(functions_alone_make_a_difference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A part is taken only of a source that was proved whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/snapshot/manifest.h"
#include "agent/snapshot/snapshot_take.h"
#include "agent/snapshot/source.h"
#include "base/buf.h"
#include "base/budget.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "rdb/fingerprint.h"
#include "rdb/key_filter.h"
#include "rdb/rdb_reader.h"
#include "storage/store.h"
#include "tests/sim/snapshot_rig.h"

struct ground {
	struct snapshot_rig rig;
	struct store *store;
	struct key_filter *filter;
};

static int
up(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	snapshot_rig_up(&g->rig);
	g->store = temp_dir_store(&g->rig.source);
	g->filter = key_filter_new();
	assert_int_equal(
	    key_filter_add(g->filter, KEY_RULE_DBS, "2", &g->rig.err), 0);
	g->rig.take.filter = g->filter;
	*state = g;
	return 0;
}

static int
down(void **state)
{
	struct ground *g = *state;

	key_filter_free(g->filter);
	store_free(g->store);
	snapshot_rig_down(&g->rig);
	free(g);
	return 0;
}

static void
what_is_said_of_a_part_is_true_of_it(void **state)
{
	struct ground *g = *state;
	struct manifest *m = snapshot_rig_must_take(&g->rig, g->store);

	assert_true(key_filter_same(m->filter, g->filter));
	assert_int_equal(m->ndbs, 1);
	assert_int_equal(m->dbs[0].db, 2);
	assert_in_range(m->total.keys, 1, RIG_KEYS - 1);
	assert_int_equal(m->total.keys + m->left_out.keys, RIG_KEYS);
	assert_int_equal(fingerprint_keys(m->fingerprint), m->total.keys);
	assert_true(m->verified);
	manifest_free(m);
	assert_int_equal(snapshot_rig_audit(&g->rig, g->store, NULL), 1);
}

static void
must_fail(struct ground *g, enum err_kind kind)
{
	struct manifest *m = snapshot_rig_take(&g->rig, g->store);
	size_t blobs;

	assert_null(m);
	if (g->rig.err.kind != kind)
		fail_msg(
		    "%s: %s", err_kind_name(g->rig.err.kind), g->rig.err.text);
	assert_int_equal(snapshot_rig_audit(&g->rig, g->store, &blobs), 0);
	assert_int_equal(blobs, 0);
}

/* The part of what came would be a good dump all the same. */
static void
of_a_dump_that_is_cut_no_part_is_taken(void **state)
{
	static const size_t cuts[] = {1, 8, 9, 20, 2000};
	struct ground *g = *state;
	struct buf dump;

	snapshot_rig_dump(&dump);
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		snapshot_rig_write(&g->rig, dump.data, dump.len - cuts[i]);
		must_fail(g, ERR_CORRUPT);
	}
	buf_release(&dump);
}

/* Be it in a key that is taken, or in one that is not. */
static void
of_a_dump_with_a_flipped_bit_no_part_is_taken(void **state)
{
	struct ground *g = *state;
	struct buf dump;

	snapshot_rig_dump(&dump);
	for (size_t at = dump.len / 8; at < dump.len; at += dump.len / 8) {
		dump.data[at] ^= 1;
		snapshot_rig_write(&g->rig, dump.data, dump.len);
		dump.data[at] ^= 1;
		assert_null(snapshot_rig_take(&g->rig, g->store));
		assert_int_equal(
		    snapshot_rig_audit(&g->rig, g->store, NULL), 0);
	}
	buf_release(&dump);
}

/* Unfiltered it is kept, unverified. */
static void
of_a_dump_that_cannot_be_read_no_part_is_taken(void **state)
{
	struct ground *g = *state;
	struct manifest *m;
	struct buf dump;

	snapshot_rig_dump(&dump);
	memcpy(dump.data, "REDIS0019", 9);
	snapshot_rig_write(&g->rig, dump.data, dump.len);
	must_fail(g, ERR_UNSUPPORTED);
	assert_non_null(strstr(g->rig.err.text, "cannot be filtered"));
	g->rig.take.filter = NULL;
	m = snapshot_rig_must_take(&g->rig, g->store);
	assert_false(m->verified);
	manifest_free(m);
	buf_release(&dump);
}

/* A source that does not notice itself that its dump was cut. */
static int
dump_half(struct source *s, const struct scope *scope,
    const struct source_call *call, struct sink *sink,
    struct source_facts *facts, struct err *err)
{
	struct buf dump;
	int rc;

	(void)s;
	(void)scope;
	(void)sink;
	*facts = (struct source_facts){.consistent = true};
	snapshot_rig_dump(&dump);
	rc = rdb_reader_feed(call->reader, dump.data, dump.len / 2, err);
	buf_release(&dump);
	return rc;
}

static size_t
costs_nothing(const struct source *s, const struct source_call *call)
{
	(void)s;
	(void)call;
	return 0;
}

static void
the_end_of_the_source_is_asked_for(void **state)
{
	static const struct source_ops ops = {
	    .way = "half", .cost = costs_nothing, .dump = dump_half};
	struct ground *g = *state;
	struct source half = {.ops = &ops, .shown = (char *)"half"};
	size_t blobs;

	assert_null(snapshot_take(&half, g->store, &g->rig.scope, &g->rig.env,
	    &g->rig.take, &g->rig.err));
	assert_int_equal(g->rig.err.kind, ERR_CORRUPT);
	assert_int_equal(snapshot_rig_audit(&g->rig, g->store, &blobs), 0);
	assert_int_equal(blobs, 0);
}

static void
all_memory_is_given_back(void **state)
{
	struct ground *g = *state;
	size_t before = budget_left(g->rig.env.budget);

	manifest_free(snapshot_rig_must_take(&g->rig, g->store));
	assert_int_equal(budget_left(g->rig.env.budget), before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		what_is_said_of_a_part_is_true_of_it, up, down),
	    cmocka_unit_test_setup_teardown(
		of_a_dump_that_is_cut_no_part_is_taken, up, down),
	    cmocka_unit_test_setup_teardown(
		of_a_dump_with_a_flipped_bit_no_part_is_taken, up, down),
	    cmocka_unit_test_setup_teardown(
		of_a_dump_that_cannot_be_read_no_part_is_taken, up, down),
	    cmocka_unit_test_setup_teardown(
		the_end_of_the_source_is_asked_for, up, down),
	    cmocka_unit_test_setup_teardown(all_memory_is_given_back, up, down),
	};

	return cmocka_run_group_tests_name(
	    "source_filtered", tests, NULL, NULL);
}

/*
 * A cluster's shards become one snapshot that holds each key once, or none:
 * slots that move, servers that lag, break off or refuse, and a store that
 * fails, on a scripted cluster.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/snapshot/catalog.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/source.h"
#include "base/xalloc.h"
#include "rdb/fingerprint.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_target.h"
#include "storage/store.h"
#include "tests/sim/script_cluster.h"
#include "tests/sim/snapshot_rig.h"
#include "tests/sim/store_fault.h"

struct ground {
	struct snapshot_rig rig;
	struct script_cluster cluster;
	struct redis_target target;
	struct store *store;
	struct manifest *m; /* the last that was taken */
};

static int
begin(void **state, bool replica)
{
	struct ground *g = xcalloc(1, sizeof(*g));
	char *url;

	snapshot_rig_up(&g->rig);
	script_cluster_up(&g->cluster, replica);
	url = script_cluster_url(&g->cluster);
	assert_int_equal(redis_target_parse(url, &g->target, &g->rig.err), 0);
	free(url);
	g->store = temp_dir_store(&g->rig.source);
	*state = g;
	return 0;
}

static int
up(void **state)
{
	return begin(state, false);
}

static int
up_with_replica(void **state)
{
	return begin(state, true);
}

static int
down(void **state)
{
	struct ground *g = *state;

	manifest_free(g->m);
	redis_target_release(&g->target);
	script_cluster_down(&g->cluster);
	store_free(g->store);
	snapshot_rig_down(&g->rig);
	free(g);
	return 0;
}

/* NULL, and rig.err, when it failed. */
static struct manifest *
take(struct ground *g)
{
	static const struct redis_opts none;
	struct source *s = source_sync_new(&g->target, &none, NULL);
	struct snapshot_rig *r = &g->rig;

	r->err = (struct err){0};
	manifest_free(g->m);
	g->m = snapshot_take(
	    s, g->store, &r->scope, &r->env, &r->take, &r->err);
	source_free(s);
	return g->m;
}

static const struct manifest *
must_take(struct ground *g)
{
	if (take(g) == NULL)
		fail_msg("%s", g->rig.err.text);
	assert_int_equal(snapshot_rig_audit(&g->rig, g->store, NULL), 1);
	return g->m;
}

/* And nothing is left of what was taken before it failed. */
static void
must_fail(struct ground *g, enum err_kind kind, const char *why)
{
	const struct err *err = &g->rig.err;
	size_t blobs;

	assert_null(take(g));
	if (err->kind != kind || strstr(err->text, why) == NULL)
		fail_msg("%s, and not '%s': %s", err_kind_name(err->kind), why,
		    err->text);
	assert_int_equal(snapshot_rig_audit(&g->rig, g->store, &blobs), 0);
	assert_int_equal(blobs, 0);
}

static void
two_dumps_become_one_snapshot(void **state)
{
	struct ground *g = *state;
	const struct manifest *m, *low, *high;
	struct manifest *read;

	script_cluster_add(&g->cluster, NODE_LOW, NULL, "#!lua name=a");
	script_cluster_add(&g->cluster, NODE_HIGH, NULL, "#!lua name=a");
	m = must_take(g);
	assert_int_equal(m->nshards, 2);
	low = m->shards[0];
	high = m->shards[1];
	assert_int_equal(low->nslots, 1);
	assert_int_equal(low->slots[0].to, 8191);
	assert_int_equal(high->slots[0].from, 8192);
	assert_int_equal(
	    low->total.keys + high->total.keys, SCRIPT_CLUSTER_KEYS);
	assert_int_equal(m->total.keys, SCRIPT_CLUSTER_KEYS);
	assert_int_equal(m->functions, 1);
	assert_int_equal(m->raw_bytes, low->raw_bytes + high->raw_bytes);
	assert_int_equal(low->offset, 1001);
	assert_string_not_equal(low->replid, high->replid);
	assert_false(m->consistent);
	assert_int_equal(m->spread_ms, labs(high->point_ms - low->point_ms));
	assert_true(manifest_is_of(m, high->replid));
	read = catalog_get(g->store, &g->rig.scope, RIG_JOB, NULL, &g->rig.err);
	assert_non_null(read);
	assert_int_equal(read->nparts, 2);
	assert_int_equal(fingerprint_functions(read->fingerprint), 1);
	manifest_free(read);
}

static void
each_codec_in_many_parts_sealed(void **state)
{
	static const enum codec codecs[] = {CODEC_NONE, CODEC_GZIP, CODEC_ZSTD};
	struct ground *g = *state;

	g->rig.env.cipher_key = &g->rig.key;
	g->rig.take.seal = true;
	g->rig.take.part_max = 100;
	for (size_t i = 0; i < 3; i++) {
		g->rig.take.codec = codecs[i];
		if (take(g) == NULL)
			fail_msg("%s", g->rig.err.text);
		assert_true(g->m->nparts > 2);
	}
	assert_int_equal(snapshot_rig_audit(&g->rig, g->store, NULL), 3);
}

static void
a_dump_that_breaks_off_is_taken_again(void **state)
{
	struct ground *g = *state;
	const struct manifest *m;

	g->cluster.nodes[NODE_HIGH].cuts = 1;
	m = must_take(g);
	assert_int_equal(script_cluster_dumps(&g->cluster), 3);
	assert_int_equal(atomic_load(&g->cluster.nodes[NODE_LOW].dumps), 1);
	assert_string_equal(m->parts[1].name, "part-s002r1.0000.rdb.gz");
}

static void
a_refusal_ends_it_and_leaves_no_part(void **state)
{
	struct ground *g = *state;

	g->cluster.nodes[NODE_HIGH].refuses = "-NOPERM no permission\r\n";
	must_fail(g, ERR_AUTH, "shard 2 of 2");
}

static void
a_key_of_another_shard_ends_it(void **state)
{
	struct ground *g = *state;

	/* Slot 12182. */
	script_cluster_add(&g->cluster, NODE_LOW, "foo", NULL);
	must_fail(g, ERR_TRANSIENT, "keys of slot 12182, which is another");
}

static void
slots_that_are_on_their_way_are_waited_for(void **state)
{
	struct ground *g = *state;

	g->cluster.nodes[NODE_HIGH].open_slots = " [9000->-0123] [9001->-0123]";
	must_fail(g, ERR_TRANSIENT, "2 of its slots are being moved");
	assert_int_equal(script_cluster_dumps(&g->cluster), 0);
}

static void
slots_that_moved_meanwhile_end_it(void **state)
{
	struct ground *g = *state;

	g->cluster.moved_at = 2;
	must_fail(g, ERR_TRANSIENT, "slots were moved between servers");
	assert_int_equal(script_cluster_dumps(&g->cluster), 2);
	/* That is the cluster as it is now: the next try finds it so. */
	must_take(g);
	assert_int_equal(g->m->shards[0]->nslots, 2);
}

static void
servers_that_do_not_agree_are_waited_for(void **state)
{
	struct ground *g = *state;

	g->cluster.at_odds = true;
	must_fail(g, ERR_TRANSIENT, "do not agree on whose slot 8191 is");
	assert_int_equal(script_cluster_dumps(&g->cluster), 0);
}

static void
a_replica_is_taken_once_it_has_caught_up(void **state)
{
	struct ground *g = *state;
	struct script_node *replica = &g->cluster.nodes[NODE_REPLICA];
	const struct manifest *m;
	char host[64];

	replica->behind = 3;
	m = must_take(g);
	snprintf(host, sizeof(host), "127.0.0.1:%d", replica->port);
	assert_string_equal(m->shards[0]->host, host);
	assert_true(atomic_load(&replica->infos_before) > 3);
	assert_int_equal(atomic_load(&g->cluster.nodes[NODE_LOW].dumps), 0);
}

static void
a_dump_of_a_time_before_is_taken_again(void **state)
{
	struct ground *g = *state;

	g->cluster.nodes[NODE_LOW].stale = 1;
	must_take(g);
	assert_int_equal(atomic_load(&g->cluster.nodes[NODE_LOW].dumps), 2);
	assert_int_equal(g->m->shards[0]->offset, 1001);
}

/* One run with one call failed; false when there was no such call. */
static bool
fail_call(struct ground *g, unsigned nth)
{
	struct store *plain = g->store;
	size_t before = snapshot_rig_audit(&g->rig, plain, NULL), after, blobs;
	bool failed;
	unsigned calls;

	g->store = store_fault_new(temp_dir_store(&g->rig.source));
	store_fault_add(g->store,
	    &(struct fault){.op = FAULT_ANY,
		.nth = nth,
		.how = FAULT_FAIL,
		.kind = ERR_SYSTEM});
	failed = take(g) == NULL;
	calls = store_fault_calls(g->store, FAULT_ANY);
	store_free(g->store);
	g->store = plain;
	after = snapshot_rig_audit(&g->rig, plain, &blobs);
	assert_int_equal(after, before + !failed);
	/* Two parts and a manifest each, and nothing else. */
	if (failed)
		assert_int_equal(blobs, after * 3);
	return nth <= calls;
}

static void
a_store_call_that_fails_lists_nothing_and_leaves_no_part(void **state)
{
	struct ground *g = *state;
	unsigned nth = 1;

	g->rig.env.in_flight = 1;
	while (fail_call(g, nth))
		nth++;
	/* At least a stage and a commit of each part and of the manifest. */
	assert_true(nth > 6);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(two_dumps_become_one_snapshot),
	    TEST(each_codec_in_many_parts_sealed),
	    TEST(a_dump_that_breaks_off_is_taken_again),
	    TEST(a_refusal_ends_it_and_leaves_no_part),
	    TEST(a_key_of_another_shard_ends_it),
	    TEST(slots_that_are_on_their_way_are_waited_for),
	    TEST(slots_that_moved_meanwhile_end_it),
	    TEST(servers_that_do_not_agree_are_waited_for),
	    TEST(a_dump_of_a_time_before_is_taken_again),
	    cmocka_unit_test_setup_teardown(
		a_replica_is_taken_once_it_has_caught_up, up_with_replica,
		down),
	    TEST(a_store_call_that_fails_lists_nothing_and_leaves_no_part),
	};

	return cmocka_run_group_tests_name("shards_take", tests, NULL, NULL);
}

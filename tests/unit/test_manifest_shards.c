/*
 * The manifest of a cluster: no reader of one dump takes it for that, it reads
 * back as it was written, each slot is in it once, and each dump that it names
 * is proved.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/snapshot/dump_take.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/snapshot_read.h"
#include "agent/snapshot/source.h"
#include "base/json.h"
#include "base/relay.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "rdb/cluster_slot.h"
#include "rdb/keystats.h"
#include "storage/digest_tap.h"
#include "storage/store.h"
#include "tests/sim/rdb_bytes.h"
#include "tests/sim/snapshot_rig.h"

#define HALF (CLUSTER_SLOTS / 2)

struct ground {
	struct snapshot_rig rig;
	struct store *store;
	struct manifest *m;
	cJSON *doc;
};

static void
write_dump(struct snapshot_rig *r, size_t i)
{
	char name[32];
	struct buf b;

	rdb_begin(&b, "REDIS0010");
	RAW(&b, "\xf5");
	rdb_put_string(&b, "#!lua name=both");
	RAW(&b, "\xfe\x00");
	for (size_t k = 0; k <= i; k++) {
		buf_addc(&b, 0);
		snprintf(name, sizeof(name), "%zu:%zu", i, k);
		rdb_put_string(&b, name);
		rdb_put_string(&b, "value");
	}
	rdb_end(&b);
	snapshot_rig_write(r, b.data, b.len);
	buf_release(&b);
}

static struct manifest *
take_shard(struct ground *g, size_t i)
{
	struct snapshot_rig *r = &g->rig;
	struct manifest *s = manifest_new();
	struct source *source = source_file_new(r->dump);
	struct dump_name name = {i == 0 ? "part-s001." : "part-s002.", i};

	write_dump(r, i);
	strcpy(s->id, g->m->id);
	s->job = xstrdup(RIG_JOB);
	s->started_ms = g->m->started_ms;
	s->slots = xcalloc(1, sizeof(*s->slots));
	s->nslots = 1;
	s->slots[0] = (struct slot_range){
	    .from = (uint16_t)(i * HALF),
	    .to = (uint16_t)((i + 1) * HALF - 1),
	};
	if (dump_take(source, g->store, &r->scope, &r->env, &r->take, &name, s,
		&r->err) != 0)
		fail_msg("%s", r->err.text);
	source_free(source);
	return s;
}

static int
up(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));
	struct snapshot_rig *r = &g->rig;
	struct manifest *m = g->m = manifest_new();

	snapshot_rig_up(r);
	r->env.cipher_key = &r->key;
	r->take.seal = true;
	g->store = temp_dir_store(&r->source);
	snapshot_id_make(&r->scope, m->id);
	m->job = xstrdup(RIG_JOB);
	m->tool = xstrdup("0");
	m->way = xstrdup("sync");
	m->source = xstrdup("redis://host");
	m->started_ms = scope_wall_ms(&r->scope);
	m->spread_ms = 12345;
	m->shards = xcalloc(2, sizeof(*m->shards));
	for (size_t i = 0; i < 2; i++)
		m->shards[m->nshards++] = take_shard(g, i);
	manifest_gather(m);
	assert_int_equal(manifest_sum(m, &r->err), 0);
	g->doc = manifest_format(m);
	*state = g;
	return 0;
}

static int
down(void **state)
{
	struct ground *g = *state;

	cJSON_Delete(g->doc);
	manifest_free(g->m);
	store_free(g->store);
	snapshot_rig_down(&g->rig);
	free(g);
	return 0;
}

static struct manifest *
parse(struct ground *g)
{
	char *text = json_format(g->doc);
	struct manifest *m;

	g->rig.err = (struct err){0};
	m = manifest_parse(text, strlen(text), &g->rig.err);
	free(text);
	return m;
}

static void
must_refuse(struct ground *g, const char *why)
{
	struct manifest *m = parse(g);

	if (m != NULL)
		fail_msg("'%s' was not missed", why);
	assert_int_equal(g->rig.err.kind, ERR_CORRUPT);
	if (strstr(g->rig.err.text, why) == NULL)
		fail_msg("not '%s': %s", why, g->rig.err.text);
}

static cJSON *
shard(struct ground *g, int i)
{
	return cJSON_GetArrayItem(cJSON_GetObjectItem(g->doc, "shards"), i);
}

static void
set_slots(struct ground *g, int i, const char *json)
{
	cJSON_ReplaceItemInObject(shard(g, i), "slots", cJSON_Parse(json));
}

static void
what_was_written_reads_back(void **state)
{
	struct ground *g = *state;
	struct manifest *m = parse(g);
	cJSON *again;

	if (m == NULL)
		fail_msg("%s", g->rig.err.text);
	again = manifest_format(m);
	assert_true(cJSON_Compare(g->doc, again, true));
	cJSON_Delete(again);
	assert_int_equal(m->nparts, 2);
	assert_int_equal(m->total.keys, 3);
	assert_int_equal(m->functions, 1);
	assert_int_equal(m->spread_ms, 12345);
	assert_int_equal(m->shards[1]->total.keys, 2);
	manifest_free(m);
}

static void
set_text(char **text, const char *value)
{
	free(*text);
	*text = xstrdup(value);
}

/* For so long a shard was read, and all of them. */
static void
of_a_scan_the_windows_are_told(void **state)
{
	struct ground *g = *state;
	struct manifest *m;

	set_text(&g->m->way, MANIFEST_WAY_SCAN);
	g->m->window_ms = 999;
	set_text(&g->m->shards[1]->way, MANIFEST_WAY_SCAN);
	g->m->shards[1]->window_ms = 777;
	cJSON_Delete(g->doc);
	g->doc = manifest_format(g->m);
	m = parse(g);
	if (m == NULL)
		fail_msg("%s", g->rig.err.text);
	assert_int_equal(m->window_ms, 999);
	assert_false(manifest_was_scanned(m->shards[0]));
	assert_true(manifest_was_scanned(m->shards[1]));
	assert_int_equal(m->shards[1]->window_ms, 777);
	manifest_free(m);
	cJSON_DeleteItemFromObject(
	    cJSON_GetObjectItem(g->doc, "source"), "window_ms");
	must_refuse(g, "window_ms");
}

/* Of the first format a reader wants this number, and a dump. */
static void
a_reader_of_one_dump_refuses_it(void **state)
{
	struct ground *g = *state;

	assert_int_equal(cJSON_GetObjectItem(g->doc, "format")->valueint, 2);
	assert_null(cJSON_GetObjectItem(g->doc, "dump"));
	assert_null(cJSON_GetObjectItem(g->doc, "parts"));
	cJSON_ReplaceItemInObject(g->doc, "format", cJSON_CreateNumber(1));
	must_refuse(g, "window_ms");
}

static void
each_slot_is_there_once(void **state)
{
	struct ground *g = *state;

	set_slots(g, 1, "[[8192, 9000], [9002, 16383]]");
	must_refuse(g, "no shard has slot 9001");
	set_slots(g, 1, "[[8191, 16383]]");
	must_refuse(g, "slot 8191 is there twice");
	set_slots(g, 1, "[[8192, 16384]]");
	must_refuse(g, "no list of ranges");
	set_slots(g, 1, "[[16383, 8192]]");
	must_refuse(g, "no list of ranges");
	set_slots(g, 1, "[[8192.5, 16383]]");
	must_refuse(g, "no list of ranges");
	set_slots(g, 1, "[[-1, 16383]]");
	must_refuse(g, "no list of ranges");
	set_slots(g, 1, "[8192]");
	must_refuse(g, "no list of ranges");
	set_slots(g, 1, "[]");
	must_refuse(g, "0 ranges of slots");
	set_slots(g, 1, "[[8192, 16000], [16001, 16383]]");
	manifest_free(parse(g));
	assert_int_equal(g->rig.err.kind, ERR_NONE);
}

static void
a_field_that_is_missing_is_told(void **state)
{
	static const char *const fields[] = {"slots", "host", "server",
	    "child_ms", "point_ms", "parts", "dump", "data"};
	struct ground *g = *state;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		cJSON *gone = cJSON_DetachItemFromObject(
		    shard(g, 1), fields[i]);

		assert_non_null(gone);
		must_refuse(g, fields[i]);
		assert_non_null(strstr(g->rig.err.text, "shard 2"));
		cJSON_AddItemToObject(shard(g, 1), fields[i], gone);
	}
	cJSON_ReplaceItemInObject(cJSON_GetObjectItem(shard(g, 1), "dump"),
	    "codec", cJSON_CreateString("none"));
	must_refuse(g, "not stored alike");
	cJSON_ReplaceItemInObject(g->doc, "shards", cJSON_CreateArray());
	must_refuse(g, "0 shards");
}

static int
verify(struct ground *g)
{
	g->rig.err = (struct err){0};
	return snapshot_rig_verify(&g->rig, g->store, g->m);
}

static void
must_not_verify(struct ground *g, const char *why)
{
	assert_int_equal(verify(g), -1);
	assert_int_equal(g->rig.err.kind, ERR_CORRUPT);
	if (strstr(g->rig.err.text, why) == NULL)
		fail_msg("not '%s': %s", why, g->rig.err.text);
}

static void
all_dumps_are_read_as_one(void **state)
{
	static const struct keystats_opts counts_only;
	struct keystats *stats = keystats_new(&counts_only);
	struct rdb_summary sum;
	struct snapshot_read_opts opts = {
	    .visitors = {keystats_visitor(stats)},
	    .summary = &sum,
	};
	struct keystats_count total;
	struct ground *g = *state;

	if (snapshot_read(g->store, g->m, &g->rig.scope, &g->rig.env, &opts,
		&g->rig.err) != 0)
		fail_msg("%s", g->rig.err.text);
	keystats_total(stats, &total);
	assert_int_equal(total.keys, 3);
	assert_int_equal(keystats_functions(stats), 1);
	assert_int_equal(sum.keys, 3);
	assert_int_equal(sum.value_max, g->m->value_max);
	keystats_free(stats);
}

/* Where files are made of it, one for each. */
static void
each_dump_can_be_written_out_alone(void **state)
{
	struct ground *g = *state;

	for (size_t i = 0; i < 2; i++) {
		const struct manifest *s = g->m->shards[i];
		struct sink *out = digest_tap_new();
		const struct snapshot_read_opts opts = {
		    .out = out, .shard = i + 1};
		unsigned char sha[SHA256_BYTES];
		uint64_t bytes;

		out->next = null_sink_new();
		if (snapshot_read(g->store, g->m, &g->rig.scope, &g->rig.env,
			&opts, &g->rig.err) != 0 ||
		    sink_finish(out, &g->rig.err) != 0)
			fail_msg("%s", g->rig.err.text);
		digest_tap_get(out, sha, &bytes);
		assert_int_equal(bytes, s->raw_bytes);
		assert_memory_equal(sha, s->raw_sha256, sizeof(sha));
		sink_free(out->next);
		sink_free(out);
	}
}

static void
what_is_wrong_with_any_dump_is_found(void **state)
{
	struct ground *g = *state;

	assert_int_equal(verify(g), 0);
	for (size_t i = 0; i < 2; i++) {
		struct manifest *s = g->m->shards[i];
		char *path = snapshot_rig_path(
		    &g->rig.source, g->m, s->parts[0].name);

		file_flip(path, file_size(path) - 1);
		must_not_verify(g, s->parts[0].name);
		file_flip(path, file_size(path) - 1);
		free(path);
		s->total.keys++;
		must_not_verify(g, "keys, and the manifest says");
		s->total.keys--;
		s->raw_sha256[0] ^= 1;
		must_not_verify(g, i == 0 ? "shard 1" : "shard 2");
		s->raw_sha256[0] ^= 1;
	}
	assert_int_equal(verify(g), 0);
}

/* Who changes the manifest, too, has still not the key. */
static void
a_shard_does_not_stand_for_another(void **state)
{
	struct ground *g = *state;
	struct manifest *first = g->m->shards[0];

	g->m->shards[0] = g->m->shards[1];
	g->m->shards[1] = first;
	must_not_verify(g, "is not");
	g->m->shards[1] = g->m->shards[0];
	g->m->shards[0] = first;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_was_written_reads_back),
	    TEST(of_a_scan_the_windows_are_told),
	    TEST(a_reader_of_one_dump_refuses_it),
	    TEST(each_slot_is_there_once),
	    TEST(a_field_that_is_missing_is_told),
	    TEST(all_dumps_are_read_as_one),
	    TEST(each_dump_can_be_written_out_alone),
	    TEST(what_is_wrong_with_any_dump_is_found),
	    TEST(a_shard_does_not_stand_for_another),
	};

	return cmocka_run_group_tests_name(
	    "manifest_shards", tests, NULL, NULL);
}

/*
 * What an export left in a store: taken as it is where that can be, proved
 * like any dump, and never half there after a failure.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "agent/snapshot/catalog.h"
#include "agent/snapshot/detour.h"
#include "agent/snapshot/dump_adopt.h"
#include "agent/snapshot/dump_take.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/memory_plan.h"
#include "agent/snapshot/progress.h"
#include "agent/snapshot/slot_seen.h"
#include "agent/snapshot/source_blob.h"
#include "base/budget.h"
#include "base/xalloc.h"
#include "rdb/fingerprint.h"
#include "storage/store.h"
#include "tests/sim/catcher.h"
#include "tests/sim/rdb_bytes.h"
#include "tests/sim/snapshot_rig.h"

#define EXPORTED "Some Name_1.rdb.gz"

/* Exports lie in the rig's directory of files, snapshots in the source's. */
struct ground {
	struct snapshot_rig rig;
	struct store *exports, *store;
	struct slot_seen seen;
	struct dump_blob blob;
};

static void
add_member(struct buf *out, const void *data, size_t len)
{
	static unsigned char room[1 << 20];
	z_stream z = {
	    .next_in = (unsigned char *)data,
	    .avail_in = (unsigned)len,
	    .next_out = room,
	    .avail_out = sizeof(room),
	};

	assert_int_equal(
	    deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY),
	    Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	buf_add(out, room, z.total_out);
	deflateEnd(&z);
}

static void
put_export(struct ground *g, const void *data, size_t len)
{
	struct snapshot_rig *r = &g->rig;

	if (store_put(g->exports, &r->scope, EXPORTED, data, len, NULL,
		&g->blob.props, &r->err) != 0 ||
	    dump_blob_sniff(&g->blob, &r->scope, &r->err) != 0)
		fail_msg("%s", r->err.text);
}

/* In two members, as pigz and appended files have it. */
static void
put_gzip(struct ground *g)
{
	struct buf dump, coded;

	buf_init(&coded, 1 << 20);
	snapshot_rig_dump(&dump);
	add_member(&coded, dump.data, 1000);
	add_member(&coded, dump.data + 1000, dump.len - 1000);
	put_export(g, coded.data, coded.len);
	buf_release(&coded);
	buf_release(&dump);
}

static int
up(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	snapshot_rig_up(&g->rig);
	g->exports = temp_dir_store(&g->rig.files);
	g->store = temp_dir_store(&g->rig.source);
	slot_seen_init(&g->seen);
	g->blob = (struct dump_blob){
	    .store = g->exports,
	    .name = EXPORTED,
	    .shown = "/subscriptions/s/cache1",
	    .facts =
		{
		    .server = "redis 7.4",
		    .host = "cache1:10000",
		    .offset = -1,
		    .cow_bytes = -1,
		    .consistent = true,
		    .diskless = true,
		    .point_ms = 12345,
		},
	    .visitor = &g->seen.visitor,
	};
	put_gzip(g);
	*state = g;
	return 0;
}

static int
down(void **state)
{
	struct ground *g = *state;

	store_free(g->exports);
	store_free(g->store);
	snapshot_rig_down(&g->rig);
	free(g);
	return 0;
}

static struct manifest *
new_manifest(struct ground *g)
{
	struct manifest *m = manifest_new();

	snapshot_id_make(&g->rig.scope, m->id);
	m->job = xstrdup(RIG_JOB);
	m->tool = xstrdup("0");
	m->started_ms = scope_wall_ms(&g->rig.scope);
	return m;
}

static int
adopt(struct ground *g, struct manifest *m)
{
	static const struct dump_name name = {.prefix = "part-"};
	struct snapshot_rig *r = &g->rig;

	r->err = (struct err){0};
	return dump_adopt(
	    &g->blob, g->store, &r->scope, &r->env, &name, m, &r->err);
}

/* By the chain that codes anew. */
static int
take(struct ground *g, struct manifest *m)
{
	static const struct dump_name name = {.prefix = "part-"};
	struct source *source = source_blob_new(&g->blob);
	struct snapshot_rig *r = &g->rig;
	int rc;

	r->err = (struct err){0};
	rc = dump_take(
	    source, g->store, &r->scope, &r->env, &r->take, &name, m, &r->err);
	source_free(source);
	return rc;
}

static size_t
blobs(struct ground *g)
{
	size_t n;

	snapshot_rig_audit(&g->rig, g->store, &n);
	return n;
}

static void
assert_told(struct manifest *m)
{
	struct err err = {0};
	cJSON *doc = manifest_format(m);
	char *text = cJSON_PrintUnformatted(doc);
	struct manifest *again = manifest_parse(text, strlen(text), &err);

	if (again == NULL)
		fail_msg("%s", err.text);
	assert_string_equal(again->way, "arm");
	assert_string_equal(again->source, "/subscriptions/s/cache1");
	assert_string_equal(again->server, "redis 7.0.15");
	assert_string_equal(again->host, "cache1:10000");
	assert_int_equal(again->point_ms, 12345);
	assert_true(again->consistent);
	assert_int_equal(again->total.keys, RIG_KEYS);
	manifest_free(again);
	cJSON_free(text);
	cJSON_Delete(doc);
}

static void
assert_same(const struct manifest *a, const struct manifest *b)
{
	char x[33], y[33];

	assert_int_equal(a->total.keys, b->total.keys);
	assert_int_equal(a->raw_bytes, b->raw_bytes);
	assert_memory_equal(a->raw_sha256, b->raw_sha256, SHA256_BYTES);
	assert_int_equal(a->crc64, b->crc64);
	assert_int_equal(a->codec, b->codec);
	fingerprint_text(a->fingerprint, x);
	fingerprint_text(b->fingerprint, y);
	assert_string_equal(x, y);
}

static void
stays_as_it_is_and_is_proved_as_if_it_were_coded_anew(void **state)
{
	struct ground *g = *state;
	struct snapshot_rig *r = &g->rig;
	struct manifest *m = new_manifest(g), *anew = new_manifest(g);
	struct blob_props there;
	char place[BLOB_NAME_MAX + 1];

	assert_true(dump_adopt_fits(&g->blob, &r->take));
	anew->started_ms = m->started_ms;
	if (adopt(g, m) != 0 || take(g, anew) != 0)
		fail_msg("%s", r->err.text);
	assert_same(m, anew);
	assert_told(m);
	assert_int_equal(m->nparts, 1);
	assert_string_equal(m->parts->name, "part-0000.rdb.gz");
	assert_int_equal(m->parts->bytes, g->blob.props.size);
	assert_true(m->parts->bytes != anew->parts->bytes);
	catalog_blob(place, m->job, m->id, m->parts->name);
	assert_int_equal(
	    g->store->ops->stat(g->store, &r->scope, place, &there, &r->err),
	    0);
	assert_int_equal(there.size, g->blob.props.size);
	if (snapshot_rig_verify(r, g->store, m) != 0 ||
	    snapshot_rig_verify(r, g->store, anew) != 0)
		fail_msg("%s", r->err.text);
	manifest_free(m);
	manifest_free(anew);
}

/* A store of files copies nothing by itself. */
static void
what_comes_through_this_host_is_counted(void **state)
{
	struct ground *g = *state;
	struct manifest *m = new_manifest(g), *n = new_manifest(g);
	struct detour adopted;

	detour_init(&adopted);
	g->rig.env.adopted = &adopted;
	assert_int_equal(adopt(g, m), 0);
	assert_int_equal(adopt(g, n), 0);
	assert_int_equal(adopted.files, 2);
	assert_int_equal(adopted.bytes, 2 * g->blob.props.size);
	assert_non_null(strstr(adopted.why, "no server-side copy"));
	detour_release(&adopted);
	manifest_free(m);
	manifest_free(n);
}

static void
tells_the_slots_that_it_has_keys_of(void **state)
{
	struct ground *g = *state;
	struct manifest *m = new_manifest(g);
	struct slot_range *ranges;
	size_t n, slots = 0;

	assert_int_equal(adopt(g, m), 0);
	ranges = slot_seen_ranges(&g->seen, &n);
	assert_true(n > 0);
	for (size_t i = 0; i < n; i++) {
		slots += ranges[i].to - ranges[i].from + 1U;
		assert_true(i == 0 || ranges[i].from > ranges[i - 1].to + 1);
	}
	assert_true(slots > RIG_KEYS / 2 && slots <= RIG_KEYS);
	assert_true(g->seen.slots[cluster_slot("key:0", 5)]);
	free(ranges);
	manifest_free(m);
}

static void
page_blobs_ciphers_filters_and_small_parts_are_coded_anew(void **state)
{
	struct ground *g = *state;
	struct snapshot_take_opts *o = &g->rig.take;

	g->blob.props.type = BLOB_PAGE;
	assert_false(dump_adopt_fits(&g->blob, o));
	g->blob.props.type = BLOB_BLOCK;
	o->seal = true;
	assert_false(dump_adopt_fits(&g->blob, o));
	o->seal = false;
	o->codec = CODEC_ZSTD;
	assert_false(dump_adopt_fits(&g->blob, o));
	o->codec = CODEC_GZIP;
	o->part_max = g->blob.props.size;
	assert_true(dump_adopt_fits(&g->blob, o));
	o->part_max--;
	assert_false(dump_adopt_fits(&g->blob, o));
	o->part_max = 0;
	g->blob.codec = CODEC_NONE;
	assert_false(dump_adopt_fits(&g->blob, o));
}

/* Premium's page blobs are whole pages. */
static void
a_plain_one_with_zeros_behind_its_end_is_taken_by_the_chain(void **state)
{
	struct ground *g = *state;
	struct snapshot_rig *r = &g->rig;
	struct manifest *m = new_manifest(g);
	struct buf dump;

	snapshot_rig_dump(&dump);
	do
		buf_addc(&dump, 0);
	while (dump.len % 512 != 0);
	put_export(g, dump.data, dump.len);
	buf_release(&dump);
	assert_int_equal(g->blob.codec, CODEC_NONE);
	r->take.codec = CODEC_NONE;
	r->env.cipher_key = &r->key;
	r->take.seal = true;
	if (take(g, m) != 0 || snapshot_rig_verify(r, g->store, m) != 0)
		fail_msg("%s", r->err.text);
	assert_true(m->padding > 0);
	assert_told(m);
	manifest_free(m);
}

/* More than all of the memory that a run may have. */
static void
put_large(struct ground *g)
{
	unsigned char *noise = xcalloc(1, 1 << 20);
	struct buf dump;
	char name[32];

	buf_init(&dump, (size_t)100 << 20);
	RAW(&dump, "REDIS0011\xfe");
	buf_addc(&dump, 0);
	for (unsigned i = 0; i < 80; i++) {
		buf_addc(&dump, 0);
		snprintf(name, sizeof(name), "large:%u", i);
		rdb_put_string(&dump, name);
		fill_noise(noise, 1 << 20, i);
		rdb_put_len(&dump, 1 << 20);
		buf_add(&dump, noise, 1 << 20);
	}
	rdb_end(&dump);
	put_export(g, dump.data, dump.len);
	buf_release(&dump);
	free(noise);
}

static void
a_large_plain_one_passes_in_the_least_memory(void **state)
{
	struct ground *g = *state;
	struct snapshot_rig *r = &g->rig;
	struct manifest *m = new_manifest(g);
	struct budget *all = r->env.budget;

	put_large(g);
	r->take.codec = CODEC_NONE;
	r->env.budget = budget_new(MEMORY_LEAST);
	if (take(g, m) != 0)
		fail_msg("%s", r->err.text);
	assert_int_equal(m->total.keys, 80);
	budget_free(r->env.budget);
	r->env.budget = all;
	manifest_free(m);
}

static void
fails(struct ground *g, enum err_kind kind, const char *says)
{
	struct manifest *m = new_manifest(g);
	struct err *err = &g->rig.err;

	assert_int_equal(adopt(g, m), -1);
	if (err->kind != kind || strstr(err->text, says) == NULL ||
	    strstr(err->text, EXPORTED) == NULL)
		fail_msg("kind %d: %s", err->kind, err->text);
	assert_int_equal(blobs(g), 0);
	manifest_free(m);
}

/* Good gzip of half a dump. */
static void
what_is_no_whole_dump_leaves_nothing(void **state)
{
	struct ground *g = *state;
	struct buf dump, coded;

	buf_init(&coded, 1 << 20);
	snapshot_rig_dump(&dump);
	add_member(&coded, dump.data, dump.len / 2);
	put_export(g, coded.data, coded.len);
	fails(g, ERR_CORRUPT, "");
	buf_release(&coded);
	buf_release(&dump);
}

static void
cut_short_it_leaves_nothing(void **state)
{
	struct ground *g = *state;
	struct buf got;

	buf_init(&got, 1 << 20);
	assert_int_equal(store_get(g->exports, &g->rig.scope, EXPORTED, 1 << 20,
			     &got, NULL, &g->rig.err),
	    0);
	put_export(g, got.data, got.len - 9);
	fails(g, ERR_CORRUPT, "cut short");
	buf_release(&got);
}

static void
written_since_it_was_listed_it_is_refused(void **state)
{
	struct ground *g = *state;
	struct blob_props old = g->blob.props;

	put_gzip(g);
	g->blob.props = old;
	fails(g, ERR_CONFLICT, "");
}

/* Writes it anew when all of it was read, and nothing copied. */
struct writer {
	struct progress progress;
	struct ground *ground;
	bool wrote;
};

static void
on_advance(struct progress *p, enum step step, uint64_t done, uint64_t total,
    bool about)
{
	struct writer *w = (struct writer *)p;
	struct blob_props old = w->ground->blob.props;

	(void)step;
	(void)about;
	if (w->wrote || 2 * done < total)
		return;
	w->wrote = true;
	put_gzip(w->ground);
	w->ground->blob.props = old;
}

static void
written_since_it_was_read_it_is_not_copied(void **state)
{
	struct ground *g = *state;
	struct writer w = {.progress = {.advance = on_advance}, .ground = g};

	g->rig.env.progress = &w.progress;
	fails(g, ERR_CONFLICT, "");
	assert_true(w.wrote);
	g->rig.env.progress = NULL;
}

static void
newer_than_the_reader_it_is_kept_unproved(void **state)
{
	struct ground *g = *state;
	struct manifest *m = new_manifest(g);
	struct buf coded;

	buf_init(&coded, 1 << 20);
	add_member(&coded, "REDIS0099 whatever that may be", 30);
	put_export(g, coded.data, coded.len);
	if (adopt(g, m) != 0)
		fail_msg("%s", g->rig.err.text);
	assert_false(m->verified);
	assert_int_equal(m->rdb_version, 99);
	assert_int_equal(m->raw_bytes, 30);
	buf_release(&coded);
	manifest_free(m);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(stays_as_it_is_and_is_proved_as_if_it_were_coded_anew),
	    TEST(what_comes_through_this_host_is_counted),
	    TEST(tells_the_slots_that_it_has_keys_of),
	    TEST(page_blobs_ciphers_filters_and_small_parts_are_coded_anew),
	    TEST(a_plain_one_with_zeros_behind_its_end_is_taken_by_the_chain),
	    TEST(a_large_plain_one_passes_in_the_least_memory),
	    TEST(what_is_no_whole_dump_leaves_nothing),
	    TEST(cut_short_it_leaves_nothing),
	    TEST(written_since_it_was_listed_it_is_refused),
	    TEST(written_since_it_was_read_it_is_not_copied),
	    TEST(newer_than_the_reader_it_is_kept_unproved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

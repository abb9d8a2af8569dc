/*
 * An export of one file is a dump like any other; one of several is a
 * snapshot whose shards are its files, all there or none.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "agent/snapshot/export_set.h"
#include "agent/snapshot/export_take.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/progress.h"
#include "agent/snapshot/source.h"
#include "base/xalloc.h"
#include "storage/store.h"
#include "tests/sim/rdb_bytes.h"
#include "tests/sim/snapshot_rig.h"

#define KEYS 40 /* of each file */

/* Files are taken on threads of their own. */
struct told {
	struct progress progress;
	pthread_mutex_t lock;
	char notes[4096];
};

struct ground {
	struct snapshot_rig rig;
	struct temp_dir dir;
	struct store *exports, *store;
	struct export_set set;
	struct told told;
	struct manifest *m;
	/* How the export is known to be whole, and what its source held. */
	const char *complete;
	uint64_t keys;
};

static void
on_advance(struct progress *p, enum step step, uint64_t done, uint64_t total,
    bool about)
{
	(void)p;
	(void)step;
	(void)about;
	assert_true(total == 0 || done <= total);
}

static void
on_note(struct progress *p, enum step step, const char *text)
{
	struct told *t = (struct told *)p;
	size_t len;

	(void)step;
	pthread_mutex_lock(&t->lock);
	len = strlen(t->notes);
	snprintf(t->notes + len, sizeof(t->notes) - len, "%s\n", text);
	pthread_mutex_unlock(&t->lock);
}

static int
up(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));
	struct snapshot_rig *r = &g->rig;

	snapshot_rig_up(r);
	temp_dir_make(&g->dir);
	g->exports = temp_dir_store(&g->dir);
	g->store = temp_dir_store(&r->source);
	pthread_mutex_init(&g->told.lock, NULL);
	g->told.progress = (struct progress){on_advance, on_note};
	r->env.progress = &g->told.progress;
	g->complete = MANIFEST_COMPLETE_TOLD;
	g->m = manifest_new();
	snapshot_id_make(&r->scope, g->m->id);
	g->m->job = xstrdup(RIG_JOB);
	g->m->tool = xstrdup("0");
	g->m->started_ms = scope_wall_ms(&r->scope);
	*state = g;
	return 0;
}

static int
down(void **state)
{
	struct ground *g = *state;

	pthread_mutex_destroy(&g->told.lock);
	export_set_release(&g->set);
	manifest_free(g->m);
	store_free(g->exports);
	store_free(g->store);
	temp_dir_remove(&g->dir);
	snapshot_rig_down(&g->rig);
	free(g);
	return 0;
}

static void
gzip(struct buf *b)
{
	static unsigned char room[1 << 16];
	z_stream z = {
	    .next_in = (unsigned char *)b->data,
	    .avail_in = (unsigned)b->len,
	    .next_out = room,
	    .avail_out = sizeof(room),
	};

	assert_int_equal(
	    deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY),
	    Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	buf_truncate(b, 0);
	buf_add(b, room, z.total_out);
	deflateEnd(&z);
}

static void
put(struct ground *g, const char *name, const struct buf *b)
{
	struct snapshot_rig *r = &g->rig;

	if (store_put(g->exports, &r->scope, name, b->data, b->len, NULL, NULL,
		&r->err) != 0)
		fail_msg("%s", r->err.text);
}

/* Keys of one slot, as the tag says; plain ones fill whole pages. */
static void
put_file(struct ground *g, const char *name, const char *tag, bool plain)
{
	char key[64], made[32];
	struct buf b;

	rdb_begin(&b, "REDIS0011");
	RAW(&b,
	    "\xfa\x05"
	    "ctime");
	snprintf(made, sizeof(made), "%d", 1795000000 + *tag);
	rdb_put_string(&b, made);
	RAW(&b,
	    "\xfa\x08"
	    "used-mem");
	rdb_put_string(&b, "1000");
	RAW(&b, "\xf5");
	rdb_put_string(&b, "#!lua name=both");
	RAW(&b, "\xfe\x00");
	for (unsigned i = 0; i < KEYS; i++) {
		buf_addc(&b, 0);
		snprintf(key, sizeof(key), "{%s}:%s:%u", tag, name, i);
		rdb_put_string(&b, key);
		rdb_put_string(&b, "value");
	}
	rdb_end(&b);
	while (plain && b.len % 512 != 0)
		buf_addc(&b, 0);
	if (!plain)
		gzip(&b);
	put(g, name, &b);
	buf_release(&b);
}

static int
take(struct ground *g)
{
	cJSON *profile = cJSON_Parse("{\"modules\":[{\"name\":\"bf\"}]}");
	const struct source_facts facts = {
	    .profile = profile,
	    .host = "cache1:10000",
	    .server = "redis 7.4",
	    .offset = -1,
	    .cow_bytes = -1,
	    .consistent = true,
	    .diskless = true,
	    .point_ms = 1,
	    .complete = g->complete,
	    .before = {.keys = g->keys, .primaries = g->keys > 0},
	    .after = {.keys = g->keys, .primaries = g->keys > 0},
	};
	const struct export_from from = {"/subscriptions/s/cache1", &facts};
	struct snapshot_rig *r = &g->rig;

	int rc;

	r->err = (struct err){0};
	rc = export_set_read(&g->set, g->exports, &r->scope, &r->err);
	if (rc == 0)
		rc = export_take(&g->set, &from, g->store, &r->scope, &r->env,
		    &r->take, g->m, &r->err);
	cJSON_Delete(profile);
	return rc;
}

/* Of its servers' memory, and of its modules. */
static void
assert_profile(const struct manifest *m, const char *says)
{
	char *text = cJSON_PrintUnformatted(m->profile);

	assert_string_equal(text, says);
	cJSON_free(text);
}

static struct manifest *
written_and_read(struct ground *g)
{
	struct snapshot_rig *r = &g->rig;
	cJSON *doc = manifest_format(g->m);
	char *text = cJSON_PrintUnformatted(doc);
	struct manifest *m = manifest_parse(text, strlen(text), &r->err);

	if (m == NULL)
		fail_msg("%s", r->err.text);
	cJSON_free(text);
	cJSON_Delete(doc);
	return m;
}

static int
format_of(const struct manifest *m)
{
	cJSON *doc = manifest_format(m);
	int format = cJSON_GetObjectItem(doc, "format")->valueint;

	cJSON_Delete(doc);
	return format;
}

static void
one_file_is_a_dump_and_a_point_in_time(void **state)
{
	struct ground *g = *state;
	struct manifest *m;

	put_file(g, "only.rdb.gz", "a", false);
	if (take(g) != 0)
		fail_msg("%s", g->rig.err.text);
	assert_int_equal(format_of(g->m), MANIFEST_FORMAT);
	m = written_and_read(g);
	assert_int_equal(m->nshards, 0);
	assert_true(m->consistent);
	assert_int_equal(m->total.keys, KEYS);
	assert_int_equal(m->point_ms, (1795000000 + 'a') * INT64_C(1000));
	assert_profile(
	    m, "{\"modules\":[{\"name\":\"bf\"}],\"used_memory\":1000}");
	assert_int_equal(snapshot_rig_verify(&g->rig, g->store, m), 0);
	manifest_free(m);
}

static void
assert_shards(const struct manifest *m)
{
	assert_int_equal(m->nshards, 3);
	for (size_t i = 0; i < 3; i++) {
		char name[64];

		assert_int_equal(m->shards[i]->total.keys, KEYS);
		assert_int_equal(m->shards[i]->nslots, 1);
		assert_int_equal(
		    m->shards[i]->slots[0].from, m->shards[i]->slots[0].to);
		snprintf(name, sizeof(name), "part-s%03zu.0000.rdb.gz", i + 1);
		assert_string_equal(m->shards[i]->parts->name, name);
	}
}

/* Two of them stay as they are; the plain one is coded, in the same way. */
static void
several_are_shards_of_the_slots_that_they_have_keys_of(void **state)
{
	struct ground *g = *state;
	struct manifest *m;

	put_file(g, "1 of 3.rdb.gz", "a", false);
	put_file(g, "2 of 3", "b", true);
	put_file(g, "x.gz", "c", false);
	if (take(g) != 0)
		fail_msg("%s", g->rig.err.text);
	assert_int_equal(format_of(g->m), MANIFEST_FORMAT_FILES);
	m = written_and_read(g);
	assert_shards(m);
	assert_string_equal(m->way, "arm");
	assert_false(m->consistent);
	assert_int_equal(m->total.keys, 3 * KEYS);
	assert_int_equal(m->functions, 1);
	assert_profile(
	    m, "{\"modules\":[{\"name\":\"bf\"}],\"used_memory\":3000}");
	assert_int_equal(m->spread_ms, 2000);
	assert_int_equal(m->shared_slots, 0);
	assert_int_equal(snapshot_rig_verify(&g->rig, g->store, m), 0);
	assert_non_null(strstr(g->told.notes, "an export of 3 files"));
	assert_null(strstr(g->told.notes, "more than one file"));
	manifest_free(m);
}

/* An empty shard has none; and nobody says that two may not share one. */
static void
slots_that_are_in_two_files_are_told(void **state)
{
	struct ground *g = *state;
	struct manifest *m;
	struct buf b;

	put_file(g, "1.gz", "a", false);
	put_file(g, "2.gz", "a", false);
	rdb_begin(&b, "REDIS0011");
	rdb_end(&b);
	gzip(&b);
	put(g, "3.gz", &b);
	buf_release(&b);
	if (take(g) != 0)
		fail_msg("%s", g->rig.err.text);
	m = written_and_read(g);
	assert_int_equal(m->shared_slots, 1);
	assert_int_equal(m->shards[2]->nslots, 0);
	assert_int_equal(snapshot_rig_verify(&g->rig, g->store, m), 0);
	assert_non_null(strstr(g->told.notes,
	    "keys of 1 hash slots are in more than one file of the export"));
	manifest_free(m);
}

static void
fails(struct ground *g, const char *says)
{
	struct err *err = &g->rig.err;
	size_t blobs;

	assert_int_equal(take(g), -1);
	if (err->kind != ERR_CORRUPT || strstr(err->text, says) == NULL)
		fail_msg("kind %d: %s", err->kind, err->text);
	snapshot_rig_audit(&g->rig, g->store, &blobs);
	assert_int_equal(blobs, 0);
}

/* Whether of one file or of several. */
static void
one_that_lacks_keys_is_none_where_nobody_told_its_end(void **state)
{
	struct ground *g = *state;

	g->complete = MANIFEST_COMPLETE_SEEN;
	g->keys = 4 * KEYS;
	put_file(g, "1.gz", "a", false);
	fails(g, "holds 40 keys, and the Redis had 160 before it");
	put_file(g, "2.gz", "b", false);
	put_file(g, "3", "c", true);
	export_set_release(&g->set);
	manifest_free(g->m);
	g->m = manifest_new();
	snapshot_id_make(&g->rig.scope, g->m->id);
	g->m->job = xstrdup(RIG_JOB);
	fails(g, "a file may be missing");
}

static void
and_is_told_of_where_that_was_told(void **state)
{
	struct ground *g = *state;
	struct manifest *m;

	g->keys = 3 * KEYS;
	put_file(g, "1.gz", "a", false);
	put_file(g, "2.gz", "b", false);
	if (take(g) != 0)
		fail_msg("%s", g->rig.err.text);
	assert_non_null(strstr(g->told.notes, "holds 80 keys"));
	m = written_and_read(g);
	assert_string_equal(m->complete, MANIFEST_COMPLETE_TOLD);
	assert_int_equal(m->keys_before, 120);
	assert_int_equal(m->keys_after, 120);
	manifest_free(m);
}

static void
none_at_all_is_no_export(void **state)
{
	fails(*state, "left nothing");
}

static void
one_bad_file_is_no_snapshot(void **state)
{
	struct ground *g = *state;
	struct buf b;

	put_file(g, "1.gz", "a", false);
	put_file(g, "2", "b", true);
	put_file(g, "4.gz", "d", false);
	rdb_begin(&b, "REDIS0011");
	gzip(&b); /* good, but of no whole dump */
	put(g, "3.gz", &b);
	buf_release(&b);
	fails(g, "file 3 of 4");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(one_file_is_a_dump_and_a_point_in_time),
	    TEST(several_are_shards_of_the_slots_that_they_have_keys_of),
	    TEST(slots_that_are_in_two_files_are_told),
	    TEST(none_at_all_is_no_export),
	    TEST(one_bad_file_is_no_snapshot),
	    TEST(one_that_lacks_keys_is_none_where_nobody_told_its_end),
	    TEST(and_is_told_of_where_that_was_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * What is read is proved: flipped, cut, missing and foreign parts, another
 * key, and manifests that lie.
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
#include "agent/snapshot/snapshot_read.h"
#include "base/budget.h"
#include "base/cancel.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "rdb/fingerprint.h"
#include "rdb/keystats.h"
#include "storage/store.h"
#include "tests/sim/catcher.h"
#include "tests/sim/rdb_bytes.h"
#include "tests/sim/snapshot_rig.h"
#include "tests/sim/store_fault.h"

struct ground {
	struct snapshot_rig rig;
	struct store *store;
	struct manifest *m; /* as read from the store */
	char *part;	    /* path of its first */
};

static void
take(struct ground *g, enum codec codec, bool seal, uint64_t part_max)
{
	struct snapshot_rig *r = &g->rig;
	struct manifest *m;

	r->env.cipher_key = seal ? &r->key : NULL;
	r->take.codec = codec;
	r->take.seal = seal;
	r->take.part_max = part_max;
	m = snapshot_rig_must_take(r, g->store);
	manifest_free(g->m);
	g->m = catalog_get(g->store, &r->scope, RIG_JOB, m->id, &r->err);
	assert_non_null(g->m);
	manifest_free(m);
	free(g->part);
	g->part = snapshot_rig_path(&r->source, g->m, g->m->parts[0].name);
}

static int
up(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	snapshot_rig_up(&g->rig);
	g->store = temp_dir_store(&g->rig.source);
	*state = g;
	return 0;
}

static int
down(void **state)
{
	struct ground *g = *state;

	manifest_free(g->m);
	free(g->part);
	store_free(g->store);
	snapshot_rig_down(&g->rig);
	free(g);
	return 0;
}

static void
expect(struct ground *g, enum err_kind kind, const char *why)
{
	assert_int_equal(snapshot_rig_verify(&g->rig, g->store, g->m), -1);
	if (g->rig.err.kind != kind || strstr(g->rig.err.text, why) == NULL)
		fail_msg("%s, and not '%s': %s", err_kind_name(g->rig.err.kind),
		    why, g->rig.err.text);
}

static void
expect_whole(struct ground *g)
{
	if (snapshot_rig_verify(&g->rig, g->store, g->m) != 0)
		fail_msg("%s", g->rig.err.text);
}

static void
what_is_delivered_is_the_dump_to_the_byte(void **state)
{
	struct ground *g = *state;
	static const struct keystats_opts counts;
	struct keystats *stats = keystats_new(&counts);
	struct keystats_count total;
	struct catcher c;
	struct snapshot_read_opts opts = {
	    .out = &c.base,
	    .visitors = {NULL, keystats_visitor(stats)},
	};
	struct buf dump;

	catcher_init(&c);
	snapshot_rig_dump(&dump);
	take(g, CODEC_ZSTD, true, 4000);
	assert_int_equal(snapshot_read(g->store, g->m, &g->rig.scope,
			     &g->rig.env, &opts, &g->rig.err),
	    0);
	assert_int_equal(c.len, dump.len);
	assert_memory_equal(c.data, dump.data, dump.len);
	assert_false(c.finished);
	keystats_total(stats, &total);
	assert_int_equal(total.keys, RIG_KEYS);
	keystats_free(stats);
	buf_release(&dump);
	catcher_release(&c);
}

/* The first and last bytes, and some of the middle. */
static void
flip_all_over(struct ground *g)
{
	long size = file_size(g->part);
	const long at[] = {0, 1, 9, 11, 20, 50, 60, size / 3, size / 2,
	    size - 17, size - 9, size - 5, size - 1};

	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		file_flip(g->part, at[i]);
		assert_int_equal(
		    snapshot_rig_verify(&g->rig, g->store, g->m), -1);
		/* A sealed part whose key id was flipped tells of its key. */
		if (g->rig.err.kind != ERR_CORRUPT &&
		    !(g->m->sealed && g->rig.err.kind == ERR_AUTH))
			fail_msg("at %ld: %s", at[i], g->rig.err.text);
		file_flip(g->part, at[i]);
	}
	expect_whole(g);
}

static void
a_flipped_bit_at_rest_is_found_wherever_it_is(void **state)
{
	static const enum codec codecs[] = {CODEC_NONE, CODEC_GZIP, CODEC_ZSTD};
	struct ground *g = *state;

	for (size_t i = 0; i < 3; i++) {
		take(g, codecs[i], false, 0);
		flip_all_over(g);
		take(g, codecs[i], true, 0);
		flip_all_over(g);
	}
}

static void
a_flipped_bit_on_the_way_is_found(void **state)
{
	struct ground *g = *state;
	struct store *plain = g->store;

	take(g, CODEC_NONE, false, 0);
	g->store = store_fault_new(temp_dir_store(&g->rig.source));
	store_fault_add(
	    g->store, &(struct fault){.op = FAULT_READ, .how = FAULT_FLIP});
	expect(g, ERR_CORRUPT, "part-0000");
	store_free(g->store);
	g->store = plain;
}

static void
parts_only_finds_it_too(void **state)
{
	struct snapshot_read_opts opts = {.parts_only = true};
	struct ground *g = *state;
	struct snapshot_rig *r = &g->rig;

	take(g, CODEC_GZIP, true, 0);
	/* It needs no key. */
	r->env.cipher_key = NULL;
	assert_int_equal(
	    snapshot_read(g->store, g->m, &r->scope, &r->env, &opts, &r->err),
	    0);
	file_flip(g->part, 1000);
	assert_int_equal(
	    snapshot_read(g->store, g->m, &r->scope, &r->env, &opts, &r->err),
	    -1);
	assert_int_equal(r->err.kind, ERR_CORRUPT);
	assert_non_null(strstr(r->err.text, "SHA-256"));
}

static void
a_part_that_is_cut_is_found(void **state)
{
	struct ground *g = *state;
	long size;

	take(g, CODEC_GZIP, false, 0);
	size = file_size(g->part);
	file_cut(g->part, size - 1);
	expect(g, ERR_CORRUPT, "the manifest says");
	file_cut(g->part, 0);
	expect(g, ERR_CORRUPT, "the manifest says");
	file_cut(g->part, size); /* zeros now, of the right length */
	expect(g, ERR_CORRUPT, "part-0000");
}

static void
a_part_that_is_gone_is_found(void **state)
{
	struct ground *g = *state;

	take(g, CODEC_NONE, false, 20000);
	assert_int_equal(g->m->nparts, 3);
	assert_int_equal(remove(g->part), 0);
	expect(g, ERR_CORRUPT, "part-0000");
}

static void
copy_file(const char *from, const char *to)
{
	static char bytes[1 << 20];
	FILE *f = fopen(from, "rb");
	size_t n;

	assert_non_null(f);
	n = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	f = fopen(to, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	fclose(f);
}

/* Sealed, with the manifest told of the new bytes: only the seal can know. */
static void
a_part_of_another_snapshot_is_found(void **state)
{
	struct ground *g = *state;
	struct manifest *first;
	char *part;

	take(g, CODEC_NONE, true, 0);
	first = g->m;
	part = g->part;
	g->m = NULL;
	g->part = NULL;
	take(g, CODEC_NONE, true, 0);
	assert_int_equal(first->parts[0].bytes, g->m->parts[0].bytes);
	copy_file(part, g->part);
	expect(g, ERR_CORRUPT, "part-0000");
	memcpy(g->m->parts[0].sha256, first->parts[0].sha256, SHA256_BYTES);
	expect(g, ERR_CORRUPT, "part-0000");
	manifest_free(first);
	free(part);
}

static void
swapped_parts_are_found(void **state)
{
	struct ground *g = *state;
	struct manifest_part swap;

	take(g, CODEC_NONE, true, 10000);
	assert_true(g->m->nparts > 2);
	swap = g->m->parts[0];
	g->m->parts[0] = g->m->parts[1];
	g->m->parts[1] = swap;
	expect(g, ERR_CORRUPT, "part-0001");
	take(g, CODEC_NONE, false, 10000);
	swap = g->m->parts[0];
	g->m->parts[0] = g->m->parts[1];
	g->m->parts[1] = swap;
	expect(g, ERR_CORRUPT, "");
}

static void
another_key_or_none_is_told_as_such(void **state)
{
	struct ground *g = *state;

	take(g, CODEC_GZIP, true, 0);
	g->rig.env.cipher_key = &g->rig.other_key;
	expect(g, ERR_AUTH, "key");
	g->rig.env.cipher_key = NULL;
	expect(g, ERR_AUTH, "cipher_key");
	g->rig.env.cipher_key = &g->rig.key;
	expect_whole(g);
}

static void
a_manifest_that_lies_is_found_out(void **state)
{
	struct ground *g = *state;
	struct fingerprint *theirs;

	take(g, CODEC_GZIP, false, 0);
	g->m->parts[0].sha256[31] ^= 1;
	expect(g, ERR_CORRUPT, "SHA-256");
	g->m->parts[0].sha256[31] ^= 1;
	g->m->parts[0].bytes--;
	expect(g, ERR_CORRUPT, "the manifest says");
	g->m->parts[0].bytes++;
	g->m->raw_sha256[0] ^= 1;
	expect(g, ERR_CORRUPT, "vouches");
	g->m->raw_sha256[0] ^= 1;
	g->m->raw_bytes++;
	expect(g, ERR_CORRUPT, "vouches");
	g->m->raw_bytes--;
	g->m->total.keys++;
	expect(g, ERR_CORRUPT, "200 keys, and the manifest says 201");
	g->m->total.keys--;
	g->m->crc64 ^= 1;
	expect(g, ERR_CORRUPT, "CRC64");
	g->m->crc64 ^= 1;
	g->m->has_crc = false;
	expect(g, ERR_CORRUPT, "CRC64");
	g->m->has_crc = true;
	theirs = g->m->fingerprint;
	g->m->fingerprint = fingerprint_new(fingerprint_anchor_ms(theirs));
	expect(g, ERR_CORRUPT, "fingerprint");
	fingerprint_free(g->m->fingerprint);
	g->m->fingerprint = theirs;
	g->m->codec = CODEC_ZSTD;
	expect(g, ERR_CORRUPT, "");
	g->m->codec = CODEC_NONE;
	expect(g, ERR_CORRUPT, "");
	g->m->codec = CODEC_GZIP;
	expect_whole(g);
}

/* A part replaced between asking for its size and reading it. */
static void
a_store_call_that_fails_is_told(void **state)
{
	static const enum fault_op ops[] = {FAULT_STAT, FAULT_READ};
	struct ground *g = *state;
	struct store *plain = g->store;

	take(g, CODEC_NONE, false, 20000);
	for (size_t i = 0; i < 2; i++)
		for (unsigned nth = 1; nth <= 3; nth++) {
			g->store = store_fault_new(
			    temp_dir_store(&g->rig.source));
			store_fault_add(g->store,
			    &(struct fault){
				.op = ops[i], .nth = nth, .kind = ERR_AUTH});
			expect(g, ERR_AUTH, "part-000");
			store_free(g->store);
		}
	g->store = plain;
}

static void
the_end_that_fails_fails_the_reading(void **state)
{
	struct ground *g = *state;
	struct catcher c;
	struct snapshot_read_opts opts = {.out = &c.base};

	take(g, CODEC_GZIP, true, 4000);
	catcher_init(&c);
	c.fail_at = 1;
	assert_int_equal(snapshot_read(g->store, g->m, &g->rig.scope,
			     &g->rig.env, &opts, &g->rig.err),
	    -1);
	assert_int_not_equal(g->rig.err.kind, ERR_CANCELLED);
	catcher_release(&c);
}

static void
too_little_memory_is_refused(void **state)
{
	struct ground *g = *state;
	struct budget *whole = g->rig.env.budget;

	take(g, CODEC_GZIP, true, 0);
	g->rig.env.budget = budget_new(1 << 16);
	expect(g, ERR_USAGE, "memory");
	assert_int_equal(budget_left(g->rig.env.budget), 1 << 16);
	budget_free(g->rig.env.budget);
	g->rig.env.budget = whole;
}

static void
stop(struct catcher *c)
{
	cancel_trigger(c->arg);
}

static void
a_cancel_in_the_middle_ends_it(void **state)
{
	struct ground *g = *state;
	struct snapshot_rig *r = &g->rig;
	struct cancel *cancel = cancel_new(NULL);
	struct scope scope = scope_under(&r->scope, cancel);
	struct catcher c;
	struct snapshot_read_opts opts = {.out = &c.base};

	take(g, CODEC_NONE, false, 4000);
	catcher_init(&c);
	c.on_write = stop;
	c.arg = cancel;
	assert_int_equal(
	    snapshot_read(g->store, g->m, &scope, &r->env, &opts, &r->err), -1);
	assert_int_equal(r->err.kind, ERR_CANCELLED);
	catcher_release(&c);
	cancel_free(cancel);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_is_delivered_is_the_dump_to_the_byte),
	    TEST(a_flipped_bit_at_rest_is_found_wherever_it_is),
	    TEST(a_flipped_bit_on_the_way_is_found),
	    TEST(parts_only_finds_it_too),
	    TEST(a_part_that_is_cut_is_found),
	    TEST(a_part_that_is_gone_is_found),
	    TEST(a_part_of_another_snapshot_is_found),
	    TEST(swapped_parts_are_found),
	    TEST(another_key_or_none_is_told_as_such),
	    TEST(a_manifest_that_lies_is_found_out),
	    TEST(a_store_call_that_fails_is_told),
	    TEST(the_end_that_fails_fails_the_reading),
	    TEST(too_little_memory_is_refused),
	    TEST(a_cancel_in_the_middle_ends_it),
	};

	return cmocka_run_group_tests_name("snapshot_read", tests, NULL, NULL);
}

/*
 * A snapshot is listed only when it can be restored: every store call failed
 * once, sources of every bad sort, every codec, no memory, a cancel.
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
#include "base/budget.h"
#include "base/cancel.h"
#include "base/chunk.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "storage/codec.h"
#include "storage/store.h"
#include "tests/sim/rdb_bytes.h"
#include "tests/sim/snapshot_rig.h"
#include "tests/sim/store_fault.h"

static int
up(void **state)
{
	struct snapshot_rig *r = xcalloc(1, sizeof(*r));

	snapshot_rig_up(r);
	*state = r;
	return 0;
}

static int
down(void **state)
{
	snapshot_rig_down(*state);
	free(*state);
	return 0;
}

/* Take one from a source that is bad: nothing is there afterwards. */
static void
expect_refused(struct snapshot_rig *r, enum err_kind kind, const char *why)
{
	struct store *s = temp_dir_store(&r->source);
	size_t blobs;

	assert_null(snapshot_rig_take(r, s));
	if (strstr(r->err.text, why) == NULL)
		fail_msg("'%s' is not in: %s", why, r->err.text);
	assert_int_equal(r->err.kind, kind);
	assert_int_equal(snapshot_rig_audit(r, s, &blobs), 0);
	assert_int_equal(blobs, 0);
	store_free(s);
}

static void
manifest_says_what_the_dump_holds(void **state)
{
	struct snapshot_rig *r = *state;
	struct store *s = temp_dir_store(&r->source);
	struct manifest *m = snapshot_rig_must_take(r, s), *stored;

	stored = catalog_get(s, &r->scope, RIG_JOB, m->id, &r->err);
	assert_non_null(stored);
	assert_true(stored->verified);
	assert_true(stored->consistent);
	assert_string_equal(stored->way, "file");
	assert_string_equal(stored->source, r->dump);
	assert_string_equal(stored->server, "redis 7.0.15");
	assert_int_equal(stored->total.keys, RIG_KEYS);
	assert_int_equal(stored->total.expiring, 29);
	assert_int_equal(stored->ndbs, 2);
	assert_int_equal(stored->dbs[1].db, 2);
	assert_int_equal(stored->dbs[1].count.keys, RIG_KEYS / 2);
	assert_int_equal(stored->kinds[RDB_STRING].keys, RIG_KEYS);
	assert_int_equal(stored->db_max, 2);
	assert_true(stored->value_max > 0);
	assert_int_equal(stored->value_max, m->value_max);
	assert_int_equal(stored->raw_bytes, file_size(r->dump));
	assert_int_equal(stored->rdb_version, 11);
	assert_true(stored->has_crc);
	manifest_free(stored);
	manifest_free(m);
	store_free(s);
}

static void
take_as(struct snapshot_rig *r, struct store *s, enum codec codec, bool seal)
{
	struct manifest *m;

	r->take.codec = codec;
	r->take.seal = seal;
	for (unsigned i = 0; i < 2; i++) {
		r->take.part_max = i == 0 ? 0 : 5000;
		m = snapshot_rig_must_take(r, s);
		assert_int_equal(m->sealed, seal);
		assert_int_equal(m->codec, codec);
		if (i == 0)
			assert_int_equal(m->nparts, 1);
		else
			assert_true(m->nparts > 5);
		for (size_t k = 0; k < m->nparts && !seal && i == 1; k++)
			assert_true(m->parts[k].bytes <= 5000);
		manifest_free(m);
	}
}

static void
every_codec_reads_back_sealed_or_not_in_one_part_or_many(void **state)
{
	static const enum codec codecs[] = {CODEC_NONE, CODEC_GZIP, CODEC_ZSTD};
	struct snapshot_rig *r = *state;
	struct store *s = temp_dir_store(&r->source);

	r->env.cipher_key = &r->key;
	for (size_t i = 0; i < 3; i++) {
		take_as(r, s, codecs[i], false);
		take_as(r, s, codecs[i], true);
	}
	assert_int_equal(snapshot_rig_audit(r, s, NULL), 12);
	store_free(s);
}

/* One run with one call failed; false when there was no such call. */
static bool
fail_call(struct snapshot_rig *r, unsigned nth, enum fault_how how)
{
	struct store *plain = temp_dir_store(&r->source);
	struct store *s = store_fault_new(temp_dir_store(&r->source));
	size_t before = snapshot_rig_audit(r, plain, NULL), after, blobs;
	struct manifest *m;
	unsigned calls;

	store_fault_add(s,
	    &(struct fault){
		.op = FAULT_ANY, .nth = nth, .how = how, .kind = ERR_SYSTEM});
	m = snapshot_rig_take(r, s);
	calls = store_fault_calls(s, FAULT_ANY);
	after = snapshot_rig_audit(r, plain, &blobs);
	if (m != NULL)
		assert_int_equal(after, before + 1);
	else
		/* More only when the manifest's answer was lost. */
		assert_in_range(
		    after, before, before + (how == FAULT_LOSE_ANSWER ? 1 : 0));
	if (m == NULL && after == before)
		/* Three parts and a manifest each, and nothing else. */
		assert_int_equal(blobs, after * 4);
	manifest_free(m);
	store_free(s);
	store_free(plain);
	return nth <= calls;
}

static void
take_with_every_call_failed(struct snapshot_rig *r, enum fault_how how)
{
	struct store *s = temp_dir_store(&r->source);
	unsigned nth = 1;

	r->take.codec = CODEC_NONE;
	r->take.part_max = 20000;
	r->env.in_flight = 1;
	manifest_free(snapshot_rig_must_take(r, s));
	store_free(s);
	while (fail_call(r, nth, how))
		nth++;
	/* At least a stage and a commit of each part and of the manifest. */
	assert_true(nth > 8);
}

static void
a_store_call_that_fails_lists_nothing_and_leaves_no_part(void **state)
{
	take_with_every_call_failed(*state, FAULT_FAIL);
}

static void
a_lost_answer_lists_nothing_that_cannot_be_restored(void **state)
{
	take_with_every_call_failed(*state, FAULT_LOSE_ANSWER);
}

static void
a_lost_answer_to_the_manifest_leaves_a_whole_snapshot(void **state)
{
	struct snapshot_rig *r = *state;
	struct store *s = store_fault_new(temp_dir_store(&r->source));

	store_fault_add(s,
	    &(struct fault){.op = FAULT_COMMIT,
		.nth = 2,
		.how = FAULT_LOSE_ANSWER,
		.kind = ERR_SYSTEM});
	assert_null(snapshot_rig_take(r, s));
	assert_int_equal(r->err.kind, ERR_SYSTEM);
	assert_int_equal(snapshot_rig_audit(r, s, NULL), 1);
	store_free(s);
}

/* What may have been done is looked at before it is asked again. */
static void
an_answer_lost_on_the_way_is_found_out_and_the_run_goes_on(void **state)
{
	struct snapshot_rig *r = *state;

	for (unsigned nth = 1; nth <= 2; nth++) {
		struct store *s = store_fault_new(temp_dir_store(&r->source));

		store_fault_add(s,
		    &(struct fault){.op = FAULT_COMMIT,
			.nth = nth,
			.how = FAULT_LOSE_ANSWER,
			.kind = ERR_TRANSIENT});
		manifest_free(snapshot_rig_must_take(r, s));
		assert_int_equal(store_fault_calls(s, FAULT_COMMIT), 2);
		assert_int_equal(snapshot_rig_audit(r, s, NULL), nth);
		store_free(s);
	}
}

/*
 * When it is not known whether the manifest stands, because asking failed
 * too, the parts stay.
 */
static void
parts_stay_while_the_manifest_may_stand(void **state)
{
	struct snapshot_rig *r = *state;
	struct store *s = store_fault_new(temp_dir_store(&r->source));
	struct store *plain = temp_dir_store(&r->source);

	store_fault_add(s,
	    &(struct fault){.op = FAULT_COMMIT,
		.nth = 2,
		.how = FAULT_LOSE_ANSWER,
		.kind = ERR_SYSTEM});
	store_fault_add(s,
	    &(struct fault){
		.op = FAULT_STAT, .how = FAULT_FAIL, .kind = ERR_SYSTEM});
	assert_null(snapshot_rig_take(r, s));
	assert_int_equal(store_fault_calls(s, FAULT_REMOVE), 0);
	assert_int_equal(snapshot_rig_audit(r, plain, NULL), 1);
	store_free(s);
	store_free(plain);
}

static void
a_dump_cut_anywhere_lists_nothing(void **state)
{
	struct snapshot_rig *r = *state;
	long size = file_size(r->dump);
	const long cuts[] = {
	    0, 5, 9, 30, size / 2, size - 9, size - 8, size - 1};

	for (size_t i = sizeof(cuts) / sizeof(cuts[0]); i-- > 0;) {
		file_cut(r->dump, cuts[i]);
		expect_refused(r, ERR_CORRUPT, "dump.rdb");
	}
}

static void
a_dump_with_a_flipped_bit_lists_nothing(void **state)
{
	struct snapshot_rig *r = *state;
	long size = file_size(r->dump);
	/* In a value, which only the CRC sees, and in the CRC. */
	const long at[] = {size / 2, size - 4};

	for (size_t i = 0; i < 2; i++) {
		file_flip(r->dump, at[i]);
		expect_refused(r, ERR_CORRUPT, "CRC64");
		file_flip(r->dump, at[i]);
	}
}

static void
an_unknown_type_lists_nothing(void **state)
{
	struct snapshot_rig *r = *state;
	struct buf b;

	rdb_begin_key(&b, "REDIS0011", 99);
	rdb_put_string(&b, "value");
	rdb_end(&b);
	snapshot_rig_write(r, b.data, b.len);
	buf_release(&b);
	expect_refused(r, ERR_UNSUPPORTED, "99");
}

static void
half_of_an_import_is_no_source(void **state)
{
	static const char *const names[] = {
	    "drsync:import:shop", "drsync:import:shop:value:1f"};
	struct snapshot_rig *r = *state;

	for (size_t i = 0; i < 2; i++) {
		struct buf b;

		rdb_begin(&b, "REDIS0011");
		RAW(&b, "\xfe\0");
		for (size_t k = 0; k < 2; k++) {
			buf_addc(&b, 0); /* a string */
			rdb_put_string(&b, k == 0 ? "key" : names[i]);
			rdb_put_string(&b, "value");
		}
		rdb_end(&b);
		snapshot_rig_write(r, b.data, b.len);
		buf_release(&b);
		expect_refused(r, ERR_REFUSED, names[i]);
	}
}

static void
a_file_that_is_not_there_or_no_dump_lists_nothing(void **state)
{
	struct snapshot_rig *r = *state;

	snapshot_rig_write(r, "hello, world", 12);
	expect_refused(r, ERR_CORRUPT, "dump.rdb");
	remove(r->dump);
	expect_refused(r, ERR_MISSING, "dump.rdb");
	strcpy(r->dump, r->files.path);
	expect_refused(r, ERR_USAGE, "it is no file");
}

static void
a_newer_rdb_version_is_kept_unverified_and_never_the_latest(void **state)
{
	struct snapshot_rig *r = *state;
	struct store *s = temp_dir_store(&r->source);
	struct manifest *good, *newer, *latest;
	struct buf b;

	rdb_begin(&b, "REDIS0099");
	RAW(&b, "\xfe\x00\x77 something that is not known yet");
	rdb_end(&b);
	snapshot_rig_write(r, b.data, b.len);
	newer = snapshot_rig_must_take(r, s);
	assert_false(newer->verified);
	assert_int_equal(newer->rdb_version, 99);
	assert_int_equal(newer->raw_bytes, b.len);
	latest = catalog_get(s, &r->scope, RIG_JOB, NULL, &r->err);
	assert_string_equal(latest->id, newer->id);
	manifest_free(latest);
	buf_release(&b);

	/* The same second, or an older one: the verified one is chosen. */
	snapshot_rig_dump(&b);
	snapshot_rig_write(r, b.data, b.len);
	buf_release(&b);
	good = snapshot_rig_must_take(r, s);
	latest = catalog_get(s, &r->scope, RIG_JOB, "latest", &r->err);
	assert_string_equal(latest->id, good->id);
	assert_int_equal(snapshot_rig_audit(r, s, NULL), 2);
	manifest_free(latest);
	manifest_free(good);
	manifest_free(newer);
	store_free(s);
}

/* A server that runs with "rdbchecksum no" writes a checksum of zero. */
static void
a_dump_without_a_checksum_reads_back(void **state)
{
	struct snapshot_rig *r = *state;
	struct store *s = temp_dir_store(&r->source);
	struct manifest *m;
	struct buf b;

	snapshot_rig_dump(&b);
	memset(b.data + b.len - 8, 0, 8);
	snapshot_rig_write(r, b.data, b.len);
	buf_release(&b);
	m = snapshot_rig_must_take(r, s);
	assert_false(m->has_crc);
	assert_int_equal(snapshot_rig_audit(r, s, NULL), 1);
	manifest_free(m);
	store_free(s);
}

static void
too_little_memory_is_refused_before_anything_is_written(void **state)
{
	static const size_t sizes[] = {0, 100000, 1 << 20, 4 << 20};
	struct snapshot_rig *r = *state;
	struct budget *whole = r->env.budget;

	for (size_t i = 0; i < 4; i++) {
		r->env.budget = budget_new(sizes[i]);
		expect_refused(r, ERR_USAGE, "memory");
		assert_int_equal(budget_left(r->env.budget), sizes[i]);
		budget_free(r->env.budget);
		r->env.budget = whole;
	}
}

/* A source that gives the first bytes of the dump, then cancels the run. */
struct stopping {
	struct source source;
	struct cancel *cancel;
};

static int
stopping_dump(struct source *source, const struct scope *scope,
    const struct source_call *call, struct sink *sink,
    struct source_facts *facts, struct err *err)
{
	struct stopping *s = (struct stopping *)source;

	(void)call;
	(void)facts;
	if (sink_write_bytes(sink, "REDIS0011\xfe\x00", 11, err) != 0)
		return -1;
	cancel_trigger(s->cancel);
	return scope_check(scope, err);
}

static size_t
stopping_cost(const struct source *s, const struct source_call *call)
{
	(void)s;
	(void)call;
	return 0;
}

static void
stopping_free(struct source *s)
{
	(void)s;
}

static void
a_cancel_in_the_middle_leaves_nothing(void **state)
{
	static const struct source_ops ops = {.way = "test",
	    .cost = stopping_cost,
	    .dump = stopping_dump,
	    .free = stopping_free};
	struct snapshot_rig *r = *state;
	struct store *s = temp_dir_store(&r->source);
	struct stopping source = {.source = {.ops = &ops, .shown = "a test"}};
	struct scope scope;
	size_t blobs;

	source.cancel = cancel_new(NULL);
	scope = scope_root(source.cancel);
	assert_null(snapshot_take(
	    &source.source, s, &scope, &r->env, &r->take, &r->err));
	assert_int_equal(r->err.kind, ERR_CANCELLED);
	assert_int_equal(snapshot_rig_audit(r, s, &blobs), 0);
	assert_int_equal(blobs, 0);
	cancel_free(source.cancel);
	store_free(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(manifest_says_what_the_dump_holds),
	    TEST(every_codec_reads_back_sealed_or_not_in_one_part_or_many),
	    TEST(a_store_call_that_fails_lists_nothing_and_leaves_no_part),
	    TEST(a_lost_answer_lists_nothing_that_cannot_be_restored),
	    TEST(a_lost_answer_to_the_manifest_leaves_a_whole_snapshot),
	    TEST(an_answer_lost_on_the_way_is_found_out_and_the_run_goes_on),
	    TEST(parts_stay_while_the_manifest_may_stand),
	    TEST(a_dump_cut_anywhere_lists_nothing),
	    TEST(a_dump_with_a_flipped_bit_lists_nothing),
	    TEST(an_unknown_type_lists_nothing),
	    TEST(half_of_an_import_is_no_source),
	    TEST(a_file_that_is_not_there_or_no_dump_lists_nothing),
	    TEST(a_newer_rdb_version_is_kept_unverified_and_never_the_latest),
	    TEST(a_dump_without_a_checksum_reads_back),
	    TEST(too_little_memory_is_refused_before_anything_is_written),
	    TEST(a_cancel_in_the_middle_leaves_nothing),
	};

	return cmocka_run_group_tests_name("snapshot_take", tests, NULL, NULL);
}

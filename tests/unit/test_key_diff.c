#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/scope.h"
#include "rdb/key_diff.h"
#include "rdb/key_table.h"
#include "rdb/slot_set.h"
#include "rdb/slot_sums.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/rdb_bytes.h"
#include "tests/sim/rdb_keys.h"

#define ROOM  KEY_TABLE_LEAST
#define LIMIT 100
#define LONG  INT64_C(3600000)

/* Two dumps, compared as a command does it. */
struct rig {
	struct fake_clock clock;
	struct scope scope;
	struct buf dumps[2];
	struct slot_set *slots;
	struct key_diff_opts opts;
	struct key_diff *diff;
};

static void
rig_up(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	r->scope = fake_clock_init(&r->clock);
	r->slots = slot_set_new();
	r->opts = (struct key_diff_opts){
	    .slots = r->slots,
	    .max_bytes = ROOM,
	    .limit = LIMIT,
	    .streams = true,
	    .gone_by_ms = scope_wall_ms(&r->scope),
	    .scope = &r->scope,
	};
	for (int i = 0; i < 2; i++)
		rdb_keys_begin(&r->dumps[i]);
}

static void
rig_down(struct rig *r)
{
	key_diff_free(r->diff);
	slot_set_free(r->slots);
	buf_release(&r->dumps[0]);
	buf_release(&r->dumps[1]);
}

static int64_t
now(const struct rig *r)
{
	return scope_wall_ms(&r->scope);
}

/* The dumps are complete; which slots of them differ? */
static void
narrow_down(struct rig *r)
{
	struct slot_sums *sums[2];

	for (int i = 0; i < 2; i++) {
		rdb_keys_end(&r->dumps[i]);
		sums[i] = slot_sums_new(r->opts.gone_by_ms, 16 << 20);
		rdb_keys_show(&r->dumps[i], slot_sums_visitor(sums[i]));
	}
	slot_sums_compare(sums[0], sums[1], r->slots);
	slot_sums_free(sums[0]);
	slot_sums_free(sums[1]);
	r->diff = key_diff_new(&r->opts);
}

static void
look(struct rig *r)
{
	key_diff_begin(r->diff);
	rdb_keys_show(&r->dumps[0], key_diff_visitor(r->diff, DIFF_FIRST));
	rdb_keys_show(&r->dumps[1], key_diff_visitor(r->diff, DIFF_SECOND));
	key_diff_end(r->diff);
}

static void
compare(struct rig *r)
{
	narrow_down(r);
	look(r);
	assert_true(key_diff_looked_into(r->diff) == 1);
}

static uint64_t
count(const struct rig *r)
{
	const struct key_change_count *c;
	uint64_t keys = 0;

	for (size_t i = 0;
	     (c = key_changes_count(key_diff_changes(r->diff), i)) != NULL; i++)
		keys += c->keys;
	return keys;
}

static uint64_t
count_of(const struct rig *r, uint32_t db, enum key_change change)
{
	const struct key_change_count *c;

	for (size_t i = 0;
	     (c = key_changes_count(key_diff_changes(r->diff), i)) != NULL; i++)
		if (c->db == db)
			return c->changes[change];
	return 0;
}

/* The changes of a key as bits; 0 when it is not told. */
static unsigned
changes_of(struct rig *r, uint32_t db, const char *name)
{
	const struct key_difference *d;
	size_t n;

	d = key_changes_list(key_diff_changes(r->diff), &n);
	for (size_t i = 0; i < n; i++)
		if (d[i].db == db && d[i].name_len == strlen(name) &&
		    memcmp(d[i].name, name, d[i].name_len) == 0)
			return d[i].changes;
	return 0;
}

#define BIT(change) (1u << (change))

static void
put_every_difference(struct rig *r, int a, int b)
{
	struct buf *x = &r->dumps[a], *y = &r->dumps[b];

	rdb_keys_string(x, "same", "v");
	rdb_keys_string(y, "same", "v");
	rdb_keys_string(x, "only here", "v");
	rdb_keys_string(x, "type", "v");
	rdb_keys_key(y, 1, "type");
	RAW(y, "\x01\x01v");
	rdb_keys_string(x, "value", "v");
	rdb_keys_string(y, "value", "w");
	rdb_keys_string(x, "ttl", "v");
	rdb_keys_expire(y, now(r) + LONG);
	rdb_keys_string(y, "ttl", "v");
	rdb_keys_expire(x, now(r) + LONG);
	rdb_keys_string(x, "both", "v");
	rdb_keys_expire(y, now(r) + LONG + 1);
	rdb_keys_string(y, "both", "w");
	/* One hash in two encodings. */
	rdb_keys_key(x, 4, "hash");
	RAW(x,
	    "\x02\x01"
	    "a\x01"
	    "1\x01"
	    "b\x01"
	    "2");
	rdb_keys_key(y, 16, "hash");
	rdb_put_listpack(y, "b 2 a 1");
	for (int i = 0; i < 2; i++)
		rdb_keys_select(&r->dumps[i], 5);
	rdb_keys_string(x, "value", "v");
	rdb_keys_string(y, "value", "v");
	rdb_keys_string(y, "only there", "v");
}

static void
every_kind_of_difference_is_found_either_way_round(void **state)
{
	(void)state;
	for (int swap = 0; swap < 2; swap++) {
		enum key_change here = swap ? KEY_ONLY_SECOND : KEY_ONLY_FIRST;
		enum key_change there = swap ? KEY_ONLY_FIRST : KEY_ONLY_SECOND;
		struct rig r;

		rig_up(&r);
		put_every_difference(&r, swap, 1 - swap);
		compare(&r);
		assert_int_equal(count(&r), 6);
		assert_int_equal(changes_of(&r, 0, "only here"), BIT(here));
		assert_int_equal(changes_of(&r, 5, "only there"), BIT(there));
		assert_int_equal(changes_of(&r, 0, "type"), BIT(KEY_TYPE));
		assert_int_equal(changes_of(&r, 0, "value"), BIT(KEY_VALUE));
		assert_int_equal(changes_of(&r, 0, "ttl"), BIT(KEY_TTL));
		assert_int_equal(
		    changes_of(&r, 0, "both"), BIT(KEY_VALUE) | BIT(KEY_TTL));
		assert_int_equal(count_of(&r, 0, here), 1);
		assert_int_equal(count_of(&r, 0, there), 0);
		assert_int_equal(count_of(&r, 5, there), 1);
		assert_int_equal(count_of(&r, 0, KEY_VALUE), 2);
		assert_int_equal(count_of(&r, 0, KEY_TTL), 2);
		assert_int_equal(
		    slot_set_count(key_changes_slots(key_diff_changes(r.diff))),
		    6);
		rig_down(&r);
	}
}

static void
facts_of_both_sides_are_told(void **state)
{
	const struct key_difference *d;
	struct rig r;
	size_t n;

	(void)state;
	rig_up(&r);
	rdb_keys_key(&r.dumps[0], 16, "k");
	rdb_put_listpack(&r.dumps[0], "field value");
	rdb_keys_expire(&r.dumps[1], now(&r) + LONG);
	rdb_keys_string(&r.dumps[1], "k", "value");
	compare(&r);
	d = key_changes_list(key_diff_changes(r.diff), &n);
	assert_int_equal(n, 1);
	assert_int_equal(d->changes, BIT(KEY_TYPE) | BIT(KEY_TTL));
	assert_int_equal(d->sides[DIFF_FIRST].kind, RDB_HASH);
	assert_int_equal(d->sides[DIFF_FIRST].elements, 1);
	assert_int_equal(d->sides[DIFF_FIRST].bytes, 10);
	assert_int_equal(d->sides[DIFF_FIRST].expires_ms, RDB_NO_EXPIRY);
	assert_int_equal(d->sides[DIFF_SECOND].kind, RDB_STRING);
	assert_int_equal(d->sides[DIFF_SECOND].bytes, 5);
	assert_int_equal(d->sides[DIFF_SECOND].expires_ms, now(&r) + LONG);
	rig_down(&r);
}

static void
an_expired_key_is_on_neither_side(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r);
	/* Before anything was read. */
	rdb_keys_expire(&r.dumps[0], now(&r));
	rdb_keys_string(&r.dumps[0], "gone", "v");
	rdb_keys_expire(&r.dumps[1], now(&r) - 1);
	rdb_keys_string(&r.dumps[1], "gone there", "v");
	/* While they are read. */
	rdb_keys_expire(&r.dumps[0], now(&r) + 1000);
	rdb_keys_string(&r.dumps[0], "first", "v");
	rdb_keys_expire(&r.dumps[1], now(&r) + 1000);
	rdb_keys_string(&r.dumps[1], "second", "v");
	for (int i = 0; i < 2; i++) {
		rdb_keys_expire(&r.dumps[i], now(&r) + 1000 + i);
		rdb_keys_string(&r.dumps[i], "both", i ? "v" : "w");
	}
	narrow_down(&r);
	fake_clock_pass(&r.clock, 2000);
	look(&r);
	assert_int_equal(count(&r), 0);
	assert_int_equal(key_diff_expiring(r.diff), 3);
	rig_down(&r);
}

static void
one_that_lives_on_the_other_side_is_only_there(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r);
	rdb_keys_expire(&r.dumps[0], now(&r));
	rdb_keys_string(&r.dumps[0], "long ago", "v");
	rdb_keys_string(&r.dumps[1], "long ago", "v");
	rdb_keys_expire(&r.dumps[0], now(&r) + 1000);
	rdb_keys_string(&r.dumps[0], "just now", "v");
	rdb_keys_expire(&r.dumps[1], now(&r) + LONG);
	rdb_keys_string(&r.dumps[1], "just now", "v");
	narrow_down(&r);
	fake_clock_pass(&r.clock, 2000);
	look(&r);
	assert_int_equal(changes_of(&r, 0, "long ago"), BIT(KEY_ONLY_SECOND));
	assert_int_equal(changes_of(&r, 0, "just now"), BIT(KEY_ONLY_SECOND));
	assert_int_equal(count(&r), 2);
	rig_down(&r);
}

/* A hash of one field that does not expire, and one that does. */
static void
put_expiring_hash(struct buf *b, int64_t expires_ms, bool with_it)
{
	rdb_keys_key(b, 24, "h");
	rdb_put_field_hash(b, expires_ms, with_it ? 2 : 1);
	rdb_put_field(b, -1, "f", "v");
	if (with_it)
		rdb_put_field(b, 0, "g", "w");
}

static void
a_hash_of_which_a_field_expired_is_left_out(void **state)
{
	struct rig r;

	(void)state;
	for (int late = 0; late < 2; late++) {
		rig_up(&r);
		put_expiring_hash(&r.dumps[0], now(&r) + 10000, true);
		put_expiring_hash(&r.dumps[1], now(&r) + 10000, false);
		narrow_down(&r);
		fake_clock_pass(&r.clock, late ? 10000 : 0);
		look(&r);
		assert_int_equal(count(&r), late ? 0 : 1);
		assert_int_equal(key_diff_expiring(r.diff), late);
		rig_down(&r);
	}
}

/* One field that lasts, unless it is NULL, and one that expires. */
static void
put_two_fields(
    struct buf *b, const char *name, const char *lasts, int64_t expires_ms)
{
	rdb_keys_key(b, 24, name);
	rdb_put_field_hash(b, expires_ms, lasts != NULL ? 2 : 1);
	if (lasts != NULL)
		rdb_put_field(b, -1, "lasts", lasts);
	rdb_put_field(b, 0, "goes", "x");
}

/* Whether the field went before the reading or goes while it is done. */
static void
what_lasts_in_a_hash_counts_when_a_field_has_gone(void **state)
{
	struct rig r;

	(void)state;
	for (int late = 0; late < 2; late++) {
		int64_t at;

		rig_up(&r);
		at = now(&r) + (late ? 10000 : -10000);
		put_two_fields(&r.dumps[0], "value", "good", at);
		put_two_fields(&r.dumps[1], "value", "bad", at);
		put_two_fields(&r.dumps[0], "lost", "good", at);
		put_two_fields(&r.dumps[1], "more", "good", at);
		put_two_fields(&r.dumps[0], "same", "good", at);
		put_two_fields(&r.dumps[1], "same", "good", at + 5);
		put_two_fields(&r.dumps[0], "gone", NULL, at);
		narrow_down(&r);
		fake_clock_pass(&r.clock, late ? 20000 : 0);
		look(&r);
		assert_int_equal(changes_of(&r, 0, "value"), BIT(KEY_VALUE));
		assert_int_equal(
		    changes_of(&r, 0, "lost"), BIT(KEY_ONLY_FIRST));
		assert_int_equal(
		    changes_of(&r, 0, "more"), BIT(KEY_ONLY_SECOND));
		assert_int_equal(count(&r), 3);
		assert_int_equal(key_diff_expiring(r.diff), late ? 2 : 0);
		rig_down(&r);
	}
}

static void
put_stream(struct buf *b, unsigned char added)
{
	rdb_keys_key(b, 19, "s");
	rdb_put_stream_node(b);
	RAW(b, "\x02\x40\x6b\x02\x40\x64\x05\x00\x00");
	buf_addc(b, (char)added);
	RAW(b, "\x00");
}

static void
counters_of_streams_count_when_asked_for(void **state)
{
	struct rig r;

	(void)state;
	for (int asked = 0; asked < 2; asked++) {
		rig_up(&r);
		r.opts.streams = asked;
		put_stream(&r.dumps[0], 3);
		put_stream(&r.dumps[1], 4);
		compare(&r);
		assert_int_equal(count(&r), asked);
		assert_int_equal(
		    changes_of(&r, 0, "s"), asked ? BIT(KEY_VALUE) : 0);
		rig_down(&r);
	}
}

static void
keys_of_other_slots_are_not_looked_into(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r);
	rdb_keys_string(&r.dumps[0], "foo", "v");
	rdb_keys_string(&r.dumps[1], "bar", "v");
	rdb_keys_end(&r.dumps[0]);
	rdb_keys_end(&r.dumps[1]);
	slot_set_add(r.slots, 0, 12182); /* of foo */
	slot_set_add(r.slots, 1, 5061);	 /* of bar, in another database */
	r.diff = key_diff_new(&r.opts);
	look(&r);
	assert_int_equal(count(&r), 1);
	assert_int_equal(changes_of(&r, 0, "foo"), BIT(KEY_ONLY_FIRST));
	rig_down(&r);
}

#define MANY 50000

/* Differences of every way among keys of one slot; their number. */
static unsigned
put_many(struct rig *r)
{
	unsigned differ = 0;
	char name[32];

	for (unsigned i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "{tag}:%u", i);
		if (i % 10 != 1)
			rdb_keys_string(&r->dumps[0], name, "v");
		if (i % 10 != 2)
			rdb_keys_string(
			    &r->dumps[1], name, i % 10 == 3 ? "w" : "v");
		differ += i % 10 >= 1 && i % 10 <= 3;
	}
	return differ;
}

static void
what_does_not_fit_is_drawn_alike_on_both_sides(void **state)
{
	struct rig r;
	unsigned differ;
	double all, part;

	(void)state;
	rig_up(&r);
	differ = put_many(&r);
	narrow_down(&r);
	assert_int_equal(slot_set_count(r.slots), 1);
	look(&r);
	part = key_diff_looked_into(r.diff);
	assert_true(part == 1.0 / 4 || part == 1.0 / 8 || part == 1.0 / 16);
	/* What is not in the share is not told as missing. */
	all = (double)count(&r) / part;
	assert_true(all > differ * 0.9 && all < differ * 1.1);
	rig_down(&r);
}

static void
the_rounds_together_look_into_all_keys(void **state)
{
	unsigned differ, rounds = 0;
	struct rig r;

	(void)state;
	rig_up(&r);
	differ = put_many(&r);
	narrow_down(&r);
	while (key_diff_looked_into(r.diff) < 1) {
		look(&r);
		rounds++;
	}
	assert_true(key_diff_looked_into(r.diff) == 1);
	assert_in_range(rounds, 3, 20);
	assert_int_equal(count(&r), differ);
	assert_int_equal(count_of(&r, 0, KEY_ONLY_FIRST), MANY / 10);
	assert_int_equal(count_of(&r, 0, KEY_ONLY_SECOND), MANY / 10);
	assert_int_equal(count_of(&r, 0, KEY_VALUE), MANY / 10);
	rig_down(&r);
}

static void
each_way_to_differ_has_its_part_of_what_is_told(void **state)
{
	const struct key_difference *d;
	unsigned ways[KEY_CHANGES] = {0};
	struct rig r;
	size_t n;

	(void)state;
	rig_up(&r);
	r.opts.limit = 9;
	put_many(&r);
	narrow_down(&r);
	look(&r);
	d = key_changes_list(key_diff_changes(r.diff), &n);
	assert_int_equal(n, 9);
	for (size_t i = 0; i < n; i++)
		for (int k = 0; k < KEY_CHANGES; k++)
			ways[k] += d[i].changes >> k & 1;
	assert_int_equal(ways[KEY_ONLY_FIRST], 3);
	assert_int_equal(ways[KEY_ONLY_SECOND], 3);
	assert_int_equal(ways[KEY_VALUE], 3);
	for (size_t i = 1; i < n; i++)
		assert_true(strncmp((char *)d[i - 1].name, (char *)d[i].name,
				d[i].name_len) < 0);
	rig_down(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		every_kind_of_difference_is_found_either_way_round),
	    cmocka_unit_test(facts_of_both_sides_are_told),
	    cmocka_unit_test(an_expired_key_is_on_neither_side),
	    cmocka_unit_test(one_that_lives_on_the_other_side_is_only_there),
	    cmocka_unit_test(a_hash_of_which_a_field_expired_is_left_out),
	    cmocka_unit_test(what_lasts_in_a_hash_counts_when_a_field_has_gone),
	    cmocka_unit_test(counters_of_streams_count_when_asked_for),
	    cmocka_unit_test(keys_of_other_slots_are_not_looked_into),
	    cmocka_unit_test(what_does_not_fit_is_drawn_alike_on_both_sides),
	    cmocka_unit_test(the_rounds_together_look_into_all_keys),
	    cmocka_unit_test(each_way_to_differ_has_its_part_of_what_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

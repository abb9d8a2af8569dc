/* Blocks, commits, conditions, reads and removals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cancel.h"
#include "base/chunk.h"
#include "base/digest.h"
#include "tests/sim/store_conformance.h"
#include "tests/sim/store_ground.h"

static void
what_is_staged_is_invisible_until_committed(void **state)
{
	struct ground g = ground_open(state);
	struct list_opts all = {.prefix = g.prefix};
	struct block_id id = ground_block(1, 0);
	struct list_page page;
	NAME(&g, "blob", blob);

	OK(ground_stage(&g, blob, &id, "hello", &err));
	ground_lacks(&g, blob);
	OK(ops(&g)->list(g.s, &g.scope, &all, NULL, &page, &err));
	assert_int_equal(page.n, 0);
	assert_null(page.next);
	list_page_release(&page);
	OK(ops(&g)->commit(g.s, &g.scope, blob, &id, 1, NULL, NULL, &err));
	ground_holds(&g, blob, "hello");
	test_free(blob);
	ground_close(&g);
}

static void
a_commit_takes_the_blocks_in_the_order_it_names(void **state)
{
	struct ground g = ground_open(state);
	struct block_id a = ground_block(7, 0), b = ground_block(7, 1),
			c = ground_block(7, 2);
	struct block_id order[] = {c, a, b};
	struct blob_props props;
	NAME(&g, "blob", blob);

	OK(ground_stage(&g, blob, &b, "bb", &err));
	OK(ground_stage(&g, blob, &c, "cccc", &err));
	OK(ground_stage(&g, blob, &a, "a", &err));
	OK(ops(&g)->commit(g.s, &g.scope, blob, order, 3, NULL, &props, &err));
	assert_int_equal(props.size, 7);
	ground_holds(&g, blob, "ccccabb");
	test_free(blob);
	ground_close(&g);
}

static void
blocks_that_a_commit_does_not_name_are_left_out(void **state)
{
	struct ground g = ground_open(state);
	struct block_id id[3] = {
	    ground_block(7, 0), ground_block(7, 1), ground_block(7, 2)};
	NAME(&g, "blob", blob);

	OK(ground_stage(&g, blob, &id[0], "one", &err));
	OK(ground_stage(&g, blob, &id[1], "two", &err));
	OK(ground_stage(&g, blob, &id[2], "six", &err));
	OK(ops(&g)->commit(g.s, &g.scope, blob, id, 2, NULL, NULL, &err));
	ground_holds(&g, blob, "onetwo");
	test_free(blob);
	ground_close(&g);
}

static void
staging_an_id_again_replaces_it(void **state)
{
	struct ground g = ground_open(state);
	struct block_id id[2] = {ground_block(7, 0), ground_block(7, 1)};
	NAME(&g, "blob", blob);

	OK(ground_stage(&g, blob, &id[0], "first", &err));
	OK(ground_stage(&g, blob, &id[1], "-tail", &err));
	OK(ground_stage(&g, blob, &id[0], "again, and longer", &err));
	OK(ground_stage(&g, blob, &id[0], "again", &err));
	OK(ops(&g)->commit(g.s, &g.scope, blob, id, 2, NULL, NULL, &err));
	ground_holds(&g, blob, "again-tail");
	test_free(blob);
	ground_close(&g);
}

static void
a_commit_of_no_blocks_makes_an_empty_blob(void **state)
{
	struct ground g = ground_open(state);
	struct blob_props props;
	NAME(&g, "empty", blob);

	OK(ops(&g)->commit(g.s, &g.scope, blob, NULL, 0, NULL, &props, &err));
	assert_int_equal(props.size, 0);
	ground_holds(&g, blob, "");
	test_free(blob);
	ground_close(&g);
}

static void
a_commit_of_a_block_that_is_not_there_changes_nothing(void **state)
{
	struct ground g = ground_open(state);
	struct block_id id[2] = {ground_block(7, 0), ground_block(7, 1)};
	struct err why = {0};
	NAME(&g, "blob", blob);

	ground_put(&g, blob, "old");
	OK(ground_stage(&g, blob, &id[0], "new", &err));
	assert_int_equal(
	    ops(&g)->commit(g.s, &g.scope, blob, id, 2, NULL, NULL, &why), -1);
	assert_true(why.kind != ERR_NONE && why.kind != ERR_TRANSIENT);
	ground_holds(&g, blob, "old");
	test_free(blob);
	ground_close(&g);
}

static void
a_stage_takes_all_of_its_chunks(void **state)
{
	struct ground g = ground_open(state);
	struct block_id id = ground_block(7, 0);
	struct chunk *c[3] = {
	    chunk_view("ab", 2), chunk_view("", 0), chunk_view("cde", 3)};
	NAME(&g, "blob", blob);

	OK(ops(&g)->stage(g.s, &g.scope, blob, &id, c, 3, &err));
	OK(ops(&g)->commit(g.s, &g.scope, blob, &id, 1, NULL, NULL, &err));
	ground_holds(&g, blob, "abcde");
	for (int i = 0; i < 3; i++)
		chunk_unref(c[i]);
	test_free(blob);
	ground_close(&g);
}

static void
two_writers_of_one_name_never_mix(void **state)
{
	struct ground g = ground_open(state);
	struct block_id a[2] = {
	    ground_block(0xaaaa, 0), ground_block(0xaaaa, 1)};
	struct block_id b[2] = {
	    ground_block(0xbbbb, 0), ground_block(0xbbbb, 1)};
	NAME(&g, "blob", blob);

	OK(ground_stage(&g, blob, &a[0], "a0", &err));
	OK(ground_stage(&g, blob, &b[0], "b0", &err));
	OK(ground_stage(&g, blob, &b[1], "b1", &err));
	OK(ground_stage(&g, blob, &a[1], "a1", &err));
	OK(ops(&g)->commit(g.s, &g.scope, blob, a, 2, NULL, NULL, &err));
	ground_holds(&g, blob, "a0a1");
	test_free(blob);
	ground_close(&g);
}

static void
stat_tells_what_was_committed(void **state)
{
	struct conformance_env *env = *state;
	struct ground g = ground_open(state);
	int64_t now_ms = scope_wall_ms(&g.scope);
	struct blob_props made, seen;
	struct commit_opts opts = {.content_type = "application/json"};
	unsigned char sum[MD5_BYTES];
	NAME(&g, "blob", blob);

	md5("hello", 5, sum);
	opts.md5 = sum;
	OK(store_put(g.s, &g.scope, blob, "hello", 5, &opts, &made, &err));
	OK(ops(&g)->stat(g.s, &g.scope, blob, &seen, &err));
	assert_int_equal(seen.size, 5);
	assert_string_equal(seen.etag, made.etag);
	assert_true(seen.etag[0] != '\0');
	assert_in_range(seen.modified_ms, now_ms - 600000, now_ms + 600000);
	if (!env->no_props) {
		assert_true(seen.has_md5);
		assert_memory_equal(seen.md5, sum, sizeof(sum));
		assert_string_equal(seen.content_type, "application/json");
	}
	test_free(blob);
	ground_close(&g);
}

static void
what_is_not_there_is_missing(void **state)
{
	struct ground g = ground_open(state);
	struct buf buf;
	char byte;
	NAME(&g, "none", blob);
	NAME(&g, "no/such/path", deep);

	buf_init(&buf, 10);
	ground_lacks(&g, blob);
	ground_lacks(&g, deep);
	FAILS(ops(&g)->read(g.s, &g.scope, blob, NULL, 0, &byte, 1, &err),
	    ERR_MISSING);
	FAILS(ops(&g)->remove(g.s, &g.scope, blob, NULL, &err), ERR_MISSING);
	FAILS(
	    store_get(g.s, &g.scope, blob, 10, &buf, NULL, &err), ERR_MISSING);
	buf_release(&buf);
	test_free(blob);
	test_free(deep);
	ground_close(&g);
}

static void
every_replacement_changes_the_etag(void **state)
{
	struct ground g = ground_open(state);
	struct blob_props was = {0}, is;
	NAME(&g, "blob", blob);

	for (int i = 0; i < 5; i++) {
		OK(store_put(g.s, &g.scope, blob, "same", 4, NULL, &is, &err));
		assert_string_not_equal(is.etag, was.etag);
		was = is;
	}
	OK(ops(&g)->remove(g.s, &g.scope, blob, NULL, &err));
	OK(store_put(g.s, &g.scope, blob, "same", 4, NULL, &is, &err));
	assert_string_not_equal(is.etag, was.etag);
	test_free(blob);
	ground_close(&g);
}

static void
if_absent_never_replaces(void **state)
{
	struct ground g = ground_open(state);
	struct commit_opts absent = {.cond.if_absent = true};
	NAME(&g, "blob", blob);

	OK(store_put(g.s, &g.scope, blob, "mine", 4, &absent, NULL, &err));
	FAILS(store_put(g.s, &g.scope, blob, "yours", 5, &absent, NULL, &err),
	    ERR_CONFLICT);
	/* Not even with the same bytes: the loser of a race must know. */
	FAILS(store_put(g.s, &g.scope, blob, "mine", 4, &absent, NULL, &err),
	    ERR_CONFLICT);
	ground_holds(&g, blob, "mine");
	test_free(blob);
	ground_close(&g);
}

static void
if_match_replaces_only_what_it_names(void **state)
{
	struct ground g = ground_open(state);
	struct commit_opts opts = {0};
	struct blob_props first, second;
	NAME(&g, "blob", blob);
	NAME(&g, "none", none);

	OK(store_put(g.s, &g.scope, blob, "1", 1, NULL, &first, &err));
	opts.cond.if_match = first.etag;
	OK(store_put(g.s, &g.scope, blob, "2", 1, &opts, &second, &err));
	FAILS(store_put(g.s, &g.scope, blob, "3", 1, &opts, NULL, &err),
	    ERR_CONFLICT);
	ground_holds(&g, blob, "2");
	FAILS(store_put(g.s, &g.scope, none, "3", 1, &opts, NULL, &err),
	    ERR_CONFLICT);
	ground_lacks(&g, none);
	test_free(blob);
	test_free(none);
	ground_close(&g);
}

static void
a_commit_that_a_condition_stopped_can_go_again(void **state)
{
	struct ground g = ground_open(state);
	struct commit_opts absent = {.cond.if_absent = true};
	struct block_id id[2] = {ground_block(7, 0), ground_block(7, 1)};
	NAME(&g, "blob", blob);

	ground_put(&g, blob, "old");
	/* Blocks of different lengths, staged last first. */
	OK(ground_stage(&g, blob, &id[1], "2", &err));
	OK(ground_stage(&g, blob, &id[0], "one", &err));
	FAILS(ops(&g)->commit(g.s, &g.scope, blob, id, 2, &absent, NULL, &err),
	    ERR_CONFLICT);
	OK(ops(&g)->commit(g.s, &g.scope, blob, id, 2, NULL, NULL, &err));
	ground_holds(&g, blob, "one2");
	test_free(blob);
	ground_close(&g);
}

static void
a_read_gives_the_range_or_says_that_it_ends(void **state)
{
	struct ground g = ground_open(state);
	char out[11] = "";
	NAME(&g, "blob", blob);

	ground_put(&g, blob, "0123456789");
	OK(ops(&g)->read(g.s, &g.scope, blob, NULL, 3, out, 4, &err));
	assert_string_equal(out, "3456");
	OK(ops(&g)->read(g.s, &g.scope, blob, NULL, 9, out, 1, &err));
	assert_int_equal(out[0], '9');
	OK(ops(&g)->read(g.s, &g.scope, blob, NULL, 0, out, 10, &err));
	assert_string_equal(out, "0123456789");
	FAILS(ops(&g)->read(g.s, &g.scope, blob, NULL, 8, out, 3, &err),
	    ERR_CORRUPT);
	FAILS(ops(&g)->read(g.s, &g.scope, blob, NULL, 10, out, 1, &err),
	    ERR_CORRUPT);
	test_free(blob);
	ground_close(&g);
}

static void
a_read_bound_to_an_etag_sees_that_blob_or_fails(void **state)
{
	struct ground g = ground_open(state);
	struct blob_props was;
	char out[3];
	NAME(&g, "blob", blob);

	OK(store_put(g.s, &g.scope, blob, "old", 3, NULL, &was, &err));
	OK(ops(&g)->read(g.s, &g.scope, blob, was.etag, 0, out, 3, &err));
	assert_memory_equal(out, "old", 3);
	ground_put(&g, blob, "new");
	FAILS(ops(&g)->read(g.s, &g.scope, blob, was.etag, 0, out, 3, &err),
	    ERR_CONFLICT);
	test_free(blob);
	ground_close(&g);
}

static void
remove_removes_what_it_names(void **state)
{
	struct ground g = ground_open(state);
	struct store_cond cond = {0};
	struct blob_props was, is;
	NAME(&g, "dir/blob", blob);
	NAME(&g, "dir/other", other);

	ground_put(&g, other, "stays");
	OK(store_put(g.s, &g.scope, blob, "1", 1, NULL, &was, &err));
	OK(store_put(g.s, &g.scope, blob, "2", 1, NULL, &is, &err));
	cond.if_match = was.etag;
	FAILS(ops(&g)->remove(g.s, &g.scope, blob, &cond, &err), ERR_CONFLICT);
	ground_holds(&g, blob, "2");
	cond.if_match = is.etag;
	OK(ops(&g)->remove(g.s, &g.scope, blob, &cond, &err));
	ground_lacks(&g, blob);
	ground_holds(&g, other, "stays");
	ground_put(&g, blob, "back");
	ground_holds(&g, blob, "back");
	test_free(blob);
	test_free(other);
	ground_close(&g);
}

static void
a_get_has_a_ceiling(void **state)
{
	struct ground g = ground_open(state);
	struct blob_props props;
	struct buf buf;
	NAME(&g, "blob", blob);

	ground_put(&g, blob, "0123456789");
	buf_init(&buf, 10);
	OK(store_get(g.s, &g.scope, blob, 10, &buf, &props, &err));
	assert_int_equal(props.size, 10);
	assert_string_equal(buf.data, "0123456789");
	FAILS(store_get(g.s, &g.scope, blob, 9, &buf, NULL, &err), ERR_CORRUPT);
	buf_release(&buf);
	test_free(blob);
	ground_close(&g);
}

static void
discarding_harms_no_blob(void **state)
{
	struct ground g = ground_open(state);
	struct block_id id[2] = {ground_block(7, 0), ground_block(7, 1)};
	NAME(&g, "blob", blob);

	ground_put(&g, blob, "old");
	OK(ground_stage(&g, blob, &id[0], "new", &err));
	ops(&g)->discard(g.s, blob, id, 2);
	ops(&g)->discard(g.s, blob, id, 0);
	ground_holds(&g, blob, "old");
	OK(ground_stage(&g, blob, &id[0], "new", &err));
	OK(ops(&g)->commit(g.s, &g.scope, blob, id, 1, NULL, NULL, &err));
	ops(&g)->discard(g.s, blob, id, 1);
	ground_holds(&g, blob, "new");
	test_free(blob);
	ground_close(&g);
}

static void
a_cancelled_scope_stops_every_call(void **state)
{
	struct ground g = ground_open(state);
	struct cancel *cancel = cancel_new(NULL);
	struct scope dead = scope_under(&g.scope, cancel);
	struct block_id id = ground_block(7, 0);
	struct chunk *c = chunk_view("x", 1);
	struct list_opts all = {.prefix = g.prefix};
	struct blob_props props;
	struct list_page page;
	char byte;
	NAME(&g, "blob", blob);

	ground_put(&g, blob, "old");
	cancel_trigger(cancel);
	FAILS(
	    ops(&g)->stage(g.s, &dead, blob, &id, &c, 1, &err), ERR_CANCELLED);
	FAILS(ops(&g)->commit(g.s, &dead, blob, NULL, 0, NULL, NULL, &err),
	    ERR_CANCELLED);
	FAILS(ops(&g)->stat(g.s, &dead, blob, &props, &err), ERR_CANCELLED);
	FAILS(ops(&g)->read(g.s, &dead, blob, NULL, 0, &byte, 1, &err),
	    ERR_CANCELLED);
	FAILS(
	    ops(&g)->list(g.s, &dead, &all, NULL, &page, &err), ERR_CANCELLED);
	FAILS(ops(&g)->remove(g.s, &dead, blob, NULL, &err), ERR_CANCELLED);
	ground_holds(&g, blob, "old");
	chunk_unref(c);
	cancel_free(cancel);
	test_free(blob);
	ground_close(&g);
}

const struct promise store_promises_blocks[] = {
    {cmocka_unit_test(what_is_staged_is_invisible_until_committed), 0},
    {cmocka_unit_test(a_commit_takes_the_blocks_in_the_order_it_names), 0},
    {cmocka_unit_test(blocks_that_a_commit_does_not_name_are_left_out), 0},
    {cmocka_unit_test(staging_an_id_again_replaces_it), 0},
    {cmocka_unit_test(a_commit_of_no_blocks_makes_an_empty_blob), 0},
    {cmocka_unit_test(a_commit_of_a_block_that_is_not_there_changes_nothing),
	0},
    {cmocka_unit_test(a_stage_takes_all_of_its_chunks), 0},
    {cmocka_unit_test(two_writers_of_one_name_never_mix), 0},
    {cmocka_unit_test(stat_tells_what_was_committed), 0},
    {cmocka_unit_test(what_is_not_there_is_missing), 0},
    {cmocka_unit_test(every_replacement_changes_the_etag), 0},
    {cmocka_unit_test(if_absent_never_replaces), 0},
    {cmocka_unit_test(if_match_replaces_only_what_it_names), 0},
    {cmocka_unit_test(a_commit_that_a_condition_stopped_can_go_again), 0},
    {cmocka_unit_test(a_read_gives_the_range_or_says_that_it_ends), 0},
    {cmocka_unit_test(a_read_bound_to_an_etag_sees_that_blob_or_fails), 0},
    {cmocka_unit_test(remove_removes_what_it_names), 0},
    {cmocka_unit_test(a_get_has_a_ceiling), 0},
    {cmocka_unit_test(discarding_harms_no_blob), 0},
    {cmocka_unit_test(a_cancelled_scope_stops_every_call), 0},
    {.test.name = NULL},
};

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cancel.h"
#include "base/chunk.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "storage/store.h"

#include "tests/sim/store_conformance.h"

/* One test's ground: the store and names that nobody else uses. */
struct ground {
	struct store *s;
	struct scope scope;
	char prefix[32];
};

#define ops(g) ((g)->s->ops)

static struct ground
ground_open(void **state)
{
	struct conformance_env *env = *state;
	unsigned char nonce[8];
	char hex[2 * sizeof(nonce) + 1];
	struct ground g = {.scope = scope_root(NULL)};

	g.scope = scope_within(&g.scope, 60000);
	g.s = env->open(env->arg);
	assert_non_null(g.s);
	scope_random(&g.scope, nonce, sizeof(nonce));
	hex_encode(nonce, sizeof(nonce), hex);
	snprintf(g.prefix, sizeof(g.prefix), "t-%s/", hex);
	return g;
}

/* Names live as long as the test; freed at its end by cmocka. */
static char *
name_in(const struct ground *g, const char *name)
{
	size_t len = strlen(g->prefix) + strlen(name) + 1;
	char *s = test_malloc(len);

	snprintf(s, len, "%s%s", g->prefix, name);
	return s;
}

#define NAME(g, s, var) char *var = name_in(g, s)

/* Any failure shows its text. */
#define OK(call) \
	do { \
		struct err err = {0}; \
		if ((call) != 0) \
			fail_msg( \
			    "%s: kind %d: %s", #call, err.kind, err.text); \
	} while (0)

#define FAILS(call, want) \
	do { \
		struct err err = {0}; \
		assert_int_equal(call, -1); \
		if (err.kind != (want)) \
			fail_msg("%s: kind %d instead of %d: %s", #call, \
			    err.kind, want, err.text); \
		assert_true(err.text[0] != '\0'); \
	} while (0)

static int
remove_item(void *arg, const struct list_item *item, struct err *err)
{
	struct ground *g = arg;

	return ops(g)->remove(g->s, &g->scope, item->name, NULL, err);
}

static void
ground_close(struct ground *g)
{
	struct list_opts all = {.prefix = g->prefix};

	OK(store_each(g->s, &g->scope, &all, remove_item, g, &err));
	store_free(g->s);
}

static struct block_id
block(uint64_t writer, unsigned i)
{
	struct block_id id;

	snprintf(id.hex, sizeof(id.hex), "%016llx%08x",
	    (unsigned long long)writer, i);
	return id;
}

static int
stage(const struct ground *g, const char *blob, const struct block_id *id,
    const char *text, struct err *err)
{
	struct chunk *c = chunk_view(text, strlen(text));
	int rc = ops(g)->stage(g->s, &g->scope, blob, id, &c, 1, err);

	chunk_unref(c);
	return rc;
}

static void
put(const struct ground *g, const char *blob, const char *text)
{
	OK(store_put(
	    g->s, &g->scope, blob, text, strlen(text), NULL, NULL, &err));
}

static void
assert_holds(const struct ground *g, const char *blob, const char *text)
{
	struct buf got;

	buf_init(&got, 1 << 20);
	OK(store_get(g->s, &g->scope, blob, 1 << 20, &got, NULL, &err));
	assert_int_equal(got.len, strlen(text));
	assert_memory_equal(got.data, text, got.len);
	buf_release(&got);
}

static void
assert_absent(const struct ground *g, const char *blob)
{
	struct blob_props props;

	FAILS(ops(g)->stat(g->s, &g->scope, blob, &props, &err), ERR_MISSING);
}

static void
what_is_staged_is_invisible_until_committed(void **state)
{
	struct ground g = ground_open(state);
	struct list_opts all = {.prefix = g.prefix};
	struct block_id id = block(1, 0);
	struct list_page page;
	NAME(&g, "blob", blob);

	OK(stage(&g, blob, &id, "hello", &err));
	assert_absent(&g, blob);
	OK(ops(&g)->list(g.s, &g.scope, &all, NULL, &page, &err));
	assert_int_equal(page.n, 0);
	assert_null(page.next);
	list_page_release(&page);
	OK(ops(&g)->commit(g.s, &g.scope, blob, &id, 1, NULL, NULL, &err));
	assert_holds(&g, blob, "hello");
	test_free(blob);
	ground_close(&g);
}

static void
a_commit_takes_the_blocks_in_the_order_it_names(void **state)
{
	struct ground g = ground_open(state);
	struct block_id a = block(7, 0), b = block(7, 1), c = block(7, 2);
	struct block_id order[] = {c, a, b};
	struct blob_props props;
	NAME(&g, "blob", blob);

	OK(stage(&g, blob, &b, "bb", &err));
	OK(stage(&g, blob, &c, "cccc", &err));
	OK(stage(&g, blob, &a, "a", &err));
	OK(ops(&g)->commit(g.s, &g.scope, blob, order, 3, NULL, &props, &err));
	assert_int_equal(props.size, 7);
	assert_holds(&g, blob, "ccccabb");
	test_free(blob);
	ground_close(&g);
}

static void
blocks_that_a_commit_does_not_name_are_left_out(void **state)
{
	struct ground g = ground_open(state);
	struct block_id id[3] = {block(7, 0), block(7, 1), block(7, 2)};
	NAME(&g, "blob", blob);

	OK(stage(&g, blob, &id[0], "one", &err));
	OK(stage(&g, blob, &id[1], "two", &err));
	OK(stage(&g, blob, &id[2], "six", &err));
	OK(ops(&g)->commit(g.s, &g.scope, blob, id, 2, NULL, NULL, &err));
	assert_holds(&g, blob, "onetwo");
	test_free(blob);
	ground_close(&g);
}

static void
staging_an_id_again_replaces_it(void **state)
{
	struct ground g = ground_open(state);
	struct block_id id[2] = {block(7, 0), block(7, 1)};
	NAME(&g, "blob", blob);

	OK(stage(&g, blob, &id[0], "first", &err));
	OK(stage(&g, blob, &id[1], "-tail", &err));
	OK(stage(&g, blob, &id[0], "again, and longer", &err));
	OK(stage(&g, blob, &id[0], "again", &err));
	OK(ops(&g)->commit(g.s, &g.scope, blob, id, 2, NULL, NULL, &err));
	assert_holds(&g, blob, "again-tail");
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
	assert_holds(&g, blob, "");
	test_free(blob);
	ground_close(&g);
}

static void
a_commit_of_a_block_that_is_not_there_changes_nothing(void **state)
{
	struct ground g = ground_open(state);
	struct block_id id[2] = {block(7, 0), block(7, 1)};
	struct err why = {0};
	NAME(&g, "blob", blob);

	put(&g, blob, "old");
	OK(stage(&g, blob, &id[0], "new", &err));
	assert_int_equal(
	    ops(&g)->commit(g.s, &g.scope, blob, id, 2, NULL, NULL, &why), -1);
	assert_true(why.kind != ERR_NONE && why.kind != ERR_TRANSIENT);
	assert_holds(&g, blob, "old");
	test_free(blob);
	ground_close(&g);
}

static void
a_stage_takes_all_of_its_chunks(void **state)
{
	struct ground g = ground_open(state);
	struct block_id id = block(7, 0);
	struct chunk *c[3] = {
	    chunk_view("ab", 2), chunk_view("", 0), chunk_view("cde", 3)};
	NAME(&g, "blob", blob);

	OK(ops(&g)->stage(g.s, &g.scope, blob, &id, c, 3, &err));
	OK(ops(&g)->commit(g.s, &g.scope, blob, &id, 1, NULL, NULL, &err));
	assert_holds(&g, blob, "abcde");
	for (int i = 0; i < 3; i++)
		chunk_unref(c[i]);
	test_free(blob);
	ground_close(&g);
}

static void
two_writers_of_one_name_never_mix(void **state)
{
	struct ground g = ground_open(state);
	struct block_id a[2] = {block(0xaaaa, 0), block(0xaaaa, 1)};
	struct block_id b[2] = {block(0xbbbb, 0), block(0xbbbb, 1)};
	NAME(&g, "blob", blob);

	OK(stage(&g, blob, &a[0], "a0", &err));
	OK(stage(&g, blob, &b[0], "b0", &err));
	OK(stage(&g, blob, &b[1], "b1", &err));
	OK(stage(&g, blob, &a[1], "a1", &err));
	OK(ops(&g)->commit(g.s, &g.scope, blob, a, 2, NULL, NULL, &err));
	assert_holds(&g, blob, "a0a1");
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
	assert_absent(&g, blob);
	assert_absent(&g, deep);
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
	assert_holds(&g, blob, "mine");
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
	assert_holds(&g, blob, "2");
	FAILS(store_put(g.s, &g.scope, none, "3", 1, &opts, NULL, &err),
	    ERR_CONFLICT);
	assert_absent(&g, none);
	test_free(blob);
	test_free(none);
	ground_close(&g);
}

static void
a_commit_that_a_condition_stopped_can_go_again(void **state)
{
	struct ground g = ground_open(state);
	struct commit_opts absent = {.cond.if_absent = true};
	struct block_id id[2] = {block(7, 0), block(7, 1)};
	NAME(&g, "blob", blob);

	put(&g, blob, "old");
	/* Blocks of different lengths, staged last first. */
	OK(stage(&g, blob, &id[1], "2", &err));
	OK(stage(&g, blob, &id[0], "one", &err));
	FAILS(ops(&g)->commit(g.s, &g.scope, blob, id, 2, &absent, NULL, &err),
	    ERR_CONFLICT);
	OK(ops(&g)->commit(g.s, &g.scope, blob, id, 2, NULL, NULL, &err));
	assert_holds(&g, blob, "one2");
	test_free(blob);
	ground_close(&g);
}

static void
a_read_gives_the_range_or_says_that_it_ends(void **state)
{
	struct ground g = ground_open(state);
	char out[11] = "";
	NAME(&g, "blob", blob);

	put(&g, blob, "0123456789");
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
	put(&g, blob, "new");
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

	put(&g, other, "stays");
	OK(store_put(g.s, &g.scope, blob, "1", 1, NULL, &was, &err));
	OK(store_put(g.s, &g.scope, blob, "2", 1, NULL, &is, &err));
	cond.if_match = was.etag;
	FAILS(ops(&g)->remove(g.s, &g.scope, blob, &cond, &err), ERR_CONFLICT);
	assert_holds(&g, blob, "2");
	cond.if_match = is.etag;
	OK(ops(&g)->remove(g.s, &g.scope, blob, &cond, &err));
	assert_absent(&g, blob);
	assert_holds(&g, other, "stays");
	put(&g, blob, "back");
	assert_holds(&g, blob, "back");
	test_free(blob);
	test_free(other);
	ground_close(&g);
}

/* In byte order, '.' and '-' before '/', digits and letters behind. */
static const char *const sorted[] = {"a-b", "a.b", "a/1", "a/2/x", "a/2/y",
    "a/b/c/d", "a0", "aa", "b", "c/z", "d"};

#define SORTED (sizeof(sorted) / sizeof(*sorted))

static void
make_tree(const struct ground *g)
{
	/* Not in the order in which they are to be listed. */
	for (size_t i = 0; i < SORTED; i++) {
		NAME(g, sorted[i * 7 % SORTED], blob);

		put(g, blob, sorted[i * 7 % SORTED]);
		test_free(blob);
	}
}

struct seen {
	const struct ground *g;
	const char *const *want;
	size_t n, max;
};

static int
see(void *arg, const struct list_item *item, struct err *err)
{
	struct seen *s = arg;
	size_t skip = strlen(s->g->prefix);
	size_t len = strlen(item->name);

	(void)err;
	assert_true(s->n < s->max);
	assert_string_equal(item->name + skip, s->want[s->n]);
	assert_int_equal(item->is_prefix, item->name[len - 1] == '/');
	if (!item->is_prefix) {
		assert_int_equal(item->props.size, len - skip);
		assert_true(item->props.etag[0] != '\0');
	}
	s->n++;
	return 0;
}

static void
assert_lists(const struct ground *g, struct list_opts opts,
    const char *const *want, size_t n)
{
	static const unsigned sizes[] = {0, 1, 2, 3, 100};
	char *prefix = name_in(g, opts.prefix);

	opts.prefix = prefix;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct seen seen = {.g = g, .want = want, .max = n};

		opts.page_size = sizes[i];
		OK(store_each(g->s, &g->scope, &opts, see, &seen, &err));
		assert_int_equal(seen.n, n);
	}
	test_free(prefix);
}

static void
listings_are_sorted_and_paged_without_loss(void **state)
{
	static const char *const below_a[] = {"a/2/x", "a/2/y"};
	static const char *const with_a[] = {
	    "a-b", "a.b", "a/1", "a/2/x", "a/2/y", "a/b/c/d", "a0", "aa"};
	struct ground g = ground_open(state);

	make_tree(&g);
	assert_lists(&g, (struct list_opts){.prefix = ""}, sorted, SORTED);
	assert_lists(&g, (struct list_opts){.prefix = "a/2"}, below_a, 2);
	assert_lists(&g, (struct list_opts){.prefix = "a"}, with_a, 8);
	assert_lists(&g, (struct list_opts){.prefix = "zz"}, NULL, 0);
	assert_lists(&g, (struct list_opts){.prefix = "b/"}, NULL, 0);
	ground_close(&g);
}

static void
listings_by_directory_show_each_once(void **state)
{
	static const char *const top[] = {
	    "a-b", "a.b", "a/", "a0", "aa", "b", "c/", "d"};
	static const char *const in_a[] = {"a/1", "a/2/", "a/b/"};
	struct ground g = ground_open(state);
	struct list_opts opts = {.prefix = "", .by_directory = true};

	make_tree(&g);
	assert_lists(&g, opts, top, 8);
	opts.prefix = "a/";
	assert_lists(&g, opts, in_a, 3);
	opts.prefix = "c";
	assert_lists(&g, opts, &top[6], 1);
	ground_close(&g);
}

static void
a_page_is_no_longer_than_asked_for(void **state)
{
	struct ground g = ground_open(state);
	struct list_opts opts = {.prefix = g.prefix, .page_size = 4};
	struct list_page page;

	make_tree(&g);
	OK(ops(&g)->list(g.s, &g.scope, &opts, NULL, &page, &err));
	assert_in_range(page.n, 1, 4);
	assert_non_null(page.next);
	list_page_release(&page);
	ground_close(&g);
}

static int
stop_at_second(void *arg, const struct list_item *item, struct err *err)
{
	(void)item;
	if (++*(int *)arg == 2)
		return err_set(err, ERR_REFUSED, "enough");
	return 0;
}

static void
a_walk_ends_where_its_visitor_fails(void **state)
{
	struct ground g = ground_open(state);
	struct list_opts opts = {.prefix = g.prefix, .page_size = 2};
	int n = 0;

	make_tree(&g);
	FAILS(store_each(g.s, &g.scope, &opts, stop_at_second, &n, &err),
	    ERR_REFUSED);
	assert_int_equal(n, 2);
	ground_close(&g);
}

static void
names_may_hold_what_urls_cannot(void **state)
{
	static const char *const odd[] = {"space and +plus", "100%25 %zz",
	    "q?uestion#hash", "a&b=c;d", "gr\xc3\xbczi", "\xf0\x9f\x98\x80",
	    "quote'\"<x>", "tilde~.json", "@:!$(),*"};
	struct ground g = ground_open(state);
	struct list_opts all = {.prefix = g.prefix};
	struct list_page page;

	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		NAME(&g, odd[i], blob);

		put(&g, blob, odd[i]);
		assert_holds(&g, blob, odd[i]);
		OK(ops(&g)->list(g.s, &g.scope, &all, NULL, &page, &err));
		assert_int_equal(page.n, 1);
		assert_string_equal(page.items[0].name, blob);
		list_page_release(&page);
		OK(ops(&g)->remove(g.s, &g.scope, blob, NULL, &err));
		test_free(blob);
	}
	ground_close(&g);
}

static void
names_over_the_limit_are_refused(void **state)
{
	struct ground g = ground_open(state);
	char name[BLOB_NAME_MAX + 2];

	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = i % 100 == 99 ? '/' : 'x';
	memcpy(name, g.prefix, strlen(g.prefix));
	name[899] = '\0';
	put(&g, name, "long");
	assert_holds(&g, name, "long");
	name[899] = '/';
	name[BLOB_NAME_MAX + 1] = '\0';
	FAILS(store_put(g.s, &g.scope, name, "x", 1, NULL, NULL, &err),
	    ERR_USAGE);
	ground_close(&g);
}

static void
a_get_has_a_ceiling(void **state)
{
	struct ground g = ground_open(state);
	struct blob_props props;
	struct buf buf;
	NAME(&g, "blob", blob);

	put(&g, blob, "0123456789");
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
	struct block_id id[2] = {block(7, 0), block(7, 1)};
	NAME(&g, "blob", blob);

	put(&g, blob, "old");
	OK(stage(&g, blob, &id[0], "new", &err));
	ops(&g)->discard(g.s, blob, id, 2);
	ops(&g)->discard(g.s, blob, id, 0);
	assert_holds(&g, blob, "old");
	OK(stage(&g, blob, &id[0], "new", &err));
	OK(ops(&g)->commit(g.s, &g.scope, blob, id, 1, NULL, NULL, &err));
	ops(&g)->discard(g.s, blob, id, 1);
	assert_holds(&g, blob, "new");
	test_free(blob);
	ground_close(&g);
}

static void
a_cancelled_scope_stops_every_call(void **state)
{
	struct ground g = ground_open(state);
	struct cancel *cancel = cancel_new(NULL);
	struct scope dead = scope_under(&g.scope, cancel);
	struct block_id id = block(7, 0);
	struct chunk *c = chunk_view("x", 1);
	struct list_opts all = {.prefix = g.prefix};
	struct blob_props props;
	struct list_page page;
	char byte;
	NAME(&g, "blob", blob);

	put(&g, blob, "old");
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
	assert_holds(&g, blob, "old");
	chunk_unref(c);
	cancel_free(cancel);
	test_free(blob);
	ground_close(&g);
}

#define PARALLEL     4
#define EACH_STAGES  6
#define BLOCK_LENGTH 100000

struct stager {
	const struct ground *g;
	const char *blob;
	unsigned first;
	bool failed;
};

static void
fill(unsigned char *out, unsigned i)
{
	for (size_t k = 0; k < BLOCK_LENGTH; k++)
		out[k] = (unsigned char)(i * 31 + k * 7 + (k >> 8));
}

static void *
stage_some(void *arg)
{
	struct stager *t = arg;
	unsigned char *bytes = xmalloc(BLOCK_LENGTH);
	struct chunk *c = chunk_view(bytes, BLOCK_LENGTH);
	struct err err = {0};

	for (unsigned k = 0; k < EACH_STAGES; k++) {
		unsigned i = t->first + PARALLEL * (EACH_STAGES - 1 - k);
		struct block_id id = block(7, i);

		fill(bytes, i);
		if (ops(t->g)->stage(
			t->g->s, &t->g->scope, t->blob, &id, &c, 1, &err) != 0)
			t->failed = true;
	}
	chunk_unref(c);
	free(bytes);
	return NULL;
}

static void
several_threads_stage_one_blob(void **state)
{
	struct ground g = ground_open(state);
	struct block_id ids[PARALLEL * EACH_STAGES];
	unsigned char *want = xmalloc(BLOCK_LENGTH);
	unsigned char *got = xmalloc(BLOCK_LENGTH);
	struct stager t[PARALLEL];
	pthread_t thread[PARALLEL];
	struct blob_props props;
	NAME(&g, "blob", blob);

	for (unsigned i = 0; i < PARALLEL; i++) {
		t[i] = (struct stager){.g = &g, .blob = blob, .first = i};
		assert_int_equal(
		    pthread_create(&thread[i], NULL, stage_some, &t[i]), 0);
	}
	for (unsigned i = 0; i < PARALLEL; i++) {
		pthread_join(thread[i], NULL);
		assert_false(t[i].failed);
	}
	for (unsigned i = 0; i < PARALLEL * EACH_STAGES; i++)
		ids[i] = block(7, i);
	OK(ops(&g)->commit(g.s, &g.scope, blob, ids, PARALLEL * EACH_STAGES,
	    NULL, &props, &err));
	for (unsigned i = 0; i < PARALLEL * EACH_STAGES; i++) {
		fill(want, i);
		OK(ops(&g)->read(g.s, &g.scope, blob, props.etag,
		    (uint64_t)i * BLOCK_LENGTH, got, BLOCK_LENGTH, &err));
		assert_memory_equal(got, want, BLOCK_LENGTH);
	}
	free(want);
	free(got);
	test_free(blob);
	ground_close(&g);
}

struct reader {
	const struct ground *g;
	const char *blob;
	bool stop;
	bool torn;
	pthread_mutex_t lock;
};

static bool
reader_stopped(struct reader *r)
{
	bool stop;

	pthread_mutex_lock(&r->lock);
	stop = r->stop;
	pthread_mutex_unlock(&r->lock);
	return stop;
}

/* Of a blob that is rewritten all the time: all 'a' or all 'b', never both. */
static void *
read_on(void *arg)
{
	struct reader *r = arg;
	struct buf buf;

	buf_init(&buf, 1 << 20);
	while (!reader_stopped(r)) {
		struct err err = {0};

		if (store_get(r->g->s, &r->g->scope, r->blob, 1 << 20, &buf,
			NULL, &err) != 0) {
			r->torn = r->torn || err.kind != ERR_CONFLICT;
			continue;
		}
		for (size_t i = 1; i < buf.len; i++)
			r->torn = r->torn || buf.data[i] != buf.data[0];
	}
	buf_release(&buf);
	return NULL;
}

static void
a_reader_sees_the_old_blob_or_the_new_one(void **state)
{
	struct ground g = ground_open(state);
	char *bytes = xmalloc(60000);
	struct reader r = {.g = &g, .lock = PTHREAD_MUTEX_INITIALIZER};
	pthread_t thread;
	NAME(&g, "blob", blob);

	put(&g, blob, "a");
	r.blob = blob;
	assert_int_equal(pthread_create(&thread, NULL, read_on, &r), 0);
	for (int i = 0; i < 20; i++) {
		memset(bytes, i % 2 ? 'a' : 'b', 60000);
		OK(store_put(g.s, &g.scope, blob, bytes, i % 3 ? 60000 : 30000,
		    NULL, NULL, &err));
	}
	pthread_mutex_lock(&r.lock);
	r.stop = true;
	pthread_mutex_unlock(&r.lock);
	pthread_join(thread, NULL);
	assert_false(r.torn);
	free(bytes);
	test_free(blob);
	ground_close(&g);
}

static void
one_lease_at_a_time(void **state)
{
	struct ground g = ground_open(state);
	const struct store_lease_ops *lease = ops(&g)->lease;
	char mine[LEASE_ID_MAX], theirs[LEASE_ID_MAX];

	NAME(&g, "lock", blob);

	OK(lease->acquire(g.s, &g.scope, blob, 15, mine, &err));
	assert_holds(&g, blob, "");
	FAILS(
	    lease->acquire(g.s, &g.scope, blob, 15, theirs, &err), ERR_LOCKED);
	OK(lease->renew(g.s, &g.scope, blob, mine, &err));
	snprintf(theirs, sizeof(theirs), "%s",
	    "01234567-0123-0123-0123-0123456789ab");
	FAILS(lease->renew(g.s, &g.scope, blob, theirs, &err), ERR_LOCKED);
	FAILS(lease->release(g.s, &g.scope, blob, theirs, &err), ERR_LOCKED);
	OK(lease->release(g.s, &g.scope, blob, mine, &err));
	OK(lease->acquire(g.s, &g.scope, blob, 60, theirs, &err));
	assert_string_not_equal(mine, theirs);
	FAILS(lease->renew(g.s, &g.scope, blob, mine, &err), ERR_LOCKED);
	OK(lease->release(g.s, &g.scope, blob, theirs, &err));
	test_free(blob);
	ground_close(&g);
}

static void
a_leased_blob_changes_only_for_its_holder(void **state)
{
	struct ground g = ground_open(state);
	const struct store_lease_ops *lease = ops(&g)->lease;
	char id[LEASE_ID_MAX];
	struct commit_opts opts = {.cond.lease_id = id};
	struct store_cond cond = {.lease_id = id};

	NAME(&g, "state", blob);

	put(&g, blob, "old");
	OK(lease->acquire(g.s, &g.scope, blob, 60, id, &err));
	FAILS(store_put(g.s, &g.scope, blob, "theirs", 6, NULL, NULL, &err),
	    ERR_CONFLICT);
	FAILS(ops(&g)->remove(g.s, &g.scope, blob, NULL, &err), ERR_CONFLICT);
	OK(store_put(g.s, &g.scope, blob, "mine", 4, &opts, NULL, &err));
	assert_holds(&g, blob, "mine");
	OK(lease->renew(g.s, &g.scope, blob, id, &err));
	OK(lease->release(g.s, &g.scope, blob, id, &err));
	FAILS(store_put(g.s, &g.scope, blob, "late", 4, &opts, NULL, &err),
	    ERR_CONFLICT);
	OK(lease->acquire(g.s, &g.scope, blob, 60, id, &err));
	OK(ops(&g)->remove(g.s, &g.scope, blob, &cond, &err));
	assert_absent(&g, blob);
	test_free(blob);
	ground_close(&g);
}

static void
a_server_side_copy_is_bound_to_its_source(void **state)
{
	struct ground g = ground_open(state);
	struct block_id id = block(7, 0);
	struct store_grant grant = {0};
	struct blob_props was;

	NAME(&g, "from", from);
	NAME(&g, "to", to);

	OK(store_put(g.s, &g.scope, from, "0123456789", 10, NULL, &was, &err));
	OK(ops(&g)->grant->read(g.s, &g.scope, from, 600000, &grant, &err));
	OK(ops(&g)->copy->stage_from(
	    g.s, &g.scope, to, &id, &grant, was.etag, 2, 5, &err));
	assert_absent(&g, to);
	OK(ops(&g)->commit(g.s, &g.scope, to, &id, 1, NULL, NULL, &err));
	assert_holds(&g, to, "23456");
	put(&g, from, "9876543210");
	FAILS(ops(&g)->copy->stage_from(
		  g.s, &g.scope, to, &id, &grant, was.etag, 2, 5, &err),
	    ERR_CONFLICT);
	assert_holds(&g, to, "23456");
	store_grant_release(&grant);
	test_free(from);
	test_free(to);
	ground_close(&g);
}

/* A promise, and what a driver must be able to do to have made it. */
static const struct promise {
	struct CMUnitTest test;
	unsigned needs;
} promises[] = {
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
    {cmocka_unit_test(listings_are_sorted_and_paged_without_loss), 0},
    {cmocka_unit_test(listings_by_directory_show_each_once), 0},
    {cmocka_unit_test(a_page_is_no_longer_than_asked_for), 0},
    {cmocka_unit_test(a_walk_ends_where_its_visitor_fails), 0},
    {cmocka_unit_test(names_may_hold_what_urls_cannot), 0},
    {cmocka_unit_test(names_over_the_limit_are_refused), 0},
    {cmocka_unit_test(a_get_has_a_ceiling), 0},
    {cmocka_unit_test(discarding_harms_no_blob), 0},
    {cmocka_unit_test(a_cancelled_scope_stops_every_call), 0},
    {cmocka_unit_test(several_threads_stage_one_blob), 0},
    {cmocka_unit_test(a_reader_sees_the_old_blob_or_the_new_one), 0},
    {cmocka_unit_test(one_lease_at_a_time), STORE_CAP_LEASE},
    {cmocka_unit_test(a_leased_blob_changes_only_for_its_holder),
	STORE_CAP_LEASE},
    {cmocka_unit_test(a_server_side_copy_is_bound_to_its_source),
	STORE_CAP_COPY_FROM_URL | STORE_CAP_GRANT},
};

#define PROMISES (sizeof(promises) / sizeof(*promises))

static unsigned
caps_of(const struct conformance_env *env)
{
	struct store *s = env->open(env->arg);
	unsigned caps = s->ops->caps;

	store_free(s);
	return caps;
}

int
store_conformance_run(const char *group, struct conformance_env *env)
{
	struct CMUnitTest tests[PROMISES];
	unsigned caps = caps_of(env);
	size_t n = 0;

	for (size_t i = 0; i < PROMISES; i++) {
		if ((promises[i].needs & ~caps) != 0)
			continue;
		tests[n] = promises[i].test;
		tests[n++].initial_state = env;
	}
	return _cmocka_run_group_tests(group, tests, n, NULL, NULL);
}

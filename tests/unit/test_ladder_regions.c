/*
 * The ladder on Azure's own calls, between two accounts: what each rung asks
 * is what the service takes, and what was there comes back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/budget.h"
#include "base/buf.h"
#include "base/chunk.h"
#include "base/err.h"
#include "storage/blob_ladder.h"
#include "storage/store.h"
#include "tests/sim/azurite.h"
#include "tests/sim/catcher.h"
#include "tests/sim/region_rig.h"

#define SIZE  ((size_t)8 * 512)
#define BLOCK ((size_t)1000)

#define OK(call) \
	do { \
		struct err err = {0}; \
		if ((call) != 0) \
			fail_msg( \
			    "%s: kind %d: %s", #call, err.kind, err.text); \
	} while (0)

struct way {
	const char *name;
	enum blob_type type;
	enum rung rung;
	enum rung first;
	uint64_t put_max;
};

static const struct way ways[] = {
    {"put", BLOB_BLOCK, RUNG_PUT, RUNG_PUT, 0},
    {"blocks", BLOB_BLOCK, RUNG_BLOCKS, RUNG_PUT, 1},
    {"pages", BLOB_PAGE, RUNG_RANGES, RUNG_PUT, 0},
    {"appends", BLOB_APPEND, RUNG_RANGES, RUNG_PUT, 0},
    {"copied", BLOB_PAGE, RUNG_COPY, RUNG_COPY, 0},
    {"copied block", BLOB_BLOCK, RUNG_COPY, RUNG_COPY, 0},
    {"streamed", BLOB_BLOCK, RUNG_STREAM, RUNG_STREAM, 0},
    {"streamed pages", BLOB_PAGE, RUNG_STREAM, RUNG_STREAM, 0},
    {"streamed appends", BLOB_APPEND, RUNG_STREAM, RUNG_STREAM, 0},
};

#define WAYS (sizeof(ways) / sizeof(*ways))

static struct blob_props
make(struct region_rig *r, struct store *s, const char *name,
    enum blob_type type, const unsigned char *data, size_t len)
{
	const struct commit_opts opts = {.content_type = "text/plain"};
	struct blob_props props;
	struct chunk *c;

	if (type == BLOB_BLOCK) {
		OK(store_put(
		    s, &r->scope, name, data, len, &opts, &props, &err));
		return props;
	}
	c = chunk_view(data, len);
	OK(s->ops->kinds->create(s, &r->scope, name, type,
	    type == BLOB_PAGE ? len : 0, &opts, &props, &err));
	OK(s->ops->kinds->write(s, &r->scope, name, type, 0, c, &err));
	OK(s->ops->stat(s, &r->scope, name, &props, &err));
	chunk_unref(c);
	return props;
}

static bool
holds(struct region_rig *r, const char *name, const void *data, size_t len)
{
	struct buf got;
	bool same;

	buf_init(&got, 1 << 20);
	OK(store_get(r->north, &r->scope, name, 1 << 20, &got, NULL, &err));
	same = got.len == len && memcmp(got.data, data, len) == 0;
	buf_release(&got);
	return same;
}

static int
count(void *arg, const struct list_item *item, struct err *err)
{
	unsigned *n = arg;

	(void)item;
	(void)err;
	++*n;
	return 0;
}

/* The blob and its snapshots. */
static unsigned
listed(struct region_rig *r, const char *name)
{
	const struct list_opts opts = {
	    .prefix = name, .with = LIST_TRAITS | LIST_SNAPSHOTS};
	unsigned n = 0;

	OK(store_each(r->north, &r->scope, &opts, count, &n, &err));
	return n;
}

/* Alike at both places, so that one is a prefix of no other. */
static void
name_of(char out[64], const struct way *w, const char *what)
{
	snprintf(out, 64, "%s %s/x", what, w->name);
}

static struct ladder
ladder_for(struct region_rig *r, const struct way *w)
{
	return (struct ladder){
	    .from = r->west,
	    .to = r->north,
	    .block_size = BLOCK,
	    .put_max = w->put_max,
	    .first = w->first,
	};
}

static void
copies(struct region_rig *r, const struct way *w, bool replace)
{
	struct trait mine = {TRAIT_SOURCE_NAME, "pair:etag"};
	const struct blob_traits traits = {
	    .content_type = "text/new",
	    .metadata = {&mine, 1},
	    .sequence_number = -1,
	};
	struct ladder l = ladder_for(r, w);
	unsigned char data[SIZE], old[512];
	struct blob_props src, there;
	struct ladder_result result;
	struct blob_view view;
	char name[64];
	struct ladder_job job = {
	    .src_name = name,
	    .dst_name = name,
	    .src = &src,
	    .traits = &traits,
	};

	name_of(name, w, replace ? "over" : "anew");
	fill_noise(data, SIZE, 5);
	memset(data + 512, 0, 1024);
	fill_noise(old, sizeof(old), 6);
	src = make(r, r->west, name, w->type, data, SIZE);
	if (replace) {
		there = make(r, r->north, name, w->type, old, sizeof(old));
		job.replace_etag = there.etag;
	}
	l.budget = budget_new((size_t)32 << 20);
	OK(ladder_copy(&l, &job, &r->scope, &result, &err));
	assert_int_equal(result.rung, w->rung);
	assert_true(holds(r, name, data, SIZE));
	OK(r->north->ops->traits->look(
	    r->north, &r->scope, name, NULL, 0, &view, &err));
	assert_int_equal(view.props.type, w->type);
	assert_string_equal(view.props.etag, result.props.etag);
	assert_string_equal(
	    trait_get(&view.traits.metadata, TRAIT_SOURCE_NAME), "pair:etag");
	/* Copy Blob takes the source's headers. */
	assert_string_equal(view.traits.content_type,
	    w->rung == RUNG_COPY ? "text/plain" : "text/new");
	blob_view_release(&view);
	assert_int_equal(listed(r, name), 1);
	budget_free(l.budget);
}

static void
each_rung_is_what_the_service_takes(void **state)
{
	azurite_require();
	for (size_t i = 0; i < 2 * WAYS; i++)
		copies(*state, &ways[i / 2], i % 2 == 1);
}

/* By Azure's own abort and promotion. */
static void
a_copy_that_is_late_leaves_the_old_blob(void **state)
{
	struct region_rig *r = *state;
	unsigned char data[SIZE], old[512];
	struct blob_props src, there;
	struct ladder_result result;
	struct ladder l;
	struct err err = {0};
	struct ladder_job job = {
	    .src_name = "late", .dst_name = "late", .src = &src};

	azurite_require();
	l = ladder_for(r, &ways[4]);
	l.copy_timeout_ms = 1000;
	l.abort_late = true;
	fill_noise(data, SIZE, 5);
	fill_noise(old, sizeof(old), 6);
	src = make(r, r->west, "late", BLOB_PAGE, data, SIZE);
	there = make(r, r->north, "late", BLOB_PAGE, old, sizeof(old));
	job.replace_etag = there.etag;
	assert_int_equal(ladder_copy(&l, &job, &r->scope, &result, &err), -1);
	if (err.kind != ERR_UNREACHABLE)
		fail_msg("%s", err.text);
	assert_true(holds(r, "late", old, sizeof(old)));
	assert_int_equal(listed(r, "late"), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_rung_is_what_the_service_takes),
	    cmocka_unit_test(a_copy_that_is_late_leaves_the_old_blob),
	};

	return cmocka_run_group_tests_name(
	    "ladder_regions", tests, region_rig_setup, region_rig_teardown);
}

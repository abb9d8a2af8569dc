/*
 * The Azure driver on the stand-in for two regions (tests/sim/blobs), which
 * does what Azurite does not: Put Blob From URL, copies that take their time,
 * pages and appends from another account.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/http.h"
#include "base/json.h"
#include "base/scope.h"
#include "base/secret.h"
#include "storage/blob_traits.h"
#include "storage/store.h"
#include "storage/store_open.h"
#include "tests/sim/azurite.h"
#include "tests/sim/region_rig.h"
#include "tests/sim/store_says.h"

#define GRANT_MS 600000

static struct region_rig *
rig(void **state)
{
	azurite_require();
	return *state;
}

static void
put(struct region_rig *r, struct store *s, const char *name, const char *text,
    struct blob_props *props)
{
	OK(store_put(
	    s, &r->scope, name, text, strlen(text), NULL, props, &err));
}

static void
holds(struct region_rig *r, const char *name, const char *text)
{
	struct buf got;

	buf_init(&got, 1 << 20);
	OK(store_get(r->north, &r->scope, name, 1 << 20, &got, NULL, &err));
	assert_string_equal(got.data, text);
	buf_release(&got);
}

/* What a copy of a western blob needs. */
struct source {
	struct store_grant grant;
	struct blob_props props;
	struct buf url;
	struct put_from from;
};

static void
source_init(struct region_rig *r, struct source *src, const char *name,
    const char *text, const char *to)
{
	put(r, r->west, name, text, &src->props);
	OK(r->west->ops->grant->read_all(
	    r->west, &r->scope, GRANT_MS, true, &src->grant, &err));
	buf_init(&src->url, 4096);
	OK(store_grant_url(&src->grant, name, NULL, &src->url, &err));
	src->from = (struct put_from){
	    .blob = to,
	    .src_url = src->url.data,
	    .src_etag = src->props.etag,
	};
}

static void
source_release(struct source *src)
{
	store_grant_release(&src->grant);
	buf_release(&src->url);
}

struct bell {
	pthread_mutex_t lock;
	pthread_cond_t rung;
	bool has_rung;
};

static void
ring(void *arg)
{
	struct bell *b = arg;

	pthread_mutex_lock(&b->lock);
	b->has_rung = true;
	pthread_cond_signal(&b->rung);
	pthread_mutex_unlock(&b->lock);
}

static int
put_from(struct region_rig *r, const struct put_from *what,
    struct blob_props *props, struct err *err)
{
	struct bell b = {.lock = PTHREAD_MUTEX_INITIALIZER,
	    .rung = PTHREAD_COND_INITIALIZER};
	const struct store_copy_ops *copy = r->north->ops->copy;
	struct put_call *call = copy->put_begin(
	    r->north, &r->scope, what, ring, &b, err);

	if (call == NULL)
		return -1;
	pthread_mutex_lock(&b.lock);
	while (!b.has_rung)
		pthread_cond_wait(&b.rung, &b.lock);
	pthread_mutex_unlock(&b.lock);
	return copy->put_end(call, props, err);
}

static void
a_blob_is_put_from_the_other_region(void **state)
{
	struct region_rig *r = rig(state);
	static struct trait metadata[] = {{"drsync_source", "id:0x9"}};
	const struct blob_traits traits = {
	    .content_type = "text/x-copied",
	    .metadata = {metadata, 1},
	};
	struct blob_props props, seen;
	struct source src;

	source_init(r, &src, "s\xc3\xb6urce +%?", "the bytes", "put/copy +%?");
	src.from.src_md5 = src.props.md5;
	src.from.traits = &traits;
	src.from.cond.if_absent = true;
	OK(put_from(r, &src.from, &props, &err));
	holds(r, "put/copy +%?", "the bytes");
	OK(r->north->ops->stat(
	    r->north, &r->scope, "put/copy +%?", &seen, &err));
	assert_string_equal(seen.etag, props.etag);
	assert_string_equal(seen.content_type, "text/x-copied");
	FAILS(put_from(r, &src.from, &props, &err), ERR_CONFLICT);
	src.from.cond = (struct store_cond){.if_match = seen.etag};
	src.from.src_md5 = (const unsigned char *)"0123456789abcdef";
	FAILS(put_from(r, &src.from, &props, &err), ERR_CORRUPT);
	src.from.src_md5 = NULL;
	src.from.src_etag = "\"0x1234\"";
	FAILS(put_from(r, &src.from, &props, &err), ERR_CONFLICT);
	src.from.src_etag = src.props.etag;
	*strchr(src.url.data, '?') = '\0';
	FAILS(put_from(r, &src.from, &props, &err), ERR_UNSUPPORTED);
	holds(r, "put/copy +%?", "the bytes");
	source_release(&src);
}

static void
a_copy_is_followed_to_its_end(void **state)
{
	struct region_rig *r = rig(state);
	const struct store_copy_ops *copy = r->north->ops->copy;
	struct copy_job job;
	struct source src;

	source_init(r, &src, "for copy", "twelve bytes", "copied");
	src.from.cond.if_absent = true;
	OK(copy->start(r->north, &r->scope, "copied", &src.from, &job, &err));
	assert_int_equal(job.state, COPY_PENDING);
	FAILS(
	    store_put(r->north, &r->scope, "copied", "x", 1, NULL, NULL, &err),
	    ERR_LOCKED);
	do
		OK(copy->poll(r->north, &r->scope, "copied", &job, &err));
	while (job.state == COPY_PENDING);
	assert_int_equal(job.state, COPY_SUCCESS);
	assert_int_equal(job.done, 12);
	assert_int_equal(job.total, 12);
	assert_int_equal(job.props.size, 12);
	holds(r, "copied", "twelve bytes");
	OK(copy->abort(r->north, &r->scope, "copied", job.id, &err));
	put(r, r->north, "copied", "by hand", NULL);
	OK(copy->poll(r->north, &r->scope, "copied", &job, &err));
	assert_string_equal(job.id, "");
	source_release(&src);
}

static void
a_copy_that_is_aborted_leaves_an_empty_blob(void **state)
{
	struct region_rig *r = rig(state);
	const struct store_copy_ops *copy = r->north->ops->copy;
	struct copy_job job, again;
	struct source src;

	source_init(r, &src, "for held", "never there", "held");
	OK(copy->start(r->north, &r->scope, "held", &src.from, &job, &err));
	FAILS(copy->start(r->north, &r->scope, "held", &src.from, &again, &err),
	    ERR_LOCKED);
	OK(copy->poll(r->north, &r->scope, "held", &again, &err));
	assert_int_equal(again.state, COPY_PENDING);
	assert_string_equal(again.id, job.id);
	OK(copy->abort(r->north, &r->scope, "held", "another's", &err));
	OK(copy->poll(r->north, &r->scope, "held", &again, &err));
	assert_int_equal(again.state, COPY_PENDING);
	OK(copy->abort(r->north, &r->scope, "held", job.id, &err));
	OK(copy->poll(r->north, &r->scope, "held", &again, &err));
	assert_int_equal(again.state, COPY_ABORTED);
	assert_int_equal(again.props.size, 0);
	source_release(&src);
}

static void
blocks_that_were_staged_are_found_again(void **state)
{
	static const struct block_id ids[] = {{"00000000000000ab00000000"},
	    {"00000000000000ab00000001"}, {"00000000000000ab00000002"}};
	struct region_rig *r = rig(state);
	const struct store_copy_ops *copy = r->north->ops->copy;
	bool there[3] = {false};
	struct source src;

	source_init(r, &src, "in blocks", "0123456789", "staged");
	OK(copy->staged(r->north, &r->scope, "staged", ids, 3, there, &err));
	assert_false(there[0] || there[1] || there[2]);
	for (size_t i = 0; i < 3; i += 2) {
		const struct store_grant one = {.url = src.url.data};

		OK(copy->stage_from(r->north, &r->scope, "staged", &ids[i],
		    &one, src.props.etag, i, 1, &err));
	}
	OK(copy->staged(r->north, &r->scope, "staged", ids, 3, there, &err));
	assert_true(there[0] && !there[1] && there[2]);
	source_release(&src);
}

/* Pages and appends: from the other region, and from here. */
static void
write_both(struct region_rig *r, const char *blob, enum blob_type type,
    size_t half, const struct put_from *from)
{
	const struct store_kind_ops *kinds = r->north->ops->kinds;
	char *rest = malloc(half);
	struct chunk *chunk;

	memset(rest, 'y', half);
	chunk = chunk_view(rest, half);
	OK(kinds->write_from(
	    r->north, &r->scope, blob, type, 0, half, from, &err));
	OK(kinds->write(r->north, &r->scope, blob, type, half, chunk, &err));
	chunk_unref(chunk);
	free(rest);
}

static void
an_append_blob_is_written_in_order_and_sealed(void **state)
{
	struct region_rig *r = rig(state);
	const struct store_kind_ops *kinds = r->north->ops->kinds;
	const struct commit_opts absent = {.cond.if_absent = true};
	struct blob_props props;
	struct source src;
	struct chunk *chunk = chunk_view("zz", 2);

	source_init(r, &src, "for append", "one", "append");
	OK(kinds->create(r->north, &r->scope, "append", BLOB_APPEND, 0, &absent,
	    &props, &err));
	FAILS(kinds->create(r->north, &r->scope, "append", BLOB_APPEND, 0,
		  &absent, &props, &err),
	    ERR_CONFLICT);
	write_both(r, "append", BLOB_APPEND, 3, &src.from);
	FAILS(kinds->write(
		  r->north, &r->scope, "append", BLOB_APPEND, 3, chunk, &err),
	    ERR_CONFLICT);
	holds(r, "append", "oneyyy");
	OK(r->north->ops->stat(r->north, &r->scope, "append", &props, &err));
	assert_int_equal(props.type, BLOB_APPEND);
	FAILS(kinds->seal(r->north, &r->scope, "append", "\"0x1\"", &err),
	    ERR_CONFLICT);
	OK(kinds->seal(r->north, &r->scope, "append", props.etag, &err));
	FAILS(kinds->write(
		  r->north, &r->scope, "append", BLOB_APPEND, 6, chunk, &err),
	    ERR_SERVER);
	chunk_unref(chunk);
	source_release(&src);
}

static void
a_page_blob_is_written_where_it_is_not_empty(void **state)
{
	struct region_rig *r = rig(state);
	const struct store_kind_ops *kinds = r->north->ops->kinds;
	struct blob_props props;
	struct blob_range *list;
	char *text = malloc(513);
	struct source src;
	size_t n;

	memset(text, 'x', 512);
	text[512] = '\0';
	source_init(r, &src, "for pages", text, "pages");
	OK(kinds->create(
	    r->north, &r->scope, "pages", BLOB_PAGE, 8192, NULL, &props, &err));
	write_both(r, "pages", BLOB_PAGE, 512, &src.from);
	OK(r->north->ops->stat(r->north, &r->scope, "pages", &props, &err));
	assert_int_equal(props.size, 8192);
	assert_int_equal(props.type, BLOB_PAGE);
	OK(kinds->ranges(
	    r->north, &r->scope, "pages", props.etag, &list, &n, &err));
	assert_int_equal(n, 1);
	assert_int_equal(list[0].off, 0);
	assert_int_equal(list[0].len, 1024);
	free(list);
	FAILS(kinds->ranges(
		  r->north, &r->scope, "pages", "\"0x1\"", &list, &n, &err),
	    ERR_CONFLICT);
	free(text);
	source_release(&src);
}

static void
a_snapshot_becomes_the_blob_again(void **state)
{
	struct region_rig *r = rig(state);
	const struct store_undo_ops *undo = r->north->ops->undo;
	struct blob_props was, props;
	char id[64];

	put(r, r->north, "undo +%", "as it was", &was);
	OK(undo->snapshot(r->north, &r->scope, "undo +%", was.etag, id, &err));
	put(r, r->north, "undo +%", "as it is", NULL);
	FAILS(
	    undo->snapshot(r->north, &r->scope, "undo +%", was.etag, id, &err),
	    ERR_CONFLICT);
	OK(undo->promote(r->north, &r->scope, "undo +%", id, &props, &err));
	assert_int_equal(props.size, strlen("as it was"));
	holds(r, "undo +%", "as it was");
	for (int i = 0; i < 2; i++)
		OK(undo->snapshot_remove(
		    r->north, &r->scope, "undo +%", id, &err));
	holds(r, "undo +%", "as it was");
	FAILS(undo->promote(r->north, &r->scope, "undo +%", id, &props, &err),
	    ERR_UNSUPPORTED);
	holds(r, "undo +%", "as it was");
}

static void
the_account_tells_that_nothing_deleted_is_kept(void **state)
{
	struct region_rig *r = rig(state);
	int days;

	OK(r->north->ops->undo->keeps_deleted(
	    r->north, &r->scope, &days, &err));
	assert_int_equal(days, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_blob_is_put_from_the_other_region),
	    cmocka_unit_test(a_copy_is_followed_to_its_end),
	    cmocka_unit_test(a_copy_that_is_aborted_leaves_an_empty_blob),
	    cmocka_unit_test(blocks_that_were_staged_are_found_again),
	    cmocka_unit_test(an_append_blob_is_written_in_order_and_sealed),
	    cmocka_unit_test(a_page_blob_is_written_where_it_is_not_empty),
	    cmocka_unit_test(a_snapshot_becomes_the_blob_again),
	    cmocka_unit_test(the_account_tells_that_nothing_deleted_is_kept),
	};

	return cmocka_run_group_tests(
	    tests, region_rig_setup, region_rig_teardown);
}

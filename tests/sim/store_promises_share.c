/* What holds between threads, agents and servers. */
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
#include "base/chunk.h"
#include "base/xalloc.h"
#include "storage/lease.h"
#include "tests/sim/store_ground.h"

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
		struct block_id id = ground_block(7, i);

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
		ids[i] = ground_block(7, i);
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

	ground_put(&g, blob, "a");
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

	lease_id_make(&g.scope, mine);
	lease_id_make(&g.scope, theirs);
	OK(lease->acquire(g.s, &g.scope, blob, 15, mine, &err));
	ground_holds(&g, blob, "");
	FAILS(
	    lease->acquire(g.s, &g.scope, blob, 15, theirs, &err), ERR_LOCKED);
	/* As when the first answer was lost. */
	OK(lease->acquire(g.s, &g.scope, blob, 15, mine, &err));
	OK(lease->renew(g.s, &g.scope, blob, mine, &err));
	FAILS(lease->renew(g.s, &g.scope, blob, theirs, &err), ERR_LOCKED);
	FAILS(lease->release(g.s, &g.scope, blob, theirs, &err), ERR_LOCKED);
	OK(lease->release(g.s, &g.scope, blob, mine, &err));
	FAILS(lease->release(g.s, &g.scope, blob, mine, &err), ERR_LOCKED);
	OK(lease->acquire(g.s, &g.scope, blob, 60, theirs, &err));
	FAILS(lease->renew(g.s, &g.scope, blob, mine, &err), ERR_LOCKED);
	OK(lease->release(g.s, &g.scope, blob, theirs, &err));
	test_free(blob);
	ground_close(&g);
}

static void
what_can_be_no_lease_is_not_asked_for(void **state)
{
	struct ground g = ground_open(state);
	const struct store_lease_ops *lease = ops(&g)->lease;
	char id[LEASE_ID_MAX];

	NAME(&g, "lock", blob);

	lease_id_make(&g.scope, id);
	FAILS(lease->acquire(g.s, &g.scope, blob, 14, id, &err), ERR_USAGE);
	FAILS(lease->acquire(g.s, &g.scope, blob, 61, id, &err), ERR_USAGE);
	id[8] = '0';
	FAILS(lease->acquire(g.s, &g.scope, blob, 60, id, &err), ERR_USAGE);
	ground_lacks(&g, blob);
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

	lease_id_make(&g.scope, id);
	ground_put(&g, blob, "old");
	OK(lease->acquire(g.s, &g.scope, blob, 60, id, &err));
	FAILS(store_put(g.s, &g.scope, blob, "theirs", 6, NULL, NULL, &err),
	    ERR_LOCKED);
	FAILS(ops(&g)->remove(g.s, &g.scope, blob, NULL, &err), ERR_LOCKED);
	OK(store_put(g.s, &g.scope, blob, "mine", 4, &opts, NULL, &err));
	ground_holds(&g, blob, "mine");
	OK(lease->renew(g.s, &g.scope, blob, id, &err));
	OK(lease->release(g.s, &g.scope, blob, id, &err));
	FAILS(store_put(g.s, &g.scope, blob, "late", 4, &opts, NULL, &err),
	    ERR_CONFLICT);
	OK(lease->acquire(g.s, &g.scope, blob, 60, id, &err));
	OK(ops(&g)->remove(g.s, &g.scope, blob, &cond, &err));
	ground_lacks(&g, blob);
	test_free(blob);
	ground_close(&g);
}

static void
a_server_side_copy_is_bound_to_its_source(void **state)
{
	struct ground g = ground_open(state);
	struct block_id id = ground_block(7, 0);
	struct store_grant grant = {0};
	struct blob_props was;

	NAME(&g, "from", from);
	NAME(&g, "to", to);

	OK(store_put(g.s, &g.scope, from, "0123456789", 10, NULL, &was, &err));
	OK(ops(&g)->grant->read(g.s, &g.scope, from, 600000, &grant, &err));
	OK(ops(&g)->copy->stage_from(
	    g.s, &g.scope, to, &id, &grant, was.etag, 2, 5, &err));
	ground_lacks(&g, to);
	OK(ops(&g)->commit(g.s, &g.scope, to, &id, 1, NULL, NULL, &err));
	ground_holds(&g, to, "23456");
	ground_put(&g, from, "9876543210");
	FAILS(ops(&g)->copy->stage_from(
		  g.s, &g.scope, to, &id, &grant, was.etag, 2, 5, &err),
	    ERR_CONFLICT);
	ground_holds(&g, to, "23456");
	store_grant_release(&grant);
	test_free(from);
	test_free(to);
	ground_close(&g);
}

const struct promise store_promises_share[] = {
    {cmocka_unit_test(several_threads_stage_one_blob), 0},
    {cmocka_unit_test(a_reader_sees_the_old_blob_or_the_new_one), 0},
    {cmocka_unit_test(one_lease_at_a_time), STORE_CAP_LEASE},
    {cmocka_unit_test(what_can_be_no_lease_is_not_asked_for), STORE_CAP_LEASE},
    {cmocka_unit_test(a_leased_blob_changes_only_for_its_holder),
	STORE_CAP_LEASE},
    {cmocka_unit_test(a_server_side_copy_is_bound_to_its_source),
	STORE_CAP_COPY_FROM_URL | STORE_CAP_GRANT},
    {.test.name = NULL},
};

/* One fetch however many wait, renewed before its end, and never a dead one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <pthread.h>

#include <cmocka.h>

#include "base/err.h"
#include "storage/blob_ladder.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/fake_store.h"

#define MINUTE_MS (INT64_C(60) * 1000)
#define WAITERS	  8

struct ground {
	struct fake_clock clock;
	struct scope scope;
	struct store *from;
	struct ladder_grants *grants;
	struct err err;
};

static void
up(struct ground *g)
{
	memset(g, 0, sizeof(*g));
	g->scope = fake_clock_init(&g->clock);
	g->from = fake_store_new("source", 0);
	g->grants = ladder_grants_new(g->from);
}

static void
down(struct ground *g)
{
	ladder_grants_free(g->grants);
	store_free(g->from);
}

static void
must_get(struct ground *g, bool by_url_alone)
{
	struct store_grant grant;

	assert_int_equal(ladder_grants_get(g->grants, &g->scope, by_url_alone,
			     &grant, &g->err),
	    0);
	assert_int_equal(grant.authorization == NULL, by_url_alone);
	assert_true(grant.expires_ms > g->clock.wall_ms);
	store_grant_release(&grant);
}

static void
it_is_renewed_when_a_quarter_is_left(void **state)
{
	struct ground g;

	(void)state;
	up(&g);
	must_get(&g, false);
	fake_clock_pass(&g.clock, 44 * MINUTE_MS);
	must_get(&g, false);
	assert_int_equal(fake_store_calls(g.from, FAKE_GRANT_ALL), 1);
	fake_clock_pass(&g.clock, 2 * MINUTE_MS);
	must_get(&g, false);
	assert_int_equal(fake_store_calls(g.from, FAKE_GRANT_ALL), 2);
	/* Copy Blob's is another. */
	must_get(&g, true);
	assert_int_equal(fake_store_calls(g.from, FAKE_GRANT_ALL), 3);
	down(&g);
}

static void
one_that_has_ended_is_not_given_out(void **state)
{
	struct store_grant grant;
	struct ground g;

	(void)state;
	up(&g);
	fake_store_grants_last(g.from, -1);
	assert_int_equal(
	    ladder_grants_get(g.grants, &g.scope, false, &grant, &g.err), -1);
	assert_int_equal(g.err.kind, ERR_AUTH);
	assert_null(strstr(g.err.text, "secret"));
	/* And the next who asks sees for himself. */
	fake_store_grants_last(g.from, 0);
	must_get(&g, false);
	down(&g);
}

static void
a_blobs_url_is_complete(void **state)
{
	struct store_grant grant;
	struct ground g;

	(void)state;
	up(&g);
	assert_int_equal(ladder_grants_blob(g.grants, &g.scope, true, "a b/c",
			     "2026", &grant, &g.err),
	    0);
	assert_non_null(strstr(grant.url, "/a%20b/c?"));
	assert_non_null(strstr(grant.url, "snapshot=2026"));
	assert_non_null(strstr(grant.url, "sig=secret"));
	store_grant_release(&grant);
	assert_int_equal(ladder_grants_blob(g.grants, &g.scope, true, "a/../b",
			     NULL, &grant, &g.err),
	    -1);
	assert_int_equal(g.err.kind, ERR_USAGE);
	down(&g);
}

struct together {
	struct ground g;
	pthread_barrier_t all;
	int failed[WAITERS];
};

struct waiter {
	struct together *t;
	unsigned i;
};

static void *
ask(void *arg)
{
	struct waiter *w = arg;
	struct store_grant grant = {0};
	struct err err = {0};

	pthread_barrier_wait(&w->t->all);
	w->t->failed[w->i] = ladder_grants_get(
	    w->t->g.grants, &w->t->g.scope, false, &grant, &err);
	store_grant_release(&grant);
	return NULL;
}

static void
all_at_once(struct together *t)
{
	struct waiter w[WAITERS];
	pthread_t threads[WAITERS];

	pthread_barrier_init(&t->all, NULL, WAITERS);
	for (unsigned i = 0; i < WAITERS; i++) {
		w[i] = (struct waiter){t, i};
		assert_int_equal(
		    pthread_create(&threads[i], NULL, ask, &w[i]), 0);
	}
	for (unsigned i = 0; i < WAITERS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&t->all);
}

static void
however_many_wait_there_is_one_fetch(void **state)
{
	struct together t;

	(void)state;
	up(&t.g);
	all_at_once(&t);
	for (unsigned i = 0; i < WAITERS; i++)
		assert_int_equal(t.failed[i], 0);
	assert_int_equal(fake_store_calls(t.g.from, FAKE_GRANT_ALL), 1);
	down(&t.g);
}

static void
a_fetch_that_failed_fails_those_who_waited(void **state)
{
	struct together t;

	(void)state;
	up(&t.g);
	fake_store_fail(t.g.from, FAKE_GRANT_ALL, 0, ERR_AUTH, FAKE_REFUSED);
	all_at_once(&t);
	for (unsigned i = 0; i < WAITERS; i++)
		assert_int_equal(t.failed[i], -1);
	down(&t.g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_is_renewed_when_a_quarter_is_left),
	    cmocka_unit_test(one_that_has_ended_is_not_given_out),
	    cmocka_unit_test(a_blobs_url_is_complete),
	    cmocka_unit_test(however_many_wait_there_is_one_fetch),
	    cmocka_unit_test(a_fetch_that_failed_fails_those_who_waited),
	};

	return cmocka_run_group_tests_name("ladder_grants", tests, NULL, NULL);
}

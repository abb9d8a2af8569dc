#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cancel.h"
#include "base/credential.h"
#include "base/err.h"
#include "base/monitor.h"
#include "base/thread.h"
#include "arm/token_cache.h"
#include "tests/sim/fake_clock.h"

#define STORAGE "https://storage.azure.com/"
#define MINUTE	((int64_t)60 * 1000)
#define HOUR	(60 * MINUTE)
#define WAITERS 8

/* What is behind the cache: counts, fails, and can hold a fetch up. */
struct source {
	struct credential base;
	atomic_int fetches;
	int64_t life_ms;
	struct err fails; /* ERR_NONE: it works */
	int64_t left_ms;  /* of the last fetch's scope */

	/* Who sets the machine's clock when a token was made, and how far. */
	struct fake_clock *setting;
	int64_t set_ms;
	struct monitor mon; /* guards what follows */
	bool held;
};

struct ground {
	struct source source;
	struct credential *cache;
	struct fake_clock clock;
	struct scope scope;
	struct token token;
	struct err err;
};

static int
source_get(struct credential *c, const struct scope *scope,
    const char *resource, struct token *out, struct err *err)
{
	struct source *s = (struct source *)c;
	int n = atomic_fetch_add(&s->fetches, 1) + 1;
	char text[100];

	monitor_lock(&s->mon);
	while (s->held)
		if (monitor_wait(&s->mon, scope, err) != 0)
			break;
	monitor_unlock(&s->mon);
	s->left_ms = scope_left_ms(scope);
	if (err->kind != ERR_NONE)
		return -1;
	if (s->fails.kind != ERR_NONE) {
		*err = s->fails;
		return -1;
	}
	snprintf(text, sizeof(text), "%d of %s", n, resource);
	out->expires_ms = s->life_ms == INT64_MAX
	    ? INT64_MAX
	    : scope_wall_ms(scope) + s->life_ms;
	secret_set(&out->value, text, strlen(text));
	if (s->setting != NULL)
		s->setting->wall_ms += s->set_ms;
	return 0;
}

static void
source_free(struct credential *c)
{
	monitor_release(&((struct source *)c)->mon);
}

static const struct credential_ops source_ops = {
    .get = source_get,
    .free = source_free,
};

static int
setup(void **state)
{
	struct ground *g = calloc(1, sizeof(*g));

	g->source.base.ops = &source_ops;
	g->source.life_ms = HOUR;
	atomic_init(&g->source.fetches, 0);
	monitor_init(&g->source.mon);
	g->cache = token_cache_new(&g->source.base);
	g->scope = fake_clock_init(&g->clock);
	*state = g;
	return 0;
}

static int
teardown(void **state)
{
	struct ground *g = *state;

	secret_release(&g->token.value);
	g->cache->ops->free(g->cache);
	free(g);
	return 0;
}

static int
get(struct ground *g, const char *resource)
{
	secret_release(&g->token.value);
	g->err = (struct err){0};
	return g->cache->ops->get(
	    g->cache, &g->scope, resource, &g->token, &g->err);
}

static void
gives(struct ground *g, const char *value)
{
	if (get(g, STORAGE) != 0)
		fail_msg("%s", g->err.text);
	assert_string_equal(g->token.value.data, value);
}

static void
a_token_is_kept_until_five_minutes_before_its_end(void **state)
{
	struct ground *g = *state;

	gives(g, "1 of " STORAGE);
	assert_int_equal(g->token.expires_ms, g->clock.wall_ms + HOUR);
	fake_clock_pass(&g->clock, 55 * MINUTE - 1);
	gives(g, "1 of " STORAGE);
	fake_clock_pass(&g->clock, 1);
	gives(g, "2 of " STORAGE);
}

static void
one_that_lives_long_is_renewed_at_its_half_life(void **state)
{
	struct ground *g = *state;

	g->source.life_ms = 24 * HOUR;
	gives(g, "1 of " STORAGE);
	fake_clock_pass(&g->clock, 12 * HOUR - 1);
	gives(g, "1 of " STORAGE);
	fake_clock_pass(&g->clock, 1);
	gives(g, "2 of " STORAGE);
}

static void
one_that_does_not_end_is_kept(void **state)
{
	struct ground *g = *state;

	g->source.life_ms = INT64_MAX;
	gives(g, "1 of " STORAGE);
	fake_clock_pass(&g->clock, 1000 * HOUR);
	gives(g, "1 of " STORAGE);
}

/* Whoever sets the machine's clock does not end a token, nor lengthen it. */
static void
the_wall_clock_may_be_set(void **state)
{
	struct ground *g = *state;

	gives(g, "1 of " STORAGE);
	g->clock.wall_ms += 100 * HOUR;
	gives(g, "1 of " STORAGE);
	g->clock.wall_ms -= 200 * HOUR;
	g->clock.mono_ms += HOUR;
	gives(g, "2 of " STORAGE);
}

/* A failure that says nothing would be taken for none further up. */
static void
a_token_that_had_ended_when_it_came_is_a_failure(void **state)
{
	struct ground *g = *state;

	g->source.setting = &g->clock;
	g->source.set_ms = HOUR;
	assert_int_equal(get(g, STORAGE), -1);
	assert_int_equal(g->err.kind, ERR_TRANSIENT);
	assert_non_null(strstr(g->err.text, "https://storage"));
	assert_non_null(strstr(g->err.text, "clock"));
	g->source.set_ms = 0;
	gives(g, "2 of " STORAGE);

	/* The old one was not yet over, and stays. */
	g->source.set_ms = HOUR;
	fake_clock_pass(&g->clock, 56 * MINUTE);
	gives(g, "2 of " STORAGE);
	assert_int_equal(atomic_load(&g->source.fetches), 3);
	g->source.set_ms = 0;
	fake_clock_pass(&g->clock, 30000);
	gives(g, "4 of " STORAGE);
}

static void
each_resource_has_its_own(void **state)
{
	struct ground *g = *state;

	gives(g, "1 of " STORAGE);
	assert_int_equal(get(g, "https://redis.azure.com"), 0);
	assert_string_equal(
	    g->token.value.data, "2 of https://redis.azure.com");
	gives(g, "1 of " STORAGE);
	/* With or without a slash it is one audience. */
	assert_int_equal(get(g, "https://storage.azure.com"), 0);
	assert_string_equal(g->token.value.data, "1 of " STORAGE);
}

static void
a_fetch_that_fails_keeps_the_old_one(void **state)
{
	struct ground *g = *state;

	gives(g, "1 of " STORAGE);
	err_set(&g->source.fails, ERR_UNREACHABLE, "nobody there");
	fake_clock_pass(&g->clock, 56 * MINUTE);
	gives(g, "1 of " STORAGE);
	assert_int_equal(atomic_load(&g->source.fetches), 2);
	/* Nobody waits long for it, and not at every call. */
	assert_true(g->source.left_ms <= 15000);
	gives(g, "1 of " STORAGE);
	assert_int_equal(atomic_load(&g->source.fetches), 2);
	fake_clock_pass(&g->clock, 30000);
	gives(g, "1 of " STORAGE);
	assert_int_equal(atomic_load(&g->source.fetches), 3);

	fake_clock_pass(&g->clock, 4 * MINUTE);
	assert_int_equal(get(g, STORAGE), -1);
	assert_int_equal(g->err.kind, ERR_UNREACHABLE);
	assert_string_equal(g->err.text, "nobody there");
	g->source.fails = (struct err){0};
	gives(g, "5 of " STORAGE);
}

static void
what_was_refused_is_not_given_again(void **state)
{
	struct ground *g = *state;

	gives(g, "1 of " STORAGE);
	g->cache->ops->forget(g->cache, STORAGE);
	gives(g, "2 of " STORAGE);
	/* By one that was sent together with the first. */
	g->cache->ops->forget(g->cache, STORAGE);
	gives(g, "2 of " STORAGE);

	fake_clock_pass(&g->clock, MINUTE);
	err_set(&g->source.fails, ERR_AUTH, "no more");
	g->cache->ops->forget(g->cache, STORAGE);
	assert_int_equal(get(g, STORAGE), -1);
	assert_int_equal(g->err.kind, ERR_AUTH);
}

struct waiter {
	struct ground *g;
	pthread_t thread;
	struct scope scope;
	struct token token;
	struct err err;
	int rc;
};

static void *
wait_for_token(void *arg)
{
	struct waiter *w = arg;
	struct credential *c = w->g->cache;

	w->rc = c->ops->get(c, &w->scope, STORAGE, &w->token, &w->err);
	return NULL;
}

static void
hold(struct ground *g, bool held)
{
	monitor_lock(&g->source.mon);
	g->source.held = held;
	monitor_broadcast(&g->source.mon);
	monitor_unlock(&g->source.mon);
}

static void
start(struct waiter *w, struct ground *g, const struct scope *scope)
{
	struct err err = {0};

	*w = (struct waiter){.g = g, .scope = *scope};
	assert_int_equal(
	    thread_start(&w->thread, "waiter", wait_for_token, w, &err), 0);
}

/* Held up, so that all come while the first fetches, or soon after. */
static void
run_waiters(struct ground *g, struct waiter *w)
{
	struct scope scope = scope_root(NULL);

	hold(g, true);
	for (int i = 0; i < WAITERS; i++)
		start(&w[i], g, &scope);
	hold(g, false);
	for (int i = 0; i < WAITERS; i++)
		pthread_join(w[i].thread, NULL);
}

static void
one_fetch_is_made_however_many_wait(void **state)
{
	struct waiter w[WAITERS];
	struct ground *g = *state;

	run_waiters(g, w);
	assert_int_equal(atomic_load(&g->source.fetches), 1);
	for (int i = 0; i < WAITERS; i++) {
		assert_int_equal(w[i].rc, 0);
		assert_string_equal(w[i].token.value.data, "1 of " STORAGE);
		secret_release(&w[i].token.value);
	}
}

/* The one that fetches is cancelled: another takes its place. */
static void
a_fetch_that_was_cancelled_is_nobody_elses_failure(void **state)
{
	struct cancel *cancel = cancel_new(NULL);
	struct scope first = scope_root(cancel), second = scope_root(NULL);
	struct ground *g = *state;
	struct waiter w[2];

	hold(g, true);
	start(&w[0], g, &first);
	while (atomic_load(&g->source.fetches) == 0)
		sched_yield();
	start(&w[1], g, &second);
	cancel_trigger(cancel);
	pthread_join(w[0].thread, NULL);
	hold(g, false);
	pthread_join(w[1].thread, NULL);
	assert_int_equal(w[0].rc, -1);
	assert_int_equal(w[0].err.kind, ERR_CANCELLED);
	assert_int_equal(w[1].rc, 0);
	secret_release(&w[1].token.value);
	cancel_free(cancel);
}

static void
who_waits_stops_when_its_scope_ends(void **state)
{
	struct cancel *cancel = cancel_new(NULL);
	struct scope first = scope_root(NULL), second = scope_root(cancel);
	struct ground *g = *state;
	struct waiter w[2];

	hold(g, true);
	start(&w[0], g, &first);
	while (atomic_load(&g->source.fetches) == 0)
		sched_yield();
	start(&w[1], g, &second);
	cancel_trigger(cancel);
	pthread_join(w[1].thread, NULL);
	assert_int_equal(w[1].rc, -1);
	assert_int_equal(w[1].err.kind, ERR_CANCELLED);
	hold(g, false);
	pthread_join(w[0].thread, NULL);
	assert_int_equal(w[0].rc, 0);
	secret_release(&w[0].token.value);
	cancel_free(cancel);
}

/* A machine's clock that counts how often it was looked at. */
struct watched_clock {
	struct clock base;
	atomic_int looks;
};

static int64_t
watched_mono_ms(const struct clock *c)
{
	atomic_fetch_add(&((struct watched_clock *)c)->looks, 1);
	return clock_system.mono_ms(&clock_system);
}

/* A failure is all's too: they do not fetch one after the other. */
static void
a_failure_is_shared(void **state)
{
	struct watched_clock clock = {.base = clock_system};
	struct ground *g = *state;
	struct scope scope = scope_root(NULL);
	struct waiter w[2];

	clock.base.mono_ms = watched_mono_ms;
	atomic_init(&clock.looks, 0);
	scope = scope_within(&scope, HOUR);
	err_set(&g->source.fails, ERR_UNREACHABLE, "gave up");
	hold(g, true);
	start(&w[0], g, &scope);
	while (atomic_load(&g->source.fetches) == 0)
		sched_yield();
	/* Its wait looks at the clock once it has seen that one fetches. */
	scope.clock = &clock.base;
	start(&w[1], g, &scope);
	while (atomic_load(&clock.looks) == 0)
		sched_yield();
	hold(g, false);
	for (int i = 0; i < 2; i++) {
		pthread_join(w[i].thread, NULL);
		assert_int_equal(w[i].rc, -1);
		assert_string_equal(w[i].err.text, "gave up");
	}
	assert_int_equal(atomic_load(&g->source.fetches), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_token_is_kept_until_five_minutes_before_its_end),
	    TEST(one_that_lives_long_is_renewed_at_its_half_life),
	    TEST(one_that_does_not_end_is_kept),
	    TEST(the_wall_clock_may_be_set),
	    TEST(a_token_that_had_ended_when_it_came_is_a_failure),
	    TEST(each_resource_has_its_own),
	    TEST(a_fetch_that_fails_keeps_the_old_one),
	    TEST(what_was_refused_is_not_given_again),
	    TEST(one_fetch_is_made_however_many_wait),
	    TEST(a_fetch_that_was_cancelled_is_nobody_elses_failure),
	    TEST(who_waits_stops_when_its_scope_ends),
	    TEST(a_failure_is_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

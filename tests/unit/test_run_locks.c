/* A run's leases, while its transfers take all that the stores' engine has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/job/agent.h"
#include "agent/job/run_locks.h"
#include "agent/job/settings.h"
#include "base/cancel.h"
#include "base/err.h"
#include "base/journal.h"
#include "base/scope.h"
#include "storage/store.h"
#include "tests/sim/held_clock.h"
#include "tests/sim/runner.h"
#include "tests/sim/script_http.h"
#include "tests/sim/temp_dir.h"

#define RENEW_MS    20000
#define PATIENCE_MS 10000

/* As many as http.h says that an engine has at once. */
#define TRANSFERS 64

struct ground {
	struct script_server *server;
	struct settings *settings;
	struct agent *agent;
	struct store *store;
	struct cancel *ended; /* of the transfers */
	struct scope scope;
	struct runner transfers[TRANSFERS];
	struct err err;
};

/* What asks for a lease, and whether a blob is there, has an answer. */
static void
serve(struct script_conn *c, void *arg)
{
	struct script_request request;
	int rc = 0;

	(void)arg;
	while (rc == 0 && script_http_read(c, &request) == 0) {
		if (strcmp(request.method, "GET") == 0)
			script_stall(c);
		rc = script_http_answer(c, 200, NULL, NULL, 0);
		script_http_release(&request);
	}
	script_http_release(&request);
}

static void
up(struct ground *g)
{
	char *url;

	*g = (struct ground){.server = script_server_new(NULL, serve, NULL)};
	url = script_server_url(g->server, "/acct/cont");
	g->settings = settings_load(NULL, NULL, &g->err);
	assert_non_null(g->settings);
	assert_int_equal(
	    settings_set(g->settings, OPT_SOURCE_STORE, url, &g->err), 0);
	free(url);
	g->ended = cancel_new(NULL);
	g->scope = scope_root(g->ended);
	g->agent = agent_new(g->settings, &g->scope, NULL);
	g->store = agent_store(g->agent, REGION_SOURCE, &g->err);
	assert_non_null(g->store);
}

static void
down(struct ground *g)
{
	cancel_trigger(g->ended);
	for (int i = 0; i < TRANSFERS; i++)
		runner_join(&g->transfers[i]);
	agent_free(g->agent);
	settings_free(g->settings);
	script_server_free(g->server);
	cancel_free(g->ended);
}

static void
transfer(void *arg)
{
	struct ground *g = arg;
	struct err err = {0};
	char byte;

	g->store->ops->read(
	    g->store, &g->scope, "part", NULL, 0, &byte, 1, &err);
}

static void
start_transfers(struct ground *g)
{
	struct scope soon = scope_within(&g->scope, 100);
	struct blob_props props;

	for (int i = 0; i < TRANSFERS; i++)
		runner_start(&g->transfers[i], transfer, g);
	assert_true(script_server_wait(g->server, TRANSFERS));

	/* There is no room for any other request. */
	assert_int_equal(
	    g->store->ops->stat(g->store, &soon, "part", &props, &g->err), -1);
	assert_int_equal(g->err.kind, ERR_UNREACHABLE);
}

static void
sent_last(struct ground *g, const char *text)
{
	size_t n = script_server_count(g->server);

	assert_non_null(
	    strstr(script_server_record(g->server, n - 1).data, text));
}

static void
a_store_full_of_transfers_keeps_no_lease_waiting(void **state)
{
	struct journal *journal = journal_memory_new();
	struct cancel *run = cancel_new(NULL);
	struct held_clock clock;
	struct scope root = held_clock_init(&clock);
	struct scope scope = scope_within(&root, PATIENCE_MS);
	struct run_locks locks;
	struct ground g;

	(void)state;
	up(&g);
	start_transfers(&g);
	locks = (struct run_locks){
	    .agent = g.agent,
	    .journal = journal,
	    .scope = &scope,
	    .cancel = run,
	    .job = "cache",
	};
	if (run_locks_take(&locks, LOCK_SOURCE, &g.err) != 0)
		fail_msg("%s", g.err.text);
	held_clock_wait_asleep(&clock);
	held_clock_pass(&clock, RENEW_MS);
	held_clock_wait_asleep(&clock);
	sent_last(&g, "x-ms-lease-action: renew");
	assert_int_equal(job_lock_left_ms(locks.held[LOCK_SOURCE]),
	    JOB_LEASE_SECONDS * 1000);
	assert_false(cancel_triggered(run));
	held_clock_open(&clock);
	run_locks_release(&locks);
	sent_last(&g, "x-ms-lease-action: release");
	down(&g);
	held_clock_release(&clock);
	cancel_free(run);
	journal_memory_free(journal);
}

/* A job of its own, as on a host of its own. */
struct contender {
	struct journal *journal;
	struct cancel *cancel;
	struct run_locks locks;
};

static void
contender_up(struct contender *c, struct agent *agent,
    const struct scope *scope, const char *job)
{
	c->journal = journal_memory_new();
	c->cancel = cancel_new(NULL);
	c->locks = (struct run_locks){
	    .agent = agent,
	    .journal = c->journal,
	    .scope = scope,
	    .cancel = c->cancel,
	    .job = job,
	};
}

static void
contender_down(struct contender *c)
{
	run_locks_release(&c->locks);
	cancel_free(c->cancel);
	journal_memory_free(c->journal);
}

static enum err_kind
takes(struct contender *c, const char *url)
{
	struct redis_target target;
	struct err err = {0};

	assert_int_equal(redis_target_parse(url, &target, &err), 0);
	run_locks_take_target(&c->locks, &target, &err);
	redis_target_release(&target);
	return err.kind;
}

/* Whichever of its names each of them gives it. */
static void
two_jobs_do_not_hold_one_target(void **state)
{
	struct temp_dir dir;
	struct err err = {0};
	struct settings *settings = settings_load(NULL, NULL, &err);
	struct scope scope = scope_root(NULL);
	struct contender a, b;
	struct agent *agent;
	char url[sizeof(dir.path) + 16];

	(void)state;
	temp_dir_make(&dir);
	snprintf(url, sizeof(url), "file://%s", dir.path);
	assert_int_equal(settings_set(settings, OPT_DR_STORE, url, &err), 0);
	agent = agent_new(settings, &scope, NULL);
	contender_up(&a, agent, &scope, "a");
	contender_up(&b, agent, &scope, "b");

	assert_int_equal(takes(&a, "redis://h:1,h:2,h:3"), ERR_NONE);
	assert_int_equal(takes(&a, "redis://h:1,h:2,h:3"), ERR_NONE);
	assert_int_equal(takes(&b, "redis://h:1"), ERR_LOCKED);
	assert_int_equal(takes(&b, "redis://h:2"), ERR_LOCKED);
	assert_int_equal(takes(&b, "redis://h:4,h:3"), ERR_LOCKED);

	/* It turned out to be the second. */
	assert_int_equal(takes(&a, "redis://h:2"), ERR_NONE);
	assert_int_equal(takes(&b, "redis://h:2"), ERR_LOCKED);
	assert_int_equal(takes(&b, "redis://h:4,h:3"), ERR_NONE);
	assert_int_equal(takes(&a, "redis://h:3"), ERR_LOCKED);
	contender_down(&b);
	contender_down(&a);
	agent_free(agent);
	settings_free(settings);
	temp_dir_remove(&dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_store_full_of_transfers_keeps_no_lease_waiting),
	    cmocka_unit_test(two_jobs_do_not_hold_one_target),
	};

	return cmocka_run_group_tests_name("run_locks", tests, NULL, NULL);
}

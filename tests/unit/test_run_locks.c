/* A run's leases, while its transfers take all that the stores' engine has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
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
	g->agent = agent_new(g->settings, NULL);
	g->store = agent_store(g->agent, REGION_SOURCE, &g->err);
	assert_non_null(g->store);
	g->ended = cancel_new(NULL);
	g->scope = scope_root(g->ended);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_store_full_of_transfers_keeps_no_lease_waiting),
	};

	return cmocka_run_group_tests_name("run_locks", tests, NULL, NULL);
}

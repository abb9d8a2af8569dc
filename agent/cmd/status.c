#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"
#include "base/json.h"
#include "base/scope.h"

#include "agent/cmd/cmd.h"
#include "agent/cmd/show.h"
#include "agent/job/agent.h"
#include "agent/job/ledger.h"
#include "agent/job/ledger_book.h"

#define RUNS_SHOWN 10

static const enum option takes[] = {OPT_STATE_DIR, OPTIONS};

struct status {
	struct cmd_call *call;
	cJSON *list; /* --json */
	size_t n;
};

static int
show_run(void *arg, const struct ledger_run *r, struct err *err)
{
	struct status *s = arg;
	char at[32], took[32];
	cJSON *o;

	(void)err;
	if (s->list != NULL) {
		o = cJSON_CreateObject();
		json_add_int(o, "run", r->id);
		cJSON_AddStringToObject(o, "job", r->job);
		cJSON_AddStringToObject(o, "command", r->command);
		cJSON_AddStringToObject(o, "state", r->state);
		json_add_int(o, "started_ms", r->started_ms);
		if (r->ended_ms != 0)
			json_add_int(o, "ended_ms", r->ended_ms);
		if (r->error != NULL)
			cJSON_AddStringToObject(o, "error", r->error);
		cJSON_AddItemToArray(s->list, o);
		return 0;
	}
	if (s->n++ == 0)
		printf("%6s  %-16s %-9s %-20s  %-8s %s\n", "RUN", "JOB",
		    "COMMAND", "BEGAN", "STATE", "TOOK");
	printf("%6" PRId64 "  %-16s %-9s %-20s  %-8s %s\n", r->id, r->job,
	    r->command, show_time(r->started_ms, at), r->state,
	    r->ended_ms != 0 ? show_ms(r->ended_ms - r->started_ms, took) : "");
	if (r->error != NULL)
		printf("        %s\n", r->error);
	return 0;
}

static int
show_copy(void *arg, const struct ledger_copy *l, struct err *err)
{
	const struct book_copy *c = &l->copy;
	struct status *s = arg;
	int64_t ms = scope_wall_ms(s->call->scope) - c->since_ms;
	char done[32], total[32], took[32];
	cJSON *o;

	(void)err;
	if (s->list != NULL) {
		o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "job", l->job);
		json_add_int(o, "run", l->run);
		cJSON_AddStringToObject(o, "name", c->name);
		cJSON_AddStringToObject(o, "way", c->way);
		cJSON_AddStringToObject(o, "state", book_state_name(c->state));
		cJSON_AddStringToObject(o, "copy_id", c->copy_id);
		json_add_int(o, "done", (int64_t)c->done);
		json_add_int(o, "total", (int64_t)c->total);
		json_add_int(o, "since_ms", c->since_ms);
		cJSON_AddItemToArray(s->list, o);
		return 0;
	}
	if (s->n++ == 0)
		printf("\ncopies that have not ended\n");
	printf("  %s\n      %s %s for %s, %s of %s, run %" PRId64 " of '%s'\n",
	    c->name, c->way, book_state_name(c->state), show_ms(ms, took),
	    show_bytes(c->done, done), show_bytes(c->total, total), l->run,
	    l->job);
	return 0;
}

static int
run(struct cmd_call *c, struct err *err)
{
	struct ledger *ledger = agent_ledger(c->agent, err);
	struct status runs = {.call = c}, copies = {.call = c};
	cJSON *doc = NULL;
	int rc;

	if (ledger == NULL)
		return -1;
	if (c->json) {
		doc = cJSON_CreateObject();
		runs.list = cJSON_AddArrayToObject(doc, "runs");
		copies.list = cJSON_AddArrayToObject(doc, "open_copies");
	}
	rc = ledger_each_run(ledger, c->job_given ? c->job : NULL, RUNS_SHOWN,
	    show_run, &runs, err);
	if (rc == 0)
		rc = ledger_book_each_open(
		    ledger_db_of(ledger), show_copy, &copies, err);
	if (rc != 0) {
		cJSON_Delete(doc);
		return -1;
	}
	if (c->json)
		show_json(doc);
	else if (runs.n + copies.n == 0)
		printf("no runs yet\n");
	return 0;
}

const struct cmd cmd_status = {
    .name = "status",
    .args = "",
    .summary = "tell the last runs, and copies that have not ended",
    .text = "Tells the last ten runs (of --job, or of all) from the ledger in "
	    "'state_dir', and copies of blobs that the service is still "
	    "working at, or that a run left behind: the job's next run goes "
	    "on with those.",
    .options = takes,
    .run = run,
};

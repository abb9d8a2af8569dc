#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"
#include "base/json.h"
#include "base/quantity.h"

#include "agent/cmd/cmd.h"
#include "agent/cmd/option_sets.h"
#include "agent/cmd/show.h"
#include "agent/job/replica_run.h"

static const enum option takes[] = {
    SOURCE_STORE_OPTIONS, DR_STORE_OPTIONS, OPT_TIMEOUT, OPTIONS};

struct teller {
	bool json;
	cJSON *failed;
};

static void
on_blob(void *arg, const char *name, const struct err *why)
{
	struct teller *t = arg;
	cJSON *o;

	if (why->kind == ERR_NONE)
		return;
	if (!t->json) {
		printf("NOT back  %s: %s\n", name, why->text);
		return;
	}
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "name", name);
	cJSON_AddStringToObject(o, "why", why->text);
	cJSON_AddItemToArray(t->failed, o);
}

static void
tell(struct cmd_call *c, struct teller *t, const struct undelete_report *r)
{
	char n[32];
	cJSON *o;

	if (!c->json) {
		printf("%s brought back", show_count(r->restored, n));
		if (r->there > 0)
			printf(", %s there again already",
			    show_count(r->there, n));
		if (r->lost > 0)
			printf(", %s LOST", show_count(r->lost, n));
		printf("\n");
		return;
	}
	o = cJSON_CreateObject();
	json_add_int(o, "restored", (int64_t)r->restored);
	json_add_int(o, "there", (int64_t)r->there);
	json_add_int(o, "lost", (int64_t)r->lost);
	cJSON_AddItemToObject(o, "not_restored", t->failed);
	show_json(o);
}

static int
run(struct cmd_call *c, struct err *err)
{
	struct teller t = {.json = c->json};
	struct undelete_report report;
	const char *rest;
	uint64_t run;
	int rc;

	if (!quantity_number(c->args[0], &run, &rest) || *rest != '\0' ||
	    run == 0 || run > INT64_MAX)
		return err_set(err, ERR_USAGE,
		    "'%.40s' is no run's number; drsync sync and copy tell it",
		    c->args[0]);
	if (c->json)
		t.failed = cJSON_CreateArray();
	rc = replica_undelete(
	    c->agent, (int64_t)run, c->scope, on_blob, &t, &report, err);
	if (rc == 0 || report.restored + report.there + report.lost > 0)
		tell(c, &t, &report);
	else
		cJSON_Delete(t.failed);
	return rc;
}

const struct cmd cmd_undelete = {
    .name = "undelete",
    .args = "RUN",
    .least_args = 1,
    .most_args = 1,
    .summary = "bring back what a run deleted from a container's copy",
    .text = "Brings back the blobs that a run with 'mirror' deleted at the "
	    "destination, as far as the service still has them (soft "
	    "delete). The run's number is in its report. What the source "
	    "still lacks is missing anew from then on, and a later run with "
	    "'mirror' deletes it again after the grace period.",
    .options = takes,
    .run = run,
};

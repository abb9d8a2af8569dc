#include <stdio.h>

#include "base/err.h"

#include "agent/cmd/cmd.h"
#include "agent/cmd/option_sets.h"
#include "agent/cmd/show.h"
#include "agent/job/check.h"

static const enum option takes[] = {SOURCE_REDIS_OPTIONS, FILTER_OPTIONS,
    SOURCE_STORE_OPTIONS, DR_STORE_OPTIONS, DR_REDIS_OPTIONS, OPT_IMPORT,
    CODING_OPTIONS, LOADING_OPTIONS, OPT_IN_FLIGHT, PROMOTION_OPTIONS, OPT_KIND,
    BLOB_OPTIONS, OPT_TIMEOUT, OPTIONS};

static const char *
result_name(enum check_result r)
{
	switch (r) {
	case CHECK_GOOD:
		return "good";
	case CHECK_SKIPPED:
		return "-";
	case CHECK_FAILED:
		return "FAILED";
	}
	return "";
}

static void
tell(void *arg, const struct check *check)
{
	cJSON *list = arg;
	cJSON *o;

	if (list == NULL) {
		printf("%-15s %-7s %s\n", check->what,
		    result_name(check->result), check->detail);
		if (check->advice[0] != '\0')
			printf("%-23s %s\n", "", check->advice);
		fflush(stdout);
		return;
	}
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "what", check->what);
	cJSON_AddStringToObject(o, "result",
	    check->result == CHECK_SKIPPED    ? "skipped"
		: check->result == CHECK_GOOD ? "good"
					      : "failed");
	cJSON_AddStringToObject(o, "detail", check->detail);
	cJSON_AddStringToObject(o, "advice", check->advice);
	cJSON_AddItemToArray(list, o);
}

static int
run(struct cmd_call *c, struct err *err)
{
	cJSON *doc = c->json ? cJSON_CreateObject() : NULL;
	cJSON *list = c->json ? cJSON_AddArrayToObject(doc, "checks") : NULL;
	int rc = check_job(c->agent, c->job, c->scope, tell, list, err);

	if (c->json) {
		cJSON_AddBoolToObject(doc, "good", rc == 0);
		show_json(doc);
		c->told = true;
	}
	return rc;
}

const struct cmd cmd_check = {
    .name = "check",
    .args = "",
    .summary = "try each thing that the job needs, and tell what to do",
    .text = "Tries, for real, what a run of the job needs: settings, ledger, "
	    "key, spool, both stores (a small blob is written, read, copied "
	    "and removed), both Redis, the file if there is one, and the "
	    "address at which we pose as a master. Tells by which ways the DR "
	    "Redis can be loaded, and changes nothing there. Of a "
	    "promotion it tells what each lever would change, and tries by "
	    "requests that cannot take place whether it may. Goes on after a "
	    "failure, and says what to do about each.",
    .options = takes,
    .run = run,
};

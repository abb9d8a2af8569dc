#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"

#include "agent/cmd/cmd.h"
#include "agent/cmd/option_sets.h"
#include "agent/cmd/show.h"
#include "agent/cmd/wrap.h"
#include "agent/job/check.h"

#define COLUMN	   24
#define FAILED_MAX 400

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

struct telling {
	cJSON *list;	   /* NULL: as text */
	struct buf failed; /* "identity, copy" */
};

static void
tell_text(struct telling *t, const struct check *check)
{
	int at = printf("%-15s %-7s ", check->what, result_name(check->result));

	wrap_print(stdout, check->detail, COLUMN, at);
	if (check->advice[0] != '\0')
		wrap_print(stdout, check->advice, COLUMN,
		    printf("%*s", COLUMN, "-> "));
	fflush(stdout);
	if (check->result == CHECK_FAILED)
		buf_addf(&t->failed, "%s%s", t->failed.len > 0 ? ", " : "",
		    check->what);
}

static void
tell_json(cJSON *list, const struct check *check)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "what", check->what);
	cJSON_AddStringToObject(o, "result",
	    check->result == CHECK_SKIPPED    ? "skipped"
		: check->result == CHECK_GOOD ? "good"
					      : "failed");
	cJSON_AddStringToObject(o, "detail", check->detail);
	cJSON_AddStringToObject(o, "advice", check->advice);
	cJSON_AddItemToArray(list, o);
}

static void
tell(void *arg, const struct check *check)
{
	struct telling *t = arg;

	if (t->list != NULL)
		tell_json(t->list, check);
	else
		tell_text(t, check);
}

static int
run(struct cmd_call *c, struct err *err)
{
	cJSON *doc = c->json ? cJSON_CreateObject() : NULL;
	struct telling t = {
	    .list = c->json ? cJSON_AddArrayToObject(doc, "checks") : NULL,
	};
	int rc;

	buf_init(&t.failed, FAILED_MAX);
	rc = check_job(c->agent, c->job, c->scope, tell, &t, err);
	if (c->json) {
		cJSON_AddBoolToObject(doc, "good", rc == 0);
		show_json(doc);
		c->told = true;
	} else if (t.failed.len > 0 && err->kind != ERR_CANCELLED) {
		/* What of each, stands in its row. */
		snprintf(err->text, sizeof(err->text), "these failed: %s",
		    t.failed.data);
	}
	buf_release(&t.failed);
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

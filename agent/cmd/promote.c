#include <stdio.h>

#include "base/err.h"

#include "agent/cmd/cmd.h"
#include "agent/cmd/option_sets.h"
#include "agent/cmd/show.h"
#include "agent/cmd/wrap.h"
#include "agent/job/promotion.h"

static const struct cmd_flag flags[] = {
    {"yes", NULL, "do it; without this, only tell what would be done"},
    {"undo", NULL, "lead clients back to what was there before"},
    {"settle", NULL,
	"with --yes: what was moved stays for good, and its undo is forgotten"},
    {NULL, NULL, NULL},
};

static const enum option takes[] = {OPT_SOURCE_REDIS, OPT_SOURCE_AUTH,
    OPT_SOURCE_USER, OPT_SOURCE_PASSWORD, OPT_SOURCE_SENTINEL_PASSWORD,
    DR_REDIS_OPTIONS, DR_STORE_OPTIONS, PROMOTION_OPTIONS, OPT_TIMEOUT,
    OPTIONS};

#define CHANGE_COLUMN 12

static const char *const words[] = {
    [LEVER_WOULD] = "would be moved",
    [LEVER_ALREADY] = "is as it should be",
    [LEVER_DONE] = "done",
    [LEVER_FAILED] = "FAILED",
    [LEVER_NOT_REACHED] = "not reached",
};

static const char *const names[] = {
    [LEVER_WOULD] = "would",
    [LEVER_ALREADY] = "already",
    [LEVER_DONE] = "done",
    [LEVER_FAILED] = "failed",
    [LEVER_NOT_REACHED] = "not_reached",
};

struct telling {
	cJSON *list; /* NULL: as text */
	bool failed;
};

static void
tell_change(const struct lever_change *c)
{
	wrap_print(stdout, c->what, 3, printf("   "));
	wrap_print(stdout, c->now, CHANGE_COLUMN, printf("      from  "));
	wrap_print(stdout, c->then, CHANGE_COLUMN, printf("      to    "));
}

/* Why the first failed is what the command ends with. */
static void
tell_why(struct telling *t, const struct err *why)
{
	if (t->failed)
		wrap_print(stdout, why->text, 3, printf("   "));
	t->failed = true;
}

static void
tell_text(struct telling *t, const struct lever_report *r)
{
	const struct lever_view *v = r->view;

	char head[1100];

	snprintf(head, sizeof(head), "%s: %s", r->name, words[r->outcome]);
	wrap_print(stdout, head, 3, printf("%zu  ", r->i + 1));
	for (size_t i = 0;
	     v != NULL && r->outcome != LEVER_ALREADY && i < v->nchanges; i++)
		tell_change(&v->changes[i]);
	if (r->err != NULL)
		tell_why(t, r->err);
	fflush(stdout);
}

static void
tell_json(cJSON *list, const struct lever_report *r)
{
	cJSON *o = cJSON_CreateObject(), *changes;

	cJSON_AddItemToArray(list, o);
	cJSON_AddStringToObject(o, "lever", r->name);
	cJSON_AddStringToObject(o, "outcome", names[r->outcome]);
	changes = cJSON_AddArrayToObject(o, "changes");
	for (size_t i = 0; r->view != NULL && i < r->view->nchanges; i++) {
		cJSON *c = cJSON_CreateObject();

		cJSON_AddItemToArray(changes, c);
		cJSON_AddStringToObject(c, "what", r->view->changes[i].what);
		cJSON_AddStringToObject(c, "from", r->view->changes[i].now);
		cJSON_AddStringToObject(c, "to", r->view->changes[i].then);
	}
	if (r->err != NULL)
		cJSON_AddStringToObject(o, "error", r->err->text);
}

static void
tell(void *arg, const struct lever_report *r)
{
	struct telling *t = arg;

	if (t->list != NULL)
		tell_json(t->list, r);
	else
		tell_text(t, r);
}

static int
check_flags(const struct cmd_call *c, struct err *err)
{
	if (cmd_flag(c, "settle") == NULL)
		return 0;
	if (cmd_flag(c, "undo") != NULL)
		return err_set(
		    err, ERR_USAGE, "--settle and --undo are opposites");
	if (cmd_flag(c, "yes") == NULL)
		return err_set(err, ERR_USAGE,
		    "--settle forgets what was there before; give --yes too");
	return 0;
}

static int
run(struct cmd_call *c, struct err *err)
{
	cJSON *doc = c->json ? cJSON_CreateObject() : NULL;
	struct telling t = {
	    .list = c->json ? cJSON_AddArrayToObject(doc, "levers") : NULL,
	};
	struct promotion_opts opts = {
	    .job = c->job,
	    .way = cmd_flag(c, "undo") != NULL ? LEVER_UNDO : LEVER_PULL,
	    .for_real = cmd_flag(c, "yes") != NULL,
	    .settle = cmd_flag(c, "settle") != NULL,
	    .tell = tell,
	    .tell_arg = &t,
	};
	int rc = check_flags(c, err);

	if (rc == 0)
		rc = promotion_run(c->agent, &opts, c->scope, err);
	if (c->json) {
		cJSON_AddBoolToObject(doc, "for_real", opts.for_real);
		cJSON_AddBoolToObject(doc, "good", rc == 0);
		if (rc != 0)
			cJSON_AddStringToObject(doc, "error", err->text);
		show_json(doc);
		c->told = true;
	} else if (rc == 0 && opts.settle) {
		printf("what was moved stays; there is no undo of it\n");
	} else if (rc == 0 && !opts.for_real) {
		printf("nothing was changed; --yes does it\n");
	} else if (rc == 0 && opts.way == LEVER_PULL) {
		printf("the job's direction is as it was: see that no sync "
		       "imports into the\nDR Redis while clients write to "
		       "it\n");
	}
	return rc;
}

const struct cmd cmd_promote = {
    .name = "promote",
    .args = "",
    .summary = "lead clients to the DR region by the job's levers, or back",
    .text =
	"Moves what leads clients from one region to the other: the levers "
	"that 'promotion': {'levers': [...]} of the job lists, in that order. "
	"All are looked at first; none is moved when one "
	"cannot be, or when clients would not be let in there. Each is then "
	"asked anew whether it took effect, for --promotion-wait at most. "
	"Without --yes it only tells what would be done.\n"
	"It stops at the first that fails: what was done stays, and the same "
	"command goes on from there, also after a crash. --undo goes "
	"backwards, by what the journal in --state-dir says was there before, "
	"whatever the configuration says now. What somebody else changed "
	"meanwhile is left, and told. Other levers can be pulled when that was "
	"undone, or settled by --settle.\n"
	"An alias (dns, private_dns, traffic_manager) is moved only when the "
	"DR Redis can be logged in to by that name at the source's port with "
	"its credential, or when other levers give clients that host and a "
	"credential together.\n"
	"A lever is one of these, where what is in brackets may lack:\n"
	"{'traffic_manager': PROFILE, 'enable': 'TYPE/NAME', ['disable': "
	"['TYPE/NAME'], 'alias': HOST]}: one endpoint is enabled, then all "
	"others, or those named, are disabled; alias is what clients dial "
	"instead of the profile's own name.\n"
	"{'dns': RECORD, 'cname': HOST, ['ttl': SECONDS]}, or 'private_dns'. "
	"PROFILE and RECORD are resource ids: /subscriptions/...\n"
	"{'app_configuration': 'https://STORE.azconfig.io', ['label': LABEL], "
	"'keys': {KEY: TEXT or {'keyvault': URL}}}: the second makes the key a "
	"reference to a secret.\n"
	"{'key_vault': 'https://VAULT.vault.azure.net', 'secrets': {NAME: TEXT "
	"or {'keyvault': URL} or {'env': NAME} or {'file': PATH}}}: sets a "
	"version with that value; the undo one with the earlier version's.\n"
	"{'webhook': URL, 'key': {'env': NAME} or {'file': PATH}, ['timeout': "
	"TIME]}: POSTs what happens as JSON, signed by the key "
	"(X-Drsync-Signature: t=SECONDS,v1=HMAC-SHA256 of SECONDS, a full stop "
	"and the body), until it is answered by a 2xx.\n"
	"{'command': [PROGRAM, ARGUMENT...], 'undo': [...], ['check': [...], "
	"'timeout': TIME]}: run without a shell, with PATH, HOME, LANG, TZ and "
	"DRSYNC_EVENT (promote, undo, check), DRSYNC_ID, DRSYNC_UNDOES and "
	"DRSYNC_JOB.\n"
	"The receiver and the program must take calls of one id (also "
	"Idempotency-Key) for one call. Nothing is made that is not there.\n"
	"It imports nothing, and the job's direction stays as it is: see that "
	"no sync runs over a Redis that clients write to.",
    .flags = flags,
    .options = takes,
    .run = run,
};

#include <stdio.h>

#include "base/err.h"
#include "base/json.h"

#include "agent/cmd/cmd.h"
#include "agent/cmd/manifest_show.h"
#include "agent/cmd/option_sets.h"
#include "agent/cmd/show.h"
#include "agent/cmd/store_arg.h"
#include "agent/job/agent.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/snapshot_read.h"

static const struct cmd_flag flags[] = {
    STORE_ARG_FLAG,
    {"deep", NULL,
	"expand and parse the dump too: structure, CRC64, counts, "
	"fingerprint"},
    {NULL, NULL, NULL},
};

static const enum option takes[] = {SOURCE_STORE_OPTIONS, DR_STORE_OPTIONS,
    OPT_CIPHER_KEY, OPT_IN_FLIGHT, OPT_TIMEOUT, OPTIONS};

static void
tell(struct cmd_call *c, const struct manifest *m, bool deep)
{
	char bytes[32];
	cJSON *o;

	progress_line_clear(c->line);
	if (c->json) {
		o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "job", m->job);
		cJSON_AddStringToObject(o, "id", m->id);
		cJSON_AddBoolToObject(o, "deep", deep);
		cJSON_AddBoolToObject(o, "good", true);
		cJSON_AddBoolToObject(o, "verified", m->verified);
		show_json(o);
		return;
	}
	manifest_show_short(m);
	show_row("good", "%s in %zu part%s, each with its SHA-256%s",
	    show_bytes(manifest_stored_bytes(m), bytes), m->nparts,
	    m->nparts == 1 ? "" : "s",
	    !deep	      ? "; --deep parses the dump too"
		: m->verified ? "; structure, CRC64, counts and "
				"fingerprint agree"
			      : "; its RDB version cannot be parsed");
}

static int
run(struct cmd_call *c, struct err *err)
{
	bool deep = cmd_flag(c, "deep") != NULL;
	struct snapshot_read_opts opts = {
	    .step = STEP_VERIFY,
	    .parts_only = !deep,
	};
	struct store *store;
	struct manifest *m = snapshot_arg(c, &store, err);
	const struct snapshot_env *env;
	int rc = -1;

	if (m == NULL)
		return -1;
	env = agent_env(c->agent, err);
	if (env != NULL)
		rc = snapshot_read(store, m, c->scope, env, &opts, err);
	if (rc == 0)
		tell(c, m, deep);
	manifest_free(m);
	return rc;
}

const struct cmd cmd_verify = {
    .name = "verify",
    .args = "[SNAPSHOT]",
    .most_args = 1,
    .summary = "read a snapshot and prove it",
    .text = "Reads every part of a snapshot and compares its size and "
	    "SHA-256 with the manifest; with --deep the dump is expanded and "
	    "parsed as well, and its fingerprint compared. Exit status 4 when "
	    "something does not agree.",
    .flags = flags,
    .options = takes,
    .run = run,
};

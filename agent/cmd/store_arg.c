#include <string.h>
#include <unistd.h>

#include "base/err.h"

#include "agent/cmd/store_arg.h"
#include "agent/job/agent.h"
#include "agent/job/settings.h"
#include "agent/job/snapshot_find.h"

struct store *
store_arg(struct cmd_call *c, struct err *err)
{
	const char *in = cmd_flag(c, "in");
	enum region region = REGION_DR;

	if (in == NULL) {
		if (settings_str(c->settings, OPT_DR_STORE) == NULL)
			region = REGION_SOURCE;
	} else if (strcmp(in, "source") == 0) {
		region = REGION_SOURCE;
	} else if (strcmp(in, "dr") != 0) {
		err_set(err, ERR_USAGE,
		    "--in is 'source' or 'dr', and not '%.40s'", in);
		return NULL;
	}
	return agent_store(c->agent, region, err);
}

struct manifest *
snapshot_arg(struct cmd_call *c, struct store **store, struct err *err)
{
	*store = store_arg(c, err);
	if (*store == NULL)
		return NULL;
	return snapshot_find(*store, c->scope, c->settings, c->job,
	    c->nargs > 0 ? c->args[0] : NULL, err);
}

bool
arg_is_file(const char *arg)
{
	return strchr(arg, '/') != NULL || access(arg, F_OK) == 0;
}

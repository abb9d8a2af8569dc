/* The levers of a promotion: what each would change, and whether it may. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"

#include "agent/job/agent.h"
#include "agent/job/check_private.h"
#include "agent/job/promotion.h"
#include "agent/job/settings.h"

static void
add_lever(void *arg, const struct lever_report *report)
{
	struct checking *c = arg;
	size_t len = strlen(c->detail);
	const struct lever_view *v = report->view;
	const char *sep = len > 0 ? "; " : "";

	if (report->outcome == LEVER_ALREADY)
		snprintf(c->detail + len, sizeof(c->detail) - len,
		    "%s%.100s: as it would be", sep, report->name);
	else if (report->outcome == LEVER_WOULD)
		snprintf(c->detail + len, sizeof(c->detail) - len,
		    "%s%.100s: %.80s would be '%.80s'%s", sep, report->name,
		    v->changes[0].what, v->changes[0].then,
		    v->nchanges > 1 ? " and more" : "");
}

int
check_promotion(struct checking *c, struct err *err)
{
	struct promotion_opts opts = {
	    .job = c->job,
	    .way = LEVER_PULL,
	    .rights = true,
	    .tell = add_lever,
	    .tell_arg = c,
	};

	if (settings_levers(c->settings) == NULL)
		return check_skip(c, "no levers are set");
	return promotion_run(c->agent, &opts, &c->scope, err);
}

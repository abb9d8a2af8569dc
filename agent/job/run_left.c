#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "arm/operation.h"
#include "arm/redis_resource.h"
#include "arm/resource_id.h"
#include "base/buf.h"
#include "base/err.h"

#include "agent/job/agent.h"
#include "agent/job/run_left.h"
#include "agent/job/settings.h"

static bool
is_noted(struct redis_resource *r, const char *action)
{
	struct err ignored = {0};
	struct operation *op = redis_resource_resume(r, action, &ignored);

	operation_free(op);
	return op != NULL;
}

static void
tell(struct agent *agent, enum region region, const char *action,
    const char *meanwhile, struct err *err)
{
	size_t len = strlen(err->text);
	struct err ignored = {0};
	struct redis_resource *r = agent_resource(agent, region, &ignored);
	struct buf name;

	if (r == NULL || !is_noted(r, action))
		return;
	buf_init(&name, sizeof(struct resource_id));
	resource_id_show(&name, redis_resource_id(r));
	snprintf(err->text + len, sizeof(err->text) - len,
	    "; Azure goes on with the %s of '%s'%s: the next run follows it "
	    "to its end, and asks for no other",
	    action, name.data, meanwhile);
	buf_release(&name);
}

void
run_left_tell(struct agent *agent, struct err *err)
{
	const struct settings *s = agent_settings(agent);

	if (err->kind != ERR_CANCELLED && err->kind != ERR_UNREACHABLE)
		return;
	if (settings_source_by_arm(s))
		tell(agent, REGION_SOURCE, "export", "", err);
	if (settings_dr_by_arm(s))
		tell(agent, REGION_DR, "import",
		    ", which answers nobody meanwhile", err);
}

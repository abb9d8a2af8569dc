/* The Redis that Azure runs, as Resource Manager tells of them: seen with the
 * rights that an export or import needs to begin with. */
#include <stdio.h>
#include <string.h>

#include "arm/redis_resource.h"
#include "base/err.h"
#include "storage/store.h"

#include "agent/job/agent.h"
#include "agent/job/check_private.h"
#include "agent/job/settings.h"

static int
judge(struct checking *c, const struct redis_description *d, struct err *err)
{
	if (!d->can_export)
		return err_set(err, ERR_UNSUPPORTED,
		    "'%s' is %s, which neither exports nor imports", d->name,
		    d->sku);
	if (d->state == RESOURCE_BROKEN)
		return err_set(err, ERR_SERVER, "'%s' is %s%s%s", d->name,
		    d->provisioning, d->resource[0] != '\0' ? ", " : "",
		    d->resource);
	snprintf(c->detail, sizeof(c->detail),
	    "%.120s: %.60s, Redis %.20s, in %.60s%s", d->name, d->sku,
	    d->version, d->location,
	    d->state == RESOURCE_BUSY ? "; something is being done to it" : "");
	return 0;
}

static int
check_resource(
    struct checking *c, enum region region, enum option o, struct err *err)
{
	struct redis_description d;
	struct redis_resource *r;
	struct store *store;
	int rc;

	if (settings_str(c->settings, o) == NULL)
		return check_skip(c, "not set");
	r = agent_resource(c->agent, region, err);
	if (r == NULL || redis_resource_describe(r, &c->scope, &d, err) != 0)
		return -1;
	rc = judge(c, &d, err);
	redis_description_release(&d);
	if (rc != 0)
		return -1;
	store = agent_store(c->agent, region, err);
	return store != NULL ? store_lend_check(store, err) : -1;
}

int
check_source_resource(struct checking *c, struct err *err)
{
	return check_resource(c, REGION_SOURCE, OPT_SOURCE_RESOURCE, err);
}

int
check_dr_resource(struct checking *c, struct err *err)
{
	return check_resource(c, REGION_DR, OPT_DR_RESOURCE, err);
}

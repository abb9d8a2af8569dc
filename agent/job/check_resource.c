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

static void
add_detail(struct checking *c, const char *text)
{
	size_t len = strlen(c->detail);

	snprintf(c->detail + len, sizeof(c->detail) - len, "; %s", text);
}

/* Asked, and not tried: an export takes long, an import takes the data. */
static int
check_rights(struct checking *c, struct redis_resource *r,
    enum redis_right right, struct err *err)
{
	struct redis_lack lack;

	if (redis_resource_lack(r, 1u << RIGHT_DESCRIBE | 1u << right,
		&c->scope, &lack, err) != 0) {
		if (err->kind != ERR_AUTH)
			return -1;
		*err = (struct err){0};
		add_detail(c,
		    "the identity may not ask what it may do there "
		    "(Microsoft.Authorization/permissions/read)");
		return 0;
	}
	if (lack.actions[0] != '\0')
		return err_set(err, ERR_AUTH,
		    "no role of the identity has there: %s", lack.actions);
	add_detail(c, "its roles allow what is needed");
	if (lack.status_hidden)
		add_detail(c,
		    "how an operation goes is not to be read on the "
		    "subscription, so that its state has to tell");
	return 0;
}

static int
check_resource(struct checking *c, enum region region, enum option o,
    enum redis_right right, struct err *err)
{
	struct redis_description d;
	struct redis_resource *r;
	struct store *store;
	int rc;

	if (settings_str(c->settings, o) == NULL)
		return check_skip(c, "not set");
	if (c->no_token)
		return check_skip(c, CHECK_NO_TOKEN);
	r = agent_resource(c->agent, region, err);
	if (r == NULL || redis_resource_describe(r, &c->scope, &d, err) != 0)
		return -1;
	rc = judge(c, &d, err);
	redis_description_release(&d);
	if (rc != 0 || check_rights(c, r, right, err) != 0)
		return -1;
	store = agent_store(c->agent, region, err);
	return store != NULL ? store_lend_check(store, err) : -1;
}

int
check_source_resource(struct checking *c, struct err *err)
{
	return check_resource(
	    c, REGION_SOURCE, OPT_SOURCE_RESOURCE, RIGHT_EXPORT, err);
}

int
check_dr_resource(struct checking *c, struct err *err)
{
	return check_resource(c, REGION_DR, OPT_DR_RESOURCE, RIGHT_IMPORT, err);
}

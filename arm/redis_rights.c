/* What the identity lacks to do to a resource what a job does. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"

#include "arm/permissions.h"
#include "arm/redis_resource_private.h"

/* Of actions, one or more between blanks, those that are not allowed. */
static void
add_lacking(
    const struct permissions *p, const char *actions, struct redis_lack *lack)
{
	while (*actions != '\0') {
		size_t len = strcspn(actions, " ");
		size_t used = strlen(lack->actions);
		char action[120];

		snprintf(action, sizeof(action), "%.*s", (int)len, actions);
		if (!permissions_allow(p, action))
			snprintf(lack->actions + used,
			    sizeof(lack->actions) - used, "%s%s",
			    used > 0 ? ", " : "", action);
		actions += len + strspn(actions + len, " ");
	}
}

/* Where operations tell how they go is below the subscription, and not below
 * the resource or its group. */
static int
ask_status(struct redis_resource *r, const struct scope *scope,
    struct redis_lack *lack, struct err *err)
{
	struct permissions *p;
	char path[100];

	snprintf(path, sizeof(path), "/subscriptions/%s", r->id.subscription);
	p = permissions_get(r->client, path, path + 1, scope, err);
	if (p == NULL && err->kind != ERR_AUTH)
		return -1;
	/* Who has no role there may not ask what it has there. */
	if (p == NULL)
		*err = (struct err){0};
	lack->status_hidden = p == NULL ||
	    !permissions_allow(p, r->ops->status_action);
	permissions_free(p);
	return 0;
}

int
redis_resource_lack(struct redis_resource *r, unsigned rights,
    const struct scope *scope, struct redis_lack *lack, struct err *err)
{
	struct permissions *p;

	*lack = (struct redis_lack){0};
	p = permissions_get(r->client, r->path, r->shown, scope, err);
	if (p == NULL)
		return -1;
	for (int i = 0; i < REDIS_RIGHTS; i++)
		if (rights & 1u << i)
			add_lacking(p, r->ops->actions[i], lack);
	permissions_free(p);
	return ask_status(r, scope, lack, err);
}

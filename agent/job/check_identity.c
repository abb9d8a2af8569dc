/* Who we are to Azure, and a token for each service that is asked for one. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "arm/cloud.h"
#include "arm/token_claims.h"
#include "base/err.h"
#include "rdb/redis_login.h"
#include "storage/azure_container.h"

#include "agent/job/agent.h"
#include "agent/job/azure_access.h"
#include "agent/job/check_private.h"
#include "agent/job/settings.h"

#define NEEDS 4

struct need {
	const char *what, *audience; /* NULL: it is not needed */
};

static bool
has_vault_secret(const struct settings *s)
{
	for (int o = 0; o < OPTIONS; o++)
		if (options[o].type == OPTION_SECRET &&
		    settings_vault_url(s, (enum option)o) != NULL)
			return true;
	return false;
}

static void
find_needs(const struct checking *c, struct need needs[NEEDS])
{
	const struct agent *a = c->agent;

	needs[0] = (struct need){"storage",
	    agent_store_by_identity(a, REGION_SOURCE) ||
		    agent_store_by_identity(a, REGION_DR)
		? AZURE_RESOURCE
		: NULL};
	needs[1] = (struct need){"Redis",
	    agent_redis_by_identity(a, REGION_SOURCE) ||
		    agent_redis_by_identity(a, REGION_DR)
		? REDIS_RESOURCE
		: NULL};
	needs[3] = (struct need){"Resource Manager",
	    settings_str(c->settings, OPT_SOURCE_RESOURCE) != NULL ||
		    settings_str(c->settings, OPT_DR_RESOURCE) != NULL
		? ""
		: NULL};
	needs[2] = (struct need){
	    "Key Vault", has_vault_secret(c->settings) ? "" : NULL};
}

static int
try_tokens(struct checking *c, struct azure_access *azure,
    const struct need needs[NEEDS], struct err *err)
{
	char object_id[OBJECT_ID_MAX] = "", names[80] = "";
	size_t len = 0;

	for (int i = 0; i < NEEDS; i++) {
		const char *audience = needs[i].audience;

		if (audience == NULL)
			continue;
		if (audience[0] == '\0')
			audience = i == 2
			    ? azure_access_cloud(azure)->vault_audience
			    : azure_access_cloud(azure)->arm_audience;
		if (azure_access_object_id(
			azure, audience, &c->scope, object_id, err) != 0)
			return err_in(err, "a token for %s", needs[i].what);
		len += (size_t)snprintf(names + len, sizeof(names) - len,
		    "%s%s", len > 0 ? ", " : "", needs[i].what);
	}
	snprintf(c->detail, sizeof(c->detail), "%s%s%s: tokens for %s",
	    azure_access_name(azure),
	    object_id[0] != '\0' ? ", object id " : "", object_id, names);
	return 0;
}

int
check_identity(struct checking *c, struct err *err)
{
	struct azure_access *azure;
	struct need needs[NEEDS];

	find_needs(c, needs);
	if (needs[0].audience == NULL && needs[1].audience == NULL &&
	    needs[2].audience == NULL && needs[3].audience == NULL)
		return check_skip(c, "not needed");
	azure = agent_azure(c->agent, err);
	if (azure == NULL || azure_access_identity(azure, err) == NULL)
		return -1;
	return try_tokens(c, azure, needs, err);
}

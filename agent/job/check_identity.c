/* Who we are to Azure, and a token for each service that is asked for one. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "arm/cloud.h"
#include "arm/lever_set.h"
#include "arm/token_claims.h"
#include "base/err.h"
#include "storage/azure_container.h"

#include "agent/job/agent.h"
#include "agent/job/azure_access.h"
#include "agent/job/check_private.h"
#include "agent/job/settings.h"

struct need {
	const char *what, *audience;
};

#define NEEDS_MAX (4 + LEVERS_MAX)

static bool
has_vault_secret(const struct settings *s)
{
	for (int o = 0; o < OPTIONS; o++)
		if (options[o].type == OPTION_SECRET &&
		    settings_vault_url(s, (enum option)o) != NULL)
			return true;
	return false;
}

static size_t
add_need(struct need *needs, size_t n, const char *what, const char *audience)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(needs[i].audience, audience) == 0)
			return n;
	needs[n] = (struct need){what, audience};
	return n + 1;
}

static size_t
find_needs(
    const struct checking *c, const struct cloud *cloud, struct need *needs)
{
	const struct agent *a = c->agent;
	size_t n = 0;

	if (agent_store_by_identity(a, REGION_SOURCE) ||
	    agent_store_by_identity(a, REGION_DR))
		n = add_need(needs, n, "storage", AZURE_RESOURCE);
	if (agent_redis_by_identity(a, REGION_SOURCE) ||
	    agent_redis_by_identity(a, REGION_DR))
		n = add_need(needs, n, "Redis",
		    settings_str(c->settings, OPT_REDIS_AUDIENCE));
	if (has_vault_secret(c->settings))
		n = add_need(needs, n, "Key Vault", cloud->vault_audience);
	if (settings_str(c->settings, OPT_SOURCE_RESOURCE) != NULL ||
	    settings_str(c->settings, OPT_DR_RESOURCE) != NULL)
		n = add_need(needs, n, "Resource Manager", cloud->arm_audience);
	return n;
}

static size_t
find_lever_needs(const struct checking *c, const struct cloud *cloud,
    struct need *needs, size_t n)
{
	const cJSON *levers = settings_levers(c->settings);
	struct err ignored = {0};
	struct lever_set *set = levers != NULL
	    ? lever_set_parse(levers, &ignored)
	    : NULL;

	for (size_t i = 0; set != NULL && i < lever_set_count(set); i++) {
		const struct lever *l = lever_set_at(set, i);
		const char *audience = lever_audience(l, cloud);

		if (audience != NULL)
			n = add_need(needs, n, lever_kind_of(l), audience);
	}
	lever_set_free(set);
	return n;
}

static int
try_tokens(struct checking *c, struct azure_access *azure,
    const struct need *needs, size_t n, struct err *err)
{
	char object_id[OBJECT_ID_MAX] = "", names[160] = "";
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		if (azure_access_object_id(azure, needs[i].audience, &c->scope,
			object_id, err) != 0)
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
	struct azure_access *azure = agent_azure(c->agent, err);
	struct need needs[NEEDS_MAX];
	const struct cloud *cloud;
	size_t n;

	if (azure == NULL)
		return -1;
	cloud = azure_access_cloud(azure);
	n = find_lever_needs(c, cloud, needs, find_needs(c, cloud, needs));
	if (n == 0)
		return check_skip(c, "not needed");
	c->no_token = azure_access_identity(azure, err) == NULL;
	if (c->no_token)
		return -1;
	if (try_tokens(c, azure, needs, n, err) != 0) {
		c->no_token = true;
		return -1;
	}
	return 0;
}

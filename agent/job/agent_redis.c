#include <string.h>

#include "base/credential.h"
#include "base/err.h"
#include "base/url.h"
#include "rdb/redis_sentinel.h"
#include "rdb/sentinel_settle.h"

#include "agent/job/agent_private.h"
#include "agent/job/azure_access.h"
#include "agent/job/settings.h"

static void
free_credential(struct credential **c)
{
	if (*c != NULL)
		(*c)->ops->free(*c);
	*c = NULL;
}

void
agent_redis_release(struct agent_region *r)
{
	if (r->has_target)
		redis_target_release(&r->target);
	free_credential(&r->password);
	free_credential(&r->sentinel_password);
}

/* One in Key Vault is asked for again when it was refused. */
static int
read_password(
    struct agent *a, enum option o, struct credential **out, struct err *err)
{
	struct secret password = {0};

	free_credential(out);
	if (settings_vault_url(a->settings, o) != NULL) {
		if (agent_azure(a, err) == NULL)
			return -1;
		*out = azure_access_password(a->azure, o, err);
		return *out != NULL ? 0 : -1;
	}
	if (settings_secret(a->settings, o, &password, err) != 0)
		return -1;
	if (password.data != NULL)
		*out = credential_fixed_new(&password);
	secret_release(&password);
	return 0;
}

bool
agent_redis_by_identity(const struct agent *a, enum region region)
{
	const struct region_options *o = a->regions[region].options;

	return settings_str(a->settings, o->redis) != NULL &&
	    strcmp(settings_str(a->settings, o->auth), "entra") == 0;
}

/* A Sentinel tells of servers that speak TLS as it does. */
static int
check_private(const struct redis_target *t, struct err *err)
{
	const struct redis_address *list = t->master != NULL ? t->sentinels
							     : t->hosts;
	size_t n = t->master != NULL ? t->nsentinels : t->nhosts;

	for (size_t i = 0; i < n; i++)
		if (!list[i].tls && list[i].port != 0 &&
		    !url_is_loopback(list[i].host))
			return err_set(err, ERR_USAGE,
			    "a token would go to '%.200s' in the clear; use "
			    "%s://",
			    list[i].host,
			    t->master != NULL ? "rediss+sentinel" : "rediss");
	return 0;
}

/* By a token of the identity, whose user is its object id. */
static int
set_identity(struct agent *a, struct agent_region *r, const struct scope *scope,
    struct err *err)
{
	const struct region_options *o = r->options;
	const char *audience = settings_str(a->settings, OPT_REDIS_AUDIENCE);
	struct credential *identity;

	if (check_private(&r->target, err) != 0)
		return err_in(err, "'%s'", options[o->redis].key);
	if (agent_azure(a, err) == NULL)
		return -1;
	identity = azure_access_identity(a->azure, err);
	if (identity == NULL)
		return -1;
	free_credential(&r->password);
	r->redis.password = r->password = credential_for_new(
	    identity, audience);
	if (r->redis.user != NULL || r->target.user != NULL)
		return 0;
	if (azure_access_object_id(
		a->azure, audience, scope, r->object_id, err) != 0)
		return -1;
	if (r->object_id[0] == '\0')
		return err_set(err, ERR_USAGE,
		    "the identity's token does not tell its object id; give "
		    "that as '%s'",
		    options[o->user].key);
	r->redis.user = r->object_id;
	return 0;
}

static int
set_rights(struct agent *a, enum region region, const struct scope *scope,
    struct err *err)
{
	struct agent_region *r = &a->regions[region];
	const struct region_options *o = r->options;

	if (read_password(
		a, o->sentinel_password, &r->sentinel_password, err) != 0)
		return -1;
	r->sentinel.password = r->sentinel_password;
	r->redis.user = settings_str(a->settings, o->user);
	if (agent_redis_by_identity(a, region))
		return set_identity(a, r, scope, err);
	if (read_password(a, o->password, &r->password, err) != 0)
		return -1;
	r->redis.password = r->password;
	return 0;
}

static int
open_target(struct agent *a, enum region region, const struct scope *scope,
    struct err *err)
{
	struct agent_region *r = &a->regions[region];
	const struct region_options *o = r->options;
	const struct settings *s = a->settings;
	const char *url = settings_str(s, o->redis);

	if (url == NULL)
		return agent_missing(o->redis, err);
	if (redis_target_parse(url, &r->target, err) != 0)
		return err_in(err, "'%s'", options[o->redis].key);
	if (set_rights(a, region, scope, err) != 0) {
		redis_target_release(&r->target);
		return -1;
	}
	r->redis.tls.ca_file = settings_str(s, o->ca);
	r->redis.tls.cert_file = settings_str(s, o->cert);
	r->redis.tls.key_file = settings_str(s, o->key);
	r->redis.tls.server_name = settings_str(s, o->name);
	r->sentinel.tls = r->redis.tls;
	r->has_target = true;
	return 0;
}

const struct redis_target *
agent_redis(struct agent *a, enum region region, const struct scope *scope,
    const struct redis_opts **redis, struct err *err)
{
	struct agent_region *r = &a->regions[region];

	if (!r->has_target && open_target(a, region, scope, err) != 0)
		return NULL;
	if (redis_sentinel_find(&r->target,
		region == REGION_DR ? SENTINEL_PRIMARY : SENTINEL_ALL,
		&r->redis, &r->sentinel, scope, err) != 0) {
		err_in(err, "'%s'", options[r->options->redis].key);
		return NULL;
	}
	*redis = &r->redis;
	return &r->target;
}

int
agent_redis_settle(struct agent *a, enum region region,
    const struct redis_target *pinned, const struct scope *scope,
    struct err *err)
{
	const struct agent_region *r = &a->regions[region];

	return sentinel_settle(pinned, &r->redis, &r->sentinel, scope, err);
}

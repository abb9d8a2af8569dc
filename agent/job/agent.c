#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arm/redis_resource.h"
#include "base/budget.h"
#include "base/err.h"
#include "base/http.h"
#include "base/pool.h"
#include "base/secret.h"
#include "base/xalloc.h"
#include "storage/cipher_key.h"
#include "storage/store.h"
#include "storage/store_open.h"

#include "agent/job/agent_private.h"
#include "agent/job/azure_access.h"
#include "agent/job/ledger.h"
#include "agent/job/settings.h"
#include "agent/snapshot/source_guard.h"

static const struct region_options region_options[] = {
    [REGION_SOURCE] = {OPT_SOURCE_REDIS, OPT_SOURCE_RESOURCE, OPT_SOURCE_AUTH,
	OPT_SOURCE_USER, OPT_SOURCE_PASSWORD, OPT_SOURCE_SENTINEL_PASSWORD,
	OPT_SOURCE_TLS_CA, OPT_SOURCE_TLS_CERT, OPT_SOURCE_TLS_KEY,
	OPT_SOURCE_TLS_NAME, OPT_SOURCE_STORE, OPT_SOURCE_STORE_KEY,
	OPT_SOURCE_STORE_SAS},
    [REGION_DR] = {OPT_DR_REDIS, OPT_DR_RESOURCE, OPT_DR_AUTH, OPT_DR_USER,
	OPT_DR_PASSWORD, OPT_DR_SENTINEL_PASSWORD, OPT_DR_TLS_CA,
	OPT_DR_TLS_CERT, OPT_DR_TLS_KEY, OPT_DR_TLS_NAME, OPT_DR_STORE,
	OPT_DR_STORE_KEY, OPT_DR_STORE_SAS},
};

/* Of what is read once, when it is needed first. */
#define SECRET_MS 60000

struct agent *
agent_new(const struct settings *settings, const struct scope *scope,
    struct progress *progress)
{
	struct agent *a = xcalloc(1, sizeof(*a));

	a->settings = settings;
	a->scope = *scope;
	for (int i = 0; i < REGIONS; i++)
		a->regions[i].options = &region_options[i];
	a->env.progress = progress;
	return a;
}

void
agent_free(struct agent *a)
{
	if (a == NULL)
		return;
	for (int i = 0; i < REGIONS; i++) {
		struct agent_region *r = &a->regions[i];

		store_free(r->store);
		store_free(r->leases);
		agent_redis_release(r);
		redis_resource_free(r->resource);
	}
	http_free(a->http);
	http_free(a->lease_http);
	azure_access_free(a->azure);
	pool_free(a->pool);
	budget_free(a->budget);
	ledger_close(a->ledger);
	secret_release(&a->cipher_key);
	free(a);
}

const struct settings *
agent_settings(const struct agent *a)
{
	return a->settings;
}

int
agent_missing(enum option o, struct err *err)
{
	return err_set(err, ERR_USAGE,
	    "'%s' is not set; give --%s %s, or set it in the configuration",
	    options[o].key, options[o].flag, options[o].arg);
}

struct azure_access *
agent_azure(struct agent *a, struct err *err)
{
	if (a->azure == NULL)
		a->azure = azure_access_new(a->settings, err);
	return a->azure;
}

/* From wherever it is kept. */
static int
read_secret(struct agent *a, enum option o, struct secret *out, struct err *err)
{
	struct scope scope = scope_within(&a->scope, SECRET_MS);

	if (settings_vault_url(a->settings, o) == NULL)
		return settings_secret(a->settings, o, out, err);
	if (agent_azure(a, err) == NULL)
		return -1;
	return azure_access_secret(a->azure, o, &scope, out, err);
}

bool
agent_store_by_identity(const struct agent *a, enum region region)
{
	const struct region_options *o = &region_options[region];
	const struct settings *s = a->settings;
	const char *url = settings_str(s, o->store);

	return url != NULL && strncmp(url, "https:", 6) == 0 &&
	    settings_str(s, o->store_key) == NULL &&
	    settings_str(s, o->store_sas) == NULL &&
	    strcmp(settings_str(s, OPT_IDENTITY_KIND), "none") != 0;
}

/* Where no key and no SAS is given. */
static int
set_identity(struct agent *a, enum region region, struct store_opts *opts,
    struct err *err)
{
	if (!agent_store_by_identity(a, region))
		return 0;
	if (agent_azure(a, err) == NULL)
		return -1;
	opts->credential = azure_access_identity(a->azure, err);
	return opts->credential != NULL ? 0 : -1;
}

static struct http *
start_http(const struct agent *a, struct err *err)
{
	struct http_opts opts = {
	    .ca_file = settings_str(a->settings, OPT_CA_FILE),
	};

	return http_new(&opts, err);
}

/* Starts *http when the store needs one and it does not run yet. */
static struct store *
open_store(
    struct agent *a, enum region region, struct http **http, struct err *err)
{
	const struct region_options *o = &region_options[region];
	const char *url = settings_str(a->settings, o->store);
	struct secret key = {0}, sas = {0};
	struct store_opts opts = {0};
	struct store *store = NULL;

	if (strncmp(url, "file:", 5) != 0 && *http == NULL &&
	    (*http = start_http(a, err)) == NULL)
		return NULL;
	if (read_secret(a, o->store_key, &key, err) != 0 ||
	    read_secret(a, o->store_sas, &sas, err) != 0 ||
	    set_identity(a, region, &opts, err) != 0)
		goto out;
	opts.http = *http;
	opts.key = key.data != NULL ? &key : NULL;
	opts.sas = sas.data != NULL ? &sas : NULL;
	store = store_open(url, &opts, err);
out:
	secret_release(&key);
	secret_release(&sas);
	if (store == NULL)
		err_in(err, "'%s'", options[o->store].key);
	return store;
}

static struct store *
open_once(struct agent *a, enum region region, struct store **store,
    struct http **http, struct err *err)
{
	const struct region_options *o = &region_options[region];

	if (*store != NULL)
		return *store;
	if (settings_str(a->settings, o->store) == NULL) {
		agent_missing(o->store, err);
		return NULL;
	}
	*store = open_store(a, region, http, err);
	return *store;
}

struct store *
agent_store(struct agent *a, enum region region, struct err *err)
{
	return open_once(a, region, &a->regions[region].store, &a->http, err);
}

struct store *
agent_lease_store(struct agent *a, enum region region, struct err *err)
{
	return open_once(
	    a, region, &a->regions[region].leases, &a->lease_http, err);
}

int
agent_source_guard(
    const struct agent *a, struct source_guard *guard, struct err *err)
{
	const struct settings *s = a->settings;

	guard->limits = (struct fork_limits){
	    .memory = settings_size(s, OPT_SOURCE_MEMORY),
	    .cow_percent = (unsigned)settings_int(s, OPT_SOURCE_COW_PERCENT),
	    .stop_ms = settings_ms(s, OPT_SOURCE_FORK_MAX),
	};
	return protect_parse(
	    settings_str(s, OPT_SOURCE_PROTECT), &guard->policy, err);
}

struct redis_resource *
agent_resource(struct agent *a, enum region region, struct err *err)
{
	enum option o = region_options[region].resource;
	const char *text = settings_str(a->settings, o);
	struct redis_resource **out = &a->regions[region].resource;
	struct redis_resource_opts opts = {0};
	struct resource_id id;

	if (*out != NULL)
		return *out;
	if (text == NULL) {
		agent_missing(o, err);
		return NULL;
	}
	if (resource_id_parse(&id, text, err) != 0) {
		err_in(err, "'%s'", options[o].key);
		return NULL;
	}
	if (agent_ledger(a, err) == NULL || agent_azure(a, err) == NULL)
		return NULL;
	opts.client = azure_access_arm(a->azure, err);
	opts.journal = ledger_journal(a->ledger);
	opts.api_version = settings_str(a->settings,
	    id.kind == RESOURCE_REDIS ? OPT_ARM_VERSION_REDIS
				      : OPT_ARM_VERSION_ENTERPRISE);
	if (opts.client != NULL)
		*out = redis_resource_new(&id, &opts);
	return *out;
}

struct ledger *
agent_ledger(struct agent *a, struct err *err)
{
	if (a->ledger == NULL)
		a->ledger = ledger_open(
		    settings_str(a->settings, OPT_STATE_DIR), err);
	return a->ledger;
}

const struct snapshot_env *
agent_env(struct agent *a, struct err *err)
{
	const struct settings *s = a->settings;
	struct snapshot_env *env = &a->env;
	unsigned char key[CIPHER_KEY_BYTES] = {0};

	if (a->env_ready)
		return env;
	if (agent_ledger(a, err) == NULL ||
	    read_secret(a, OPT_CIPHER_KEY, &a->cipher_key, err) != 0)
		return NULL;
	/* A key that is none is told before anything is reached. */
	if (a->cipher_key.data != NULL &&
	    cipher_key_parse(&a->cipher_key, key, err) != 0) {
		err_in(err, "'%s' (%s)", options[OPT_CIPHER_KEY].key,
		    settings_str(s, OPT_CIPHER_KEY));
		return NULL;
	}
	explicit_bzero(key, sizeof(key));
	a->pool = pool_new(0, err);
	if (a->pool == NULL)
		return NULL;
	a->budget = budget_new((size_t)settings_size(s, OPT_MEMORY));
	env->budget = a->budget;
	env->pool = a->pool;
	env->journal = ledger_journal(a->ledger);
	env->cipher_key = a->cipher_key.data != NULL ? &a->cipher_key : NULL;
	env->spool_dir = settings_str(s, OPT_SPOOL_DIR);
	env->spool_max = settings_size(s, OPT_SPOOL_MAX);
	env->in_flight = (unsigned)settings_int(s, OPT_IN_FLIGHT);
	a->env_ready = true;
	return env;
}

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/credential.h"
#include "base/err.h"
#include "base/http.h"
#include "base/pool.h"
#include "base/secret.h"
#include "base/xalloc.h"
#include "rdb/redis_sentinel.h"
#include "rdb/sentinel_settle.h"
#include "storage/cipher_key.h"
#include "storage/store.h"
#include "storage/store_open.h"

#include "agent/job/agent.h"
#include "agent/job/ledger.h"
#include "agent/job/settings.h"
#include "agent/snapshot/env.h"
#include "agent/snapshot/source_guard.h"

/* A region's options, in the table's order. */
struct region_options {
	enum option redis, user, password, sentinel_password;
	enum option ca, cert, key, name;
	enum option store, store_key, store_sas;
};

static const struct region_options region_options[] = {
    [REGION_SOURCE] = {OPT_SOURCE_REDIS, OPT_SOURCE_USER, OPT_SOURCE_PASSWORD,
	OPT_SOURCE_SENTINEL_PASSWORD, OPT_SOURCE_TLS_CA, OPT_SOURCE_TLS_CERT,
	OPT_SOURCE_TLS_KEY, OPT_SOURCE_TLS_NAME, OPT_SOURCE_STORE,
	OPT_SOURCE_STORE_KEY, OPT_SOURCE_STORE_SAS},
    [REGION_DR] = {OPT_DR_REDIS, OPT_DR_USER, OPT_DR_PASSWORD,
	OPT_DR_SENTINEL_PASSWORD, OPT_DR_TLS_CA, OPT_DR_TLS_CERT,
	OPT_DR_TLS_KEY, OPT_DR_TLS_NAME, OPT_DR_STORE, OPT_DR_STORE_KEY,
	OPT_DR_STORE_SAS},
};

#define REGIONS 2

struct agent_region {
	struct redis_target target;
	struct redis_opts redis;
	struct redis_opts sentinel; /* how its Sentinels are logged in to */
	bool has_target;
	struct credential *password, *sentinel_password;
	struct store *store;
	struct store *leases; /* the same place, by lease_http */
};

struct agent {
	const struct settings *settings;
	struct http *http;
	struct http *lease_http;
	struct budget *budget;
	struct pool *pool;
	struct ledger *ledger;
	struct secret cipher_key;
	struct snapshot_env env;
	bool env_ready;
	struct agent_region regions[REGIONS];
};

struct agent *
agent_new(const struct settings *settings, struct progress *progress)
{
	struct agent *a = xcalloc(1, sizeof(*a));

	a->settings = settings;
	a->env.progress = progress;
	return a;
}

static void
free_credential(struct credential *c)
{
	if (c != NULL)
		c->ops->free(c);
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
		if (r->has_target)
			redis_target_release(&r->target);
		free_credential(r->password);
		free_credential(r->sentinel_password);
	}
	http_free(a->http);
	http_free(a->lease_http);
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

static int
missing(enum option o, struct err *err)
{
	return err_set(err, ERR_USAGE,
	    "'%s' is not set; give --%s %s, or set it in the configuration",
	    options[o].key, options[o].flag, options[o].arg);
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
open_store(struct agent *a, const struct region_options *o, struct http **http,
    struct err *err)
{
	const char *url = settings_str(a->settings, o->store);
	struct secret key = {0}, sas = {0};
	struct store_opts opts = {0};
	struct store *store = NULL;

	if (strncmp(url, "file:", 5) != 0 && *http == NULL &&
	    (*http = start_http(a, err)) == NULL)
		return NULL;
	if (settings_secret(a->settings, o->store_key, &key, err) != 0 ||
	    settings_secret(a->settings, o->store_sas, &sas, err) != 0)
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
		missing(o->store, err);
		return NULL;
	}
	*store = open_store(a, o, http, err);
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

static int
read_password(
    struct agent *a, enum option o, struct credential **out, struct err *err)
{
	struct secret password = {0};

	if (settings_secret(a->settings, o, &password, err) != 0)
		return -1;
	free_credential(*out);
	*out = password.data != NULL ? credential_fixed_new(&password) : NULL;
	secret_release(&password);
	return 0;
}

static int
open_target(struct agent *a, const struct region_options *o,
    struct agent_region *r, struct err *err)
{
	const struct settings *s = a->settings;
	const char *url = settings_str(s, o->redis);

	if (url == NULL)
		return missing(o->redis, err);
	if (read_password(a, o->password, &r->password, err) != 0 ||
	    read_password(
		a, o->sentinel_password, &r->sentinel_password, err) != 0)
		return -1;
	if (redis_target_parse(url, &r->target, err) != 0)
		return err_in(err, "'%s'", options[o->redis].key);
	r->redis.user = settings_str(s, o->user);
	r->redis.password = r->password;
	r->redis.tls.ca_file = settings_str(s, o->ca);
	r->redis.tls.cert_file = settings_str(s, o->cert);
	r->redis.tls.key_file = settings_str(s, o->key);
	r->redis.tls.server_name = settings_str(s, o->name);
	r->sentinel.password = r->sentinel_password;
	r->sentinel.tls = r->redis.tls;
	r->has_target = true;
	return 0;
}

const struct redis_target *
agent_redis(struct agent *a, enum region region, const struct scope *scope,
    const struct redis_opts **redis, struct err *err)
{
	const struct region_options *o = &region_options[region];
	struct agent_region *r = &a->regions[region];

	if (!r->has_target && open_target(a, o, r, err) != 0)
		return NULL;
	if (redis_sentinel_find(&r->target,
		region == REGION_DR ? SENTINEL_PRIMARY : SENTINEL_ALL,
		&r->redis, &r->sentinel, scope, err) != 0) {
		err_in(err, "'%s'", options[o->redis].key);
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
	    settings_secret(s, OPT_CIPHER_KEY, &a->cipher_key, err) != 0)
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

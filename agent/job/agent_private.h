/*
 * agent_private.h -- what agent.c (stores, and what all share) and
 * agent_redis.c (how each region's Redis is reached) have in common.
 */
#ifndef AGENT_JOB_AGENT_PRIVATE_H
#define AGENT_JOB_AGENT_PRIVATE_H

#include <stdbool.h>

#include "arm/token_claims.h"
#include "base/scope.h"
#include "base/secret.h"

#include "agent/job/agent.h"
#include "agent/job/options.h"
#include "agent/snapshot/env.h"

#define REGIONS 2

/* A region's options, in the table's order. */
struct region_options {
	enum option redis, resource, auth, user, password, sentinel_password;
	enum option ca, cert, key, name;
	enum option store, store_key, store_sas;
};

struct agent_region {
	const struct region_options *options;
	struct redis_target target;
	struct redis_opts redis;
	struct redis_opts sentinel; /* how its Sentinels are logged in to */
	bool has_target;
	struct redis_resource *resource;
	struct credential *password, *sentinel_password;
	char object_id[OBJECT_ID_MAX]; /* the user, where a token tells it */
	struct store *store;
	struct store *leases; /* the same place, by lease_http */
};

struct agent {
	const struct settings *settings;
	struct scope scope;
	struct http *http;
	struct http *lease_http;
	struct azure_access *azure;
	struct budget *budget;
	struct pool *pool;
	struct ledger *ledger;
	struct secret cipher_key;
	struct snapshot_env env;
	bool env_ready;
	struct agent_region regions[REGIONS];
};

/* ERR_USAGE; always -1. */
int agent_missing(enum option, struct err *);

void agent_redis_release(struct agent_region *);

#endif

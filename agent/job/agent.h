/*
 * agent.h -- the process' own things, made from the settings when asked for.
 *
 * Stores, Redis targets, the budget, the pool, the ledger: each is opened at
 * first use, so that a command pays only for what it needs and a missing
 * setting is told where it is needed.
 */
#ifndef AGENT_JOB_AGENT_H
#define AGENT_JOB_AGENT_H

#include <stdbool.h>

#include "rdb/redis_conn.h"
#include "rdb/redis_target.h"

struct agent;
struct azure_access;
struct err;
struct ledger;
struct progress;
struct redis_resource;
struct scope;
struct settings;
struct snapshot_env;
struct source_guard;
struct store;

enum region { REGION_SOURCE, REGION_DR };

/*
 * Borrows settings and progress (which may be NULL).  The scope is that of
 * secrets which are kept elsewhere.
 */
struct agent *
agent_new(const struct settings *, const struct scope *, struct progress *);
void agent_free(struct agent *);

const struct settings *agent_settings(const struct agent *);

/* ERR_USAGE names the option that is missing. */
struct store *agent_store(struct agent *, enum region, struct err *);

/*
 * The same place for who takes and keeps its leases: by an HTTP engine that
 * nothing else uses, so that no number of transfers keeps a renewal waiting.
 */
struct store *agent_lease_store(struct agent *, enum region, struct err *);

/*
 * Where Sentinel is to be asked it is asked at each call: for the source's
 * servers, or the DR side's primary.  Good until the next call for the region.
 */
const struct redis_target *agent_redis(struct agent *, enum region,
    const struct scope *, const struct redis_opts **, struct err *);
/* sentinel_settle() for one that agent_redis() told and was pinned. */
int agent_redis_settle(struct agent *, enum region, const struct redis_target *,
    const struct scope *, struct err *);
int
agent_source_guard(const struct agent *, struct source_guard *, struct err *);

/* The Redis as Azure knows it; contacts nothing. */
struct redis_resource *
agent_resource(struct agent *, enum region, struct err *);

struct ledger *agent_ledger(struct agent *, struct err *);

/* Who we are to Azure; contacts nothing. */
struct azure_access *agent_azure(struct agent *, struct err *);

/* Whether a store, a Redis, is set and reached by a token of the identity. */
bool agent_store_by_identity(const struct agent *, enum region);
bool agent_redis_by_identity(const struct agent *, enum region);

/* With the cipher key read, when one is set. */
const struct snapshot_env *agent_env(struct agent *, struct err *);

#endif

/*
 * redis_resource.h -- a Redis that Azure runs, by its resource id.
 *
 * Two drivers: redisEnterprise (Azure Managed Redis and Azure Cache for Redis
 * Enterprise; one database of a cluster) and redis (Basic, Standard and
 * Premium, of which only Premium exports and imports).  What Resource Manager
 * calls it stays a string where only people read it.
 *
 * Exports and imports are operations (operation.h).  Their URLs are secrets
 * and go nowhere but into the request.
 */
#ifndef ARM_REDIS_RESOURCE_H
#define ARM_REDIS_RESOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arm/operation.h"
#include "arm/resource_id.h"
#include "base/secret.h"

struct arm_client;
struct err;
struct journal;
struct redis_resource;
struct scope;

/* Unless it is configured; of the first, what Azure's own command line uses,
 * and so is there everywhere. */
#define REDIS_ENTERPRISE_API_VERSION "2025-07-01"
#define REDIS_PREMIUM_API_VERSION    "2024-11-01"

struct redis_resource_opts {
	struct arm_client *client; /* borrowed, as the next */
	struct journal *journal;
	const char *api_version; /* NULL: the ones above */
};

/* It outlives its operations. */
struct redis_resource *redis_resource_new(
    const struct resource_id *, const struct redis_resource_opts *);
void redis_resource_free(struct redis_resource *);

const struct resource_id *redis_resource_id(const struct redis_resource *);

/* What it can do, whatever its state. */
struct redis_abilities {
	bool gzip;	    /* exports are gzip, imports may be */
	bool page_blobs;    /* exports are page blobs, padded by zeros */
	bool needs_prefix;  /* of an export's names; else takes none */
	bool identity_auth; /* may reach storage by its own identity */
};
const struct redis_abilities *
redis_resource_abilities(const struct redis_resource *);

enum resource_state {
	RESOURCE_READY,
	RESOURCE_BUSY,	 /* something is being done to it; or not known */
	RESOURCE_BROKEN, /* it failed, or was disabled */
};

enum access_keys { KEYS_NOT_TOLD, KEYS_ENABLED, KEYS_DISABLED };

struct redis_module {
	char *name;
	char *version; /* "" when not told */
};

struct redis_link {
	char *id;    /* of the database or cache that it is linked to */
	char *state; /* "Linked", "Unlinking"; of redis "Primary", or
		      * "Secondary": what that one is */
};

/* Strings are "" when not told. */
struct redis_description {
	char *name;	  /* "cache1/default" */
	char *generation; /* redisEnterprise: "v1" Enterprise, "v2" Managed */
	char *version;	  /* "7.4" */
	char *sku;	  /* "Balanced_B10", "Premium_P1" */
	uint64_t memory_bytes; /* that its SKU has for data; 0: not known */
	char *location;	       /* as regions are named in settings: "westus2" */
	char *subscription;
	char *host;
	int port; /* 0: not told */
	bool tls;
	char *provisioning; /* of the last change: "Succeeded" */
	char *resource;	    /* redisEnterprise: "Running" */
	enum resource_state state;
	bool last_change_failed; /* and it runs all the same */
	bool can_export;	 /* and import: its SKU has it */
	char *clustering;	 /* redisEnterprise: "OSSCluster",
				  * "EnterpriseCluster", "NoCluster" */
	int shards; /* redis: 0 when it is no cluster, or not told */
	char *eviction;
	enum access_keys access_keys;
	struct redis_module *modules;
	size_t nmodules;
	char *geo_group;
	struct redis_link *links; /* geo-replication */
	size_t nlinks;
};

/* Asks anew each time.  The caller releases it. */
int redis_resource_describe(struct redis_resource *, const struct scope *,
    struct redis_description *, struct err *);
void redis_description_release(struct redis_description *);

/* Fails where access keys are disabled.  The caller releases both. */
struct redis_keys {
	struct secret primary, secondary;
};
int redis_resource_list_keys(struct redis_resource *, const struct scope *,
    struct redis_keys *, struct err *);
void redis_keys_release(struct redis_keys *);

struct redis_export {
	const struct secret *container; /* its URL, with a SAS */
	const char *prefix;		/* see redis_abilities */

	/* redis: by the cache's identity instead, to a URL without a SAS. */
	bool by_identity;
	const char *storage_subscription; /* NULL: the cache's own */
};

/*
 * As operation_start().  The container is empty, and this export's own: names
 * are not foretold, and nobody tells them, so that whatever is there when it
 * succeeded is the export.  1 to 200 blobs, each of another part of the keys.
 */
struct operation *
redis_resource_export(struct redis_resource *, const struct redis_export *,
    const struct operation_opts *, const struct scope *, struct err *);

struct redis_import {
	const struct secret *files; /* URLs of blobs, with SAS */
	size_t nfiles;
	bool by_identity; /* as of redis_export */
	const char *storage_subscription;
};

/* As operation_start().  All that the resource holds is deleted first, and it
 * answers nobody until the end; so all files go into one import. */
struct operation *
redis_resource_import(struct redis_resource *, const struct redis_import *,
    const struct operation_opts *, const struct scope *, struct err *);

/* As operation_start(): deletes all keys.  Not for linked databases, which
 * may only be flushed together. */
struct operation *redis_resource_flush(struct redis_resource *,
    const struct operation_opts *, const struct scope *, struct err *);

/* What is done to it, each by actions of which a role must allow all. */
enum redis_right {
	RIGHT_DESCRIBE,
	RIGHT_EXPORT,
	RIGHT_IMPORT,
	RIGHT_FLUSH,
	RIGHT_LIST_KEYS,
	REDIS_RIGHTS
};

struct redis_lack {
	char actions[400];  /* that no role allows, "A, B"; "" */
	bool status_hidden; /* nor to read how an operation goes: then the
			     * resource's state has to tell (operation.h) */
};

/*
 * Asks what the identity may do, without doing it; rights has a bit for each
 * that is wanted (1u << RIGHT_EXPORT).  ERR_AUTH also when it may not even ask
 * that: nothing is known then.
 */
int redis_resource_lack(struct redis_resource *, unsigned rights,
    const struct scope *, struct redis_lack *, struct err *);

/* What an earlier process noted of "export", "import" or "flush". */
struct operation *redis_resource_resume(
    struct redis_resource *, const char *action, struct err *);

#endif

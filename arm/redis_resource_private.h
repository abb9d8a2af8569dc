/* redis_resource_private.h -- what redis_resource.c shares with its drivers. */
#ifndef ARM_REDIS_RESOURCE_PRIVATE_H
#define ARM_REDIS_RESOURCE_PRIVATE_H

#include <cjson/cJSON.h>

#include "arm/redis_resource.h"

struct redis_resource_ops {
	const char *api_version; /* unless it is configured */
	struct redis_abilities abilities;

	/* By enum redis_right, in one string each: "A B". */
	const char *actions[REDIS_RIGHTS];
	const char *status_action; /* where operations tell how they go */

	/* Into zeros; what is there after a failure is released. */
	int (*describe)(struct redis_resource *, const struct scope *,
	    struct redis_description *, struct err *);

	/* The request's documents, for the caller to delete. */
	cJSON *(*export_body)(const struct redis_export *, struct err *);
	cJSON *(*import_body)(const struct redis_import *, struct err *);
};

extern const struct redis_resource_ops redis_enterprise_ops;
extern const struct redis_resource_ops redis_premium_ops;

/* What the documents say, whatever they are; own is the database's id. */
void redis_enterprise_read(struct redis_description *, const cJSON *cluster,
    const cJSON *database, const char *own);
void redis_premium_read(struct redis_description *, const cJSON *cache);
void redis_premium_read_links(struct redis_description *, const cJSON *list);

struct redis_resource {
	const struct redis_resource_ops *ops;
	struct resource_id id;
	struct arm_client *client;
	struct journal *journal;
	char *api_version;
	char *path;	    /* of the database, or of the cache */
	char *cluster_path; /* the same without a database */
	char *shown;
};

/* A GET; the caller deletes the document. */
cJSON *redis_resource_get(struct redis_resource *, const char *path,
    const char *what, const struct scope *, struct err *);

/* Of a member that is a string; "" when it is missing, null or no string.
 * To be freed. */
char *redis_resource_text(const cJSON *, const char *key);

/* Of one that is an integer; 0 when it is none. */
int redis_resource_number(const cJSON *, const char *key);

/* "West US 2" is "westus2".  To be freed. */
char *redis_resource_region(const cJSON *, const char *key);

/* What the two states mean together; resource is "" where there is none. */
enum resource_state
redis_resource_judge(const char *provisioning, const char *resource);

bool redis_resource_is_failure(const char *provisioning);

#endif

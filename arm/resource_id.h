/*
 * resource_id.h -- the name of an Azure Redis, as Azure Resource Manager writes
 * it, taken apart.
 *
 *	/subscriptions/S/resourceGroups/G/providers/Microsoft.Cache/
 *	    redisEnterprise/NAME[/databases/DATABASE]    Managed Redis, Enterprise
 *	    redis/NAME                                   Basic, Standard, Premium
 *
 * Names have no case: Resource Manager answers them in another one than they
 * were asked by.
 */
#ifndef ARM_RESOURCE_ID_H
#define ARM_RESOURCE_ID_H

#include <stdbool.h>

struct buf;
struct err;

enum resource_kind { RESOURCE_REDIS_ENTERPRISE, RESOURCE_REDIS };

/* The lengths are the service's. */
struct resource_id {
	enum resource_kind kind;
	char subscription[64 + 1];
	char group[90 + 1];
	char name[63 + 1];
	char database[60 + 1]; /* of redisEnterprise, "default" unless named;
				* else "" */
};

/* ERR_USAGE with the form that is wanted. */
int resource_id_parse(struct resource_id *, const char *, struct err *);

/* The whole, with the database; and the cluster that it is in. */
void resource_id_format(struct buf *, const struct resource_id *);
void resource_id_format_cluster(struct buf *, const struct resource_id *);

/* "NAME/DATABASE" or "NAME": what people call it. */
void resource_id_show(struct buf *, const struct resource_id *);

bool resource_id_same(const struct resource_id *, const struct resource_id *);

#endif

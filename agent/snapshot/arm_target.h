/*
 * arm_target.h -- whether an Azure Redis, as Resource Manager describes it, can
 * import a snapshot; asked before anything is done to it.
 */
#ifndef AGENT_SNAPSHOT_ARM_TARGET_H
#define AGENT_SNAPSHOT_ARM_TARGET_H

struct err;
struct manifest;
struct redis_description;
struct redis_resource;
struct redis_target;

/*
 * Whether it is the Redis that named, as it is configured, leads to: what was
 * looked at must be what is imported into (ERR_REFUSED).
 */
int arm_target_is(const struct redis_description *,
    const struct redis_target *named, struct err *);

/*
 * The state it is in (ERR_TRANSIENT while something is being done to it); RDB
 * version, modules and databases, as far as the service tells what it takes
 * (ERR_UNSUPPORTED); geo-replication, and that it is not where the snapshot
 * comes from (ERR_REFUSED).
 */
int arm_target_check(const struct redis_resource *,
    const struct redis_description *, const struct manifest *, struct err *);

#endif

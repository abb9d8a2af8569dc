/*
 * arm_target.h -- whether an Azure Redis can import a snapshot, by what
 * Resource Manager and its own servers say of it; asked before anything is
 * done to it.
 */
#ifndef AGENT_SNAPSHOT_ARM_TARGET_H
#define AGENT_SNAPSHOT_ARM_TARGET_H

struct err;
struct manifest;
struct redis_description;
struct redis_opts;
struct redis_resource;
struct redis_target;
struct scope;

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

/*
 * Whether its memory is enough: what its SKU has for data, and the limits of
 * its servers, as far as they are told (ERR_UNSUPPORTED).
 */
int arm_target_room(const struct redis_description *, const struct manifest *,
    const struct redis_target *, const struct redis_opts *,
    const struct scope *, struct err *);

/*
 * After an import that ended well: whether it has no fewer keys than the
 * snapshot, but for those whose time has passed (ERR_CORRUPT).  More may have
 * been written since.
 */
int arm_target_count(const struct manifest *, const struct redis_target *,
    const struct redis_opts *, const struct scope *, struct err *);

#endif

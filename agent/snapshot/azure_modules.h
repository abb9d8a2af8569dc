/*
 * azure_modules.h -- modules, as Azure's Resource Manager names them and as
 * Redis does.
 */
#ifndef AGENT_SNAPSHOT_AZURE_MODULES_H
#define AGENT_SNAPSHOT_AZURE_MODULES_H

#include <cjson/cJSON.h>

struct err;
struct redis_description;

/* {"modules": [{"name", "version"}]}, as a Redis tells them by MODULE LIST
 * (redis_profile.h); NULL for none.  To be freed. */
cJSON *azure_modules_profile(const struct redis_description *);

/*
 * Whether each module of a snapshot's profile is there, and no older than the
 * source's but for its last number, which changes no format
 * (ERR_UNSUPPORTED).  What is not told is not asked for.
 */
int azure_modules_check(
    const cJSON *profile, const struct redis_description *, struct err *);

#endif

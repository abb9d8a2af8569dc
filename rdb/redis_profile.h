/*
 * redis_profile.h -- what no RDB file holds and a restore may miss: modules,
 * settings, ACL rules without their passwords, memory in use.
 */
#ifndef RDB_REDIS_PROFILE_H
#define RDB_REDIS_PROFILE_H

#include <stddef.h>

#include <cjson/cJSON.h>

struct err;
struct redis_conn;
struct scope;

#define PROFILE_LINES_MAX 1000 /* of ACL rules, and of modules */

/*
 * {"used_memory": n, "modules": [{"name", "version"}], "config": {...},
 *  "acl": ["user default on ..."]}
 *
 * What the server refuses to tell is left out.  Password hashes of ACL rules
 * are replaced.  To be freed with cJSON_Delete(); NULL and err when the
 * connection broke.
 */
cJSON *
redis_profile_take(struct redis_conn *, const struct scope *, struct err *);

#endif

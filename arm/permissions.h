/*
 * permissions.h -- what the identity may do somewhere, asked without doing it.
 *
 * For a resource (or a group, or a subscription) Resource Manager lists what
 * each role that the caller has there, or above, allows: its actions but for
 * its notActions, which take nothing from another role.  Deny assignments and
 * locks are not in it: "no" is certain, "yes" is what the roles say.  To ask
 * needs Microsoft.Authorization/permissions/read, which Reader has, and a
 * narrow role may not.
 */
#ifndef ARM_PERMISSIONS_H
#define ARM_PERMISSIONS_H

#include <stdbool.h>

struct arm_client;
struct err;
struct permissions;
struct scope;

/* scope_id is a resource's id, or what such an id begins with; shown is what
 * errors call it. */
struct permissions *permissions_get(struct arm_client *, const char *scope_id,
    const char *shown, const struct scope *, struct err *);

/* "Microsoft.Cache/redis/export/action"; in any case. */
bool permissions_allow(const struct permissions *, const char *action);

void permissions_free(struct permissions *);

#endif

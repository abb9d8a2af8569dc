/*
 * azure_access.h -- who this process is to Azure, as the settings have it, and
 * what that opens.
 *
 * It has an HTTP engine of its own, so that no number of transfers keeps a
 * token waiting.
 */
#ifndef AGENT_JOB_AZURE_ACCESS_H
#define AGENT_JOB_AZURE_ACCESS_H

#include "agent/job/options.h"

struct arm_client;
struct azure_access;
struct cloud;
struct credential;
struct err;
struct scope;
struct secret;
struct settings;

/* Borrows settings; contacts nothing. */
struct azure_access *azure_access_new(const struct settings *, struct err *);
void azure_access_free(struct azure_access *);

/* With what the settings override. */
const struct cloud *azure_access_cloud(const struct azure_access *);

/*
 * Its tokens, kept while they last; made at the first call, and freed with
 * the rest.  ERR_USAGE where the settings lack something, or want none.
 */
struct credential *azure_access_identity(struct azure_access *, struct err *);

/* "the managed identity of this machine (IMDS)"; once there is one. */
const char *azure_access_name(const struct azure_access *);

/*
 * The object id of the identity, to which Redis and roles know it, as a token
 * for resource has it; "" when that does not tell.
 */
int azure_access_object_id(struct azure_access *, const char *resource,
    const struct scope *, char out[64], struct err *);

/* Resource Manager, asked by that identity; made at the first call, and freed
 * with the rest. */
struct arm_client *azure_access_arm(struct azure_access *, struct err *);

/* A setting whose value is kept in Key Vault: once, or for whoever asks for it
 * anew when the old value was refused (to be freed). */
int azure_access_secret(struct azure_access *, enum option,
    const struct scope *, struct secret *, struct err *);
struct credential *
azure_access_password(struct azure_access *, enum option, struct err *);

#endif

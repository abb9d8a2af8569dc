#include <stdlib.h>
#include <string.h>

#include "arm/arm_client.h"
#include "arm/cloud.h"
#include "arm/identity.h"
#include "arm/keyvault.h"
#include "arm/token_cache.h"
#include "arm/token_claims.h"
#include "base/credential.h"
#include "base/err.h"
#include "base/http.h"
#include "base/secret.h"
#include "base/xalloc.h"

#include "agent/job/azure_access.h"
#include "agent/job/settings.h"

/* A token is a small answer: what keeps silent so long is asked again. */
#define STALL_MS 15000

struct azure_access {
	const struct settings *settings;
	struct http *http;
	struct cloud cloud;
	struct arm_client *arm;
	struct credential *identity; /* a cache before the next */
	const struct credential *bare;
};

struct azure_access *
azure_access_new(const struct settings *s, struct err *err)
{
	const struct cloud *cloud = cloud_find(settings_str(s, OPT_CLOUD), err);
	const struct http_opts opts = {
	    .ca_file = settings_str(s, OPT_CA_FILE),
	    .stall_timeout_ms = STALL_MS,
	};
	const char *vaults = settings_str(s, OPT_ENDPOINT_KEYVAULT);
	struct azure_access *a;

	if (cloud == NULL)
		return NULL;
	a = xcalloc(1, sizeof(*a));
	a->settings = s;
	a->cloud = *cloud;
	if (vaults != NULL)
		a->cloud.vault_suffix = vaults;
	if (settings_str(s, OPT_ENDPOINT_ARM) != NULL)
		a->cloud.arm = settings_str(s, OPT_ENDPOINT_ARM);
	a->http = http_new(&opts, err);
	if (a->http == NULL) {
		free(a);
		return NULL;
	}
	return a;
}

void
azure_access_free(struct azure_access *a)
{
	if (a == NULL)
		return;
	arm_client_free(a->arm);
	if (a->identity != NULL)
		a->identity->ops->free(a->identity);
	http_free(a->http);
	free(a);
}

const struct cloud *
azure_access_cloud(const struct azure_access *a)
{
	return &a->cloud;
}

static int
parse_kind(const struct settings *s, enum identity_kind *kind, struct err *err)
{
	static const struct {
		const char *name;
		enum identity_kind kind;
	} kinds[] = {
	    {"auto", IDENTITY_AUTO},
	    {"imds", IDENTITY_IMDS},
	    {"app-service", IDENTITY_APP_SERVICE},
	    {"arc", IDENTITY_ARC},
	    {"secret", IDENTITY_SECRET},
	    {"certificate", IDENTITY_CERTIFICATE},
	    {"federated", IDENTITY_FEDERATED},
	    {"token", IDENTITY_TOKEN},
	};
	const char *name = settings_str(s, OPT_IDENTITY_KIND);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0) {
			*kind = kinds[i].kind;
			return 0;
		}
	return err_set(err, ERR_USAGE,
	    "'%s' is '%s', and this needs an identity",
	    options[OPT_IDENTITY_KIND].key, name);
}

static int
open_identity(struct azure_access *a, struct err *err)
{
	const struct settings *s = a->settings;
	struct secret secret = {0};
	struct identity_opts opts = {
	    .cloud = &a->cloud,
	    .client_id = settings_str(s, OPT_IDENTITY_CLIENT_ID),
	    .object_id = settings_str(s, OPT_IDENTITY_OBJECT_ID),
	    .resource_id = settings_str(s, OPT_IDENTITY_RESOURCE_ID),
	    .tenant = settings_str(s, OPT_IDENTITY_TENANT),
	    .certificate = settings_str(s, OPT_IDENTITY_CERTIFICATE),
	    .token_file = settings_str(s, OPT_IDENTITY_TOKEN_FILE),
	    .login = settings_str(s, OPT_ENDPOINT_LOGIN),
	    .arc_dir = settings_str(s, OPT_IDENTITY_ARC_DIR),
	};
	struct credential *bare;

	if (parse_kind(s, &opts.kind, err) != 0 ||
	    settings_secret(s, OPT_IDENTITY_SECRET, &secret, err) != 0)
		return -1;
	opts.secret = secret.data != NULL ? &secret : NULL;
	bare = identity_open(&opts, a->http, err);
	secret_release(&secret);
	if (bare == NULL)
		return err_in(err, "'identity'");
	a->bare = bare;
	a->identity = token_cache_new(bare);
	return 0;
}

struct credential *
azure_access_identity(struct azure_access *a, struct err *err)
{
	if (a->identity == NULL && open_identity(a, err) != 0)
		return NULL;
	return a->identity;
}

struct arm_client *
azure_access_arm(struct azure_access *a, struct err *err)
{
	struct arm_client_opts opts = {
	    .http = a->http,
	    .credential = azure_access_identity(a, err),
	    .endpoint = a->cloud.arm,
	    .audience = a->cloud.arm_audience,
	};

	if (a->arm == NULL && opts.credential != NULL)
		a->arm = arm_client_new(&opts, err);
	return a->arm;
}

const char *
azure_access_name(const struct azure_access *a)
{
	return identity_name(a->bare);
}

int
azure_access_object_id(struct azure_access *a, const char *resource,
    const struct scope *scope, char out[OBJECT_ID_MAX], struct err *err)
{
	struct credential *c = azure_access_identity(a, err);
	struct token token;

	if (c == NULL || c->ops->get(c, scope, resource, &token, err) != 0)
		return -1;
	token_object_id(&token.value, out);
	secret_release(&token.value);
	return 0;
}

struct credential *
azure_access_password(struct azure_access *a, enum option o, struct err *err)
{
	const char *url = settings_vault_url(a->settings, o);
	struct keyvault vault = {
	    .http = a->http,
	    .credential = azure_access_identity(a, err),
	    .cloud = &a->cloud,
	};

	if (vault.credential == NULL ||
	    keyvault_check(&a->cloud, url, err) != 0) {
		err_in(err, "'%s'", options[o].key);
		return NULL;
	}
	return token_cache_new(keyvault_credential_new(&vault, url));
}

int
azure_access_secret(struct azure_access *a, enum option o,
    const struct scope *scope, struct secret *out, struct err *err)
{
	struct credential *c = azure_access_password(a, o, err);
	struct token token;

	if (c == NULL)
		return -1;
	if (c->ops->get(c, scope, "", &token, err) == 0) {
		secret_copy(out, &token.value);
		secret_release(&token.value);
		c->ops->free(c);
		return 0;
	}
	c->ops->free(c);
	return err_in(err, "'%s'", options[o].key);
}

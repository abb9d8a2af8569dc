/* Which identity is meant, from the options and the environment. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/url.h"
#include "base/xalloc.h"
#include "arm/cloud.h"

#include "arm/identity_private.h"

#define IMDS_HOST "http://169.254.169.254"
#define IMDS_PATH "/metadata/identity/oauth2/token"

/* Where an Arc agent listens and puts its challenges on Linux. */
#define ARC_ENDPOINT "http://127.0.0.1:40342" IMDS_PATH
#define ARC_DIR	     "/var/opt/azcmagent/tokens"

/* NULL also for one that is set to nothing. */
static const char *
env(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

static const char *
either(const char *given, const char *variable)
{
	return given != NULL ? given : env(variable);
}

static enum identity_kind
guess_kind(const struct identity_opts *o)
{
	if (either(o->tenant, "AZURE_TENANT_ID") != NULL &&
	    either(o->client_id, "AZURE_CLIENT_ID") != NULL) {
		if (o->secret != NULL || env("AZURE_CLIENT_SECRET") != NULL)
			return IDENTITY_SECRET;
		if (either(o->certificate, "AZURE_CLIENT_CERTIFICATE_PATH") !=
		    NULL)
			return IDENTITY_CERTIFICATE;
		if (either(o->token_file, "AZURE_FEDERATED_TOKEN_FILE") != NULL)
			return IDENTITY_FEDERATED;
	}
	if (env("IDENTITY_ENDPOINT") != NULL) {
		if (env("IDENTITY_HEADER") != NULL)
			return IDENTITY_APP_SERVICE;
		if (env("IMDS_ENDPOINT") != NULL)
			return IDENTITY_ARC;
	}
	return IDENTITY_AUTO; /* the metadata service, if there is one */
}

static char *
joined(const char *a, const char *b, const char *c, const char *d)
{
	struct buf text;

	buf_init(&text, URL_MAX);
	buf_adds(&text, a);
	buf_adds(&text, b);
	buf_adds(&text, c);
	buf_adds(&text, d);
	return buf_take(&text);
}

static char *
copied(const char *text)
{
	return text != NULL ? xstrdup(text) : NULL;
}

static int
choose_managed(struct identity *id, const struct identity_opts *o,
    const char *place, struct err *err)
{
	const char *which = "";

	id->client_id = copied(either(o->client_id, "AZURE_CLIENT_ID"));
	id->object_id = copied(o->object_id);
	id->resource_id = copied(o->resource_id);
	if ((o->client_id != NULL) + (o->object_id != NULL) +
		(o->resource_id != NULL) >
	    1)
		return err_set(err, ERR_USAGE,
		    "a managed identity is named by one of its client id, "
		    "object id and resource id");
	/* The environment's is for who names none. */
	if (o->object_id != NULL || o->resource_id != NULL) {
		free(id->client_id);
		id->client_id = NULL;
	}
	if (id->client_id != NULL)
		which = id->client_id;
	else if (id->object_id != NULL)
		which = id->object_id;
	else if (id->resource_id != NULL)
		which = id->resource_id;
	id->name = joined("the managed identity ", which,
	    which[0] != '\0' ? " of " : "of ", place);
	return 0;
}

/* A URL that a path can be put behind. */
static char *
root_of(const char *url)
{
	char *root = xstrdup(url);
	size_t len = strlen(root);

	while (len > 0 && root[len - 1] == '/')
		root[--len] = '\0';
	return root;
}

static int
choose_imds(struct identity *id, const struct identity_opts *o, struct err *err)
{
	const char *host = either(o->imds, "AZURE_POD_IDENTITY_AUTHORITY_HOST");
	char *root = root_of(host != NULL ? host : IMDS_HOST);

	id->ask = identity_ask_imds;
	id->endpoint = joined(root, IMDS_PATH, "", "");
	free(root);
	return choose_managed(id, o, "this machine (IMDS)", err);
}

static int
choose_app_service(
    struct identity *id, const struct identity_opts *o, struct err *err)
{
	const char *endpoint = env("IDENTITY_ENDPOINT");
	const char *header = env("IDENTITY_HEADER");

	if (endpoint == NULL || header == NULL)
		return err_set(err, ERR_USAGE,
		    "there is no managed identity of App Service here: "
		    "IDENTITY_ENDPOINT and IDENTITY_HEADER are not both set");
	if (env("IDENTITY_SERVER_THUMBPRINT") != NULL)
		return err_set(err, ERR_UNSUPPORTED,
		    "Service Fabric's managed identities are not supported; "
		    "name another identity");
	id->ask = identity_ask_app_service;
	id->endpoint = copied(endpoint);
	secret_set(&id->secret, header, strlen(header));
	return choose_managed(id, o, "this app (App Service)", err);
}

static int
choose_arc(struct identity *id, const struct identity_opts *o, struct err *err)
{
	const char *endpoint = env("IDENTITY_ENDPOINT");

	if (o->client_id != NULL || o->object_id != NULL ||
	    o->resource_id != NULL)
		return err_set(err, ERR_UNSUPPORTED,
		    "an Azure Arc server has its own managed identity only; "
		    "name no other");
	id->ask = identity_ask_arc;
	id->endpoint = copied(endpoint != NULL && env("IMDS_ENDPOINT") != NULL
		? endpoint
		: ARC_ENDPOINT);
	id->arc_dir = copied(o->arc_dir != NULL ? o->arc_dir : ARC_DIR);
	id->name = copied("the managed identity of this server (Azure Arc)");
	return 0;
}

/* A GUID or a domain: it becomes a part of a URL. */
static bool
is_tenant(const char *text)
{
	for (; *text != '\0'; text++)
		if (!isalnum((unsigned char)*text) && *text != '-' &&
		    *text != '.')
			return false;
	return true;
}

/* What goes there is as good as a password. */
static int
check_login(const char *login, struct err *err)
{
	struct url u;
	bool safe;

	if (url_parse(&u, login, err) != 0)
		return err_in(err, "the login endpoint");
	safe = url_is_private(&u);
	url_release(&u);
	return safe ? 0
		    : err_set(err, ERR_USAGE,
			  "the login endpoint must be https, since secrets go "
			  "there");
}

static int
lacks(const char *what, const char *variable, struct err *err)
{
	return err_set(err, ERR_USAGE,
	    "a service principal needs %s: give it, or set %s", what, variable);
}

static int
choose_principal(struct identity *id, const struct identity_opts *o,
    const char *by, struct err *err)
{
	const char *tenant = either(o->tenant, "AZURE_TENANT_ID");
	const char *client = either(o->client_id, "AZURE_CLIENT_ID");
	const char *login = either(o->login, "AZURE_AUTHORITY_HOST");
	char *root;

	if (tenant == NULL)
		return lacks("a tenant", "AZURE_TENANT_ID", err);
	if (client == NULL)
		return lacks("a client id", "AZURE_CLIENT_ID", err);
	if (!is_tenant(tenant))
		return err_set(err, ERR_USAGE,
		    "'%.60s' is no tenant: neither its id nor a domain",
		    tenant);
	if (login == NULL)
		login = o->cloud->login;
	if (check_login(login, err) != 0)
		return -1;
	root = root_of(login);
	id->endpoint = joined(root, "/", tenant, "/oauth2/v2.0/token");
	free(root);
	id->client_id = copied(client);
	id->name = joined("the service principal ", client, by, "");
	return 0;
}

static int
choose_secret(
    struct identity *id, const struct identity_opts *o, struct err *err)
{
	id->ask = identity_ask_secret;
	if (o->secret != NULL)
		secret_copy(&id->secret, o->secret);
	else if (env("AZURE_CLIENT_SECRET") == NULL)
		return lacks("a secret", "AZURE_CLIENT_SECRET", err);
	else if (secret_from_env(&id->secret, "AZURE_CLIENT_SECRET", err) != 0)
		return -1;
	return choose_principal(id, o, " (by its secret)", err);
}

static int
choose_certificate(
    struct identity *id, const struct identity_opts *o, struct err *err)
{
	id->ask = identity_ask_certificate;
	id->file = copied(
	    either(o->certificate, "AZURE_CLIENT_CERTIFICATE_PATH"));
	if (id->file == NULL)
		return lacks(
		    "a certificate", "AZURE_CLIENT_CERTIFICATE_PATH", err);
	return choose_principal(id, o, " (by its certificate)", err);
}

static int
choose_federated(
    struct identity *id, const struct identity_opts *o, struct err *err)
{
	id->ask = identity_ask_federated;
	id->file = copied(either(o->token_file, "AZURE_FEDERATED_TOKEN_FILE"));
	if (id->file == NULL)
		return lacks(
		    "a token's file", "AZURE_FEDERATED_TOKEN_FILE", err);
	return choose_principal(id, o, " (federated)", err);
}

static int
choose_token(
    struct identity *id, const struct identity_opts *o, struct err *err)
{
	if (o->secret == NULL)
		return err_set(err, ERR_USAGE,
		    "the identity is a token that is given, and none is");
	id->ask = identity_ask_token;
	secret_copy(&id->secret, o->secret);
	id->name = copied("a token that was given");
	return 0;
}

int
identity_choose(
    struct identity *id, const struct identity_opts *o, struct err *err)
{
	enum identity_kind kind = o->kind;

	if (kind == IDENTITY_AUTO)
		kind = guess_kind(o);
	switch (kind) {
	case IDENTITY_AUTO:
		id->guessed = true;
		return choose_imds(id, o, err);
	case IDENTITY_IMDS:
		return choose_imds(id, o, err);
	case IDENTITY_APP_SERVICE:
		return choose_app_service(id, o, err);
	case IDENTITY_ARC:
		return choose_arc(id, o, err);
	case IDENTITY_SECRET:
		return choose_secret(id, o, err);
	case IDENTITY_CERTIFICATE:
		return choose_certificate(id, o, err);
	case IDENTITY_FEDERATED:
		return choose_federated(id, o, err);
	case IDENTITY_TOKEN:
		return choose_token(id, o, err);
	}
	return err_set(err, ERR_USAGE, "no such kind of identity");
}

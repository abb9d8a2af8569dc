#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/credential.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/url.h"
#include "storage/azure_container.h"
#include "storage/azure_sas.h"
#include "storage/azure_time.h"
#include "storage/azure_user_key.h"
#include "storage/store.h"
#include "storage/store_azure.h"

#include "storage/azure_grant.h"

#define QUERY_MAX ((size_t)16 << 10)

/* What is to be read, and how it may be said. */
struct ask {
	const char *blob; /* NULL: all of the container */
	bool by_url_alone;
};

static struct azure_sas
sas_of(const struct azure_container *c, const char *name, int64_t until_ms)
{
	return (struct azure_sas){
	    .account = c->account,
	    .container = c->name,
	    .blob = name,
	    .permissions = AZURE_SAS_READ,
	    .expires_ms = until_ms,
	    .https_only = c->https,
	};
}

static int
grant_by_key(const struct azure_container *c, const char *blob,
    int64_t until_ms, struct buf *query, struct err *err)
{
	struct azure_sas sas;
	struct buf name;
	int rc;

	buf_init(&name, 2 * BLOB_NAME_MAX);
	if (blob != NULL)
		buf_addf(&name, "%s%s", c->prefix, blob);
	sas = sas_of(c, blob != NULL ? name.data : NULL, until_ms);
	rc = buf_check(&name, "a blob's name", err);
	if (rc == 0)
		rc = azure_sas_by_key(query, &sas, &c->key, err);
	buf_release(&name);
	return rc;
}

/* One that names no end (its policy does) is taken at its word. */
static int
grant_by_sas(const struct azure_container *c, struct buf *query,
    struct store_grant *g, struct err *err)
{
	char *until = url_query_get(c->sas.data, "se");
	int rc = 0;

	buf_adds(query, c->sas.data);
	if (until != NULL)
		rc = azure_time_iso_parse(until, &g->expires_ms, err);
	free(until);
	return rc != 0 ? err_in(err, "the end of the SAS") : 0;
}

static int
grant_by_token(const struct azure_container *c, const struct scope *scope,
    struct store_grant *g, struct err *err)
{
	struct token token = {0};
	struct buf value;

	if (c->credential->ops->get(
		c->credential, scope, AZURE_RESOURCE, &token, err) != 0)
		return err_in(err, "a token for '%s'", AZURE_RESOURCE);
	buf_init(&value, SECRET_MAX + 16);
	buf_addf(&value, "Bearer %s", token.value.data);
	g->authorization = buf_take(&value);
	if (token.expires_ms < g->expires_ms)
		g->expires_ms = token.expires_ms;
	secret_release(&token.value);
	return 0;
}

/* Who may not have such a key may well have all the other rights. */
static int
grant_by_delegation(struct store *s, const struct scope *scope,
    int64_t until_ms, struct buf *query, struct err *err)
{
	const struct azure_container *c = store_azure_container(s);
	const struct azure_sas sas = sas_of(c, NULL, until_ms);

	if (azure_user_key_sas(
		store_azure_user_key(s), c, scope, &sas, query, err) == 0)
		return 0;
	if (err->kind == ERR_AUTH)
		err->kind = ERR_UNSUPPORTED;
	return err_in(err,
	    "the identity needs the role Storage Blob Delegator to make a "
	    "URL that Copy Blob can read");
}

static int
grant(struct store *s, const struct scope *scope, const struct ask *ask,
    struct store_grant *g, struct buf *query, struct err *err)
{
	const struct azure_container *c = store_azure_container(s);

	if (c->key.data != NULL)
		return grant_by_key(c, ask->blob, g->expires_ms, query, err);
	if (c->sas.data != NULL)
		return grant_by_sas(c, query, g, err);
	if (c->credential == NULL)
		return 0;
	if (ask->by_url_alone)
		return grant_by_delegation(s, scope, g->expires_ms, query, err);
	return grant_by_token(c, scope, g, err);
}

/* store_grant_url() puts names behind it. */
static int
place_url(const struct azure_container *c, const struct buf *query, char **url,
    struct err *err)
{
	struct buf out;
	int rc;

	buf_init(&out, 4 * URL_MAX);
	buf_addf(&out, "%s/", c->url);
	url_encode(&out, c->prefix, true);
	if (query->len > 0)
		buf_addf(&out, "?%s", query->data);
	rc = buf_check(&out, "a grant", err);
	*url = buf_take(&out);
	return rc;
}

static int
make(struct store *s, const struct scope *scope, int64_t valid_ms,
    const struct ask *ask, struct store_grant *g, struct err *err)
{
	const struct azure_container *c = store_azure_container(s);
	struct buf query;
	int rc;

	*g = (struct store_grant){
	    .expires_ms = scope_wall_ms(scope) + valid_ms};
	buf_init(&query, QUERY_MAX);
	rc = grant(s, scope, ask, g, &query, err);
	if (rc == 0)
		rc = buf_check(&query, "a grant", err);
	if (rc == 0 && ask->blob == NULL)
		rc = place_url(c, &query, &g->url, err);
	else if (rc == 0)
		rc = azure_container_url(c, ask->blob,
		    query.len > 0 ? query.data : NULL, &g->url, err);
	if (query.size > 0)
		explicit_bzero(query.data, query.size);
	buf_release(&query);
	if (rc != 0)
		store_grant_release(g);
	return rc;
}

static int
grant_read(struct store *s, const struct scope *scope, const char *blob,
    int64_t valid_ms, struct store_grant *g, struct err *err)
{
	const struct ask ask = {.blob = blob};

	return make(s, scope, valid_ms, &ask, g, err);
}

static int
grant_read_all(struct store *s, const struct scope *scope, int64_t valid_ms,
    bool by_url_alone, struct store_grant *g, struct err *err)
{
	const struct ask ask = {.by_url_alone = by_url_alone};

	return make(s, scope, valid_ms, &ask, g, err);
}

const struct store_grant_ops azure_grant_ops = {
    .read = grant_read,
    .read_all = grant_read_all,
};

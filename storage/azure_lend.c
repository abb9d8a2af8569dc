#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/scope.h"
#include "storage/azure_container.h"
#include "storage/azure_request.h"
#include "storage/azure_sas.h"
#include "storage/azure_user_key.h"
#include "storage/store_azure.h"

#include "storage/azure_lend.h"

#define SAS_MAX ((size_t)8 << 10)

static int
lend_check(const struct store *s, struct err *err)
{
	const struct azure_container *c = store_azure_container(s);

	if (!c->https && !c->loopback)
		return err_set(err, ERR_UNSUPPORTED,
		    "a SAS for '%.200s' would travel in the clear; use https",
		    s->url);
	if (c->key.data != NULL || c->credential != NULL)
		return 0;
	return err_set(err, ERR_UNSUPPORTED,
	    "%s cannot be lent to Azure's Redis: that takes the account's key, "
	    "or an identity with the roles Storage Blob Data Contributor and "
	    "Storage Blob Delegator",
	    c->sas.data != NULL ? "a store that is opened by a SAS"
				: "a store that is opened by no right");
}

static struct store *
lend_open(const struct store *s, const char *container, struct err *err)
{
	if (lend_check(s, err) != 0)
		return NULL;
	return store_azure_beside(s, container, err);
}

/* done is what a refusal says when there is nothing left to do. */
static int
change_container(struct store *s, const struct scope *scope, const char *method,
    const char *doing, const char *done, struct err *err)
{
	const struct azure_container *c = store_azure_container(s);
	struct azure_request r = {0};
	int rc;

	if (!store_azure_is_lent(s))
		return err_set(err, ERR_USAGE,
		    "'%.200s' is a store of its own, and nothing lent", s->url);
	rc = azure_request_init(
	    &r, c, method, doing, NULL, "restype=container", err);
	if (rc == 0)
		rc = azure_request_run(&r, scope, err);
	azure_request_release(&r);
	if (rc != 0 && strcmp(err->code, done) == 0) {
		*err = (struct err){0};
		return 0;
	}
	return rc;
}

static int
lend_create(struct store *s, const struct scope *scope, struct err *err)
{
	return change_container(
	    s, scope, "PUT", "creating", "ContainerAlreadyExists", err);
}

static int
lend_destroy(struct store *s, const struct scope *scope, struct err *err)
{
	if (change_container(
		s, scope, "DELETE", "deleting", "ContainerNotFound", err) == 0)
		return 0;
	if (strcmp(err->code, "ContainerBeingDeleted") != 0)
		return -1;
	*err = (struct err){0};
	return 0;
}

static int
make_sas(struct store *s, const struct scope *scope,
    const struct azure_sas *sas, struct buf *out, struct err *err)
{
	const struct azure_container *c = store_azure_container(s);

	if (c->key.data != NULL)
		return azure_sas_by_key(out, sas, &c->key, err);
	return azure_user_key_sas(
	    store_azure_user_key(s), c, scope, sas, out, err);
}

static int
lend_url(struct store *s, const struct scope *scope, const char *blob,
    const struct lent_right *right, char **url, struct err *err)
{
	const struct azure_container *c = store_azure_container(s);
	struct azure_sas sas = {
	    .account = c->account,
	    .container = c->name,
	    .permissions = right->permissions != NULL ? right->permissions
		: blob != NULL			      ? AZURE_SAS_READ
						      : AZURE_SAS_EXPORT,
	    .expires_ms = scope_wall_ms(scope) + right->valid_ms,
	    .https_only = c->https,
	};
	struct buf name, query;
	int rc = lend_check(s, err);

	if (right->none)
		return rc == 0 ? azure_container_url(c, blob, NULL, url, err)
			       : -1;
	buf_init(&name, 2 * BLOB_NAME_MAX);
	buf_init(&query, SAS_MAX);
	if (blob != NULL) {
		buf_addf(&name, "%s%s", c->prefix, blob);
		sas.blob = name.data;
	}
	if (rc == 0)
		rc = buf_check(&name, "a blob's name", err);
	if (rc == 0)
		rc = make_sas(s, scope, &sas, &query, err);
	if (rc == 0)
		rc = azure_container_url(c, blob, query.data, url, err);
	if (query.size > 0)
		explicit_bzero(query.data, query.size);
	buf_release(&query);
	buf_release(&name);
	return rc != 0 ? err_in(err, "a SAS for '%.200s'", s->url) : 0;
}

const struct store_lend_ops azure_lend_ops = {
    .check = lend_check,
    .open = lend_open,
    .create = lend_create,
    .destroy = lend_destroy,
    .url = lend_url,
};

/* Microsoft.Cache/redis: Basic, Standard, and Premium, which can export. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/xalloc.h"

#include "arm/redis_resource_private.h"

#define LINKS_MAX 64

#define CACHES "Microsoft.Cache/redis/"

static const cJSON *
member(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

/* "Premium_P1" */
static void
take_sku(struct redis_description *d, const cJSON *sku)
{
	char *name = redis_resource_text(sku, "name");
	char *family = redis_resource_text(sku, "family");
	char text[80];

	d->can_export = strcasecmp(name, "Premium") == 0;
	snprintf(text, sizeof(text), "%.40s_%.20s%d", name, family,
	    redis_resource_number(sku, "capacity"));
	d->sku = xstrdup(name[0] != '\0' ? text : "");
	free(name);
	free(family);
}

static enum access_keys
keys_of(const cJSON *p)
{
	const cJSON *m = member(p, "disableAccessKeyAuthentication");

	if (!cJSON_IsBool(m))
		return KEYS_NOT_TOLD;
	return cJSON_IsTrue(m) ? KEYS_DISABLED : KEYS_ENABLED;
}

static void
take_address(struct redis_description *d, const cJSON *p)
{
	int tls_port = redis_resource_number(p, "sslPort");

	d->host = redis_resource_text(p, "hostName");
	d->tls = tls_port > 0;
	d->port = d->tls ? tls_port : redis_resource_number(p, "port");
}

void
redis_premium_read(struct redis_description *d, const cJSON *cache)
{
	const cJSON *p = member(cache, "properties");

	d->generation = xstrdup("");
	d->location = redis_resource_region(cache, "location");
	take_sku(d, member(p, "sku"));
	take_address(d, p);
	d->provisioning = redis_resource_text(p, "provisioningState");
	d->resource = xstrdup("");
	d->state = redis_resource_judge(d->provisioning, "");
	d->last_change_failed = redis_resource_is_failure(d->provisioning);
	d->version = redis_resource_text(p, "redisVersion");
	d->clustering = xstrdup("");
	d->shards = redis_resource_number(p, "shardCount");
	d->eviction = redis_resource_text(
	    member(p, "redisConfiguration"), "maxmemory-policy");
	d->access_keys = keys_of(p);
	d->geo_group = xstrdup("");
}

/* The cache has their ids; only the list has what they are. */
void
redis_premium_read_links(struct redis_description *d, const cJSON *list)
{
	const cJSON *l;

	d->links = xcalloc(LINKS_MAX, sizeof(*d->links));
	cJSON_ArrayForEach(l, member(list, "value"))
	{
		const cJSON *p = member(l, "properties");

		if (d->nlinks == LINKS_MAX)
			return;
		d->links[d->nlinks++] = (struct redis_link){
		    .id = redis_resource_text(p, "linkedRedisCacheId"),
		    .state = redis_resource_text(p, "serverRole"),
		};
	}
}

static int
describe_links(struct redis_resource *r, const struct scope *scope,
    struct redis_description *d, struct err *err)
{
	char path[600];
	cJSON *list;

	snprintf(path, sizeof(path), "%s/linkedServers", r->path);
	list = redis_resource_get(
	    r, path, "listing the linked servers of", scope, err);
	if (list == NULL)
		return -1;
	redis_premium_read_links(d, list);
	cJSON_Delete(list);
	return 0;
}

static int
describe(struct redis_resource *r, const struct scope *scope,
    struct redis_description *d, struct err *err)
{
	cJSON *cache = redis_resource_get(r, r->path, "describing", scope, err);
	const cJSON *links;
	int rc = 0;

	if (cache == NULL)
		return -1;
	redis_premium_read(d, cache);
	links = member(member(cache, "properties"), "linkedServers");
	if (cJSON_GetArraySize(links) > 0)
		rc = describe_links(r, scope, d, err);
	cJSON_Delete(cache);
	return rc;
}

static void
add_storage_access(cJSON *root, bool by_identity, const char *subscription)
{
	if (by_identity)
		cJSON_AddStringToObject(root,
		    "preferred-data-archive-auth-method", "ManagedIdentity");
	if (subscription != NULL)
		cJSON_AddStringToObject(
		    root, "storage-subscription-id", subscription);
}

static cJSON *
export_body(const struct redis_export *e, struct err *err)
{
	cJSON *root;

	if (e->prefix == NULL || e->prefix[0] == '\0') {
		err_set(err, ERR_USAGE, "an export of Premium needs a prefix");
		return NULL;
	}
	root = cJSON_CreateObject();
	cJSON_AddStringToObject(root, "format", "RDB");
	cJSON_AddStringToObject(root, "prefix", e->prefix);
	cJSON_AddStringToObject(root, "container", e->container->data);
	add_storage_access(root, e->by_identity, e->storage_subscription);
	return root;
}

static cJSON *
import_body(const struct redis_import *i, struct err *err)
{
	cJSON *root = cJSON_CreateObject();
	cJSON *list;

	(void)err;
	cJSON_AddStringToObject(root, "format", "RDB");
	list = cJSON_AddArrayToObject(root, "files");
	for (size_t n = 0; n < i->nfiles; n++)
		cJSON_AddItemToArray(
		    list, cJSON_CreateString(i->files[n].data));
	add_storage_access(root, i->by_identity, i->storage_subscription);
	return root;
}

const struct redis_resource_ops redis_premium_ops = {
    .api_version = REDIS_PREMIUM_API_VERSION,
    .abilities = {.page_blobs = true,
	.needs_prefix = true,
	.identity_auth = true},
    .actions =
	{
	    [RIGHT_DESCRIBE] = CACHES "read",
	    [RIGHT_EXPORT] = CACHES "export/action",
	    [RIGHT_IMPORT] = CACHES "import/action",
	    [RIGHT_FLUSH] = CACHES "flush/action",
	    [RIGHT_LIST_KEYS] = CACHES "listKeys/action",
	},
    .status_action = "Microsoft.Cache/locations/operationResults/read",
    .describe = describe,
    .export_body = export_body,
    .import_body = import_body,
};

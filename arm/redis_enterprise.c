/* Microsoft.Cache/redisEnterprise: Managed Redis, and Enterprise before it. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/xalloc.h"

#include "arm/redis_resource_private.h"

/* Of modules and of links: the service has five of each. */
#define LIST_MAX 64

#define PROVIDER  "Microsoft.Cache/"
#define DATABASES PROVIDER "redisEnterprise/databases/"

static const cJSON *
member(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

static void
take_modules(struct redis_description *d, const cJSON *list)
{
	const cJSON *m;

	d->modules = xcalloc(LIST_MAX, sizeof(*d->modules));
	cJSON_ArrayForEach(m, list)
	{
		if (d->nmodules == LIST_MAX)
			return;
		d->modules[d->nmodules++] = (struct redis_module){
		    .name = redis_resource_text(m, "name"),
		    .version = redis_resource_text(m, "version"),
		};
	}
}

/* Its own id stands among those that it is linked to. */
static void
take_links(struct redis_description *d, const cJSON *geo, const char *own)
{
	const cJSON *l;

	d->geo_group = redis_resource_text(geo, "groupNickname");
	d->links = xcalloc(LIST_MAX, sizeof(*d->links));
	cJSON_ArrayForEach(l, member(geo, "linkedDatabases"))
	{
		char *id = redis_resource_text(l, "id");

		if (d->nlinks == LIST_MAX || strcasecmp(id, own) == 0) {
			free(id);
			continue;
		}
		d->links[d->nlinks++] = (struct redis_link){
		    .id = id,
		    .state = redis_resource_text(l, "state"),
		};
	}
}

static enum access_keys
keys_of(const cJSON *p)
{
	const cJSON *m = member(p, "accessKeysAuthentication");

	if (!cJSON_IsString(m))
		return KEYS_NOT_TOLD;
	return strcasecmp(m->valuestring, "Enabled") == 0 ? KEYS_ENABLED
							  : KEYS_DISABLED;
}

static void
take_database(
    struct redis_description *d, const cJSON *database, const char *own)
{
	const cJSON *p = member(database, "properties");
	const cJSON *protocol = member(p, "clientProtocol");

	d->port = redis_resource_number(p, "port");
	/* Encrypted unless it says otherwise: never in the clear by mistake. */
	d->tls = !cJSON_IsString(protocol) ||
	    strcasecmp(protocol->valuestring, "Plaintext") != 0;
	d->provisioning = redis_resource_text(p, "provisioningState");
	d->resource = redis_resource_text(p, "resourceState");
	d->state = redis_resource_judge(d->provisioning, d->resource);
	d->last_change_failed = redis_resource_is_failure(d->provisioning);
	d->version = redis_resource_text(p, "redisVersion");
	d->clustering = redis_resource_text(p, "clusteringPolicy");
	d->eviction = redis_resource_text(p, "evictionPolicy");
	d->access_keys = keys_of(p);
	take_modules(d, member(p, "modules"));
	take_links(d, member(p, "geoReplication"), own);
}

/* A database is no better than its cluster. */
static void
take_cluster_state(struct redis_description *d, const cJSON *p)
{
	char *provisioning = redis_resource_text(p, "provisioningState");
	char *resource = redis_resource_text(p, "resourceState");
	enum resource_state state = redis_resource_judge(
	    provisioning, resource);

	if (state > d->state) {
		d->state = state;
		free(d->provisioning);
		free(d->resource);
		d->provisioning = provisioning;
		d->resource = resource;
		return;
	}
	free(provisioning);
	free(resource);
}

/*
 * Of Managed Redis' SKUs, by the number in their names ("Balanced_B10" has 12
 * GB), less the fifth that the service keeps for itself (Microsoft's page on
 * their architecture, May 2025).  Not told of those of Enterprise, whose
 * memory depends on their capacity, too.
 */
static uint64_t
memory_of(const char *sku)
{
	static const char *const families[] = {"Balanced_B",
	    "MemoryOptimized_M", "ComputeOptimized_X", "FlashOptimized_A"};
	static const struct {
		long number;
		uint64_t mib;
	} sizes[] = {{0, 512}, {1, 1024}, {3, 3072}, {5, 6144}, {10, 12288},
	    {20, 24576}, {50, 61440}, {100, 122880}, {150, 184320},
	    {250, 245760}, {350, 368640}, {500, 491520}, {700, 737280},
	    {1000, 983040}, {1500, 1474560}, {2000, 1966080}, {4500, 4608000}};
	const char *number = NULL;

	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		if (strncmp(sku, families[i], strlen(families[i])) == 0)
			number = sku + strlen(families[i]);
	if (number == NULL || number[0] < '0' || number[0] > '9')
		return 0;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		if (strtol(number, NULL, 10) == sizes[i].number)
			return (sizes[i].mib << 20) / 5 * 4;
	return 0;
}

static void
take_cluster(struct redis_description *d, const cJSON *cluster)
{
	const cJSON *p = member(cluster, "properties");

	d->generation = redis_resource_text(cluster, "kind");
	d->location = redis_resource_region(cluster, "location");
	d->sku = redis_resource_text(member(cluster, "sku"), "name");
	d->memory_bytes = memory_of(d->sku);
	d->host = redis_resource_text(p, "hostName");
	if (d->version[0] == '\0') {
		free(d->version);
		d->version = redis_resource_text(p, "redisVersion");
	}
	take_cluster_state(d, p);
	d->can_export = true;
}

void
redis_enterprise_read(struct redis_description *d, const cJSON *cluster,
    const cJSON *database, const char *own)
{
	take_database(d, database, own);
	take_cluster(d, cluster);
}

static int
describe(struct redis_resource *r, const struct scope *scope,
    struct redis_description *d, struct err *err)
{
	cJSON *cluster, *database;

	cluster = redis_resource_get(
	    r, r->cluster_path, "describing the cluster of", scope, err);
	if (cluster == NULL)
		return -1;
	database = redis_resource_get(r, r->path, "describing", scope, err);
	if (database != NULL)
		redis_enterprise_read(d, cluster, database, r->path);
	cJSON_Delete(cluster);
	cJSON_Delete(database);
	return database != NULL ? 0 : -1;
}

static int
refuse_identity(bool by_identity, struct err *err)
{
	if (!by_identity)
		return 0;
	return err_set(err, ERR_UNSUPPORTED,
	    "redisEnterprise reaches storage by SAS alone");
}

static cJSON *
export_body(const struct redis_export *e, struct err *err)
{
	cJSON *root;

	if (refuse_identity(e->by_identity, err) != 0)
		return NULL;
	root = cJSON_CreateObject();
	cJSON_AddStringToObject(root, "sasUri", e->container->data);
	return root;
}

static cJSON *
import_body(const struct redis_import *i, struct err *err)
{
	cJSON *root, *list;

	if (refuse_identity(i->by_identity, err) != 0)
		return NULL;
	root = cJSON_CreateObject();
	list = cJSON_AddArrayToObject(root, "sasUris");
	for (size_t n = 0; n < i->nfiles; n++)
		cJSON_AddItemToArray(
		    list, cJSON_CreateString(i->files[n].data));
	return root;
}

const struct redis_resource_ops redis_enterprise_ops = {
    .api_version = REDIS_ENTERPRISE_API_VERSION,
    .abilities = {.gzip = true},
    .actions =
	{
	    [RIGHT_DESCRIBE] = PROVIDER "redisEnterprise/read " DATABASES
					"read",
	    [RIGHT_EXPORT] = DATABASES "export/action",
	    [RIGHT_IMPORT] = DATABASES "import/action",
	    [RIGHT_FLUSH] = DATABASES "flush/action",
	    [RIGHT_LIST_KEYS] = DATABASES "listKeys/action",
	},
    .status_action = PROVIDER "locations/operationsStatus/read",
    .describe = describe,
    .export_body = export_body,
    .import_body = import_body,
};

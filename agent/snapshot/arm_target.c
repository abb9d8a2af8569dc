#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "arm/redis_resource.h"
#include "base/err.h"
#include "base/scope.h"
#include "rdb/fingerprint.h"
#include "rdb/redis_census.h"
#include "rdb/redis_info.h"
#include "rdb/redis_target.h"

#include "agent/snapshot/arm_target.h"
#include "agent/snapshot/azure_modules.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/manifest_target.h"
#include "agent/snapshot/source_blob.h"

/* Of two clocks, by which keys expire. */
#define SKEW_MS INT64_C(300000)

static int
check_state(const struct redis_description *d, struct err *err)
{
	if (!d->can_export)
		return err_set(err, ERR_UNSUPPORTED,
		    "it is %s, which imports nothing", d->sku);
	if (d->state == RESOURCE_READY)
		return 0;
	return err_set(err,
	    d->state == RESOURCE_BUSY ? ERR_TRANSIENT : ERR_SERVER,
	    "it cannot import now: it is %s%s%s", d->provisioning,
	    d->resource[0] != '\0' ? ", " : "", d->resource);
}

/* What an import does to a linked database is either refused or, worse, not
 * the same everywhere. */
static int
check_links(const struct redis_description *d, struct err *err)
{
	if (d->nlinks == 0)
		return 0;
	return err_set(err, ERR_REFUSED,
	    "it is linked to '%.200s' by geo-replication (%s): an import into "
	    "one of them is none into the others; unlink it first",
	    d->links[0].id, d->links[0].state);
}

static int
check_origin(
    const struct redis_resource *r, const struct manifest *m, struct err *err)
{
	struct resource_id source;
	struct err ignored = {0};

	if (strcmp(m->way, SOURCE_BLOB_WAY) != 0 ||
	    resource_id_parse(&source, m->source, &ignored) != 0 ||
	    !resource_id_same(&source, redis_resource_id(r)))
		return 0;
	return err_set(err, ERR_REFUSED,
	    "it is the Redis that exported the snapshot: an import would undo "
	    "what was written there since");
}

/* "7.4" of what Azure says; 0 when it says nothing that can be read. */
static int
version_number(const char *text)
{
	int major = 0, minor = 0;

	if (sscanf(text, "%3d.%3d", &major, &minor) < 1 || major < 0 ||
	    minor < 0)
		return 0;
	return major * 10000 + minor * 100;
}

static int
check_version(const struct redis_description *d, const struct manifest *m,
    struct err *err)
{
	struct redis_info info = {.version_number = version_number(d->version)};

	if (m->valkey)
		return err_set(err, ERR_UNSUPPORTED,
		    "it takes Redis' dumps, and this one is a Valkey's of "
		    "version 9 or later");
	if (info.version_number == 0 ||
	    m->rdb_version <= redis_info_rdb_version(&info))
		return 0;
	return err_set(err, ERR_UNSUPPORTED,
	    "it runs Redis %s, which takes RDB up to version %d, and the "
	    "snapshot has %d; upgrade it, or load the snapshot by 'restore'",
	    d->version, redis_info_rdb_version(&info), m->rdb_version);
}

/* Enterprise databases have one keyspace; of Premium a cluster has. */
static bool
has_one_db(const struct redis_resource *r, const struct redis_description *d)
{
	return redis_resource_id(r)->kind == RESOURCE_REDIS_ENTERPRISE ||
	    d->shards > 0;
}

static int
check_data(const struct redis_resource *r, const struct redis_description *d,
    const struct manifest *m, struct err *err)
{
	if (m->db_max > 0 && has_one_db(r, d))
		return err_set(err, ERR_UNSUPPORTED,
		    "the snapshot has keys in database %u, and of several only "
		    "database 0 survives the import there; leave the others "
		    "out by filter.dbs",
		    m->db_max);
	if (!m->has_modules)
		return 0;
	if (d->nmodules == 0)
		return err_set(err, ERR_UNSUPPORTED,
		    "the snapshot has values of modules, and no module is "
		    "loaded there");
	return azure_modules_check(m->profile, d, err);
}

static int
judge_room(uint64_t need, uint64_t room, const char *whose, struct err *err)
{
	if (room == 0 || need <= room)
		return 0;
	return err_set(err, ERR_UNSUPPORTED,
	    "the snapshot needs about %" PRIu64 " MiB, and %.60s %" PRIu64
	    " MiB for data: the import would delete what is there, and then "
	    "fail; scale it up first",
	    need >> 20, whose, room >> 20);
}

int
arm_target_room(const struct redis_description *d, const struct manifest *m,
    const struct redis_target *target, const struct redis_opts *redis,
    const struct scope *scope, struct err *err)
{
	struct manifest_target t;
	struct redis_census census;
	char sku[80];
	uint64_t need;
	int rc;

	manifest_target(m, &t);
	need = target_memory_need(&t.dump);
	snprintf(sku, sizeof(sku), "%.50s has", d->sku);
	rc = judge_room(need, d->memory_bytes, sku, err);
	if (rc == 0)
		rc = redis_census_take(target, redis, scope, &census, err);
	/* One address speaks for all shards, and its limit may be one's. */
	if (rc == 0 && strcmp(d->clustering, "EnterpriseCluster") != 0)
		rc = judge_room(
		    need, census.maxmemory, "its maxmemory leaves", err);
	return rc != 0 ? err_in(err, "'%s'", d->name) : 0;
}

int
arm_target_is(const struct redis_description *d,
    const struct redis_target *named, struct err *err)
{
	for (size_t i = 0; i < named->nhosts; i++)
		if (strcasecmp(named->hosts[i].host, d->host) == 0)
			return 0;
	return err_set(err, ERR_REFUSED,
	    "'%s' answers at '%.200s', and the target is '%.200s': what the "
	    "guard looks at must be what is imported into, so name it as "
	    "Azure does",
	    d->name, d->host, named->shown);
}

int
arm_target_check(const struct redis_resource *r,
    const struct redis_description *d, const struct manifest *m,
    struct err *err)
{
	if (check_origin(r, m, err) != 0 || check_state(d, err) != 0 ||
	    check_links(d, err) != 0 || check_version(d, m, err) != 0 ||
	    check_data(r, d, m, err) != 0)
		return err_in(err, "'%s'", d->name);
	return 0;
}

int
arm_target_count(const struct manifest *m, const struct redis_target *target,
    const struct redis_opts *redis, const struct scope *scope, struct err *err)
{
	struct redis_census census;
	uint64_t has, lasting;

	if (!m->verified)
		return 0;
	if (redis_census_take(target, redis, scope, &census, err) != 0)
		return -1;
	has = redis_census_keys(&census, m->total.keys);
	lasting = fingerprint_lasting(
	    m->fingerprint, scope_wall_ms(scope) + SKEW_MS);
	if (has >= lasting)
		return 0;
	return err_set(err, ERR_CORRUPT,
	    "the import is said to have ended well, and the Redis holds "
	    "%" PRIu64 " keys of the snapshot's %" PRIu64
	    ", of which at least %" PRIu64 " have not expired",
	    has, m->total.keys, lasting);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arm/redis_resource.h"
#include "base/buf.h"
#include "base/journal.h"
#include "base/secret.h"
#include "tests/sim/arm_rig.h"

#define RG    "/subscriptions/s/resourceGroups/rg1/providers/Microsoft.Cache/"
#define AMR   RG "redisEnterprise/cache1"
#define DB    AMR "/databases/default"
#define CACHE RG "redis/cache1"

#define AMR_VERSION "[?]api-version=2025-07-01"
#define VERSION	    "[?]api-version=2024-11-01"

static const char cluster[] =
    "{\"id\":\"" AMR "\",\"kind\":\"v2\",\"location\":\"West US 2\","
    "\"sku\":{\"name\":\"Balanced_B10\"},\"properties\":{"
    "\"hostName\":\"cache1.westus2.redis.azure.net\","
    "\"redisVersion\":\"7.4\",\"provisioningState\":\"Succeeded\","
    "\"resourceState\":\"Running\"}}";

static const char database[] =
    "{\"id\":\"" DB "\",\"name\":\"cache1/default\",\"properties\":{"
    "\"provisioningState\":\"Succeeded\",\"resourceState\":\"Running\","
    "\"clientProtocol\":\"Encrypted\",\"clusteringPolicy\":\"OSSCluster\","
    "\"evictionPolicy\":\"AllKeysLRU\",\"port\":10000,\"modules\":["
    "{\"name\":\"RediSearch\",\"args\":\"\",\"version\":\"2.10.5\"},"
    "{\"name\":\"RedisJSON\"}],\"accessKeysAuthentication\":\"Enabled\","
    "\"geoReplication\":{\"groupNickname\":\"g\",\"linkedDatabases\":["
    "{\"id\":\"" RG "redisenterprise/CACHE1/databases/default\","
    "\"state\":\"Linked\"},{\"id\":\"/other\",\"state\":\"Linking\"}]}}}";

#define STATES(provisioning, resource) \
	"{\"properties\":{\"provisioningState\":" provisioning \
	",\"resourceState\":" resource ",\"port\":10000}}"

static struct redis_resource *
resource(struct arm_rig *r, const char *text)
{
	struct redis_resource_opts opts = {
	    .client = r->client, .journal = r->journal};
	struct resource_id id;

	arm_rig_ok(r, resource_id_parse(&id, text, &r->err));
	return redis_resource_new(&id, &opts);
}

static int
describe(struct arm_rig *r, const char *id, struct redis_description *d)
{
	struct redis_resource *res = resource(r, id);
	int rc;

	r->err = (struct err){0};
	rc = redis_resource_describe(res, &r->scope, d, &r->err);
	redis_resource_free(res);
	return rc;
}

static void
a_managed_redis_is_described(void **state)
{
	static const struct arm_step steps[] = {
	    {"GET " AMR AMR_VERSION, 200, NULL, cluster, ARM_ANSWER},
	    {"GET " DB AMR_VERSION, 200, NULL, database, ARM_ANSWER},
	};
	struct redis_description d;
	struct arm_rig r;

	(void)state;
	ARM_RIG(&r, steps);
	arm_rig_ok(&r, describe(&r, AMR, &d));
	assert_string_equal(d.name, "cache1/default");
	assert_string_equal(d.generation, "v2");
	assert_string_equal(d.version, "7.4");
	assert_string_equal(d.sku, "Balanced_B10");
	assert_int_equal(d.memory_bytes, (UINT64_C(12) << 30) / 5 * 4);
	assert_string_equal(d.location, "westus2");
	assert_string_equal(d.subscription, "s");
	assert_string_equal(d.host, "cache1.westus2.redis.azure.net");
	assert_int_equal(d.port, 10000);
	assert_true(d.tls);
	assert_true(d.can_export);
	assert_int_equal(d.state, RESOURCE_READY);
	assert_string_equal(d.clustering, "OSSCluster");
	assert_string_equal(d.eviction, "AllKeysLRU");
	assert_int_equal(d.access_keys, KEYS_ENABLED);
	assert_int_equal(d.nmodules, 2);
	assert_string_equal(d.modules[0].name, "RediSearch");
	assert_string_equal(d.modules[0].version, "2.10.5");
	assert_string_equal(d.modules[1].version, "");
	assert_string_equal(d.geo_group, "g");
	/* Itself is no other. */
	assert_int_equal(d.nlinks, 1);
	assert_string_equal(d.links[0].id, "/other");
	assert_string_equal(d.links[0].state, "Linking");
	redis_description_release(&d);
	arm_rig_down(&r);
}

static void
a_premium_cache_is_described(void **state)
{
	static const struct arm_step steps[] = {
	    {"GET " CACHE VERSION, 200, NULL,
		"{\"location\":\"East US\",\"properties\":{"
		"\"provisioningState\":\"Succeeded\",\"redisVersion\":\"6.0\","
		"\"sku\":{\"name\":\"Premium\",\"family\":\"P\",\"capacity\":1},"
		"\"shardCount\":3,\"enableNonSslPort\":true,"
		"\"hostName\":\"cache1.redis.cache.windows.net\",\"port\":6379,"
		"\"sslPort\":6380,\"disableAccessKeyAuthentication\":true,"
		"\"redisConfiguration\":{\"maxmemory-policy\":\"noeviction\"},"
		"\"linkedServers\":[{\"id\":\"x\"}]}}",
		ARM_ANSWER},
	    {"GET " CACHE "/linkedServers" VERSION, 200, NULL,
		"{\"value\":[{\"properties\":{\"linkedRedisCacheId\":\"/two\","
		"\"serverRole\":\"Secondary\"}}]}",
		ARM_ANSWER},
	    {"GET " CACHE VERSION, 200, NULL,
		"{\"properties\":{\"sku\":{\"name\":\"Basic\",\"family\":\"C\","
		"\"capacity\":0},\"provisioningState\":\"Scaling\"}}",
		ARM_ANSWER},
	};
	struct redis_description d;
	struct arm_rig r;

	(void)state;
	ARM_RIG(&r, steps);
	arm_rig_ok(&r, describe(&r, CACHE, &d));
	assert_string_equal(d.name, "cache1");
	assert_string_equal(d.sku, "Premium_P1");
	assert_int_equal(d.memory_bytes, 0);
	assert_string_equal(d.location, "eastus");
	assert_int_equal(d.port, 6380);
	assert_true(d.tls && d.can_export);
	assert_int_equal(d.shards, 3);
	assert_int_equal(d.state, RESOURCE_READY);
	assert_int_equal(d.access_keys, KEYS_DISABLED);
	assert_string_equal(d.eviction, "noeviction");
	assert_int_equal(d.nlinks, 1);
	assert_string_equal(d.links[0].id, "/two");
	assert_string_equal(d.links[0].state, "Secondary");
	redis_description_release(&d);
	arm_rig_ok(&r, describe(&r, CACHE, &d));
	assert_string_equal(d.sku, "Basic_C0");
	assert_false(d.can_export);
	assert_int_equal(d.state, RESOURCE_BUSY);
	redis_description_release(&d);
	arm_rig_down(&r);
}

static void
each_state_means_ready_or_busy_or_broken(void **state)
{
	static const struct {
		const char *body;
		enum resource_state state;
		bool failed;
	} cases[] = {
	    {STATES("\"Succeeded\"", "\"Running\""), RESOURCE_READY, false},
	    {STATES("\"succeeded\"", "null"), RESOURCE_READY, false},
	    {STATES("\"Failed\"", "\"Running\""), RESOURCE_READY, true},
	    {STATES("\"Canceled\"", "\"Running\""), RESOURCE_READY, true},
	    {STATES("\"Updating\"", "\"Running\""), RESOURCE_BUSY, false},
	    {STATES("\"Succeeded\"", "\"Scaling\""), RESOURCE_BUSY, false},
	    {STATES("\"Succeeded\"", "\"Moving\""), RESOURCE_BUSY, false},
	    {STATES("\"Succeeded\"", "\"ScalingFailed\""), RESOURCE_BROKEN,
		false},
	    {STATES("\"Succeeded\"", "\"Disabled\""), RESOURCE_BROKEN, false},
	    {STATES("\"Failed\"", "\"CreateFailed\""), RESOURCE_BROKEN, true},
	    {STATES("\"Failed\"", "null"), RESOURCE_BROKEN, true},
	    {STATES("7", "[]"), RESOURCE_BUSY, false},
	    {"{}", RESOURCE_BUSY, false},
	    {"[]", RESOURCE_BUSY, false},
	};
	struct arm_rig r;

	(void)state;
	arm_rig_up(&r, NULL, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct arm_step steps[] = {
		    {.status = 200, .body = cluster},
		    {.status = 200, .body = cases[i].body},
		};
		struct redis_description d;

		ARM_THEN(&r, steps);
		arm_rig_ok(&r, describe(&r, DB, &d));
		if (d.state != cases[i].state ||
		    d.last_change_failed != cases[i].failed)
			fail_msg("%s: %d", cases[i].body, d.state);
		redis_description_release(&d);
	}
	arm_rig_down(&r);
}

static void
a_database_is_no_better_than_its_cluster(void **state)
{
	static const struct arm_step steps[] = {
	    {.status = 200, .body = STATES("\"Updating\"", "\"Scaling\"")},
	    {.status = 200, .body = database},
	};
	struct redis_description d;
	struct arm_rig r;

	(void)state;
	ARM_RIG(&r, steps);
	arm_rig_ok(&r, describe(&r, DB, &d));
	assert_int_equal(d.state, RESOURCE_BUSY);
	assert_string_equal(d.resource, "Scaling");
	redis_description_release(&d);
	arm_rig_down(&r);
}

static void
what_cannot_be_described_says_why(void **state)
{
	static const struct arm_step steps[] = {
	    {.status = 404,
		.body = "{\"error\":{\"code\":\"ResourceNotFound\",\"message\":"
			"\"The Resource was not found.\"}}"},
	    {.status = 200, .body = cluster},
	    {.status = 403, .body = "{}"},
	};
	struct redis_description d;
	struct arm_rig r;

	(void)state;
	ARM_RIG(&r, steps);
	arm_rig_fails(&r, describe(&r, DB, &d), ERR_MISSING,
	    "describing the cluster of 'cache1/default': the service answered "
	    "404 ResourceNotFound");
	arm_rig_fails(&r, describe(&r, DB, &d), ERR_AUTH,
	    "describing 'cache1/default': the service answered 403");
	arm_rig_down(&r);
}

static int
list_keys(struct arm_rig *r, struct redis_keys *keys)
{
	struct redis_resource *res = resource(r, DB);
	int rc;

	r->err = (struct err){0};
	rc = redis_resource_list_keys(res, &r->scope, keys, &r->err);
	redis_resource_free(res);
	return rc;
}

static void
keys_are_listed(void **state)
{
	static const struct arm_step steps[] = {
	    {.status = 500},
	    {"POST " DB "/listKeys" AMR_VERSION, 200, NULL,
		"{\"primaryKey\":\"one\",\"secondaryKey\":\"two\"}",
		ARM_ANSWER},
	    {.status = 200, .body = "{\"primaryKey\":null}"},
	};
	struct redis_keys keys;
	struct arm_rig r;

	(void)state;
	ARM_RIG(&r, steps);
	arm_rig_ok(&r, list_keys(&r, &keys));
	assert_string_equal(keys.primary.data, "one");
	assert_string_equal(keys.secondary.data, "two");
	redis_keys_release(&keys);
	arm_rig_fails(&r, list_keys(&r, &keys), ERR_AUTH, "disabled?");
	arm_rig_down(&r);
}

static struct secret
secret_of(const char *text)
{
	struct secret s = {0};

	secret_set(&s, text, strlen(text));
	return s;
}

/* Begun and ended at once; the journal has no secret. */
static void
finish(struct arm_rig *r, struct operation *op, const char *key)
{
	struct operation_end end;
	struct buf entry;

	if (op == NULL)
		fail_msg("%s", r->err.text);
	buf_init(&entry, 65536);
	arm_rig_ok(r, r->journal->ops->get(r->journal, key, &entry, &r->err));
	assert_null(strstr(entry.data, "SECRET"));
	buf_release(&entry);
	arm_rig_ok(r, operation_follow(op, &r->scope, &end, &r->err));
	assert_int_equal(end.outcome, OPERATION_SUCCEEDED);
	arm_rig_ok(r, operation_settle(op, &r->err));
	operation_free(op);
}

static void
requests_are_as_redis_enterprise_has_them(void **state)
{
	static const struct arm_step steps[] = {
	    {"POST " DB "/export" AMR_VERSION, 200, NULL, NULL, ARM_ANSWER},
	    {"POST " DB "/import" AMR_VERSION, 200, NULL, NULL, ARM_ANSWER},
	    {"POST " DB "/flush" AMR_VERSION, 200, NULL, NULL, ARM_ANSWER},
	};
	static const struct operation_opts none;
	struct secret container = secret_of("https://a/c?sig=SECRET");
	struct secret files[] = {
	    secret_of("https://a/1?sig=SECRET"), secret_of("https://a/2?x")};
	struct redis_export export = {.container = &container, .prefix = "p"};
	struct redis_import import = {.files = files, .nfiles = 2};
	struct redis_resource *res;
	struct arm_rig r;

	(void)state;
	ARM_RIG(&r, steps);
	res = resource(&r, AMR);
	assert_true(redis_resource_abilities(res)->gzip);
	finish(&r, redis_resource_export(res, &export, &none, &r.scope, &r.err),
	    "arm/export/subscriptions/s/resourcegroups/rg1/providers/"
	    "microsoft.cache/redisenterprise/cache1/databases/default");
	arm_rig_sent(&r, 0, "\r\n{\"sasUri\":\"https://a/c?sig=SECRET\"}");
	finish(&r, redis_resource_import(res, &import, &none, &r.scope, &r.err),
	    "arm/import/subscriptions/s/resourcegroups/rg1/providers/"
	    "microsoft.cache/redisenterprise/cache1/databases/default");
	arm_rig_sent(&r, 1,
	    "\r\n{\"sasUris\":[\"https://a/1?sig=SECRET\","
	    "\"https://a/2?x\"]}");
	finish(&r, redis_resource_flush(res, &none, &r.scope, &r.err),
	    "arm/flush/subscriptions/s/resourcegroups/rg1/providers/"
	    "microsoft.cache/redisenterprise/cache1/databases/default");
	arm_rig_sent(&r, 2, "Content-Length: 0\r\n");

	export.by_identity = import.by_identity = true;
	assert_null(
	    redis_resource_export(res, &export, &none, &r.scope, &r.err));
	assert_int_equal(r.err.kind, ERR_UNSUPPORTED);
	assert_null(
	    redis_resource_import(res, &import, &none, &r.scope, &r.err));
	assert_int_equal(r.err.kind, ERR_UNSUPPORTED);
	redis_resource_free(res);
	secret_release(&container);
	secret_release(&files[0]);
	secret_release(&files[1]);
	arm_rig_down(&r);
}

static void
requests_are_as_premium_has_them(void **state)
{
	static const struct arm_step steps[] = {
	    {"POST " CACHE "/export" VERSION, 204, NULL, NULL, ARM_ANSWER},
	    {"POST " CACHE "/export" VERSION, 200, NULL, NULL, ARM_ANSWER},
	    {"POST " CACHE "/import" VERSION, 200, NULL, NULL, ARM_ANSWER},
	};
	static const char key[] =
	    "arm/export/subscriptions/s/resourcegroups/rg1/providers/"
	    "microsoft.cache/redis/cache1";
	static const struct operation_opts none;
	struct secret container = secret_of("https://a/c?sig=SECRET");
	struct redis_export export = {.container = &container, .prefix = "p1"};
	struct redis_import import = {
	    .files = &container, .nfiles = 1, .storage_subscription = "s2"};
	struct redis_resource *res;
	struct arm_rig r;

	(void)state;
	ARM_RIG(&r, steps);
	res = resource(&r, CACHE);
	assert_true(redis_resource_abilities(res)->needs_prefix);
	finish(&r, redis_resource_export(res, &export, &none, &r.scope, &r.err),
	    key);
	arm_rig_sent(&r, 0,
	    "\r\n{\"format\":\"RDB\",\"prefix\":\"p1\","
	    "\"container\":\"https://a/c?sig=SECRET\"}");
	export.by_identity = true;
	finish(&r, redis_resource_export(res, &export, &none, &r.scope, &r.err),
	    key);
	arm_rig_sent(&r, 1,
	    "\"preferred-data-archive-auth-method\":\"ManagedIdentity\"}");
	finish(&r, redis_resource_import(res, &import, &none, &r.scope, &r.err),
	    "arm/import/subscriptions/s/resourcegroups/rg1/providers/"
	    "microsoft.cache/redis/cache1");
	arm_rig_sent(&r, 2,
	    "\r\n{\"format\":\"RDB\",\"files\":[\"https://a/c?sig=SECRET\"],"
	    "\"storage-subscription-id\":\"s2\"}");
	export.prefix = NULL;
	assert_null(
	    redis_resource_export(res, &export, &none, &r.scope, &r.err));
	assert_int_equal(r.err.kind, ERR_USAGE);
	redis_resource_free(res);
	secret_release(&container);
	arm_rig_down(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_managed_redis_is_described),
	    cmocka_unit_test(a_premium_cache_is_described),
	    cmocka_unit_test(each_state_means_ready_or_busy_or_broken),
	    cmocka_unit_test(a_database_is_no_better_than_its_cluster),
	    cmocka_unit_test(what_cannot_be_described_says_why),
	    cmocka_unit_test(keys_are_listed),
	    cmocka_unit_test(requests_are_as_redis_enterprise_has_them),
	    cmocka_unit_test(requests_are_as_premium_has_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

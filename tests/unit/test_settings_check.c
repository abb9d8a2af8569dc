/* Settings that do not go together are refused, and told by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/job/settings.h"
#include "agent/job/settings_check.h"
#include "base/err.h"

struct given {
	enum option option;
	const char *value;
};

#define GIVEN_MAX 4

/* Ended by an entry without a value. */
static int
check(const struct given given[GIVEN_MAX], struct err *err)
{
	struct settings *s;
	int rc;

	*err = (struct err){0};
	s = settings_load(NULL, NULL, err);
	assert_non_null(s);
	for (int i = 0; i < GIVEN_MAX && given[i].value != NULL; i++)
		assert_int_equal(
		    settings_set(s, given[i].option, given[i].value, err), 0);
	rc = settings_check(s, err);
	settings_free(s);
	return rc;
}

static void
refused(const struct given given[GIVEN_MAX], const char *says)
{
	struct err err;

	assert_int_equal(check(given, &err), -1);
	assert_int_equal(err.kind, ERR_USAGE);
	if (strstr(err.text, says) == NULL)
		fail_msg("'%s' does not say '%s'", err.text, says);
}

static void
good(const struct given given[GIVEN_MAX])
{
	struct err err;

	if (check(given, &err) != 0)
		fail_msg("%s", err.text);
}

static void
test_level_is_one_of_the_codec(void **state)
{
	(void)state;
	refused((struct given[GIVEN_MAX]){{OPT_LEVEL, "10"}}, "gzip has");
	refused(
	    (struct given[GIVEN_MAX]){{OPT_CODEC, "gzip"}, {OPT_LEVEL, "15"}},
	    "'level' is 15");
	good((struct given[GIVEN_MAX]){{OPT_LEVEL, "9"}});
	good((struct given[GIVEN_MAX]){{OPT_CODEC, "zstd"}, {OPT_LEVEL, "15"}});
	good((struct given[GIVEN_MAX]){{OPT_CODEC, "none"}, {OPT_LEVEL, "15"}});
}

static void
test_one_source_only(void **state)
{
	(void)state;
	refused((struct given[GIVEN_MAX]){{OPT_SOURCE_REDIS, "redis://a"},
		    {OPT_SOURCE_FILE, "/dump.rdb"}},
	    "'source.redis' and 'source.file'");
	good((struct given[GIVEN_MAX]){{OPT_SOURCE_FILE, "/dump.rdb"}});
}

static void
test_two_stores_are_two(void **state)
{
	(void)state;
	refused((struct given[GIVEN_MAX]){{OPT_SOURCE_STORE, "file:///a/b"},
		    {OPT_DR_STORE, "file:///a/b//"}},
	    "same store");
	refused((struct given[GIVEN_MAX]){{OPT_SOURCE_STORE, "file:///a/"},
		    {OPT_DR_STORE, "file:///a"}},
	    "'source.store' and 'dr.store'");
	good((struct given[GIVEN_MAX]){
	    {OPT_SOURCE_STORE, "file:///a/b"}, {OPT_DR_STORE, "file:///a/bc"}});
	good((struct given[GIVEN_MAX]){{OPT_SOURCE_STORE, "file:///a"}});
}

static void
test_a_filter_is_read_before_it_is_needed(void **state)
{
	(void)state;
	refused((struct given[GIVEN_MAX]){{OPT_FILTER_DBS, "all"}},
	    "'filter.dbs': 'all' is no database");
	refused((struct given[GIVEN_MAX]){{OPT_FILTER_NOT_KEYS, "a,,b"}},
	    "'filter.not_keys'");
	refused(
	    (struct given[GIVEN_MAX]){{OPT_FILTER_TTL, "1h"}}, "'filter.ttl'");
	good((struct given[GIVEN_MAX]){
	    {OPT_FILTER_KEYS, "user:*"}, {OPT_FILTER_TYPES, "hash"}});
}

static void
test_tls_files_go_together(void **state)
{
	(void)state;
	refused((struct given[GIVEN_MAX]){{OPT_REPLICATION_CERT, "/c"},
		    {OPT_REPLICATION_KEY, "/k"}},
	    "'replication.tls_ca' is not");
	refused((struct given[GIVEN_MAX]){{OPT_SOURCE_TLS_CERT, "/c"}},
	    "'source.tls.key' is not");
	refused((struct given[GIVEN_MAX]){{OPT_DR_TLS_KEY, "/k"}},
	    "'dr.tls.cert' is not");
	good((struct given[GIVEN_MAX]){{OPT_REPLICATION_CERT, "/c"},
	    {OPT_REPLICATION_KEY, "/k"}, {OPT_REPLICATION_CA, "/a"}});
}

static void
test_secrets_are_in_the_clouds_vaults(void **state)
{
	static const char ours[] =
	    "keyvault:https://v.vault.azure.net/secrets/n";
	static const char theirs[] =
	    "keyvault:https://v.vault.azure.cn/secrets/n";

	(void)state;
	good((struct given[GIVEN_MAX]){{OPT_CIPHER_KEY, ours}});
	refused((struct given[GIVEN_MAX]){{OPT_CIPHER_KEY, theirs}},
	    "'cipher_key': 'https://v.vault.azure.cn/secrets/n' is not in");
	good((struct given[GIVEN_MAX]){
	    {OPT_CIPHER_KEY, theirs}, {OPT_CLOUD, "china"}});
	good((struct given[GIVEN_MAX]){
	    {OPT_CIPHER_KEY, theirs}, {OPT_ENDPOINT_KEYVAULT, "azure.cn"}});
}

static void
test_what_azure_does_needs_a_resource_and_an_address(void **state)
{
	(void)state;
	refused((struct given[GIVEN_MAX]){{OPT_SOURCE_WAY, "arm"}},
	    "needs 'source.resource'");
	refused((struct given[GIVEN_MAX]){{OPT_RESTORER, "arm"},
		    {OPT_DR_REDIS, "redis://h"}},
	    "needs 'dr.resource'");
	refused((struct given[GIVEN_MAX]){{OPT_DR_RESOURCE, "/s"}},
	    "'dr.redis' is not");
	refused((struct given[GIVEN_MAX]){{OPT_SOURCE_RESOURCE, "/s"},
		    {OPT_SOURCE_FILE, "/f"}},
	    "give one");
	good((struct given[GIVEN_MAX]){{OPT_SOURCE_RESOURCE, "/s"},
	    {OPT_SOURCE_REDIS, "redis://h"}, {OPT_DR_RESOURCE, "/s"},
	    {OPT_DR_REDIS, "redis://h"}});
}

#define CACHES "/subscriptions/s/resourceGroups/g/providers/Microsoft.Cache/"

static void
test_only_premium_reaches_storage_by_itself(void **state)
{
	(void)state;
	good((struct given[GIVEN_MAX]){{OPT_SOURCE_RESOURCE, CACHES "redis/c"},
	    {OPT_SOURCE_RESOURCE_AUTH, "identity"},
	    {OPT_SOURCE_STORE_SUBSCRIPTION, "other"}});
	refused((struct given[GIVEN_MAX]){{OPT_SOURCE_RESOURCE,
					      CACHES "redisEnterprise/c"},
		    {OPT_SOURCE_RESOURCE_AUTH, "identity"}},
	    "only a Premium cache can ('source.resource'");
	refused((struct given[GIVEN_MAX]){{OPT_DR_RESOURCE_AUTH, "identity"}},
	    "'dr.resource_auth' is 'identity'");
	refused((struct given[GIVEN_MAX]){{OPT_DR_STORE_SUBSCRIPTION, "s"}},
	    "only where 'dr.resource_auth' is 'identity'");
}

static void
test_what_resource_manager_is_asked_with_has_its_form(void **state)
{
	static const char *const bad[] = {"2025", "2025-7-1", "2025-07-01x",
	    "2025-07-01-beta", "2025-07-01&x=1", "-preview"};

	(void)state;
	good((struct given[GIVEN_MAX]){
	    {OPT_ARM_VERSION_ENTERPRISE, "2026-10-01-preview"},
	    {OPT_ARM_VERSION_REDIS, "2024-03-01"},
	    {OPT_EXPORT_PERMISSIONS, "rwdl"}});
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		refused(
		    (struct given[GIVEN_MAX]){{OPT_ARM_VERSION_REDIS, bad[i]}},
		    "YYYY-MM-DD-preview");
		refused((struct given[GIVEN_MAX]){{OPT_ARM_VERSION_ENTERPRISE,
			    bad[i]}},
		    "'arm.api_version.redis_enterprise' is");
	}
	refused((struct given[GIVEN_MAX]){{OPT_EXPORT_PERMISSIONS, "wr"}},
	    "letters of racwdxltmeop");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_level_is_one_of_the_codec),
	    cmocka_unit_test(test_one_source_only),
	    cmocka_unit_test(test_two_stores_are_two),
	    cmocka_unit_test(test_a_filter_is_read_before_it_is_needed),
	    cmocka_unit_test(test_tls_files_go_together),
	    cmocka_unit_test(test_secrets_are_in_the_clouds_vaults),
	    cmocka_unit_test(
		test_what_azure_does_needs_a_resource_and_an_address),
	    cmocka_unit_test(test_only_premium_reaches_storage_by_itself),
	    cmocka_unit_test(
		test_what_resource_manager_is_asked_with_has_its_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

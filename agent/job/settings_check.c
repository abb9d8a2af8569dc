#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "arm/cloud.h"
#include "arm/keyvault.h"
#include "arm/resource_id.h"
#include "base/err.h"
#include "rdb/key_filter.h"
#include "storage/azure_sas.h"

#include "agent/job/filter_settings.h"
#include "agent/job/settings.h"
#include "agent/job/settings_check.h"

/* The most that codec.h gives a codec; the option's row has the largest. */
#define GZIP_LEVEL_MAX 9

static int
check_level(const struct settings *s, struct err *err)
{
	const char *codec = settings_str(s, OPT_CODEC);
	int64_t level = settings_int(s, OPT_LEVEL);

	if (strcmp(codec, "gzip") == 0 && level > GZIP_LEVEL_MAX)
		return err_set(err, ERR_USAGE,
		    "'%s' is %" PRId64 ", and gzip has 0 (fast) to %d; give "
		    "--codec zstd for more",
		    options[OPT_LEVEL].key, level, GZIP_LEVEL_MAX);
	return 0;
}

static int
check_source(const struct settings *s, struct err *err)
{
	if ((settings_str(s, OPT_SOURCE_REDIS) != NULL ||
		settings_str(s, OPT_SOURCE_RESOURCE) != NULL) &&
	    settings_str(s, OPT_SOURCE_FILE) != NULL)
		return err_set(err, ERR_USAGE,
		    "both '%s' and '%s' are set; give one",
		    options[settings_str(s, OPT_SOURCE_REDIS) != NULL
			    ? OPT_SOURCE_REDIS
			    : OPT_SOURCE_RESOURCE]
			.key,
		    options[OPT_SOURCE_FILE].key);
	if (settings_str(s, OPT_SOURCE_RESOURCE) == NULL &&
	    strcmp(settings_str(s, OPT_SOURCE_WAY), "arm") == 0)
		return err_set(err, ERR_USAGE,
		    "'%s' is 'arm', which needs '%s'",
		    options[OPT_SOURCE_WAY].key,
		    options[OPT_SOURCE_RESOURCE].key);
	if (strcmp(settings_str(s, OPT_SOURCE_WAY), "scan") == 0 &&
	    strcmp(settings_str(s, OPT_ALLOW_INCONSISTENT), "yes") != 0)
		return err_set(err, ERR_USAGE,
		    "'%s' is 'scan', which gives no point in time; if that "
		    "will do, set '%s' to 'yes'",
		    options[OPT_SOURCE_WAY].key,
		    options[OPT_ALLOW_INCONSISTENT].key);
	return 0;
}

/* Resource Manager loads it; what it held, and holds then, only it tells. */
static int
check_dr(const struct settings *s, struct err *err)
{
	bool by_arm = strcmp(settings_str(s, OPT_RESTORER), "arm") == 0;

	if (settings_str(s, OPT_DR_RESOURCE) == NULL && by_arm)
		return err_set(err, ERR_USAGE,
		    "'%s' is 'arm', which needs '%s'",
		    options[OPT_RESTORER].key, options[OPT_DR_RESOURCE].key);
	if (settings_str(s, OPT_DR_RESOURCE) != NULL &&
	    settings_str(s, OPT_DR_REDIS) == NULL)
		return err_set(err, ERR_USAGE,
		    "'%s' is set and '%s' is not: what the Redis holds is "
		    "looked at before an import, and compared after it",
		    options[OPT_DR_RESOURCE].key, options[OPT_DR_REDIS].key);
	return 0;
}

static size_t
len_without_slashes(const char *url)
{
	size_t len = strlen(url);

	while (len > 0 && url[len - 1] == '/')
		len--;
	return len;
}

/* A copy beside itself is lost with it. */
static int
check_stores(const struct settings *s, struct err *err)
{
	const char *source = settings_str(s, OPT_SOURCE_STORE);
	const char *dr = settings_str(s, OPT_DR_STORE);
	size_t len;

	if (source == NULL || dr == NULL)
		return 0;
	len = len_without_slashes(source);
	if (len == len_without_slashes(dr) && memcmp(source, dr, len) == 0)
		return err_set(err, ERR_USAGE,
		    "'%s' and '%s' are the same store; the second is for "
		    "another region",
		    options[OPT_SOURCE_STORE].key, options[OPT_DR_STORE].key);
	return 0;
}

/* None of them, or all. */
static int
check_together(
    const struct settings *s, const enum option *all, size_t n, struct err *err)
{
	const char *given = NULL, *lacks = NULL;

	for (size_t i = 0; i < n; i++)
		if (settings_str(s, all[i]) != NULL)
			given = options[all[i]].key;
		else
			lacks = options[all[i]].key;
	if (given != NULL && lacks != NULL)
		return err_set(err, ERR_USAGE,
		    "'%s' is set and '%s' is not; they go together", given,
		    lacks);
	return 0;
}

static int
check_tls(const struct settings *s, struct err *err)
{
	static const enum option replication[] = {
	    OPT_REPLICATION_CERT, OPT_REPLICATION_KEY, OPT_REPLICATION_CA};
	static const enum option source[] = {
	    OPT_SOURCE_TLS_CERT, OPT_SOURCE_TLS_KEY};
	static const enum option dr[] = {OPT_DR_TLS_CERT, OPT_DR_TLS_KEY};

	if (check_together(s, replication, 3, err) != 0 ||
	    check_together(s, source, 2, err) != 0 ||
	    check_together(s, dr, 2, err) != 0)
		return -1;
	return 0;
}

static int
check_filter(const struct settings *s, struct err *err)
{
	struct key_filter *filter;

	if (filter_settings(s, &filter, err) != 0)
		return -1;
	key_filter_free(filter);
	return 0;
}

/* Whether each secret in Key Vault is in a vault that may see our token. */
static int
check_vaults(const struct settings *s, struct err *err)
{
	const char *domain = settings_str(s, OPT_ENDPOINT_KEYVAULT);
	const struct cloud *known = cloud_find(settings_str(s, OPT_CLOUD), err);
	struct cloud cloud;

	if (known == NULL)
		return -1;
	cloud = *known;
	if (domain != NULL)
		cloud.vault_suffix = domain;
	for (int o = 0; o < OPTIONS; o++) {
		const char *url = options[o].type == OPTION_SECRET
		    ? settings_vault_url(s, (enum option)o)
		    : NULL;

		if (url != NULL && keyvault_check(&cloud, url, err) != 0)
			return err_in(err, "'%s'", options[o].key);
	}
	return 0;
}

/* "2025-07-01", "2026-10-01-preview" */
static int
check_version(const struct settings *s, enum option o, struct err *err)
{
	const char *text = settings_str(s, o);
	static const char form[] = "dddd-dd-dd";
	size_t i = 0;

	if (text == NULL)
		return 0;
	while (form[i] == 'd' ? isdigit((unsigned char)text[i])
			      : form[i] != '\0' && text[i] == form[i])
		i++;
	if (form[i] == '\0' &&
	    (text[i] == '\0' || strcmp(text + i, "-preview") == 0))
		return 0;
	return err_set(err, ERR_USAGE,
	    "'%s' is '%.40s', which is no version: YYYY-MM-DD, or "
	    "YYYY-MM-DD-preview",
	    options[o].key, text);
}

static bool
is_premium(const char *resource)
{
	struct err ignored = {0};
	struct resource_id id;

	return resource != NULL &&
	    resource_id_parse(&id, resource, &ignored) == 0 &&
	    id.kind == RESOURCE_REDIS;
}

/* Before an export or import has begun, which is late. */
static int
check_resource_auth(const struct settings *s, enum option resource,
    enum option auth, enum option subscription, struct err *err)
{
	bool by_identity = strcmp(settings_str(s, auth), "identity") == 0;

	if (by_identity && !is_premium(settings_str(s, resource)))
		return err_set(err, ERR_USAGE,
		    "'%s' is 'identity', which only a Premium cache can "
		    "('%s' .../Microsoft.Cache/redis/NAME)",
		    options[auth].key, options[resource].key);
	if (!by_identity && settings_str(s, subscription) != NULL)
		return err_set(err, ERR_USAGE,
		    "'%s' is of use only where '%s' is 'identity'",
		    options[subscription].key, options[auth].key);
	return 0;
}

static int
check_arm(const struct settings *s, struct err *err)
{
	const char *permissions = settings_str(s, OPT_EXPORT_PERMISSIONS);

	if (!azure_sas_permissions_ok(permissions))
		return err_set(err, ERR_USAGE,
		    "'%s' is '%.40s': letters of " AZURE_SAS_PERMISSIONS
		    ", each once and in that order",
		    options[OPT_EXPORT_PERMISSIONS].key, permissions);
	if (check_version(s, OPT_ARM_VERSION_ENTERPRISE, err) != 0 ||
	    check_version(s, OPT_ARM_VERSION_REDIS, err) != 0 ||
	    check_resource_auth(s, OPT_SOURCE_RESOURCE,
		OPT_SOURCE_RESOURCE_AUTH, OPT_SOURCE_STORE_SUBSCRIPTION,
		err) != 0)
		return -1;
	return check_resource_auth(s, OPT_DR_RESOURCE, OPT_DR_RESOURCE_AUTH,
	    OPT_DR_STORE_SUBSCRIPTION, err);
}

int
settings_check(const struct settings *s, struct err *err)
{
	if (check_source(s, err) != 0 || check_dr(s, err) != 0 ||
	    check_stores(s, err) != 0 || check_level(s, err) != 0 ||
	    check_tls(s, err) != 0 || check_filter(s, err) != 0 ||
	    check_vaults(s, err) != 0 || check_arm(s, err) != 0)
		return -1;
	return 0;
}

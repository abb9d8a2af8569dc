#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <strings.h>

#include "arm/redis_resource.h"
#include "base/err.h"
#include "base/json.h"

#include "agent/snapshot/azure_modules.h"

/* What modules that are built from no release call themselves: 99.99.99. */
#define UNRELEASED 999999

struct module_names {
	const char *azure, *redis;
};

static const struct module_names known[] = {
    {"RedisJSON", "ReJSON"},
    {"RediSearch", "search"},
    {"RedisBloom", "bf"},
    {"RedisTimeSeries", "timeseries"},
};

/* Redis' name of one, whichever it was given. */
static const char *
own_name(const char *name)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcasecmp(known[i].azure, name) == 0)
			return known[i].redis;
	return name;
}

/* "2.10.5" is 21005, as MODULE LIST has it; 0: not told. */
static int64_t
version_number(const char *text)
{
	int major = 0, minor = 0, patch = 0;

	if (sscanf(text, "%4d.%2d.%2d", &major, &minor, &patch) < 1 ||
	    major < 0 || minor < 0 || patch < 0)
		return 0;
	return major * INT64_C(10000) + minor * 100 + patch;
}

cJSON *
azure_modules_profile(const struct redis_description *d)
{
	cJSON *profile, *list;

	if (d->nmodules == 0)
		return NULL;
	profile = cJSON_CreateObject();
	list = cJSON_AddArrayToObject(profile, "modules");
	for (size_t i = 0; i < d->nmodules; i++) {
		cJSON *o = cJSON_CreateObject();
		int64_t version = version_number(d->modules[i].version);

		cJSON_AddStringToObject(
		    o, "name", own_name(d->modules[i].name));
		if (version > 0)
			json_add_int(o, "version", version);
		cJSON_AddItemToArray(list, o);
	}
	return profile;
}

static const struct redis_module *
find(const struct redis_description *d, const char *name)
{
	for (size_t i = 0; i < d->nmodules; i++)
		if (strcasecmp(own_name(d->modules[i].name), own_name(name)) ==
		    0)
			return &d->modules[i];
	return NULL;
}

static int
check_one(
    const cJSON *wanted, const struct redis_description *d, struct err *err)
{
	const struct redis_module *there;
	const char *name = NULL;
	int64_t version = 0, has;
	struct err ignored = {0};

	json_opt_str(wanted, "name", &name, &ignored);
	json_opt_int(wanted, "version", &version, &ignored);
	if (name == NULL)
		return 0;
	there = find(d, name);
	if (there == NULL)
		return err_set(err, ERR_UNSUPPORTED,
		    "the snapshot has values of modules, its source had "
		    "'%.60s', and that is not loaded there",
		    name);
	has = version_number(there->version);
	if (version == UNRELEASED || has == 0 || version / 100 <= has / 100)
		return 0;
	return err_set(err, ERR_UNSUPPORTED,
	    "module '%.60s' is of version %.20s there, and the snapshot's "
	    "source had %" PRId64 ".%" PRId64
	    ", whose values an older one may not read",
	    there->name, there->version, version / 10000, version / 100 % 100);
}

int
azure_modules_check(
    const cJSON *profile, const struct redis_description *d, struct err *err)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(
	    profile, "modules");
	const cJSON *wanted;

	cJSON_ArrayForEach(wanted, list)
	{
		if (check_one(wanted, d, err) != 0)
			return -1;
	}
	return 0;
}

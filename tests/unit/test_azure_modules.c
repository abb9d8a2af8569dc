/* Modules by Azure's names and by Redis' own, and which versions will do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/snapshot/azure_modules.h"
#include "arm/redis_resource.h"
#include "base/err.h"

static struct redis_module some[] = {
    {"RedisJSON", "2.4.7"}, {"RediSearch", ""}, {"Other", "1.0"}};
static const struct redis_description three = {.modules = some, .nmodules = 3};

static int
check(const char *profile, struct err *err)
{
	cJSON *o = cJSON_Parse(profile);
	int rc;

	*err = (struct err){0};
	rc = azure_modules_check(o, &three, err);
	cJSON_Delete(o);
	return rc;
}

static void
fits(const char *profile)
{
	struct err err;

	if (check(profile, &err) != 0)
		fail_msg("%s: %s", profile, err.text);
}

static void
is_refused(const char *profile, const char *says)
{
	struct err err;

	assert_int_equal(check(profile, &err), -1);
	assert_int_equal(err.kind, ERR_UNSUPPORTED);
	if (strstr(err.text, says) == NULL)
		fail_msg("%s: %s", profile, err.text);
}

static void
an_exports_modules_are_called_as_redis_calls_them(void **state)
{
	static const struct redis_description none = {.nmodules = 0};
	cJSON *o = azure_modules_profile(&three);
	char *text = cJSON_PrintUnformatted(o);

	(void)state;
	assert_string_equal(text,
	    "{\"modules\":[{\"name\":\"ReJSON\",\"version\":20407},"
	    "{\"name\":\"search\"},{\"name\":\"Other\",\"version\":10000}]}");
	cJSON_free(text);
	cJSON_Delete(o);
	assert_null(azure_modules_profile(&none));
}

static void
each_must_be_there_by_either_name(void **state)
{
	(void)state;
	fits("{\"modules\":[{\"name\":\"ReJSON\"},{\"name\":\"search\"}]}");
	fits("{\"modules\":[{\"name\":\"RedisJSON\"}]}");
	is_refused("{\"modules\":[{\"name\":\"ReJSON\"},{\"name\":\"bf\"}]}",
	    "its source had 'bf', and that is not loaded there");
}

static void
and_be_no_older(void **state)
{
	(void)state;
	fits("{\"modules\":[{\"name\":\"ReJSON\",\"version\":20407}]}");
	fits("{\"modules\":[{\"name\":\"ReJSON\",\"version\":20009}]}");
	fits("{\"modules\":[{\"name\":\"ReJSON\",\"version\":20410}]}");
	is_refused("{\"modules\":[{\"name\":\"ReJSON\",\"version\":20600}]}",
	    "'RedisJSON' is of version 2.4.7 there, and the snapshot's source "
	    "had 2.6");
	is_refused("{\"modules\":[{\"name\":\"ReJSON\",\"version\":30000}]}",
	    "had 3.0");
}

static void
what_is_not_told_is_not_asked_for(void **state)
{
	(void)state;
	fits("{}");
	fits("{\"modules\":[]}");
	fits("{\"modules\":[{\"version\":1},7,null]}");
	fits("{\"modules\":[{\"name\":\"search\",\"version\":21005}]}");
	/* Built from no release. */
	fits("{\"modules\":[{\"name\":\"ReJSON\",\"version\":999999}]}");
	fits("{\"modules\":[{\"name\":\"ReJSON\",\"version\":\"x\"}]}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_exports_modules_are_called_as_redis_calls_them),
	    cmocka_unit_test(each_must_be_there_by_either_name),
	    cmocka_unit_test(and_be_no_older),
	    cmocka_unit_test(what_is_not_told_is_not_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

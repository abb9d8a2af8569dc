#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/lever_rig.h"

#define PROFILE \
	"/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/" \
	"trafficManagerProfiles/shop"
#define EXTERNAL "ExternalEndpoints/"

#define LEVER "{'traffic_manager': '" PROFILE "', 'enable': '" EXTERNAL "north'"

#define VERSION	    "[?]api-version=2022-04-01"
#define GET	    "GET " PROFILE VERSION
#define PATCH(name) "PATCH " PROFILE "/" EXTERNAL name VERSION

#define ENDPOINT(name, status, monitor) \
	"{\"name\":\"" name "\",\"type\":\"Microsoft.Network/" \
	"trafficManagerProfiles/ExternalEndpoints\",\"properties\":{" \
	"\"endpointStatus\":\"" status \
	"\",\"endpointMonitorStatus\":\"" monitor "\",\"target\":\"" name \
	".example\"}}"
#define IS(profile, endpoints) \
	"{\"properties\":{\"profileStatus\":\"" profile "\",\"dnsConfig\":{" \
	"\"fqdn\":\"shop.trafficmanager.net\"},\"endpoints\":[" endpoints \
	"]}}"

#define WEST(s) ENDPOINT("west", s, "Online")
#define EAST(s) ENDPOINT("east", s, "Online")
#define BEFORE \
	IS("Enabled", \
	    WEST("Enabled") "," EAST("Disabled") "," ENDPOINT( \
		"north", "Disabled", "Disabled"))
#define AFTER(monitor) \
	IS("Enabled", \
	    WEST("Disabled") "," EAST("Disabled") "," ENDPOINT( \
		"north", "Enabled", monitor))

static void
one_is_enabled_before_the_others_are_disabled(void **state)
{
	static const struct arm_step steps[] = {
	    {GET, 200, NULL, BEFORE, ARM_ANSWER},
	    {GET, 200, NULL, BEFORE, ARM_ANSWER},
	    {PATCH("north"), 200, NULL, "{}", ARM_ANSWER},
	    {PATCH("west"), 200, NULL, "{}", ARM_ANSWER},
	    {GET, 200, NULL, AFTER("CheckingEndpoint"), ARM_ANSWER},
	    {GET, 200, NULL, AFTER("Online"), ARM_ANSWER},
	    {GET, 200, NULL, AFTER("Online"), ARM_ANSWER},
	    {PATCH("west"), 200, NULL, "{}", ARM_ANSWER},
	    {PATCH("north"), 200, NULL, "{}", ARM_ANSWER},
	    {GET, 200, NULL, BEFORE, ARM_ANSWER},
	};
	struct lever_rig r;

	(void)state;
	LEVER_RIG(&r, steps);
	lever_rig_parse(&r, LEVER "}");
	lever_rig_looks(&r, LEVER_PULL, 2);
	assert_string_equal(r.view.changes[0].what, EXTERNAL "north");
	assert_string_equal(r.view.changes[0].then, "Enabled");
	assert_string_equal(r.view.alias, "shop.trafficmanager.net");
	assert_string_equal(r.view.host, "north.example");
	lever_rig_moves(&r, LEVER_PULL, true);
	arm_rig_sent(
	    &r.arm, 2, "{\"properties\":{\"endpointStatus\":\"Enabled\"}}");
	arm_rig_sent(
	    &r.arm, 3, "{\"properties\":{\"endpointStatus\":\"Disabled\"}}");
	lever_rig_holds(&r, LEVER_PULL);
	/* Of one that Traffic Manager does not probe well, too. */
	lever_rig_moves(&r, LEVER_UNDO, true);
	lever_rig_holds(&r, LEVER_UNDO);
	lever_rig_down(&r);
}

static void
half_of_a_pull_is_gone_on_with(void **state)
{
	static const char half[] = IS("Enabled",
	    WEST("Enabled") "," EAST("Disabled") "," ENDPOINT(
		"north", "Enabled", "Online"));
	static const struct arm_step steps[] = {
	    {GET, 200, NULL, BEFORE, ARM_ANSWER},
	    {GET, 200, NULL, BEFORE, ARM_ANSWER},
	    {PATCH("north"), 200, NULL, "{}", ARM_ANSWER},
	    {PATCH("west"), 400, NULL, "{}", ARM_ANSWER},
	    {GET, 200, NULL, half, ARM_ANSWER},
	    {PATCH("west"), 200, NULL, "{}", ARM_ANSWER},
	    {GET, 200, NULL, AFTER("Online"), ARM_ANSWER},
	};
	struct lever_rig r;

	(void)state;
	LEVER_RIG(&r, steps);
	lever_rig_parse(&r, LEVER "}");
	lever_rig_looks(&r, LEVER_PULL, 2);
	arm_rig_fails(&r.arm, lever_rig_move(&r, LEVER_PULL), ERR_SERVER,
	    "'ExternalEndpoints/west'");
	assert_true(r.changed);
	lever_rig_moves(&r, LEVER_PULL, true);
	lever_rig_moves(&r, LEVER_PULL, false);
	lever_rig_down(&r);
}

static void
an_undo_leaves_alone_what_the_pull_left(void **state)
{
	/* Somebody enabled that one since. */
	static const char east[] = IS("Enabled",
	    WEST("Disabled") "," EAST("Enabled") "," ENDPOINT(
		"north", "Enabled", "Online"));
	static const struct arm_step steps[] = {
	    {GET, 200, NULL, BEFORE, ARM_ANSWER},
	    {GET, 200, NULL, east, ARM_ANSWER},
	    {GET, 200, NULL, east, ARM_ANSWER},
	    {PATCH("west"), 200, NULL, "{}", ARM_ANSWER},
	    {PATCH("north"), 200, NULL, "{}", ARM_ANSWER},
	};
	struct lever_rig r;

	(void)state;
	LEVER_RIG(&r, steps);
	lever_rig_parse(&r, LEVER "}");
	lever_rig_looks(&r, LEVER_PULL, 2);
	lever_rig_looks(&r, LEVER_UNDO, 2);
	lever_rig_moves(&r, LEVER_UNDO, true);
	lever_rig_down(&r);
}

static void
only_those_named_are_disabled(void **state)
{
	static const char is[] = IS("Enabled",
	    WEST("Enabled") "," EAST("Enabled") "," ENDPOINT(
		"north", "Enabled", "Online"));
	static const struct arm_step steps[] = {
	    {GET, 200, NULL, is, ARM_ANSWER},
	};
	struct lever_rig r;

	(void)state;
	LEVER_RIG(&r, steps);
	lever_rig_parse(&r,
	    LEVER ", 'disable': ['" EXTERNAL "west'], 'alias': 'redis.shop'}");
	lever_rig_looks(&r, LEVER_PULL, 1);
	assert_string_equal(r.view.changes[0].what, EXTERNAL "west");
	assert_string_equal(r.view.alias, "redis.shop");
	assert_false(lever_rig_noted(&r, "east"));
	lever_rig_down(&r);
}

static void
what_traffic_manager_leads_nobody_to_is_no_success(void **state)
{
	static const char off[] = IS("Disabled",
	    WEST("Disabled") "," EAST("Disabled") "," ENDPOINT(
		"north", "Enabled", "Inactive"));
	static const struct arm_step steps[] = {
	    {GET, 200, NULL, AFTER("Degraded"), ARM_ANSWER},
	    {GET, 200, NULL, AFTER("Degraded"), ARM_ANSWER},
	    {GET, 200, NULL, AFTER("Degraded"), ARM_ANSWER},
	    {GET, 200, NULL, off, ARM_ANSWER},
	};
	struct lever_rig r;

	(void)state;
	LEVER_RIG(&r, steps);
	lever_rig_parse(&r, LEVER "}");
	lever_rig_looks(&r, LEVER_PULL, 0);
	arm_rig_fails(&r.arm, lever_rig_check(&r, LEVER_PULL, 3000),
	    ERR_UNREACHABLE, "probe of it says Degraded");
	arm_rig_fails(&r.arm, lever_rig_check(&r, LEVER_PULL, 1000),
	    ERR_UNREACHABLE, "the profile itself is disabled");
	lever_rig_down(&r);
}

static void
an_endpoint_that_is_not_there_is_told(void **state)
{
	static const struct arm_step steps[] = {
	    {GET, 200, NULL, IS("Enabled", WEST("Enabled")), ARM_ANSWER},
	    {GET, 200, NULL, BEFORE, ARM_ANSWER},
	    {GET, 200, NULL, IS("Enabled", "{\"name\":\"x\"}"), ARM_ANSWER},
	    {GET, 200, NULL, "{\"properties\":{}}", ARM_ANSWER},
	};
	struct lever_rig r;

	(void)state;
	LEVER_RIG(&r, steps);
	lever_rig_parse(&r, LEVER "}");
	arm_rig_fails(&r.arm, lever_rig_look(&r, LEVER_PULL), ERR_MISSING,
	    "no endpoint 'ExternalEndpoints/north'");
	lever_rig_parse(&r, LEVER ", 'disable': ['" EXTERNAL "south']}");
	arm_rig_fails(&r.arm, lever_rig_look(&r, LEVER_PULL), ERR_MISSING,
	    "no endpoint 'ExternalEndpoints/south'");
	for (int i = 0; i < 2; i++)
		arm_rig_fails(
		    &r.arm, lever_rig_look(&r, LEVER_PULL), ERR_CORRUPT, "");
	lever_rig_down(&r);
}

static void
settings_that_are_none_are_refused(void **state)
{
	static const struct lever_wrong wrong[] = {
	    {"{'traffic_manager': '" PROFILE "'}", "'enable' is missing"},
	    {"{'traffic_manager': '" PROFILE "/x', 'enable': '" EXTERNAL "n'}",
		"no resource id"},
	    {"{'traffic_manager': '" PROFILE "', 'enable': 'north'}",
		"no endpoint"},
	    {LEVER ", 'disable': '" EXTERNAL "west'}", "no list"},
	    {LEVER ", 'disable': [1]}", "no list"},
	    {LEVER ", 'disable': ['west']}", "no endpoint"},
	    {LEVER ", 'disable': ['" EXTERNAL "north']}", "both"},
	    {LEVER ", 'alias': 'a/b'}", "no host's name"},
	};

	(void)state;
	LEVER_RIG_REFUSES(wrong);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_is_enabled_before_the_others_are_disabled),
	    cmocka_unit_test(half_of_a_pull_is_gone_on_with),
	    cmocka_unit_test(an_undo_leaves_alone_what_the_pull_left),
	    cmocka_unit_test(only_those_named_are_disabled),
	    cmocka_unit_test(
		what_traffic_manager_leads_nobody_to_is_no_success),
	    cmocka_unit_test(an_endpoint_that_is_not_there_is_told),
	    cmocka_unit_test(settings_that_are_none_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

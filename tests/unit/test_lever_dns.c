#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/lever_rig.h"

#define NETWORK "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network"
#define RECORD	NETWORK "/dnsZones/shop.example/CNAME/redis"
#define PRIVATE NETWORK "/privateDnsZones/shop.example/CNAME/redis"

#define LEVER "{'dns': '" RECORD "', 'cname': 'north.example'}"

#define GET "GET " RECORD "[?]api-version=2018-05-01"
#define PUT "PUT " RECORD "[?]api-version=2018-05-01"

#define IS(tag, ttl, cname) \
	"{\"etag\":\"" tag "\",\"properties\":{\"TTL\":" ttl \
	",\"fqdn\":\"redis.shop.example.\",\"metadata\":{\"a\":\"b\"}," \
	"\"CNAMERecord\":{\"cname\":\"" cname "\"}}}"
#define WEST  IS("w", "60", "west.example")
#define NORTH IS("n", "60", "north.example")
#define EAST  IS("e", "60", "east.example")

#define SEEN(is) \
	{ \
		GET, 200, NULL, is, ARM_ANSWER \
	}

static void
a_public_record_is_switched_and_put_back(void **state)
{
	static const struct arm_step steps[] = {
	    SEEN(WEST),
	    SEEN(WEST),
	    {PUT, 200, NULL, NORTH, ARM_ANSWER},
	    SEEN(NORTH),
	    SEEN(NORTH),
	    SEEN(NORTH),
	    {PUT, 200, NULL, WEST, ARM_ANSWER},
	    SEEN(WEST),
	};
	struct lever_rig r;

	(void)state;
	LEVER_RIG(&r, steps);
	lever_rig_parse(&r, LEVER);
	assert_string_equal(lever_name(r.lever), "dns redis.shop.example");
	lever_rig_looks(&r, LEVER_PULL, 1);
	assert_string_equal(r.view.changes[0].now, "west.example, TTL 60 s");
	assert_string_equal(r.view.changes[0].then, "north.example, TTL 60 s");
	assert_string_equal(r.view.alias, "redis.shop.example");
	assert_string_equal(r.view.host, "north.example");
	lever_rig_moves(&r, LEVER_PULL, true);
	arm_rig_sent(&r.arm, 2, "If-Match: w\r\n");
	arm_rig_sent(&r.arm, 2,
	    "{\"properties\":{\"TTL\":60,"
	    "\"CNAMERecord\":{\"cname\":\"north.example\"},"
	    "\"metadata\":{\"a\":\"b\"}}}");
	lever_rig_holds(&r, LEVER_PULL);
	lever_rig_looks(&r, LEVER_UNDO, 1);
	lever_rig_moves(&r, LEVER_UNDO, true);
	arm_rig_sent(&r.arm, 6, "If-Match: n\r\n");
	arm_rig_sent(&r.arm, 6, "{\"cname\":\"west.example\"}");
	lever_rig_holds(&r, LEVER_UNDO);
	lever_rig_down(&r);
}

static void
a_private_record_is_spelled_otherwise(void **state)
{
	static const char is[] =
	    "{\"etag\":\"w\",\"properties\":{\"ttl\":300,"
	    "\"cnameRecord\":{\"cname\":\"west.example\"}}}";
	static const char get[] = "GET " PRIVATE "[?]api-version=2020-06-01";
	static const struct arm_step steps[] = {
	    {get, 200, NULL, is, ARM_ANSWER},
	    {get, 200, NULL, is, ARM_ANSWER},
	    {"PUT " PRIVATE "[?]api-version=2020-06-01", 200, NULL, is,
		ARM_ANSWER},
	};
	struct lever_rig r;

	(void)state;
	LEVER_RIG(&r, steps);
	lever_rig_parse(&r,
	    "{'private_dns': '" PRIVATE "', 'cname': 'north.example', "
	    "'ttl': 10}");
	lever_rig_looks(&r, LEVER_PULL, 1);
	lever_rig_moves(&r, LEVER_PULL, true);
	arm_rig_sent(&r.arm, 2,
	    "{\"properties\":{\"ttl\":10,"
	    "\"cnameRecord\":{\"cname\":\"north.example\"}}}");
	lever_rig_down(&r);
}

static void
what_is_so_already_is_not_written(void **state)
{
	static const char is[] = IS("n", "60", "North.Example.");
	static const struct arm_step steps[] = {
	    SEEN(is),
	    SEEN(is),
	    SEEN(is),
	};
	struct lever_rig r;

	(void)state;
	LEVER_RIG(&r, steps);
	lever_rig_parse(&r, LEVER);
	lever_rig_looks(&r, LEVER_PULL, 0);
	lever_rig_moves(&r, LEVER_PULL, false);
	lever_rig_moves(&r, LEVER_UNDO, false);
	lever_rig_down(&r);
}

/* As private zones do, which know no capitals. */
static void
a_name_that_comes_back_in_another_spelling_is_the_same(void **state)
{
	static const struct arm_step steps[] = {
	    SEEN(WEST),
	    SEEN(WEST),
	    {PUT, 200, NULL, NORTH, ARM_ANSWER},
	    SEEN(NORTH),
	    SEEN(NORTH),
	    {PUT, 200, NULL, WEST, ARM_ANSWER},
	};
	struct lever_rig r;

	(void)state;
	LEVER_RIG(&r, steps);
	lever_rig_parse(&r, "{'dns': '" RECORD "', 'cname': 'North.Example.'}");
	lever_rig_looks(&r, LEVER_PULL, 1);
	lever_rig_moves(&r, LEVER_PULL, true);
	lever_rig_holds(&r, LEVER_PULL);
	lever_rig_moves(&r, LEVER_UNDO, true);
	lever_rig_down(&r);
}

static void
what_somebody_else_changed_stays(void **state)
{
	static const struct arm_step steps[] = {
	    SEEN(WEST),
	    /* before our read */
	    SEEN(EAST),
	    /* between it and our write */
	    SEEN(WEST),
	    {PUT, 412, NULL, NULL, ARM_ANSWER},
	    SEEN(EAST),
	    /* since it was pulled */
	    SEEN(EAST),
	};
	struct lever_rig r;

	(void)state;
	LEVER_RIG(&r, steps);
	lever_rig_parse(&r, LEVER);
	lever_rig_looks(&r, LEVER_PULL, 1);
	arm_rig_fails(&r.arm, lever_rig_move(&r, LEVER_PULL), ERR_CONFLICT,
	    "is now 'east.example, TTL 60 s', neither 'west");
	assert_false(r.changed);
	arm_rig_fails(&r.arm, lever_rig_move(&r, LEVER_PULL), ERR_CONFLICT,
	    "is now 'east.example");
	arm_rig_fails(&r.arm, lever_rig_move(&r, LEVER_UNDO), ERR_CONFLICT,
	    "neither 'north.example");
	lever_rig_down(&r);
}

static void
a_write_whose_answer_was_lost_is_seen_to_be_ours(void **state)
{
	static const struct arm_step steps[] = {
	    SEEN(WEST),
	    SEEN(WEST),
	    {.wants = PUT, .how = ARM_RESET},
	    {PUT, 412, NULL, NULL, ARM_ANSWER},
	    SEEN(NORTH),
	};
	struct lever_rig r;

	(void)state;
	LEVER_RIG(&r, steps);
	lever_rig_parse(&r, LEVER);
	lever_rig_looks(&r, LEVER_PULL, 1);
	lever_rig_moves(&r, LEVER_PULL, true);
	lever_rig_down(&r);
}

static void
without_leave_nothing_is_written(void **state)
{
	static const struct arm_step steps[] = {
	    SEEN(WEST),
	    SEEN(WEST),
	};
	struct lever_rig r;

	(void)state;
	LEVER_RIG(&r, steps);
	lever_rig_parse(&r, LEVER);
	lever_rig_looks(&r, LEVER_PULL, 1);
	r.no_leave = true;
	arm_rig_fails(
	    &r.arm, lever_rig_move(&r, LEVER_PULL), ERR_LOCKED, "about to end");
	assert_false(r.changed);
	lever_rig_down(&r);
}

static void
a_read_that_fails_says_why(void **state)
{
	static const char denied[] =
	    "{\"error\":{\"code\":\"AuthorizationFailed\",\"message\":\"The "
	    "client 'x' does not have authorization to perform action "
	    "'Microsoft.Network/dnsZones/CNAME/read' over scope 'y'.\"}}";
	static const struct arm_step steps[] = {
	    {GET, 403, NULL, denied, ARM_ANSWER},
	    {GET, 404, NULL, NULL, ARM_ANSWER},
	    {GET, 200, NULL, "{}", ARM_ANSWER},
	    {GET, 200, NULL, "{\"properties\":{\"TTL\":1}}", ARM_ANSWER},
	    {GET, 200, NULL,
		"{\"properties\":{\"TTL\":1,"
		"\"CNAMERecord\":{\"cname\":\"a.b\"}}}",
		ARM_ANSWER},
	};
	static const struct {
		enum err_kind kind;
		const char *says;
	} wants[] = {
	    {ERR_AUTH, "may not 'Microsoft.Network/dnsZones/CNAME/read'"},
	    {ERR_MISSING, "404"},
	    {ERR_CORRUPT, "properties"},
	    {ERR_UNSUPPORTED, "an alias record?"},
	    {ERR_CORRUPT, "no etag"},
	};
	struct lever_rig r;

	(void)state;
	LEVER_RIG(&r, steps);
	lever_rig_parse(&r, LEVER);
	for (size_t i = 0; i < sizeof(wants) / sizeof(*wants); i++)
		arm_rig_fails(&r.arm, lever_rig_look(&r, LEVER_PULL),
		    wants[i].kind, wants[i].says);
	lever_rig_down(&r);
}

static int
try_right(struct lever_rig *r, bool *tried)
{
	r->arm.err = (struct err){0};
	return lever_try_right(
	    r->lever, &r->env, &r->arm.scope, tried, &r->arm.err);
}

static void
the_right_to_change_is_tried_by_what_cannot_be(void **state)
{
	static const struct arm_step steps[] = {
	    SEEN(WEST),
	    {PUT, 412, NULL, NULL, ARM_ANSWER},
	    SEEN(WEST),
	    {PUT, 403, NULL,
		"{\"error\":{\"code\":\"AuthorizationFailed\",\"message\":"
		"\"not authorized to perform action "
		"'Microsoft.Network/dnsZones/CNAME/write'\"}}",
		ARM_ANSWER},
	};
	struct lever_rig r;
	bool tried;

	(void)state;
	LEVER_RIG(&r, steps);
	lever_rig_parse(&r, LEVER);
	arm_rig_ok(&r.arm, try_right(&r, &tried));
	assert_true(tried);
	/* Its condition holds of nothing, and what it says is what is. */
	arm_rig_sent(&r.arm, 1, "If-Match: \"drsync-check\"\r\n");
	arm_rig_sent(&r.arm, 1, "{\"cname\":\"west.example\"}");
	arm_rig_fails(&r.arm, try_right(&r, &tried), ERR_AUTH,
	    "may not 'Microsoft.Network/dnsZones/CNAME/write'");
	lever_rig_down(&r);
}

static void
a_check_waits_until_it_is_seen_or_the_time_is_up(void **state)
{
	static const struct arm_step steps[] = {
	    SEEN(WEST),
	    SEEN(WEST),
	    SEEN(NORTH),
	    SEEN(WEST),
	    SEEN(WEST),
	};
	struct lever_rig r;

	(void)state;
	LEVER_RIG(&r, steps);
	lever_rig_parse(&r, LEVER);
	lever_rig_looks(&r, LEVER_PULL, 1);
	lever_rig_holds(&r, LEVER_PULL);
	assert_int_equal(r.arm.clock.sleeps, 1);
	arm_rig_fails(&r.arm, lever_rig_check(&r, LEVER_PULL, 3000),
	    ERR_UNREACHABLE, "is not seen to have changed");
	lever_rig_down(&r);
}

static void
settings_that_are_none_are_refused(void **state)
{
	static const struct lever_wrong wrong[] = {
	    {"'x'", "no object"},
	    {"{}", "it has none of"},
	    {"{'dns': '" RECORD "', 'webhook': 'x'}", "these are two"},
	    {"{'dns': '" RECORD "'}", "'cname' is missing"},
	    {"{'dns': '" RECORD "', 'cname': 'a b'}", "no host's name"},
	    {"{'dns': '" RECORD "', 'cname': ''}", "empty"},
	    {"{'dns': '" RECORD "', 'cname': 'a.b', 'TTL': 3}",
		"unknown key 'TTL'; there are: cname, ttl"},
	    {"{'dns': '" RECORD "', 'cname': 'a.b', 'ttl': -1}", "'ttl'"},
	    {"{'dns': '" RECORD "', 'cname': 'a.b', 'ttl': 0}", "'ttl'"},
	    {"{'dns': '" RECORD "', 'cname': 'a.b', 'ttl': 'x'}", "'ttl'"},
	    {"{'dns': '" PRIVATE "', 'cname': 'a.b'}", "no resource id"},
	    {"{'dns': '" NETWORK "/dnsZones/z/A/x', 'cname': 'a.b'}",
		"no CNAME"},
	    {"{'dns': '" NETWORK "/dnsZones/z/CNAME/x?y', 'cname': 'a.b'}",
		"no resource id"},
	    {"{'dns': '" RECORD "/', 'cname': 'a.b'}", "no resource id"},
	    {"{'dns': 7, 'cname': 'a.b'}", "dns"},
	};

	(void)state;
	LEVER_RIG_REFUSES(wrong);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_public_record_is_switched_and_put_back),
	    cmocka_unit_test(a_private_record_is_spelled_otherwise),
	    cmocka_unit_test(what_is_so_already_is_not_written),
	    cmocka_unit_test(
		a_name_that_comes_back_in_another_spelling_is_the_same),
	    cmocka_unit_test(what_somebody_else_changed_stays),
	    cmocka_unit_test(a_write_whose_answer_was_lost_is_seen_to_be_ours),
	    cmocka_unit_test(without_leave_nothing_is_written),
	    cmocka_unit_test(a_read_that_fails_says_why),
	    cmocka_unit_test(the_right_to_change_is_tried_by_what_cannot_be),
	    cmocka_unit_test(a_check_waits_until_it_is_seen_or_the_time_is_up),
	    cmocka_unit_test(settings_that_are_none_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

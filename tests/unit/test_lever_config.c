#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/lever_rig.h"

#define LEVER \
	"{'app_configuration': '{host}', 'keys': {'redis/host': " \
	"'north.example', 'redis/key': {'keyvault': " \
	"'https://safe.vault.azure.net/secrets/north'}}}"

#define HOST "/kv/redis%2Fhost[?]api-version=2023-11-01"
#define KEY  "/kv/redis%2Fkey[?]api-version=2023-11-01"

#define TYPE "application/vnd.microsoft.appconfig.keyvaultref+json"
#define REFERENCE(name) \
	"{\"value\":\"{\\\"uri\\\":\\\"https://safe.vault.azure.net/" \
	"secrets/" name "\\\"}\",\"content_type\":\"" TYPE \
	";charset=utf-8\",\"tags\":{\"a\":\"b\"}}"
#define WEST "{\"value\":\"west.example\",\"content_type\":null}"
/* No type is spelled in two ways. */
#define NORTH "{\"value\":\"north.example\",\"content_type\":\"\"}"

static void
host_and_credential_are_switched_together_and_put_back(void **state)
{
	static const struct arm_step steps[] = {
	    {"GET " HOST, 200, "ETag: \"h1\"\r\n", WEST, ARM_ANSWER},
	    {"GET " KEY, 200, "ETag: \"k1\"\r\n", REFERENCE("west"),
		ARM_ANSWER},
	    {"GET " HOST, 200, "ETag: \"h1\"\r\n", WEST, ARM_ANSWER},
	    {"GET " KEY, 200, "ETag: \"k1\"\r\n", REFERENCE("west"),
		ARM_ANSWER},
	    {"PUT " HOST, 200, NULL, "{}", ARM_ANSWER},
	    {"PUT " KEY, 200, NULL, "{}", ARM_ANSWER},
	    {"GET " HOST, 200, "ETag: \"h2\"\r\n", NORTH, ARM_ANSWER},
	    {"GET " KEY, 200, "ETag: \"k2\"\r\n", REFERENCE("north"),
		ARM_ANSWER},
	    {"GET " HOST, 200, "ETag: \"h2\"\r\n", NORTH, ARM_ANSWER},
	    {"GET " KEY, 200, "ETag: \"k2\"\r\n", REFERENCE("north"),
		ARM_ANSWER},
	    {"PUT " KEY, 200, NULL, "{}", ARM_ANSWER},
	    {"PUT " HOST, 200, NULL, "{}", ARM_ANSWER},
	};
	struct lever_rig r;

	(void)state;
	LEVER_RIG(&r, steps);
	lever_rig_parse(&r, LEVER);
	assert_int_equal(lever_gives(r.lever, "North.example"),
	    LEVER_GIVES_HOST | LEVER_GIVES_CREDENTIAL);
	assert_int_equal(
	    lever_gives(r.lever, "east.example"), LEVER_GIVES_CREDENTIAL);
	assert_int_equal(lever_gives(r.lever, NULL), LEVER_GIVES_CREDENTIAL);
	lever_rig_looks(&r, LEVER_PULL, 2);
	assert_null(r.view.alias);
	lever_rig_moves(&r, LEVER_PULL, true);
	arm_rig_sent(&r.arm, 4, "If-Match: \"h1\"\r\n");
	arm_rig_sent(&r.arm, 4, "{\"value\":\"north.example\"}");
	arm_rig_sent(&r.arm, 5, "If-Match: \"k1\"\r\n");
	arm_rig_sent(&r.arm, 5, REFERENCE("north"));
	lever_rig_holds(&r, LEVER_PULL);
	lever_rig_moves(&r, LEVER_UNDO, true);
	arm_rig_sent(&r.arm, 10, REFERENCE("west"));
	arm_rig_sent(&r.arm, 11, "{\"value\":\"west.example\"}");
	lever_rig_down(&r);
}

static void
what_may_be_a_secret_does_not_go_into_the_journal(void **state)
{
	static const struct arm_step steps[] = {
	    {"GET " HOST, 200, "ETag: \"1\"\r\n",
		"{\"value\":\"west:6380,password=SECRET,ssl=True\"}",
		ARM_ANSWER},
	    {"GET " HOST, 200, "ETag: \"1\"\r\n", WEST, ARM_ANSWER},
	    {"GET " KEY, 200, "ETag: \"1\"\r\n", "{\"value\":\"SECRET\"}",
		ARM_ANSWER},
	};
	struct lever_rig r;

	(void)state;
	LEVER_RIG(&r, steps);
	lever_rig_parse(&r, LEVER);
	arm_rig_fails(&r.arm, lever_rig_look(&r, LEVER_PULL), ERR_REFUSED,
	    "key 'redis/host': its value may be a secret");
	arm_rig_fails(&r.arm, lever_rig_look(&r, LEVER_PULL), ERR_REFUSED,
	    "key 'redis/key': its value may be a secret");
	lever_rig_down(&r);
}

static void
a_key_of_that_label_must_be_there(void **state)
{
	static const struct arm_step steps[] = {
	    {"GET " HOST "&label=blue%20green", 404, NULL, NULL, ARM_ANSWER},
	    {"GET *", 200, NULL, WEST, ARM_ANSWER},
	    {"GET *", 200, NULL, "{\"value\":7}", ARM_ANSWER},
	};
	struct lever_rig r;

	(void)state;
	LEVER_RIG(&r, steps);
	lever_rig_parse(&r,
	    "{'app_configuration': '{host}', 'label': 'blue green', 'keys': "
	    "{'redis/host': 'x'}}");
	arm_rig_fails(&r.arm, lever_rig_look(&r, LEVER_PULL), ERR_MISSING,
	    "key 'redis/host'");
	arm_rig_fails(
	    &r.arm, lever_rig_look(&r, LEVER_PULL), ERR_CORRUPT, "no ETag");
	arm_rig_fails(
	    &r.arm, lever_rig_look(&r, LEVER_PULL), ERR_CORRUPT, "'value'");
	lever_rig_down(&r);
}

static void
a_reference_makes_room_for_a_text(void **state)
{
	static const struct arm_step steps[] = {
	    {"GET *", 200, "ETag: \"1\"\r\n", REFERENCE("west"), ARM_ANSWER},
	    {"GET *", 200, "ETag: \"1\"\r\n", REFERENCE("west"), ARM_ANSWER},
	    {"PUT *", 200, NULL, "{}", ARM_ANSWER},
	};
	struct lever_rig r;

	(void)state;
	LEVER_RIG(&r, steps);
	lever_rig_parse(
	    &r, "{'app_configuration': '{host}', 'keys': {'k': 'x'}}");
	lever_rig_looks(&r, LEVER_PULL, 1);
	lever_rig_moves(&r, LEVER_PULL, true);
	/* Without the content type, and with the tags. */
	arm_rig_sent(&r.arm, 2, "{\"value\":\"x\",\"tags\":{\"a\":\"b\"}}");
	lever_rig_down(&r);
}

static void
settings_that_are_none_are_refused(void **state)
{
	static const struct lever_wrong wrong[] = {
	    {"{'app_configuration': 'https://a.azconfig.io'}", "'keys'"},
	    {"{'app_configuration': 'https://a.azconfig.io', 'keys': {}}",
		"'keys'"},
	    {"{'app_configuration': 'http://a.azconfig.io', 'keys': "
	     "{'a': 'b'}}",
		"no plain https"},
	    {"{'app_configuration': 'https://azconfig.io.evil', 'keys': "
	     "{'a': 'b'}}",
		"https://NAME.azconfig.io"},
	    {"{'app_configuration': 'https://a.azconfig.io/x', 'keys': "
	     "{'a': 'b'}}",
		"behind its host"},
	    {"{'app_configuration': '{host}', 'keys': {'a': 7}}", "key 'a'"},
	    {"{'app_configuration': '{host}', 'keys': {'a': "
	     "'north:6380,password=SECRET'}}",
		"holds a secret"},
	    {"{'app_configuration': '{host}', 'keys': {'a': "
	     "{'env': 'B'}}}",
		"key 'a'"},
	    {"{'app_configuration': '{host}', 'keys': {'a': "
	     "{'keyvault': 'https://v.vault.azure.net/keys/x'}}}",
		"key 'a'"},
	};

	(void)state;
	LEVER_RIG_REFUSES(wrong);
}

/* It would not fit into a URL. */
static void
a_name_that_is_too_long_is_refused(void **state)
{
	static const char *const settings[] = {
	    "{'app_configuration': 'https://a.azconfig.io', 'keys': "
	    "{'%s': 'b'}}",
	    "{'app_configuration': 'https://a.azconfig.io', 'label': '%s', "
	    "'keys': {'a': 'b'}}"};
	char name[1026], text[1200];
	const struct lever_wrong wrong = {text, "more than 1024 bytes"};

	(void)state;
	memset(name, 'k', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (size_t i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), settings[i], name);
		lever_rig_refuses(&wrong, 1);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		host_and_credential_are_switched_together_and_put_back),
	    cmocka_unit_test(what_may_be_a_secret_does_not_go_into_the_journal),
	    cmocka_unit_test(a_key_of_that_label_must_be_there),
	    cmocka_unit_test(a_name_that_is_too_long_is_refused),
	    cmocka_unit_test(a_reference_makes_room_for_a_text),
	    cmocka_unit_test(settings_that_are_none_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

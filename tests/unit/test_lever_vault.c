#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/lever_rig.h"

#define LEVER \
	"{'key_vault': '{host}', 'secrets': {'redis': {'keyvault': " \
	"'{host}/secrets/redis-dr'}}}"

#define AT(path) path "[?]api-version=7.5"
#define REDIS	 AT("/secrets/redis")
#define DR	 AT("/secrets/redis-dr")
#define IS(v, value) \
	"{\"id\":\"https://x/secrets/redis/" v "\",\"value\":\"" value \
	"\",\"contentType\":\"text/plain\"}"

static void
a_pull_sets_a_version_and_the_undo_the_earlier_ones_value(void **state)
{
	static const struct arm_step steps[] = {
	    /* look */
	    {"GET " REDIS, 200, NULL, IS("aa1", "SECRET-west"), ARM_ANSWER},
	    {"GET " AT("/secrets/redis/aa1"), 200, NULL,
		IS("aa1", "SECRET-west"), ARM_ANSWER},
	    {"GET " DR, 200, NULL, IS("dd", "SECRET-north"), ARM_ANSWER},
	    /* pull: as it is to be? as it was; and set */
	    {"GET " REDIS, 200, NULL, IS("aa1", "SECRET-west"), ARM_ANSWER},
	    {"GET " AT("/secrets/redis/aa1"), 200, NULL,
		IS("aa1", "SECRET-west"), ARM_ANSWER},
	    {"GET " DR, 200, NULL, IS("dd", "SECRET-north"), ARM_ANSWER},
	    {"GET " DR, 200, NULL, IS("dd", "SECRET-north"), ARM_ANSWER},
	    {"PUT " REDIS, 200, NULL, IS("aa2", "SECRET-north"), ARM_ANSWER},
	    /* check */
	    {"GET " REDIS, 200, NULL, IS("aa2", "SECRET-north"), ARM_ANSWER},
	    {"GET " AT("/secrets/redis/aa2"), 200, NULL,
		IS("aa2", "SECRET-north"), ARM_ANSWER},
	    {"GET " DR, 200, NULL, IS("dd", "SECRET-north"), ARM_ANSWER},
	    /* undo: is it as before? as it was pulled? the earlier value */
	    {"GET " REDIS, 200, NULL, IS("aa2", "SECRET-north"), ARM_ANSWER},
	    {"GET " AT("/secrets/redis/aa2"), 200, NULL,
		IS("aa2", "SECRET-north"), ARM_ANSWER},
	    {"GET " AT("/secrets/redis/aa1"), 200, NULL,
		IS("aa1", "SECRET-west"), ARM_ANSWER},
	    {"GET " AT("/secrets/redis/aa2"), 200, NULL,
		IS("aa2", "SECRET-north"), ARM_ANSWER},
	    {"GET " DR, 200, NULL, IS("dd", "SECRET-north"), ARM_ANSWER},
	    {"GET " AT("/secrets/redis/aa1"), 200, NULL,
		IS("aa1", "SECRET-west"), ARM_ANSWER},
	    {"PUT " REDIS, 200, NULL, IS("aa3", "SECRET-west"), ARM_ANSWER},
	    /* undo again: the same value by another version */
	    {"GET " REDIS, 200, NULL, IS("aa3", "SECRET-west"), ARM_ANSWER},
	    {"GET " AT("/secrets/redis/aa3"), 200, NULL,
		IS("aa3", "SECRET-west"), ARM_ANSWER},
	    {"GET " AT("/secrets/redis/aa1"), 200, NULL,
		IS("aa1", "SECRET-west"), ARM_ANSWER},
	};
	struct lever_rig r;

	(void)state;
	LEVER_RIG(&r, steps);
	lever_rig_parse(&r, LEVER);
	lever_rig_looks(&r, LEVER_PULL, 1);
	assert_string_equal(r.view.changes[0].now, "version aa1");
	assert_non_null(strstr(r.view.changes[0].then, "secrets/redis-dr'"));
	assert_true(lever_rig_noted(&r, "aa1"));
	assert_false(lever_rig_noted(&r, "SECRET"));
	lever_rig_moves(&r, LEVER_PULL, true);
	arm_rig_sent(&r.arm, 7,
	    "{\"value\":\"SECRET-north\",\"contentType\":\"text/plain\"}");
	lever_rig_holds(&r, LEVER_PULL);
	lever_rig_moves(&r, LEVER_UNDO, true);
	arm_rig_sent(&r.arm, 17, "\"value\":\"SECRET-west\"");
	lever_rig_moves(&r, LEVER_UNDO, false);
	lever_rig_down(&r);
}

static void
a_value_that_is_there_makes_no_version(void **state)
{
	static const struct arm_step steps[] = {
	    {"GET " REDIS, 200, NULL, IS("aa1", "north"), ARM_ANSWER},
	    {"GET *", 200, NULL, IS("aa1", "north"), ARM_ANSWER},
	    {"GET " REDIS, 200, NULL, IS("aa1", "north"), ARM_ANSWER},
	};
	struct lever_rig r;

	(void)state;
	LEVER_RIG(&r, steps);
	lever_rig_parse(
	    &r, "{'key_vault': '{host}', 'secrets': {'redis': 'north'}}");
	assert_int_equal(lever_gives(r.lever, "north"), LEVER_GIVES_HOST);
	lever_rig_looks(&r, LEVER_PULL, 0);
	lever_rig_moves(&r, LEVER_PULL, false);
	lever_rig_down(&r);
}

static void
a_secret_that_somebody_set_meanwhile_stays(void **state)
{
	static const struct arm_step steps[] = {
	    {"GET " REDIS, 200, NULL, IS("aa1", "SECRET-w"), ARM_ANSWER},
	    {"GET *", 200, NULL, IS("aa1", "SECRET-w"), ARM_ANSWER},
	    {"GET " REDIS, 200, NULL, IS("aa2", "SECRET-x"), ARM_ANSWER},
	    {"GET *", 200, NULL, IS("aa2", "SECRET-x"), ARM_ANSWER},
	    {"GET *", 200, NULL, IS("aa2", "SECRET-x"), ARM_ANSWER},
	    {"GET */aa1[?]*", 200, NULL, IS("aa1", "SECRET-w"), ARM_ANSWER},
	};
	struct lever_rig r;

	(void)state;
	setenv("DRSYNC_TEST_VALUE", "SECRET-north", 1);
	LEVER_RIG(&r, steps);
	lever_rig_parse(&r,
	    "{'key_vault': '{host}', 'secrets': {'redis': {'env': "
	    "'DRSYNC_TEST_VALUE'}}}");
	lever_rig_looks(&r, LEVER_PULL, 1);
	arm_rig_fails(&r.arm, lever_rig_move(&r, LEVER_PULL), ERR_CONFLICT,
	    "now 'version aa2'");
	assert_false(r.changed);
	lever_rig_down(&r);
}

static void
what_cannot_be_read_is_told_by_its_name(void **state)
{
	static const struct arm_step steps[] = {
	    {"GET " REDIS, 404, NULL,
		"{\"error\":{\"code\":\"SecretNotFound\"}}", ARM_ANSWER},
	    {"GET " REDIS, 200, NULL, IS("aa1", "SECRET-w"), ARM_ANSWER},
	    {"GET *", 200, NULL, IS("aa1", "SECRET-w"), ARM_ANSWER},
	    {"GET " DR, 403, NULL, "{\"error\":{\"code\":\"Forbidden\"}}",
		ARM_ANSWER},
	    {"GET " REDIS, 200, NULL, "{\"value\":\"SECRET\"}", ARM_ANSWER},
	};
	struct lever_rig r;

	(void)state;
	LEVER_RIG(&r, steps);
	lever_rig_parse(&r, LEVER);
	arm_rig_fails(&r.arm, lever_rig_look(&r, LEVER_PULL), ERR_MISSING,
	    "secret 'redis'");
	arm_rig_fails(&r.arm, lever_rig_look(&r, LEVER_PULL), ERR_AUTH,
	    "secrets/redis-dr'");
	arm_rig_fails(
	    &r.arm, lever_rig_look(&r, LEVER_PULL), ERR_CORRUPT, "'id'");
	/* A host that is not the cloud's is given no token. */
	r.cloud.vault_suffix = "vault.azure.net";
	arm_rig_fails(&r.arm, lever_rig_look(&r, LEVER_PULL), ERR_USAGE,
	    "not in a vault of this cloud");
	lever_rig_down(&r);
}

static void
settings_that_are_none_are_refused(void **state)
{
	static const struct lever_wrong wrong[] = {
	    {"{'key_vault': 'http://a.example', 'secrets': {'a': 'b'}}",
		"no plain https"},
	    {"{'key_vault': '{host}'}", "'secrets'"},
	    {"{'key_vault': '{host}', 'secrets': {'a/b': 'c'}}", "no name"},
	    {"{'key_vault': '{host}', 'secrets': {'a': ''}}", "empty"},
	    {"{'key_vault': '{host}', 'secrets': {'a': 'password=SECRET'}}",
		"by reference"},
	    {"{'key_vault': '{host}', 'secrets': {'a': {'keyvault': "
	     "'https://v.vault.azure.net/keys/x'}}}",
		"no secret"},
	    {"{'key_vault': '{host}', 'secrets': {'a': {'value': 'b'}}}",
		"by reference"},
	    {"{'key_vault': '{host}', 'secrets': {'a': 7}}", "by reference"},
	};

	(void)state;
	LEVER_RIG_REFUSES(wrong);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		a_pull_sets_a_version_and_the_undo_the_earlier_ones_value),
	    cmocka_unit_test(a_value_that_is_there_makes_no_version),
	    cmocka_unit_test(a_secret_that_somebody_set_meanwhile_stays),
	    cmocka_unit_test(what_cannot_be_read_is_told_by_its_name),
	    cmocka_unit_test(settings_that_are_none_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

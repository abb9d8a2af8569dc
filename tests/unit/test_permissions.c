#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arm/permissions.h"
#include "arm/redis_resource.h"
#include "tests/sim/arm_rig.h"

#define RG    "/subscriptions/s/resourceGroups/rg1/providers/Microsoft.Cache/"
#define DB    RG "redisEnterprise/cache1/databases/default"
#define CACHE RG "redis/cache1"
#define LIST  "/providers/Microsoft.Authorization/permissions"
#define WHERE LIST "[?]api-version=2022-04-01"

#define ROLE(actions, not_actions) \
	"{\"actions\":[" actions "],\"notActions\":[" not_actions "]}"
#define ROLES(roles) "{\"value\":[" roles "]}"

#define EXPORT "Microsoft.Cache/redis/export/action"

static struct permissions *
get(struct arm_rig *r)
{
	r->err = (struct err){0};
	return permissions_get(r->client, CACHE, "cache1", &r->scope, &r->err);
}

/* Whether roles, as they are answered, allow EXPORT. */
static bool
allowed(struct arm_rig *r, const char *answer)
{
	const struct arm_step steps[] = {
	    {"GET " CACHE WHERE, 200, NULL, answer, ARM_ANSWER}};
	struct permissions *p;
	bool yes;

	ARM_THEN(r, steps);
	p = get(r);
	if (p == NULL)
		fail_msg("%s", r->err.text);
	yes = permissions_allow(p, EXPORT);
	permissions_free(p);
	return yes;
}

static void
roles_allow_what_they_name(void **state)
{
	static const char *const yes[] = {
	    ROLES(ROLE("\"*\"", "")),
	    ROLES(ROLE("\"microsoft.cache/REDIS/Export/Action\"", "")),
	    ROLES(ROLE("\"Microsoft.Cache/redis/*\"", "")),
	    ROLES(ROLE("\"Microsoft.Cache/*/action\"", "")),
	    ROLES(ROLE("\"*/export/*\"", "")),
	    ROLES(ROLE("\"*export*action*\"", "")),
	    ROLES(ROLE("\"a\",\"Microsoft.Cache/redis/export/action\"", "")),
	    ROLES(ROLE("\"*\"", "\"Microsoft.Authorization/*/Write\"")),
	    /* What one role leaves out, another may have. */
	    ROLES(ROLE("\"*\"", "\"Microsoft.Cache/*\"") "," ROLE(
		"\"Microsoft.Cache/redis/export/*\"", "")),
	    ROLES("null,7,{}," ROLE("\"*\"", "")),
	};
	static const char *const no[] = {
	    ROLES(""),
	    "{}",
	    "[]",
	    "{\"value\":7}",
	    ROLES(ROLE("", "")),
	    ROLES(ROLE("\"*/read\"", "")),
	    ROLES(ROLE("\"Microsoft.Cache/redis\"", "")),
	    ROLES(ROLE("\"Microsoft.Cache/redis/export/actions\"", "")),
	    ROLES(ROLE("\"Microsoft.Cache/redis/export/action/*\"", "")),
	    ROLES(ROLE("\"\",7,null", "")),
	    ROLES(ROLE("\"*\"", "\"Microsoft.Cache/redis/export/action\"")),
	    ROLES(ROLE("\"*\"", "\"*/EXPORT/*\"")),
	    ROLES("{\"actions\":7}"),
	    ROLES("{\"dataActions\":[\"*\"]}"),
	};
	struct arm_rig r;

	(void)state;
	arm_rig_up(&r, NULL, 0);
	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		if (!allowed(&r, yes[i]))
			fail_msg("not allowed: %s", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		if (allowed(&r, no[i]))
			fail_msg("allowed: %s", no[i]);
	arm_rig_down(&r);
}

static void
all_pages_count(void **state)
{
	static const struct arm_step steps[] = {
	    {"GET " CACHE WHERE, 200, NULL,
		"{\"value\":[],\"nextLink\":\"{host}/next?a=b\"}", ARM_ANSWER},
	    {"GET /next[?]a=b", 200, NULL, ROLES(ROLE("\"*\"", "")),
		ARM_ANSWER},
	};
	struct permissions *p;
	struct arm_rig r;

	(void)state;
	ARM_RIG(&r, steps);
	p = get(&r);
	assert_true(permissions_allow(p, EXPORT));
	permissions_free(p);
	arm_rig_down(&r);
}

/* A "no" must be one. */
static void
pages_that_are_not_seen_are_told(void **state)
{
	static const struct arm_step elsewhere[] = {{.status = 200,
	    .body = "{\"value\":[],\"nextLink\":\"http://127.0.0.2:9/\"}"}};
	struct arm_step endless[16];
	struct arm_rig r;

	(void)state;
	ARM_RIG(&r, elsewhere);
	assert_null(get(&r));
	arm_rig_fails(&r, -1, ERR_CORRUPT, "lie elsewhere");
	for (size_t i = 0; i < 16; i++)
		endless[i] = (struct arm_step){.status = 200,
		    .body = "{\"value\":[],\"nextLink\":\"{host}/next\"}"};
	ARM_THEN(&r, endless);
	assert_null(get(&r));
	arm_rig_fails(&r, -1, ERR_CORRUPT, "over 16 pages");
	arm_rig_down(&r);
}

static int
lack_of(struct arm_rig *r, const char *text, struct redis_lack *lack)
{
	struct redis_resource_opts opts = {
	    .client = r->client, .journal = r->journal};
	struct redis_resource *res;
	struct resource_id id;
	int rc;

	arm_rig_ok(r, resource_id_parse(&id, text, &r->err));
	res = redis_resource_new(&id, &opts);
	r->err = (struct err){0};
	rc = redis_resource_lack(res,
	    1u << RIGHT_DESCRIBE | 1u << RIGHT_EXPORT | 1u << RIGHT_LIST_KEYS,
	    &r->scope, lack, &r->err);
	redis_resource_free(res);
	return rc;
}

static void
what_is_lacking_is_named(void **state)
{
	static const struct arm_step steps[] = {
	    {"GET " DB WHERE, 200, NULL, ROLES(ROLE("\"*/read\"", "")),
		ARM_ANSWER},
	    {"GET /subscriptions/s" WHERE, 200, NULL, ROLES(""), ARM_ANSWER},
	    {"GET " DB WHERE, 200, NULL,
		ROLES(ROLE(
		    "\"Microsoft.Cache/redisEnterprise/databases/*\"", "")),
		ARM_ANSWER},
	    {"GET /subscriptions/s" WHERE, 403, NULL, NULL, ARM_ANSWER},
	    {"GET " CACHE WHERE, 200, NULL, ROLES(ROLE("\"*\"", "")),
		ARM_ANSWER},
	    {"GET /subscriptions/s" WHERE, 200, NULL,
		ROLES(ROLE(
		    "\"Microsoft.Cache/locations/operationresults/read\"", "")),
		ARM_ANSWER},
	};
	struct redis_lack lack;
	struct arm_rig r;

	(void)state;
	ARM_RIG(&r, steps);
	arm_rig_ok(&r, lack_of(&r, DB, &lack));
	assert_string_equal(lack.actions,
	    "Microsoft.Cache/redisEnterprise/databases/export/action, "
	    "Microsoft.Cache/redisEnterprise/databases/listKeys/action");
	assert_true(lack.status_hidden);
	arm_rig_ok(&r, lack_of(&r, DB, &lack));
	assert_string_equal(
	    lack.actions, "Microsoft.Cache/redisEnterprise/read");
	assert_true(lack.status_hidden);
	arm_rig_ok(&r, lack_of(&r, CACHE, &lack));
	assert_string_equal(lack.actions, "");
	assert_false(lack.status_hidden);
	arm_rig_down(&r);
}

static void
who_may_not_ask_is_told_so(void **state)
{
	static const struct arm_step steps[] = {
	    {.status = 403,
		.body = "{\"error\":{\"code\":\"AuthorizationFailed\","
			"\"message\":\"to perform action "
			"'Microsoft.Authorization/permissions/read' over\"}}"},
	    {.status = 200, .body = ROLES(ROLE("\"*\"", ""))},
	    {.status = 400},
	};
	struct redis_lack lack;
	struct arm_rig r;

	(void)state;
	ARM_RIG(&r, steps);
	arm_rig_fails(&r, lack_of(&r, DB, &lack), ERR_AUTH,
	    "the identity may not 'Microsoft.Authorization/permissions/read'");
	arm_rig_fails(&r, lack_of(&r, DB, &lack), ERR_SERVER,
	    "listing what may be done to 'subscriptions/s'");
	arm_rig_down(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(roles_allow_what_they_name),
	    cmocka_unit_test(all_pages_count),
	    cmocka_unit_test(pages_that_are_not_seen_are_told),
	    cmocka_unit_test(what_is_lacking_is_named),
	    cmocka_unit_test(who_may_not_ask_is_told_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

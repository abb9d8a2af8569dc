#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/journal.h"
#include "tests/sim/lever_rig.h"

#define NETWORK	     "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network"
#define RECORD(name) NETWORK "/dnsZones/shop.example/CNAME/" name
#define DNS(name)    "{'dns': '" RECORD(name) "', 'cname': 'north.example'}"
#define HOOK	     "{'webhook': '{host}/hook', 'key': {'env': 'DRSYNC_KEY'}}"
#define CONFIG(host) \
	"{'app_configuration': '{host}', 'keys': {'host': '" host "', 'key': " \
	"{'keyvault': 'https://v.vault.azure.net/secrets/s'}}}"

#define GET(name) "GET " RECORD(name) "*"
#define PUT(name) "PUT " RECORD(name) "*"
#define IS(cname) \
	"{\"etag\":\"" cname "\",\"properties\":{\"TTL\":60," \
	"\"CNAMERecord\":{\"cname\":\"" cname ".example\"}}}"

#define AT(name, where) \
	{ \
		GET(name), 200, NULL, IS(where), ARM_ANSWER \
	}
#define TO(name, where) \
	{ \
		PUT(name), 200, NULL, IS(where), ARM_ANSWER \
	}
#define CALLED(status) \
	{ \
		"POST /hook", status, NULL, NULL, ARM_ANSWER \
	}

/* A journal that counts, and fails from some put on. */
struct failing {
	struct journal base;
	struct journal *inner;
	int puts_left; /* -1: any number */
};

struct rig {
	struct lever_rig l;
	struct lever_set *set;
	struct lever_work work;
	struct failing journal;
	char told[2000];
	const char *probe_says; /* NULL: it passes */
	unsigned probes;
};

static struct failing *
failing(struct journal *j)
{
	return (struct failing *)j;
}

static int
put(struct journal *j, const char *key, const char *value, struct err *err)
{
	struct failing *f = failing(j);

	if (f->puts_left == 0)
		return err_set(err, ERR_SYSTEM, "the disk is full");
	if (f->puts_left > 0)
		f->puts_left--;
	assert_null(strstr(value, "SECRET"));
	return f->inner->ops->put(f->inner, key, value, err);
}

static int
get(struct journal *j, const char *key, struct buf *value, struct err *err)
{
	return failing(j)->inner->ops->get(failing(j)->inner, key, value, err);
}

static int
remove_key(struct journal *j, const char *key, struct err *err)
{
	return failing(j)->inner->ops->remove(failing(j)->inner, key, err);
}

static const struct journal_ops failing_ops = {
    .put = put,
    .get = get,
    .remove = remove_key,
};

static void
tell(void *arg, const struct lever_report *report)
{
	static const char *const words[] = {
	    "would", "already", "done", "failed", "not"};
	struct rig *r = arg;
	size_t n = strlen(r->told);

	assert_int_equal(report->err != NULL, report->outcome == LEVER_FAILED);
	snprintf(r->told + n, sizeof(r->told) - n, "%zu/%zu %s; ",
	    report->i + 1, report->of, words[report->outcome]);
}

static int
probe(void *arg, const struct scope *scope, const char *alias, const char *host,
    struct err *err)
{
	struct rig *r = arg;

	(void)scope;
	assert_non_null(strstr(alias, ".shop.example"));
	assert_string_equal(host, "north.example");
	r->probes++;
	return r->probe_says == NULL
	    ? 0
	    : err_set(err, ERR_AUTH, "%s", r->probe_says);
}

static void
set_parse(struct rig *r, const char *settings)
{
	cJSON *root = lever_rig_json(&r->l, settings);

	lever_set_free(r->set);
	r->set = lever_set_parse(root, &r->l.arm.err);
	cJSON_Delete(root);
	arm_rig_ok(&r->l.arm, r->set != NULL ? 0 : -1);
}

static void
up(struct rig *r, const struct arm_step *steps, size_t n, const char *settings)
{
	memset(r, 0, sizeof(*r));
	setenv("DRSYNC_KEY", "SECRET", 1);
	lever_rig_up(&r->l, steps, n);
	r->journal = (struct failing){
	    .base.ops = &failing_ops,
	    .inner = r->l.arm.journal,
	    .puts_left = -1,
	};
	r->work = (struct lever_work){
	    .env = &r->l.env,
	    .journal = &r->journal.base,
	    .wait_ms = 3000,
	    .probe = probe,
	    .probe_arg = r,
	    .tell = tell,
	    .tell_arg = r,
	};
	set_parse(r, settings);
}
#define UP(r, steps, settings) \
	up(r, steps, sizeof(steps) / sizeof(*(steps)), settings)

static void
down(struct rig *r)
{
	lever_set_free(r->set);
	lever_rig_down(&r->l);
}

static int
pull(struct rig *r)
{
	r->told[0] = '\0';
	r->l.arm.err = (struct err){0};
	return lever_set_pull(r->set, &r->work, &r->l.arm.scope, &r->l.arm.err);
}

static int
undo(struct rig *r)
{
	r->told[0] = '\0';
	r->l.arm.err = (struct err){0};
	return lever_set_undo(&r->work, &r->l.arm.scope, &r->l.arm.err);
}

static int
look(struct rig *r, enum lever_way way)
{
	r->told[0] = '\0';
	r->l.arm.err = (struct err){0};
	return lever_set_look(way == LEVER_PULL ? r->set : NULL, &r->work,
	    &r->l.arm.scope, way, &r->l.arm.err);
}

static void
works(struct rig *r, int rc, const char *told)
{
	arm_rig_ok(&r->l.arm, rc);
	assert_string_equal(r->told, told);
}

static void
fails(struct rig *r, int rc, enum err_kind kind, const char *says,
    const char *told)
{
	arm_rig_fails(&r->l.arm, rc, kind, says);
	assert_string_equal(r->told, told);
}

#define TWO "[" DNS("a") "," HOOK "]"

static void
they_are_pulled_in_order_and_undone_backwards(void **state)
{
	static const struct arm_step steps[] = {AT("a", "west"),
	    AT("a", "west"), TO("a", "north"), AT("a", "north"),
	    AT("a", "north"), CALLED(200),
	    /* again: the hook is not called a second time */
	    AT("a", "north"),
	    /* the undo is looked at, and made */
	    AT("a", "north"), CALLED(200), AT("a", "north"), TO("a", "west"),
	    AT("a", "west")};
	struct rig r;

	(void)state;
	UP(&r, steps, TWO);
	works(&r, pull(&r), "1/2 done; 2/2 done; ");
	assert_int_equal(r.probes, 1);
	works(&r, pull(&r), "1/2 already; 2/2 already; ");
	works(&r, look(&r, LEVER_UNDO), "1/2 would; 2/2 would; ");
	works(&r, undo(&r), "1/2 done; 2/2 done; ");
	arm_rig_sent(&r.l.arm, 8, "\"event\":\"undo\"");
	fails(
	    &r, undo(&r), ERR_MISSING, "no lever of job 'shop' was pulled", "");
	down(&r);
}

static void
a_look_changes_nothing(void **state)
{
	static const struct arm_step steps[] = {AT("a", "west")};
	struct rig r;

	(void)state;
	UP(&r, steps, TWO);
	r.journal.puts_left = 0;
	works(&r, look(&r, LEVER_PULL), "1/2 would; 2/2 would; ");
	fails(&r, look(&r, LEVER_UNDO), ERR_MISSING, "was pulled", "");
	down(&r);
}

/* As the move would: it does not promise what that would refuse. */
static void
a_look_sees_what_somebody_changed_since_the_pull(void **state)
{
	static const struct arm_step steps[] = {AT("a", "west"),
	    AT("a", "west"), TO("a", "north"), AT("a", "north"),
	    AT("a", "north"), AT("a", "east"), AT("a", "east"),
	    AT("a", "west")};
	struct rig r;

	(void)state;
	UP(&r, steps, "[" DNS("a") "]");
	works(&r, pull(&r), "1/1 done; ");
	fails(&r, look(&r, LEVER_PULL), ERR_CONFLICT,
	    "is now 'east.example, TTL 60 s', neither 'west", "1/1 failed; ");
	fails(&r, look(&r, LEVER_UNDO), ERR_CONFLICT,
	    "is now 'east.example, TTL 60 s', neither 'north", "1/1 failed; ");
	/* What was put back by hand can be pulled again. */
	works(&r, look(&r, LEVER_PULL), "1/1 would; ");
	down(&r);
}

static void
none_is_pulled_when_one_may_not_be(void **state)
{
	static const struct arm_step steps[] = {
	    AT("a", "west"),
	    {GET("b"), 403, NULL, NULL, ARM_ANSWER},
	};
	struct rig r;

	(void)state;
	UP(&r, steps, "[" DNS("a") "," DNS("b") "]");
	fails(&r, pull(&r), ERR_AUTH, "lever 2 of 2, dns b.shop.example",
	    "1/2 would; 2/2 failed; ");
	fails(&r, undo(&r), ERR_MISSING, "was pulled", "");
	down(&r);
}

static void
it_stops_at_the_first_that_fails_and_goes_on_from_there(void **state)
{
	static const struct arm_step steps[] = {
	    /* the second one's write fails */
	    AT("a", "west"), AT("b", "west"), AT("a", "west"), TO("a", "north"),
	    AT("a", "north"), AT("a", "north"), AT("b", "west"),
	    {PUT("b"), 400, NULL, NULL, ARM_ANSWER},
	    /* again */
	    AT("a", "north"), AT("b", "west"), AT("b", "west"),
	    TO("b", "north"), AT("b", "north"), AT("b", "north"), CALLED(500),
	    CALLED(200),
	    /* what was done, before the first pull, is still known */
	    CALLED(200), AT("b", "north"), TO("b", "west"), AT("b", "west"),
	    AT("a", "north"), TO("a", "west"), AT("a", "west")};
	struct rig r;

	(void)state;
	UP(&r, steps, "[" DNS("a") "," DNS("b") "," HOOK "]");
	fails(&r, pull(&r), ERR_SERVER, "lever 2 of 3, dns b.shop.example",
	    "1/3 done; 2/3 failed; 3/3 not; ");
	works(&r, pull(&r), "1/3 already; 2/3 done; 3/3 done; ");
	works(&r, undo(&r), "1/3 done; 2/3 done; 3/3 done; ");
	down(&r);
}

static void
after_a_crash_the_same_call_is_made_again(void **state)
{
	static const struct arm_step steps[] = {CALLED(200), CALLED(200)};
	struct rig r;

	(void)state;
	UP(&r, steps, "[" HOOK "]");
	/* What was called is not noted any more. */
	r.journal.puts_left = 1;
	fails(&r, pull(&r), ERR_SYSTEM, "disk is full", "1/1 failed; ");
	r.l.arm.clock.random = 7;
	r.journal.puts_left = -1;
	works(&r, pull(&r), "1/1 done; ");
	arm_rig_sent(&r.l.arm, 0, "Idempotency-Key: 000000");
	arm_rig_sent(&r.l.arm, 1, "Idempotency-Key: 000000");
	down(&r);
}

static void
without_a_note_nothing_is_moved(void **state)
{
	struct rig r;

	(void)state;
	up(&r, NULL, 0, "[" HOOK "]");
	r.journal.puts_left = 0;
	fails(&r, pull(&r), ERR_SYSTEM, "disk is full", "1/1 failed; ");
	down(&r);
}

static void
an_alias_needs_a_probe_or_host_and_credential_together(void **state)
{
	static const char reference[] =
	    "{\"value\":\"x\",\"content_type\":\"application/"
	    "vnd.microsoft.appconfig.keyvaultref+json\"}";
	static const struct arm_step steps[] = {
	    AT("a", "west"),
	    AT("a", "west"),
	    AT("a", "west"),
	    {"GET /kv/host*", 200, "ETag: \"1\"\r\n", "{\"value\":\"west\"}",
		ARM_ANSWER},
	    {"GET /kv/key*", 200, "ETag: \"1\"\r\n", reference, ARM_ANSWER},
	    AT("a", "west"),
	    {"GET /kv/host*", 200, "ETag: \"1\"\r\n", "{\"value\":\"west\"}",
		ARM_ANSWER},
	    {"GET /kv/key*", 200, "ETag: \"1\"\r\n", reference, ARM_ANSWER},
	    AT("a", "north"),
	};
	struct rig r;

	(void)state;
	UP(&r, steps, "[" DNS("a") "]");
	r.probe_says = "the certificate is not for that name";
	fails(&r, look(&r, LEVER_PULL), ERR_REFUSED,
	    "led to 'north.example'? the certificate is not for that name",
	    "1/1 failed; ");
	fails(&r, pull(&r), ERR_REFUSED,
	    "switch that host and credential together", "1/1 failed; ");
	/* Some text and some secret do not lead clients there. */
	set_parse(&r, "[" DNS("a") "," CONFIG("blue") "]");
	fails(&r, look(&r, LEVER_PULL), ERR_REFUSED,
	    "switch that host and credential together",
	    "1/2 failed; 2/2 would; ");
	set_parse(&r, "[" DNS("a") "," CONFIG("north.example:6380") "]");
	works(&r, look(&r, LEVER_PULL), "1/2 would; 2/2 would; ");
	/* Nor does what leads there already. */
	set_parse(&r, "[" DNS("a") "]");
	works(&r, look(&r, LEVER_PULL), "1/1 already; ");
	assert_int_equal(r.probes, 3);
	down(&r);
}

static void
what_was_pulled_is_undone_whatever_the_settings_say(void **state)
{
	static const struct arm_step steps[] = {AT("a", "west"),
	    AT("a", "west"), TO("a", "north"), AT("a", "north"),
	    AT("a", "north"),
	    /* undo, by the journal alone */
	    AT("a", "north"), {PUT("a"), 409, NULL, NULL, ARM_ANSWER},
	    AT("a", "north"), TO("a", "west"), AT("a", "west")};
	struct rig r;

	(void)state;
	UP(&r, steps, "[" DNS("a") "]");
	works(&r, pull(&r), "1/1 done; ");
	set_parse(&r, "[" HOOK "]");
	fails(&r, pull(&r), ERR_REFUSED, "changed since it was pulled", "");
	fails(&r, undo(&r), ERR_CONFLICT, "lever 1 of 1, dns a.shop.example",
	    "1/1 failed; ");
	set_parse(&r, "[" DNS("a") "]");
	fails(&r, pull(&r), ERR_REFUSED, "an undo has not come to its end", "");
	works(&r, undo(&r), "1/1 done; ");
	down(&r);
}

static void
what_is_settled_is_not_undone_and_hinders_nothing(void **state)
{
	static const struct arm_step steps[] = {CALLED(200), AT("a", "west"),
	    AT("a", "west"), TO("a", "north"), AT("a", "north"),
	    AT("a", "north")};
	struct rig r;

	(void)state;
	UP(&r, steps, "[" HOOK "]");
	arm_rig_fails(&r.l.arm, lever_set_settle(&r.work, &r.l.arm.err),
	    ERR_MISSING, "was pulled");
	works(&r, pull(&r), "1/1 done; ");
	set_parse(&r, "[" DNS("a") "]");
	fails(&r, pull(&r), ERR_REFUSED, "or settle it", "");
	arm_rig_ok(&r.l.arm, lever_set_settle(&r.work, &r.l.arm.err));
	fails(&r, undo(&r), ERR_MISSING, "was pulled", "");
	works(&r, pull(&r), "1/1 done; ");
	down(&r);
}

static void
a_pull_that_is_not_seen_is_no_success(void **state)
{
	static const struct arm_step steps[] = {AT("a", "west"),
	    AT("a", "west"), TO("a", "north"), AT("a", "west"), AT("a", "west"),
	    /* another pull finds it done, and its note still there */
	    AT("a", "north"), AT("a", "north"), AT("a", "north"),
	    AT("a", "north"), AT("a", "north"), TO("a", "west"),
	    AT("a", "west")};
	struct rig r;

	(void)state;
	UP(&r, steps, "[" DNS("a") "]");
	fails(&r, pull(&r), ERR_UNREACHABLE, "not seen to have changed",
	    "1/1 failed; ");
	works(&r, pull(&r), "1/1 already; ");
	works(&r, undo(&r), "1/1 done; ");
	down(&r);
}

static void
a_list_that_is_none_is_refused(void **state)
{
	static const struct {
		const char *settings, *says;
	} wrong[] = {
	    {"{}", "a list of 1 to 16"},
	    {"[]", "a list of 1 to 16"},
	    {"[" HOOK ", {}]", "lever 2"},
	};
	struct rig r;

	(void)state;
	up(&r, NULL, 0, "[" HOOK "]");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		cJSON *root = lever_rig_json(&r.l, wrong[i].settings);

		assert_null(lever_set_parse(root, &r.l.arm.err));
		arm_rig_fails(&r.l.arm, -1, ERR_USAGE, wrong[i].says);
		cJSON_Delete(root);
	}
	down(&r);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(they_are_pulled_in_order_and_undone_backwards),
	    cmocka_unit_test(a_look_changes_nothing),
	    cmocka_unit_test(a_look_sees_what_somebody_changed_since_the_pull),
	    cmocka_unit_test(none_is_pulled_when_one_may_not_be),
	    cmocka_unit_test(
		it_stops_at_the_first_that_fails_and_goes_on_from_there),
	    cmocka_unit_test(after_a_crash_the_same_call_is_made_again),
	    cmocka_unit_test(without_a_note_nothing_is_moved),
	    cmocka_unit_test(
		an_alias_needs_a_probe_or_host_and_credential_together),
	    cmocka_unit_test(
		what_was_pulled_is_undone_whatever_the_settings_say),
	    cmocka_unit_test(what_is_settled_is_not_undone_and_hinders_nothing),
	    cmocka_unit_test(a_pull_that_is_not_seen_is_no_success),
	    cmocka_unit_test(a_list_that_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

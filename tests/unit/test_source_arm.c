/*
 * A Redis that exports itself: what is asked of the service and what is not,
 * what becomes of what it wrote, and what a run that ended early leaves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/snapshot/export_set.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/progress.h"
#include "agent/snapshot/source.h"
#include "agent/snapshot/source_arm.h"
#include "arm/redis_resource.h"
#include "base/buf.h"
#include "base/journal.h"
#include "base/xalloc.h"
#include "storage/store.h"
#include "tests/sim/arm_rig.h"
#include "tests/sim/lending_store.h"
#include "tests/sim/snapshot_rig.h"

#define AMR \
	"/subscriptions/s/resourceGroups/rg1/providers/Microsoft.Cache/" \
	"redisEnterprise/cache1"
#define DB	AMR "/databases/default"
#define VERSION "[?]api-version=2025-07-01"

static const char cluster[] =
    "{\"location\":\"West US 2\",\"sku\":{\"name\":\"Balanced_B10\"},"
    "\"properties\":{\"hostName\":\"cache1.example\","
    "\"redisVersion\":\"7.4\",\"provisioningState\":\"Succeeded\","
    "\"resourceState\":\"Running\"}}";

#define DATABASE(state) \
	"{\"properties\":{\"provisioningState\":\"" state "\"," \
	"\"resourceState\":\"Running\",\"port\":10000,\"modules\":[{" \
	"\"name\":\"RedisJSON\",\"version\":\"2.4.7\"}]}}"

#define DESCRIBED(state) \
	{"GET " AMR VERSION, 200, NULL, cluster, ARM_ANSWER}, \
	{ \
		"GET " DB VERSION, 200, NULL, DATABASE(state), ARM_ANSWER \
	}
#define EXPORTED \
	{ \
		"POST " DB "/export" VERSION, 200, NULL, NULL, ARM_ANSWER \
	}

struct ground {
	struct arm_rig arm;
	struct snapshot_rig rig;
	struct temp_dir dir;
	struct store *store;
	struct redis_resource *resource;
	struct source *source;
	struct progress progress;
	char notes[4096];
	bool writes; /* the service writes a dump into each container */
};

static struct ground *watched;

static void
on_advance(struct progress *p, enum step step, uint64_t done, uint64_t total,
    bool about)
{
	(void)p;
	(void)step;
	(void)done;
	(void)total;
	(void)about;
}

static void
put_export(struct ground *g)
{
	char name[64];
	struct store *place;
	struct buf dump;

	assert_int_equal(lending_store_lent(&g->dir, name), 1);
	place = g->store->ops->lend->open(g->store, name, &g->rig.err);
	snapshot_rig_dump(&dump);
	if (store_put(place, &g->arm.scope, "whatever", dump.data, dump.len,
		NULL, NULL, &g->rig.err) != 0)
		fail_msg("%s", g->rig.err.text);
	buf_release(&dump);
	store_free(place);
}

/* The first word of an export comes when it has been asked for. */
static void
on_note(struct progress *p, enum step step, const char *text)
{
	struct ground *g = watched;
	size_t len = strlen(g->notes);

	(void)p;
	(void)step;
	snprintf(g->notes + len, sizeof(g->notes) - len, "%s\n", text);
	if (g->writes && strstr(text, "exports itself") != NULL)
		put_export(g);
}

static void
up(struct ground *g, const struct arm_step *steps, size_t n)
{
	struct redis_resource_opts opts;
	struct resource_id id;

	memset(g, 0, sizeof(*g));
	watched = g;
	arm_rig_up(&g->arm, steps, n);
	snapshot_rig_up(&g->rig);
	temp_dir_make(&g->dir);
	g->store = lending_store_open(&g->dir);
	g->progress = (struct progress){on_advance, on_note};
	g->rig.env.progress = &g->progress;
	g->writes = true;
	opts = (struct redis_resource_opts){
	    .client = g->arm.client, .journal = g->rig.env.journal};
	arm_rig_ok(&g->arm, resource_id_parse(&id, AMR, &g->arm.err));
	g->resource = redis_resource_new(&id, &opts);
	g->source = source_arm_new(
	    &(struct source_arm_opts){.resource = g->resource});
}
#define UP(g, steps) up(g, steps, sizeof(steps) / sizeof(*(steps)))

static void
down(struct ground *g)
{
	assert_null(strstr(g->notes, LENDING_STORE_SIG));
	assert_null(strstr(g->rig.err.text, LENDING_STORE_SIG));
	source_free(g->source);
	redis_resource_free(g->resource);
	store_free(g->store);
	temp_dir_remove(&g->dir);
	g->rig.env.progress = NULL;
	snapshot_rig_down(&g->rig);
	arm_rig_down(&g->arm);
}

static struct manifest *
take(struct ground *g)
{
	struct snapshot_rig *r = &g->rig;

	r->err = (struct err){0};
	fake_clock_pass(&g->arm.clock, 1000); /* or ids would be the same */
	return snapshot_take(
	    g->source, g->store, &g->arm.scope, &r->env, &r->take, &r->err);
}

static void
must_take(struct ground *g)
{
	struct manifest *m = take(g);

	if (m == NULL)
		fail_msg("%s", g->rig.err.text);
	assert_int_equal(m->total.keys, RIG_KEYS);
	assert_int_equal(snapshot_rig_verify(&g->rig, g->store, m), 0);
	manifest_free(m);
}

static void
fails(struct ground *g, enum err_kind kind, const char *says)
{
	struct err *err = &g->rig.err;

	assert_null(take(g));
	if (err->kind != kind || strstr(err->text, says) == NULL)
		fail_msg("kind %d, not %d: %s", err->kind, kind, err->text);
}

static size_t
journalled(struct ground *g)
{
	return lending_store_noted(g->rig.env.journal);
}

static void
assert_nothing_left(struct ground *g)
{
	assert_int_equal(lending_store_lent(&g->dir, NULL), 0);
	assert_int_equal(journalled(g), 0);
}

static void
what_it_exported_is_the_snapshot_and_nothing_else_stays(void **state)
{
	static const struct arm_step steps[] = {
	    DESCRIBED("Succeeded"), EXPORTED};
	struct ground g;
	struct manifest *m;
	char *profile;

	(void)state;
	UP(&g, steps);
	m = take(&g);
	if (m == NULL)
		fail_msg("%s", g.rig.err.text);
	assert_string_equal(m->way, "arm");
	assert_string_equal(m->source, DB);
	assert_string_equal(m->server, "redis 7.0.15");
	assert_string_equal(m->host, "cache1.example:10000");
	assert_true(m->consistent);
	assert_string_equal(m->complete, MANIFEST_COMPLETE_TOLD);
	assert_int_equal(m->keys_before, -1);
	assert_int_equal(m->point_ms, g.arm.clock.wall_ms);
	profile = cJSON_PrintUnformatted(m->profile);
	assert_non_null(strstr(profile, "\"ReJSON\",\"version\":20407"));
	cJSON_free(profile);
	manifest_free(m);
	arm_rig_sent(&g.arm, 2,
	    "{\"sasUri\":\"https://acct.blob.example/drsync-export-cache-");
	assert_nothing_left(&g);
	down(&g);
}

static void
one_that_is_not_ready_is_asked_for_nothing(void **state)
{
	static const struct arm_step steps[] = {
	    DESCRIBED("Updating"), DESCRIBED("Failed")};
	static const struct arm_step broken[] = {
	    {"GET " AMR VERSION, 200, NULL,
		"{\"properties\":{\"resourceState\":\"Disabled\"}}",
		ARM_ANSWER},
	    {"GET " DB VERSION, 200, NULL,
		"{\"properties\":{\"resourceState\":\"Disabled\"}}",
		ARM_ANSWER}};
	struct ground g;

	(void)state;
	UP(&g, broken);
	fails(&g, ERR_SERVER, "Disabled");
	assert_nothing_left(&g);
	down(&g);
	up(&g, steps, 2);
	fails(&g, ERR_TRANSIENT, "'cache1/default' cannot export itself now");
	assert_nothing_left(&g);
	down(&g);
}

static void
a_refused_or_failed_export_leaves_nothing(void **state)
{
	static const struct arm_step steps[] = {
	    DESCRIBED("Succeeded"),
	    {"POST " DB "/export" VERSION, 409, NULL,
		"{\"error\":{\"code\":\"Busy\",\"message\":\"not now\"}}",
		ARM_ANSWER},
	    DESCRIBED("Succeeded"),
	    {"POST " DB "/export" VERSION, 202,
		"Azure-AsyncOperation: {host}/op\r\n", NULL, ARM_ANSWER},
	    {"GET /op", 200, NULL,
		"{\"status\":\"Failed\",\"error\":{\"code\":\"Conflict\","
		"\"message\":\"no reason\"}}",
		ARM_ANSWER},
	};
	struct ground g;

	(void)state;
	UP(&g, steps);
	assert_null(take(&g));
	assert_non_null(strstr(g.rig.err.text, "not now"));
	assert_nothing_left(&g);

	/* The service says so of what goes well when it is asked again. */
	fails(&g, ERR_TRANSIENT, "Conflict");
	assert_nothing_left(&g);
	down(&g);
}

static void
what_is_no_dump_is_kept_until_the_next_run(void **state)
{
	static const struct arm_step steps[] = {
	    DESCRIBED("Succeeded"), EXPORTED, DESCRIBED("Succeeded"), EXPORTED};
	struct ground g;
	char first[64];

	(void)state;
	UP(&g, steps);
	g.writes = false;
	fails(&g, ERR_CORRUPT, "left nothing");
	assert_int_equal(lending_store_lent(&g.dir, first), 1);
	assert_non_null(strstr(g.notes, "is kept in container"));
	assert_non_null(strstr(g.notes, first));
	assert_int_equal(journalled(&g), 1);
	g.writes = true;
	must_take(&g);
	assert_nothing_left(&g);
	down(&g);
}

/* As a process that ended right after the export, or could not go on. */
static void
end_early(struct ground *g)
{
	const struct source_ops *ops = g->source->ops;
	struct manifest *m = manifest_new();
	struct source_facts facts;
	struct export_set set;

	snapshot_id_make(&g->arm.scope, m->id);
	m->job = xstrdup(RIG_JOB);
	if (ops->export(g->source, g->store, &g->arm.scope, &g->rig.env, m,
		&set, &facts, &g->rig.err) != 0)
		fail_msg("%s", g->rig.err.text);
	export_set_release(&set);
	cJSON_Delete(facts.profile);
	ops->left_off(g->source, &g->rig.env, false, ERR_UNREACHABLE);
	manifest_free(m);
	assert_int_equal(lending_store_lent(&g->dir, NULL), 1);
}

#define GOES_ON \
	{ \
		"POST " DB "/export" VERSION, 202, \
		    "Azure-AsyncOperation: {host}/op\r\n", NULL, ARM_ANSWER \
	}
#define HIDDEN \
	{ \
		"GET /op", 403, NULL, \
		    "{\"error\":{\"code\":\"AuthorizationFailed\"}}", \
		    ARM_ANSWER \
	}

/* It was seen to be busy, and then to be ready; of files nobody spoke. */
static void
one_whose_state_alone_tells_its_end_is_waited_for(void **state)
{
	static const struct arm_step steps[] = {DESCRIBED("Succeeded"), GOES_ON,
	    HIDDEN, DESCRIBED("Updating"), HIDDEN, DESCRIBED("Succeeded")};
	struct ground g;
	struct manifest *m;
	int64_t slept_ms;

	(void)state;
	UP(&g, steps);
	slept_ms = g.arm.clock.slept_ms;
	m = take(&g);
	if (m == NULL)
		fail_msg("%s", g.rig.err.text);
	assert_non_null(strstr(g.notes, "is told by its state alone"));
	assert_string_equal(m->complete, MANIFEST_COMPLETE_SEEN);
	assert_true(g.arm.clock.slept_ms - slept_ms >= 60000);
	manifest_free(m);
	assert_nothing_left(&g);
	down(&g);
}

static void
what_a_run_that_ended_early_had_exported_is_not_asked_for_again(void **state)
{
	static const struct arm_step steps[] = {
	    DESCRIBED("Succeeded"), EXPORTED, DESCRIBED("Succeeded")};
	struct ground g;

	(void)state;
	UP(&g, steps);
	end_early(&g);
	must_take(&g);
	assert_non_null(strstr(g.notes, "followed to its end"));
	assert_nothing_left(&g);
	down(&g);
}

static void
but_when_that_is_too_old_it_is_forgotten(void **state)
{
	static const struct arm_step steps[] = {
	    DESCRIBED("Succeeded"), EXPORTED, DESCRIBED("Succeeded"), EXPORTED};
	struct ground g;

	(void)state;
	UP(&g, steps);
	end_early(&g);
	fake_clock_pass(&g.arm.clock, 3600001);
	g.writes = false;
	fails(&g, ERR_CORRUPT, "left nothing");
	assert_int_equal(lending_store_lent(&g.dir, NULL), 1);
	down(&g);
}

static void
one_of_another_job_is_waited_for_and_not_used(void **state)
{
	static const struct arm_step steps[] = {
	    DESCRIBED("Succeeded"), EXPORTED, DESCRIBED("Succeeded"), EXPORTED};
	struct ground g;

	(void)state;
	UP(&g, steps);
	end_early(&g);
	g.rig.take.job = "another";
	g.writes = false;
	fails(&g, ERR_CORRUPT, "left nothing");
	/* What the other job's run left is its own to remove. */
	assert_int_equal(lending_store_lent(&g.dir, NULL), 2);
	down(&g);
}

static void
a_container_that_cannot_be_removed_fails_no_snapshot(void **state)
{
	static const struct arm_step steps[] = {
	    DESCRIBED("Succeeded"), EXPORTED};
	struct ground g;

	(void)state;
	UP(&g, steps);
	lending_store_hold(true);
	must_take(&g);
	lending_store_hold(false);
	assert_non_null(strstr(g.notes, "for the job's next run to remove"));
	assert_int_equal(journalled(&g), 1);
	down(&g);
}

static void
a_store_that_lends_nothing_is_refused_before_anything(void **state)
{
	struct ground g;
	struct store *plain;

	(void)state;
	up(&g, NULL, 0);
	plain = temp_dir_store(&g.dir);
	store_free(g.store);
	g.store = plain;
	fails(&g, ERR_UNSUPPORTED, "a container of a storage account");
	down(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		what_it_exported_is_the_snapshot_and_nothing_else_stays),
	    cmocka_unit_test(one_that_is_not_ready_is_asked_for_nothing),
	    cmocka_unit_test(a_refused_or_failed_export_leaves_nothing),
	    cmocka_unit_test(what_is_no_dump_is_kept_until_the_next_run),
	    cmocka_unit_test(one_whose_state_alone_tells_its_end_is_waited_for),
	    cmocka_unit_test(
		what_a_run_that_ended_early_had_exported_is_not_asked_for_again),
	    cmocka_unit_test(but_when_that_is_too_old_it_is_forgotten),
	    cmocka_unit_test(one_of_another_job_is_waited_for_and_not_used),
	    cmocka_unit_test(
		a_container_that_cannot_be_removed_fails_no_snapshot),
	    cmocka_unit_test(
		a_store_that_lends_nothing_is_refused_before_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

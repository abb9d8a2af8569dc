/*
 * An import by Resource Manager: what it is refused for before anything is
 * done, what it is given, and how it ends when nobody knows how it ended.  The
 * service is a script, what it loads a real server, filled by the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/snapshot/job_state.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/progress.h"
#include "agent/snapshot/snapshot_load.h"
#include "arm/redis_resource.h"
#include "base/journal.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_target.h"
#include "storage/store.h"
#include "tests/sim/arm_rig.h"
#include "tests/sim/lending_store.h"
#include "tests/sim/rdb_bytes.h"
#include "tests/sim/real_redis.h"
#include "tests/sim/redis_data.h"
#include "tests/sim/snapshot_rig.h"

#define AMR \
	"/subscriptions/s/resourceGroups/rg1/providers/Microsoft.Cache/" \
	"redisEnterprise/dr"
#define DB	AMR "/databases/default"
#define VERSION "[?]api-version=2025-07-01"
#define KEYS	20

#define CLUSTER(host, version) \
	"{\"properties\":{\"hostName\":\"" host "\",\"redisVersion\":" \
	"\"" version "\",\"provisioningState\":\"Succeeded\"," \
	"\"resourceState\":\"Running\"}}"

#define DATABASE(state, more) \
	"{\"properties\":{\"provisioningState\":\"" state "\"," \
	"\"resourceState\":\"Running\",\"port\":10000" more "}}"

#define DESCRIBED(version, state, more) \
	{"GET " AMR VERSION, 200, NULL, CLUSTER("127.0.0.1", version), \
	    ARM_ANSWER}, \
	{ \
		"GET " DB VERSION, 200, NULL, DATABASE(state, more), \
		    ARM_ANSWER \
	}
#define FIT DESCRIBED("7.4", "Succeeded", "")

/* Before the files are there, and afterwards. */
#define GOOD FIT, FIT
#define IMPORTED \
	{ \
		"POST " DB "/import" VERSION, 200, NULL, NULL, ARM_ANSWER \
	}
#define BEGUN \
	{ \
		"POST " DB "/import" VERSION, 202, \
		    "Azure-AsyncOperation: {host}/op\r\n", NULL, ARM_ANSWER \
	}
#define STATUS(text) \
	{ \
		"GET /op", 200, NULL, "{\"status\":\"" text "\"}", ARM_ANSWER \
	}

struct ground {
	struct arm_rig arm;
	struct snapshot_rig rig;
	struct temp_dir dir;
	struct store *store;
	struct redis_resource *resource;
	struct real_redis *server;
	struct redis_conn *conn;
	struct redis_target target;
	struct redis_opts redis;
	struct manifest *m;
	struct snapshot_load_opts opts;
	struct snapshot_load_facts facts;
	struct progress progress;
	char notes[4096];
	size_t staged; /* files, while the service read them */
	bool loads;
	unsigned lacks;	   /* keys of what it loads */
	bool silent;	   /* to clients, afterwards */
	const char *value; /* of what it loads */
	unsigned asked;	   /* how often the leases were */
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
load_keys(struct ground *g)
{
	redis_data_do(g->conn, "FLUSHALL");
	for (unsigned i = g->lacks; i < KEYS; i++)
		redis_data_do(g->conn, "SET key:%u %s", i, g->value);
}

static int
count_item(void *arg, const struct list_item *item, struct err *err)
{
	(void)item;
	(void)err;
	++*(size_t *)arg;
	return 0;
}

static size_t
count_staged(struct ground *g)
{
	struct store *place;
	char name[64];
	size_t n = 0;

	if (lending_store_lent(&g->dir, name) == 0)
		return 0;
	place = g->store->ops->lend->open(g->store, name, &g->rig.err);
	assert_int_equal(
	    store_each(place, &g->rig.scope, NULL, count_item, &n, &g->rig.err),
	    0);
	store_free(place);
	return n;
}

/* It is told when the import was asked for. */
static void
on_note(struct progress *p, enum step step, const char *text)
{
	struct ground *g = watched;
	size_t len = strlen(g->notes);

	(void)p;
	(void)step;
	snprintf(g->notes + len, sizeof(g->notes) - len, "%s\n", text);
	if (strstr(text, "the Redis imports") == NULL)
		return;
	g->staged = count_staged(g);
	if (g->loads)
		load_keys(g);
	if (g->silent)
		redis_data_do(g->conn, "CONFIG SET requirepass x");
}

static void
write_dump(struct snapshot_rig *r, unsigned db, const char *value)
{
	char name[32];
	struct buf b;

	rdb_begin(&b, "REDIS0010");
	buf_addc(&b, (char)0xfe);
	buf_addc(&b, (char)db);
	for (unsigned i = 0; i < KEYS; i++) {
		buf_addc(&b, 0);
		snprintf(name, sizeof(name), "key:%u", i);
		rdb_put_string(&b, name);
		rdb_put_string(&b, value);
	}
	rdb_end(&b);
	snapshot_rig_write(r, b.data, b.len);
	buf_release(&b);
}

static void
start_server(struct ground *g)
{
	static const char *const args[] = {REDIS_DATA_DEBUG, NULL};
	const struct real_redis_opts plain = {.args = args};
	char url[96];

	g->server = real_redis_start(&plain);
	g->conn = redis_data_connect(g->server, NULL);
	snprintf(url, sizeof(url), "redis://127.0.0.1:%d",
	    real_redis_port(g->server));
	assert_int_equal(redis_target_parse(url, &g->target, &g->rig.err), 0);
}

/* As an agent with that journal has it. */
static struct redis_resource *
open_resource(struct ground *g, struct journal *journal)
{
	const struct redis_resource_opts opts = {
	    .client = g->arm.client, .journal = journal};
	struct resource_id id;

	arm_rig_ok(&g->arm, resource_id_parse(&id, AMR, &g->arm.err));
	return redis_resource_new(&id, &opts);
}

static void
up(struct ground *g, const struct arm_step *steps, size_t n)
{
	memset(g, 0, sizeof(*g));
	watched = g;
	arm_rig_up(&g->arm, steps, n);
	snapshot_rig_up(&g->rig);
	temp_dir_make(&g->dir);
	g->store = lending_store_open(&g->dir);
	start_server(g);
	write_dump(&g->rig, 0, "value");
	g->m = snapshot_rig_must_take(&g->rig, g->store);
	g->progress = (struct progress){on_advance, on_note};
	g->rig.env.progress = &g->progress;
	g->resource = open_resource(g, g->rig.env.journal);
	g->loads = true;
	g->value = "value";
	g->opts = (struct snapshot_load_opts){
	    .target = &g->target,
	    .redis = &g->redis,
	    .resource = g->resource,
	    .named = &g->target,
	};
}
#define UP(g, steps) up(g, steps, sizeof(steps) / sizeof(*(steps)))

static void
down(struct ground *g)
{
	assert_null(strstr(g->notes, LENDING_STORE_SIG));
	assert_null(strstr(g->rig.err.text, LENDING_STORE_SIG));
	manifest_free(g->m);
	redis_target_release(&g->target);
	redis_conn_free(g->conn);
	real_redis_stop(g->server);
	redis_resource_free(g->resource);
	store_free(g->store);
	temp_dir_remove(&g->dir);
	snapshot_rig_down(&g->rig);
	arm_rig_down(&g->arm);
}

static int
load(struct ground *g)
{
	struct snapshot_rig *r = &g->rig;

	r->err = (struct err){0};
	return snapshot_load(g->store, g->m, &g->arm.scope, &r->env, &g->opts,
	    &g->facts, &r->err);
}

static void
must_load(struct ground *g)
{
	if (load(g) != 0)
		fail_msg("%s", g->rig.err.text);
	assert_int_equal(g->facts.way, RESTORER_ARM);
}

static void
fails(struct ground *g, enum err_kind kind, const char *says)
{
	struct err *err = &g->rig.err;

	assert_int_equal(load(g), -1);
	if (err->kind != kind || strstr(err->text, says) == NULL)
		fail_msg("kind %d, not %d: %s", err->kind, kind, err->text);
}

static size_t
journalled(struct ground *g)
{
	return lending_store_noted(g->rig.env.journal);
}

static int
count_entry(void *arg, const char *key, const char *value, struct err *err)
{
	(void)key;
	(void)value;
	(void)err;
	*(size_t *)arg += 1;
	return 0;
}

/* What is noted of operations alone. */
static size_t
operations(struct ground *g)
{
	struct journal *j = g->rig.env.journal;
	size_t n = 0;

	assert_int_equal(
	    j->ops->each(j, "arm/", count_entry, &n, &g->rig.err), 0);
	return n;
}

/* Whether the job's state says that the import has ended. */
static bool
noted(struct ground *g)
{
	struct job_state state;
	char name[64];
	bool ended;

	snprintf(
	    name, sizeof(name), "127.0.0.1:%d", real_redis_port(g->server));
	assert_int_equal(job_state_read(g->store, &g->rig.scope, RIG_JOB,
			     &state, &g->rig.err),
	    0);
	ended = job_state_import(&state, name) != NULL;
	job_state_release(&state);
	return ended;
}

/* Another one of the job, in which each key has that value. */
static void
take_another(struct ground *g, const char *value)
{
	manifest_free(g->m);
	write_dump(&g->rig, 0, value);
	g->m = snapshot_rig_must_take(&g->rig, g->store);
}

static void
assert_nothing_left(struct ground *g)
{
	assert_int_equal(lending_store_lent(&g->dir, NULL), 0);
	assert_int_equal(journalled(g), 0);
}

static void
gzip_is_given_as_it_lies_there(void **state)
{
	static const struct arm_step steps[] = {GOOD, IMPORTED};
	struct ground g;
	char want[256];

	(void)state;
	UP(&g, steps);
	must_load(&g);
	snprintf(want, sizeof(want),
	    "{\"sasUris\":[\"https://acct.blob.example/store/" RIG_JOB
	    "/%s/part-0000.rdb.gz?sig=",
	    g.m->id);
	arm_rig_sent(&g.arm, 4, want);
	assert_int_equal(g.staged, 0);
	assert_true(noted(&g));
	assert_nothing_left(&g);
	down(&g);
}

static void
anything_else_is_written_anew_as_gzip(void **state)
{
	static const struct arm_step steps[] = {GOOD, IMPORTED};
	struct ground g;

	(void)state;
	UP(&g, steps);
	manifest_free(g.m);
	g.rig.env.cipher_key = &g.rig.key;
	g.rig.take.seal = true;
	g.rig.take.codec = CODEC_ZSTD;
	g.m = snapshot_rig_must_take(&g.rig, g.store);
	must_load(&g);
	arm_rig_sent(
	    &g.arm, 4, "https://acct.blob.example/drsync-import-cache-");
	arm_rig_sent(&g.arm, 4, "/0001.rdb.gz?sig=");
	assert_int_equal(g.staged, 1);
	assert_true(noted(&g));
	assert_nothing_left(&g);
	down(&g);
}

/* Before anything is staged, noted or asked for. */
static void
refused(const struct arm_step *steps, enum err_kind kind, const char *says)
{
	struct ground g;

	up(&g, steps, 2);
	fails(&g, kind, says);
	assert_nothing_left(&g);
	assert_false(noted(&g));
	down(&g);
}

static void
what_it_could_not_take_is_refused_before(void **state)
{
	static const struct arm_step old[] = {
	    DESCRIBED("6.0", "Succeeded", "")};
	static const struct arm_step busy[] = {
	    DESCRIBED("7.4", "Updating", "")};
	static const struct arm_step linked[] = {DESCRIBED("7.4", "Succeeded",
	    ",\"geoReplication\":{\"groupNickname\":\"g\",\"linkedDatabases\":"
	    "[{\"id\":\"/other\",\"state\":\"Linked\"}]}")};
	static const struct arm_step another[] = {
	    {"GET " AMR VERSION, 200, NULL, CLUSTER("other.example", "7.4"),
		ARM_ANSWER},
	    {"GET " DB VERSION, 200, NULL, DATABASE("Succeeded", ""),
		ARM_ANSWER}};
	static const struct arm_step good[] = {FIT};
	struct ground g;

	(void)state;
	refused(old, ERR_UNSUPPORTED, "takes RDB up to version 9");
	refused(busy, ERR_TRANSIENT, "Updating");
	refused(linked, ERR_REFUSED, "geo-replication");
	refused(another, ERR_REFUSED,
	    "answers at 'other.example', and the target is 'redis://127.");

	UP(&g, good);
	manifest_free(g.m);
	write_dump(&g.rig, 3, "value");
	g.m = snapshot_rig_must_take(&g.rig, g.store);
	fails(&g, ERR_UNSUPPORTED, "database 3");
	assert_nothing_left(&g);
	down(&g);
}

#define SMALL \
	"{\"sku\":{\"name\":\"Balanced_B0\"},\"properties\":{" \
	"\"hostName\":\"127.0.0.1\",\"redisVersion\":\"7.4\"," \
	"\"provisioningState\":\"Succeeded\"," \
	"\"resourceState\":\"Running\"}}"

/* So much memory did the source use, by its own word. */
static void
weigh(struct ground *g, double bytes)
{
	cJSON_Delete(g->m->profile);
	g->m->profile = cJSON_CreateObject();
	cJSON_AddNumberToObject(g->m->profile, "used_memory", bytes);
}

static void
what_has_no_room_is_refused_before(void **state)
{
	static const struct arm_step small[] = {
	    {"GET " AMR VERSION, 200, NULL, SMALL, ARM_ANSWER},
	    {"GET " DB VERSION, 200, NULL, DATABASE("Succeeded", ""),
		ARM_ANSWER}};
	static const struct arm_step limited[] = {FIT};
	static const struct arm_step proxy[] = {
	    DESCRIBED("7.4", "Succeeded",
		",\"clusteringPolicy\":\"EnterpriseCluster\""),
	    DESCRIBED("7.4", "Succeeded",
		",\"clusteringPolicy\":\"EnterpriseCluster\""),
	    IMPORTED};
	struct ground g;

	(void)state;
	UP(&g, small);
	weigh(&g, 410 << 20);
	fails(&g, ERR_UNSUPPORTED,
	    "needs about 410 MiB, and Balanced_B0 has 409 MiB");
	assert_nothing_left(&g);
	down(&g);

	UP(&g, limited);
	weigh(&g, 64 << 20);
	redis_data_do(g.conn, "CONFIG SET maxmemory 32mb");
	fails(&g, ERR_UNSUPPORTED,
	    "needs about 64 MiB, and its maxmemory leaves 32 MiB");
	assert_nothing_left(&g);
	down(&g);

	/* Whose limit that is, nobody says there. */
	UP(&g, proxy);
	weigh(&g, 64 << 20);
	redis_data_do(g.conn, "CONFIG SET maxmemory 32mb");
	must_load(&g);
	down(&g);
}

static void
what_lacks_a_module_is_refused_before(void **state)
{
	static const struct arm_step none[] = {FIT};
	static const struct arm_step another[] = {DESCRIBED(
	    "7.4", "Succeeded", ",\"modules\":[{\"name\":\"RedisBloom\"}]")};
	struct ground g;

	(void)state;
	UP(&g, none);
	g.m->has_modules = true;
	fails(&g, ERR_UNSUPPORTED, "no module is loaded there");
	down(&g);

	UP(&g, another);
	g.m->has_modules = true;
	cJSON_Delete(g.m->profile);
	g.m->profile = cJSON_Parse("{\"modules\":[{\"name\":\"ReJSON\"}]}");
	fails(&g, ERR_UNSUPPORTED, "its source had 'ReJSON'");
	assert_nothing_left(&g);
	assert_false(noted(&g));
	down(&g);
}

/* As one that an export made, of that Redis. */
static void
never_into_the_redis_that_it_comes_from(void **state)
{
	static const struct arm_step steps[] = {FIT};
	struct ground g;

	(void)state;
	UP(&g, steps);
	free(g.m->way);
	free(g.m->source);
	g.m->way = strdup("arm");
	g.m->source = strdup(DB);
	fails(&g, ERR_REFUSED, "an import would undo");
	down(&g);
}

static void
data_of_others_are_left_unless_the_target_is_named(void **state)
{
	static const struct arm_step steps[] = {GOOD, IMPORTED};
	struct ground g;
	char name[64];

	(void)state;
	UP(&g, steps);
	redis_data_do(g.conn, "SET theirs 1");
	fails(&g, ERR_REFUSED, "--overwrite-target");
	assert_nothing_left(&g);
	snprintf(name, sizeof(name), "127.0.0.1:%d", real_redis_port(g.server));
	g.opts.overwrite = name;
	must_load(&g);
	down(&g);
}

static int
lost(void *arg, struct err *err)
{
	(void)arg;
	return err_set(err, ERR_LOCKED, "the lease was lost");
}

static void
a_lost_lease_sends_nothing(void **state)
{
	static const struct arm_step steps[] = {GOOD};
	struct ground g;

	(void)state;
	UP(&g, steps);
	g.rig.env.still_ours = lost;
	fails(&g, ERR_LOCKED, "the lease was lost");
	assert_int_equal(lending_store_lent(&g.dir, NULL), 0);
	assert_int_equal(journalled(&g), 1); /* that it asked for nothing */
	down(&g);
}

/* As where a run ended in between, or lost the store. */
static void
what_was_noted_and_not_asked_for_is_begun_again(void **state)
{
	static const struct arm_step steps[] = {GOOD};
	static const struct arm_step then[] = {GOOD, IMPORTED};
	struct ground g;

	(void)state;
	UP(&g, steps);
	g.rig.env.still_ours = lost;
	fails(&g, ERR_LOCKED, "the lease was lost");
	g.rig.env.still_ours = NULL;
	ARM_THEN(&g.arm, then);
	must_load(&g);
	assert_true(noted(&g));
	down(&g);
}

static void
a_failed_one_leaves_no_files_and_no_note(void **state)
{
	static const struct arm_step steps[] = {GOOD, BEGUN,
	    {"GET /op", 200, NULL,
		"{\"status\":\"Failed\",\"error\":{\"error\":{\"code\":"
		"\"ImportFailed\",\"message\":\"bad file\"}}}",
		ARM_ANSWER}};
	struct ground g;

	(void)state;
	UP(&g, steps);
	g.loads = false;
	assert_int_equal(load(&g), -1);
	assert_non_null(strstr(g.rig.err.text, "bad file"));
	assert_non_null(strstr(g.rig.err.text, "may be lost"));
	assert_false(noted(&g));
	assert_nothing_left(&g);
	down(&g);
}

/* By the service's word it ended well. */
static void
one_that_brought_fewer_keys_is_none(void **state)
{
	static const struct arm_step steps[] = {GOOD, IMPORTED};
	struct ground g;

	(void)state;
	UP(&g, steps);
	g.lacks = 1;
	fails(&g, ERR_CORRUPT, "the Redis holds 19 keys of the snapshot's 20");
	assert_non_null(strstr(g.rig.err.text, "may be lost"));
	assert_false(noted(&g));
	assert_nothing_left(&g);
	down(&g);
}

/* While it does not answer, nothing is known of it. */
static void
one_that_cannot_be_counted_is_not_over(void **state)
{
	static const struct arm_step steps[] = {GOOD, IMPORTED};
	struct ground g;

	(void)state;
	UP(&g, steps);
	g.silent = true;
	assert_int_equal(load(&g), -1);
	assert_int_not_equal(g.rig.err.kind, ERR_CORRUPT);
	assert_int_equal(operations(&g), 1);
	assert_false(noted(&g));
	redis_data_do(g.conn, "CONFIG SET requirepass %s", "");
	must_load(&g);
	assert_true(noted(&g));
	assert_nothing_left(&g);
	down(&g);
}

/* The process ends while it goes on; the next one only asks how it went. */
static void
one_that_goes_on_is_followed_and_not_asked_for_again(void **state)
{
	static const struct arm_step first[] = {GOOD, BEGUN,
	    {"GET /op", 401, NULL, NULL, ARM_ANSWER},
	    {"GET /op", 401, NULL, NULL, ARM_ANSWER}};
	static const struct arm_step then[] = {STATUS("Succeeded")};
	struct scope whole;
	struct ground g;

	(void)state;
	UP(&g, first);
	whole = g.arm.scope;
	assert_int_equal(load(&g), -1);
	assert_false(noted(&g));
	assert_int_equal(operations(&g), 1);
	g.arm.scope = whole;
	ARM_THEN(&g.arm, then);
	for (int i = 0; i < 2; i++)
		if (snapshot_load_await(
			g.resource, &g.arm.scope, &g.rig.env, &g.rig.err) != 0)
			fail_msg("%s", g.rig.err.text);
	assert_non_null(strstr(g.notes, "followed to its end"));
	must_load(&g);
	assert_true(noted(&g));
	assert_nothing_left(&g);
	down(&g);
}

/* The service says for ever that it goes on: a person may know better. */
static void
one_that_never_ends_waits_for_a_persons_word(void **state)
{
	static const struct arm_step first[] = {GOOD, BEGUN,
	    {"GET /op", 401, NULL, NULL, ARM_ANSWER},
	    {"GET /op", 401, NULL, NULL, ARM_ANSWER}};
	static const struct arm_step on[] = {STATUS("InProgress")};
	static const struct arm_step anew[] = {
	    STATUS("InProgress"), GOOD, IMPORTED};
	struct scope whole;
	struct ground g;
	char name[64];

	(void)state;
	UP(&g, first);
	whole = g.arm.scope;
	assert_int_equal(load(&g), -1);
	g.arm.scope = whole;
	fake_clock_pass(&g.arm.clock, INT64_C(7) * 86400000);
	ARM_THEN(&g.arm, on);
	if (snapshot_load_await(
		g.resource, &g.arm.scope, &g.rig.env, &g.rig.err) != 0)
		fail_msg("%s", g.rig.err.text);
	ARM_THEN(&g.arm, on);
	fails(&g, ERR_UNREACHABLE, "give --overwrite-target");
	snprintf(name, sizeof(name), "127.0.0.1:%d", real_redis_port(g.server));
	g.opts.overwrite = name;
	ARM_THEN(&g.arm, anew);
	must_load(&g);
	assert_true(noted(&g));
	down(&g);
}

#define LOST \
	{ \
		"POST " DB "/import" VERSION, .how = ARM_RESET \
	}
#define GOES_ON_AND_ENDS \
	DESCRIBED("7.4", "Updating", ""), DESCRIBED("7.4", "Succeeded", "")

static void
a_lost_answer_is_made_up_for_by_the_data(void **state)
{
	static const struct arm_step steps[] = {GOOD, LOST, GOES_ON_AND_ENDS};
	struct ground g;

	(void)state;
	UP(&g, steps);
	must_load(&g);
	assert_non_null(strstr(g.notes, "answer was lost"));
	assert_true(noted(&g));
	assert_nothing_left(&g);
	down(&g);
}

/* And until that person has spoken, nothing is asked for. */
static void
or_else_by_a_person(void **state)
{
	static const struct arm_step steps[] = {GOOD, LOST, GOES_ON_AND_ENDS};
	static const struct arm_step again[] = {GOES_ON_AND_ENDS};
	static const struct arm_step named[] = {
	    GOES_ON_AND_ENDS, GOOD, IMPORTED};
	struct ground g;
	char name[64];

	(void)state;
	UP(&g, steps);
	g.loads = false;
	fails(&g, ERR_REFUSED, "look in the portal");
	assert_non_null(strstr(g.rig.err.text, "--overwrite-target 127.0.0.1"));
	assert_false(noted(&g));
	ARM_THEN(&g.arm, again);
	fails(&g, ERR_REFUSED, "look in the portal");
	assert_int_equal(operations(&g), 1);
	ARM_THEN(&g.arm, named);
	snprintf(name, sizeof(name), "127.0.0.1:%d", real_redis_port(g.server));
	g.opts.overwrite = name;
	g.loads = true;
	must_load(&g);
	assert_true(noted(&g));
	assert_nothing_left(&g);
	down(&g);
}

static void
a_redis_that_holds_it_is_not_asked_to_import_it(void **state)
{
	static const struct arm_step steps[] = {GOOD, IMPORTED};
	struct ground g;

	(void)state;
	UP(&g, steps);
	must_load(&g);
	assert_false(g.facts.there_already);
	must_load(&g);
	assert_true(g.facts.there_already);
	assert_false(g.facts.replaced);
	assert_non_null(strstr(g.notes, "holds that snapshot already"));
	assert_true(noted(&g));
	assert_nothing_left(&g);
	down(&g);
}

/* The target held the same data, by an earlier snapshot. */
static void
what_it_may_have_held_before_proves_nothing(void **state)
{
	static const struct arm_step first[] = {GOOD, IMPORTED};
	static const struct arm_step then[] = {GOOD, LOST, GOES_ON_AND_ENDS};
	struct ground g;

	(void)state;
	UP(&g, first);
	must_load(&g);
	take_another(&g, "value");
	g.loads = false;
	ARM_THEN(&g.arm, then);
	fails(&g, ERR_REFUSED, "look in the portal");
	assert_int_equal(operations(&g), 1);
	down(&g);
}

/* And the other way round: it held an earlier one, and does so no more. */
static void
what_it_held_before_and_holds_no_more_proves_it(void **state)
{
	static const struct arm_step first[] = {GOOD, IMPORTED};
	static const struct arm_step then[] = {GOOD, LOST, GOES_ON_AND_ENDS};
	struct ground g;

	(void)state;
	UP(&g, first);
	take_another(&g, "earlier");
	g.value = "earlier";
	must_load(&g);
	take_another(&g, "value");
	g.value = "value";
	ARM_THEN(&g.arm, then);
	must_load(&g);
	assert_true(noted(&g));
	assert_nothing_left(&g);
	down(&g);
}

/* Its process ended; a later one has another snapshot to import. */
static void
the_data_prove_an_earlier_snapshots_import_too(void **state)
{
	static const struct arm_step first[] = {GOOD, LOST,
	    {"GET " AMR VERSION, 401, NULL, NULL, ARM_ANSWER},
	    {"GET " AMR VERSION, 401, NULL, NULL, ARM_ANSWER}};
	static const struct arm_step refused_one[] = {GOES_ON_AND_ENDS, GOOD,
	    {"POST " DB "/import" VERSION, 400, NULL, NULL, ARM_ANSWER}};
	static const struct arm_step then[] = {GOOD, IMPORTED};
	struct scope whole;
	struct ground g;

	(void)state;
	UP(&g, first);
	whole = g.arm.scope;
	assert_int_equal(load(&g), -1);
	g.arm.scope = whole;
	take_another(&g, "later");
	g.value = "later";
	ARM_THEN(&g.arm, refused_one);
	assert_int_equal(load(&g), -1);
	assert_non_null(strstr(g.notes, "but the Redis holds snapshot"));
	/* So what it holds is known for this job's own from then on. */
	ARM_THEN(&g.arm, then);
	must_load(&g);
	assert_true(noted(&g));
	assert_nothing_left(&g);
	down(&g);
}

static int
write_beside(void *arg, struct err *err)
{
	struct ground *g = arg;

	(void)err;
	if (++g->asked == 2)
		redis_data_do(g->conn, "SET theirs 1");
	return 0;
}

/* The service puts it off; meanwhile somebody writes. */
static void
each_request_comes_right_after_a_look(void **state)
{
	static const struct arm_step steps[] = {GOOD,
	    {"POST " DB "/import" VERSION, 429, "Retry-After: 1\r\n", NULL,
		ARM_ANSWER}};
	struct ground g;

	(void)state;
	UP(&g, steps);
	g.rig.env.still_ours = write_beside;
	g.rig.env.still_ours_arg = &g;
	fails(&g, ERR_REFUSED, "1 keys, 0 function libraries");
	assert_nothing_left(&g);
	down(&g);
}

/* A name that is not the target's is nobody's word about it. */
static void
another_name_is_no_leave(void **state)
{
	static const struct arm_step steps[] = {GOOD, LOST, GOES_ON_AND_ENDS};
	static const struct arm_step again[] = {GOES_ON_AND_ENDS};
	struct ground g;

	(void)state;
	UP(&g, steps);
	g.loads = false;
	fails(&g, ERR_REFUSED, "look in the portal");
	g.opts.overwrite = "another.example:6379";
	for (int i = 0; i < 2; i++) {
		ARM_THEN(&g.arm, again);
		fails(&g, ERR_REFUSED, "look in the portal");
		assert_int_equal(operations(&g), 1);
		g.opts.overwrite = NULL;
	}
	down(&g);
}

/* The journal of one that goes on is elsewhere, or lost. */
static void
what_another_agent_began_is_not_asked_for_again(void **state)
{
	static const struct arm_step first[] = {GOOD, BEGUN,
	    {"GET /op", 401, NULL, NULL, ARM_ANSWER},
	    {"GET /op", 401, NULL, NULL, ARM_ANSWER}};
	struct journal *lost_one, *own;
	struct scope whole;
	struct ground g;

	(void)state;
	UP(&g, first);
	whole = g.arm.scope;
	assert_int_equal(load(&g), -1);
	g.arm.scope = whole;
	lost_one = g.rig.env.journal;
	own = g.rig.env.journal = journal_memory_new();
	g.opts.resource = open_resource(&g, own);
	fails(&g, ERR_REFUSED, "this agent cannot tell whether it has ended");
	g.opts.way = RESTORER_RESTORE;
	fails(&g, ERR_REFUSED, "this agent cannot tell whether it has ended");
	g.opts.way = RESTORER_ARM;
	g.rig.env.journal = lost_one;
	redis_resource_free(g.opts.resource);
	down(&g);
	journal_memory_free(own);
}

/* What one agent has in its journal, as a kill at this moment leaves it. */
struct kept {
	struct journal *journal;
};

static int
keep_entry(void *arg, const char *key, const char *value, struct err *err)
{
	struct kept *k = arg;

	return k->journal->ops->put(k->journal, key, value, err);
}

/* The state names another's import then, of which this one's operation, that it
 * had no time to settle, tells nothing. */
static void
anothers_import_is_not_over_because_ones_own_is(void **state)
{
	static const struct arm_step first[] = {GOOD, BEGUN,
	    {"GET /op", 401, NULL, NULL, ARM_ANSWER},
	    {"GET /op", 401, NULL, NULL, ARM_ANSWER}};
	static const struct arm_step ended[] = {STATUS("Succeeded")};
	static const struct arm_step lost[] = {GOOD, LOST, GOES_ON_AND_ENDS};
	static const struct arm_step again[] = {STATUS("Succeeded")};
	struct kept kept = {journal_memory_new()};
	struct journal *here, *there = journal_memory_new();
	struct redis_resource *other;
	struct scope whole;
	struct ground g;

	(void)state;
	UP(&g, first);
	whole = g.arm.scope;
	assert_int_equal(load(&g), -1);
	g.arm.scope = whole;
	here = g.rig.env.journal;
	assert_int_equal(
	    here->ops->each(here, "", keep_entry, &kept, &g.rig.err), 0);
	ARM_THEN(&g.arm, ended);
	must_load(&g);
	assert_true(noted(&g));
	/* It was killed before it settled that; and another host goes on. */
	assert_int_equal(kept.journal->ops->each(kept.journal, "", keep_entry,
			     &(struct kept){here}, &g.rig.err),
	    0);
	g.arm.clock.random++; /* what it draws is its own */
	other = open_resource(&g, there);
	g.rig.env.journal = there;
	g.opts.resource = other;
	take_another(&g, "later");
	g.loads = false;
	ARM_THEN(&g.arm, lost);
	fails(&g, ERR_REFUSED, "look in the portal");

	g.rig.env.journal = here;
	g.opts.resource = g.resource;
	take_another(&g, "latest");
	ARM_THEN(&g.arm, again);
	fails(&g, ERR_REFUSED, "another one began it");
	redis_resource_free(other);
	journal_memory_free(there);
	journal_memory_free(kept.journal);
	down(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(gzip_is_given_as_it_lies_there),
	    cmocka_unit_test(anything_else_is_written_anew_as_gzip),
	    cmocka_unit_test(what_it_could_not_take_is_refused_before),
	    cmocka_unit_test(what_has_no_room_is_refused_before),
	    cmocka_unit_test(what_lacks_a_module_is_refused_before),
	    cmocka_unit_test(never_into_the_redis_that_it_comes_from),
	    cmocka_unit_test(
		data_of_others_are_left_unless_the_target_is_named),
	    cmocka_unit_test(one_that_never_ends_waits_for_a_persons_word),
	    cmocka_unit_test(anothers_import_is_not_over_because_ones_own_is),
	    cmocka_unit_test(a_lost_lease_sends_nothing),
	    cmocka_unit_test(what_was_noted_and_not_asked_for_is_begun_again),
	    cmocka_unit_test(a_failed_one_leaves_no_files_and_no_note),
	    cmocka_unit_test(one_that_brought_fewer_keys_is_none),
	    cmocka_unit_test(one_that_cannot_be_counted_is_not_over),
	    cmocka_unit_test(
		one_that_goes_on_is_followed_and_not_asked_for_again),
	    cmocka_unit_test(a_lost_answer_is_made_up_for_by_the_data),
	    cmocka_unit_test(or_else_by_a_person),
	    cmocka_unit_test(a_redis_that_holds_it_is_not_asked_to_import_it),
	    cmocka_unit_test(what_it_may_have_held_before_proves_nothing),
	    cmocka_unit_test(what_it_held_before_and_holds_no_more_proves_it),
	    cmocka_unit_test(the_data_prove_an_earlier_snapshots_import_too),
	    cmocka_unit_test(each_request_comes_right_after_a_look),
	    cmocka_unit_test(another_name_is_no_leave),
	    cmocka_unit_test(what_another_agent_began_is_not_asked_for_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

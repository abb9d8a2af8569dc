/* Which Redis may be overwritten, asked of a real one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/snapshot/import_guard.h"
#include "agent/snapshot/import_marker.h"
#include "agent/snapshot/job_state.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/source.h"
#include "base/xalloc.h"
#include "rdb/redis_conn.h"
#include "storage/store.h"
#include "rdb/restore_loader.h"
#include "tests/sim/real_redis.h"
#include "tests/sim/redis_data.h"
#include "tests/sim/snapshot_rig.h"
#include "tests/sim/store_fault.h"

#define ID "20261121T062749Z-k3v9qa"

struct ground {
	struct snapshot_rig rig;
	struct store *store;
	struct real_redis *server;
	struct redis_conn *conn;
	struct redis_target target;
	struct redis_opts redis;
	char name[64];
	struct guard_request q;
	struct guard_answer a;
};

static int
up(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));
	char url[64];

	snapshot_rig_up(&g->rig);
	g->store = temp_dir_store(&g->rig.dr);
	g->server = real_redis_start(NULL);
	g->conn = redis_data_connect(g->server, NULL);
	snprintf(url, sizeof(url), "redis://127.0.0.1:%d",
	    real_redis_port(g->server));
	assert_int_equal(redis_target_parse(url, &g->target, &g->rig.err), 0);
	snprintf(g->name, sizeof(g->name), "127.0.0.1:%d",
	    real_redis_port(g->server));
	g->q = (struct guard_request){.store = g->store,
	    .job = RIG_JOB,
	    .snapshot = ID,
	    .target = &g->target,
	    .redis = &g->redis};
	*state = g;
	return 0;
}

static int
down(void **state)
{
	struct ground *g = *state;

	redis_target_release(&g->target);
	redis_conn_free(g->conn);
	real_redis_stop(g->server);
	store_free(g->store);
	snapshot_rig_down(&g->rig);
	free(g);
	return 0;
}

static int
ask(struct ground *g)
{
	g->rig.err = (struct err){0};
	return import_guard_ask(
	    &g->q, &g->rig.scope, &g->rig.env, &g->a, &g->rig.err);
}

static void
must_allow(struct ground *g)
{
	if (ask(g) != 0)
		fail_msg("%s", g->rig.err.text);
}

static void
must_refuse(struct ground *g, const char *why)
{
	assert_int_equal(ask(g), -1);
	if (g->rig.err.kind != ERR_REFUSED ||
	    strstr(g->rig.err.text, why) == NULL)
		fail_msg("%s, and not '%s': %s", err_kind_name(g->rig.err.kind),
		    why, g->rig.err.text);
}

static void
put_state(struct ground *g, const char *text)
{
	assert_int_equal(
	    store_put(g->store, &g->rig.scope, RIG_JOB "/state.json", text,
		strlen(text), NULL, NULL, &g->rig.err),
	    0);
}

/* As if this job had brought what the server holds now. */
static void
note_as_ours(struct ground *g)
{
	struct source *source = source_sync_new(&g->target, &g->redis, NULL);
	struct manifest *m = snapshot_take(source, g->store, &g->rig.scope,
	    &g->rig.env, &g->rig.take, &g->rig.err);

	if (m == NULL)
		fail_msg("%s", g->rig.err.text);
	g->q.snapshot = m->id;
	assert_int_equal(
	    import_guard_note(&g->q, &g->a, true, &g->rig.scope, &g->rig.err),
	    0);
	g->q.snapshot = ID;
	manifest_free(m);
	source_free(source);
}

static void
an_empty_target_is_free(void **state)
{
	struct ground *g = *state;

	must_allow(g);
	assert_true(g->a.empty);
	assert_false(g->a.ours);
	assert_false(g->a.forced);
}

static void
foreign_data_is_refused_and_the_way_out_told(void **state)
{
	struct ground *g = *state;
	char way_out[128];

	redis_data_do(g->conn, "SELECT 9");
	redis_data_do(g->conn, "SET theirs 1");
	snprintf(way_out, sizeof(way_out), "--overwrite-target %s", g->name);
	must_refuse(g, way_out);
	must_refuse(g, "did not put there (1 keys");
}

static void
functions_alone_are_data_too(void **state)
{
	struct ground *g = *state;

	redis_data_do(g->conn,
	    "FUNCTION LOAD #!lua\tname=mylib\n"
	    "redis.register_function('f',function()return\t1\tend)");
	must_refuse(g, "1 function libraries");
}

static void
the_right_name_forces_and_a_wrong_one_refuses(void **state)
{
	struct ground *g = *state;

	redis_data_do(g->conn, "SET theirs 1");
	g->q.overwrite = g->name;
	must_allow(g);
	assert_true(g->a.forced);
	assert_false(g->a.empty);
	g->q.overwrite = "127.0.0.1:1";
	must_refuse(g, "127.0.0.1:1");
	g->q.overwrite = "";
	must_refuse(g, "--overwrite-target");
	/* Wrong is wrong, even where nothing would be lost. */
	redis_data_do(g->conn, "FLUSHALL");
	must_refuse(g, "--overwrite-target");
}

static void
our_last_import_may_be_replaced_until_a_key_is_written(void **state)
{
	struct ground *g = *state;

	redis_data_fill(g->conn, 10);
	note_as_ours(g);
	must_allow(g);
	assert_true(g->a.ours);
	assert_false(g->a.empty);

	redis_data_do(g->conn, "SET s:int 12346");
	must_refuse(g, "has changed since this job's last import");
	redis_data_do(g->conn, "SET s:int 12345");
	must_allow(g);
	redis_data_do(g->conn, "DEL s:int");
	must_refuse(g, "has changed");
}

static void
another_target_or_job_is_not_ours(void **state)
{
	struct ground *g = *state;

	redis_data_do(g->conn, "SET a 1");
	note_as_ours(g);
	g->q.job = "other";
	must_refuse(g, "did not put there");
	g->q.job = RIG_JOB;
	g->target.hosts[0].host[0] = '\0';
	free(g->target.hosts[0].host);
	g->target.hosts[0].host = xstrdup("localhost");
	must_refuse(g, "did not put there");
}

/* The snapshot that was imported is gone: nothing to compare with. */
static void
what_cannot_be_compared_is_not_ours(void **state)
{
	struct ground *g = *state;

	redis_data_do(g->conn, "SET a 1");
	assert_int_equal(
	    import_guard_note(&g->q, &g->a, true, &g->rig.scope, &g->rig.err),
	    0);
	must_refuse(g, "has changed since");
}

/* Of all that the server holds now, that much came: what is left then. */
static struct manifest *
cut_short(struct ground *g)
{
	struct source *source = source_sync_new(&g->target, &g->redis, NULL);
	struct manifest *m = snapshot_take(source, g->store, &g->rig.scope,
	    &g->rig.env, &g->rig.take, &g->rig.err);

	if (m == NULL)
		fail_msg("%s", g->rig.err.text);
	source_free(source);
	g->q.snapshot = m->id;
	assert_int_equal(
	    import_guard_note(&g->q, &g->a, false, &g->rig.scope, &g->rig.err),
	    0);
	g->q.snapshot = ID;
	redis_data_do(g->conn, "SELECT 15");
	redis_data_do(g->conn, "FLUSHDB");
	redis_data_do(g->conn, "SELECT 0");
	redis_data_do(g->conn, "DEL z:large s:long");
	assert_int_equal(import_marker_set(g->conn, RIG_JOB, m->id,
			     &g->rig.scope, &g->rig.err),
	    0);
	return m;
}

static void
what_an_import_cut_short_left_may_be_replaced(void **state)
{
	struct ground *g = *state;
	struct manifest *m;

	redis_data_fill(g->conn, 10);
	m = cut_short(g);
	must_allow(g);
	assert_true(g->a.ours);
	/* The next one was cut short before it emptied the target. */
	assert_int_equal(
	    import_guard_note(&g->q, &g->a, false, &g->rig.scope, &g->rig.err),
	    0);
	must_allow(g);
	assert_true(g->a.ours);
	/* Somebody emptied it, and what he put there then is his. */
	redis_data_do(g->conn, "FLUSHALL");
	redis_data_do(g->conn, "FUNCTION FLUSH");
	redis_data_do(g->conn, "SET theirs 1");
	must_refuse(g, "has changed since");
	manifest_free(m);
}

static void
what_was_written_beside_half_of_an_import_is_not_ours(void **state)
{
	static const struct {
		const char *write, *undo;
	} rows[] = {
	    {"SET theirs 1", "DEL theirs"},
	    {"SET s:int 12346", "SET s:int 12345"},
	    {"MOVE s:int 9", NULL},
	    {"PEXPIREAT l:small 4102444800000", "PERSIST l:small"},
	    {"XADD x 301-1 f v", NULL},
	    {"XSETID x 300-1 ENTRIESADDED 999", NULL},
	    {"HSET h:large field:7 theirs", NULL},
	    {"FUNCTION LOAD #!lua\tname=theirs\n"
	     "redis.register_function('g',function()return\t1\tend)",
		"FUNCTION DELETE theirs"},
	    {"SET drsync:import:other " ID, "DEL drsync:import:other"},
	};
	struct ground *g = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct manifest *m;

		redis_data_do(g->conn, "FLUSHALL");
		redis_data_fill(g->conn, 10);
		m = cut_short(g);
		redis_data_do(g->conn, rows[i].write);
		must_refuse(g, "at least 1 of its keys (or libraries)");
		must_refuse(g, "--overwrite-target");
		must_refuse(g, m->id);
		assert_false(g->a.ours);
		if (rows[i].undo != NULL) {
			redis_data_do(g->conn, rows[i].undo);
			must_allow(g);
		}
		manifest_free(m);
	}
}

static void
more_keys_than_the_snapshot_holds_are_not_ours(void **state)
{
	struct ground *g = *state;
	struct manifest *m;

	redis_data_do(g->conn, "SET a 1");
	m = cut_short(g);
	/* As many as may be values that are not whole are looked at. */
	for (int i = 0; i <= RESTORE_TEMPS_MAX; i++)
		redis_data_do(g->conn, "SET theirs:%d 1", i);
	must_refuse(g, "it holds 66 keys, that snapshot 1");
	g->q.overwrite = g->name;
	must_allow(g);
	assert_true(g->a.forced);
	manifest_free(m);
}

/* Rather refused than taken for ours. */
static void
half_of_an_import_that_cannot_be_compared_is_refused(void **state)
{
	struct ground *g = *state;
	struct manifest *m;
	char *path;

	redis_data_fill(g->conn, 10);
	m = cut_short(g);
	redis_data_do(g->conn, "ACL SETUSER default -psync -sync");
	must_refuse(g, "it cannot be read");
	redis_data_do(g->conn, "ACL SETUSER default +psync +sync");
	must_allow(g);
	path = snapshot_rig_path(&g->rig.dr, m, m->parts[0].name);
	file_flip(path, file_size(path) / 2);
	free(path);
	must_refuse(g, "that snapshot cannot be read");
	path = snapshot_rig_path(&g->rig.dr, m, MANIFEST_NAME);
	file_cut(path, 0);
	must_refuse(g, "that snapshot cannot be read");
	assert_int_equal(remove(path), 0);
	must_refuse(g, "that snapshot cannot be read");
	free(path);
	manifest_free(m);
}

/* What an earlier question was answered must not pass for the answer. */
static void
a_mark_that_cannot_be_asked_for_is_not_taken_for_none(void **state)
{
	struct ground *g = *state;
	struct err *err = &g->rig.err;
	char id[SNAPSHOT_ID_SIZE];

	redis_data_do(g->conn, "LPUSH drsync:import:" RIG_JOB " theirs");
	assert_int_equal(
	    import_marker_get(g->conn, RIG_JOB, id, &g->rig.scope, err), 0);
	assert_string_equal(id, "");
	real_redis_stop(g->server);
	g->server = NULL;
	assert_int_equal(
	    import_marker_get(g->conn, RIG_JOB, id, &g->rig.scope, err), -1);
	assert_int_equal(err->kind, ERR_TRANSIENT);
}

/* The import that failed had not begun to destroy: the old data stand. */
static void
what_was_ours_before_an_import_cut_short_stays_ours(void **state)
{
	struct ground *g = *state;

	redis_data_fill(g->conn, 10);
	note_as_ours(g);
	assert_int_equal(
	    import_guard_note(&g->q, &g->a, false, &g->rig.scope, &g->rig.err),
	    0);
	must_allow(g);
	assert_true(g->a.ours);
	redis_data_do(g->conn, "SET theirs 1");
	must_refuse(g, "has changed since");
}

static void
a_write_since_the_answer_is_seen(void **state)
{
	struct ground *g = *state;

	must_allow(g);
	assert_int_equal(import_guard_again(&g->q, &g->rig.scope, &g->rig.env,
			     &g->a, &g->rig.err),
	    0);
	redis_data_do(g->conn, "SET theirs 1");
	assert_int_equal(import_guard_again(&g->q, &g->rig.scope, &g->rig.env,
			     &g->a, &g->rig.err),
	    -1);
	assert_int_equal(g->rig.err.kind, ERR_REFUSED);
}

static void
a_promotion_since_the_answer_is_seen(void **state)
{
	struct ground *g = *state;

	must_allow(g);
	put_state(
	    g, "{\"format\": 1, \"epoch\": 1, \"direction\": \"reverse\"}");
	assert_int_equal(
	    import_guard_note(&g->q, &g->a, false, &g->rig.scope, &g->rig.err),
	    -1);
	assert_int_equal(g->rig.err.kind, ERR_REFUSED);
	put_state(
	    g, "{\"format\": 1, \"epoch\": 1, \"direction\": \"forward\"}");
	assert_int_equal(
	    import_guard_note(&g->q, &g->a, false, &g->rig.scope, &g->rig.err),
	    -1);
	assert_int_equal(g->rig.err.kind, ERR_REFUSED);
}

static void
the_source_itself_is_never_a_target(void **state)
{
	struct ground *g = *state;
	char *info = redis_data_text(g->conn, "INFO replication");
	char *replid = redis_info_field(info, "master_replid");
	struct manifest shard = {0}, other = {0}, whole = {0};
	struct manifest *both[] = {&other, &shard};
	struct manifest cluster = {.shards = both, .nshards = 2};

	snprintf(whole.replid, sizeof(whole.replid), "%s", replid);
	memset(other.replid, 'f', sizeof(other.replid) - 1);
	shard = whole;
	g->q.overwrite = g->name;
	g->q.m = &whole;
	must_refuse(g, "that the snapshot was taken from");
	g->q.m = &cluster;
	must_refuse(g, "that the snapshot was taken from");
	free(replid);
	free(info);
}

/* It has a history of its own by now, and went on with its primary's. */
static void
a_replica_of_the_source_that_was_promoted_is_no_target(void **state)
{
	struct ground *g = *state;
	static const char *const at_once[] = {
	    "--repl-diskless-sync-delay", "0", NULL};
	struct real_redis *primary = real_redis_start(
	    &(struct real_redis_opts){.args = at_once});
	struct redis_conn *conn = redis_data_connect(primary, NULL);
	struct manifest whole = {0};
	char *info, *replid;
	struct manifest *one[] = {&whole};
	struct manifest cluster = {.shards = one, .nshards = 1};

	redis_data_do(
	    g->conn, "REPLICAOF 127.0.0.1 %d", real_redis_port(primary));
	redis_data_do(conn, "SET a 1");
	assert_int_equal(redis_data_int(conn, "WAIT 1 20000"), 1);
	info = redis_data_text(conn, "INFO replication");
	replid = redis_info_field(info, "master_replid");
	snprintf(whole.replid, sizeof(whole.replid), "%s", replid);
	redis_data_do(g->conn, "REPLICAOF NO ONE");
	redis_data_do(g->conn, "SET written since");
	g->q.overwrite = g->name;
	g->q.m = &whole;
	must_refuse(g, "went on from the Redis");
	g->q.m = &cluster;
	must_refuse(g, "went on from the Redis");
	/* What followed another one is no matter of this snapshot's. */
	memset(whole.replid, 'f', sizeof(whole.replid) - 1);
	must_allow(g);
	free(replid);
	free(info);
	redis_conn_free(conn);
	real_redis_stop(primary);
}

/* A library that was loaded since is data that an import would destroy. */
static void
a_function_loaded_since_is_a_change(void **state)
{
	struct ground *g = *state;

	redis_data_do(g->conn, "SET a 1");
	note_as_ours(g);
	must_allow(g);
	redis_data_do(g->conn,
	    "FUNCTION LOAD #!lua\tname=mylib\n"
	    "redis.register_function('f',function()return\t1\tend)");
	must_refuse(g, "has changed since");
}

static void
a_promoted_job_is_refused_even_by_name_and_empty(void **state)
{
	struct ground *g = *state;

	put_state(
	    g, "{\"format\": 1, \"epoch\": 3, \"direction\": \"reverse\"}");
	must_refuse(g, "failed over (epoch 3)");
	g->q.overwrite = g->name;
	must_refuse(g, "failed over");
}

static void
state_that_cannot_be_read_refuses(void **state)
{
	struct ground *g = *state;
	struct store *s = store_fault_new(temp_dir_store(&g->rig.dr));

	g->q.overwrite = g->name;
	put_state(g, "{\"format\": 1");
	must_refuse(g, "state.json");
	put_state(
	    g, "{\"format\": 2, \"epoch\": 3, \"direction\": \"forward\"}");
	must_refuse(g, "format 2");
	store_fault_add(s, &(struct fault){.op = FAULT_STAT, .kind = ERR_AUTH});
	g->q.store = s;
	assert_int_equal(ask(g), -1);
	assert_int_equal(g->rig.err.kind, ERR_AUTH);
	store_free(s);
}

static void
a_target_that_is_down_is_an_error(void **state)
{
	struct ground *g = *state;

	redis_conn_free(g->conn);
	real_redis_stop(g->server);
	g->conn = NULL;
	g->server = NULL;
	g->redis.connect_timeout_ms = 500;
	assert_int_equal(ask(g), -1);
	assert_int_not_equal(g->rig.err.kind, ERR_REFUSED);
}

static void
noting_over_state_that_cannot_be_read_fails(void **state)
{
	struct ground *g = *state;

	put_state(g, "not json");
	assert_int_equal(
	    import_guard_note(&g->q, &g->a, false, &g->rig.scope, &g->rig.err),
	    -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(an_empty_target_is_free),
	    TEST(foreign_data_is_refused_and_the_way_out_told),
	    TEST(functions_alone_are_data_too),
	    TEST(the_right_name_forces_and_a_wrong_one_refuses),
	    TEST(our_last_import_may_be_replaced_until_a_key_is_written),
	    TEST(another_target_or_job_is_not_ours),
	    TEST(what_cannot_be_compared_is_not_ours),
	    TEST(what_an_import_cut_short_left_may_be_replaced),
	    TEST(what_was_written_beside_half_of_an_import_is_not_ours),
	    TEST(more_keys_than_the_snapshot_holds_are_not_ours),
	    TEST(half_of_an_import_that_cannot_be_compared_is_refused),
	    TEST(a_mark_that_cannot_be_asked_for_is_not_taken_for_none),
	    TEST(what_was_ours_before_an_import_cut_short_stays_ours),
	    TEST(a_write_since_the_answer_is_seen),
	    TEST(a_promotion_since_the_answer_is_seen),
	    TEST(the_source_itself_is_never_a_target),
	    TEST(a_replica_of_the_source_that_was_promoted_is_no_target),
	    TEST(a_function_loaded_since_is_a_change),
	    TEST(a_promoted_job_is_refused_even_by_name_and_empty),
	    TEST(state_that_cannot_be_read_refuses),
	    TEST(a_target_that_is_down_is_an_error),
	    TEST(noting_over_state_that_cannot_be_read_fails),
	};

	return cmocka_run_group_tests_name("import_guard", tests, NULL, NULL);
}

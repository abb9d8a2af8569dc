/*
 * A snapshot of one real server into another, by both ways; what fails before
 * the target's old data may go leaves them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/snapshot/import_guard.h"
#include "agent/snapshot/job_state.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/snapshot_compare.h"
#include "agent/snapshot/snapshot_load.h"
#include "agent/snapshot/source.h"
#include "base/budget.h"
#include "base/xalloc.h"
#include "rdb/key_filter.h"
#include "rdb/redis_config.h"
#include "rdb/redis_conn.h"
#include "storage/pieces.h"
#include "storage/store.h"
#include "tests/sim/rdb_bytes.h"
#include "tests/sim/real_redis.h"
#include "tests/sim/redis_data.h"
#include "tests/sim/snapshot_rig.h"
#include "tests/sim/store_fault.h"
#include "tests/sim/test_ca.h"

struct side {
	struct real_redis *server;
	struct redis_conn *conn;
	struct redis_target target;
	struct redis_opts redis;
	char name[64];
};

struct ground {
	struct snapshot_rig rig;
	struct store *store;
	struct side from, to;
	struct manifest *m;
	struct snapshot_load_opts opts;
	struct snapshot_load_facts facts;
};

static void
start_side(struct side *s, const struct real_redis_opts *opts)
{
	struct err err = {0};
	char url[96];

	s->server = real_redis_start(opts);
	s->conn = redis_data_connect(s->server, NULL);
	snprintf(s->name, sizeof(s->name), "127.0.0.1:%d",
	    opts->tls != NULL ? real_redis_tls_port(s->server)
			      : real_redis_port(s->server));
	snprintf(url, sizeof(url), "%s://%s",
	    opts->tls != NULL ? "rediss" : "redis", s->name);
	assert_int_equal(redis_target_parse(url, &s->target, &err), 0);
	if (opts->tls != NULL)
		s->redis.tls.ca_file = test_ca_file(opts->tls);
}

static void
stop_side(struct side *s)
{
	redis_target_release(&s->target);
	redis_conn_free(s->conn);
	real_redis_stop(s->server);
}

static void
take(struct ground *g)
{
	struct source *source = source_sync_new(
	    &g->from.target, &g->from.redis, NULL);

	g->m = snapshot_take(source, g->store, &g->rig.scope, &g->rig.env,
	    &g->rig.take, &g->rig.err);
	if (g->m == NULL)
		fail_msg("%s", g->rig.err.text);
	source_free(source);
}

static int
up_with(void **state, const struct real_redis_opts *target)
{
	static const char *const args[] = {REDIS_DATA_DEBUG, NULL};
	const struct real_redis_opts plain = {.args = args};
	struct ground *g = xcalloc(1, sizeof(*g));

	snapshot_rig_up(&g->rig);
	g->store = temp_dir_store(&g->rig.dr);
	start_side(&g->from, &plain);
	start_side(&g->to, target != NULL ? target : &plain);
	redis_data_fill(g->from.conn, 500);
	take(g);
	g->opts.target = &g->to.target;
	g->opts.redis = &g->to.redis;
	*state = g;
	return 0;
}

static int
up(void **state)
{
	return up_with(state, NULL);
}

static int
down(void **state)
{
	struct ground *g = *state;

	stop_side(&g->from);
	stop_side(&g->to);
	manifest_free(g->m);
	store_free(g->store);
	snapshot_rig_down(&g->rig);
	free(g);
	return 0;
}

static int
load_from(struct ground *g, struct store *store)
{
	g->rig.err = (struct err){0};
	return snapshot_load(store, g->m, &g->rig.scope, &g->rig.env, &g->opts,
	    &g->facts, &g->rig.err);
}

static void
must_load(struct ground *g)
{
	if (load_from(g, g->store) != 0)
		fail_msg("%s", g->rig.err.text);
}

static void
expect_same_data(struct ground *g)
{
	char *a = redis_data_digest(g->from.conn);
	char *b = redis_data_digest(g->to.conn);

	assert_string_equal(a, b);
	free(a);
	free(b);
}

/* Nobody's replica, and holds what it held. */
static void
expect_old_data(struct ground *g)
{
	char *v = redis_data_text(g->to.conn, "GET old");
	char *info = redis_data_text(g->to.conn, "INFO replication");

	assert_non_null(v);
	assert_string_equal(v, "data");
	assert_int_equal(redis_data_int(g->to.conn, "DBSIZE"), 1);
	assert_non_null(strstr(info, "role:master"));
	free(v);
	free(info);
}

/* A sync from disk leaves the file that it was loaded from. */
static bool
was_loaded_from_disk(const struct ground *g)
{
	char path[512];

	snprintf(
	    path, sizeof(path), "%s/dump.rdb", real_redis_dir(g->to.server));
	return access(path, F_OK) == 0;
}

enum noted { NOTHING, BEGUN, ENDED };

static void
expect_noted(struct ground *g, enum noted noted)
{
	struct job_state s;
	const char *id;

	assert_int_equal(
	    job_state_read(g->store, &g->rig.scope, RIG_JOB, &s, &g->rig.err),
	    0);
	id = job_state_import(&s, g->to.name);
	assert_int_equal(id != NULL, noted == ENDED);
	if (id != NULL)
		assert_string_equal(id, g->m->id);
	assert_int_equal(
	    job_state_import_begun(&s, g->to.name), noted == BEGUN);
	job_state_release(&s);
}

static void
the_ways_have_names(void **state)
{
	struct err err = {0};
	enum restorer way;

	(void)state;
	assert_int_equal(restorer_parse("replica", &way, &err), 0);
	assert_int_equal(way, RESTORER_REPLICA);
	assert_string_equal(restorer_name(RESTORER_RESTORE), "restore");
	assert_int_equal(restorer_parse("copy", &way, &err), -1);
	assert_int_equal(err.kind, ERR_USAGE);
}

static void
by_replica_the_target_holds_the_same(void **state)
{
	struct ground *g = *state;
	struct fp_comparison cmp;

	must_load(g);
	assert_int_equal(g->facts.way, RESTORER_REPLICA);
	assert_false(g->facts.replaced);
	assert_int_equal(g->facts.keys, g->m->total.keys);
	expect_same_data(g);
	/* It was empty, and loaded while it received. */
	assert_false(was_loaded_from_disk(g));
	expect_noted(g, ENDED);
	assert_int_equal(
	    snapshot_compare(g->m, &g->to.target, &g->to.redis, &g->rig.scope,
		&g->rig.env, &cmp, NULL, &g->rig.err),
	    0);
	assert_true(cmp.same);

	/* And it is ours now: the next one needs no leave. */
	must_load(g);
	assert_true(g->facts.replaced);
	assert_true(was_loaded_from_disk(g));
	redis_data_do(g->to.conn, "SET s:int 1");
	assert_int_equal(
	    snapshot_compare(g->m, &g->to.target, &g->to.redis, &g->rig.scope,
		&g->rig.env, &cmp, NULL, &g->rig.err),
	    0);
	assert_false(cmp.same);
	assert_string_not_equal(cmp.why, "");
}

static bool
is_same(struct ground *g)
{
	struct fp_comparison cmp;

	if (snapshot_compare(g->m, &g->to.target, &g->to.redis, &g->rig.scope,
		&g->rig.env, &cmp, NULL, &g->rig.err) != 0)
		fail_msg("%s", g->rig.err.text);
	return cmp.same;
}

/* As managed services do. */
static void
a_target_that_refuses_replication_is_compared_by_scan(void **state)
{
	struct ground *g = *state;
	struct fp_comparison cmp;

	g->opts.way = RESTORER_RESTORE;
	must_load(g);
	redis_data_do(g->to.conn, "ACL SETUSER default -psync -sync");
	assert_true(is_same(g));
	redis_data_do(g->to.conn, "SET s:int 1");
	assert_false(is_same(g));

	/* Nor that: what it says of replication is told. */
	redis_data_do(g->to.conn, "ACL SETUSER default -dump");
	assert_int_equal(
	    snapshot_compare(g->m, &g->to.target, &g->to.redis, &g->rig.scope,
		&g->rig.env, &cmp, NULL, &g->rig.err),
	    -1);
	assert_non_null(strstr(g->rig.err.text, "psync"));
}

static void
by_restore_the_target_holds_the_same_and_nothing_else(void **state)
{
	struct ground *g = *state;

	redis_data_do(g->to.conn, "SET old data");
	redis_data_do(g->to.conn,
	    "FUNCTION LOAD #!lua\tname=oldlib\n"
	    "redis.register_function('g',function()return\t1\tend)");
	g->opts.way = RESTORER_RESTORE;
	g->opts.overwrite = g->to.name;
	must_load(g);
	assert_int_equal(g->facts.way, RESTORER_RESTORE);
	assert_true(g->facts.replaced);
	expect_same_data(g);
	expect_noted(g, ENDED);
}

/* The copy was proved, and one more key is expected of it when the first is
 * about to be sent: as when the second reading brings less than the first. */
static int
expect_one_more(void *arg, const struct scope *scope, struct err *err)
{
	struct ground *g = arg;

	(void)scope;
	(void)err;
	g->facts.keys++;
	return 0;
}

static void
fewer_keys_than_were_proved_are_no_import(void **state)
{
	struct ground *g = *state;

	g->opts.way = RESTORER_RESTORE;
	g->opts.settle = expect_one_more;
	g->opts.settle_arg = g;
	assert_int_equal(load_from(g, g->store), -1);
	assert_non_null(strstr(g->rig.err.text, " keys arrived of "));
	assert_int_equal(g->rig.err.kind, ERR_CORRUPT);
	expect_noted(g, BEGUN);
}

/* What the target holds each time: keys of database 0, and the mark. */
struct settling {
	struct ground *g;
	int asked, fail_at;
	long long keys[2], marks[2];
};

static int
note_settling(void *arg, const struct scope *scope, struct err *err)
{
	struct settling *s = arg;
	int i = s->asked++;

	(void)scope;
	assert_true(i < 2);
	s->keys[i] = redis_data_int(s->g->to.conn, "DBSIZE");
	s->marks[i] = redis_data_int(
	    s->g->to.conn, "EXISTS drsync:import:" RIG_JOB);
	return i == s->fail_at ? err_set(err, ERR_TRANSIENT, "not yet") : 0;
}

static void
the_mark_lasts_before_the_first_key_and_until_all_of_them_do(void **state)
{
	struct ground *g = *state;
	struct settling s = {.g = g, .fail_at = 1};

	g->opts.way = RESTORER_RESTORE;
	g->opts.settle = note_settling;
	g->opts.settle_arg = &s;
	assert_int_equal(load_from(g, g->store), -1);
	assert_int_equal(g->rig.err.kind, ERR_TRANSIENT);
	assert_int_equal(s.asked, 2);
	assert_int_equal(s.keys[0], 1);
	assert_true(s.keys[1] > 1);
	assert_int_equal(s.marks[0], 1);
	assert_int_equal(s.marks[1], 1);
	/* Half of an import still, so that the next one may begin again. */
	assert_int_equal(
	    redis_data_int(g->to.conn, "EXISTS drsync:import:" RIG_JOB), 1);
	expect_noted(g, BEGUN);

	s = (struct settling){.g = g, .fail_at = 0};
	assert_int_equal(load_from(g, g->store), -1);
	assert_int_equal(s.asked, 1);
	assert_int_equal(redis_data_int(g->to.conn, "DBSIZE"), 1);

	s = (struct settling){.g = g, .fail_at = -1};
	must_load(g);
	expect_same_data(g);
	expect_noted(g, ENDED);
}

static void
load_part(struct ground *g, const struct key_filter *filter)
{
	struct fp_comparison cmp;

	g->opts.filter = filter;
	must_load(g);
	assert_int_equal(g->facts.way, RESTORER_RESTORE);
	assert_non_null(g->facts.part);
	assert_int_equal(g->facts.keys + g->facts.unwanted, g->m->total.keys);
	assert_int_equal(redis_data_int(g->to.conn, "DBSIZE"), g->facts.keys);
	assert_int_equal(
	    snapshot_compare_part(g->facts.part, &g->to.target, &g->to.redis,
		&g->rig.scope, &g->rig.env, &cmp, NULL, &g->rig.err),
	    0);
	if (!cmp.same)
		fail_msg("%s", cmp.why);
	fingerprint_free(g->facts.part);
	g->facts.part = NULL;
	g->opts.filter = NULL;
}

/* The next one would else take what others loaded for its own. */
static void
a_part_that_was_loaded_is_no_import_of_the_snapshot(void **state)
{
	struct ground *g = *state;
	struct key_filter *filter = key_filter_new();

	assert_int_equal(
	    key_filter_add(filter, KEY_RULE_DBS, "0", &g->rig.err), 0);
	assert_int_equal(
	    key_filter_add(filter, KEY_RULE_TYPES, "hash,zset", &g->rig.err),
	    0);
	load_part(g, filter);
	expect_noted(g, BEGUN);
	assert_int_equal(redis_data_int(g->to.conn, "EXISTS s:int"), 0);

	assert_int_equal(load_from(g, g->store), -1);
	assert_int_equal(g->rig.err.kind, ERR_REFUSED);
	assert_non_null(strstr(g->rig.err.text, "--overwrite-target"));
	g->opts.filter = filter;
	assert_int_equal(load_from(g, g->store), -1);
	assert_int_equal(g->rig.err.kind, ERR_REFUSED);
	g->opts.filter = NULL;
	g->opts.overwrite = g->to.name;
	must_load(g);
	expect_same_data(g);
	expect_noted(g, ENDED);

	/* And over a whole import of the job's own. */
	g->opts.overwrite = NULL;
	load_part(g, filter);
	expect_noted(g, BEGUN);
	key_filter_free(filter);
}

static void
a_part_is_not_loaded_as_a_replica(void **state)
{
	struct ground *g = *state;
	struct key_filter *filter = key_filter_new();

	assert_int_equal(
	    key_filter_add(filter, KEY_RULE_DBS, "0", &g->rig.err), 0);
	redis_data_do(g->to.conn, "SET old data");
	g->opts.overwrite = g->to.name;
	g->opts.filter = filter;
	g->opts.way = RESTORER_REPLICA;
	assert_int_equal(load_from(g, g->store), -1);
	assert_int_equal(g->rig.err.kind, ERR_UNSUPPORTED);
	assert_non_null(strstr(g->rig.err.text, "it is 'restore'"));
	expect_old_data(g);
	expect_noted(g, NOTHING);
	key_filter_free(filter);
}

static void
foreign_data_is_not_touched(void **state)
{
	struct ground *g = *state;

	redis_data_do(g->to.conn, "SET old data");
	assert_int_equal(load_from(g, g->store), -1);
	assert_int_equal(g->rig.err.kind, ERR_REFUSED);
	assert_non_null(strstr(g->rig.err.text, "--overwrite-target"));
	expect_old_data(g);
	expect_noted(g, NOTHING);
}

static void
a_copy_that_does_not_verify_leaves_the_old_data(void **state)
{
	static const enum restorer ways[] = {
	    RESTORER_REPLICA, RESTORER_RESTORE};
	struct ground *g = *state;
	char *part = snapshot_rig_path(&g->rig.dr, g->m, g->m->parts[0].name);

	redis_data_do(g->to.conn, "SET old data");
	g->opts.overwrite = g->to.name;
	file_flip(part, file_size(part) / 2);
	for (size_t i = 0; i < 2; i++) {
		g->opts.way = ways[i];
		assert_int_equal(load_from(g, g->store), -1);
		assert_int_equal(g->rig.err.kind, ERR_CORRUPT);
		assert_non_null(
		    strstr(g->rig.err.text, "old data is untouched"));
		expect_old_data(g);
		expect_noted(g, NOTHING);
	}
	free(part);
}

/* As servers' bugs have left some: a list, a set, a zset and a hash. */
static void
a_key_of_nothing_leaves_the_old_data(void **state)
{
	static const int types[] = {1, 2, 4, 5};
	struct ground *g = *state;

	redis_data_do(g->to.conn, "SET old data");
	g->opts.overwrite = g->to.name;
	g->opts.way = RESTORER_RESTORE;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct buf b;

		rdb_begin_key(&b, "REDIS0011", types[i]);
		rdb_put_len(&b, 0);
		rdb_end(&b);
		snapshot_rig_write(&g->rig, b.data, b.len);
		buf_release(&b);
		manifest_free(g->m);
		g->m = snapshot_rig_must_take(&g->rig, g->store);
		assert_int_equal(load_from(g, g->store), -1);
		assert_int_equal(g->rig.err.kind, ERR_UNSUPPORTED);
		assert_non_null(
		    strstr(g->rig.err.text, "key 'k' has no elements"));
		expect_old_data(g);
		expect_noted(g, NOTHING);
	}
}

/* Nothing may go before the state says so. */
static void
a_note_that_cannot_be_made_leaves_the_old_data(void **state)
{
	static const enum restorer ways[] = {
	    RESTORER_REPLICA, RESTORER_RESTORE};
	struct ground *g = *state;

	redis_data_do(g->to.conn, "SET old data");
	g->opts.overwrite = g->to.name;
	for (size_t i = 0; i < 2; i++) {
		struct store *s = store_fault_new(temp_dir_store(&g->rig.dr));

		store_fault_add(
		    s, &(struct fault){.op = FAULT_COMMIT, .kind = ERR_AUTH});
		g->opts.way = ways[i];
		assert_int_equal(load_from(g, s), -1);
		assert_int_equal(g->rig.err.kind, ERR_AUTH);
		expect_old_data(g);
		expect_noted(g, NOTHING);
		store_free(s);
	}
}

/* The second reading, which feeds the target, fails. */
static void
a_load_cut_short_is_noted_and_may_be_done_again(void **state)
{
	struct ground *g = *state;
	struct store *s = store_fault_new(temp_dir_store(&g->rig.dr));

	redis_data_do(g->to.conn, "SET old data");
	g->opts.overwrite = g->to.name;
	g->opts.way = RESTORER_RESTORE;
	/* The first one is the proof. */
	store_fault_add(
	    s, &(struct fault){.op = FAULT_READ, .nth = 2, .kind = ERR_AUTH});
	assert_int_equal(load_from(g, s), -1);
	assert_non_null(strstr(g->rig.err.text, "a part of the snapshot"));
	assert_int_equal(store_fault_calls(s, FAULT_COMMIT), 1);
	expect_noted(g, BEGUN);
	store_free(s);
	g->opts.overwrite = NULL;
	must_load(g);
	expect_same_data(g);
	expect_noted(g, ENDED);
}

/* For the load's connections, and for the reading beside them. */
static void
too_little_memory_for_the_load_leaves_the_old_data(void **state)
{
	static const unsigned connections[] = {40, 22};
	struct ground *g = *state;
	struct budget *own = g->rig.env.budget;
	struct budget *small = budget_new((size_t)64 << 20);

	redis_data_do(g->to.conn, "SET old data");
	g->opts.overwrite = g->to.name;
	g->opts.way = RESTORER_RESTORE;
	g->rig.env.budget = small;
	for (size_t i = 0; i < 2; i++) {
		g->opts.connections = connections[i];
		assert_int_equal(load_from(g, g->store), -1);
		assert_int_equal(g->rig.err.kind, ERR_USAGE);
		assert_non_null(
		    strstr(g->rig.err.text, "old data is untouched"));
		expect_old_data(g);
		expect_noted(g, NOTHING);
	}
	g->opts.connections = 0;
	must_load(g);
	expect_same_data(g);
	g->rig.env.budget = own;
	budget_free(small);
}

/* One for this test, eight for the keys, one for the mark, one to empty. */
static void
too_few_clients_for_the_load_leave_the_old_data(void **state)
{
	struct ground *g = *state;
	char limit[64];

	redis_data_do(g->to.conn, "SET old data");
	g->opts.overwrite = g->to.name;
	g->opts.way = RESTORER_RESTORE;
	g->opts.connections = 8;
	for (int most = 1; most < 1 + 8 + 1 + 1; most++) {
		snprintf(
		    limit, sizeof(limit), "CONFIG SET maxclients %d", most);
		redis_data_do(g->to.conn, limit);
		assert_int_equal(load_from(g, g->store), -1);
		assert_int_equal(g->rig.err.kind, ERR_TRANSIENT);
		assert_null(strstr(g->rig.err.text, "a part of"));
		expect_old_data(g);
	}
	redis_data_do(g->to.conn, "CONFIG SET maxclients 100");
	must_load(g);
	expect_same_data(g);
}

/* A snapshot of an older version has no digests of its pieces. */
static void
without_pieces_an_empty_target_is_loaded_from_disk(void **state)
{
	struct ground *g = *state;

	pieces_free(g->m->pieces);
	g->m->pieces = NULL;
	must_load(g);
	assert_int_equal(g->facts.way, RESTORER_REPLICA);
	assert_true(was_loaded_from_disk(g));
	expect_same_data(g);
}

/* A note that takes long, and a client that writes meanwhile. */
static int
write_once(void *arg, struct err *err)
{
	struct ground *g = arg;

	(void)err;
	g->rig.env.still_ours = NULL;
	redis_data_do(g->to.conn, "SET old data");
	return 0;
}

static void
what_is_written_while_the_import_is_noted_is_not_lost(void **state)
{
	static const enum restorer ways[] = {
	    RESTORER_REPLICA, RESTORER_RESTORE};
	struct ground *g = *state;

	for (size_t i = 0; i < 2; i++) {
		g->opts.way = ways[i];
		g->rig.env.still_ours = write_once;
		g->rig.env.still_ours_arg = g;
		assert_int_equal(load_from(g, g->store), -1);
		assert_null(g->rig.env.still_ours);
		assert_int_equal(g->rig.err.kind, ERR_REFUSED);
		expect_old_data(g);
		redis_data_do(g->to.conn, "FLUSHALL");
	}
}

/* Azure's page blobs end in zeros, which a stream would take for commands. */
static void
a_dump_with_zeros_behind_it_is_loaded_from_disk(void **state)
{
	static const size_t zeros[] = {1, 512, 65000};
	struct ground *g = *state;
	unsigned char *dump;
	size_t len;

	dump = redis_data_dump(g->from.server, g->from.conn, &len);
	dump = xreallocarray(dump, len + 65000, 1);
	for (size_t i = 0; i < 3; i++) {
		memset(dump + len, 0, zeros[i]);
		snapshot_rig_write(&g->rig, dump, len + zeros[i]);
		manifest_free(g->m);
		g->m = snapshot_rig_must_take(&g->rig, g->store);
		assert_int_equal(g->m->padding, zeros[i]);
		must_load(g);
		assert_int_equal(g->facts.way, RESTORER_REPLICA);
		assert_true(was_loaded_from_disk(g));
		expect_same_data(g);
		redis_data_do(g->to.conn, "FLUSHALL");
		redis_data_do(g->to.conn, "FUNCTION FLUSH");
	}
	free(dump);
}

/* Unless it keeps nothing, which is what the others are told to. */
static void
what_was_loaded_is_on_the_targets_disk(void **state)
{
	static const enum restorer ways[] = {
	    RESTORER_REPLICA, RESTORER_RESTORE};
	struct ground *g = *state;

	must_load(g);
	assert_int_equal(g->facts.saved, TARGET_KEEPS_NONE);
	assert_false(was_loaded_from_disk(g));
	for (size_t i = 0; i < 2; i++) {
		redis_data_do(g->to.conn, "FLUSHALL");
		redis_data_do(g->to.conn, "FUNCTION FLUSH");
		assert_int_equal(redis_config_set(g->to.conn, &g->rig.scope,
				     "save", "3600 1", &g->rig.err),
		    0);
		g->opts.way = ways[i];
		must_load(g);
		assert_int_equal(g->facts.saved, TARGET_SAVED);
		redis_data_do(g->to.conn, "DEBUG RELOAD NOSAVE");
		expect_same_data(g);
	}
}

static long long
replication_bytes(struct ground *g)
{
	char *info = redis_data_text(g->to.conn, "INFO stats");
	const char *at = strstr(info, "total_net_repl_input_bytes:");
	long long n;

	assert_non_null(at);
	n = strtoll(strchr(at, ':') + 1, NULL, 10);
	free(info);
	return n;
}

/*
 * The bytes change after the snapshot was proved, where no structure tells: in
 * a value.  A target that loads while it receives must not get them.
 */
static void
no_flipped_byte_reaches_a_target_that_was_empty(void **state)
{
	struct ground *g = *state;
	long long before;
	struct store *s;

	redis_data_do(g->from.conn, "CONFIG SET rdbcompression no");
	redis_data_do(g->from.conn, "DEBUG POPULATE 100 big 131072");
	g->rig.take.codec = CODEC_NONE;
	g->rig.env.in_flight = 1;
	manifest_free(g->m);
	take(g);
	assert_true(g->m->raw_bytes > 3 * PIECE_BYTES);

	/* The second range, which is the second piece, too. */
	s = store_fault_new(temp_dir_store(&g->rig.dr));
	store_fault_add(
	    s, &(struct fault){.op = FAULT_READ, .nth = 2, .how = FAULT_FLIP});
	before = replication_bytes(g);
	assert_int_equal(load_from(g, s), -1);
	store_free(s);
	assert_int_equal(g->rig.err.kind, ERR_CORRUPT);
	assert_non_null(strstr(g->rig.err.text, "piece 2 of the dump"));
	assert_non_null(strstr(g->rig.err.text, "drops what it got"));
	assert_true(
	    replication_bytes(g) - before < (long long)PIECE_BYTES + 65536);
	assert_int_equal(redis_data_int(g->to.conn, "DBSIZE"), 0);
	expect_noted(g, BEGUN);

	must_load(g);
	assert_true(replication_bytes(g) > (long long)g->m->raw_bytes);
	expect_same_data(g);
	expect_noted(g, ENDED);
}

/* Every bit of it; of one that did not arrive there are none. */
static void
expect_the_same_or_none(struct ground *g, int i)
{
	long long there = redis_data_int(g->to.conn, "BITCOUNT big:%d", i);

	if (there != 0)
		assert_int_equal(
		    there, redis_data_int(g->from.conn, "BITCOUNT big:%d", i));
}

/* The copy is proved first, and read again to be sent. */
static void
no_flipped_byte_reaches_a_target_by_restore(void **state)
{
	struct ground *g = *state;
	struct store *s;

	redis_data_do(g->from.conn, "CONFIG SET rdbcompression no");
	redis_data_do(g->from.conn, "DEBUG POPULATE 100 big 131072");
	g->rig.take.codec = CODEC_NONE;
	g->rig.env.in_flight = 1;
	g->opts.way = RESTORER_RESTORE;
	manifest_free(g->m);
	take(g);

	/* A range is a piece; the second, when it is read once more. */
	s = store_fault_new(temp_dir_store(&g->rig.dr));
	store_fault_add(s,
	    &(struct fault){
		.op = FAULT_READ,
		.nth = (unsigned)pieces_of(g->m->raw_bytes) + 2,
		.how = FAULT_FLIP,
	    });
	assert_int_equal(load_from(g, s), -1);
	store_free(s);
	for (int i = 0; i < 100; i++)
		expect_the_same_or_none(g, i);
	assert_int_equal(g->rig.err.kind, ERR_CORRUPT);
	assert_non_null(strstr(g->rig.err.text, "piece 2 of the dump"));
	expect_noted(g, BEGUN);

	must_load(g);
	expect_same_data(g);
	expect_noted(g, ENDED);
}

static void
an_unverified_snapshot_is_refused_unless_asked_for(void **state)
{
	struct ground *g = *state;

	g->m->verified = false;
	assert_int_equal(load_from(g, g->store), -1);
	assert_int_equal(g->rig.err.kind, ERR_REFUSED);
	assert_non_null(strstr(g->rig.err.text, "--unverified"));
	assert_int_equal(redis_data_int(g->to.conn, "DBSIZE"), 0);
	g->m->verified = true;
}

static int
up_few_databases(void **state)
{
	static const char *const args[] = {"--databases", "4", NULL};
	const struct real_redis_opts opts = {.args = args};

	return up_with(state, &opts);
}

static void
a_target_that_cannot_take_it_is_not_touched(void **state)
{
	struct ground *g = *state;

	redis_data_do(g->to.conn, "SET old data");
	g->opts.overwrite = g->to.name;
	assert_int_equal(load_from(g, g->store), -1);
	assert_int_equal(g->rig.err.kind, ERR_UNSUPPORTED);
	assert_non_null(strstr(g->rig.err.text, "database"));
	expect_old_data(g);
	expect_noted(g, NOTHING);
}

/* It has four databases, the snapshot needs more, and one is wanted. */
static void
a_target_need_only_take_what_the_filter_takes(void **state)
{
	struct ground *g = *state;
	struct key_filter *filter = key_filter_new();

	assert_int_equal(
	    key_filter_add(filter, KEY_RULE_DBS, "0", &g->rig.err), 0);
	load_part(g, filter);
	key_filter_free(filter);
}

static int
up_without_replicaof(void **state)
{
	static const char *const args[] = {"--rename-command", "REPLICAOF", "",
	    "--rename-command", "SLAVEOF", "", REDIS_DATA_DEBUG, NULL};
	const struct real_redis_opts opts = {.args = args};

	return up_with(state, &opts);
}

static void
a_target_without_replicaof_is_loaded_by_restore(void **state)
{
	struct ground *g = *state;

	g->opts.way = RESTORER_REPLICA;
	assert_int_equal(load_from(g, g->store), -1);
	assert_int_equal(g->rig.err.kind, ERR_UNSUPPORTED);
	g->opts.way = RESTORER_AUTO;
	must_load(g);
	assert_int_equal(g->facts.way, RESTORER_RESTORE);
	assert_non_null(strstr(g->facts.why, "not by 'replica'"));
	expect_same_data(g);
}

static int
up_small_restores(void **state)
{
	static const char *const args[] = {"--proto-max-bulk-len", "1mb",
	    "--rename-command", "REPLICAOF", "", "--rename-command", "SLAVEOF",
	    "", REDIS_DATA_DEBUG, NULL};
	const struct real_redis_opts opts = {.args = args};

	return up_with(state, &opts);
}

/* Also where the manifest is of an older version, which does not tell. */
static void
no_place_for_a_large_value_leaves_the_old_data(void **state)
{
	struct ground *g = *state;
	const char *old = getenv("TMPDIR");
	char *kept = old != NULL ? xstrdup(old) : NULL;

	redis_data_do(g->from.conn, "CONFIG SET rdbcompression no");
	redis_data_do(g->from.conn, "SETRANGE big 17000000 x");
	manifest_free(g->m);
	take(g);
	redis_data_do(g->to.conn, "SET old data");
	g->opts.overwrite = g->to.name;
	g->opts.way = RESTORER_RESTORE;
	setenv("TMPDIR", "/nonexistent", 1);
	assert_int_equal(load_from(g, g->store), -1);
	if (kept != NULL)
		setenv("TMPDIR", kept, 1);
	else
		unsetenv("TMPDIR");
	free(kept);
	assert_int_equal(g->rig.err.kind, ERR_SYSTEM);
	if (strstr(g->rig.err.text, "old data is untouched") == NULL)
		fail_msg("%s", g->rig.err.text);
	expect_old_data(g);
	expect_noted(g, NOTHING);
	must_load(g);
	expect_same_data(g);
}

static void
a_value_that_no_restore_takes_leaves_the_old_data(void **state)
{
	static const enum restorer ways[] = {RESTORER_AUTO, RESTORER_RESTORE};
	struct ground *g = *state;

	redis_data_do(g->from.conn, "CONFIG SET rdbcompression no");
	redis_data_do(g->from.conn, "DEBUG POPULATE 1 big 3000000");
	manifest_free(g->m);
	take(g);
	assert_true(g->m->value_max > 3000000);
	redis_data_do(g->to.conn, "SET old data");
	g->opts.overwrite = g->to.name;
	for (size_t i = 0; i < 4; i++) {
		if (i == 2)
			g->m->value_max = 0;
		g->opts.way = ways[i % 2];
		assert_int_equal(load_from(g, g->store), -1);
		assert_int_equal(g->rig.err.kind, ERR_UNSUPPORTED);
		if (strstr(g->rig.err.text, "proto-max-bulk-len") == NULL)
			fail_msg("%s", g->rig.err.text);
		expect_old_data(g);
		expect_noted(g, NOTHING);
	}
	redis_data_do(g->to.conn, "CONFIG SET proto-max-bulk-len 4mb");
	must_load(g);
	expect_same_data(g);
}

static struct test_ca *ca_of_test;

static int
up_tls(void **state)
{
	static const char *const args[] = {REDIS_DATA_DEBUG, NULL};
	struct real_redis_opts opts = {.args = args};

	ca_of_test = test_ca_new();
	opts.tls = ca_of_test;
	return up_with(state, &opts);
}

static int
down_tls(void **state)
{
	int rc = down(state);

	test_ca_free(ca_of_test);
	return rc;
}

/* Found out when it is tried: the dump would go to it in clear. */
static void
a_replica_that_turns_out_not_to_work_gives_way_to_restore(void **state)
{
	struct ground *g = *state;

	g->opts.way = RESTORER_REPLICA;
	assert_int_equal(load_from(g, g->store), -1);
	assert_int_equal(g->rig.err.kind, ERR_UNSUPPORTED);
	assert_int_equal(redis_data_int(g->to.conn, "DBSIZE"), 0);
	g->opts.way = RESTORER_AUTO;
	must_load(g);
	assert_int_equal(g->facts.way, RESTORER_RESTORE);
	assert_non_null(strstr(g->facts.why, "not by 'replica'"));
	expect_same_data(g);
	expect_noted(g, ENDED);
}

static void
where_neither_way_works_both_reasons_are_told(void **state)
{
	struct ground *g = *state;

	redis_data_do(g->from.conn, "CONFIG SET rdbcompression no");
	redis_data_do(g->from.conn, "DEBUG POPULATE 1 big 3000000");
	manifest_free(g->m);
	take(g);
	redis_data_do(g->to.conn, "CONFIG SET proto-max-bulk-len 1mb");
	redis_data_do(g->to.conn, "SET old data");
	g->opts.overwrite = g->to.name;
	assert_int_equal(load_from(g, g->store), -1);
	assert_int_equal(g->rig.err.kind, ERR_UNSUPPORTED);
	assert_non_null(strstr(g->rig.err.text, "proto-max-bulk-len"));
	assert_non_null(strstr(g->rig.err.text, "by 'replica': "));
	assert_non_null(strstr(g->rig.err.text, "TLS"));
	expect_old_data(g);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_ways_have_names),
	    TEST(by_replica_the_target_holds_the_same),
	    TEST(by_restore_the_target_holds_the_same_and_nothing_else),
	    TEST(fewer_keys_than_were_proved_are_no_import),
	    TEST(a_target_that_refuses_replication_is_compared_by_scan),
	    TEST(the_mark_lasts_before_the_first_key_and_until_all_of_them_do),
	    TEST(a_part_that_was_loaded_is_no_import_of_the_snapshot),
	    TEST(a_part_is_not_loaded_as_a_replica),
	    TEST(foreign_data_is_not_touched),
	    TEST(a_copy_that_does_not_verify_leaves_the_old_data),
	    TEST(a_key_of_nothing_leaves_the_old_data),
	    TEST(a_note_that_cannot_be_made_leaves_the_old_data),
	    TEST(a_load_cut_short_is_noted_and_may_be_done_again),
	    TEST(too_little_memory_for_the_load_leaves_the_old_data),
	    TEST(too_few_clients_for_the_load_leave_the_old_data),
	    TEST(without_pieces_an_empty_target_is_loaded_from_disk),
	    TEST(what_is_written_while_the_import_is_noted_is_not_lost),
	    TEST(a_dump_with_zeros_behind_it_is_loaded_from_disk),
	    TEST(what_was_loaded_is_on_the_targets_disk),
	    TEST(no_flipped_byte_reaches_a_target_that_was_empty),
	    TEST(no_flipped_byte_reaches_a_target_by_restore),
	    TEST(an_unverified_snapshot_is_refused_unless_asked_for),
	    cmocka_unit_test_setup_teardown(
		a_target_that_cannot_take_it_is_not_touched, up_few_databases,
		down),
	    cmocka_unit_test_setup_teardown(
		a_target_need_only_take_what_the_filter_takes, up_few_databases,
		down),
	    cmocka_unit_test_setup_teardown(
		a_target_without_replicaof_is_loaded_by_restore,
		up_without_replicaof, down),
	    TEST(no_place_for_a_large_value_leaves_the_old_data),
	    cmocka_unit_test_setup_teardown(
		a_value_that_no_restore_takes_leaves_the_old_data,
		up_small_restores, down),
	    cmocka_unit_test_setup_teardown(
		a_replica_that_turns_out_not_to_work_gives_way_to_restore,
		up_tls, down_tls),
	    cmocka_unit_test_setup_teardown(
		where_neither_way_works_both_reasons_are_told, up_tls,
		down_tls),
	};

	return cmocka_run_group_tests_name("snapshot_load", tests, NULL, NULL);
}

/* Runs of a job from settings to ledger, over real stores and servers. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/job/agent.h"
#include "agent/job/job_lock.h"
#include "agent/job/ledger.h"
#include "agent/job/run.h"
#include "agent/job/settings.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/progress.h"
#include "base/cancel.h"
#include "base/xalloc.h"
#include "rdb/redis_conn.h"
#include "storage/lease.h"
#include "tests/sim/rdb_bytes.h"
#include "tests/sim/real_redis.h"
#include "tests/sim/redis_data.h"
#include "tests/sim/snapshot_rig.h"

struct ground {
	struct snapshot_rig rig; /* for its stores and its dump */
	struct settings *settings;
	struct agent *agent;
	struct real_redis *server;
	struct redis_conn *conn;
	struct run_opts opts;
	struct run_report report;
	struct err err;
};

static void
set(struct ground *g, enum option o, const char *format, const char *value)
{
	char text[400];

	snprintf(text, sizeof(text), format, value);
	if (settings_set(g->settings, o, text, &g->err) != 0)
		fail_msg("%s", g->err.text);
}

static int
up(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));
	char path[300];
	FILE *f;

	snapshot_rig_up(&g->rig);
	/* No file of this machine's. */
	snprintf(path, sizeof(path), "%s/empty.json", g->rig.files.path);
	f = fopen(path, "w");
	fputs("{}\n", f);
	fclose(f);
	g->settings = settings_load(path, NULL, &g->err);
	assert_non_null(g->settings);
	set(g, OPT_STATE_DIR, "%s/state", g->rig.files.path);
	set(g, OPT_SPOOL_DIR, "%s", g->rig.files.path);
	set(g, OPT_SOURCE_FILE, "%s", g->rig.dump);
	set(g, OPT_SOURCE_STORE, "file://%s", g->rig.source.path);
	set(g, OPT_DR_STORE, "file://%s", g->rig.dr.path);
	g->agent = agent_new(g->settings, &g->rig.scope, NULL);
	g->opts.job = RIG_JOB;
	*state = g;
	return 0;
}

static int
down(void **state)
{
	struct ground *g = *state;

	run_report_release(&g->report);
	agent_free(g->agent);
	settings_free(g->settings);
	if (g->conn != NULL)
		redis_conn_free(g->conn);
	real_redis_stop(g->server);
	snapshot_rig_down(&g->rig);
	free(g);
	return 0;
}

static void
start_target(struct ground *g)
{
	char url[64];

	g->server = real_redis_start(NULL);
	g->conn = redis_data_connect(g->server, NULL);
	snprintf(url, sizeof(url), "redis://127.0.0.1:%d",
	    real_redis_port(g->server));
	set(g, OPT_DR_REDIS, "%s", url);
}

static int
run(struct ground *g, enum run_command command)
{
	run_report_release(&g->report);
	g->err = (struct err){0};
	return run_job(
	    g->agent, command, &g->opts, &g->rig.scope, &g->report, &g->err);
}

static void
must_run(struct ground *g, enum run_command command)
{
	if (run(g, command) != 0)
		fail_msg("%s", g->err.text);
}

/* "COMMAND STATE SNAPSHOT?", the newest first. */
static int
tell(void *arg, const struct ledger_run *r, struct err *err)
{
	(void)err;
	buf_addf(arg, "%s %s%s%s;", r->command, r->state,
	    r->snapshot != NULL ? " +" : "", r->ended_ms == 0 ? " open" : "");
	return 0;
}

static void
expect_ledger(struct ground *g, const char *runs)
{
	struct ledger *l = agent_ledger(g->agent, &g->err);
	struct buf b;

	buf_init(&b, 65536);
	assert_non_null(l);
	assert_int_equal(ledger_each_run(l, RIG_JOB, 20, tell, &b, &g->err), 0);
	assert_string_equal(b.data, runs);
	buf_release(&b);
}

static size_t
audit(struct ground *g, const struct temp_dir *dir)
{
	struct store *s = temp_dir_store(dir);
	size_t n = snapshot_rig_audit(&g->rig, s, NULL);

	store_free(s);
	return n;
}

static void
a_sync_without_import_takes_and_copies(void **state)
{
	struct ground *g = *state;

	must_run(g, RUN_SYNC);
	assert_int_equal(g->report.m->total.keys, RIG_KEYS);
	assert_true(g->report.step_ms[STEP_SNAPSHOT] >= 0);
	assert_true(g->report.step_ms[STEP_COPY] >= 0);
	assert_int_equal(g->report.step_ms[STEP_IMPORT], -1);
	assert_non_null(strstr(g->report.import_skipped, "'never'"));
	assert_int_equal(audit(g, &g->rig.source), 1);
	assert_int_equal(audit(g, &g->rig.dr), 1);
	expect_ledger(g, "sync done +;");
	/* The leases were given back. */
	must_run(g, RUN_SYNC);
	expect_ledger(g, "sync done +;sync done +;");
}

static void
a_sync_with_import_proves_the_target(void **state)
{
	struct ground *g = *state;

	start_target(g);
	set(g, OPT_IMPORT, "%s", "after-each-sync");
	must_run(g, RUN_SYNC);
	assert_true(g->report.comparison.same);
	assert_int_equal(strlen(g->report.target_fingerprint), 32);
	assert_int_equal(redis_data_int(g->conn, "DBSIZE"), RIG_KEYS / 2);
	/* Again, over what it brought. */
	must_run(g, RUN_SYNC);
	assert_true(g->report.load.replaced);
	/* And not over what somebody wrote since. */
	redis_data_do(g->conn, "SET theirs 1");
	assert_int_equal(run(g, RUN_SYNC), -1);
	assert_int_equal(g->err.kind, ERR_REFUSED);
	assert_int_equal(redis_data_int(g->conn, "EXISTS theirs"), 1);
	/* The snapshot was taken and copied all the same. */
	assert_int_equal(audit(g, &g->rig.dr), 3);
	expect_ledger(g, "sync failed +;sync done +;sync done +;");
}

static void
steps_may_be_run_one_by_one(void **state)
{
	struct ground *g = *state;

	assert_int_equal(run(g, RUN_COPY), -1);
	assert_int_equal(g->err.kind, ERR_MISSING);
	assert_int_equal(run(g, RUN_RESTORE), -1);
	assert_int_equal(g->err.kind, ERR_MISSING);
	must_run(g, RUN_SNAPSHOT);
	assert_int_equal(audit(g, &g->rig.source), 1);
	assert_int_equal(audit(g, &g->rig.dr), 0);
	must_run(g, RUN_COPY);
	assert_int_equal(audit(g, &g->rig.dr), 1);
	must_run(g, RUN_COPY);
	assert_true(g->report.copy.there_already);
	start_target(g);
	must_run(g, RUN_RESTORE);
	assert_true(g->report.comparison.same);
	expect_ledger(g,
	    "restore done +;copy done +;copy done +;snapshot done +;"
	    "restore failed;copy failed;");
}

/* Never silently: an unverified one makes no region safe. */
static void
a_copy_of_the_latest_takes_no_unverified_one(void **state)
{
	struct ground *g = *state;
	char id[SNAPSHOT_ID_SIZE];
	struct buf b;

	rdb_begin(&b, "REDIS0099");
	buf_addf(&b, "what a Redis of the future writes");
	snapshot_rig_write(&g->rig, b.data, b.len);
	buf_release(&b);
	must_run(g, RUN_SNAPSHOT);
	assert_false(g->report.m->verified);
	memcpy(id, g->report.m->id, sizeof(id));
	for (int i = 0; i < 2; i++) {
		g->opts.snapshot = i == 0 ? NULL : "latest";
		assert_int_equal(run(g, RUN_COPY), -1);
		assert_int_equal(g->err.kind, ERR_REFUSED);
		assert_non_null(strstr(g->err.text, id));
		assert_int_equal(audit(g, &g->rig.dr), 0);
	}
	g->opts.snapshot = id;
	must_run(g, RUN_COPY);
	assert_false(g->report.m->verified);

	/* Where there is a verified one, that is the latest. */
	g->opts.snapshot = NULL;
	snapshot_rig_dump(&b);
	snapshot_rig_write(&g->rig, b.data, b.len);
	buf_release(&b);
	must_run(g, RUN_SNAPSHOT);
	must_run(g, RUN_COPY);
	assert_true(g->report.m->verified);
}

static void
a_run_that_fails_is_closed_with_its_reason(void **state)
{
	struct ground *g = *state;

	remove(g->rig.dump);
	assert_int_equal(run(g, RUN_SYNC), -1);
	assert_int_equal(g->err.kind, ERR_MISSING);
	assert_null(g->report.m);
	assert_int_equal(audit(g, &g->rig.source), 0);
	expect_ledger(g, "sync failed;");
	set(g, OPT_SOURCE_REDIS, "%s", "redis://127.0.0.1:1");
	assert_int_equal(run(g, RUN_SYNC), -1);
	assert_int_equal(g->err.kind, ERR_USAGE);
	/* What is refused before it begins is no run. */
	expect_ledger(g, "sync failed;");
}

static void
a_job_that_another_runs_is_left_to_it(void **state)
{
	struct ground *g = *state;
	const struct temp_dir *dirs[] = {&g->rig.source, &g->rig.dr};
	struct cancel *cancel = cancel_new(NULL);

	for (size_t i = 0; i < 2; i++) {
		struct store *s = temp_dir_store(dirs[i]);
		struct job_lock *theirs;
		char id[LEASE_ID_MAX];

		lease_id_make(&g->rig.scope, id);
		theirs = job_lock(
		    s, RIG_JOB, id, &g->rig.scope, cancel, &g->err);
		assert_non_null(theirs);
		assert_int_equal(run(g, RUN_SYNC), -1);
		assert_int_equal(g->err.kind, ERR_LOCKED);
		assert_int_equal(audit(g, &g->rig.source), 0);
		job_unlock(theirs);
		store_free(s);
	}
	cancel_free(cancel);
	must_run(g, RUN_SYNC);
	expect_ledger(g, "sync done +;sync failed;sync failed;");
}

/* Ended in the middle, with its lease held and its run open. */
static void
die(struct progress *p, enum step step, uint64_t done, uint64_t total,
    bool about)
{
	(void)p;
	(void)step;
	(void)done;
	(void)total;
	(void)about;
	kill(getpid(), SIGKILL);
}

static void
a_run_that_was_killed_is_closed_and_its_lease_taken_over(void **state)
{
	static struct progress deadly = {.advance = die};
	struct ground *g = *state;
	int status;
	pid_t pid;

#ifdef __SANITIZE_THREAD__
	/* It ends a forked child that starts threads. */
	skip();
#endif
	pid = fork();
	if (pid == 0) {
		g->agent = agent_new(g->settings, &g->rig.scope, &deadly);
		run(g, RUN_SYNC);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	expect_ledger(g, "sync running open;");
	must_run(g, RUN_SYNC);
	assert_int_equal(audit(g, &g->rig.source), 1);
	assert_int_equal(audit(g, &g->rig.dr), 1);
	expect_ledger(g, "sync done +;sync failed;");
}

static void
a_run_has_an_end(void **state)
{
	struct ground *g = *state;

	set(g, OPT_TIMEOUT, "%s", "0ms");
	assert_int_equal(run(g, RUN_SYNC), -1);
	assert_int_equal(g->err.kind, ERR_UNREACHABLE);
	assert_int_equal(audit(g, &g->rig.source), 0);
	expect_ledger(g, "sync failed;");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_sync_without_import_takes_and_copies),
	    TEST(a_sync_with_import_proves_the_target),
	    TEST(steps_may_be_run_one_by_one),
	    TEST(a_copy_of_the_latest_takes_no_unverified_one),
	    TEST(a_run_that_fails_is_closed_with_its_reason),
	    TEST(a_job_that_another_runs_is_left_to_it),
	    TEST(a_run_that_was_killed_is_closed_and_its_lease_taken_over),
	    TEST(a_run_has_an_end),
	};

	return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}

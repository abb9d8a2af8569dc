/* What the ledger was told is in it: after a close, a kill, and from others. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "agent/job/ledger.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/journal.h"
#include "base/xalloc.h"
#include "tests/sim/temp_dir.h"

#define JOB	 "cache"
#define ID	 "20261121T062749Z-k3v9qa"
#define CHILDREN 4
#define ENTRIES	 20

struct ground {
	struct temp_dir dir;
	char state[300];
	struct ledger *ledger;
	struct err err;
};

static struct ledger *
open_ledger(struct ground *g)
{
	struct ledger *l = ledger_open(g->state, &g->err);

	if (l == NULL)
		fail_msg("%s", g->err.text);
	return l;
}

static int
up(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	temp_dir_make(&g->dir);
	snprintf(g->state, sizeof(g->state), "%s/a/state", g->dir.path);
	g->ledger = open_ledger(g);
	*state = g;
	return 0;
}

static int
down(void **state)
{
	struct ground *g = *state;

	ledger_close(g->ledger);
	temp_dir_remove(&g->dir);
	free(g);
	return 0;
}

static void
reopen(struct ground *g)
{
	ledger_close(g->ledger);
	g->ledger = open_ledger(g);
}

/* Runs as lines of text. */
static int
tell(void *arg, const struct ledger_run *r, struct err *err)
{
	(void)err;
	buf_addf(arg, "%d %s %s %s %s %d %d %s\n", (int)r->id, r->job,
	    r->command, r->state, r->snapshot != NULL ? r->snapshot : "-",
	    (int)r->started_ms, (int)r->ended_ms,
	    r->error != NULL ? r->error : "-");
	return 0;
}

static void
expect_runs(struct ground *g, int most, const char *lines)
{
	struct buf b;

	buf_init(&b, 65536);
	assert_int_equal(
	    ledger_each_run(g->ledger, JOB, most, tell, &b, &g->err), 0);
	assert_string_equal(b.data, lines);
	buf_release(&b);
}

/* One number by SQL, from the file itself. */
static int64_t
ask_sql(struct ground *g, const char *sql)
{
	sqlite3_stmt *st = NULL;
	sqlite3 *db = NULL;
	char path[400];
	int64_t n;

	snprintf(path, sizeof(path), "%s/ledger.db", g->state);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	n = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : -1;
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

static int64_t
begin(struct ground *g, int64_t at_ms)
{
	int64_t run = ledger_run_begin(g->ledger, JOB, "sync", at_ms, &g->err);

	if (run < 0)
		fail_msg("%s", g->err.text);
	return run;
}

static void
runs_and_steps_survive_a_close(void **state)
{
	const struct err why = {.kind = ERR_CORRUPT, .text = "it is broken"};
	struct ground *g = *state;
	int64_t first = begin(g, 10), second;

	assert_int_equal(
	    ledger_step_begin(g->ledger, first, STEP_SNAPSHOT, 11, &g->err), 0);
	assert_int_equal(ledger_step_end(g->ledger, first, STEP_SNAPSHOT,
			     "detail", NULL, 12, &g->err),
	    0);
	assert_int_equal(
	    ledger_step_begin(g->ledger, first, STEP_COPY, 13, &g->err), 0);
	assert_int_equal(ledger_step_end(g->ledger, first, STEP_COPY, NULL,
			     &why, 14, &g->err),
	    0);
	assert_int_equal(
	    ledger_run_end(g->ledger, first, ID, NULL, 20, &g->err), 0);
	second = begin(g, 30);
	assert_int_equal(
	    ledger_run_end(g->ledger, second, NULL, &why, 40, &g->err), 0);
	begin(g, 50);
	reopen(g);
	expect_runs(g, 10,
	    "3 cache sync running - 50 0 -\n"
	    "2 cache sync failed - 30 40 it is broken\n"
	    "1 cache sync done " ID " 10 20 -\n");
	expect_runs(g, 1, "3 cache sync running - 50 0 -\n");
	assert_int_equal(ask_sql(g,
			     "SELECT count(*) FROM steps WHERE run = 1 AND"
			     " step = 'snapshot' AND state = 'done'"
			     " AND detail = 'detail' AND ended_ms = 12"),
	    1);
	assert_int_equal(ask_sql(g,
			     "SELECT count(*) FROM steps WHERE step = 'copy'"
			     " AND state = 'failed'"
			     " AND error = 'it is broken'"),
	    1);
}

static int
refuse(void *arg, const struct ledger_run *r, struct err *err)
{
	(void)r;
	++*(int *)arg;
	return err_set(err, ERR_SYSTEM, "no more");
}

static void
a_walk_ends_when_it_is_refused(void **state)
{
	struct ground *g = *state;
	int calls = 0;

	begin(g, 1);
	begin(g, 2);
	assert_int_equal(
	    ledger_each_run(g->ledger, JOB, 5, refuse, &calls, &g->err), -1);
	assert_int_equal(calls, 1);
	expect_runs(g, 1, "2 cache sync running - 2 0 -\n");
}

static int
keep(void *arg, const char *key, const char *value, struct err *err)
{
	(void)err;
	buf_addf(arg, "%s=%s\n", key, value);
	return 0;
}

static void
the_journal_keeps_replaces_and_removes(void **state)
{
	struct ground *g = *state;
	struct journal *j = ledger_journal(g->ledger);
	struct buf b;

	buf_init(&b, 65536);
	assert_int_equal(j->ops->get(j, "a/1", &b, &g->err), -1);
	assert_int_equal(g->err.kind, ERR_MISSING);
	assert_int_equal(j->ops->put(j, "a/2", "old", &g->err), 0);
	assert_int_equal(j->ops->put(j, "a/2", "two", &g->err), 0);
	assert_int_equal(j->ops->put(j, "a/1", "one", &g->err), 0);
	assert_int_equal(j->ops->put(j, "a%", "percent", &g->err), 0);
	assert_int_equal(j->ops->put(j, "b", "other", &g->err), 0);
	assert_int_equal(j->ops->put(j, "b", "it's", &g->err), 0);
	reopen(g);
	j = ledger_journal(g->ledger);
	assert_int_equal(j->ops->get(j, "b", &b, &g->err), 0);
	assert_string_equal(b.data, "it's");
	buf_truncate(&b, 0);
	assert_int_equal(j->ops->each(j, "a/", keep, &b, &g->err), 0);
	assert_string_equal(b.data, "a/1=one\na/2=two\n");
	buf_truncate(&b, 0);
	assert_int_equal(j->ops->remove(j, "a/1", &g->err), 0);
	assert_int_equal(j->ops->remove(j, "a/1", &g->err), 0);
	assert_int_equal(j->ops->each(j, "", keep, &b, &g->err), 0);
	assert_string_equal(b.data, "a%=percent\na/2=two\nb=it's\n");
	buf_release(&b);
}

struct removal {
	struct journal *journal;
	int n;
};

static int
remove_it(void *arg, const char *key, const char *value, struct err *err)
{
	struct removal *r = arg;

	(void)value;
	r->n++;
	return r->journal->ops->remove(r->journal, key, err);
}

static void
a_walk_of_the_journal_may_change_it(void **state)
{
	struct ground *g = *state;
	struct removal r = {ledger_journal(g->ledger), 0};

	for (int i = 0; i < 10; i++) {
		char key[16];

		snprintf(key, sizeof(key), "k/%d", i);
		assert_int_equal(
		    r.journal->ops->put(r.journal, key, "v", &g->err), 0);
	}
	assert_int_equal(
	    r.journal->ops->each(r.journal, "k/", remove_it, &r, &g->err), 0);
	assert_int_equal(r.n, 10);
	assert_int_equal(ask_sql(g, "SELECT count(*) FROM journal"), 0);
}

/* What a killed process had been told was written is there. */
static pid_t
begin_and_die(struct ground *g)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct err err = {0};
		struct ledger *l = ledger_open(g->state, &err);
		struct journal *j = l != NULL ? ledger_journal(l) : NULL;
		int64_t run;

		if (l == NULL ||
		    (run = ledger_run_begin(l, JOB, "copy", 5, &err)) < 0 ||
		    ledger_step_begin(l, run, STEP_COPY, 6, &err) != 0 ||
		    j->ops->put(j, "replicaof/x", "intent", &err) != 0)
			_exit(1);
		kill(getpid(), SIGKILL);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	return pid;
}

static void
what_was_written_survives_a_kill(void **state)
{
	struct ground *g = *state;
	struct journal *j;
	struct buf b;

	buf_init(&b, 1024);
	ledger_close(g->ledger);
	g->ledger = NULL;
	begin_and_die(g);
	g->ledger = open_ledger(g);
	expect_runs(g, 9, "1 cache copy running - 5 0 -\n");
	j = ledger_journal(g->ledger);
	assert_int_equal(j->ops->get(j, "replicaof/x", &b, &g->err), 0);
	assert_string_equal(b.data, "intent");
	buf_release(&b);
}

static void
lost_runs_are_closed_and_running_ones_are_not(void **state)
{
	struct ground *g = *state;
	int lost = -1;

	ledger_close(g->ledger);
	g->ledger = NULL;
	begin_and_die(g);
	begin_and_die(g);
	g->ledger = open_ledger(g);
	begin(g, 70);
	assert_int_equal(
	    ledger_close_lost(g->ledger, "other", 80, &lost, &g->err), 0);
	assert_int_equal(lost, 0);
	assert_int_equal(
	    ledger_close_lost(g->ledger, JOB, 80, &lost, &g->err), 0);
	assert_int_equal(lost, 2);
	expect_runs(g, 9,
	    "3 cache sync running - 70 0 -\n"
	    "2 cache copy failed - 5 80 the process ended without closing "
	    "the run\n"
	    "1 cache copy failed - 5 80 the process ended without closing "
	    "the run\n");
	assert_int_equal(
	    ask_sql(g, "SELECT count(*) FROM steps WHERE state = 'running'"),
	    0);
	assert_int_equal(
	    ledger_close_lost(g->ledger, JOB, 90, &lost, &g->err), 0);
	assert_int_equal(lost, 0);
}

static void
a_ledger_from_the_future_is_refused_and_left_alone(void **state)
{
	struct ground *g = *state;
	struct ledger *l;

	begin(g, 5);
	ask_sql(g, "PRAGMA user_version = 99");
	l = ledger_open(g->state, &g->err);
	assert_null(l);
	assert_int_equal(g->err.kind, ERR_UNSUPPORTED);
	assert_non_null(strstr(g->err.text, "newer drsync"));
	assert_int_equal(ask_sql(g, "PRAGMA user_version"), 99);
	assert_int_equal(ask_sql(g, "SELECT count(*) FROM runs"), 1);
}

static void
what_is_no_ledger_is_an_error(void **state)
{
	struct ground *g = *state;
	char path[400];
	FILE *f;

	snprintf(path, sizeof(path), "%s/b", g->dir.path);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/b/ledger.db", g->dir.path);
	f = fopen(path, "w");
	for (int i = 0; i < 1000; i++)
		fputs("this is no database\n", f);
	fclose(f);
	snprintf(path, sizeof(path), "%s/b", g->dir.path);
	assert_null(ledger_open(path, &g->err));
	assert_int_equal(g->err.kind, ERR_SYSTEM);
	snprintf(path, sizeof(path), "%s/b/ledger.db/x", g->dir.path);
	assert_null(ledger_open(path, &g->err));
	assert_int_equal(g->err.kind, ERR_SYSTEM);
}

static void
nobody_else_may_read_it(void **state)
{
	static const char *const names[] = {"", "/ledger.db", "/ledger.db-wal"};
	struct ground *g = *state;
	struct stat st;
	char path[400];

	begin(g, 1);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", g->state, names[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 077, 0);
	}
}

/* All open a ledger that is not there yet at once, and write. */
static void
write_entries(const char *dir, int child, int start)
{
	struct err err = {0};
	struct ledger *l;
	struct journal *j;
	char key[32], c;

	if (read(start, &c, 1) != 0)
		_exit(2);
	l = ledger_open(dir, &err);
	for (int i = 0; l != NULL && i < ENTRIES; i++) {
		j = ledger_journal(l);
		snprintf(key, sizeof(key), "%d/%d", child, i);
		if (j->ops->put(j, key, "v", &err) != 0 ||
		    ledger_run_begin(l, JOB, "sync", i, &err) < 0)
			l = NULL;
	}
	if (l == NULL) {
		fprintf(stderr, "child %d: %s\n", child, err.text);
		_exit(1);
	}
	_exit(0);
}

static void
several_processes_may_open_and_write_at_once(void **state)
{
	struct ground *g = *state;
	pid_t pids[CHILDREN];
	int start[2], status;

	ledger_close(g->ledger);
	g->ledger = NULL;
	snprintf(g->state, sizeof(g->state), "%s/fresh", g->dir.path);
	assert_int_equal(pipe2(start, O_CLOEXEC), 0);
	for (int i = 0; i < CHILDREN; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			close(start[1]);
			write_entries(g->state, i, start[0]);
		}
	}
	close(start[0]);
	close(start[1]); /* go */
	for (int i = 0; i < CHILDREN; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	g->ledger = open_ledger(g);
	assert_int_equal(
	    ask_sql(g, "SELECT count(*) FROM journal"), CHILDREN * ENTRIES);
	assert_int_equal(ask_sql(g, "SELECT count(DISTINCT id) FROM runs"),
	    CHILDREN * ENTRIES);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(runs_and_steps_survive_a_close),
	    TEST(a_walk_ends_when_it_is_refused),
	    TEST(the_journal_keeps_replaces_and_removes),
	    TEST(a_walk_of_the_journal_may_change_it),
	    TEST(what_was_written_survives_a_kill),
	    TEST(lost_runs_are_closed_and_running_ones_are_not),
	    TEST(a_ledger_from_the_future_is_refused_and_left_alone),
	    TEST(what_is_no_ledger_is_an_error),
	    TEST(nobody_else_may_read_it),
	    TEST(several_processes_may_open_and_write_at_once),
	};

	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}

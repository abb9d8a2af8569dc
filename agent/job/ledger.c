#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/journal.h"
#include "base/process.h"
#include "base/xalloc.h"

#include "agent/job/ledger.h"

/* Another process writes for milliseconds; one that is stuck is told of. */
#define BUSY_MS	 10000
#define PAUSE_MS 10

#define SCHEMA_VERSION 1

static const char *const migrations[SCHEMA_VERSION] = {
    "CREATE TABLE runs (id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " job TEXT NOT NULL, command TEXT NOT NULL, process TEXT NOT NULL,"
    " state TEXT NOT NULL,"
    " started_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL DEFAULT 0,"
    " snapshot TEXT, error TEXT);"
    "CREATE INDEX runs_by_job ON runs (job, id);"
    "CREATE TABLE steps (run INTEGER NOT NULL REFERENCES runs (id),"
    " step TEXT NOT NULL, state TEXT NOT NULL, started_ms INTEGER NOT NULL,"
    " ended_ms INTEGER NOT NULL DEFAULT 0, detail TEXT, error TEXT,"
    " PRIMARY KEY (run, step));"
    "CREATE TABLE journal (key TEXT PRIMARY KEY, value TEXT NOT NULL);",
};

struct ledger {
	struct journal journal; /* first: the journal's functions cast back */
	sqlite3 *db;
	pthread_mutex_t lock;
};

static int
sql_err(struct ledger *l, struct err *err, const char *what)
{
	return err_set(
	    err, ERR_SYSTEM, "the ledger: %s: %s", what, sqlite3_errmsg(l->db));
}

/*
 * One statement, with its parameters by type: 'i' an int64_t, 's' a string or
 * NULL.  row is called for each row; NULL when none is wanted.
 */
struct query {
	struct ledger *ledger;
	const char *sql;
	int (*row)(void *arg, sqlite3_stmt *, struct err *);
	void *arg;
};

static int
step_all(const struct query *q, sqlite3_stmt *st, struct err *err)
{
	int rc;

	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		if (q->row != NULL && q->row(q->arg, st, err) != 0)
			return -1;
	if (rc != SQLITE_DONE)
		return sql_err(q->ledger, err, "writing");
	return 0;
}

static int
run_query(const struct query *q, struct err *err, const char *types, ...)
{
	sqlite3_stmt *st = NULL;
	va_list ap;
	int rc = -1;

	pthread_mutex_lock(&q->ledger->lock);
	if (sqlite3_prepare_v2(q->ledger->db, q->sql, -1, &st, NULL) !=
	    SQLITE_OK) {
		sql_err(q->ledger, err, "preparing");
		goto out;
	}
	va_start(ap, types);
	for (int i = 1; *types != '\0'; types++, i++)
		if (*types == 'i')
			sqlite3_bind_int64(st, i, va_arg(ap, int64_t));
		else
			sqlite3_bind_text(st, i, va_arg(ap, const char *), -1,
			    SQLITE_TRANSIENT);
	va_end(ap);
	rc = step_all(q, st, err);
out:
	sqlite3_finalize(st);
	pthread_mutex_unlock(&q->ledger->lock);
	return rc;
}

static int
exec(struct ledger *l, const char *sql, struct err *err)
{
	if (sqlite3_exec(l->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return sql_err(l, err, "setting up");
	return 0;
}

static int
read_number(void *arg, sqlite3_stmt *st, struct err *err)
{
	(void)err;
	*(int64_t *)arg = sqlite3_column_int64(st, 0);
	return 0;
}

static int
migrate(struct ledger *l, struct err *err)
{
	struct query q = {l, "PRAGMA user_version", read_number, NULL};
	int64_t version = 0;
	char sql[64];

	q.arg = &version;
	if (run_query(&q, err, "") != 0)
		return -1;
	if (version > SCHEMA_VERSION)
		return err_set(err, ERR_UNSUPPORTED,
		    "the ledger was written by a newer drsync (schema %d, this "
		    "one knows %d)",
		    (int)version, SCHEMA_VERSION);
	for (; version < SCHEMA_VERSION; version++) {
		snprintf(sql, sizeof(sql), "PRAGMA user_version = %d",
		    (int)version + 1);
		if (exec(l, migrations[version], err) != 0 ||
		    exec(l, sql, err) != 0)
			return -1;
	}
	return 0;
}

/* SQLite does not wait by itself for the lock that the change takes. */
static int
use_wal(struct ledger *l, struct err *err)
{
	for (int waited_ms = 0;; waited_ms += PAUSE_MS) {
		int rc = sqlite3_exec(
		    l->db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);

		if (rc == SQLITE_OK)
			return 0;
		if (rc != SQLITE_BUSY || waited_ms >= BUSY_MS)
			return sql_err(l, err, "setting up");
		sqlite3_sleep(PAUSE_MS);
	}
}

static int
set_up(struct ledger *l, struct err *err)
{
	int rc;

	sqlite3_busy_timeout(l->db, BUSY_MS);
	if (use_wal(l, err) != 0 ||
	    exec(l,
		"PRAGMA synchronous=FULL;"
		"PRAGMA foreign_keys=ON; BEGIN IMMEDIATE;",
		err) != 0)
		return -1;
	rc = migrate(l, err);
	if (rc == 0)
		return exec(l, "COMMIT", err);
	sqlite3_exec(l->db, "ROLLBACK", NULL, NULL, NULL);
	return -1;
}

static int
make_dir(const char *dir, struct err *err)
{
	char *path = xstrdup(dir);
	int rc = 0;

	for (char *p = path + 1; rc == 0 && *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(path, 0755) != 0 && errno != EEXIST)
			rc = -1;
		*p = '/';
	}
	if (rc == 0 && mkdir(path, 0700) != 0 && errno != EEXIST)
		rc = -1;
	if (rc != 0)
		err_sys(err,
		    "state directory '%s' (give --state-dir one that this "
		    "user can write)",
		    dir);
	free(path);
	return rc;
}

static int
journal_put(
    struct journal *j, const char *key, const char *value, struct err *err)
{
	struct query q = {(struct ledger *)j,
	    "INSERT INTO journal VALUES (?, ?)"
	    " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
	    NULL, NULL};

	return run_query(&q, err, "ss", key, value);
}

struct found {
	struct buf *value;
	bool any;
};

static int
take_value(void *arg, sqlite3_stmt *st, struct err *err)
{
	struct found *f = arg;

	(void)err;
	f->any = true;
	buf_adds(f->value, (const char *)sqlite3_column_text(st, 0));
	return 0;
}

static int
journal_get(
    struct journal *j, const char *key, struct buf *value, struct err *err)
{
	struct found found = {value, false};
	struct query q = {(struct ledger *)j,
	    "SELECT value FROM journal WHERE key = ?", take_value, &found};

	if (run_query(&q, err, "s", key) != 0)
		return -1;
	if (!found.any)
		return err_set(err, ERR_MISSING, "no journal entry '%s'", key);
	return buf_check(value, "a journal entry", err);
}

static int
journal_remove(struct journal *j, const char *key, struct err *err)
{
	struct query q = {(struct ledger *)j,
	    "DELETE FROM journal WHERE key = ?", NULL, NULL};

	return run_query(&q, err, "s", key);
}

struct entry {
	char *key, *value;
};

/* Collected first: the caller's function may change the journal. */
struct entries {
	struct entry *list;
	size_t n;
};

static int
collect(void *arg, sqlite3_stmt *st, struct err *err)
{
	struct entries *e = arg;

	(void)err;
	e->list = xreallocarray(e->list, e->n + 1, sizeof(*e->list));
	e->list[e->n].key = xstrdup((const char *)sqlite3_column_text(st, 0));
	e->list[e->n++].value = xstrdup(
	    (const char *)sqlite3_column_text(st, 1));
	return 0;
}

static int
journal_each(struct journal *j, const char *prefix,
    int (*each)(void *arg, const char *key, const char *value, struct err *),
    void *arg, struct err *err)
{
	struct entries entries = {0};
	struct query q = {(struct ledger *)j,
	    "SELECT key, value FROM journal"
	    " WHERE substr(key, 1, length(?1)) = ?1 ORDER BY key",
	    collect, &entries};
	int rc = run_query(&q, err, "s", prefix);

	for (size_t i = 0; i < entries.n; i++) {
		if (rc == 0)
			rc = each(arg, entries.list[i].key,
			    entries.list[i].value, err);
		free(entries.list[i].key);
		free(entries.list[i].value);
	}
	free(entries.list);
	return rc;
}

static const struct journal_ops journal_ops = {
    .put = journal_put,
    .get = journal_get,
    .remove = journal_remove,
    .each = journal_each,
};

struct ledger *
ledger_open(const char *state_dir, struct err *err)
{
	struct ledger *l = xcalloc(1, sizeof(*l));
	struct buf path;

	l->journal.ops = &journal_ops;
	pthread_mutex_init(&l->lock, NULL);
	buf_init(&path, 4096);
	buf_addf(&path, "%s/ledger.db", state_dir);
	if (make_dir(state_dir, err) != 0)
		goto fail;
	if (sqlite3_open(path.data, &l->db) != SQLITE_OK) {
		sql_err(l, err, path.data);
		goto fail;
	}
	if (chmod(path.data, 0600) != 0) {
		err_sys(err, "'%s'", path.data);
		goto fail;
	}
	if (set_up(l, err) != 0) {
		err_in(err, "'%s'", path.data);
		goto fail;
	}
	buf_release(&path);
	return l;
fail:
	buf_release(&path);
	ledger_close(l);
	return NULL;
}

void
ledger_close(struct ledger *l)
{
	if (l == NULL)
		return;
	sqlite3_close(l->db);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

struct journal *
ledger_journal(struct ledger *l)
{
	return &l->journal;
}

int64_t
ledger_run_begin(struct ledger *l, const char *job, const char *command,
    int64_t now_ms, struct err *err)
{
	char process[PROCESS_ID_SIZE];
	int64_t id = -1;
	struct query q = {l,
	    "INSERT INTO runs (job, command, process, state, started_ms)"
	    " VALUES (?, ?, ?, 'running', ?) RETURNING id",
	    read_number, &id};

	process_id(process);
	if (run_query(&q, err, "sssi", job, command, process, now_ms) != 0)
		return -1;
	return id;
}

int
ledger_run_end(struct ledger *l, int64_t run, const char *snapshot,
    const struct err *why, int64_t now_ms, struct err *err)
{
	struct query q = {l,
	    "UPDATE runs SET state = ?, snapshot = ?, error = ?, ended_ms = ?"
	    " WHERE id = ?",
	    NULL, NULL};

	return run_query(&q, err, "sssii", why == NULL ? "done" : "failed",
	    snapshot, why != NULL ? why->text : NULL, now_ms, run);
}

int
ledger_step_begin(struct ledger *l, int64_t run, enum step step, int64_t now_ms,
    struct err *err)
{
	struct query q = {l,
	    "INSERT INTO steps (run, step, state, started_ms)"
	    " VALUES (?, ?, 'running', ?)",
	    NULL, NULL};

	return run_query(&q, err, "isi", run, step_name(step), now_ms);
}

int
ledger_step_end(struct ledger *l, int64_t run, enum step step,
    const char *detail, const struct err *why, int64_t now_ms, struct err *err)
{
	struct query q = {l,
	    "UPDATE steps SET state = ?, detail = ?, error = ?, ended_ms = ?"
	    " WHERE run = ? AND step = ?",
	    NULL, NULL};

	return run_query(&q, err, "sssiis", why == NULL ? "done" : "failed",
	    detail, why != NULL ? why->text : NULL, now_ms, run,
	    step_name(step));
}

struct open_runs {
	int64_t *list; /* whose processes are gone */
	size_t n;
};

static int
collect_gone(void *arg, sqlite3_stmt *st, struct err *err)
{
	struct open_runs *o = arg;

	(void)err;
	if (!process_id_gone((const char *)sqlite3_column_text(st, 1)))
		return 0;
	o->list = xreallocarray(o->list, o->n + 1, sizeof(*o->list));
	o->list[o->n++] = sqlite3_column_int64(st, 0);
	return 0;
}

static int
fail_open_steps(struct ledger *l, int64_t run, const struct err *why,
    int64_t now_ms, struct err *err)
{
	struct query q = {l,
	    "UPDATE steps SET state = 'failed', error = ?, ended_ms = ?"
	    " WHERE run = ? AND state = 'running'",
	    NULL, NULL};

	return run_query(&q, err, "sii", why->text, now_ms, run);
}

int
ledger_close_lost(struct ledger *l, const char *job, int64_t now_ms, int *lost,
    struct err *err)
{
	static const struct err why = {
	    .kind = ERR_SYSTEM,
	    .text = "the process ended without closing the run",
	};
	struct open_runs gone = {0};
	struct query q = {l,
	    "SELECT id, process FROM runs WHERE job = ? AND state = 'running'",
	    collect_gone, &gone};
	int rc = run_query(&q, err, "s", job);

	*lost = 0;
	for (size_t i = 0; rc == 0 && i < gone.n; i++) {
		rc = fail_open_steps(l, gone.list[i], &why, now_ms, err);
		if (rc == 0)
			rc = ledger_run_end(
			    l, gone.list[i], NULL, &why, now_ms, err);
		*lost += 1;
	}
	free(gone.list);
	return rc;
}

struct run_walk {
	int (*each)(void *arg, const struct ledger_run *, struct err *);
	void *arg;
};

static int
tell_run(void *arg, sqlite3_stmt *st, struct err *err)
{
	const struct run_walk *w = arg;
	struct ledger_run r = {
	    .id = sqlite3_column_int64(st, 0),
	    .job = (const char *)sqlite3_column_text(st, 1),
	    .command = (const char *)sqlite3_column_text(st, 2),
	    .state = (const char *)sqlite3_column_text(st, 3),
	    .started_ms = sqlite3_column_int64(st, 4),
	    .ended_ms = sqlite3_column_int64(st, 5),
	    .snapshot = (const char *)sqlite3_column_text(st, 6),
	    .error = (const char *)sqlite3_column_text(st, 7),
	};

	return w->each(w->arg, &r, err);
}

int
ledger_each_run(struct ledger *l, const char *job, int n,
    int (*each)(void *arg, const struct ledger_run *, struct err *), void *arg,
    struct err *err)
{
	struct run_walk w = {each, arg};
	struct query q = {l,
	    "SELECT id, job, command, state, started_ms, ended_ms, snapshot,"
	    " error FROM runs WHERE job = ? ORDER BY id DESC LIMIT ?",
	    tell_run, &w};

	return run_query(&q, err, "si", job, (int64_t)n);
}

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/xalloc.h"

#include "agent/job/ledger_db.h"

/* Another process writes for milliseconds; one that is stuck is told of. */
#define BUSY_MS	 10000
#define PAUSE_MS 10

#define SCHEMA_VERSION 2

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

    "CREATE TABLE copies (pair TEXT NOT NULL, name TEXT NOT NULL,"
    " run INTEGER NOT NULL, way TEXT NOT NULL, src_etag TEXT NOT NULL,"
    " copy_id TEXT NOT NULL, undo TEXT NOT NULL, state TEXT NOT NULL,"
    " done INTEGER NOT NULL, total INTEGER NOT NULL,"
    " since_ms INTEGER NOT NULL, why TEXT NOT NULL,"
    " PRIMARY KEY (pair, name));"
    "CREATE TABLE gone (pair TEXT NOT NULL, name TEXT NOT NULL,"
    " etag TEXT NOT NULL, size INTEGER NOT NULL,"
    " missing_ms INTEGER NOT NULL, seen INTEGER NOT NULL,"
    " PRIMARY KEY (pair, name)) WITHOUT ROWID;"
    "CREATE TABLE tombstones (run INTEGER NOT NULL, name TEXT NOT NULL,"
    " pair TEXT NOT NULL, etag TEXT NOT NULL, version TEXT NOT NULL,"
    " size INTEGER NOT NULL, missing_ms INTEGER NOT NULL,"
    " deleted_ms INTEGER NOT NULL, done INTEGER NOT NULL,"
    " PRIMARY KEY (run, name)) WITHOUT ROWID;",
};

struct ledger_db {
	sqlite3 *db;
	pthread_mutex_t lock;
};

static int
sql_err(struct ledger_db *d, struct err *err, const char *what)
{
	return err_set(
	    err, ERR_SYSTEM, "the ledger: %s: %s", what, sqlite3_errmsg(d->db));
}

static int
step_all(const struct ledger_query *q, sqlite3_stmt *st, struct err *err)
{
	int rc;

	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		if (q->row != NULL && q->row(q->arg, st, err) != 0)
			return -1;
	if (rc != SQLITE_DONE)
		return sql_err(q->db, err, "writing");
	return 0;
}

int
ledger_query(
    const struct ledger_query *q, struct err *err, const char *types, ...)
{
	sqlite3_stmt *st = NULL;
	va_list ap;
	int rc = -1;

	pthread_mutex_lock(&q->db->lock);
	if (sqlite3_prepare_v2(q->db->db, q->sql, -1, &st, NULL) != SQLITE_OK) {
		sql_err(q->db, err, "preparing");
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
	pthread_mutex_unlock(&q->db->lock);
	return rc;
}

static int
exec(struct ledger_db *d, const char *sql, const char *what, struct err *err)
{
	if (sqlite3_exec(d->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return sql_err(d, err, what);
	return 0;
}

int
ledger_batch(struct ledger_db *d, int (*work)(void *arg, struct err *),
    void *arg, struct err *err)
{
	int rc;

	pthread_mutex_lock(&d->lock);
	rc = exec(d, "BEGIN IMMEDIATE", "writing", err);
	if (rc == 0) {
		rc = work(arg, err);
		if (rc == 0)
			rc = exec(d, "COMMIT", "writing", err);
		if (rc != 0)
			sqlite3_exec(d->db, "ROLLBACK", NULL, NULL, NULL);
	}
	pthread_mutex_unlock(&d->lock);
	return rc;
}

int
ledger_read_number(void *arg, sqlite3_stmt *st, struct err *err)
{
	(void)err;
	*(int64_t *)arg = sqlite3_column_int64(st, 0);
	return 0;
}

static int
migrate(struct ledger_db *d, struct err *err)
{
	int64_t version = 0;
	struct ledger_query q = {
	    d, "PRAGMA user_version", ledger_read_number, &version};
	char sql[64];

	if (ledger_query(&q, err, "") != 0)
		return -1;
	if (version > SCHEMA_VERSION)
		return err_set(err, ERR_UNSUPPORTED,
		    "the ledger was written by a newer drsync (schema %d, this "
		    "one knows %d)",
		    (int)version, SCHEMA_VERSION);
	for (; version < SCHEMA_VERSION; version++) {
		snprintf(sql, sizeof(sql), "PRAGMA user_version = %d",
		    (int)version + 1);
		if (exec(d, migrations[version], "setting up", err) != 0 ||
		    exec(d, sql, "setting up", err) != 0)
			return -1;
	}
	return 0;
}

/* SQLite does not wait by itself for the lock that the change takes. */
static int
use_wal(struct ledger_db *d, struct err *err)
{
	for (int waited_ms = 0;; waited_ms += PAUSE_MS) {
		int rc = sqlite3_exec(
		    d->db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);

		if (rc == SQLITE_OK)
			return 0;
		if (rc != SQLITE_BUSY || waited_ms >= BUSY_MS)
			return sql_err(d, err, "setting up");
		sqlite3_sleep(PAUSE_MS);
	}
}

static int
set_up(struct ledger_db *d, struct err *err)
{
	int rc;

	sqlite3_busy_timeout(d->db, BUSY_MS);
	if (use_wal(d, err) != 0 ||
	    exec(d,
		"PRAGMA synchronous=FULL;"
		"PRAGMA foreign_keys=ON; BEGIN IMMEDIATE;",
		"setting up", err) != 0)
		return -1;
	rc = migrate(d, err);
	if (rc == 0)
		return exec(d, "COMMIT", "setting up", err);
	sqlite3_exec(d->db, "ROLLBACK", NULL, NULL, NULL);
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

/* Taken again by the statements of a batch. */
static void
init_lock(pthread_mutex_t *lock)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(lock, &attr);
	pthread_mutexattr_destroy(&attr);
}

struct ledger_db *
ledger_db_open(const char *state_dir, struct err *err)
{
	struct ledger_db *d = xcalloc(1, sizeof(*d));
	struct buf path;

	init_lock(&d->lock);
	buf_init(&path, 4096);
	buf_addf(&path, "%s/ledger.db", state_dir);
	if (make_dir(state_dir, err) != 0)
		goto fail;
	if (sqlite3_open(path.data, &d->db) != SQLITE_OK) {
		sql_err(d, err, path.data);
		goto fail;
	}
	if (chmod(path.data, 0600) != 0) {
		err_sys(err, "'%s'", path.data);
		goto fail;
	}
	if (set_up(d, err) != 0) {
		err_in(err, "'%s'", path.data);
		goto fail;
	}
	buf_release(&path);
	return d;
fail:
	buf_release(&path);
	ledger_db_close(d);
	return NULL;
}

void
ledger_db_close(struct ledger_db *d)
{
	if (d == NULL)
		return;
	sqlite3_close(d->db);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

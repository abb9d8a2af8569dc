#include <stdlib.h>

#include "base/err.h"
#include "base/process.h"
#include "base/xalloc.h"

#include "agent/job/ledger.h"
#include "agent/job/ledger_db.h"
#include "agent/job/ledger_journal.h"

struct ledger {
	struct ledger_db *db;
	struct journal *journal;
};

struct ledger *
ledger_open(const char *state_dir, struct err *err)
{
	struct ledger_db *db = ledger_db_open(state_dir, err);
	struct ledger *l;

	if (db == NULL)
		return NULL;
	l = xcalloc(1, sizeof(*l));
	l->db = db;
	l->journal = ledger_journal_new(db);
	return l;
}

void
ledger_close(struct ledger *l)
{
	if (l == NULL)
		return;
	ledger_journal_free(l->journal);
	ledger_db_close(l->db);
	free(l);
}

struct journal *
ledger_journal(struct ledger *l)
{
	return l->journal;
}

struct ledger_db *
ledger_db_of(struct ledger *l)
{
	return l->db;
}

int64_t
ledger_run_begin(struct ledger *l, const char *job, const char *command,
    int64_t now_ms, struct err *err)
{
	char process[PROCESS_ID_SIZE];
	int64_t id = -1;
	struct ledger_query q = {l->db,
	    "INSERT INTO runs (job, command, process, state, started_ms)"
	    " VALUES (?, ?, ?, 'running', ?) RETURNING id",
	    ledger_read_number, &id};

	process_id(process);
	if (ledger_query(&q, err, "sssi", job, command, process, now_ms) != 0)
		return -1;
	return id;
}

int
ledger_run_end(struct ledger *l, int64_t run, const char *snapshot,
    const struct err *why, int64_t now_ms, struct err *err)
{
	struct ledger_query q = {l->db,
	    "UPDATE runs SET state = ?, snapshot = ?, error = ?, ended_ms = ?"
	    " WHERE id = ?",
	    NULL, NULL};

	return ledger_query(&q, err, "sssii", why == NULL ? "done" : "failed",
	    snapshot, why != NULL ? why->text : NULL, now_ms, run);
}

int
ledger_step_begin(struct ledger *l, int64_t run, enum step step, int64_t now_ms,
    struct err *err)
{
	struct ledger_query q = {l->db,
	    "INSERT INTO steps (run, step, state, started_ms)"
	    " VALUES (?, ?, 'running', ?)",
	    NULL, NULL};

	return ledger_query(&q, err, "isi", run, step_name(step), now_ms);
}

int
ledger_step_end(struct ledger *l, int64_t run, enum step step,
    const char *detail, const struct err *why, int64_t now_ms, struct err *err)
{
	struct ledger_query q = {l->db,
	    "UPDATE steps SET state = ?, detail = ?, error = ?, ended_ms = ?"
	    " WHERE run = ? AND step = ?",
	    NULL, NULL};

	return ledger_query(&q, err, "sssiis", why == NULL ? "done" : "failed",
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
	struct ledger_query q = {l->db,
	    "UPDATE steps SET state = 'failed', error = ?, ended_ms = ?"
	    " WHERE run = ? AND state = 'running'",
	    NULL, NULL};

	return ledger_query(&q, err, "sii", why->text, now_ms, run);
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
	struct ledger_query q = {l->db,
	    "SELECT id, process FROM runs WHERE job = ? AND state = 'running'",
	    collect_gone, &gone};
	int rc = ledger_query(&q, err, "s", job);

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
	struct ledger_query q = {l->db,
	    "SELECT id, job, command, state, started_ms, ended_ms, snapshot,"
	    " error FROM runs WHERE ?1 IS NULL OR job = ?1"
	    " ORDER BY id DESC LIMIT ?2",
	    tell_run, &w};

	return ledger_query(&q, err, "si", job, (int64_t)n);
}

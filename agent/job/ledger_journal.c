#include <stdbool.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/journal.h"
#include "base/xalloc.h"

#include "agent/job/ledger_db.h"
#include "agent/job/ledger_journal.h"

struct ledger_journal {
	struct journal base;
	struct ledger_db *db;
};

static struct ledger_db *
db_of(struct journal *j)
{
	return ((struct ledger_journal *)j)->db;
}

static int
journal_put(
    struct journal *j, const char *key, const char *value, struct err *err)
{
	struct ledger_query q = {db_of(j),
	    "INSERT INTO journal VALUES (?, ?)"
	    " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
	    NULL, NULL};

	return ledger_query(&q, err, "ss", key, value);
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
	struct ledger_query q = {db_of(j),
	    "SELECT value FROM journal WHERE key = ?", take_value, &found};

	if (ledger_query(&q, err, "s", key) != 0)
		return -1;
	if (!found.any)
		return err_set(err, ERR_MISSING, "no journal entry '%s'", key);
	return buf_check(value, "a journal entry", err);
}

static int
journal_remove(struct journal *j, const char *key, struct err *err)
{
	struct ledger_query q = {
	    db_of(j), "DELETE FROM journal WHERE key = ?", NULL, NULL};

	return ledger_query(&q, err, "s", key);
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
	struct ledger_query q = {db_of(j),
	    "SELECT key, value FROM journal"
	    " WHERE substr(key, 1, length(?1)) = ?1 ORDER BY key",
	    collect, &entries};
	int rc = ledger_query(&q, err, "s", prefix);

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

struct journal *
ledger_journal_new(struct ledger_db *db)
{
	struct ledger_journal *j = xcalloc(1, sizeof(*j));

	j->base.ops = &journal_ops;
	j->db = db;
	return &j->base;
}

void
ledger_journal_free(struct journal *j)
{
	free(j);
}

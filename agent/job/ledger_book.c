#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"

#include "agent/job/ledger_book.h"
#include "agent/job/ledger_db.h"

/* A commit takes milliseconds, so the missing ones go many at a time. */
#define BATCH 500

struct missed {
	char *name, *etag;
	uint64_t size;
	int64_t since_ms;
};

struct ledger_book {
	struct replica_book base;
	struct ledger_db *db;
	char *pair;
	int64_t run;
	struct missed missed[BATCH];
	size_t nmissed;
};

static struct ledger_book *
book_of(struct replica_book *b)
{
	return (struct ledger_book *)b;
}

static const char *
text_or_empty(const char *text)
{
	return text != NULL ? text : "";
}

static int
copy_put(struct replica_book *book, const struct book_copy *c, struct err *err)
{
	struct ledger_book *b = book_of(book);
	struct ledger_query q = {b->db,
	    "INSERT OR REPLACE INTO copies (pair, name, run, way, src_etag,"
	    " copy_id, undo, state, done, total, since_ms, why)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    NULL, NULL};

	return ledger_query(&q, err, "ssisssssiiis", b->pair, c->name, b->run,
	    c->way, text_or_empty(c->src_etag), text_or_empty(c->copy_id),
	    text_or_empty(c->undo), book_state_name(c->state), (int64_t)c->done,
	    (int64_t)c->total, c->since_ms, text_or_empty(c->why));
}

/* The columns of COPY_COLUMNS, from the first on. */
#define COPY_COLUMNS \
	"name, way, src_etag, copy_id, undo, state, done, total, since_ms, why"

static const char *
column(sqlite3_stmt *st, int i)
{
	return (const char *)sqlite3_column_text(st, i);
}

static void
read_copy(sqlite3_stmt *st, struct book_copy *c)
{
	*c = (struct book_copy){
	    .name = column(st, 0),
	    .way = column(st, 1),
	    .src_etag = column(st, 2),
	    .copy_id = column(st, 3),
	    .undo = column(st, 4),
	    .state = strcmp(column(st, 5), "pending") == 0 ? BOOK_PENDING
							   : BOOK_COPYING,
	    .done = (uint64_t)sqlite3_column_int64(st, 6),
	    .total = (uint64_t)sqlite3_column_int64(st, 7),
	    .since_ms = sqlite3_column_int64(st, 8),
	    .why = column(st, 9),
	};
}

struct copy_list {
	struct book_copy *list;
	size_t n;
};

/* Collected first: the caller's function may change the book. */
static int
collect_copy(void *arg, sqlite3_stmt *st, struct err *err)
{
	struct copy_list *l = arg;
	struct book_copy c;

	(void)err;
	read_copy(st, &c);
	c.name = xstrdup(c.name);
	c.way = xstrdup(c.way);
	c.src_etag = xstrdup(c.src_etag);
	c.copy_id = xstrdup(c.copy_id);
	c.undo = xstrdup(c.undo);
	c.why = xstrdup(c.why);
	l->list = xreallocarray(l->list, l->n + 1, sizeof(*l->list));
	l->list[l->n++] = c;
	return 0;
}

static void
release_copy(struct book_copy *c)
{
	free((char *)c->name);
	free((char *)c->way);
	free((char *)c->src_etag);
	free((char *)c->copy_id);
	free((char *)c->undo);
	free((char *)c->why);
}

static int
copies_open(struct replica_book *book,
    int (*each)(void *arg, const struct book_copy *, struct err *), void *arg,
    struct err *err)
{
	struct ledger_book *b = book_of(book);
	struct copy_list found = {0};
	struct ledger_query q = {b->db,
	    "SELECT " COPY_COLUMNS " FROM copies WHERE pair = ?"
	    " AND state IN ('pending', 'copying') ORDER BY since_ms, name",
	    collect_copy, &found};
	int rc = ledger_query(&q, err, "s", b->pair);

	for (size_t i = 0; i < found.n; i++) {
		if (rc == 0)
			rc = each(arg, &found.list[i], err);
		release_copy(&found.list[i]);
	}
	free(found.list);
	return rc;
}

static int
write_missed(void *arg, struct err *err)
{
	struct ledger_book *b = arg;
	struct ledger_query q = {b->db,
	    "INSERT INTO gone (pair, name, etag, size, missing_ms, seen)"
	    " VALUES (?, ?, ?, ?, ?, ?)"
	    " ON CONFLICT (pair, name) DO UPDATE SET etag = excluded.etag,"
	    " size = excluded.size, seen = excluded.seen",
	    NULL, NULL};

	for (size_t i = 0; i < b->nmissed; i++) {
		const struct missed *m = &b->missed[i];

		if (ledger_query(&q, err, "sssiii", b->pair, m->name, m->etag,
			(int64_t)m->size, m->since_ms, b->run) != 0)
			return -1;
	}
	return 0;
}

static void
forget_missed(struct ledger_book *b)
{
	for (size_t i = 0; i < b->nmissed; i++) {
		free(b->missed[i].name);
		free(b->missed[i].etag);
	}
	b->nmissed = 0;
}

static int
flush(struct replica_book *book, struct err *err)
{
	struct ledger_book *b = book_of(book);

	if (b->nmissed == 0)
		return 0;
	if (ledger_batch(b->db, write_missed, b, err) != 0)
		return -1;
	forget_missed(b);
	return 0;
}

static int
missing(struct replica_book *book, const struct book_gone *g, int64_t *since_ms,
    struct err *err)
{
	struct ledger_book *b = book_of(book);
	struct ledger_query q = {b->db,
	    "SELECT missing_ms FROM gone WHERE pair = ? AND name = ?",
	    ledger_read_number, since_ms};

	*since_ms = g->missing_ms;
	if (ledger_query(&q, err, "ss", b->pair, g->name) != 0 ||
	    (b->nmissed == BATCH && flush(book, err) != 0))
		return -1;
	b->missed[b->nmissed++] = (struct missed){
	    .name = xstrdup(g->name),
	    .etag = xstrdup(text_or_empty(g->etag)),
	    .size = g->size,
	    .since_ms = *since_ms,
	};
	return 0;
}

static int
walked(struct replica_book *book, struct err *err)
{
	struct ledger_book *b = book_of(book);
	struct ledger_query q = {
	    b->db, "DELETE FROM gone WHERE pair = ? AND seen <> ?", NULL, NULL};

	if (flush(book, err) != 0)
		return -1;
	return ledger_query(&q, err, "si", b->pair, b->run);
}

static int
deleting(struct replica_book *book, const struct book_gone *g, struct err *err)
{
	struct ledger_book *b = book_of(book);
	struct ledger_query q = {b->db,
	    "INSERT OR REPLACE INTO tombstones (run, name, pair, etag, version,"
	    " size, missing_ms, deleted_ms, done)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)",
	    NULL, NULL};

	return ledger_query(&q, err, "issssiii", b->run, g->name, b->pair,
	    text_or_empty(g->etag), text_or_empty(g->version), (int64_t)g->size,
	    g->missing_ms, g->deleted_ms);
}

struct outcome {
	struct ledger_book *book;
	const char *name;
};

static int
write_deleted(void *arg, struct err *err)
{
	const struct outcome *o = arg;
	struct ledger_query forget = {o->book->db,
	    "DELETE FROM gone WHERE pair = ? AND name = ?", NULL, NULL};
	struct ledger_query done = {o->book->db,
	    "UPDATE tombstones SET done = 1 WHERE run = ? AND name = ?", NULL,
	    NULL};

	if (ledger_query(&forget, err, "ss", o->book->pair, o->name) != 0)
		return -1;
	return ledger_query(&done, err, "is", o->book->run, o->name);
}

static int
deleted(struct replica_book *book, const char *name, bool done, struct err *err)
{
	struct ledger_book *b = book_of(book);
	struct outcome o = {b, name};
	struct ledger_query q = {b->db,
	    "DELETE FROM tombstones WHERE run = ? AND name = ?", NULL, NULL};

	if (done)
		return ledger_batch(b->db, write_deleted, &o, err);
	return ledger_query(&q, err, "is", b->run, name);
}

struct gone_walk {
	int (*each)(void *arg, const struct book_gone *, struct err *);
	void *arg;
};

static int
tell_gone(void *arg, sqlite3_stmt *st, struct err *err)
{
	const struct gone_walk *w = arg;
	struct book_gone g = {
	    .name = column(st, 0),
	    .etag = column(st, 1),
	    .version = column(st, 2),
	    .size = (uint64_t)sqlite3_column_int64(st, 3),
	    .missing_ms = sqlite3_column_int64(st, 4),
	    .deleted_ms = sqlite3_column_int64(st, 5),
	    .run = sqlite3_column_int64(st, 6),
	};

	return w->each(w->arg, &g, err);
}

static int
each_deleted(struct replica_book *book, int64_t run,
    int (*each)(void *arg, const struct book_gone *, struct err *), void *arg,
    struct err *err)
{
	struct ledger_book *b = book_of(book);
	struct gone_walk w = {each, arg};
	struct ledger_query q = {b->db,
	    "SELECT name, etag, version, size, missing_ms, deleted_ms, run"
	    " FROM tombstones WHERE run = ? AND pair = ? ORDER BY name",
	    tell_gone, &w};

	return ledger_query(&q, err, "is", run, b->pair);
}

static const struct replica_book_ops ops = {
    .copy_put = copy_put,
    .copies_open = copies_open,
    .missing = missing,
    .walked = walked,
    .deleting = deleting,
    .deleted = deleted,
    .each_deleted = each_deleted,
    .flush = flush,
};

struct replica_book *
ledger_book_new(struct ledger_db *db, const char *pair, int64_t run)
{
	struct ledger_book *b = xcalloc(1, sizeof(*b));

	b->base.ops = &ops;
	b->db = db;
	b->pair = xstrdup(pair);
	b->run = run;
	return &b->base;
}

void
ledger_book_free(struct replica_book *book)
{
	struct ledger_book *b = book_of(book);

	if (book == NULL)
		return;
	forget_missed(b);
	free(b->pair);
	free(b);
}

struct open_walk {
	int (*each)(void *arg, const struct ledger_copy *, struct err *);
	void *arg;
};

static int
tell_open(void *arg, sqlite3_stmt *st, struct err *err)
{
	const struct open_walk *w = arg;
	struct ledger_copy c = {
	    .job = column(st, 10), .run = sqlite3_column_int64(st, 11)};

	read_copy(st, &c.copy);
	return w->each(w->arg, &c, err);
}

int
ledger_book_each_open(struct ledger_db *db,
    int (*each)(void *arg, const struct ledger_copy *, struct err *), void *arg,
    struct err *err)
{
	struct open_walk w = {each, arg};
	struct ledger_query q = {db,
	    "SELECT " COPY_COLUMNS ", (SELECT job FROM runs WHERE id = run),"
	    " run FROM copies WHERE state IN ('pending', 'copying')"
	    " ORDER BY since_ms, name",
	    tell_open, &w};

	return ledger_query(&q, err, "");
}

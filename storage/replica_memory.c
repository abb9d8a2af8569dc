#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "storage/replica_book.h"

#include "storage/replica_memory.h"

/* Of one name; its texts are its own. */
struct page {
	struct book_copy copy; /* name NULL: none */
	struct book_gone gone; /* name NULL: none */
	char *name;
	bool missed;   /* by this walk */
	bool deleting; /* and not known how it ended */
	bool deleted;
};

struct memory {
	struct replica_book base;
	pthread_mutex_t lock; /* guards what follows */
	struct page *pages;   /* ascending by name */
	size_t n, alloc;
};

const char *
book_state_name(enum book_state s)
{
	static const char *const names[] = {
	    [BOOK_PENDING] = "pending",
	    [BOOK_COPYING] = "copying",
	    [BOOK_COMPLETE] = "complete",
	    [BOOK_FAILED] = "failed",
	    [BOOK_ABORTED] = "aborted",
	};

	return names[s];
}

static struct memory *
memory_of(struct replica_book *b)
{
	return (struct memory *)b;
}

static size_t
place(const struct memory *m, const char *name)
{
	size_t lo = 0, hi = m->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(m->pages[mid].name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct page *
find(struct memory *m, const char *name)
{
	size_t i = place(m, name);

	return i < m->n && strcmp(m->pages[i].name, name) == 0 ? &m->pages[i]
							       : NULL;
}

/* Names mostly come in order, and then nothing is moved. */
static struct page *
find_or_add(struct memory *m, const char *name)
{
	struct page *p = find(m, name);
	size_t i;

	if (p != NULL)
		return p;
	if (m->n == m->alloc) {
		m->alloc = m->alloc != 0 ? 2 * m->alloc : 64;
		m->pages = xreallocarray(m->pages, m->alloc, sizeof(*m->pages));
	}
	i = place(m, name);
	p = &m->pages[i];
	memmove(p + 1, p, (m->n - i) * sizeof(*p));
	*p = (struct page){.name = xstrdup(name)};
	m->n++;
	return p;
}

static void
forget_copy(struct page *p)
{
	free((char *)p->copy.way);
	free((char *)p->copy.src_etag);
	free((char *)p->copy.copy_id);
	free((char *)p->copy.undo);
	free((char *)p->copy.why);
	p->copy = (struct book_copy){0};
}

static void
forget_gone(struct page *p)
{
	free((char *)p->gone.etag);
	free((char *)p->gone.version);
	p->gone = (struct book_gone){0};
}

static void
remember_copy(struct page *p, const struct book_copy *c)
{
	struct book_copy mine = *c;

	mine.name = p->name;
	mine.way = xstrdup(c->way);
	mine.src_etag = xstrdup(c->src_etag);
	mine.copy_id = xstrdup(c->copy_id);
	mine.undo = xstrdup(c->undo);
	mine.why = xstrdup(c->why);
	forget_copy(p);
	p->copy = mine;
}

static void
remember_gone(struct page *p, const struct book_gone *g)
{
	struct book_gone mine = *g;

	mine.name = p->name;
	mine.etag = xstrdup(g->etag);
	mine.version = xstrdup(g->version);
	forget_gone(p);
	p->gone = mine;
	p->deleted = p->deleting = false;
}

static int
copy_put(struct replica_book *b, const struct book_copy *copy, struct err *err)
{
	struct memory *m = memory_of(b);

	(void)err;
	pthread_mutex_lock(&m->lock);
	remember_copy(find_or_add(m, copy->name), copy);
	pthread_mutex_unlock(&m->lock);
	return 0;
}

static bool
is_open(const struct page *p)
{
	return p->copy.name != NULL &&
	    (p->copy.state == BOOK_PENDING || p->copy.state == BOOK_COPYING);
}

/* Copies of them, so that each() may call the book. */
static struct page *
pick(struct memory *m, bool (*wanted)(const struct page *, int64_t),
    int64_t arg, size_t *n)
{
	struct page *list;

	pthread_mutex_lock(&m->lock);
	list = xcalloc(m->n + 1, sizeof(*list));
	*n = 0;
	for (size_t i = 0; i < m->n; i++) {
		struct page *to = &list[*n];

		if (!wanted(&m->pages[i], arg))
			continue;
		to->name = xstrdup(m->pages[i].name);
		if (m->pages[i].copy.name != NULL)
			remember_copy(to, &m->pages[i].copy);
		if (m->pages[i].gone.name != NULL)
			remember_gone(to, &m->pages[i].gone);
		++*n;
	}
	pthread_mutex_unlock(&m->lock);
	return list;
}

static void
pages_free(struct page *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		forget_copy(&list[i]);
		forget_gone(&list[i]);
		free(list[i].name);
	}
	free(list);
}

static bool
wants_open(const struct page *p, int64_t arg)
{
	(void)arg;
	return is_open(p);
}

static int
copies_open(struct replica_book *b,
    int (*each)(void *arg, const struct book_copy *, struct err *), void *arg,
    struct err *err)
{
	size_t n;
	struct page *list = pick(memory_of(b), wants_open, 0, &n);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = each(arg, &list[i].copy, err);
	pages_free(list, n);
	return rc;
}

static int
missing(struct replica_book *b, const struct book_gone *gone, int64_t *since_ms,
    struct err *err)
{
	struct memory *m = memory_of(b);
	struct page *p;

	(void)err;
	pthread_mutex_lock(&m->lock);
	p = find_or_add(m, gone->name);
	/* One that was deleted and came back begins anew. */
	if (p->gone.name == NULL || p->deleted)
		remember_gone(p, gone);
	p->missed = true;
	*since_ms = p->gone.missing_ms;
	pthread_mutex_unlock(&m->lock);
	return 0;
}

static int
walked(struct replica_book *b, struct err *err)
{
	struct memory *m = memory_of(b);

	(void)err;
	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->n; i++) {
		struct page *p = &m->pages[i];

		if (!p->missed && !p->deleted && !p->deleting)
			forget_gone(p);
		p->missed = false;
	}
	pthread_mutex_unlock(&m->lock);
	return 0;
}

static int
deleting(struct replica_book *b, const struct book_gone *gone, struct err *err)
{
	struct memory *m = memory_of(b);
	struct page *p;

	(void)err;
	pthread_mutex_lock(&m->lock);
	p = find_or_add(m, gone->name);
	remember_gone(p, gone);
	p->deleting = true;
	pthread_mutex_unlock(&m->lock);
	return 0;
}

static int
deleted(struct replica_book *b, const char *name, bool done, struct err *err)
{
	struct memory *m = memory_of(b);
	struct page *p;

	(void)err;
	pthread_mutex_lock(&m->lock);
	p = find(m, name);
	if (p != NULL) {
		p->deleting = false;
		p->deleted = done;
	}
	pthread_mutex_unlock(&m->lock);
	return 0;
}

static bool
wants_deleted(const struct page *p, int64_t run)
{
	return p->gone.name != NULL && p->deleted && p->gone.run == run;
}

static int
each_deleted(struct replica_book *b, int64_t run,
    int (*each)(void *arg, const struct book_gone *, struct err *), void *arg,
    struct err *err)
{
	size_t n;
	struct page *list = pick(memory_of(b), wants_deleted, run, &n);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = each(arg, &list[i].gone, err);
	pages_free(list, n);
	return rc;
}

static int
flush(struct replica_book *b, struct err *err)
{
	(void)b;
	(void)err;
	return 0;
}

static const struct replica_book_ops memory_ops = {
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
replica_memory_new(void)
{
	struct memory *m = xcalloc(1, sizeof(*m));

	m->base.ops = &memory_ops;
	pthread_mutex_init(&m->lock, NULL);
	return &m->base;
}

void
replica_memory_free(struct replica_book *b)
{
	struct memory *m = memory_of(b);

	if (m == NULL)
		return;
	pages_free(m->pages, m->n);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

/*
 * What a run that was killed has left half done: a copy that goes on, a blob
 * that is written in place.  The book tells of it, and each is settled on the
 * crew, before it is decided what the name needs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "storage/replica_book.h"

#include "storage/replicate_private.h"

struct open_copy {
	struct book_copy copy;
	bool taken;
};

static struct book_copy *
copy_dup(struct arena *arena, const struct book_copy *theirs)
{
	struct book_copy *mine = arena_alloc(arena, sizeof(*mine));

	*mine = *theirs;
	mine->name = arena_strdup(arena, theirs->name);
	mine->way = arena_strdup(arena, theirs->way);
	mine->src_etag = arena_strdup(arena, theirs->src_etag);
	mine->copy_id = arena_strdup(arena, theirs->copy_id);
	mine->undo = arena_strdup(arena, theirs->undo);
	mine->why = arena_strdup(arena, theirs->why);
	return mine;
}

static int
add(void *arg, const struct book_copy *copy, struct err *err)
{
	struct run *r = arg;

	(void)err;
	r->open = xreallocarray(r->open, r->nopen + 1, sizeof(*r->open));
	r->open[r->nopen].copy = *copy_dup(&r->open_arena, copy);
	r->open[r->nopen++].taken = false;
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	const struct open_copy *x = a, *y = b;

	return strcmp(x->copy.name, y->copy.name);
}

int
run_find_open(struct run *r, struct err *err)
{
	if (r->o->dry_run)
		return 0;
	if (r->book->ops->copies_open(r->book, add, r, err) != 0)
		return err_in(err, "what an earlier run left half done");
	if (r->nopen > 0)
		qsort(r->open, r->nopen, sizeof(*r->open), by_name);
	return 0;
}

static int
settle(struct run *r, struct open_copy *open, struct err *err)
{
	struct work *w = work_new(r, WORK_COPY, open->copy.name);

	open->taken = true;
	w->settle = copy_dup(&w->arena, &open->copy);
	w->look_first = true;
	return run_hand_out(r, w, err);
}

int
run_settle(struct run *r, const char *name, bool *was_open, struct err *err)
{
	const struct open_copy key = {.copy.name = name};
	struct open_copy *found = NULL;

	if (r->nopen > 0)
		found = bsearch(&key, r->open, r->nopen, sizeof(key), by_name);
	*was_open = found != NULL;
	return found != NULL ? settle(r, found, err) : 0;
}

int
run_settle_rest(struct run *r, struct err *err)
{
	for (size_t i = 0; i < r->nopen; i++)
		if (!r->open[i].taken && settle(r, &r->open[i], err) != 0)
			return -1;
	return 0;
}

static int
is_same(void *arg, const struct book_copy *copy, struct err *err)
{
	struct book_copy *wanted = arg;

	(void)err;
	if (strcmp(copy->name, wanted->name) == 0)
		wanted->state = copy->state;
	return 0;
}

static bool
is_open(struct work *w)
{
	struct book_copy seen = {.name = w->name, .state = BOOK_COMPLETE};
	struct replica_book *book = w->run->book;
	struct err ignored = {0};

	return book->ops->copies_open(book, is_same, &seen, &ignored) != 0 ||
	    seen.state != BOOK_COMPLETE;
}

/*
 * What cannot be undone, since another has written the name, is closed in the
 * book: then there is nothing left to settle, and a snapshot that stays is
 * told.  Anything else is for the next run to try again.
 */
int
work_settle(struct work *w, const struct scope *scope)
{
	if (ladder_settle(w->ladder, w->settle, scope, &w->err) == 0)
		return 0;
	if (is_open(w))
		return -1;
	snprintf(w->left, sizeof(w->left), "%.159s", w->err.text);
	w->err = (struct err){0};
	return 0;
}

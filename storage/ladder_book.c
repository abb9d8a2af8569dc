#include <stdbool.h>

#include "base/err.h"
#include "base/scope.h"

#include "storage/ladder_private.h"

void
ladder_book_row(const struct climb *c, struct book_copy *row)
{
	*row = (struct book_copy){
	    .name = c->job->dst_name,
	    .way = rung_name(c->result->rung),
	    .src_etag = c->job->src->etag,
	    .copy_id = "",
	    .undo = "",
	    .state = BOOK_PENDING,
	    .total = c->job->src->size,
	    .since_ms = scope_wall_ms(c->scope),
	    .why = "",
	};
}

static int
note(const struct climb *c, enum book_state state, const char *why,
    struct err *err)
{
	struct replica_book *book = c->l->book;
	struct book_copy row;

	if (book == NULL)
		return 0;
	ladder_book_row(c, &row);
	row.state = state;
	row.why = why;
	if (state == BOOK_COMPLETE)
		row.done = row.total;
	return book->ops->copy_put(book, &row, err);
}

int
ladder_book_begin(const struct climb *c, struct err *err)
{
	return note(c, BOOK_COPYING, "", err);
}

int
ladder_book_end(const struct climb *c, int rc, struct err *err)
{
	struct err ignored = {0};

	if (rc == 0)
		return note(c, BOOK_COMPLETE, "", err);
	if (err->kind != ERR_CANCELLED && err->kind != ERR_UNREACHABLE)
		note(c, BOOK_FAILED, err->text, &ignored);
	return rc;
}

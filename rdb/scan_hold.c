#include <stdlib.h>

#include "base/chunk.h"
#include "base/err.h"
#include "base/private_file.h"
#include "base/scope.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "rdb/rdb_reader.h"

#include "rdb/scan_hold.h"

struct scan_hold {
	struct sink base;
	struct scope scope;
	struct scan_hold_opts opts;
	struct private_file *file; /* NULL: it holds nothing back */
	struct err why;
};

/* Each chunk of the file, which is the callee's. */
static int
for_each(struct scan_hold *h,
    int (*take)(void *arg, struct chunk *, struct err *), void *arg,
    struct err *err)
{
	uint64_t size = private_file_size(h->file);
	int rc = 0;

	for (uint64_t at = 0; at < size && rc == 0;) {
		uint64_t left = size - at;
		size_t n = left < CHUNK_SIZE ? (size_t)left : CHUNK_SIZE;
		struct chunk *c = chunk_new(h->opts.budget, n, &h->scope, err);

		if (c == NULL)
			return -1;
		chunk_set_len(c, n);
		rc = private_file_read(h->file, chunk_room(c), n, at, err);
		if (rc == 0)
			rc = take(arg, c, err);
		chunk_unref(c);
		at += n;
	}
	return rc;
}

static int
pass(void *arg, struct chunk *c, struct err *err)
{
	return sink_write(arg, c, err);
}

static int
feed(void *arg, struct chunk *c, struct err *err)
{
	return rdb_reader_feed(arg, c->data, c->len, err);
}

static int
keep(struct scan_hold *h, const struct chunk *c, struct err *err)
{
	if (c->len > h->opts.max_bytes - private_file_size(h->file))
		return err_set(err, ERR_UNSUPPORTED,
		    "what was read has passed the spool's ceiling");
	return private_file_append(h->file, c->data, c->len, err);
}

static int
hold_write(struct sink *s, struct chunk *c, struct err *err)
{
	struct scan_hold *h = (struct scan_hold *)s;

	if (h->file != NULL && keep(h, c, &h->why) == 0)
		return 0;
	if (scan_hold_release(s, err) != 0)
		return -1;
	return sink_write(s->next, c, err);
}

static void
hold_free(struct sink *s)
{
	struct scan_hold *h = (struct scan_hold *)s;

	private_file_close(h->file);
	free(h);
}

static const struct sink_ops hold_ops = {
    .name = "scan_hold",
    .write = hold_write,
    .free = hold_free,
};

struct sink *
scan_hold_new(struct sink *next, const struct scope *scope,
    const struct scan_hold_opts *opts, struct err *err)
{
	struct private_file *file = private_file_open(opts->dir, scope, err);
	struct scan_hold *h;

	if (file == NULL)
		return NULL;
	h = xcalloc(1, sizeof(*h));
	h->base.ops = &hold_ops;
	h->base.next = next;
	h->scope = *scope;
	h->opts = *opts;
	h->file = file;
	return &h->base;
}

bool
scan_hold_holds(const struct sink *s, struct err *err)
{
	const struct scan_hold *h = (const struct scan_hold *)s;

	if (h->file == NULL)
		*err = h->why;
	return h->file != NULL;
}

int
scan_hold_release(struct sink *s, struct err *err)
{
	struct scan_hold *h = (struct scan_hold *)s;

	if (h->file == NULL)
		return 0;
	if (for_each(h, pass, s->next, err) != 0)
		return -1;
	private_file_close(h->file);
	h->file = NULL;
	return 0;
}

int
scan_hold_show(struct sink *s, struct rdb_visitor *visitor, struct err *err)
{
	struct rdb_reader *reader = rdb_reader_new();
	int rc;

	rdb_reader_add(reader, visitor);
	rc = for_each((struct scan_hold *)s, feed, reader, err);
	if (rc == 0)
		rc = rdb_reader_finish(reader, err);
	rdb_reader_free(reader);
	return rc;
}

#include <stdlib.h>

#include "base/chunk.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "rdb/rdb_reader.h"

#include "agent/snapshot/reader_tap.h"

struct reader_tap {
	struct sink sink;
	struct rdb_reader *reader;
	bool keep_newer;
	bool unproved;
};

bool
reader_newer(const struct rdb_reader *reader)
{
	struct rdb_summary sum;

	rdb_reader_summary(reader, &sum);
	return sum.version >
	    (sum.valkey ? RDB_VERSION_VALKEY_MAX : RDB_VERSION_REDIS_MAX);
}

static int
tap_write(struct sink *s, struct chunk *c, struct err *err)
{
	struct reader_tap *t = (struct reader_tap *)s;

	if (!t->unproved &&
	    rdb_reader_feed(t->reader, c->data, c->len, err) != 0) {
		if (!t->keep_newer || !reader_newer(t->reader))
			return -1;
		t->unproved = true;
	}
	return s->next != NULL ? sink_write(s->next, c, err) : 0;
}

static int
tap_finish(struct sink *s, struct err *err)
{
	struct reader_tap *t = (struct reader_tap *)s;

	if (!t->unproved && rdb_reader_finish(t->reader, err) != 0)
		return -1;
	return s->next != NULL ? sink_finish(s->next, err) : 0;
}

static void
stage_free(struct sink *s)
{
	free(s);
}

static const struct sink_ops tap_ops = {
    .name = "rdb reader",
    .write = tap_write,
    .finish = tap_finish,
    .free = stage_free,
};

struct sink *
reader_tap_new(struct rdb_reader *reader, bool keep_newer)
{
	struct reader_tap *t = xcalloc(1, sizeof(*t));

	t->sink.ops = &tap_ops;
	t->reader = reader;
	t->keep_newer = keep_newer;
	return &t->sink;
}

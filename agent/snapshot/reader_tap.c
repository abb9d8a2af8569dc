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

static int
null_write(struct sink *s, struct chunk *c, struct err *err)
{
	(void)s;
	(void)c;
	(void)err;
	return 0;
}

static int
null_finish(struct sink *s, struct err *err)
{
	(void)s;
	(void)err;
	return 0;
}

static const struct sink_ops null_ops = {
    .name = "null",
    .write = null_write,
    .finish = null_finish,
    .free = stage_free,
};

struct sink *
null_sink_new(void)
{
	struct sink *s = xcalloc(1, sizeof(*s));

	s->ops = &null_ops;
	return s;
}

struct relay {
	struct sink sink;
	struct sink *to;
};

static int
relay_write(struct sink *s, struct chunk *c, struct err *err)
{
	return sink_write(((struct relay *)s)->to, c, err);
}

static const struct sink_ops relay_ops = {
    .name = "relay",
    .write = relay_write,
    .finish = null_finish,
    .free = stage_free,
};

struct sink *
relay_new(struct sink *to)
{
	struct relay *r = xcalloc(1, sizeof(*r));

	r->sink.ops = &relay_ops;
	r->to = to;
	return &r->sink;
}

#include <stdlib.h>

#include "base/sink.h"
#include "base/xalloc.h"

#include "base/relay.h"

static void
stage_free(struct sink *s)
{
	free(s);
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

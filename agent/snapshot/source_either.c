#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "rdb/rdb_reader.h"

#include "agent/snapshot/env.h"
#include "agent/snapshot/progress.h"
#include "agent/snapshot/source.h"

struct source_either {
	struct source source;
	struct source *first, *second;
	struct source_ops ops; /* way: of the one that worked */
};

static size_t
either_cost(const struct source *s, const struct source_call *call)
{
	const struct source_either *e = (const struct source_either *)s;
	size_t first = e->first->ops->cost(e->first, call);
	size_t second = e->second->ops->cost(e->second, call);

	return first > second ? first : second;
}

/*
 * What a server does not offer or does not allow shows before the dump begins.
 * In its midst the same kinds say that the dump is not what can be read.
 */
static bool
may_try_another(const struct source_call *call, const struct err *why)
{
	struct rdb_summary sum;

	rdb_reader_summary(call->reader, &sum);
	return sum.size == 0 &&
	    (why->kind == ERR_UNSUPPORTED || why->kind == ERR_AUTH);
}

static int
either_dump(struct source *s, const struct scope *scope,
    const struct source_call *call, struct sink *sink,
    struct source_facts *facts, struct err *err)
{
	struct source_either *e = (struct source_either *)s;
	struct err why = {0};

	e->ops.way = e->first->ops->way;
	if (e->first->ops->dump(e->first, scope, call, sink, facts, &why) == 0)
		return 0;
	if (!may_try_another(call, &why)) {
		*err = why;
		return -1;
	}
	progress_note(call->env->progress, STEP_SNAPSHOT,
	    "by '%s', since '%s' does not work here: %.300s",
	    e->second->ops->way, e->first->ops->way, why.text);
	e->ops.way = e->second->ops->way;
	return e->second->ops->dump(e->second, scope, call, sink, facts, err);
}

/* Each shard is read in the way that works there. */
static struct source *
either_of_shard(const struct source *s, const struct redis_target *server)
{
	const struct source_either *e = (const struct source_either *)s;

	return source_either_new(e->first->ops->of_shard(e->first, server),
	    e->second->ops->of_shard(e->second, server));
}

static void
either_free(struct source *s)
{
	struct source_either *e = (struct source_either *)s;

	source_free(e->first);
	source_free(e->second);
	free(s->shown);
	free(e);
}

struct source *
source_either_new(struct source *take_first, struct source *take_second)
{
	struct source_either *e = xcalloc(1, sizeof(*e));

	e->ops = (struct source_ops){
	    .way = take_first->ops->way,
	    .cost = either_cost,
	    .dump = either_dump,
	    .of_shard = take_first->ops->of_shard != NULL &&
		    take_second->ops->of_shard != NULL
		? either_of_shard
		: NULL,
	    .free = either_free,
	};
	e->source.ops = &e->ops;
	e->source.shown = xstrdup(take_first->shown);
	e->source.target = take_first->target;
	e->source.redis = take_first->redis;
	e->first = take_first;
	e->second = take_second;
	return &e->source;
}

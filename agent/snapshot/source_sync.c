#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "rdb/redis_conn.h"
#include "rdb/sync_client.h"

#include "agent/snapshot/env.h"
#include "agent/snapshot/progress.h"
#include "agent/snapshot/source.h"

struct source_sync {
	struct source source;
	const struct redis_target *target;
	const struct redis_opts *redis;
};

static void
advance(void *arg, uint64_t done, uint64_t total)
{
	progress_advance(arg, STEP_SNAPSHOT, done, total);
}

static int
sync_source_dump(struct source *s, const struct scope *scope,
    const struct snapshot_env *env, struct rdb_reader *reader,
    struct sink *sink, struct source_facts *facts, struct err *err)
{
	struct source_sync *ss = (struct source_sync *)s;
	struct sync_facts sync = {0};
	struct sync_opts opts = {
	    .budget = env->budget,
	    .reader = reader,
	    .progress = advance,
	    .progress_arg = env->progress,
	};

	if (sync_dump(ss->target, ss->redis, scope, &opts, sink, &sync, err) !=
	    0)
		return -1;
	memset(facts, 0, sizeof(*facts));
	snprintf(facts->server, sizeof(facts->server), "%s", sync.server);
	snprintf(facts->host, sizeof(facts->host), "%s", sync.host);
	snprintf(facts->replid, sizeof(facts->replid), "%s", sync.replid);
	facts->offset = sync.offset;
	facts->consistent = true;
	facts->point_ms = sync.forked_ms;
	facts->child_ms = sync.last_byte_ms - sync.forked_ms;
	facts->unverified = sync.unverified;
	return 0;
}

static void
sync_source_free(struct source *s)
{
	free(s->shown);
	free(s);
}

static const struct source_ops sync_source_ops = {
    .way = "sync",
    .dump = sync_source_dump,
    .free = sync_source_free,
};

struct source *
source_sync_new(
    const struct redis_target *target, const struct redis_opts *redis)
{
	struct source_sync *ss = xcalloc(1, sizeof(*ss));

	ss->source.ops = &sync_source_ops;
	ss->source.shown = xstrdup(target->shown);
	ss->target = target;
	ss->redis = redis;
	return &ss->source;
}

void
source_free(struct source *s)
{
	if (s != NULL)
		s->ops->free(s);
}

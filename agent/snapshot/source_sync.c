#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/rdb_compat.h"
#include "rdb/rdb_reader.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_profile.h"
#include "rdb/redis_info.h"
#include "rdb/sync_client.h"

#include "agent/snapshot/dump_aux.h"
#include "agent/snapshot/env.h"
#include "agent/snapshot/progress.h"
#include "agent/snapshot/source.h"
#include "agent/snapshot/source_again.h"

/* The one that is being read into, and some to let the reader run ahead. */
#define READ_CHUNKS 4

#define AFTERWARDS_MS 10000

/* The sources that are left, in the order in which they are to be tried. */
#define NEXT_SOURCES \
	"read it key by key, if a snapshot need be no point in time " \
	"(--allow-inconsistent yes), or let it export an RDB file and read " \
	"that (--source-file)"

struct source_sync {
	struct source source;
	struct dump_aux aux;
	struct source_sync_opts opts;
	struct progress *progress;
};

static void
advance(void *arg, uint64_t done, uint64_t total, bool about)
{
	if (about)
		progress_about(arg, STEP_SNAPSHOT, done, total);
	else
		progress_advance(arg, STEP_SNAPSHOT, done, total);
}

/* A Valkey that cannot write it ends the connection, when it has forked. */
static int
check_compat(const struct source_sync *ss, const struct redis_info *info,
    struct err *err)
{
	const struct rdb_compat *compat = ss->opts.compat;

	if (compat == NULL || compat->most == 0 || info->fields_expire == 0)
		return 0;
	return err_set(err, ERR_UNSUPPORTED,
	    "rdb_compat is '%s', for which no fields of hashes that expire can "
	    "be written, and the source has %" PRIu64 " keys with such fields",
	    compat->name, info->fields_expire);
}

static int
admit(void *arg, struct redis_conn *conn, const struct redis_info *info,
    const struct scope *scope, struct err *err)
{
	const struct source_sync *ss = arg;

	if (check_compat(ss, info, err) != 0)
		return -1;
	return source_guard_admit(
	    &ss->opts.guard, conn, info, scope, ss->progress, err);
}

/*
 * Worth having, and no reason to fail: the dump is what counts.  Asked after
 * it, so that nothing delays the dump.
 */
static void
ask_afterwards(struct source_sync *ss, const struct fork_mark *before,
    const struct scope *scope, struct source_facts *facts)
{
	struct scope brief = scope_within(scope, AFTERWARDS_MS);
	struct redis_conn *conn = source_connect_again(
	    ss->source.target, ss->source.redis, facts->host, &brief);
	struct err ignored = {0};

	facts->cow_bytes = -1;
	if (conn == NULL)
		return;
	facts->cow_bytes = fork_cost_get(conn, before, &brief);
	facts->profile = redis_profile_take(conn, &brief, &ignored);
	redis_conn_free(conn);
}

/* What the source did otherwise than one may wish. */
static void
tell(const struct source_sync *ss, const struct sync_facts *sync,
    const struct rdb_reader *reader)
{
	const struct rdb_compat *compat = ss->opts.compat;
	struct rdb_summary sum;

	if (!sync->diskless)
		progress_note(ss->progress, STEP_SNAPSHOT,
		    "the source wrote its own dump file for it, replacing the "
		    "one that was there; with repl-diskless-sync set to 'yes' "
		    "it would not");
	rdb_reader_summary(reader, &sum);
	if (compat != NULL && compat->most > 0 && sum.version > compat->most)
		progress_note(ss->progress, STEP_SNAPSHOT,
		    "the dump is of RDB version %d, over the %d of '%s': this "
		    "server writes it for everybody",
		    sum.version, compat->most, compat->name);
}

static size_t
sync_source_cost(const struct source *s, const struct source_call *call)
{
	(void)s;
	return (READ_CHUNKS + call->held) * CHUNK_SIZE;
}

static int
sync_source_dump(struct source *s, const struct scope *scope,
    const struct source_call *call, struct sink *sink,
    struct source_facts *facts, struct err *err)
{
	struct source_sync *ss = (struct source_sync *)s;
	struct sync_facts sync = {0};
	struct sync_opts opts = {
	    .reader = call->reader,
	    .progress = advance,
	    .progress_arg = call->env->progress,
	    .instead = ss->opts.instead != NULL ? ss->opts.instead
						: NEXT_SOURCES,
	    .compat = ss->opts.compat,
	    .admit = admit,
	    .admit_arg = ss,
	};
	int rc;

	ss->progress = call->env->progress;
	rdb_reader_add(call->reader, &ss->aux.visitor);
	opts.budget = budget_carve(
	    call->env->budget, sync_source_cost(s, call), err);
	if (opts.budget == NULL)
		return -1;
	rc = sync_dump(s->target, s->redis, scope, &opts, sink, &sync, err);
	budget_free(opts.budget);
	if (rc != 0)
		return -1;
	memset(facts, 0, sizeof(*facts));
	if (sync.version[0] != '\0')
		snprintf(facts->server, sizeof(facts->server), "%s %s",
		    sync.valkey ? "valkey" : "redis", sync.version);
	snprintf(facts->host, sizeof(facts->host), "%s", sync.host);
	snprintf(facts->replid, sizeof(facts->replid), "%s", sync.replid);
	facts->offset = sync.offset;
	facts->consistent = true;
	facts->point_ms = sync.forked_ms;
	/* A save that was already going on is older than our request; the
	 * dump tells its time to the second below. */
	if (ss->aux.made_ms > 0 && ss->aux.made_ms + 1000 <= facts->point_ms)
		facts->point_ms = ss->aux.made_ms;
	facts->child_ms = sync.last_byte_ms - facts->point_ms;
	facts->diskless = sync.diskless;
	facts->unverified = sync.unverified;
	if (sync.unverified)
		snprintf(facts->note, sizeof(facts->note), "%.199s",
		    sync.unverified_why);
	tell(ss, &sync, call->reader);
	ask_afterwards(ss, &sync.before, scope, facts);
	return 0;
}

static struct source *
sync_source_of_shard(const struct source *s, const struct redis_target *server)
{
	const struct source_sync *ss = (const struct source_sync *)s;

	return source_sync_new(server, s->redis, &ss->opts);
}

static void
sync_source_free(struct source *s)
{
	free(s->shown);
	free(s);
}

static const struct source_ops sync_source_ops = {
    .way = "sync",
    .cost = sync_source_cost,
    .dump = sync_source_dump,
    .of_shard = sync_source_of_shard,
    .free = sync_source_free,
};

struct source *
source_sync_new(const struct redis_target *target,
    const struct redis_opts *redis, const struct source_sync_opts *opts)
{
	static const struct source_sync_opts none = {
	    .guard = {.policy = PROTECT_OFF}};
	struct source_sync *ss = xcalloc(1, sizeof(*ss));

	ss->source.ops = &sync_source_ops;
	dump_aux_init(&ss->aux);
	ss->source.shown = xstrdup(target->shown);
	ss->source.target = target;
	ss->source.redis = redis;
	ss->opts = opts != NULL ? *opts : none;
	return &ss->source;
}

void
source_free(struct source *s)
{
	if (s != NULL)
		s->ops->free(s);
}

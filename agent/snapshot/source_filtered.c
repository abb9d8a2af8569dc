#include "base/budget.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/flow.h"
#include "base/relay.h"
#include "base/scope.h"
#include "base/sink.h"
#include "rdb/rdb_filter.h"
#include "rdb/rdb_reader.h"

#include "agent/snapshot/env.h"
#include "agent/snapshot/reader_tap.h"
#include "agent/snapshot/half_watch.h"
#include "agent/snapshot/source.h"
#include "agent/snapshot/source_filtered.h"

/* The one that is being written, and those that the sink keeps. */
static size_t
part_cost(const struct source_call *call)
{
	return (1 + call->held) * CHUNK_SIZE;
}

/* What is read is kept by nobody. */
static struct source_call
whole_call(const struct source_call *part, struct rdb_reader *reader,
    const struct key_filter *filter)
{
	return (struct source_call){
	    .env = part->env, .reader = reader, .filter = filter};
}

size_t
source_filtered_cost(const struct source *s, const struct source_call *call)
{
	struct source_call whole = whole_call(call, call->reader, NULL);

	return s->ops->cost(s, &whole) + part_cost(call);
}

/* Before the end of the part is written, that of the whole is proved. */
static int
dump_whole(struct source *s, const struct scope *scope,
    const struct source_call *call, struct source_facts *facts, struct err *err)
{
	struct sink *nowhere = null_sink_new();
	int rc = s->ops->dump(s, scope, call, nowhere, facts, err);

	sink_free(nowhere);
	if (rc != 0)
		return -1;
	if (facts->unverified)
		return err_set(err, ERR_UNSUPPORTED,
		    "its RDB version is newer than this drsync reads, and "
		    "what cannot be read cannot be filtered; without a filter "
		    "it is kept, unverified");
	return rdb_reader_finish(call->reader, err);
}

int
source_filtered_dump(struct source *s, const struct key_filter *filter,
    const struct scope *scope, const struct source_call *call,
    struct sink *sink, struct source_facts *facts,
    struct rdb_left_out *left_out, struct err *err)
{
	struct rdb_reader *reader = rdb_reader_new();
	struct source_call whole = whole_call(call, reader, filter);
	struct rdb_filter_opts opts = {
	    .filter = filter,
	    .at_ms = scope_wall_ms(scope),
	};
	struct flow *flow = flow_new(scope);
	struct rdb_filter *part = NULL;
	int rc = -1;

	opts.budget = budget_carve(call->env->budget, part_cost(call), err);
	if (opts.budget == NULL ||
	    flow_append(flow, reader_tap_new(call->reader, false)) != 0 ||
	    flow_append(flow, relay_new(sink)) != 0)
		goto out;
	part = rdb_filter_new(flow_head(flow), flow_scope(flow), &opts);
	rdb_reader_add(reader, rdb_filter_visitor(part));
	half_watch_add(reader);
	if (dump_whole(s, flow_scope(flow), &whole, facts, err) != 0 ||
	    rdb_filter_finish(part, err) != 0 ||
	    sink_finish(flow_head(flow), err) != 0) {
		flow_failed(flow, err);
		goto out;
	}
	*left_out = *rdb_filter_left_out(part);
	left_out->keys += facts->left_out;
	rc = 0;
out:
	rdb_reader_free(reader);
	rdb_filter_free(part);
	flow_free(flow);
	budget_free(opts.budget);
	return rc;
}

#include <stdio.h>
#include <stdlib.h>

#include "base/chunk.h"
#include "base/err.h"
#include "base/json.h"
#include "base/flow.h"
#include "base/relay.h"
#include "base/scope.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "rdb/rdb_reader.h"
#include "storage/blob_reader.h"
#include "storage/lanes.h"

#include "agent/snapshot/dump_aux.h"
#include "agent/snapshot/env.h"
#include "agent/snapshot/progress.h"
#include "agent/snapshot/reader_tap.h"
#include "agent/snapshot/source_blob.h"

#define SNIFF_BYTES	  8
#define IN_FLIGHT_DEFAULT 4

struct source_blob {
	struct source source;
	const struct dump_blob *blob;
	struct dump_aux aux;
};

int
dump_blob_sniff(struct dump_blob *b, const struct scope *scope, struct err *err)
{
	unsigned char head[SNIFF_BYTES];
	size_t n = b->props.size < sizeof(head) ? (size_t)b->props.size
						: sizeof(head);

	b->codec = CODEC_NONE;
	if (b->store->ops->read(
		b->store, scope, b->name, b->props.etag, 0, head, n, err) != 0)
		return err_in(err, "'%.200s'", b->name);
	if (n > 0)
		b->codec = codec_sniff(head, n);
	return 0;
}

static struct codec_opts
decoder_opts(const struct source_call *call)
{
	return (struct codec_opts){
	    .pool = call->env->pool,
	    .budget = call->env->budget,
	    .held = call->held,
	};
}

/* A plain dump's ranges are passed on as they are: chunks of the usual size. */
static struct lanes
read_lanes(const struct source_call *call)
{
	return (struct lanes){
	    .n = call->env->in_flight != 0 ? call->env->in_flight
					   : IN_FLIGHT_DEFAULT,
	    .size = CHUNK_SIZE,
	};
}

static size_t
blob_cost(const struct source *s, const struct source_call *call)
{
	const struct source_blob *b = (const struct source_blob *)s;
	const struct codec_opts codec = decoder_opts(call);
	const struct lanes lanes = read_lanes(call);

	return lanes_cost(&lanes) + decoder_cost(b->blob->codec, &codec);
}

struct shown_progress {
	struct progress *progress;
	uint64_t total;
};

static void
advance(void *arg, uint64_t done)
{
	const struct shown_progress *p = arg;

	progress_advance(p->progress, STEP_SNAPSHOT, done, p->total);
}

static int
pump(const struct source_blob *b, const struct source_call *call,
    struct flow *flow, struct err *err)
{
	const struct dump_blob *blob = b->blob;
	const struct lanes lanes = read_lanes(call);
	struct shown_progress shown = {call->env->progress, blob->props.size};
	const struct blob_reader_opts opts = {
	    .range_size = lanes.size,
	    .in_flight = lanes.n,
	    .budget = call->env->budget,
	    .progress = advance,
	    .progress_arg = &shown,
	};

	if (blob_read(blob->store, blob->name, blob->props.etag, 0,
		blob->props.size, flow_scope(flow), &opts, flow_head(flow),
		err) != 0 ||
	    sink_finish(flow_head(flow), err) != 0)
		return flow_failed(flow, err);
	return 0;
}

/* With what the dump says of its server's memory. */
static cJSON *
profile_of(const struct dump_blob *b, const struct dump_aux *aux)
{
	cJSON *profile = b->facts.profile != NULL
	    ? cJSON_Duplicate(b->facts.profile, true)
	    : NULL;

	if (aux->used_memory <= 0)
		return profile;
	if (profile == NULL)
		profile = cJSON_CreateObject();
	json_add_int(profile, "used_memory", aux->used_memory);
	return profile;
}

void
dump_blob_facts(const struct dump_blob *b, const struct dump_aux *aux,
    bool newer, int64_t read_ms, struct source_facts *facts)
{
	*facts = b->facts;
	if (aux->server[0] != '\0')
		snprintf(
		    facts->server, sizeof(facts->server), "%s", aux->server);
	if (aux->made_ms > facts->point_ms && aux->made_ms <= read_ms)
		facts->point_ms = aux->made_ms;
	facts->unverified = newer;
	facts->profile = profile_of(b, aux);
}

static int
blob_dump(struct source *s, const struct scope *scope,
    const struct source_call *call, struct sink *sink,
    struct source_facts *facts, struct err *err)
{
	struct source_blob *b = (struct source_blob *)s;
	const struct codec_opts codec = decoder_opts(call);
	struct flow *flow = flow_new(scope);
	int rc = -1;

	rdb_reader_add(call->reader, &b->aux.visitor);
	if (b->blob->visitor != NULL)
		rdb_reader_add(call->reader, b->blob->visitor);
	if (flow_append(flow,
		decoder_new(b->blob->codec, flow_scope(flow), &codec, err)) ==
		0 &&
	    flow_append(flow, reader_tap_new(call->reader, true)) == 0 &&
	    flow_append(flow, relay_new(sink)) == 0)
		rc = pump(b, call, flow, err);
	if (rc == 0)
		dump_blob_facts(b->blob, &b->aux, reader_newer(call->reader),
		    scope_wall_ms(scope), facts);
	flow_free(flow);
	return rc != 0 ? err_in(err, "'%.200s'", b->blob->name) : 0;
}

static void
blob_free(struct source *s)
{
	free(s->shown);
	free(s);
}

static const struct source_ops blob_ops = {
    .way = SOURCE_BLOB_WAY,
    .cost = blob_cost,
    .dump = blob_dump,
    .free = blob_free,
};

struct source *
source_blob_new(const struct dump_blob *blob)
{
	struct source_blob *b = xcalloc(1, sizeof(*b));

	b->source.ops = &blob_ops;
	b->source.shown = xstrdup(blob->shown);
	b->blob = blob;
	dump_aux_init(&b->aux);
	return &b->source;
}

/*
 * bench_chain [DUMP]: the chain of a snapshot from memory, all on one thread
 * against the pool and a handoff: parse, count, fingerprint, digest, compress
 * and digest again.  Without a dump, compress and digest alone, on MIB
 * (default 256) of text.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/budget.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/flow.h"
#include "base/handoff.h"
#include "base/pool.h"
#include "base/relay.h"
#include "base/scope.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "rdb/fingerprint.h"
#include "rdb/keystats.h"
#include "rdb/rdb_reader.h"
#include "storage/codec.h"
#include "storage/digest_tap.h"
#include "agent/snapshot/reader_tap.h"
#include "tests/sim/catcher.h"

#define RUNS  5
#define DEPTH 4

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static _Noreturn void
die(const struct err *err)
{
	fprintf(stderr, "bench_chain: %s\n", err->text);
	exit(1);
}

struct result {
	double seconds;
	uint64_t coded;
};

struct input {
	unsigned char *data;
	size_t len;
	bool dump;
};

/* What a snapshot proves while it reads. */
struct proofs {
	struct rdb_reader *reader;
	struct keystats *stats;
	struct fingerprint *fingerprint;
};

static void
proofs_init(struct proofs *p)
{
	static const struct keystats_opts counts_only;

	p->reader = rdb_reader_new();
	p->stats = keystats_new(&counts_only);
	p->fingerprint = fingerprint_new(0);
	rdb_reader_add(p->reader, keystats_visitor(p->stats));
	rdb_reader_add(p->reader, fingerprint_visitor(p->fingerprint));
}

static void
proofs_release(struct proofs *p)
{
	rdb_reader_free(p->reader);
	keystats_free(p->stats);
	fingerprint_free(p->fingerprint);
}

static void
append(struct flow *flow, struct sink *stage, const struct err *err)
{
	if (flow_append(flow, stage) != 0)
		die(err);
}

/* One pass through (parsing,) (handoff,) digest, encoder, digest. */
static struct result
pass(enum codec codec, const struct codec_opts *opts, const struct input *in)
{
	struct scope scope = scope_root(NULL);
	struct flow *flow = flow_new(&scope);
	unsigned char sha[SHA256_BYTES];
	struct sink *tap = digest_tap_new();
	struct proofs proofs;
	struct result r;
	struct err err = {0};

	proofs_init(&proofs);
	if (in->dump)
		append(flow, reader_tap_new(proofs.reader, false), &err);
	if (opts->pool != NULL)
		append(flow, handoff_new(flow_scope(flow), DEPTH, &err), &err);
	append(flow, digest_tap_new(), &err);
	append(flow, encoder_new(codec, flow_scope(flow), opts, &err), &err);
	append(flow, tap, &err);
	append(flow, null_sink_new(), &err);
	r.seconds = seconds();
	if (write_steps(flow_head(flow), in->data, in->len, CHUNK_SIZE, &err) !=
		0 ||
	    sink_finish(flow_head(flow), &err) != 0)
		die(&err);
	r.seconds = seconds() - r.seconds;
	digest_tap_get(tap, sha, &r.coded);
	flow_free(flow);
	proofs_release(&proofs);
	return r;
}

static int
by_seconds(const void *a, const void *b)
{
	double x = ((const struct result *)a)->seconds;
	double y = ((const struct result *)b)->seconds;

	return (x > y) - (x < y);
}

/* Both forms by turns, so that what else runs here slows both. */
static void
measure(enum codec codec, struct codec_opts *opts, struct pool *pool,
    const struct input *in)
{
	struct result one[RUNS], many[RUNS];
	const struct result *a = &one[RUNS / 2], *b = &many[RUNS / 2];

	for (unsigned i = 0; i < RUNS; i++) {
		opts->pool = NULL;
		one[i] = pass(codec, opts, in);
		opts->pool = pool;
		many[i] = pass(codec, opts, in);
	}
	qsort(one, RUNS, sizeof(one[0]), by_seconds);
	qsort(many, RUNS, sizeof(many[0]), by_seconds);
	printf("%-5s %5d %6.0f MB/s %6.0f MB/s %7.2f  %5.3f\n",
	    codec_name(codec), opts->level, (double)in->len / 1e6 / a->seconds,
	    (double)in->len / 1e6 / b->seconds, a->seconds / b->seconds,
	    (double)b->coded / (double)in->len);
}

static void
make_text(struct input *in)
{
	const char *mib = getenv("MIB");

	in->len = (size_t)(mib ? atoi(mib) : 256) << 20;
	in->data = xmalloc(in->len);
	fill_text(in->data, in->len, 1);
}

static void
read_dump(struct input *in, const char *path)
{
	FILE *f = fopen(path, "rb");

	if (f == NULL || fseek(f, 0, SEEK_END) != 0) {
		perror(path);
		exit(1);
	}
	in->len = (size_t)ftell(f);
	in->data = xmalloc(in->len + 1);
	in->dump = true;
	rewind(f);
	if (fread(in->data, 1, in->len, f) != in->len) {
		perror(path);
		exit(1);
	}
	fclose(f);
}

int
main(int argc, char **argv)
{
	static const struct {
		enum codec codec;
		int level;
	} rows[] = {
	    {CODEC_GZIP, CODEC_LEVEL_FAST}, {CODEC_ZSTD, CODEC_LEVEL_FAST}};
	struct input in = {0};
	struct err err = {0};
	struct pool *pool = pool_new(0, &err);
	struct codec_opts opts = {
	    .budget = budget_new(BUDGET_DEFAULT),
	    .held = DEPTH + 1,
	};

	if (pool == NULL)
		die(&err);
	if (argc > 1)
		read_dump(&in, argv[1]);
	else
		make_text(&in);
	printf("%s%zu MiB from memory, %u threads in the pool, medians of %d\n",
	    in.dump ? "parse, fingerprint, digest, compress, digest: " : "",
	    in.len >> 20, pool_threads(pool), RUNS);
	printf("codec level   inline     pooled   speedup  ratio\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		opts.level = rows[i].level;
		measure(rows[i].codec, &opts, pool, &in);
	}
	pool_free(pool);
	budget_free(opts.budget);
	free(in.data);
	return 0;
}

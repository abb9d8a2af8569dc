/*
 * bench_chain: compress and digest from memory, all on one thread against the
 * pool and a handoff.  MIB sets the size of the data (default 256).
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
#include "base/scope.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "storage/codec.h"
#include "storage/digest_tap.h"
#include "tests/sim/catcher.h"

#define RUNS  5
#define DEPTH 4

static int
drop_write(struct sink *s, struct chunk *c, struct err *err)
{
	(void)s;
	(void)c;
	(void)err;
	return 0;
}

static int
drop_finish(struct sink *s, struct err *err)
{
	(void)s;
	(void)err;
	return 0;
}

static void
drop_free(struct sink *s)
{
	(void)s;
}

static const struct sink_ops drop_ops = {
    .name = "drop",
    .write = drop_write,
    .finish = drop_finish,
    .free = drop_free,
};

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

/* One pass of data through encoder, (handoff,) digest. */
static struct result
pass(enum codec codec, const struct codec_opts *opts, bool threads,
    const unsigned char *data, size_t len)
{
	struct scope scope = scope_root(NULL);
	struct flow *flow = flow_new(&scope);
	struct sink drop = {.ops = &drop_ops};
	unsigned char sha[SHA256_BYTES];
	struct sink *tap = digest_tap_new();
	struct result r;
	struct err err = {0};

	if (flow_append(
		flow, encoder_new(codec, flow_scope(flow), opts, &err)) != 0)
		die(&err);
	if (threads &&
	    flow_append(flow, handoff_new(flow_scope(flow), DEPTH, &err)) != 0)
		die(&err);
	flow_append(flow, tap);
	flow_append(flow, &drop);
	r.seconds = seconds();
	if (write_steps(flow_head(flow), data, len, CHUNK_SIZE, &err) != 0 ||
	    sink_finish(flow_head(flow), &err) != 0)
		die(&err);
	r.seconds = seconds() - r.seconds;
	digest_tap_get(tap, sha, &r.coded);
	flow_free(flow);
	return r;
}

static int
by_seconds(const void *a, const void *b)
{
	double x = ((const struct result *)a)->seconds;
	double y = ((const struct result *)b)->seconds;

	return (x > y) - (x < y);
}

static struct result
median(enum codec codec, const struct codec_opts *opts, bool threads,
    const unsigned char *data, size_t len)
{
	struct result r[RUNS];

	for (unsigned i = 0; i < RUNS; i++)
		r[i] = pass(codec, opts, threads, data, len);
	qsort(r, RUNS, sizeof(r[0]), by_seconds);
	return r[RUNS / 2];
}

int
main(void)
{
	static const struct {
		enum codec codec;
		int level;
	} rows[] = {{CODEC_NONE, 0}, {CODEC_GZIP, CODEC_LEVEL_FAST},
	    {CODEC_GZIP, 1}, {CODEC_ZSTD, CODEC_LEVEL_FAST}};
	const char *mib = getenv("MIB");
	size_t len = (size_t)(mib ? atoi(mib) : 256) << 20;
	unsigned char *data = xmalloc(len);
	struct err err = {0};
	struct pool *pool = pool_new(0, &err);
	struct codec_opts opts = {
	    .budget = budget_new(BUDGET_DEFAULT),
	    .held = DEPTH + 1,
	};

	if (pool == NULL)
		die(&err);
	fill_text(data, len, 1);
	printf("%zu MiB from memory, %u threads in the pool, medians of %d\n",
	    len >> 20, pool_threads(pool), RUNS);
	printf("codec level   inline     pooled   speedup  ratio\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct result one, many;

		opts.level = rows[i].level;
		opts.pool = NULL;
		one = median(rows[i].codec, &opts, false, data, len);
		opts.pool = pool;
		many = median(rows[i].codec, &opts, true, data, len);
		printf("%-5s %5d %6.0f MB/s %6.0f MB/s %7.2f  %5.3f\n",
		    codec_name(rows[i].codec), rows[i].level,
		    (double)len / 1e6 / one.seconds,
		    (double)len / 1e6 / many.seconds,
		    one.seconds / many.seconds,
		    (double)many.coded / (double)len);
	}
	pool_free(pool);
	budget_free(opts.budget);
	free(data);
	return 0;
}

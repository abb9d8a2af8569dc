#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/budget.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/flow.h"
#include "base/relay.h"
#include "base/scope.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "rdb/rdb_reader.h"
#include "storage/codec.h"

#include "agent/snapshot/dump_aux.h"
#include "agent/snapshot/env.h"
#include "agent/snapshot/progress.h"
#include "agent/snapshot/reader_tap.h"
#include "agent/snapshot/source.h"

#define SNIFF_BYTES 8
#define READ_CHUNKS 2

struct source_file {
	struct source source;
	struct dump_aux aux;
};

static int
open_file(const char *path, int *fd, struct stat *st, struct err *err)
{
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	if (*fd < 0 || fstat(*fd, st) != 0) {
		err_sys(err, "opening it");
		if (errno == ENOENT)
			err->kind = ERR_MISSING;
		return -1;
	}
	if (!S_ISREG(st->st_mode))
		return err_set(err, ERR_USAGE, "it is no file");
	return 0;
}

static enum codec
sniff(int fd)
{
	unsigned char head[SNIFF_BYTES];
	ssize_t n = pread(fd, head, sizeof(head), 0);

	return n > 0 ? codec_sniff(head, (size_t)n) : CODEC_NONE;
}

static struct chunk *
read_chunk(
    int fd, struct budget *budget, const struct scope *scope, struct err *err)
{
	struct chunk *c = chunk_new(budget, CHUNK_SIZE, scope, err);
	ssize_t n;

	if (c == NULL)
		return NULL;
	do
		n = read(fd, chunk_room(c), CHUNK_SIZE);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		err_sys(err, "reading");
		chunk_unref(c);
		return NULL;
	}
	chunk_set_len(c, (size_t)n);
	return c;
}

static int
pump(int fd, uint64_t size, struct flow *flow, struct budget *budget,
    struct progress *progress, struct err *err)
{
	uint64_t done = 0;
	struct chunk *c;
	size_t len;
	int rc;

	do {
		if (scope_check(flow_scope(flow), err) != 0)
			return flow_failed(flow, err);
		c = read_chunk(fd, budget, flow_scope(flow), err);
		if (c == NULL)
			return flow_failed(flow, err);
		len = c->len;
		rc = len > 0 ? sink_write(flow_head(flow), c, err) : 0;
		chunk_unref(c);
		if (rc != 0)
			return flow_failed(flow, err);
		done += len;
		progress_advance(progress, STEP_SNAPSHOT, done, size);
	} while (len > 0);
	if (sink_finish(flow_head(flow), err) != 0)
		return flow_failed(flow, err);
	return 0;
}

/* What is read, which is passed on as it is when it needs no decoder. */
static size_t
read_cost(const struct source_call *call)
{
	return (READ_CHUNKS + call->held) * CHUNK_SIZE;
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

/* Zstandard takes the most: its window. */
static size_t
file_cost(const struct source *s, const struct source_call *call)
{
	const struct codec_opts codec = decoder_opts(call);

	(void)s;
	return read_cost(call) + decoder_cost(CODEC_ZSTD, &codec);
}

static int
file_dump(struct source *s, const struct scope *scope,
    const struct source_call *call, struct sink *sink,
    struct source_facts *facts, struct err *err)
{
	struct source_file *f = (struct source_file *)s;
	const struct snapshot_env *env = call->env;
	const struct codec_opts codec = decoder_opts(call);
	struct budget *budget = NULL;
	struct flow *flow = flow_new(scope);
	struct stat st;
	int fd = -1, rc = -1;

	rdb_reader_add(call->reader, &f->aux.visitor);
	if (open_file(s->shown, &fd, &st, err) != 0)
		goto out;
	budget = budget_carve(env->budget, read_cost(call), err);
	if (budget == NULL ||
	    flow_append(flow,
		decoder_new(sniff(fd), flow_scope(flow), &codec, err)) != 0 ||
	    flow_append(flow, reader_tap_new(call->reader, true)) != 0 ||
	    flow_append(flow, relay_new(sink)) != 0)
		goto out;
	rc = pump(fd, (uint64_t)st.st_size, flow, budget, env->progress, err);
	memset(facts, 0, sizeof(*facts));
	snprintf(facts->server, sizeof(facts->server), "%s", f->aux.server);
	facts->offset = facts->cow_bytes = -1;
	facts->diskless = true;
	facts->consistent = true;
	facts->point_ms = f->aux.made_ms > 0
	    ? f->aux.made_ms
	    : (int64_t)st.st_mtim.tv_sec * 1000;
	facts->unverified = reader_newer(call->reader);
out:
	flow_free(flow);
	budget_free(budget);
	if (fd >= 0)
		close(fd);
	return rc;
}

static void
file_free(struct source *s)
{
	free(s->shown);
	free(s);
}

static const struct source_ops file_ops = {
    .way = "file",
    .cost = file_cost,
    .dump = file_dump,
    .free = file_free,
};

struct source *
source_file_new(const char *path)
{
	struct source_file *f = xcalloc(1, sizeof(*f));

	f->source.ops = &file_ops;
	f->source.shown = xstrdup(path);
	dump_aux_init(&f->aux);
	return &f->source;
}

#include <stdlib.h>

#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_info.h"
#include "rdb/redis_primary.h"
#include "rdb/restore_command.h"
#include "rdb/restore_pipe.h"

#include "rdb/restore_pipes.h"

#define BATCH_BYTES ((size_t)128 << 10)

/* A server's `timeout` is a second at least. */
#define SILENT_MS 500

struct restore_pipes {
	const struct scope *scope;
	struct redis_info info;
	struct redis_conn *first; /* pipe 0's */
	struct restore_pipe **pipes;
	int64_t *spoken_ms; /* when each had something to say */
	int64_t tended_ms;
	unsigned n, turn;
	size_t window;
};

static int
open_all(struct restore_pipes *p, const struct redis_target *target,
    const struct redis_opts *opts, unsigned n, struct err *err)
{
	size_t host;

	p->first = redis_primary_connect(
	    target, opts, p->scope, &p->info, &host, err);
	if (p->first == NULL)
		return -1;
	p->pipes[p->n++] = restore_pipe_new(p->first);
	while (p->n < n) {
		struct redis_conn *c = redis_connect(
		    &target->hosts[host], target->user, opts, p->scope, err);

		if (c == NULL)
			return -1;
		p->pipes[p->n++] = restore_pipe_new(c);
	}
	return 0;
}

struct restore_pipes *
restore_pipes_new(const struct redis_target *target,
    const struct redis_opts *opts, const struct scope *scope, unsigned n,
    size_t window, struct err *err)
{
	struct restore_pipes *p = xcalloc(1, sizeof(*p));

	p->pipes = xcalloc(n, sizeof(*p->pipes));
	p->spoken_ms = xcalloc(n, sizeof(*p->spoken_ms));
	p->scope = scope;
	p->window = window;
	if (open_all(p, target, opts, n, err) == 0)
		return p;
	restore_pipes_free(p);
	return NULL;
}

void
restore_pipes_free(struct restore_pipes *p)
{
	if (p == NULL)
		return;
	for (unsigned i = 0; i < p->n; i++)
		restore_pipe_free(p->pipes[i]);
	free(p->pipes);
	free(p->spoken_ms);
	free(p);
}

const struct redis_info *
restore_pipes_info(const struct restore_pipes *p)
{
	return &p->info;
}

struct redis_conn *
restore_pipes_conn(struct restore_pipes *p)
{
	return p->first;
}

struct restore_pipe *
restore_pipes_take(
    struct restore_pipes *p, uint32_t db, unsigned *number, struct err *err)
{
	struct restore_pipe *pipe = p->pipes[p->turn];

	*number = p->turn;
	if (restore_pipe_select(pipe, p->scope, db, err) != 0)
		return NULL;
	return pipe;
}

int
restore_pipes_turn(struct restore_pipes *p, struct err *err)
{
	struct restore_pipe *pipe = p->pipes[p->turn];

	if (restore_pipe_unsent(pipe) < BATCH_BYTES)
		return 0;
	p->spoken_ms[p->turn] = scope_mono_ms(p->scope);
	p->turn = (p->turn + 1) % p->n;
	if (restore_pipe_flush(pipe, p->scope, err) != 0)
		return -1;
	if (restore_pipe_unanswered(pipe) <= p->window)
		return 0;
	return restore_pipe_keep(pipe, p->scope, p->window / 2, err);
}

int
restore_pipes_tend(struct restore_pipes *p, bool busy, struct err *err)
{
	int64_t now_ms = scope_mono_ms(p->scope);

	if (now_ms - p->tended_ms < SILENT_MS)
		return 0;
	p->tended_ms = now_ms;
	for (unsigned i = 0; i < p->n; i++) {
		if (now_ms - p->spoken_ms[i] < SILENT_MS ||
		    (busy && i == p->turn))
			continue;
		p->spoken_ms[i] = now_ms;
		if (restore_pipe_ping(p->pipes[i], p->scope, err) != 0)
			return -1;
	}
	return 0;
}

int
restore_pipes_put(
    struct restore_pipes *p, const struct restore_command *c, struct err *err)
{
	struct restore_pipe *pipe = p->pipes[p->turn];

	if (c->subject.what == RESTORE_KEY &&
	    restore_pipe_select(pipe, p->scope, c->subject.db, err) != 0)
		return -1;
	if (restore_pipe_put(pipe, p->scope, c, err) != 0)
		return -1;
	return restore_pipes_turn(p, err);
}

int
restore_pipes_finish(
    struct restore_pipes *p, struct restore_pipes_sums *sums, struct err *err)
{
	*sums = (struct restore_pipes_sums){0};
	/* All are sent before one is waited for. */
	for (unsigned i = 0; i < p->n; i++)
		if (restore_pipe_flush(p->pipes[i], p->scope, err) != 0)
			return -1;
	for (unsigned i = 0; i < p->n; i++) {
		const struct restore_pipe *pipe = p->pipes[i];

		if (restore_pipe_settle(p->pipes[i], p->scope, 0, err) != 0)
			return -1;
		sums->keys += restore_pipe_keys(pipe);
		sums->gone += restore_pipe_gone(pipe);
		sums->unclaimed += restore_pipe_unclaimed(pipe);
	}
	return 0;
}

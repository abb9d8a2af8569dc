#include <stdbool.h>
#include <stdlib.h>

#include "base/budget.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "rdb/rdb_reader.h"
#include "rdb/redis_conn.h"
#include "rdb/restore_loader.h"
#include "rdb/restore_pipes.h"
#include "rdb/restore_values.h"
#include "rdb/value_carry.h"

#include "rdb/restore_way.h"

/* Of a connection: its output, its input, and names of unanswered keys. */
#define CONNECTION_BYTES ((size_t)2 << 20)

struct to_server {
	struct restore_way way;
	struct budget *budget; /* carved; NULL: none */
	struct restore_pipes *pipes;
	struct restore_values *values;
	bool in_value; /* the pipe's whose turn it is */
};

static struct to_server *
server_of(struct restore_way *w)
{
	return (struct to_server *)w;
}

static int
put(struct restore_way *w, const struct restore_command *c, struct err *err)
{
	return restore_pipes_put(server_of(w)->pipes, c, err);
}

static void
dump(struct restore_way *w, int version, bool valkey)
{
	restore_values_dump(server_of(w)->values, version, valkey);
}

static int
value_begin(struct restore_way *w, const struct rdb_key *k, struct err *err)
{
	struct to_server *s = server_of(w);
	struct restore_pipe *pipe;
	unsigned number;

	s->in_value = true;
	pipe = restore_pipes_take(s->pipes, k->db, &number, err);
	if (pipe == NULL)
		return -1;
	return restore_values_begin(s->values, pipe, number, k, err);
}

static int
value_add(struct restore_way *w, const void *data, size_t len, struct err *err)
{
	return restore_values_add(server_of(w)->values, data, len, err);
}

static int
value_end(struct restore_way *w, struct err *err)
{
	server_of(w)->in_value = false;
	return restore_pipes_turn(server_of(w)->pipes, err);
}

static int
tend(struct restore_way *w, struct err *err)
{
	struct to_server *s = server_of(w);

	return restore_pipes_tend(s->pipes, s->in_value, err);
}

static int
finish(struct restore_way *w, struct restore_facts *f, struct err *err)
{
	struct to_server *s = server_of(w);
	struct restore_pipes_sums sums;

	if (restore_pipes_finish(s->pipes, &sums, err) != 0)
		return -1;
	f->keys += sums.keys;
	f->expired += sums.gone;
	f->by_commands = restore_values_keys(s->values);
	f->lost = restore_values_lost(s->values);
	if (sums.unclaimed > 0)
		f->lost |= 1U << VALUE_LOST_PENDING;
	return 0;
}

static void
free_way(struct restore_way *w)
{
	struct to_server *s = server_of(w);

	restore_values_free(s->values);
	restore_pipes_free(s->pipes);
	budget_free(s->budget);
	free(s);
}

static int
open_way(struct to_server *s, const struct redis_target *target,
    const struct restore_way_opts *o, struct err *err)
{
	const struct redis_info *info;
	struct value_server values;
	struct redis_conn *conn;
	size_t bytes = o->connections * CONNECTION_BYTES + RESTORE_VALUES_BYTES;

	if (o->budget != NULL &&
	    (s->budget = budget_carve(o->budget, bytes, err)) == NULL)
		return -1;
	s->pipes = restore_pipes_new(
	    target, o->redis, o->scope, o->connections, o->window, err);
	if (s->pipes == NULL)
		return -1;
	conn = restore_pipes_conn(s->pipes);
	info = restore_pipes_info(s->pipes);
	if (info->cluster)
		return err_set(err, ERR_UNSUPPORTED,
		    "'%s' is in cluster mode, which it was not before",
		    redis_conn_name(conn));
	if (restore_way_judge(&s->way, conn, info, o->scope, err) != 0)
		return -1;
	values = restore_way_values(&s->way);
	s->values = restore_values_new(
	    &values, o->temp_prefix, o->window, o->scope);
	return 0;
}

struct restore_way *
restore_way_server(const struct redis_target *target,
    const struct restore_way_opts *opts, struct err *err)
{
	static const struct restore_way_ops ops = {
	    .put = put,
	    .dump = dump,
	    .value_begin = value_begin,
	    .value_add = value_add,
	    .value_end = value_end,
	    .tend = tend,
	    .finish = finish,
	    .free = free_way,
	};
	struct to_server *s = xcalloc(1, sizeof(*s));

	s->way.ops = &ops;
	if (open_way(s, target, opts, err) == 0)
		return &s->way;
	free_way(&s->way);
	return NULL;
}

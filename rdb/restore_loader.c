/*
 * A key's command is put together at key_begin() but for its payload, whose
 * length stands before it, and sent at key_end().
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/dump_payload.h"
#include "rdb/rdb_reader.h"
#include "rdb/rdb_types.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_info.h"
#include "rdb/restore_cluster.h"
#include "rdb/restore_command.h"
#include "rdb/restore_limit.h"
#include "rdb/restore_pipes.h"
#include "rdb/restore_values.h"
#include "rdb/value_carry.h"

#include "rdb/restore_loader.h"

#define CONNECTIONS_DEFAULT 4
#define CONNECTIONS_MAX	    RESTORE_TEMPS_MAX
#define PIPELINE_DEFAULT    ((size_t)1 << 20)
#define VALUE_DEFAULT	    ((size_t)16 << 20)

#define TEMP_DEFAULT "drsync:value:"

/* Of a key's name, from one key to the next. */
#define NAME_KEPT ((size_t)64 << 10)

/* Of a connection: its output, its input, and names of unanswered keys. */
#define CONNECTION_BYTES ((size_t)2 << 20)

/* In a cluster there is one to each primary, which may be many: together they
 * keep so much, to be sent again, and each at least the second. */
#define CLUSTER_BYTES	   ((size_t)16 << 20)
#define CLUSTER_LEAST	   ((size_t)64 << 10)
#define CLUSTER_MOST	   ((size_t)512 << 10)
#define CLUSTER_CONN_BYTES ((size_t)640 << 10)

struct restore_loader {
	struct rdb_visitor visitor;
	struct scope scope;
	struct budget *budget;		 /* carved; NULL: none */
	struct restore_cluster *cluster; /* or pipes */
	struct restore_pipes *pipes;
	size_t window;

	int version; /* of the server, the oldest of several: 70015 */
	struct restore_limit limit;

	/* Of one server: what goes by plain commands. */
	struct restore_values *values; /* NULL for a cluster */
	struct value_server server;
	struct redis_info info;
	uint64_t payload_max; /* what is larger becomes commands */
	bool by_commands;     /* the key at hand does */
	bool expired;	      /* its time has passed */
	struct buf name;

	struct dump_payload *payload;
	struct restore_command command;
	struct rdb_key key; /* its name is in name, or gone */
	struct restore_facts facts;
};

static int
send_command(struct restore_loader *l, struct err *err)
{
	l->facts.bytes += dump_payload_size(l->payload);
	return l->cluster != NULL
	    ? restore_cluster_put(l->cluster, &l->command, err)
	    : restore_pipes_put(l->pipes, &l->command, err);
}

static struct restore_loader *
loader_of(struct rdb_visitor *v)
{
	return (struct restore_loader *)v;
}

/* What failed while this key's value was gathered. */
static int
in_key(const struct restore_loader *l, struct err *err)
{
	return restore_subject_in(&l->command.subject, err);
}

static int
too_large(const struct restore_loader *l, struct err *err)
{
	err_set(err, ERR_UNSUPPORTED,
	    "a value of over %" PRIu64
	    " bytes, which the server takes no RESTORE of (by its %s): load "
	    "it by way of 'replica'",
	    l->limit.bytes, l->limit.setting);
	return in_key(l, err);
}

static int
begin_commands(struct restore_loader *l, struct err *err)
{
	struct restore_pipe *pipe;
	unsigned number;

	l->by_commands = true;
	pipe = restore_pipes_take(l->pipes, l->key.db, &number, err);
	if (pipe == NULL)
		return -1;
	return restore_values_begin(l->values, pipe, number, &l->key, err);
}

static int
visit_header(struct rdb_visitor *v, int version, bool valkey, struct err *err)
{
	struct restore_loader *l = loader_of(v);

	(void)err;
	if (l->values != NULL)
		restore_values_dump(l->values, version, valkey);
	return 0;
}

/* A value that goes by commands needs its name at the end. */
static void
keep_key(struct restore_loader *l, const struct rdb_key *k)
{
	l->key = *k;
	l->key.name = NULL;
	l->by_commands = false;
	if (l->values == NULL)
		return;
	if (l->name.size > NAME_KEPT)
		buf_release(&l->name);
	buf_truncate(&l->name, 0);
	buf_add(&l->name, k->name, k->name_len);
	l->key.name = (unsigned char *)l->name.data;
}

static int
judge_key(struct restore_loader *l, struct err *err)
{
	const struct rdb_key *k = &l->key;

	if (rdb_type_min_version(k->type) == 0) {
		err_set(err, ERR_UNSUPPORTED,
		    "type %u is not known, so it cannot be restored", k->type);
		return in_key(l, err);
	}
	if (k->name_len > l->limit.bytes)
		return too_large(l, err);
	if (l->cluster != NULL && k->db != 0) {
		err_set(err, ERR_UNSUPPORTED, "a cluster has database 0 alone");
		return in_key(l, err);
	}
	return 0;
}

static int
visit_key(struct rdb_visitor *v, const struct rdb_key *k, struct err *err)
{
	struct restore_loader *l = loader_of(v);

	keep_key(l, k);
	restore_command_key(
	    &l->command, k, l->version, scope_wall_ms(&l->scope), &l->expired);
	if (judge_key(l, err) != 0)
		return -1;
	if (l->values != NULL &&
	    !redis_info_loads_rdb(&l->info, rdb_type_min_version(k->type)) &&
	    value_carry_refuse(k->type, &l->server) == NULL)
		return begin_commands(l, err);
	if (dump_payload_begin(l->payload, err) != 0 ||
	    dump_payload_add(l->payload, &k->type, 1, err) != 0)
		return in_key(l, err);
	return 0;
}

/* What is between the type and the footer of a payload. */
struct middle {
	struct restore_values *values;
	uint64_t at, end;
};

static int
put_middle(void *arg, const void *data, size_t len, struct err *err)
{
	struct middle *m = arg;
	const unsigned char *p = data;
	uint64_t at = m->at;

	m->at += len;
	if (at == 0) {
		p++;
		len--;
		at++;
	}
	if (at >= m->end)
		return 0;
	len = len < m->end - at ? len : (size_t)(m->end - at);
	return restore_values_add(m->values, p, len, err);
}

/* What was gathered of the value goes by commands, as will the rest. */
static int
turn_to_commands(struct restore_loader *l, struct err *err)
{
	struct middle m = {
	    .values = l->values, .end = dump_payload_size(l->payload)};

	if (dump_payload_end(
		l->payload, rdb_type_min_version(l->key.type), err) != 0)
		return in_key(l, err);
	if (begin_commands(l, err) != 0 ||
	    dump_payload_each(l->payload, put_middle, &m, err) != 0)
		return -1;
	return dump_payload_begin(l->payload, err);
}

static int
visit_raw(struct rdb_visitor *v, const unsigned char *data, size_t len,
    struct err *err)
{
	struct restore_loader *l = loader_of(v);
	uint64_t size = dump_payload_size(l->payload) + len + DUMP_FOOTER_BYTES;

	if (!l->by_commands && size > l->payload_max && l->values != NULL &&
	    value_carry_refuse(l->key.type, &l->server) == NULL &&
	    turn_to_commands(l, err) != 0)
		return -1;
	if (l->by_commands)
		return restore_values_add(l->values, data, len, err);
	if (size > l->limit.bytes)
		return too_large(l, err);
	if (dump_payload_add(l->payload, data, len, err) != 0)
		return in_key(l, err);
	return 0;
}

static int
visit_key_end(struct rdb_visitor *v, uint64_t raw_bytes, uint64_t elements,
    struct err *err)
{
	struct restore_loader *l = loader_of(v);
	int version = rdb_type_min_version(l->key.type);

	(void)raw_bytes;
	(void)elements;
	if (l->by_commands)
		return restore_pipes_turn(l->pipes, err);
	l->facts.expired += l->expired;
	if (dump_payload_end(l->payload, version, err) != 0)
		return in_key(l, err);
	return send_command(l, err);
}

static int
visit_function(struct rdb_visitor *v, const unsigned char *source, size_t len,
    struct err *err)
{
	struct restore_loader *l = loader_of(v);

	if (l->version < 70000)
		return err_set(err, ERR_UNSUPPORTED,
		    "the dump holds functions, which the server does not have "
		    "(Redis 7.0 is needed)");
	restore_command_function(&l->command);
	if (dump_payload_function(l->payload, source, len, err) != 0)
		return -1;
	l->facts.functions++;
	return send_command(l, err);
}

static int
visit_module_aux(struct rdb_visitor *v, uint64_t module_id, struct err *err)
{
	(void)module_id;
	(void)err;
	loader_of(v)->facts.left_out++;
	return 0;
}

static const struct rdb_visitor_ops visitor_ops = {
    .header = visit_header,
    .function = visit_function,
    .module_aux = visit_module_aux,
    .key_begin = visit_key,
    .raw = visit_raw,
    .key_end = visit_key_end,
};

/* Of several the least that each can do. */
static int
judge_server(void *arg, struct redis_conn *c, const struct redis_info *info,
    struct err *err)
{
	struct restore_loader *l = arg;
	struct restore_limit limit;

	if (info->cluster && l->cluster == NULL)
		return err_set(err, ERR_UNSUPPORTED,
		    "'%s' is in cluster mode, which it was not before",
		    redis_conn_name(c));
	if (info->version_number < 30000)
		return err_set(err, ERR_UNSUPPORTED,
		    "'%s' is version %s, and RESTORE knows REPLACE since 3.0",
		    redis_conn_name(c), info->version);
	if (l->version == 0 || info->version_number < l->version)
		l->version = info->version_number;
	if (restore_limit_get(c, &l->scope, &limit, err) != 0)
		return -1;
	if (l->limit.bytes == 0 || limit.bytes < l->limit.bytes)
		l->limit = limit;
	return 0;
}

static int
carve(struct restore_loader *l, struct budget *from, size_t bytes,
    struct err *err)
{
	if (from == NULL)
		return 0;
	l->budget = budget_carve(from, bytes, err);
	return l->budget != NULL ? 0 : -1;
}

static int
open_cluster(struct restore_loader *l, const struct redis_target *target,
    const struct redis_opts *redis, struct budget *budget, size_t value,
    struct err *err)
{
	size_t n, window;

	l->cluster = restore_cluster_new(target, redis, &l->scope, err);
	if (l->cluster == NULL)
		return -1;
	n = restore_cluster_primaries(l->cluster);
	window = CLUSTER_BYTES / n;
	window = window < CLUSTER_MOST ? window : CLUSTER_MOST;
	window = window > CLUSTER_LEAST ? window : CLUSTER_LEAST;
	restore_cluster_window(l->cluster, window);
	if (carve(l, budget, value + n * (window + CLUSTER_CONN_BYTES), err) !=
	    0)
		return err_in(err, "a connection to each of %zu primaries", n);
	return restore_cluster_each(l->cluster, judge_server, l, err);
}

static int
open_pipes(struct restore_loader *l, const struct redis_target *target,
    const struct redis_opts *redis, unsigned n, struct err *err)
{
	l->pipes = restore_pipes_new(
	    target, redis, &l->scope, n, l->window, err);
	if (l->pipes == NULL)
		return -1;
	l->info = *restore_pipes_info(l->pipes);
	return judge_server(l, restore_pipes_conn(l->pipes), &l->info, err);
}

static void
open_values(struct restore_loader *l, const struct restore_opts *opts)
{
	l->server = (struct value_server){
	    .version = l->version,
	    .valkey = l->info.valkey,
	    .arg_max = l->limit.bytes,
	    .arg_setting = l->limit.setting,
	    .string_max = l->limit.bulk,
	};
	l->payload_max = opts->commands_over > 0 ? opts->commands_over
						 : RESTORE_PAYLOAD_MAX;
	if (l->payload_max > l->limit.bytes)
		l->payload_max = l->limit.bytes;
	l->values = restore_values_new(&l->server,
	    opts->temp_prefix != NULL ? opts->temp_prefix : TEMP_DEFAULT,
	    l->window, &l->scope);
}

struct restore_loader *
restore_loader_new(const struct redis_target *target,
    const struct redis_opts *redis, const struct scope *scope,
    const struct restore_opts *opts, struct err *err)
{
	struct restore_loader *l = xcalloc(1, sizeof(*l));
	unsigned n = opts->connections > 0 ? opts->connections
					   : CONNECTIONS_DEFAULT;
	size_t value = opts->value_bytes > 0 ? opts->value_bytes
					     : VALUE_DEFAULT;
	int rc = -1;

	n = n < CONNECTIONS_MAX ? n : CONNECTIONS_MAX;
	l->visitor.ops = &visitor_ops;
	l->scope = *scope;
	l->window = opts->pipeline_bytes > 0 ? opts->pipeline_bytes
					     : PIPELINE_DEFAULT;
	l->payload = dump_payload_new(value);
	restore_command_init(&l->command, l->payload);
	buf_init(&l->name, SIZE_MAX / 2);
	if (target->cluster != NULL)
		rc = open_cluster(l, target, redis, opts->budget, value, err);
	else if (carve(l, opts->budget,
		     value + n * CONNECTION_BYTES + RESTORE_VALUES_BYTES,
		     err) == 0)
		rc = open_pipes(l, target, redis, n, err);
	if (rc == 0 && target->cluster == NULL)
		open_values(l, opts);
	if (rc == 0)
		return l;
	restore_loader_free(l);
	return NULL;
}

void
restore_loader_free(struct restore_loader *l)
{
	if (l == NULL)
		return;
	restore_pipes_free(l->pipes);
	restore_values_free(l->values);
	buf_release(&l->name);
	restore_cluster_free(l->cluster);
	restore_command_release(&l->command);
	dump_payload_free(l->payload);
	if (l->budget != NULL)
		budget_free(l->budget);
	free(l);
}

struct rdb_visitor *
restore_loader_visitor(struct restore_loader *l)
{
	return &l->visitor;
}

static int
finish_pipes(struct restore_loader *l, struct err *err)
{
	struct restore_facts *f = &l->facts;
	struct restore_pipes_sums sums;

	if (restore_pipes_finish(l->pipes, &sums, err) != 0)
		return -1;
	f->by_commands = restore_values_keys(l->values);
	f->lost = restore_values_lost(l->values);
	if (sums.unclaimed > 0)
		f->lost |= 1U << VALUE_LOST_PENDING;
	/* An expired key's RESTORE is answered by OK, too. */
	f->keys = sums.keys - f->expired;
	f->expired += restore_values_expired(l->values) + sums.gone;
	return 0;
}

static int
finish_cluster(struct restore_loader *l, struct err *err)
{
	if (restore_cluster_finish(l->cluster, err) != 0)
		return -1;
	l->facts.keys = restore_cluster_keys(l->cluster) - l->facts.expired;
	return 0;
}

int
restore_loader_finish(
    struct restore_loader *l, struct restore_facts *facts, struct err *err)
{
	if ((l->cluster != NULL ? finish_cluster(l, err)
				: finish_pipes(l, err)) != 0)
		return -1;
	*facts = l->facts;
	return 0;
}

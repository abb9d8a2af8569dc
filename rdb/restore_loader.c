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
#include "rdb/redis_info.h"
#include "rdb/redis_target.h"
#include "rdb/restore_command.h"
#include "rdb/restore_limit.h"
#include "rdb/restore_way.h"
#include "rdb/value_carry.h"

#include "rdb/restore_loader.h"

#define CONNECTIONS_DEFAULT 4
#define CONNECTIONS_MAX	    RESTORE_TEMPS_MAX
#define PIPELINE_DEFAULT    ((size_t)1 << 20)
#define VALUE_DEFAULT	    ((size_t)16 << 20)

#define TEMP_DEFAULT "drsync:value:"

/* Of a key's name, from one key to the next. */
#define NAME_KEPT ((size_t)64 << 10)

#define VERSION_FUNCTIONS 70000

struct restore_loader {
	struct rdb_visitor visitor;
	struct scope scope;
	struct budget *budget; /* carved; NULL: none */
	struct restore_way *way;

	struct value_server server; /* for plain commands */
	uint64_t payload_max;	    /* what is larger becomes those */
	bool by_commands;	    /* the key at hand does */
	bool expired;		    /* its time has passed */
	struct rdb_key key;
	struct buf name; /* the key's */

	struct dump_payload *payload;
	struct restore_command command;
	struct restore_facts facts;
};

static struct restore_loader *
loader_of(struct rdb_visitor *v)
{
	return (struct restore_loader *)v;
}

static int
send_command(struct restore_loader *l, struct err *err)
{
	l->facts.bytes += dump_payload_size(l->payload);
	return l->way->ops->put(l->way, &l->command, err);
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
	    l->way->limit.bytes, l->way->limit.setting);
	return in_key(l, err);
}

static bool
can_commands(const struct restore_loader *l)
{
	return value_carry_refuse(l->key.type, &l->server) == NULL;
}

static int
begin_commands(struct restore_loader *l, struct err *err)
{
	l->by_commands = true;
	return l->way->ops->value_begin(l->way, &l->key, err);
}

static int
visit_header(struct rdb_visitor *v, int version, bool valkey, struct err *err)
{
	struct restore_loader *l = loader_of(v);

	(void)err;
	l->way->ops->dump(l->way, version, valkey);
	return 0;
}

/* A value that goes by commands needs its name at the end. */
static void
keep_key(struct restore_loader *l, const struct rdb_key *k)
{
	l->by_commands = false;
	if (l->name.size > NAME_KEPT)
		buf_release(&l->name);
	buf_truncate(&l->name, 0);
	buf_add(&l->name, k->name, k->name_len);
	l->key = *k;
	l->key.name = (unsigned char *)l->name.data;
}

static int
tend(struct restore_loader *l, struct err *err)
{
	return l->way->ops->tend != NULL ? l->way->ops->tend(l->way, err) : 0;
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
	if (k->name_len > l->way->limit.bytes)
		return too_large(l, err);
	if (l->way->info.cluster && k->db != 0) {
		err_set(err, ERR_UNSUPPORTED, "a cluster has database 0 alone");
		return in_key(l, err);
	}
	return 0;
}

static int
visit_key(struct rdb_visitor *v, const struct rdb_key *k, struct err *err)
{
	struct restore_loader *l = loader_of(v);
	const struct redis_info *info = &l->way->info;

	keep_key(l, k);
	restore_command_key(&l->command, k, info->version_number,
	    scope_wall_ms(&l->scope), &l->expired);
	if (judge_key(l, err) != 0 || tend(l, err) != 0)
		return -1;
	if (!redis_info_loads_rdb(info, rdb_type_min_version(k->type)) &&
	    can_commands(l))
		return begin_commands(l, err);
	if (dump_payload_begin(l->payload, err) != 0 ||
	    dump_payload_add(l->payload, &k->type, 1, err) != 0)
		return in_key(l, err);
	return 0;
}

static int
add_value(void *arg, const void *data, size_t len, struct err *err)
{
	struct restore_way *way = arg;

	return way->ops->value_add(way, data, len, err);
}

/* What was gathered of the value goes by commands, as will the rest. */
static int
turn_to_commands(struct restore_loader *l, struct err *err)
{
	if (dump_payload_end(
		l->payload, rdb_type_min_version(l->key.type), err) != 0)
		return in_key(l, err);
	if (begin_commands(l, err) != 0 ||
	    dump_payload_value(l->payload, add_value, l->way, err) != 0)
		return -1;
	return dump_payload_begin(l->payload, err);
}

static int
visit_raw(struct rdb_visitor *v, const unsigned char *data, size_t len,
    struct err *err)
{
	struct restore_loader *l = loader_of(v);
	uint64_t size = dump_payload_size(l->payload) + len + DUMP_FOOTER_BYTES;

	if (tend(l, err) != 0)
		return -1;
	if (!l->by_commands && size > l->payload_max && can_commands(l) &&
	    turn_to_commands(l, err) != 0)
		return -1;
	if (l->by_commands)
		return add_value(l->way, data, len, err);
	if (size > l->way->limit.bytes)
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
		return l->way->ops->value_end(l->way, err);
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

	if (l->way->info.version_number < VERSION_FUNCTIONS)
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

static int
open_way(struct restore_loader *l, const struct redis_target *target,
    const struct redis_opts *redis, const struct restore_opts *opts,
    struct err *err)
{
	unsigned n = opts->connections > 0 ? opts->connections
					   : CONNECTIONS_DEFAULT;
	struct restore_way_opts o = {
	    .redis = redis,
	    .scope = &l->scope,
	    .connections = n < CONNECTIONS_MAX ? n : CONNECTIONS_MAX,
	    .window = opts->pipeline_bytes,
	    .temp_prefix = opts->temp_prefix,
	    .budget = opts->budget,
	};

	if (o.window == 0)
		o.window = PIPELINE_DEFAULT;
	if (o.temp_prefix == NULL)
		o.temp_prefix = TEMP_DEFAULT;
	l->way = target->cluster != NULL ? restore_way_cluster(target, &o, err)
					 : restore_way_server(target, &o, err);
	return l->way != NULL ? 0 : -1;
}

static void
know_way(struct restore_loader *l, const struct restore_opts *opts)
{
	l->server = restore_way_values(l->way);
	l->payload_max = opts->commands_over > 0 ? opts->commands_over
						 : RESTORE_PAYLOAD_MAX;
	if (l->payload_max > l->way->limit.bytes)
		l->payload_max = l->way->limit.bytes;
}

/* What is over payload_max is not gathered but goes by commands. */
static int
reserve(struct restore_loader *l, uint64_t value_max, struct err *err)
{
	uint64_t bytes = restore_limit_payload(value_max);
	bool all = bytes <= l->payload_max;

	if (value_max == 0)
		return 0;
	if (dump_payload_reserve(
		l->payload, all ? bytes : l->payload_max, err) != 0)
		return -1;
	if (all || l->way->ops->reserve == NULL)
		return 0;
	return l->way->ops->reserve(l->way, bytes, err);
}

struct restore_loader *
restore_loader_new(const struct redis_target *target,
    const struct redis_opts *redis, const struct scope *scope,
    const struct restore_opts *opts, struct err *err)
{
	struct restore_loader *l = xcalloc(1, sizeof(*l));
	size_t value = opts->value_bytes > 0 ? opts->value_bytes
					     : VALUE_DEFAULT;

	l->visitor.ops = &visitor_ops;
	l->scope = *scope;
	l->payload = dump_payload_new(value);
	restore_command_init(&l->command, l->payload);
	buf_init(&l->name, SIZE_MAX / 2);
	if (opts->budget != NULL &&
	    (l->budget = budget_carve(opts->budget, value, err)) == NULL)
		goto fail;
	if (open_way(l, target, redis, opts, err) != 0)
		goto fail;
	know_way(l, opts);
	if (reserve(l, opts->value_max, err) != 0)
		goto fail;
	return l;
fail:
	restore_loader_free(l);
	return NULL;
}

void
restore_loader_free(struct restore_loader *l)
{
	if (l == NULL)
		return;
	if (l->way != NULL)
		l->way->ops->free(l->way);
	buf_release(&l->name);
	restore_command_release(&l->command);
	dump_payload_free(l->payload);
	budget_free(l->budget);
	free(l);
}

struct rdb_visitor *
restore_loader_visitor(struct restore_loader *l)
{
	return &l->visitor;
}

int
restore_loader_finish(
    struct restore_loader *l, struct restore_facts *facts, struct err *err)
{
	/* An expired key's RESTORE is answered by OK, too. */
	uint64_t expired = l->facts.expired;

	if (l->way->ops->finish(l->way, &l->facts, err) != 0)
		return -1;
	l->facts.keys -= expired;
	*facts = l->facts;
	return 0;
}

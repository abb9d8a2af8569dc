#include <stdlib.h>

#include "base/budget.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/cluster_slot.h"
#include "rdb/dump_payload.h"
#include "rdb/rdb_reader.h"
#include "rdb/rdb_types.h"
#include "rdb/restore_cluster.h"
#include "rdb/restore_command.h"
#include "rdb/restore_lane.h"
#include "rdb/restore_loader.h"
#include "rdb/restore_staged.h"
#include "rdb/restore_values.h"
#include "rdb/value_batch.h"
#include "rdb/value_carry.h"

#include "rdb/restore_way.h"

/* There is one connection to each primary, which may be many: together they
 * keep so much, to be sent again, and each at least the second. */
#define WINDOWS_BYTES ((size_t)16 << 20)
#define WINDOW_LEAST  ((size_t)64 << 10)
#define WINDOW_MOST   ((size_t)512 << 10)
#define CONN_BYTES    ((size_t)640 << 10)

/* Of a value, in memory; and with what it takes to write one in either way. */
#define VALUE_MEMORY ((size_t)1 << 20)
#define VALUE_BYTES  (VALUE_MEMORY + 2 * RESTORE_VALUES_BYTES)

struct to_cluster {
	struct restore_way way;
	const struct scope *scope;
	struct budget *budget; /* carved; NULL: none */
	struct restore_cluster *cluster;
	struct value_batch *batch;     /* of what is small, */
	struct restore_staged *staged; /* and of what is not */

	struct dump_payload *value;
	const struct rdb_key *key;
	uint64_t by_commands;
	uint64_t expired; /* of batches */
};

static struct to_cluster *
cluster_of(struct restore_way *w)
{
	return (struct to_cluster *)w;
}

static int
put(struct restore_way *w, const struct restore_command *c, struct err *err)
{
	return restore_cluster_put(cluster_of(w)->cluster, c, err);
}

static void
dump(struct restore_way *w, int version, bool valkey)
{
	struct to_cluster *c = cluster_of(w);

	value_batch_dump(c->batch, version, valkey);
	restore_staged_dump(c->staged, version, valkey);
}

static int
in_key(const struct to_cluster *c, struct err *err)
{
	struct restore_subject s;

	restore_subject_key(&s, RESTORE_BATCH, c->key);
	return restore_subject_in(&s, err);
}

static int
value_begin(struct restore_way *w, const struct rdb_key *k, struct err *err)
{
	struct to_cluster *c = cluster_of(w);

	c->key = k;
	c->by_commands++;
	if (dump_payload_begin(c->value, err) != 0 ||
	    dump_payload_add(c->value, &k->type, 1, err) != 0)
		return in_key(c, err);
	return 0;
}

static int
value_add(struct restore_way *w, const void *data, size_t len, struct err *err)
{
	struct to_cluster *c = cluster_of(w);

	if (dump_payload_add(c->value, data, len, err) != 0)
		return in_key(c, err);
	return 0;
}

static int
put_batch(struct to_cluster *c, struct err *err)
{
	int64_t now_ms = scope_wall_ms(c->scope);
	const struct rdb_key *k = c->key;
	struct restore_batch b = {
	    .slot = cluster_slot(k->name, k->name_len),
	    .replies = value_batch_replies(c->batch),
	};

	restore_subject_key(&b.subject, RESTORE_BATCH, k);
	b.bytes = value_batch_bytes(c->batch, &b.len);
	c->expired += k->expires_ms != RDB_NO_EXPIRY && k->expires_ms <= now_ms;
	return restore_cluster_batch(c->cluster, &b, err);
}

static int
value_end(struct restore_way *w, struct err *err)
{
	struct to_cluster *c = cluster_of(w);
	const struct rdb_key *k = c->key;
	bool fits;

	if (dump_payload_end(c->value, rdb_type_min_version(k->type), err) !=
		0 ||
	    value_batch_make(c->batch, k, c->value, &fits, err) != 0)
		return in_key(c, err);
	return fits ? put_batch(c, err)
		    : restore_staged_put(c->staged, k, c->value, err);
}

static int
reserve(struct restore_way *w, uint64_t bytes, struct err *err)
{
	return dump_payload_reserve(cluster_of(w)->value, bytes, err);
}

static int
finish(struct restore_way *w, struct restore_facts *f, struct err *err)
{
	struct to_cluster *c = cluster_of(w);

	if (restore_staged_finish(c->staged, err) != 0 ||
	    restore_cluster_finish(c->cluster, err) != 0)
		return -1;
	/* A transaction that finds its key's time passed is answered, too. */
	f->keys += restore_cluster_keys(c->cluster) - c->expired +
	    restore_staged_keys(c->staged);
	f->expired += c->expired + restore_staged_expired(c->staged);
	f->by_commands = c->by_commands;
	f->lost = value_batch_lost(c->batch) | restore_staged_lost(c->staged);
	if (restore_cluster_unclaimed(c->cluster) > 0)
		f->lost |= 1U << VALUE_LOST_PENDING;
	return 0;
}

static void
free_way(struct restore_way *w)
{
	struct to_cluster *c = cluster_of(w);

	restore_staged_free(c->staged);
	value_batch_free(c->batch);
	dump_payload_free(c->value);
	restore_cluster_free(c->cluster);
	budget_free(c->budget);
	free(c);
}

static int
judge(void *arg, struct redis_conn *conn, const struct redis_info *info,
    struct err *err)
{
	struct to_cluster *c = arg;

	return restore_way_judge(&c->way, conn, info, c->scope, err);
}

static int
share_memory(struct to_cluster *c, struct budget *from, struct err *err)
{
	size_t n = restore_cluster_primaries(c->cluster);
	size_t window = WINDOWS_BYTES / n;

	window = window < WINDOW_MOST ? window : WINDOW_MOST;
	window = window > WINDOW_LEAST ? window : WINDOW_LEAST;
	restore_cluster_window(c->cluster, window);
	if (from == NULL)
		return 0;
	c->budget = budget_carve(
	    from, VALUE_BYTES + n * (window + CONN_BYTES), err);
	if (c->budget == NULL)
		return err_in(err, "a connection to each of %zu primaries", n);
	return 0;
}

static int
open_way(struct to_cluster *c, const struct redis_target *target,
    const struct restore_way_opts *o, struct err *err)
{
	struct value_server values;

	c->scope = o->scope;
	c->cluster = restore_cluster_new(target, o->redis, o->scope, err);
	if (c->cluster == NULL || share_memory(c, o->budget, err) != 0 ||
	    restore_cluster_each(c->cluster, judge, c, err) != 0)
		return -1;
	values = restore_way_values(&c->way);
	c->value = dump_payload_new(VALUE_MEMORY);
	c->batch = value_batch_new(&values, RESTORE_BATCH_MAX);
	c->staged = restore_staged_new(
	    c->cluster, &values, o->temp_prefix, o->scope);
	return 0;
}

struct restore_way *
restore_way_cluster(const struct redis_target *target,
    const struct restore_way_opts *opts, struct err *err)
{
	static const struct restore_way_ops ops = {
	    .put = put,
	    .dump = dump,
	    .value_begin = value_begin,
	    .value_add = value_add,
	    .value_end = value_end,
	    .reserve = reserve,
	    .finish = finish,
	    .free = free_way,
	};
	struct to_cluster *c = xcalloc(1, sizeof(*c));

	c->way.ops = &ops;
	if (open_way(c, target, opts, err) == 0)
		return &c->way;
	free_way(&c->way);
	return NULL;
}
